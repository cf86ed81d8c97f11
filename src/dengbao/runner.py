"""One run: fetch facts side by side, judge in a pytest subprocess of its own, reconcile."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from .errors import DengbaoError
from .judging import Outcome
from .model import Plan, Record, Status, Value
from .packet.custody import told
from .prefetch import Progress, fetch_missing
from .reconcile import JUDGED, make_record, reconcile
from .restraint import NONE, Restraint, reopen
from .rounds import (
    JUDGING,
    ORPHAN_WAIT_S,
    RecordBook,
    Round,
    begin_or_resume,
    claim,
    load_round,
    read_records,
)
from .session import Session, only_items, open_session
from .steering import BUSY_S, sitting

JUDGING_LIMIT_S: Final = 1800
# What pytest does for tests of code and a run has no use for; without it judging takes half the time.
_UNUSED_PLUGINS: Final = (
    "cacheprovider", "terminal", "logging", "faulthandler", "unraisableexception", "threadexception",
    "warnings", "doctest", "unittest", "junitxml", "pastebin", "stepwise",
    "setuponly", "setupplan", "recwarn",
)  # fmt: skip
_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RunFailed(DengbaoError):
    """The judging process ended otherwise than by judging; what was fetched is kept."""


@dataclass(frozen=True)
class Finished:
    """A run that came to its end; `resumed` tells whether an earlier sitting had begun the round."""

    session: Session
    round: Round
    records: Mapping[str, Record]
    resumed: bool


class Difference(Value):
    """A case that is judged otherwise than its record says; None where one side has no record."""

    case: str
    recorded: Record | None
    again: Record | None


def run(
    directory: Path,
    *,
    content: Path | None = None,
    items: Iterable[str] = (),
    new_round: bool = False,
    operator: str = "",
    watch: Callable[[Progress], None] = lambda _progress: None,
    judging: Callable[[Plan], None] = lambda _plan: None,
    judging_limit_s: float = JUDGING_LIMIT_S,
    assist: bool = False,
    restraint: Restraint = NONE,
    answers: Mapping[str, str] | None = None,
) -> Finished:
    """Run what is still to be run of the newest round, or begin the next one.

    Killed at any instant, it goes on at the next call: probes that finished are not sent again. What
    `restraint` leaves out is undetermined, 未授权; a later sitting that confirms it fetches it, as long as
    no case was judged without it. `answers` are passwords asked for beforehand, by label.

    Raises:
        UsageError: another run is under way, or engagement and round do not fit.
        RunFailed: the judging process broke down.
        Stopped: that was asked for from outside.

    """
    wanted = tuple(items)
    session = open_session(directory, content)
    part = only_items(session, session.plan, wanted)
    with claim(directory, wait_s=BUSY_S), sitting(directory, operator) as helm:
        with claim(directory, JUDGING, wait_s=ORPHAN_WAIT_S):
            chosen = begin_or_resume(
                directory, session.suite, session.engagement, session.plan, new=new_round, operator=operator
            )
        resumed = chosen.records_path.exists() or (chosen.folder / "facts").exists()
        details = {"items": " ".join(wanted), "resumed": "yes" if resumed else "no", "operator": operator}
        _tell(directory, "run_begun", chosen, {**details, **_restrained(restraint)})
        reopen(session, chosen.store(), part, chosen.records(), restraint)
        fetch_missing(
            session, chosen, part, watch, assist=assist, restraint=restraint, helm=helm, answers=answers
        )
        helm.tell("judge")
        judging(part)
        options = ["--engagement", str(directory), *(f"--item={one}" for one in wanted)]
        _judge(session, options, limit_s=judging_limit_s)
        if not wanted:
            _name_the_lost(chosen)
        chosen = load_round(directory, chosen.number)
        _tell(directory, "run_ended", chosen, {"facts_sha256": chosen.store().digest_of_all()})
        return Finished(session, chosen, chosen.records(), resumed)


def _restrained(restraint: Restraint) -> dict[str, str]:
    """Return what the log of the engagement says of a run that does not do all that is authorised."""
    words = sorted(f"{probe}@{asset}" if asset else probe for probe, asset in restraint.without)
    return {"level": restraint.level.value if restraint.level else "", "without": " ".join(words)}


def _tell(directory: Path, act: str, chosen: Round, details: Mapping[str, str]) -> None:
    same = {"round": str(chosen.number), "operator": chosen.info.operator}
    given = {name: one for name, one in details.items() if one}
    told(directory, act, details={name: one for name, one in {**same, **given}.items() if one})


def judge_again(
    directory: Path, number: int | None = None, *, content: Path | None = None
) -> tuple[Round, tuple[Difference, ...]]:
    """Judge a round again from its stored facts, with the network closed; return what differs.

    The records of the round are not touched. Times and tool version are not compared, nor are cases
    that an unfinished round has not judged yet.
    """
    session = open_session(directory, content)
    chosen = load_round(directory, number)
    with tempfile.TemporaryDirectory(prefix="dengbao-judge-") as folder:
        path = Path(folder) / "records.jsonl"
        where = ["--engagement", str(directory), "--round", str(chosen.number)]
        _judge(session, [*where, "--facts-only", "--records", str(path)])
        again = read_records(path)
    before = chosen.records()
    differences = [
        Difference(case=case.id, recorded=before.get(case.id), again=again.get(case.id))
        for case in chosen.plan.cases
        if (case.id in before or chosen.info.ended_at is not None)
        and comparable(before.get(case.id)) != comparable(again.get(case.id))
    ]
    return chosen, tuple(differences)


def comparable(record: Record | None) -> Record | None:
    """Return a record without what may differ between two judgements of the same facts."""
    if record is None:
        return None
    return msgspec.structs.replace(record, judged_at=_NO_TIME, tool_version="")


def _judge(session: Session, options: list[str], *, limit_s: float = JUDGING_LIMIT_S) -> None:
    ini = Path(__file__).with_name("_run.ini")
    command = [
        sys.executable, "-I", "-X", "utf8", "-m", "pytest", str(session.content.checks), "-c", str(ini),
        "--rootdir", str(session.content.root), "--noconftest",
        "-p", "dengbao.pytest_plugin", f"--under-run={os.getpid()}", "--content", str(session.content.root),
        *(word for one in _UNUSED_PLUGINS for word in ("-p", f"no:{one}")), "--capture=no", *options,
    ]  # fmt: skip
    kept = "已采集的事实保留；修正后再次运行即可继续"
    try:
        done = subprocess.run(
            command, env=clean_environment(os.environ), capture_output=True, timeout=limit_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as exc:
        raise RunFailed(f"判定过程 {limit_s:g} 秒内未结束，已停止", cure=kept) from exc
    if done.returncode != JUDGED:
        words = (done.stderr + done.stdout).decode("utf-8", "replace").strip()
        raise RunFailed(f"判定过程异常结束（{done.returncode}）：{words[-2000:]}", cure=kept)


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what could change an official run."""
    kept = {name: value for name, value in environment.items() if not name.startswith("PYTEST_")}
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONUTF8": "1"}


def _name_the_lost(chosen: Round) -> None:
    """Give every case that got no record one that says so: nothing vanishes."""
    if load_round(chosen.folder.parent.parent, chosen.number).info.ended_at is not None:
        return
    book = RecordBook(chosen.records_path)
    for case in chosen.plan.cases:
        if case.check and case.id not in book.known:
            outcome = Outcome(status=Status.NOT_RUN, statement="本项未执行：判定过程没有给出结果")
            book.add(make_record(chosen, case, outcome))
    reconcile(chosen, book)
    book.close()
