"""Remote administration of Windows: how it is protected, when it ends, which factors it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.host.system_facts import HostListening
from dengbao.probes.windows.facts import WindowsIdentity, WindowsProviders, WindowsSettings

from .hosts import ask
from .windows import SETTINGS
from .wording import listing

_LISTENING: Final = "host.listening"
_PROVIDERS: Final = "windows.providers"
_CLEARTEXT: Final[Mapping[int, str]] = {23: "Telnet", 512: "rexec", 513: "rlogin", 514: "rsh"}
_FTP: Final = 21
_DESKTOPS: Final = frozenset(range(5900, 5910))
_WINRM_HTTP: Final = 5985
_TLS, _NEGOTIATED = 2, 1
_PROTOCOLS: Final = ("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1")
# Builds from which a protocol is off by default: Server 2016 for SSL; TLS 1.0 and 1.1 are on up to 2022.
_SSL_OFF_SINCE: Final = 14393
_TLS_ON_UNTIL: Final = 20348


def rdp(settings: WindowsSettings, name: str) -> int | None:
    """Return a setting of Remote Desktop: group policy before the connection's own; None: not known."""
    policy = settings.number(f"rdppolicy.{name}")
    if policy is not None or not settings.known(f"rdppolicy.{name}"):
        return policy
    return settings.number(f"rdptcp.{name}")


def rdp_open(settings: WindowsSettings) -> bool | None:
    """Tell whether Remote Desktop takes connections; it refuses them by default."""
    if not settings.known("rdppolicy.fDenyTSConnections"):
        return None
    denied = settings.number("rdppolicy.fDenyTSConnections")
    if denied is None:
        denied = settings.number("rdp.fDenyTSConnections", 1)
    return None if denied is None else denied == 0


# ---- encryption ------------------------------------------------------------------------------------------


def no_cleartext(sockets: HostListening) -> tuple[Criterion, ...]:
    """Return whether Telnet and the like are off; what FTP and other desktops encrypt is not known."""
    tcp = [one for one in sockets.listeners if one.protocol == "tcp" and one.reachable]
    found = listing(
        sorted({f"{_CLEARTEXT[one.port]}（TCP {one.port}）" for one in tcp if one.port in _CLEARTEXT})
    )
    criteria = [
        ask("no_cleartext", "是否未开启明文远程管理", not found,
            f"开启了明文远程管理：{found}" if found else "未开启 Telnet、rlogin、rsh 等明文远程管理",
            _LISTENING, decisive=True)
    ]  # fmt: skip
    if any(one.port == _FTP for one in tcp):
        seen = f"FTP（TCP {_FTP}）是否强制加密未能确认"
        criteria.append(ask("ftp", "FTP 是否强制加密", None, seen, _LISTENING))
    desktops = sorted({one.port for one in tcp if one.port in _DESKTOPS})
    if desktops:
        seen = f"TCP {listing(desktops)} 有图形远程服务，是否加密未能确认"
        criteria.append(ask("desktops", "图形远程管理是否加密", None, seen, _LISTENING))
    return tuple(criteria)


def encrypted(
    sockets: HostListening, settings: WindowsSettings, identity: WindowsIdentity, allowed: tuple[str, ...]
) -> tuple[Criterion, ...]:
    """Return how Remote Desktop and WinRM protect what they carry."""
    winrm = _winrm(sockets, settings)
    state = rdp_open(settings)
    if state is False:
        return (ask("rdp", "远程桌面是否加密", True, "未启用远程桌面", SETTINGS), winrm)
    if state is None:
        return (ask("rdp", "远程桌面是否加密", None, "是否启用远程桌面未能确认", SETTINGS), winrm)
    return (_layer(settings), *_versions(settings, identity, allowed), winrm)


def _winrm(sockets: HostListening, settings: WindowsSettings) -> Criterion:
    """Return whether WinRM takes nothing in clear; without a policy its own setting, not seen, decides."""
    plain = settings.number("winrm.AllowUnencryptedTraffic")
    listens = any(
        one.protocol == "tcp" and one.port == _WINRM_HTTP and one.reachable for one in sockets.listeners
    )
    met: bool | None
    if plain is not None:
        met, seen = plain == 0, f"WinRM {'允许未加密通信' if plain else '未允许未加密通信'}（组策略）"
    elif listens:
        met, seen = None, "WinRM 以 HTTP 监听，组策略未规定是否允许未加密通信，其自身设置未能确认"
    else:
        met, seen = True, f"WinRM 未以 HTTP 监听（TCP {_WINRM_HTTP}）"
    return ask("winrm", "WinRM 是否不允许未加密通信", met, seen, SETTINGS)


def _layer(settings: WindowsSettings) -> Criterion:
    """Return whether Remote Desktop insists on TLS; negotiation does where network level login is asked."""
    layer, nla = rdp(settings, "SecurityLayer"), rdp(settings, "UserAuthentication")
    words = {0: "RDP 安全层", 1: "协商", 2: "SSL（TLS）", None: "未能确认"}
    login = {0: "未要求", 1: "要求", None: "是否要求未能确认"}
    met: bool | None = None
    if layer == _TLS or (layer == _NEGOTIATED and nla == 1):
        met = True
    elif layer == 0 or (layer == _NEGOTIATED and nla == 0):
        met = False
    seen = (
        f"远程桌面安全层（SecurityLayer）为{words.get(layer, str(layer))}，{login.get(nla, '')}网络级身份验证"
    )
    return ask("rdp", "远程桌面是否以 TLS 加密", met, seen, SETTINGS, decisive=True)


def _versions(
    settings: WindowsSettings, identity: WindowsIdentity, allowed: tuple[str, ...]
) -> tuple[Criterion, ...]:
    """Return whether versions that are not allowed are off, by setting or by the system's default."""
    unwanted = [one for one in _PROTOCOLS if one.replace(" ", "v") not in allowed]
    states = {one: _version_on(settings, identity.build, one) for one in unwanted}
    on = [one for one, state in states.items() if state]
    unknown = [one for one, state in states.items() if state is None]
    met = False if on else None if unknown else True
    seen = f"已关闭 {listing(unwanted)}"
    if on:
        seen = f"{listing(on)} 未关闭"
    elif unknown:
        seen = f"{listing(unknown)} 是否关闭未能确认"
    return (ask("versions", "是否关闭不安全的 TLS 版本", met, f"SCHANNEL {seen}", SETTINGS),)


def _version_on(settings: WindowsSettings, build: int | None, protocol: str) -> bool | None:
    name = f"schannel.{protocol}.Enabled"
    value = settings.number(name)
    if value is not None:
        return value != 0
    if not settings.known(name) or build is None:
        return None
    # Off by default is off for a service that names no version; whether one does is not seen.
    if settings.number(f"schannel.{protocol}.DisabledByDefault", 0) != 0:
        return None
    if protocol.startswith("SSL"):
        return False if build >= _SSL_OFF_SINCE else None
    return True if build <= _TLS_ON_UNTIL else None


# ---- idle sessions ---------------------------------------------------------------------------------------


def idle(settings: WindowsSettings, most_s: int) -> tuple[Criterion, ...]:
    """Return whether idle sessions end or lock, over Remote Desktop and at the console."""
    limit = settings.number("system.InactivityTimeoutSecs", 0)
    return (_idle_rdp(settings, limit, most_s), _idle_console(settings, limit, most_s))


def _idle_rdp(settings: WindowsSettings, limit: int | None, most_s: int) -> Criterion:
    question = f"远程桌面会话是否在空闲 {most_s} 秒内结束或锁定"
    state = rdp_open(settings)
    if state is not True:
        seen = "未启用远程桌面" if state is False else "是否启用远程桌面未能确认"
        return ask("rdp", question, True if state is False else None, seen, SETTINGS)
    value = settings.number("rdppolicy.MaxIdleTime")
    if value is None and settings.number("rdptcp.fInheritMaxIdleTime", 1) == 0:
        value = settings.number("rdptcp.MaxIdleTime", 0)
    unseen = not settings.known("rdppolicy.MaxIdleTime") or not settings.known("rdptcp.fInheritMaxIdleTime")
    good = value is not None and 0 < value <= most_s * 1000
    locked = limit is not None and 0 < limit <= most_s
    seen = f"远程桌面空闲超时（MaxIdleTime）为 {value // 1000} 秒" if value else "远程桌面未设空闲超时"
    if value is None and unseen:
        seen = "远程桌面空闲超时未能确认"
    if locked and not good:
        seen += f"，但空闲 {limit} 秒锁定会话"
    met = True if good or locked else None if limit is None or (value is None and unseen) else False
    return ask("rdp", question, met, f"{seen}（要求不多于 {most_s} 秒）", SETTINGS)


def _idle_console(settings: WindowsSettings, limit: int | None, most_s: int) -> Criterion:
    question = f"本地控制台是否在空闲 {most_s} 秒内锁定"
    if limit is not None and 0 < limit <= most_s:
        return ask("console", question, True, f"“计算机不活动限制”为 {limit} 秒", SETTINGS)
    screens = settings.screens
    if limit is None or not screens:
        return ask("console", question, None, "本地控制台的空闲锁定未能确认", SETTINGS)
    bad = [
        one.sid for one in screens
        # A time of 0 starts no screen saver at all.
        if one.active is False or one.secure is False
        or (one.timeout_s is not None and not 0 < one.timeout_s <= most_s)
    ]  # fmt: skip
    unknown = [one for one in screens if None in (one.active, one.secure, one.timeout_s)]
    head = f"“计算机不活动限制”为 {limit or '未设'}；已登录的 {len(screens)} 个用户中"
    if bad:
        return ask(
            "console", question, False, f"{head} {len(bad)} 个的屏幕保护未启用、不需口令或过长", SETTINGS
        )
    if unknown:
        return ask("console", question, None, f"{head} {len(unknown)} 个的屏幕保护未能确认", SETTINGS)
    return ask("console", question, True, f"{head}均以屏幕保护锁定", SETTINGS)


def by_screen_saver(settings: WindowsSettings, most_s: int) -> bool:
    """Tell whether it hangs on screen savers, which other users may have set otherwise."""
    limit = settings.number("system.InactivityTimeoutSecs", 0)
    return not (limit is not None and 0 < limit <= most_s)


# ---- factors ---------------------------------------------------------------------------------------------


def factors(settings: WindowsSettings, providers: WindowsProviders, question: str) -> Criterion:
    """Return whether interactive logins take a smart card, which is a key and a PIN."""
    forced = settings.number("system.scforceoption", 0)
    if forced == 1:
        seen = "“交互式登录: 需要智能卡”已启用（证书与 PIN）"
        return ask("every_way", question, True, seen, SETTINGS, decisive=True)
    active = [one for one in providers.providers if not one.disabled]
    foreign = [one for one in active if "microsoft" not in one.maker.casefold()]
    if forced is None:
        return ask("every_way", question, None, "“交互式登录: 需要智能卡”未能确认", SETTINGS)
    if foreign:
        names = listing(f"{one.title or one.id}（{one.maker or '厂商不明'}）" for one in foreign)
        seen = f"另有登录凭据提供程序 {names}，是否强制使用未能确认"
        return ask("every_way", question, None, seen, _PROVIDERS)
    seen = f"未要求智能卡，{len(active)} 个登录凭据提供程序均为系统自带，凭口令即可登录"
    return ask("every_way", question, False, seen, _PROVIDERS, decisive=True)
