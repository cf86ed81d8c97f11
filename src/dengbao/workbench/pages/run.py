"""Run control: what will be done and by whose leave, then how far it is, asset by asset."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from ... import doctor
from ...doctor import Weight
from ...errors import UsageError
from ...steering import PATIENCE_S, PAUSE, STOP, ask, withdraw
from ...underway import Lookout, Standing
from ..desk import State
from ..jobs import Job, Jobs
from ..run_asked import (
    LEVELS,
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

_GO_ON, _NEW = "go", "new"
_ENDED_WELL: Final = (0, 1, 3)
# After a stop was asked for: from when on a run may be interrupted, and from when on it may be killed.
_INTERRUPT_AFTER_S: Final = PATIENCE_S + 40
_KILL_AFTER_S: Final = 300.0


@dataclass(frozen=True)
class Control:
    """What this page keeps beside the folder: the run it started, and how far it has read the events."""

    jobs: Jobs
    lookout: Lookout


@dataclass(frozen=True)
class Plan:
    """What a start would do; `mode` is `go` for an unfinished or a first round, `new` for the next."""

    mode: str
    standing: Standing
    asked: tuple[Asked, ...]
    secrets: tuple[Secret, ...]
    captcha: bool = False

    @property
    def groups(self) -> dict[str, tuple[Asked, ...]]:
        """Return what is to be confirmed by asset, in the engagement's order."""
        assets = dict.fromkeys(one.step.asset.id for one in self.asked)
        return {asset: tuple(one for one in self.asked if one.step.asset.id == asset) for asset in assets}


def control_of(app: Starlette) -> Control:
    """Return what all requests share."""
    return cast("Control", app.state.runs)


def _control(visit: Visit) -> Control:
    return control_of(visit.request.app)


def show(visit: Visit) -> Response:
    """Show how far the run is, or what a start would do."""
    state, control = visit.desk.state(), _control(visit)
    standing = control.lookout.standing(state.session)
    job = control.jobs.running()
    if standing.sitting is not None or (job is not None and job.code is None):
        return visit.page("run_live.html", 200, state=state, **_live(standing, control.jobs))
    plan = _plan(state, control, standing, new=visit.asked("new") == "1")
    return visit.page(
        "run.html", state=state, standing=standing, plan=plan, levels=LEVELS,
        window_open=window_open(state), scope=state.session.engagement.scope,
        fault=_fault(control.jobs.ended()), display=has_display(), directory=visit.desk.directory,
    )  # fmt: skip


def _plan(state: State, control: Control, standing: Standing, *, new: bool) -> Plan:
    go_on = standing.unfinished and standing.refusal is None and not new
    shown = standing if go_on else control.lookout.fresh(state.session)
    first = standing.round is None
    authorised = state.session.engagement.scope.level
    return Plan(
        _GO_ON if go_on or first else _NEW,
        shown,
        asked_first(shown.steps, authorised),
        needed(shown.steps, authorised),
        captcha=may_need_a_person(shown.steps, authorised),
    )


def window_open(state: State) -> bool:
    """Tell whether the authorised window, where there is one, is open now."""
    window = state.session.engagement.scope.window
    return window is None or window.begin <= datetime.now(UTC) <= window.end


def _fault(job: Job | None) -> str:
    """Return what a run that this page started said when it broke off, empty where it ended as it should."""
    if job is None or job.code in (*_ENDED_WELL, 130):
        return ""
    return job.said()[-4000:].strip() or f"（没有输出；进程被结束，代码 {job.code}）"


# ---- while it runs -------------------------------------------------------------------------------


def _live(standing: Standing, jobs: Jobs) -> dict[str, object]:
    sitting, job = standing.sitting, jobs.running()
    phase = "start" if sitting is None else sitting.doing
    if standing.stop is not None:
        phase += " stop"
    elif standing.pause is not None:
        phase += " pause"
    own = job is not None and (sitting is None or sitting.pid == job.process.pid)
    waited = (datetime.now(UTC) - standing.stop.at).total_seconds() if standing.stop else 0.0
    phase += " break" * (own and waited > _INTERRUPT_AFTER_S) + " kill" * (own and waited > _KILL_AFTER_S)
    shown = [(one.name, one.stand, one.why) for one in standing.steps]
    stamp = hashlib.sha256(repr((phase, shown)).encode()).hexdigest()[:16]
    return {
        "standing": standing, "phase": phase, "own": own, "stamp": stamp, "tenth": _tenth(standing),
        "paused": "pause" in phase, "stopping": "stop" in phase,
        "may_break": " break" in phase, "may_kill": " kill" in phase,
        "patience": int(PATIENCE_S), "assisted": own and job is not None and job.assisted,
    }  # fmt: skip


def _tenth(standing: Standing) -> int:
    """Return how much is done in tenths: what a screen reader tells must not change every second."""
    return 10 * standing.done // standing.total if standing.total else 10


def progress(visit: Visit) -> Response:
    """Return the part that changes; nothing where nothing did, the whole page where the buttons change."""
    state, control = visit.desk.state(), _control(visit)
    standing = control.lookout.standing(state.session)
    live = _live(standing, control.jobs)
    over = standing.sitting is None and control.jobs.running() is None
    if over or visit.asked("phase") != live["phase"]:
        return Response(status_code=204, headers={"hx-refresh": "true"})
    if visit.asked("stamp") == live["stamp"]:
        return Response(status_code=204)
    told = visit.asked("tenth") != str(live["tenth"])
    return visit.page("run_progress.html", 200, told=told, **live)


def pause(visit: Visit) -> Response:
    """Ask the run to start nothing more."""
    person = visit.someone()
    ask(visit.desk.directory, PAUSE, person.name)
    return visit.go("/run", "已请求暂停：正在进行的采集会做完，不再开始新的。")


def resume(visit: Visit) -> Response:
    """Let a paused run go on."""
    visit.someone()
    withdraw(visit.desk.directory, PAUSE)
    return visit.go("/run", "继续采集。")


def stop(visit: Visit) -> Response:
    """Ask the run to end; what it has fetched stays."""
    person = visit.someone()
    ask(visit.desk.directory, STOP, person.name)
    return visit.go("/run", f"已请求停止：最多等 {PATIENCE_S:g} 秒，已完成的采集都保存。")


def interrupt(visit: Visit) -> Response:
    """Do as Ctrl-C does, to a run that this page started."""
    visit.someone()
    _own_job(visit, _INTERRUPT_AFTER_S).interrupt()
    return visit.go("/run", "已中断。")


def kill(visit: Visit) -> Response:
    """End a run that answers to nothing else; asked for twice."""
    visit.someone()
    job = _own_job(visit, _KILL_AFTER_S)
    if visit.filled.raw("sure") != "yes":
        raise UsageError("未勾选“确认强制结束”", cure="勾选后再点；多数情况下再等片刻即可")
    job.kill()
    return visit.go("/run", "已强制结束。已完成的采集都保存；结果未知的尝试不会再发，相应项记为检测中断。")


def _own_job(visit: Visit, after_s: float) -> Job:
    control = _control(visit)
    job, standing = control.jobs.running(), control.lookout.standing(visit.desk.state().session)
    if job is None:
        raise UsageError("没有由本工作台启动的检测", cure="在启动它的终端按 Ctrl-C")
    if standing.stop is None or (datetime.now(UTC) - standing.stop.at).total_seconds() < after_s:
        raise UsageError("先点“停止”，等它自己结束", cure="仍不结束时，页面会给出下一步")
    return job


# ---- start ---------------------------------------------------------------------------------------


def start(visit: Visit) -> Response:
    """Start `dengbao run` with what was confirmed; all else that intrudes is left out."""
    person, state, control = visit.someone(), visit.desk.state(), _control(visit)
    standing = control.lookout.standing(state.session)
    if standing.sitting is not None:
        raise UsageError("另一个检测正在此项目上运行", cure="等它结束，或先停止")
    if not window_open(state):
        raise UsageError(
            "现在不在授权时段内，不能开始", cure="在授权时段内开始，或取得新的授权后修改 scope.window"
        )
    plan = _plan(state, control, standing, new=visit.filled.raw("new") == "1")
    if visit.filled.raw("mode") != plan.mode:
        raise UsageError("页面打开后情况已变化", cure="重新打开“检测”页，核对后再开始")
    left = without(plan.asked, visit.filled.texts("confirm"))
    answers, env = secrets_given(visit.filled, plan.secrets)
    directory, content = visit.desk.directory, visit.desk.content
    words = ["dengbao", "run", str(directory), "--answers", "--operator", person.name]
    words += ["--content", str(content)] if content else []
    words += ["--new-round"] if plan.mode == _NEW and standing.round is not None else []
    words += [word for one in left for word in ("--without", one)]
    words += ["--assist"] if assisted(visit.filled) else []
    control.jobs.start("检测", words, given=answers, env=env)
    told = f"，未确认的 {len(left)} 项不作" if left else ""
    return visit.go("/run", f"已开始检测{told}。")


# ---- parts that take their time ------------------------------------------------------------------


def findings(visit: Visit) -> Response:
    """Show what `dengbao doctor` says: errors first; names are resolved, nobody is contacted."""
    order = list(Weight)
    found = sorted(doctor.examine(visit.desk.state().session), key=lambda one: -order.index(one.weight))
    counts = {weight: sum(1 for one in found if one.weight is weight) for weight in reversed(order)}
    return visit.page("run_findings.html", findings=found, counts=counts, part=visit.is_part, Weight=Weight)


ROUTES: Final[tuple[Route, ...]] = (
    look("/run", show),
    look("/run/progress", progress),
    look("/run/findings", findings),
    act("/run/start", start),
    act("/run/pause", pause, even_sealed=True),
    act("/run/resume", resume, even_sealed=True),
    act("/run/stop", stop, even_sealed=True),
    act("/run/interrupt", interrupt, even_sealed=True),
    act("/run/kill", kill, even_sealed=True),
)
