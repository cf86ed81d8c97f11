"""4.b.1: are unneeded services and default shares off?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from dengbao.checking import Params, check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.host.system_facts import HostProcesses, HostServices
from dengbao.probes.windows.system_facts import WindowsServices, WindowsShares

from .. import win_network, windows
from ..hosts import ask, place, told
from ..wording import listing

# What the facts cannot show and people must add.
HOST_LEFT = "其他运行的服务是否为业务所必需，须与服务清单人工比对"
WINDOWS_LEFT = "其他运行的服务、共享是否为业务所必需，须与服务清单人工比对"

_FACT: Final = "host.services"
# Processes of services whose name differs from the unit's.
_PROCESSES: Final[Mapping[str, tuple[str, ...]]] = {
    "telnet": ("in.telnetd", "telnetd"),
    "rsh": ("in.rshd", "rshd"),
    "rlogin": ("in.rlogind", "rlogind"),
    "rexec": ("in.rexecd", "rexecd"),
    "tftp": ("in.tftpd", "tftpd"),
    "cups": ("cupsd",),
    "nfs-server": ("nfsd", "rpc.mountd"),
}
# Other names that distributions give to the units of a service.
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "smbd": ("smb",),
    "nfs-server": ("nfs", "nfs-kernel-server"),
    "tftp": ("tftpd-hpa", "tftpd"),
}
# A client of /etc/exports that stands for everybody: `*`, a network of all addresses, or only options.
_EVERYBODY: Final = re.compile(r"(?:\*|0\.0\.0\.0/0(?:\.0\.0\.0)?|::/0|)(?:\(.*)?")
_GUEST: Final = re.compile(r"(?:anonymous_enable|guest ok|public)\s*=\s*(?:yes|true|1)", re.IGNORECASE)


class ServiceParams(Params):
    """Units of systemd that a server does not need."""

    unneeded_services: tuple[str, ...]


@check("intrusion.services", half=HOST_LEFT)
def host_runs_no_unneeded_services(
    services: HostServices, processes: HostProcesses, params: ServiceParams
) -> Judgement:
    """Judge that no unneeded service runs or would start, and that no share is open to everybody.

    Source: GB/T 22239-2019 8.1.4.4 b).
    """
    criteria = (
        _running(services, processes, params.unneeded_services),
        *_enabled(services, params.unneeded_services),
        _shares(services),
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _stem(unit: str) -> str:
    return unit.rsplit(".", 1)[0]


def _names(unit: str) -> set[str]:
    """Return what the service is called, without the kind of unit: its socket may wait in its place."""
    return {_stem(unit), *_ALIASES.get(_stem(unit), ())}


def _running(services: HostServices, processes: HostProcesses, unneeded: tuple[str, ...]) -> Criterion:
    running = {_stem(one) for one in services.active or ()}
    found = [one for one in unneeded if running & _names(one)]
    for one in unneeded:
        stem = _stem(one)
        if one not in found and processes.named(stem, *_PROCESSES.get(stem, ())):
            found.append(one)
    known = processes.complete and (services.active is not None or services.manager != "systemd")
    met = False if found else True if known else None
    if found:
        seen = f"正在运行的非必要服务：{listing(found)}"
    elif met is None:
        seen = "正在运行的服务未能全部查看"
    else:
        seen = f"清单中的 {len(unneeded)} 个非必要服务均未运行"
    return ask("running", "是否未运行非必要的系统服务", met, seen, _FACT, decisive=True)


def _enabled(services: HostServices, unneeded: tuple[str, ...]) -> tuple[Criterion, ...]:
    """Return whether unneeded services would start; a container has no service manager and starts none."""
    stems = {name for one in unneeded for name in _names(one)}
    started = [one for one in services.inetd if one in stems or one.removeprefix("in.").rstrip("d") in stems]
    question = "非必要的系统服务是否不会自动启动"
    if services.manager == "none" and not started:
        return ()
    if services.enabled is None and services.manager != "none":
        return (ask("enabled", question, None, "自动启动的服务未能查看", _FACT),)
    found = [one for one in services.enabled or () if one in unneeded or _stem(one) in stems] + started
    seen = f"设为自动启动的非必要服务：{listing(found)}" if found else "非必要服务均未设为自动启动"
    return (ask("enabled", question, not found, seen, _FACT),)


def _shares(services: HostServices) -> Criterion:
    bad = [
        place(one)
        for one in services.shares
        if (_exports_to_all(one.text) if one.file.startswith("/etc/exports") else _GUEST.search(one.text))
    ]
    seen = f"对所有人开放的共享：{listing(bad)}" if bad else "未见对所有人开放的共享"
    return ask("shares", "是否关闭默认共享", not bad, seen, _FACT)


def _exports_to_all(line: str) -> bool:
    """Tell whether a line of exports names no client, or everybody among its clients."""
    clients = [one for one in line.split()[1:] if not one.startswith("-")]
    return not clients or any(_EVERYBODY.fullmatch(one) for one in clients)


class WindowsServiceParams(Params):
    """Services of Windows, by short name, that a server does not need."""

    windows_unneeded_services: tuple[str, ...]


@check("intrusion.services", half=WINDOWS_LEFT)
def windows_runs_no_unneeded_services(
    services: WindowsServices, shares: WindowsShares, params: WindowsServiceParams
) -> Judgement:
    """Judge that no unneeded service runs or would start, and that default shares are gone.

    Source: GB/T 22239-2019 8.1.4.4 b).
    """
    criteria = (
        *win_network.unneeded(services, params.windows_unneeded_services),
        win_network.default_shares(shares),
    )
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )
