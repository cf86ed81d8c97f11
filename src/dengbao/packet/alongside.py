"""What lies beside a round when it is sealed: an engagement edited since, papers of the application, strays.

The test stands on its own: an expired certificate or an unmet condition keeps an application from being
granted, not a report from being sealed. What would make the sealed `engagement.yaml` say something untrue
keeps it from being sealed; the rest is told to whoever seals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Final

from ..admission import PaperState, conditions_check, papers_check
from ..catalog.engagements import FILE_NAME
from ..evidence import examine
from ..model import Engagement, Scope
from ..papers import for_papers
from ..rounds import Round
from ..session import Session
from .faults import Fault, Sort

_SCOPE: Final = {
    "level": "授权级别", "addresses": "允许连接的地址", "production": "生产环境地址", "local": "是否允许本机",
    "window": "授权时段", "authorised": "授权人与文件",
}  # fmt: skip
# Told each on its own; 不适用 is a statement about results, and counts as it stands today.
_APART: Final = frozenset({"assets", "scope", "not_applicable"})
_GONE: Final = "找不到"


def edited_since(tested: Engagement, today: Engagement) -> Iterator[Fault]:
    """Yield what a test depends on and says other today than when the round began."""
    known = for_papers(tested, today)
    before, now = ({one.id: one for one in each.assets} for each in (known, today))
    told = [f"增加了测评对象 {one}" for one in now if one not in before]
    told += [f"删去了测评对象 {one}" for one in before if one not in now]
    told += [f"测评对象 {key} 的登记有改动" for key, one in now.items() if before.get(key, one) != one]
    told += [f"{word}有改动" for word in (*_scope(known.scope, today.scope), *_others(known, today))]
    for one in told:
        yield Fault(
            place=FILE_NAME, message=f"检测之后{one}，报告所述仍是检测时的", sort=Sort.INCOMPLETE,
            cure="恢复原来的登记；或开始新的一轮（dengbao run --new-round）",
        )  # fmt: skip


def _scope(before: Scope, now: Scope) -> Iterator[str]:
    for name in Scope.__struct_fields__:
        if getattr(before, name) != getattr(now, name):
            yield _SCOPE.get(name, "连接的限速")


def _others(before: Engagement, now: Engagement) -> Iterator[str]:
    for name in Engagement.__struct_fields__:
        if name not in _APART and getattr(before, name) != getattr(now, name):
            yield f" {name} "


def named_and_gone(session: Session, today: date) -> Iterator[Fault]:
    """Yield the files and evidence that the forms' part of the engagement names and that are not there."""
    papers = papers_check(session.engagement, today, session.directory)
    gone = [(f"申报材料“{one.name}”", one.why) for one in papers if one.why.startswith(_GONE)]
    conditions = conditions_check(session.engagement, session.directory)
    gone += [(f"附件二第 {one.number} 项条件", one.why) for one in conditions if one.why.startswith(_GONE)]
    for what, why in gone:
        yield Fault(
            place=f"{FILE_NAME} 的 forms", message=f"{what}：{why}", sort=Sort.INCOMPLETE,
            cure="放回文件，或改正登记",
        )  # fmt: skip


def notes(session: Session, chosen: Round, today: date) -> tuple[str, ...]:
    """Return what whoever seals should know and what keeps nothing from being sealed."""
    return (*_application(session, today), *_strays(session, chosen, today))


def _application(session: Session, today: date) -> Iterator[str]:
    papers = papers_check(session.engagement, today, session.directory)
    for one in papers:
        if one.state not in (PaperState.ATTACHED, PaperState.MISSING):
            yield f"申报材料“{one.name}”{one.state.zh}：{one.why}；测试报告不受影响，申报前须补正"
    missing = Counter(one.state for one in papers)[PaperState.MISSING]
    if missing:
        yield f"申报材料未附 {missing} 份（不随测试报告封存）；dengbao forms 逐份列出"
    unmet = [
        str(one.number) for one in conditions_check(session.engagement, session.directory) if not one.met
    ]
    if unmet:
        yield f"附件二的接入条件第 {'、'.join(unmet)} 项未满足或未确认；有一项不满足不予批准接入"


def _strays(session: Session, chosen: Round, today: date) -> Iterator[str]:
    for one in examine(session.directory, session.suite, chosen.engagement, today):
        for each in one.findings:
            if one.record is None and not each.gravity.is_open:
                yield f"{each.message}，未封存"
