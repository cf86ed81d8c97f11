"""Services and shares of Windows, and from where its administration can be reached."""

from __future__ import annotations

import ipaddress
import ntpath
import re
from dataclasses import dataclass
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.windows.facts import WindowsSettings
from dengbao.probes.windows.system_facts import (
    FirewallProfile,
    InboundRule,
    WindowsFirewall,
    WindowsServices,
    WindowsShares,
)

from .hosts import ask
from .win_channels import rdp, rdp_open
from .windows import EVERYBODY, SETTINGS
from .wording import listing

SERVICES: Final = "windows.services"
SHARES: Final = "windows.shares"
FIREWALL: Final = "windows.firewall"
_IPC: Final = 0x80000003
_SYSTEM: Final = frozenset({"localsystem", "nt authority\\system", ".\\administrator"})
_TCP: Final = frozenset({"", "6", "256"})
# Programs that listen for Remote Desktop and WinRM; a rule for another one does not open their ports.
_HOSTS: Final = frozenset({"", "svchost.exe", "system", "sshd.exe"})
_OWN_SERVICES: Final = frozenset({"", "*", "termservice", "winrm", "sshd"})
# More addresses than 10.0.0.0/8 and as many of IPv6 as /16 has are no limit.
_MOST_V4: Final = 2**25
_MOST_V6: Final = 2**112
_WRITE: Final = 0x2 | 0x4 | 0x10000 | 0x40000 | 0x80000
# Databases, middleware and run-times of applications by program.
_SERVERS: Final = frozenset(
    {
        "sqlservr.exe", "mysqld.exe", "mariadbd.exe", "postgres.exe", "pg_ctl.exe", "oracle.exe",
        "tnslsnr.exe", "mongod.exe", "redis-server.exe", "dmserver.exe", "kingbase.exe", "sys_ctl.exe",
        "java.exe", "node.exe", "nginx.exe", "httpd.exe", "dotnet.exe", "beam.smp.exe", "erl.exe",
    }
)  # fmt: skip
_TOMCAT: Final = re.compile(r"tomcat\d*(?:w)?\.exe|tomcat\d+\.exe")


def unneeded(services: WindowsServices, names: tuple[str, ...]) -> tuple[Criterion, ...]:
    """Return whether services of the list neither run nor would start."""
    found = [one for name in names if (one := services.get(name)) is not None]
    running = [one.name for one in found if one.running]
    waiting = [one.name for one in found if not one.running and one.start.casefold() == "auto"]
    return (
        ask("running", "是否未运行非必要的系统服务", not running,
            f"正在运行的非必要服务：{listing(running)}" if running
            else f"清单中的 {len(names)} 个非必要服务均未运行", SERVICES, decisive=True),
        ask("enabled", "非必要的系统服务是否不会自动启动", not running and not waiting,
            f"设为自动启动的非必要服务：{listing(waiting) or '无'}", SERVICES),
    )  # fmt: skip


def default_shares(shares: WindowsShares) -> Criterion:
    """Return whether the shares for administration are gone; IPC$ cannot be."""
    found = [one.name for one in shares.shares if one.administrative and one.type != _IPC]
    others = [one.name for one in shares.shares if not one.administrative]
    seen = f"默认共享：{listing(found) or '已关闭'}；其他共享：{listing(others) or '无'}"
    return ask("shares", "是否关闭默认共享", not found, seen, SHARES)


def as_system(services: WindowsServices) -> Criterion:
    """Return whether databases, middleware and applications run as somebody with fewer rights."""
    servers = [one for one in services.services if one.running and _is_server(one.path)]
    bad = [f"{one.name}（{one.account}）" for one in servers if one.account.casefold() in _SYSTEM]
    unknown = [one.name for one in servers if not one.account]
    seen = f"数据库、中间件或应用服务 {len(servers)} 个，均未以系统账户运行"
    if bad:
        seen = f"以系统账户运行的数据库、中间件或应用服务：{listing(bad)}"
    elif unknown:
        seen = f"服务 {listing(unknown)} 的运行账户未能确认"
    met = False if bad else None if unknown else True
    return ask("as_system", "数据库、中间件、应用是否未以系统账户运行", met, seen, SERVICES, decisive=True)


def _is_server(path: str) -> bool:
    quoted = re.match(r'"([^"]+)"', path)
    found = re.match(r"(.*?\.exe)", quoted.group(1) if quoted else path, re.IGNORECASE)
    name = ntpath.basename(found.group(1)).casefold() if found else ""
    return name in _SERVERS or _TOMCAT.fullmatch(name) is not None


def open_shares(shares: WindowsShares) -> Criterion:
    """Return whether no folder is shared for everybody to write."""
    question = "共享文件夹是否未向全体用户开放写入"
    folders = [one for one in shares.shares if not one.administrative]
    bad = [
        f"{one.name}（{EVERYBODY[right.sid]}）"
        for one in folders
        for right in one.rights or ()
        if right.allow and right.sid in EVERYBODY and right.mask & _WRITE
    ]
    unknown = [one.name for one in folders if one.rights is None]
    seen = f"共享文件夹 {len(folders)} 个，均未向全体用户开放写入"
    if bad:
        seen = f"全体用户可写的共享文件夹：{listing(bad)}"
    elif unknown:
        seen = f"共享文件夹 {listing(unknown)} 的权限未能查看"
    return ask("writable", question, False if bad else None if unknown else True, seen, SHARES)


# ---- from where ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reach:
    """Whether anybody reaches a port, None where the rules do not tell; and who is let in."""

    open: bool | None
    sources: tuple[str, ...] = ()
    why: str = ""


def limited(settings: WindowsSettings, firewall: WindowsFirewall, services: WindowsServices) -> Criterion:
    """Return whether the firewall limits from where Remote Desktop, WinRM and sshd can be reached."""
    question = "是否限制管理终端的接入地址"
    state = rdp_open(settings)
    ports: dict[int, str] = {}
    if state:
        ports[rdp(settings, "PortNumber") or 3389] = "远程桌面"
    if services.running("WinRM"):
        ports |= {5985: "WinRM", 5986: "WinRM"}
    if services.running("sshd"):
        ports[22] = "SSH"
    if state is None:
        return ask("limited", question, None, "是否启用远程桌面未能确认", SETTINGS)
    if not ports:
        return ask("limited", question, True, "未启用远程桌面、WinRM、SSH", SETTINGS, decisive=True)
    on = services.running("MpsSvc")
    found = {port: reach(firewall, port) if on else Reach(True, (), "防火墙服务未运行") for port in ports}
    if 22 in found and found[22] == Reach(False):
        # Nothing lets in on the usual port: it may listen on another one.
        found[22] = Reach(None, (), "防火墙没有放行 TCP 22 的规则，SSH 服务的实际端口未能确认")
    met = None if any(one.open is None for one in found.values()) else True
    if any(one.open for one in found.values()):
        met = False
    seen = "；".join(f"{ports[port]}（TCP {port}）{_told(one)}" for port, one in found.items())
    return ask("limited", question, met, seen, FIREWALL, decisive=True)


def _told(one: Reach) -> str:
    if one.open is None:
        return f"的来源限制未能确认（{one.why}）"
    if one.open:
        return f"任意来源可访问（{one.why}）"
    return f"仅允许 {listing(one.sources)} 访问" if one.sources else "不允许任何来源访问"


def reach(firewall: WindowsFirewall, port: int) -> Reach:
    """Return from where a TCP port can be reached through the active profiles, all where none is known."""
    profiles = [one for one in firewall.profiles if one.active is not False]
    found = [_through(one, firewall, port) for one in profiles or firewall.profiles]
    sources = tuple(dict.fromkeys(source for one in found for source in one.sources))
    for state in (True, None):
        worst = next((one for one in found if one.open is state), None)
        if worst is not None:
            return Reach(state, sources, worst.why)
    return Reach(False, sources)


def _through(profile: FirewallProfile, firewall: WindowsFirewall, port: int) -> Reach:
    if profile.enabled is not True:
        state = True if profile.enabled is False else None
        return Reach(state, (), f"{profile.name} 配置文件的防火墙{'未启用' if state else '状态未能确认'}")
    if firewall.rules is None:
        return Reach(None, (), "防火墙规则未能查看")
    rules = [one for one in firewall.rules if _concerns(one, profile.name, port)]
    if any(one.action == "block" and one.certain and not one.remote for one in rules):
        return Reach(False)
    blocked = any(one.action == "block" for one in rules)
    allows = [one for one in rules if one.action == "allow"]
    sources = tuple(dict.fromkeys(source for one in allows for source in one.remote))
    return _widest(profile, allows, sources, blocked=blocked)


def _widest(
    profile: FirewallProfile, allows: list[InboundRule], sources: tuple[str, ...], *, blocked: bool
) -> Reach:
    """Return what the rules that let something in leave open; a block with conditions leaves it unknown."""
    wide = [one for one in allows if not one.remote or _anybody(one)]
    if profile.blocks is False:
        return Reach(None if blocked else True, (), f"{profile.name} 配置文件默认允许入站")
    certain = [one.name for one in wide if one.certain]
    if certain:
        return Reach(None if blocked else True, (), f"规则 {certain[0]} 未限定来源")
    if wide:
        return Reach(None, sources, f"规则 {wide[0].name} 另有条件")
    words = [one for one in sources if not re.match(r"[0-9a-fA-F]*[.:]", one)]
    if words:
        return Reach(None, sources, f"规则允许 {listing(words)}，其范围须人工核查")
    return Reach(False, sources)


def _anybody(rule: InboundRule) -> bool:
    """Tell whether a rule admits any address, in one piece, in halves, or as a range from end to end."""
    sizes = {4: 0, 6: 0}
    for one in rule.remote:
        if one == "*":
            return True
        version, size = _size(one)
        sizes[version] += size
    return sizes[4] > _MOST_V4 or sizes[6] > _MOST_V6


def _size(text: str) -> tuple[int, int]:
    """Return version and number of addresses of `a`, `a/bits`, `a/mask` or `a-b`; 0 for anything else."""
    first, dash, last = text.partition("-")
    try:
        if not dash:
            network = ipaddress.ip_network(text, strict=False)
            return network.version, network.num_addresses
        low, high = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
    except ValueError:
        return 4, 0
    return low.version, max(int(high) - int(low) + 1, 0)


def _concerns(rule: InboundRule, profile: str, port: int) -> bool:
    if rule.protocol not in _TCP or (rule.profiles and profile not in rule.profiles):
        return False
    if rule.program not in _HOSTS or rule.service not in _OWN_SERVICES:
        return False
    return not rule.ports or any(_covers(text, port) for text in rule.ports)


def _covers(text: str, port: int) -> bool:
    low, _, high = text.partition("-")
    if not low.isdecimal() or (high and not high.isdecimal()):
        return False
    return int(low) <= port <= int(high or low)
