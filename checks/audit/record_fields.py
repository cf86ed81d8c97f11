"""3.b.1: do audit records hold time, user, type and result?"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Judgement
from dengbao.probes.database.facts import DatabaseAudit
from dengbao.probes.host.facts import AuditRecord, HostAudit
from dengbao.probes.web.facts_trail import WebTrail
from dengbao.probes.windows.system_facts import WindowsEvents

from .. import app_trail, databases, db_audit, win_audit, windows
from ..hosts import ask, told
from ..trail import AUDIT
from ..wording import listing

# What the facts cannot show and people must add.
LEFT = "抽取登录、失败登录、权限变更的审计记录各一条截图"

_USERS: Final = frozenset({"auid", "uid", "acct"})
_RESULTS: Final = frozenset({"res", "success"})
# Without these a record cannot be traced to anybody.
_ESSENTIAL: Final = frozenset({"time", "user"})
# Records of what somebody did; the others only add details to them.
# The kernel's own notes (a card in promiscuous mode, a crash, a policy notice) have no result to tell.
_ACTION: Final = re.compile(
    r"^(?:SYSCALL|USER_(?!AVC$|SELINUX_ERR$)\w+|CRED_\w+|LOGIN|ADD_\w+|DEL_\w+|ANOM_LOGIN_\w+|CONFIG_CHANGE)$"
)


@check("audit.record_fields")
def host_records_are_complete(audit: HostAudit) -> Judgement:
    """Judge sampled records of actions; those that only add details to others (PATH, CWD) are left out.

    Source: GB/T 22239-2019 8.1.4.3 b).
    """
    if audit.records is None:
        raise Undetermined("经核查，未能取得审计记录样本")
    sample = [one for one in audit.records if _ACTION.match(one.type)]
    if not sample:
        raise Undetermined("经核查，审计日志中没有可供核查的用户行为记录")
    tests: tuple[tuple[str, str, Callable[[AuditRecord], bool]], ...] = (
        ("time", "日期和时间", lambda one: one.timed),
        ("user", "用户", lambda one: bool(_USERS & set(one.fields))),
        ("type", "事件类型", lambda one: bool(one.type)),
        ("result", "事件是否成功", lambda one: bool(_RESULTS & set(one.fields))),
    )
    criteria = tuple(
        ask(
            name,
            f"审计记录是否包括{title}",
            not bad,
            f"{title}：{_seen(bad)}",
            AUDIT,
            decisive=name in _ESSENTIAL,
        )
        for name, title, holds in tests
        for bad in [[one.type for one in sample if not holds(one)]]
    )
    kinds = sorted({one.type for one in sample})
    return Judgement(
        criteria=criteria,
        statement=f"经核查，抽取审计记录 {len(kinds)} 种（{listing(kinds)}）；{told(criteria)}。",
    )


def _seen(bad: list[str]) -> str:
    return f"{listing(sorted(set(bad)))} 缺少" if bad else "均有"


@check("audit.record_fields", half=LEFT)
def database_records_have_every_field(audit: DatabaseAudit) -> Judgement:
    """Judge by the channel's format that a record tells when, who, what, whether it succeeded, from where.

    Source: GB/T 22239-2019 8.1.4.3 b).
    """
    criteria = db_audit.complete(audit)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
    )


@check("audit.record_fields")
def windows_records_are_complete(sample: WindowsEvents) -> Judgement:
    """Judge sampled records of the security log by their filled fields.

    Source: GB/T 22239-2019 8.1.4.3 b).
    """
    criteria, kinds = win_audit.fields(sample)
    return Judgement(
        criteria=criteria, statement=windows.sentence(criteria, f"抽取安全日志记录，事件 {kinds}")
    )


@check("audit.record_fields")
def web_records_are_complete(trail: WebTrail) -> Judgement:
    """Judge the records of our own deeds by their elements, and their clock by ours.

    Source: GB/T 22239-2019 8.1.4.3 b).
    """
    if not any(one.record is not None for one in trail.deeds):
        raise Undetermined(f"经测试验证，{app_trail.source(trail)}，未见本次操作的记录，无从核对其内容")
    criteria = app_trail.fields(trail)
    kinds = [app_trail.KINDS[one.kind] for one in trail.deeds if one.record is not None]
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{app_trail.source(trail)}；核对{listing(dict.fromkeys(kinds))}的记录："
        f"{told(criteria)}。",
        proofs=app_trail.deeds_proofs(trail),
    )
