"""Looking again: the probes behind one item on one asset, run once more; old and new side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from ... import again as room
from ...again import Again, Pair
from ...errors import UsageError
from ...model import Criterion, Record
from ...model.recheck import Meaning
from ...probes.base import ProbeSpec
from ...steering import STOP, ask, under_way
from ...underway import Stand, Step
from ..desk import State
from ..run_asked import (
    Asked,
    Secret,
    asked_first,
    assisted,
    has_display,
    may_need_a_person,
    needed,
    secrets_given,
    without,
)
from ..visit import Visit, act, look
from .run import control_of, window_open

_MEANING: Final = {
    Meaning.SAME: "一致",
    Meaning.FACTS: "判定一致，事实有变",
    Meaning.VERDICT: "判定不同",
    Meaning.LOST: "这次未能判定",
    Meaning.NEW: "此前未判定，这次有判定",
    Meaning.NOT_RUN: "这次未作",
    Meaning.BY_HAND: "须人工查看",
}


@dataclass(frozen=True)
class Line:
    """One criterion of a case, then and now; None where a side does not have it."""

    name: str
    before: Criterion | None
    after: Criterion | None

    @property
    def same(self) -> bool:
        """Tell whether both sides measured and decided the same."""
        old, new = self.before, self.after
        return old is not None and new is not None and (old.measured, old.met) == (new.measured, new.met)


@dataclass(frozen=True)
class Side:
    """A case then and now, criterion by criterion."""

    pair: Pair
    lines: tuple[Line, ...]

    @property
    def word(self) -> str:
        """Return what comes of comparing."""
        return _MEANING[self.pair.meaning]


def show(visit: Visit) -> Response:
    """Show what would be done, then what came of it; without item and asset, let them be chosen."""
    state = visit.desk.state()
    item, asset = visit.asked("item"), visit.asked("asset")
    if state.round is None:
        raise UsageError("尚未检测，没有可比较的结果", cure="先在“检测”页完成一轮")
    if not item:
        return visit.page("again_choose.html", choices=_choices(state))
    specs = _specs(state, item, asset)
    asked, secrets = _asked(state, asset, specs)
    steps = [Step(state.session.asset(asset), one, Stand.OPEN) for one in specs]
    captcha = may_need_a_person(steps, state.session.engagement.scope.level)
    directory = visit.desk.directory
    sitting, job = under_way(directory), control_of(visit.request.app).jobs
    found = room.newest(directory, asset, [one.name for one in specs])
    ended = job.ended()
    return visit.page(
        "again.html", state=state, item=state.items[item].item, asset=state.session.asset(asset), specs=specs,
        asked=asked, secrets=secrets, sitting=sitting, busy=sitting is not None or job.running() is not None,
        found=found, sides=_sides(found, item), back=urlencode({"item": item, "asset": asset}),
        captcha=captcha, display=has_display(), directory=directory,
        window_open=window_open(state), scope=state.session.engagement.scope,
        fault=ended.said()[-4000:] if ended and ended.title == "重测对照" and ended.code else "",
    )  # fmt: skip


def _choices(state: State) -> tuple[tuple[str, str], ...]:
    resting = state.session.probes_of_cases()
    found = ((one.item, one.asset) for one in state.session.plan.cases if resting.get(one.id))
    return tuple(dict.fromkeys(found))


def _specs(state: State, item: str, asset: str) -> tuple[ProbeSpec, ...]:
    if item not in state.items:
        raise UsageError(f"没有测评项 {item[:40]}", cure="从测评项的页面进入")
    specs = room.probes_of(state.session, item, asset)
    if not specs:
        raise UsageError("该项由人工核查，没有可重做的采集", cure="重新查看后提交佐证")
    return specs


def _asked(
    state: State, asset: str, specs: tuple[ProbeSpec, ...]
) -> tuple[tuple[Asked, ...], tuple[Secret, ...]]:
    steps = [Step(state.session.asset(asset), one, Stand.OPEN) for one in specs]
    authorised = state.session.engagement.scope.level
    return asked_first(steps, authorised), needed(steps, authorised)


def start(visit: Visit) -> Response:
    """Look again with the chosen probes, in a process of its own."""
    person, state = visit.someone(), visit.desk.state()
    item, asset = visit.filled.text("item", most=40), visit.filled.text("asset", most=200)
    specs = _specs(state, item, asset)
    if not window_open(state):
        raise UsageError("现在不在授权时段内，不能开始", cure="在授权时段内开始")
    if under_way(visit.desk.directory) is not None:
        raise UsageError("另一个检测正在此项目上运行", cure="等它结束，或先停止")
    asked, secrets = _asked(state, asset, specs)
    left = without(asked, visit.filled.texts("confirm"))
    probes = tuple(one.name for one in specs if f"{one.name}@{asset}" not in left)
    if not probes:
        raise UsageError("没有要做的采集", cure="勾选要重做的采集")
    answers, env = secrets_given(visit.filled, secrets)
    given = {
        "directory": str(visit.desk.directory), "content": str(visit.desk.content or ""), "asset": asset,
        "probes": probes, "by": {"name": person.name, "org": person.org}, "answers": answers,
        "assist": assisted(visit.filled),
        "without": [one for one in left if one.partition("@")[0] not in {spec.name for spec in specs}],
    }  # fmt: skip
    control_of(visit.request.app).jobs.start("重测对照", ["dengbao.again"], given=given, env=env)
    return visit.go(f"/run/again?{urlencode({'item': item, 'asset': asset})}", "已开始重测。")


def wait(visit: Visit) -> Response:
    """Answer nothing while it goes on, then have the page shown anew."""
    over = under_way(visit.desk.directory) is None and control_of(visit.request.app).jobs.running() is None
    return Response(status_code=204, headers={"hx-refresh": "true"} if over else {})


def stop(visit: Visit) -> Response:
    """Ask it to end."""
    person = visit.someone()
    ask(visit.desk.directory, STOP, person.name)
    query = urlencode({"item": visit.filled.raw("item")[:40], "asset": visit.filled.raw("asset")[:200]})
    return visit.go(f"/run/again?{query}", "已请求停止。")


def _sides(found: Again | None, item: str) -> tuple[Side, ...]:
    """Return the cases that were compared, those of the item first."""
    pairs = sorted(found.pairs if found else (), key=lambda one: one.item != item)
    return tuple(Side(one, _lines(one.before, one.after)) for one in pairs)


def _lines(before: Record | None, after: Record) -> tuple[Line, ...]:
    old = {one.name: one for one in before.criteria} if before else {}
    new = {one.name: one for one in after.criteria}
    return tuple(Line(name, old.get(name), new.get(name)) for name in dict.fromkeys((*old, *new)))


ROUTES: Final[tuple[Route, ...]] = (
    look("/run/again", show),
    look("/run/again/wait", wait),
    act("/run/again/start", start),
    act("/run/again/stop", stop, even_sealed=True),
)
