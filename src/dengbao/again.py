"""Looks once more with single probes, beside a round and not in it: what was seen then, what is seen now.

The answers lie under `runs/.again/`, where no round and no packet takes them from; facts and records of the
round stay as they are. Contacts stand in the events of the round, attempts and changes in its ledger: they
are new attempts, made because a person asked for them by name. `python -m dengbao.again` reads a `Request`
from its standard input.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from .errors import DengbaoError, Reason, UsageError
from .facts import Seen
from .files import write_whole
from .judging import Outcome, apply, bind_params
from .model import Case, Person, Plan, PlannedProbe, Record, Status, Value, kind_of
from .model.recheck import FactChange, Meaning
from .packet.custody import told
from .packet.seen_again import Side, see_again
from .papers import same_test
from .prefetch import Progress, fetch_missing
from .probes.base import ProbeSpec
from .reconcile import make_record
from .restraint import Restraint, read
from .rounds import Round, claim, load_round
from .scope import seal_off, unfence
from .session import Session, open_session
from .steering import BUSY_S, sitting

FOLDER: Final = ".again"
RESULT: Final = "again.json"
_MOST_KEPT: Final = 20
_MOST_REQUEST_BYTES: Final = 256 * 1024


class Request(Value):
    """What a person asks to look at again; `without` are words of `dengbao run --without`.

    `assist`: that person reads captchas in a browser's window.
    """

    directory: str
    asset: str
    probes: tuple[str, ...]
    by: Person
    content: str = ""
    without: tuple[str, ...] = ()
    answers: dict[str, str] = msgspec.field(default_factory=dict)
    assist: bool = False


class Pair(Value):
    """A case as it was judged in the round and as it would be judged now; `changes` are of the facts."""

    case: str
    item: str
    asset: str
    meaning: Meaning
    before: Record | None
    after: Record
    changes: tuple[FactChange, ...] = ()
    uncounted: int = 0


class Again(Value):
    """What came of looking again; kept beside the round it is held against."""

    id: str
    round: int
    asset: str
    probes: tuple[str, ...]
    by: Person
    begun_at: datetime
    ended_at: datetime
    pairs: tuple[Pair, ...]

    @property
    def differs(self) -> bool:
        """Tell whether anything is otherwise than in the round."""
        return any(one.meaning is not Meaning.SAME for one in self.pairs)


def probes_of(session: Session, item: str, asset_id: str) -> tuple[ProbeSpec, ...]:
    """Return the probes that the cases of an item on an asset rest on; none where people answer it."""
    wanted = {
        name
        for case in session.plan.cases
        if (case.item, case.asset) == (item, asset_id)
        for name in session.probes_of_cases().get(case.id, ())
    }
    return tuple(one for one in session.lookup.probes(session.asset(asset_id)) if one.name in wanted)


def look_again(request: Request, watch: Callable[[Progress], None] = lambda _progress: None) -> Again:
    """Run probes of one asset again, judge what rests on them, and keep both sides.

    Sends: what those probes send, within scope, level and window.
    Changes: as those probes do; writes custody, events and ledger, no facts or records of the round.

    Raises:
        UsageError: another run is under way, no round was run, or it was another test.
        Stopped: that was asked for from outside.

    """
    directory = Path(request.directory)
    session = open_session(directory, Path(request.content) if request.content else None)
    with claim(directory, wait_s=BUSY_S), sitting(directory, request.by.name, "again") as helm:
        chosen = load_round(directory)
        _refuse_other_test(session, chosen)
        part = _part(session, chosen, request)
        begun = datetime.now(UTC)
        number = f"{begun:%Y%m%dT%H%M%S%f}"
        scratch = Round(_room(directory) / number, chosen.info, part, chosen.engagement)
        details = {"again": number, "asset": request.asset, "probes": " ".join(request.probes)}
        told(directory, "again_begun", request.by, {**details, "round": str(chosen.number)})
        fetch_missing(
            session, chosen, part, watch, restraint=_restraint(session, request), helm=helm,
            answers=request.answers, into=scratch.store(), again=number, assist=request.assist,
        )  # fmt: skip
        pairs = _pairs(session, chosen, scratch)
        again = Again(
            id=number, round=chosen.number, asset=request.asset, probes=request.probes, by=request.by,
            begun_at=begun, ended_at=datetime.now(UTC), pairs=pairs,
        )  # fmt: skip
        write_whole(scratch.folder / RESULT, msgspec.json.encode(again))
        meanings = " ".join(f"{one.case}={one.meaning.value}" for one in pairs)
        told(directory, "again_ended", request.by, {**details, "cases": meanings})
        return again


def _refuse_other_test(session: Session, chosen: Round) -> None:
    same = (
        same_test(chosen.engagement, session.engagement) and chosen.info.suite_sha256 == session.suite.sha256
    )
    if not same:
        raise UsageError(
            f"第 {chosen.number} 轮之后项目文件或测评依据已改动，不能与该轮比较", cure="开始新的一轮"
        )


def _restraint(session: Session, request: Request) -> Restraint:
    return read(None, request.without, session.plan)


def _part(session: Session, chosen: Round, request: Request) -> Plan:
    planned = {one.probe for one in chosen.plan.probes if one.asset == request.asset}
    if strangers := set(request.probes).difference(planned):
        raise UsageError(f"该轮没有对 {request.asset} 作 {'、'.join(sorted(strangers))}", cure="重新选择")
    resting = session.probes_of_cases()
    cases = tuple(
        one
        for one in chosen.plan.cases
        if one.asset == request.asset and set(request.probes) & set(resting.get(one.id, ()))
    )
    probes = tuple(PlannedProbe(asset=request.asset, probe=one) for one in request.probes)
    return msgspec.structs.replace(chosen.plan, cases=cases, probes=probes)


def _room(directory: Path) -> Path:
    """Return where looks lie; the oldest make room."""
    room = directory / "runs" / FOLDER
    room.mkdir(exist_ok=True)
    for one in sorted(room.iterdir())[: -_MOST_KEPT + 1]:
        shutil.rmtree(one, ignore_errors=True)
    return room


# ---- judging -------------------------------------------------------------------------------------


def _pairs(session: Session, chosen: Round, scratch: Round) -> tuple[Pair, ...]:
    seal_off()
    try:
        after = {case.id: _judged(session, chosen, scratch, case) for case in scratch.plan.cases}
    finally:
        unfence()
    before = chosen.records()
    items = {one.item for one in scratch.plan.cases}
    seen = see_again(Side(chosen, before), Side(scratch, after), items)
    return tuple(
        Pair(
            case=one.case, item=one.item, asset=one.asset, meaning=one.meaning, before=before.get(one.case),
            after=after[one.case], changes=one.changes, uncounted=one.uncounted,
        )
        for one in seen
        if one.case in after
    )  # fmt: skip


def _judged(session: Session, chosen: Round, scratch: Round, case: Case) -> Record:
    seen = _both(session, chosen, scratch, case.asset)
    variant = session.variant(case)
    given = session.uses.get((case.item, case.check), {})
    params = bind_params(variant, session.profile, given, where=case.id)
    asset = session.asset(case.asset)
    try:
        outcome = apply(variant, asset=asset, facts=seen.facts, missing=seen.missing, params=params)
    except Exception as exc:  # noqa: BLE001 - a door, as in a run: one check's bug must not hide the others
        text = f"判定程序出错（{type(exc).__name__}），未作判定；处理：请报告"
        outcome = Outcome(status=Status.UNDETERMINED, reason=Reason.BUG, statement=text)
    used = seen.refs(kind_of(need.facts) for need in variant.needs)
    return make_record(chosen, case, outcome, params=params, facts=used)


def _both(session: Session, chosen: Round, scratch: Round, asset_id: str) -> Seen:
    """Return what is known now: what was looked at again, and of the rest what the round holds."""
    kinds = {one.name: one.fact_kinds for one in session.lookup.probes(session.asset(asset_id))}
    fresh = {one.probe for one in scratch.plan.probes}
    old = chosen.store().see(asset_id, {name: one for name, one in kinds.items() if name not in fresh})
    new = scratch.store().see(asset_id, {name: one for name, one in kinds.items() if name in fresh})
    return Seen({**old.facts, **new.facts}, {**old.missing, **new.missing}, {**old.digests, **new.digests})


# ---- looking at what was kept --------------------------------------------------------------------


def newest(directory: Path, asset: str, probes: Iterable[str]) -> Again | None:
    """Return the newest look at an asset with one of these probes, None where there is none to be read."""
    wanted = set(probes)
    room = directory / "runs" / FOLDER
    for one in sorted(room.iterdir(), reverse=True) if room.is_dir() else ():
        try:
            found = msgspec.json.decode((one / RESULT).read_bytes(), type=Again)
        except (OSError, msgspec.DecodeError):
            continue
        if found.asset == asset and wanted & set(found.probes):
            return found
    return None


def main() -> int:
    """Look again as the standard input asks; what goes wrong is told on the standard error."""
    try:
        request = msgspec.json.decode(sys.stdin.buffer.read(_MOST_REQUEST_BYTES), type=Request)
        look_again(
            request, lambda step: print(f"{step.asset} {step.title} {step.state} {step.text}", flush=True)
        )
    except msgspec.DecodeError:
        print("错误：标准输入不是重测的请求", file=sys.stderr)
        return 2
    except DengbaoError as exc:
        print(f"错误：{exc}", file=sys.stderr)
        return exc.exit_code
    except OSError as exc:
        print(f"错误：{exc.filename or ''} {exc.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
