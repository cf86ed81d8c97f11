"""One round of an engagement on disk: plan, snapshot, records; begun once, resumed, ended once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from filelock import FileLock, Timeout

from . import __version__
from .errors import StoreError, UsageError
from .facts import FactStore, canonical, digest
from .files import Journal, read_lines, write_whole
from .model import Engagement, Plan, Record, RunInfo, Suite
from .papers import same_test
from .probes.registry import facts_types

Loaded = TypeVar("Loaded")
RUNNING: Final = ".lock"
JUDGING: Final = ".judging.lock"
ORPHAN_WAIT_S: Final = 60.0
_LEFT_BEHIND: Final = ("facts", "raw", "records.jsonl", "ledger.jsonl")


def claim(directory: Path, name: str = RUNNING, *, wait_s: float = 0.0) -> FileLock:
    """Return a lock that is held: `RUNNING` while a round is worked on, `JUDGING` while records are written.

    The second outlives a runner that was killed: its judging process may still be writing.

    Raises:
        UsageError: another process holds it.

    """
    (directory / "runs").mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / "runs" / name)
    try:
        lock.acquire(timeout=wait_s)
    except Timeout as exc:
        raise UsageError(
            "另一个检测正在此项目上运行", where=str(directory), cure="等它结束；或确认它已停止后重试"
        ) from exc
    return lock


@dataclass(frozen=True)
class Round:
    """A round that exists on disk; `engagement` and `plan` are the ones it was begun with."""

    folder: Path
    info: RunInfo
    plan: Plan
    engagement: Engagement

    @property
    def number(self) -> int:
        """Return the round's number; 1 is 初测."""
        return self.info.round

    @property
    def records_path(self) -> Path:
        """Return where the records are."""
        return self.folder / "records.jsonl"

    def store(self) -> FactStore:
        """Return the round's fact store."""
        return FactStore(self.folder, facts_types())

    def records(self) -> dict[str, Record]:
        """Return the records by case, in the order they were written.

        Raises:
            StoreError: a line is damaged, or a case has two records.

        """
        return read_records(self.records_path)

    def end(self) -> Round:
        """Mark the round as ended; it is not resumed any more."""
        info = msgspec.structs.replace(self.info, ended_at=datetime.now(UTC))
        write_whole(self.folder / "run.json", msgspec.json.format(msgspec.json.encode(info), indent=1))
        return Round(self.folder, info, self.plan, self.engagement)


def read_records(path: Path) -> dict[str, Record]:
    """Return the records of a file by case.

    Raises:
        StoreError: a line is damaged, or a case has two records.

    """
    found: dict[str, Record] = {}
    for number, line in read_lines(path):
        where = f"{path}:{number}"
        try:
            record = msgspec.json.decode(line, type=Record)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise StoreError(
                "结果记录已损坏", where=where, cure="从备份恢复 records.jsonl；或删除它后重新运行以重新判定"
            ) from exc
        if record.case in found:
            raise StoreError(
                f"用例 {record.case} 有两条结果记录", where=where, cure="从备份恢复 records.jsonl"
            )
        found[record.case] = record
    return found


class RecordBook:
    """Appends records; a case that has one already is never written again.

    Nothing is written before the first record, so that looking at a round leaves no trace.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal: Journal | None = None
        self.known = read_records(path)

    def add(self, record: Record) -> None:
        """Append a record."""
        if record.case in self.known:
            raise StoreError(f"用例 {record.case} 已有结果记录", where=str(self._path))
        if self._journal is None:
            self._journal = Journal(self._path)
        self._journal.append(msgspec.json.encode(record))
        self.known[record.case] = record

    def close(self) -> None:
        """Flush to disk and close."""
        if self._journal is not None:
            self._journal.close()


def round_numbers(directory: Path) -> tuple[int, ...]:
    """Return the numbers of all rounds of an engagement that were begun, lowest first."""
    rounds = directory / "runs"
    # Listed, not globbed: a glob passes over what may not be read, as if there were no rounds.
    names = (one.name for one in rounds.iterdir()) if rounds.exists() else ()
    found = [re.fullmatch(r"round-([1-9][0-9]*)", name) for name in names]
    numbers = (int(one[1]) for one in found if one and (rounds / one[0] / "run.json").exists())
    return tuple(sorted(numbers))


def load_round(directory: Path, number: int | None = None) -> Round:
    """Return a round, the newest if no number is given.

    Raises:
        UsageError: there is none. StoreError: its files are damaged.

    """
    numbers = round_numbers(directory)
    if not numbers:
        raise UsageError("尚无检测记录", where=str(directory), cure=f"先执行 dengbao run {directory}")
    chosen = numbers[-1] if number is None else number
    if chosen not in numbers:
        raise UsageError(
            f"没有第 {chosen} 轮", where=str(directory), cure=f"现有轮次：{'、'.join(map(str, numbers))}"
        )
    folder = directory / "runs" / f"round-{chosen}"
    info = _read(folder / "run.json", RunInfo)
    if info.round != chosen:
        raise StoreError(
            f"第 {chosen} 轮的目录里是第 {info.round} 轮",
            where=str(folder),
            cure="从备份恢复，或把目录改回原名",
        )
    return Round(
        folder, info, _read(folder / "plan.json", Plan), _read(folder / "engagement.json", Engagement)
    )


def load_info(directory: Path, number: int) -> RunInfo:
    """Return when and by whom a round was run, without its plan.

    Raises:
        StoreError: `run.json` is damaged.

    """
    return _read(directory / "runs" / f"round-{number}" / "run.json", RunInfo)


def begin_or_resume(
    directory: Path,
    suite: Suite,
    engagement: Engagement,
    plan: Plan,
    *,
    new: bool = False,
    operator: str = "",
    only_look: bool = False,
) -> Round:
    """Return the unfinished newest round, or begin the next one; `only_look` writes nothing.

    Raises:
        UsageError: the unfinished round was begun with another engagement, suite or plan.
        StoreError: the round's files are damaged, or its `run.json` was lost.

    """
    numbers = round_numbers(directory)
    if numbers and not new:
        last = load_round(directory)
        if last.info.ended_at is None:
            _same_or_refuse(last, suite, engagement, plan)
            return last
    number = (numbers[-1] if numbers else 0) + 1
    folder = directory / "runs" / f"round-{number}"
    if any((folder / one).exists() for one in _LEFT_BEHIND):
        raise StoreError(
            "该轮已有事实或记录，却没有 run.json",
            where=str(folder),
            cure="从备份恢复 run.json，或把该目录移走",
        )
    info = RunInfo(
        round=number, suite=suite.id, suite_sha256=suite.sha256, tool_version=__version__,
        engagement_sha256=digest(canonical(engagement)), begun_at=datetime.now(UTC), operator=operator,
    )  # fmt: skip
    begun = Round(folder, info, plan, engagement)
    if not only_look:
        _write(begun)
    return begun


def _write(begun: Round) -> None:
    parts = {"engagement.json": begun.engagement, "plan.json": begun.plan, "run.json": begun.info}
    # run.json comes last: a folder without it was cut off before the round began, and is begun again.
    for name, value in parts.items():
        write_whole(begun.folder / name, msgspec.json.format(msgspec.json.encode(value), indent=1))


def _same_or_refuse(last: Round, suite: Suite, engagement: Engagement, plan: Plan) -> None:
    changed: list[str] = []
    if not same_test(last.engagement, engagement):
        changed.append("engagement.yaml")
    if last.info.suite_sha256 != suite.sha256:
        changed.append("suites")
    if not changed and last.plan != plan:
        changed.append("checks")
    if changed:
        raise UsageError(
            f"第 {last.number} 轮尚未完成，但 {'、'.join(changed)} 已改动，不能接着跑",
            where=str(last.folder),
            cure="恢复原文件后继续；或加 --new-round 开始新的一轮",
        )


def _read(path: Path, kind: type[Loaded]) -> Loaded:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as exc:
        raise StoreError(f"无法读取：{exc.strerror}", where=str(path), cure="从备份恢复该文件") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise StoreError(f"文件已损坏：{exc}", where=str(path), cure="从备份恢复该文件") from exc
