"""Where a round's fetching stands, asset by asset and probe by probe, read from its events and answers.

Whoever started the run, on a terminal or elsewhere: the folder says it all.
"""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from .errors import Reason, UsageError
from .facts import FactStore
from .model import Asset, Level
from .probes.base import ProbeSpec
from .probes.registry import PROBES
from .restraint import says_left_out
from .rounds import Round, begin_or_resume, load_round, round_numbers
from .session import Session
from .steering import PAUSE, STOP, Sitting, Wish, asked, under_way

_MOST_READ_BYTES: Final = 64 * 1024 * 1024
_CURE: Final = "；处理："


class Stand(StrEnum):
    """Where one probe stands."""

    OPEN = "open"
    RUNNING = "running"
    DONE = "done"
    LACKING = "lacking"
    LEFT_OUT = "left_out"

    @property
    def zh(self) -> str:
        """Return the Chinese word."""
        return {
            "open": "未开始",
            "running": "正在采集",
            "done": "已采集",
            "lacking": "有缺",
            "left_out": "本次不作",
        }[self.value]


@dataclass(frozen=True)
class Told:
    """What the events say of one probe last."""

    stand: Stand
    missing: int = 0
    reason: str = ""
    why: str = ""


@dataclass(frozen=True)
class Step:
    """A planned probe: `why` and `cure` where something of it is missing."""

    asset: Asset
    spec: ProbeSpec
    stand: Stand
    missing: int = 0
    reason: str = ""
    why: str = ""
    cure: str = ""

    @property
    def name(self) -> str:
        """Return `probe@asset`."""
        return f"{self.spec.name}@{self.asset.id}"

    @property
    def open(self) -> bool:
        """Tell whether nothing is stored of it yet."""
        return self.stand in (Stand.OPEN, Stand.RUNNING, Stand.LEFT_OUT)


@dataclass(frozen=True)
class Row:
    """An asset with its probes."""

    asset: Asset
    steps: tuple[Step, ...]

    @property
    def done(self) -> int:
        """Return how many probes came to an end."""
        return sum(1 for one in self.steps if not one.open)

    @property
    def running(self) -> tuple[Step, ...]:
        """Return the probes that look at it now."""
        return tuple(one for one in self.steps if one.stand is Stand.RUNNING)

    @property
    def lacking(self) -> tuple[Step, ...]:
        """Return the probes that did not bring all."""
        return tuple(one for one in self.steps if one.stand is Stand.LACKING)


@dataclass(frozen=True)
class Standing:
    """A moment of a run, or of the time between runs; `round` is the newest, None before the first.

    `refusal` says why the unfinished round cannot be gone on with. `sitting` is None while nothing runs.
    """

    round: Round | None
    rows: tuple[Row, ...]
    sitting: Sitting | None = None
    pause: Wish | None = None
    stop: Wish | None = None
    refusal: UsageError | None = None

    @property
    def unfinished(self) -> bool:
        """Tell whether the round may be gone on with."""
        return self.round is not None and self.round.info.ended_at is None

    @property
    def total(self) -> int:
        """Return how many probes are planned."""
        return sum(len(one.steps) for one in self.rows)

    @property
    def done(self) -> int:
        """Return how many probes came to an end."""
        return sum(one.done for one in self.rows)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Return all planned probes."""
        return tuple(step for row in self.rows for step in row.steps)


@dataclass
class Events:
    """What the events of a round say, read on from where the last reading ended."""

    path: Path
    offset: int = 0
    told: dict[tuple[str, str], Told] = field(default_factory=dict)
    again: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> dict[tuple[str, str], Told]:
        """Return asset and probe → what was said of it last; a torn last line waits for the next time."""
        with self._lock:
            try:
                with self.path.open("rb") as file:
                    if file.seek(0, 2) < self.offset:
                        self.offset, self.told = 0, {}
                    file.seek(self.offset)
                    data = file.read(_MOST_READ_BYTES)
            except OSError:
                return dict(self.told)
            whole = data.rfind(b"\n") + 1
            self.offset += whole
            for line in data[:whole].splitlines():
                if b'"event":"contact"' not in line[:40]:
                    self._take(line)
            return dict(self.told)

    def _take(self, line: bytes) -> None:
        try:
            one = json.loads(line)
        except ValueError:
            return  # damaged lines are named by those who judge
        event, key = one.get("event"), (str(one.get("asset")), str(one.get("probe")))
        if event == "sitting_begun":
            self.again = "again" in one
        if self.again:
            return  # what was looked at again says nothing of the round
        if event in ("sitting_begun", "sitting_ended", "stopped"):
            ended = (Stand.DONE, Stand.LACKING)
            self.told = {key: told for key, told in self.told.items() if told.stand in ended}
        elif event == "probe_begun":
            self.told[key] = Told(Stand.RUNNING)
        elif event == "left_out":
            self.told[key] = Told(Stand.LEFT_OUT)
        elif event == "probe_ended":
            lacks = int(one.get("missing", 0))
            stand = Stand.LACKING if lacks else Stand.DONE
            self.told[key] = Told(stand, lacks, str(one.get("reason", "")), str(one.get("why", "")))


class Lookout:
    """Tells where an engagement's run stands; keeps what it has read of the events."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._events: dict[Path, Events] = {}

    def standing(self, session: Session) -> Standing:
        """Return where the newest round stands, or what a first one would do.

        Raises:
            StoreError: the round's files are damaged.

        """
        numbers = round_numbers(self.directory)
        chosen = load_round(self.directory, numbers[-1]) if numbers else None
        sitting = under_way(self.directory)
        if chosen is None:
            return dataclasses.replace(self.fresh(session), sitting=sitting)
        told = self._of(chosen).read()
        store = chosen.store()
        rows = _rows(chosen.engagement.assets, session, store, told, chosen, running=sitting is not None)
        pause, stop = asked(self.directory, PAUSE), asked(self.directory, STOP)
        refusal = None if sitting or chosen.info.ended_at else _refusal(self.directory, session)
        return Standing(chosen, rows, sitting, pause, stop, refusal)

    def fresh(self, session: Session) -> Standing:
        """Return what a new round would do."""
        return Standing(None, _rows(session.engagement.assets, session, None, {}))

    def _of(self, chosen: Round) -> Events:
        path = chosen.folder / "events.jsonl"
        if path not in self._events:
            self._events = {path: Events(path)}  # only the newest round is looked at
        return self._events[path]


def _refusal(directory: Path, session: Session) -> UsageError | None:
    try:
        begin_or_resume(directory, session.suite, session.engagement, session.plan, only_look=True)
    except UsageError as exc:
        return exc
    return None


def _rows(
    assets: Iterable[Asset],
    session: Session,
    store: FactStore | None,
    told: dict[tuple[str, str], Told],
    chosen: Round | None = None,
    *,
    running: bool = False,
) -> tuple[Row, ...]:
    specs = {one.name: one for one in PROBES}
    planned: dict[str, list[str]] = {}
    for one in (chosen.plan if chosen else session.plan).probes:
        planned.setdefault(one.asset, []).append(one.probe)
    return tuple(
        Row(
            asset,
            tuple(
                _step(asset, specs[probe], store, told.get((asset.id, probe)), running=running)
                for probe in planned[asset.id]
                if probe in specs
            ),
        )
        for asset in assets
        if asset.id in planned
    )


def _step(
    asset: Asset, spec: ProbeSpec, store: FactStore | None, told: Told | None, *, running: bool
) -> Step:
    if store is None:
        return Step(asset, spec, Stand.OPEN)
    intrudes = spec.level.rank >= Level.INTRUDE.rank
    # Asked of the answer itself: going on with the round would send it, so it must be confirmed anew.
    if intrudes and not running and says_left_out(store, store.path_of(asset.id, spec.name)):
        return Step(asset, spec, Stand.LEFT_OUT)
    if not store.has(asset.id, spec.name):
        now = told.stand if told is not None and running and not told.missing else Stand.OPEN
        return Step(asset, spec, Stand.OPEN if now is Stand.DONE else now)
    if told is None or told.stand is not Stand.LACKING:
        return Step(asset, spec, Stand.DONE)
    why, _, cure = told.why.partition(_CURE)
    reason = Reason(told.reason).zh if told.reason in list(Reason) else ""
    return Step(asset, spec, Stand.LACKING, told.missing, reason, why, cure)


def intrusive(steps: Iterable[Step], authorised: Level) -> tuple[Step, ...]:
    """Return the probes not fetched yet that, as authorised, intrude or disrupt, or do so in part."""
    return tuple(
        one
        for one in steps
        if one.open
        and (
            Level.INTRUDE.rank <= one.spec.level.rank <= authorised.rank
            or (bool(one.spec.intrusion) and authorised.rank >= Level.INTRUDE.rank)
        )
    )
