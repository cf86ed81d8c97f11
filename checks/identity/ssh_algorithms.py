"""1.c.1: is SSH, where it is offered, offered with sound algorithms only?"""

from __future__ import annotations

from fnmatch import fnmatchcase

from dengbao.checking import Params, check
from dengbao.errors import Undetermined
from dengbao.model import Criterion, Judgement
from dengbao.probes.ports.facts import PortsOpen, ports_in
from dengbao.probes.services.facts import SshAlgorithms, SshServer

from ..hosts import ask, told
from ..wording import listing

_FACT = "ssh.algorithms"
_GROUPS = (
    ("kex", "密钥交换", "kex"),
    ("host_keys", "主机密钥", "host_keys"),
    ("ciphers", "加密", "ciphers"),
    ("macs", "完整性", "macs"),
)


class SshParams(Params):
    """`ssh_weak_algorithms`: names, `*` stands for anything; `ssh_min_rsa_bits`: of host keys."""

    ssh_weak_algorithms: tuple[str, ...]
    ssh_min_rsa_bits: int


@check("identity.ssh_algorithms")
def ssh_offers_sound_algorithms(ports: PortsOpen, ssh: SshAlgorithms, params: SshParams) -> Judgement:
    """Judge the lists that every SSH server of the host shows before anybody logs in.

    Source: GB/T 22239-2019 8.1.4.1 c).
    """
    if not ssh.servers:
        return _without_ssh(ports, ssh)
    criteria = [_version(ssh.servers)]
    criteria += [
        _group(name, what, [(one, getattr(one, field)) for one in ssh.servers], params.ssh_weak_algorithms)
        for name, what, field in _GROUPS
    ]
    criteria += _rsa(ssh.servers, params.ssh_min_rsa_bits)
    if ssh.unread or not ssh.complete:
        seen = f"TCP {ssh.unread} 的算法未能读取" if ssh.unread else "端口未全部扫描，可能另有 SSH 服务"
        criteria.append(ask("all_read", "SSH 服务是否均已查看", None, seen, _FACT))
    servers = listing(f"TCP {one.port}（{one.banner}）" for one in ssh.servers)
    return Judgement(
        criteria=tuple(criteria), statement=f"经测试验证，SSH 服务 {servers}：{told(criteria)}。"
    )


def _without_ssh(ports: PortsOpen, ssh: SshAlgorithms) -> Judgement:
    if ssh.unread:
        raise Undetermined(f"经测试验证，TCP {ssh.unread} 为 SSH 服务，但未给出算法列表")
    if (
        not ssh.complete
        or 22 in ports_in(ports.filtered) | ports_in(ports.refused)
        or 22 not in ports_in(ports.asked)
    ):
        raise Undetermined(f"经测试验证，对 {ssh.address} 未见 SSH 服务，但端口未全部查明，不足以断定没有")
    seen = f"对 {ssh.address} 的开放端口逐一对话，未见 SSH 服务"
    return Judgement(
        criteria=(ask("no_ssh", "是否未提供 SSH 服务", True, seen, _FACT),),
        statement=f"经测试验证，{seen}，SSH 算法不适用。",
        applicable=False,
    )


def _version(servers: tuple[SshServer, ...]) -> Criterion:
    old = [one for one in servers if not one.banner.startswith("SSH-2.0")]
    seen = f"{listing(f'TCP {one.port}' for one in old)} 接受 SSH 1" if old else "只接受 SSH 2"
    return ask("version", "是否只接受 SSH 2", not old, seen, _FACT, decisive=True)


def _group(
    name: str, what: str, lists: list[tuple[SshServer, tuple[str, ...]]], weak: tuple[str, ...]
) -> Criterion:
    """Names are offered; a client that asks for a weak one gets it."""
    found = tuple(
        dict.fromkeys(
            one for _, names in lists for one in names if any(fnmatchcase(one, mark) for mark in weak)
        )
    )
    count = len({one for _, names in lists for one in names})
    unread = any(not names and server.banner.startswith("SSH-2") for server, names in lists)
    seen = f"{what}算法 {count} 种" + (f"，其中 {listing(found)} 强度不足" if found else "，无已知弱算法")
    met = False if found else None if unread else True
    return ask(
        name, f"SSH {what}算法是否安全", met, seen if not unread or found else f"{what}算法未列出", _FACT
    )


def _rsa(servers: tuple[SshServer, ...], least: int) -> list[Criterion]:
    sizes = {one.host_key_bits for one in servers if one.host_key_bits is not None}
    if not sizes:
        return []
    short = min(sizes) < least
    seen = f"RSA 主机密钥 {listing(sorted(sizes))} 位" + (f"，不足 {least} 位" if short else "")
    return [ask("rsa", "RSA 主机密钥长度是否足够", not short, seen, _FACT)]
