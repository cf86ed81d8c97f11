"""2.g.1: do subjects and objects carry security labels?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.database.system_facts import DatabaseLabels
from dengbao.probes.host.system_facts import HostMac

from .. import databases, db_system
from ..hosts import ask, told
from ..wording import listing

# What the facts cannot show and people must add.
HOST_LEFT = "业务数据等重要客体、重要用户是否按其敏感级别设置安全标记，须人工核查"
DATABASE_LEFT = "重要主体是否设置安全标记、标记与数据敏感级别是否相符，须人工核查"

_FACT = "host.mac"


@check("access.security_labels", half=HOST_LEFT)
def host_sets_security_labels(mac: HostMac) -> Judgement:
    """Judge that SELinux is on, and that processes and key files carry labels of its policy.

    AppArmor knows profiles of programs but no labels of files.

    Source: GB/T 22239-2019 8.1.4.2 g).
    """
    subjects = [one for one in mac.labels or () if one.subject.startswith("process:")]
    objects = [one for one in mac.labels or () if not one.subject.startswith("process:")]
    criteria = (_engine(mac), *_labelled(mac, "subjects", "主体（进程）", [one.label for one in subjects]))
    criteria += _labelled(mac, "objects", "客体（关键文件）", [one.label for one in objects])
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _engine(mac: HostMac) -> Criterion:
    on = mac.selinux in ("enforcing", "permissive")
    met = True if on else None if mac.kysec or not mac.selinux else False
    words = {"enforcing": "强制", "permissive": "宽容", "disabled": "未启用", "": "状态未能确认"}
    seen = f"SELinux {words.get(mac.selinux, mac.selinux)}"
    if on and mac.selinux_policy:
        seen += f"，策略 {mac.selinux_policy}"
    if mac.kysec:
        seen += "；另有麒麟安全模块（KySec），其标记须人工核查"
    elif mac.apparmor:
        seen += f"；AppArmor 已启用（{mac.apparmor_enforced or 0} 个强制配置），不为文件设置标记"
    return ask("engine", "是否启用安全标记机制", met, seen, _FACT, decisive=True)


def _labelled(mac: HostMac, name: str, title: str, labels: list[str]) -> tuple[Criterion, ...]:
    if mac.selinux not in ("enforcing", "permissive"):
        return ()
    bare = [one for one in labels if one.count(":") < 2 or "unlabeled_t" in one or ":default_t" in one]
    met = None if not labels else not bare
    seen = f"{title}标记：{listing(labels, 3)}" if labels else f"{title}标记未能查看"
    if bare:
        seen = f"{title}中有 {len(bare)} 个未设置标记"
    return (ask(name, f"{title}是否设置安全标记", met, seen, _FACT),)


@check("access.security_labels", half=DATABASE_LEFT)
def database_sets_security_labels(asset: DatabaseAsset, labels: DatabaseLabels) -> Judgement:
    """Judge that a label mechanism is loaded and objects are labelled.

    MariaDB, MySQL, SQL Server and Redis have none; row security is a rule on rows, not a label.

    Source: GB/T 22239-2019 8.1.4.2 g).
    """
    criteria = db_system.labelled(asset.platform, labels)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )
