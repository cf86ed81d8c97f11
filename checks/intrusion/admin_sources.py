"""4.c.1: are administrators' terminals restricted by address?"""

from __future__ import annotations

import re

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Criterion, DatabaseAsset, Judgement, Verdict
from dengbao.probes.database.facts import DatabaseAccess, DatabaseAccounts
from dengbao.probes.host.facts import HostSshd
from dengbao.probes.host.system_facts import HostFirewall
from dengbao.probes.services.facts import ServicesReach
from dengbao.probes.windows.facts import WindowsSettings
from dengbao.probes.windows.system_facts import WindowsFirewall, WindowsServices

from .. import databases, db_channels, win_network, windows
from ..filter import reach
from ..hosts import SSHD, ask, match_note, told, unless_matched
from ..wording import listing
from .admin_sources_tried import other_sources_are_refused

# Of a line of hosts.allow or hosts.deny: its clients are everybody; its last field turns its meaning.
_EVERY_CLIENT = re.compile(r"(?:\bALL\b|(?<!\S)\*(?!\S)|\b0\.0\.0\.0/0)", re.IGNORECASE)
_DENIES = re.compile(r":\s*deny\s*$", re.IGNORECASE)
_ADMITS = re.compile(r":\s*allow\s*$", re.IGNORECASE)
# Behind the `@` of AllowUsers: wildcards alone, or a network of all addresses.
_ANY_HOST = re.compile(r"[*?.:]*|(?:0\.0\.0\.0|::)/0")
_FIREWALL = "host.firewall"


@check("intrusion.admin_sources")
def host_admin_sources_are_limited(
    sshd: HostSshd, firewall: HostFirewall, tried: ServicesReach | None
) -> Judgement:
    """Judge that at least one mechanism limits from where sshd can be used.

    hosts.allow and hosts.deny work only for an sshd that is linked with libwrap. A device before the host
    shows in none of its files, but where other sources were tried in vain.

    Source: GB/T 22239-2019 8.1.4.4 c).
    """
    found = (_by_sshd(sshd), _by_firewall(sshd, firewall), _by_wrappers(firewall), *_by_trying(tried))
    limited = [one for one in found if one.met]
    seen = "；".join(one.measured for one in found)
    if not sshd.running:
        limited, seen = (
            [ask("off", "是否未开启 SSH 远程管理", True, "未开启 SSH 远程管理", SSHD)],
            "未开启 SSH 远程管理",
        )
    met = True if limited else None if any(one.met is None for one in found) else False
    criterion = ask(
        "limited",
        "是否限制管理终端的接入地址",
        met,
        seen,
        limited[0].fact if limited else _FIREWALL,
        decisive=True,
    )
    return Judgement(criteria=(criterion,), statement=f"经核查，{seen}。")


def _by_trying(tried: ServicesReach | None) -> tuple[Criterion, ...]:
    """Return that others were refused, where trying proved it; what it proves else is judged by itself."""
    if tried is None:
        return ()
    try:
        judgement = other_sources_are_refused(tried)
    except Undetermined:
        return ()
    if judgement.verdict is not Verdict.CONFORM:
        return ()
    return (ask("tried", "", True, "试连证实：" + told(judgement.criteria), "services.reach"),)


def _by_sshd(sshd: HostSshd) -> Criterion:
    users = " ".join((sshd.options or {}).get("allowusers", ())).split()
    bound = [one for one in users if "@" in one and not _ANY_HOST.fullmatch(one.split("@", 1)[1])]
    met = bool(users) and len(bound) == len(users)
    seen = f"sshd AllowUsers 限定 {listing(bound)}" if met else "sshd AllowUsers 未限定来源地址"
    checked = unless_matched(met, sshd, "allowusers")
    if any("address" in one.condition.lower() for one in sshd.matches or ()) and not met:
        return ask("sshd", "", None, "sshd 有按来源地址的 Match 设置，其效果须人工核查", SSHD)
    return ask("sshd", "", checked, seen + (match_note(sshd, "allowusers") if met else ""), SSHD)


def _by_firewall(sshd: HostSshd, firewall: HostFirewall) -> Criterion:
    ports = [int(one) for one in (sshd.options or {}).get("port", ()) if one.isdecimal()] or [22]
    found = [reach(firewall, port) for port in ports]
    title = f"TCP {listing(ports)}"
    if any(one.open for one in found):
        why = "未启用主机防火墙" if not firewall.chains else "主机防火墙允许任意来源访问"
        return ask("firewall", "", False, f"{why} {title}" if firewall.chains else why, _FIREWALL)
    if any(one.open is None for one in found):
        return ask("firewall", "", None, f"主机防火墙对 {title} 的限制未能确认", _FIREWALL)
    sources = tuple(dict.fromkeys(source for one in found for source in one.sources))
    seen = f"主机防火墙仅允许 {listing(sources) or '（无）'} 访问 {title}"
    return ask("firewall", "", True, seen, _FIREWALL)


def _closed_by_wrappers(firewall: HostFirewall) -> bool:
    """Tell whether the first line that is for every client refuses it; hosts.allow may refuse too."""
    lines = [(one, False) for one in firewall.hosts_allow] + [(one, True) for one in firewall.hosts_deny]
    for line, closed in lines:
        clients = re.sub(r"\[[^\]]*\]", "", line).split(":")[1:2]
        if _speaks_of_sshd(line) and clients and _EVERY_CLIENT.search(clients[0]):
            return _DENIES.search(line) is not None or (closed and not _ADMITS.search(line))
    return False


def _speaks_of_sshd(line: str) -> bool:
    daemons = re.split(r"[\s,]+", line.split(":", maxsplit=1)[0].strip().lower())
    return bool({"all", "sshd"} & set(daemons)) and "except" not in daemons


def _by_wrappers(firewall: HostFirewall) -> Criterion:
    if not _closed_by_wrappers(firewall):
        return ask("wrappers", "", False, "hosts.allow、hosts.deny 未限制 sshd 来源", _FIREWALL)
    linked = firewall.sshd_uses_wrappers
    allowed = [one for one in firewall.hosts_allow if _speaks_of_sshd(one) and not _DENIES.search(one)]
    allowed += [f"EXCEPT{one.partition('EXCEPT')[2]}" for one in firewall.hosts_deny if "EXCEPT" in one]
    seen = f"hosts.deny 拒绝其他来源，hosts.allow 允许 {listing(allowed) or '（无）'}"
    seen += {True: "", False: "，但 sshd 不支持 tcp wrappers，不生效", None: "，sshd 是否支持未能确认"}[
        linked
    ]
    return ask("wrappers", "", linked, seen, _FIREWALL)


@check("intrusion.admin_sources")
def database_sources_are_limited(
    asset: DatabaseAsset, access: DatabaseAccess, accounts: DatabaseAccounts | None
) -> Judgement:
    """Judge that rules or host patterns limit from where one may log in.

    Source: GB/T 22239-2019 8.1.4.4 c).
    """
    criteria = db_channels.limited(asset.platform, access, accounts)
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("intrusion.admin_sources")
def windows_admin_sources_are_limited(
    settings: WindowsSettings, firewall: WindowsFirewall, services: WindowsServices
) -> Judgement:
    """Judge that the firewall limits from where Remote Desktop, WinRM and sshd can be reached.

    Source: GB/T 22239-2019 8.1.4.4 c).
    """
    criteria = (win_network.limited(settings, firewall, services),)
    return Judgement(criteria=criteria, statement=windows.sentence(criteria))
