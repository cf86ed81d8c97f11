"""4.b.1: are default shares off, as far as the network shows them?"""

from __future__ import annotations

import re

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.host.system_facts import HostListening
from dengbao.probes.ports.facts import PortsOpen, ports_in
from dengbao.probes.services.facts import Service, ServicesExposed, ServicesGuests

from ..hosts import ask, told
from ..network import EXPOSED, GUESTS, bad, missed, places, reached_by_others
from ..wording import listing, yes_no

_SMB1 = "SMB 1"
_DEFAULT = re.compile(r"(?:[A-Za-z]|ADMIN)\$")
_PORTS = frozenset({139, 445})


@check("intrusion.smb_shares", half="网络侧未能列出的共享")
def no_default_share_is_seen(
    ports: PortsOpen,
    exposed: ServicesExposed,
    guests: ServicesGuests | None,
    listening: HostListening | None,
) -> Judgement:
    """Judge that SMB 1 is off and that no default share shows; where there is no SMB there is no share.

    Source: GB/T 22239-2019 8.1.4.4 b).
    """
    smb = exposed.of("smb")
    if not smb:
        return _without_smb(ports, exposed)
    shares = [one.shares for one in guests.attempts if one.protocol == "smb"] if guests else []
    listed = [one for one in shares if one is not None]
    criteria = (
        _no_smb1(smb, exposed, listening),
        *(_no_default(listed, smb, exposed, listening) if listed else ()),
        *missed(ports, exposed),
    )
    signing = listing(f"TCP {one.port} {yes_no(one.signing_required)}" for one in smb)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{places(smb)}；{told(criteria)}；是否强制签名：{signing}。",
        coverage=Coverage.FULL if listed else Coverage.PARTIAL,
        remainder="" if listed else "网络侧未能列出共享，须在主机上核查（net share、testparm -s）",
    )


def _without_smb(ports: PortsOpen, exposed: ServicesExposed) -> Judgement:
    silent = sorted(_PORTS & ports_in(ports.filtered))
    unasked = sorted(_PORTS - ports_in(ports.asked) | _PORTS & ports_in(ports.refused))
    seen = "开放端口上均未见 SMB 服务，网络侧无共享"
    lacking = f"TCP {listing(silent)} 无应答，须在主机侧核查" if silent else ""
    criteria = [ask("no_smb", "是否未向网络提供共享", True, seen, EXPOSED), *missed(ports, exposed)]
    if unasked:
        text = f"TCP {listing(unasked)} 不在扫描范围内"
        criteria.append(ask("smb_asked", "SMB 端口是否已查看", None, text, "ports.open"))
    return Judgement(
        criteria=tuple(criteria),
        statement=f"经测试验证，{told(criteria)}" + (f"；{lacking}" if lacking else "") + "。",
        coverage=Coverage.PARTIAL if lacking else Coverage.FULL,
        remainder=lacking,
    )


def _no_smb1(
    smb: tuple[Service, ...], exposed: ServicesExposed, listening: HostListening | None
) -> Criterion:
    old = [one for one in smb if any(option.startswith(_SMB1) for option in one.options)]
    met = bad(reached_by_others(exposed.vantage, listening, one.port) for one in old)
    seen = f"{places(old)} 接受 SMB 1" if old else "不接受 SMB 1"
    return ask("no_smb1", "是否关闭 SMB 1", met, seen, EXPOSED)


def _no_default(
    listed: list[tuple[str, ...]],
    smb: tuple[Service, ...],
    exposed: ServicesExposed,
    listening: HostListening | None,
) -> tuple[Criterion, ...]:
    names = tuple(dict.fromkeys(name for one in listed for name in one))
    found = [name for name in names if _DEFAULT.fullmatch(name)]
    met = bad(reached_by_others(exposed.vantage, listening, one.port) for one in smb) if found else True
    seen = f"存在默认共享 {listing(found)}" if found else f"所列共享（{listing(names) or '无'}）中无默认共享"
    return (ask("no_default_share", "是否关闭默认共享", met, seen, GUESTS, decisive=True),)
