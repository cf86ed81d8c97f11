"""2.g.2: do labels control access?"""

from __future__ import annotations

import re

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.database.system_facts import DatabaseLabels
from dengbao.probes.host.running_facts import HostSockets
from dengbao.probes.host.system_facts import HostMac

from .. import databases, db_system
from ..hosts import ask, told
from ..wording import listing

# What the facts cannot show and people must add.
HOST_LEFT = "应以不同标记的主体实际访问有标记的客体，验证越权访问被拒绝"
DATABASE_LEFT = "应以不同标记的主体实际访问有标记的客体，验证越权访问被拒绝"

_FACT = "host.mac"
# Labels under which a process may do what its user may.
_FREE = re.compile(r"unconfined|:initrc_t:|\(complain\)")


@check("access.mandatory_control", half=HOST_LEFT)
def host_enforces_labels(mac: HostMac, sockets: HostSockets | None) -> Judgement:
    """Judge that SELinux refuses what its policy does not allow, now and after a restart.

    Source: GB/T 22239-2019 8.1.4.2 g).
    """
    criteria = (_enforcing(mac), *_configured(mac))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}{_confined(mac, sockets)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _confined(mac: HostMac, sockets: HostSockets | None) -> str:
    """Return in words which programs that others can reach are held to a domain or profile of their own."""
    outside = [one for one in (sockets.sockets if sockets is not None else ()) if one.reachable and one.label]
    if mac.selinux != "enforcing" and not mac.apparmor_enforced:
        return ""
    names = dict.fromkeys(one.process for one in outside)
    free = dict.fromkeys(one.process for one in outside if _FREE.search(one.label))
    if not names:
        return ""
    return f"；对外监听的程序 {len(names)} 个，其中不受限的 {len(free)} 个" + (
        f"（{listing(free)}）" if free else ""
    )


def _enforcing(mac: HostMac) -> Criterion:
    question = "是否依据安全标记强制控制访问"
    if mac.selinux == "enforcing":
        return ask("enforcing", question, True, "SELinux 处于强制（Enforcing）模式", _FACT, decisive=True)
    if mac.kysec:
        seen = "SELinux 未强制；麒麟安全模块（KySec）的强制访问控制状态须人工核查"
        return ask("enforcing", question, None, seen, _FACT)
    if not mac.selinux:
        return ask("enforcing", question, None, "SELinux 状态未能确认", _FACT)
    words = {"permissive": "处于宽容（Permissive）模式，只记录不阻止", "disabled": "未启用"}
    seen = f"SELinux {words.get(mac.selinux, mac.selinux)}"
    if mac.apparmor and mac.apparmor_enforced:
        seen += f"；AppArmor 有 {mac.apparmor_enforced} 个强制配置，按程序路径而非安全标记控制"
        return ask("enforcing", question, False, seen, _FACT)
    return ask("enforcing", question, False, seen, _FACT, decisive=True)


def _configured(mac: HostMac) -> tuple[Criterion, ...]:
    if mac.selinux != "enforcing":
        if mac.selinux == "disabled" and mac.apparmor and mac.apparmor_enforced:
            return (ask("programs", "是否对程序强制控制访问", True, "", _FACT),)
        return ()
    value = mac.selinux_configured
    seen = f"重启后的模式（/etc/selinux/config）为 {value}" if value else "重启后的模式未能确认"
    return (ask("configured", "重启后是否仍强制", value == "enforcing" if value else None, seen, _FACT),)


@check("access.mandatory_control", half=DATABASE_LEFT)
def database_enforces_labels(asset: DatabaseAsset, labels: DatabaseLabels) -> Judgement:
    """Judge that the label mechanism refuses access, not only notes it.

    Source: GB/T 22239-2019 8.1.4.2 g).
    """
    criteria = db_system.enforced(asset.platform, labels)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )
