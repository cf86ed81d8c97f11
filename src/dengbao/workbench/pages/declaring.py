"""不适用 for several cases at once: chosen, reasoned, agreed by a second person, shown, written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.routing import Route

from ...catalog.editing import declare_not_applicable
from ...errors import UsageError
from ...model import CaseResult, NotApplicable, Person, Verdict
from ...packet.custody import told
from ..desk import State
from ..filled import Filled
from ..ground import Ground
from ..rows import Row, rows_of
from ..visit import Visit, act
from .table import filter_from

_BAD: Final = (Verdict.NONCONFORM, Verdict.PARTIAL)
_SHORTEST: Final = 4
_MOST: Final = 200_000


@dataclass(frozen=True)
class Chosen:
    """A case that is to be declared; `hides` tells that it would cover a 不符合 and so has no effect."""

    row: Row
    hides: bool


def begin(visit: Visit) -> Response:
    """Show the form for what was chosen in the table; nothing is written."""
    with visit.desk.glance():
        return _begun(visit)


def _begun(visit: Visit) -> Response:
    state = visit.desk.state()
    rows = rows_of(state)
    if visit.filled.raw("scope") == "all":
        wanted = filter_from(dict(parse_qsl(visit.filled.raw("filter")[:2000])))
        cases = [one.case for one in wanted.choose(rows)]
    else:
        cases = list(visit.filled.texts("case"))
    return _form(visit, _chosen(state, cases))


def check(visit: Visit) -> Response:
    """Show what would be written, or the form again with what is wrong."""
    with visit.desk.glance():
        return _checked(visit)


def _checked(visit: Visit) -> Response:
    chosen = _chosen(visit.desk.state(), _cases(visit.filled))
    try:
        declarations = _declarations(visit, [one.row.case for one in chosen])
    except UsageError as exc:
        return _form(visit, chosen, exc)
    return visit.page(
        "declare_check.html", status=200, chosen=chosen, cases=_joined(chosen), first=declarations[0]
    )


def write(visit: Visit) -> Response:
    """Write what was shown; filed evidence does not matter to it."""
    ground, cases = visit.desk.ground(), list(dict.fromkeys(_cases(visit.filled)))
    _refuse_none(cases)
    here = {one.id for one in ground.session.engagement.assets}
    _refuse_lost([one for one in cases if one.partition("@")[2] not in here or not _is_planned(ground, one)])
    declarations = _declarations(visit, cases)
    declare_not_applicable(visit.desk.directory, declarations)
    first = declarations[0]
    names = " ".join(f"{one.item}@{one.asset}" for one in declarations)
    details = {"cases": names, "why": first.why, "agreed": f"{first.agreed.name}（{first.agreed.org}）"}
    told(visit.desk.directory, "not_applicable_declared", first.by, details)
    return visit.go("/table?tone=not_applicable", f"已声明不适用 {len(declarations)} 条")


def _form(visit: Visit, chosen: tuple[Chosen, ...], error: UsageError | None = None) -> Response:
    by, filled = visit.person, visit.filled
    others = [one for one in visit.people if by is None or not one.same_as(by)]
    return visit.page(
        "declare.html", 409 if error else 200, chosen=chosen, cases=_joined(chosen), by=by, others=others,
        error=error, why=filled.raw("why"), agreed=filled.raw("agreed"), name=filled.raw("name"),
        org=filled.raw("org"),
    )  # fmt: skip


def _cases(filled: Filled) -> list[str]:
    return filled.text("cases", "所选各条", most=_MOST).split()


def _joined(chosen: tuple[Chosen, ...]) -> str:
    return "\n".join(one.row.case for one in chosen)


def _chosen(state: State, cases: list[str]) -> tuple[Chosen, ...]:
    """Return the cases in official order.

    Raises:
        UsageError: none was chosen, or one of them is not planned any more.

    """
    _refuse_none(cases)
    rows = {one.case: one for one in rows_of(state)}
    planned = {f"{one.item}@{one.asset}" for one in state.session.plan.cases}
    _refuse_lost([one for one in dict.fromkeys(cases) if one not in rows or one not in planned])
    wanted = set(cases)
    return tuple(
        Chosen(one, _hides(state.case(one.item, one.asset))) for one in rows.values() if one.case in wanted
    )


def _is_planned(ground: Ground, case: str) -> bool:
    item, _, asset = case.partition("@")
    return ground.case(item, asset) is not None


def _refuse_none(cases: Sequence[str]) -> None:
    if not cases:
        raise UsageError("没有勾选任何一条", cure="在表格中勾选，或先筛选再选“全部”")


def _refuse_lost(lost: Sequence[str]) -> None:
    if lost:
        raise UsageError(
            f"所选的 {lost[0][:60]} 已不在项目中" + (f"（共 {len(lost)} 条）" if len(lost) > 1 else ""),
            cure="回到表格重新选择",
        )


def _hides(case: CaseResult | None) -> bool:
    if case is None:
        return False
    verdicts = (*(one.verdict for one in case.records), *(one.verdict for one in case.evidence))
    return any(one in _BAD for one in verdicts)


def _declarations(visit: Visit, cases: Iterable[str]) -> tuple[NotApplicable, ...]:
    """Return the declarations for cases, each `item@asset`.

    Raises:
        UsageError: nobody sits at the page, no reason, or the second person is missing or the same.

    """
    by = visit.someone()
    why = " ".join(visit.filled.text("why", "理由", most=1000, needed=True).split())
    if len(why) < _SHORTEST:
        raise UsageError("“理由”过短", cure="写明为何不适用，如“系统未提供移动端”")
    agreed = _second(visit)
    if agreed.same_as(by):
        raise UsageError("同意人与声明人是同一人", cure="须由另一人同意；同名的加注科室以区别")
    return tuple(
        NotApplicable(item=item, asset=asset, why=why, by=by, agreed=agreed)
        for item, _, asset in (one.partition("@") for one in cases)
    )


def _second(visit: Visit) -> Person:
    told_name = visit.filled.raw("agreed")
    known = {f"{one.name}/{one.org}": one for one in visit.people}
    if told_name in known:
        return known[told_name]
    if not visit.filled.raw("name").strip():
        raise UsageError("未选同意人", cure="选择第二人，或填写其姓名与单位")
    name = visit.filled.text("name", "同意人姓名", most=40, needed=True)
    return Person(name=name, org=visit.filled.text("org", "同意人单位", most=80, needed=True))


ROUTES: Final[tuple[Route, ...]] = (
    act("/table/declare", begin),
    act("/table/declare/check", check),
    act("/table/declare/write", write),
)
