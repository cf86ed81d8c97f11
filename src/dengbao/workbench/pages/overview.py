"""Overview: where the engagement stands, what holds the report up, and what comes next."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from ... import drafts
from ...drafts import Unfiled
from ...errors import DengbaoError
from ...evidence import Gravity
from ...model import ItemResult, RunInfo
from ...packet.stage import Progress, Stage
from ...reading import apart
from ...report.inputs import GapEntry, GapGroup
from ...rounds import load_info, round_numbers
from ...undoing import Owed, owed_in
from ..desk import Desk, State
from ..grid import GRAVEST, grid_of
from ..missing import missing, page_of
from ..rows import BAD
from ..shown import tone
from ..steps import Situation, steps
from ..visit import Visit, look

_MOST_PLACES: Final = 12
_MOST_ENTRIES: Final = 3
_MOST_ASSETS: Final = 3
_KEY: Final = re.compile(r"（engagement\.yaml 的 (\w+)[\w.]*）")


@dataclass(frozen=True)
class Line:
    """One thing that is missing: where it is mended, and what."""

    path: str
    place: str
    told: str


@dataclass(frozen=True)
class Blocked:
    """What holds the final report up: the first places, and how many gaps there are in all."""

    lines: tuple[Line, ...]
    count: int
    left: int
    blanks: int


def show(visit: Visit) -> Response:
    """Show the next step, the counts, what is missing, the grid and the rounds."""
    state = visit.desk.state()
    progress, faults = _progress(visit.desk)
    owed = owed_in(visit.desk.directory)
    waiting = drafts.unfiled(visit.desk.directory)
    return visit.page(
        "overview.html", state=state, grid=grid_of(state), counts=counted(state.items.values()),
        gravest=GRAVEST, blocked=blocked_of(state), owed=owed, progress=progress, faults=faults,
        rounds=rounds_of(state), steps=steps(situation(state, progress, owed, waiting)),
    )  # fmt: skip


def _progress(desk: Desk) -> tuple[Progress | None, tuple[DengbaoError, ...]]:
    """Return how far it has come; a broken log or approval is told here and keeps nobody from working."""
    try:
        return desk.progress(), ()
    except DengbaoError as exc:
        return None, tuple(apart(exc))


def situation(
    state: State, progress: Progress | None, owed: tuple[Owed, ...], waiting: tuple[Unfiled, ...]
) -> Situation:
    """Return how the engagement stands, in numbers."""
    counts = counted(state.items.values())
    found = Counter(finding.gravity for one in state.examined for finding in one.findings)
    return Situation(
        rounds=state.round.number if state.round is not None else 0,
        ended=state.round is not None and state.round.info.ended_at is not None,
        owed=len(owed), bad=sum(counts[one] for one in BAD), undetermined=counts["undetermined"],
        not_run=counts["not_run"], awaiting=counts["awaiting_evidence"],
        unreviewed=found[Gravity.UNREVIEWED], returned=found[Gravity.RETURNED],
        drafts=len(waiting), draft_path=_path_of(waiting), blanks=blocked_of(state).blanks,
        stage=progress.stage if progress is not None else Stage.DRAFT,
    )  # fmt: skip


def _path_of(waiting: tuple[Unfiled, ...]) -> str:
    if not waiting:
        return ""
    item, asset = quote(waiting[0].item), quote(waiting[0].asset)
    return f"/item/{item}?asset={asset}#a-{asset}"


@functools.lru_cache(maxsize=1)
def blocked_of(state: State) -> Blocked:
    """Return what holds the final report up; nothing of it before the first run."""
    groups = missing(state)
    lines = [line for group in groups for line in _lines(state, group)]
    blanks = sum(one.count for one in groups if one.place == "基本信息")
    shown = lines[:_MOST_PLACES]
    return Blocked(tuple(shown), sum(one.count for one in groups), len(lines) - len(shown), blanks)


def _lines(state: State, group: GapGroup) -> Iterable[Line]:
    path = page_of(state, group.place)
    of_assets = [one for one in group.entries if one.assets]
    if of_assets:
        told = "；".join(map(_entry, of_assets[:_MOST_ENTRIES]))
        left = len(of_assets) - _MOST_ENTRIES
        yield Line(path, group.place, f"{told}；另有 {left} 种" if left > 0 else told)
    for one in group.entries:
        for need in () if one.assets else one.needs:
            key = _KEY.search(need)
            anchor = "report" if key and key[1] == "report_number" else key[1] if key else ""
            told = f"{one.state}：{_KEY.sub('', need)}"
            yield Line(f"{path}#{anchor}" if path and anchor else path, group.place, told)


def _entry(one: GapEntry) -> str:
    some = "、".join(one.assets[:_MOST_ASSETS])
    more = f" 等 {len(one.assets)} 个" if len(one.assets) > _MOST_ASSETS else ""
    return f"{some}{more} {one.state}：{'；'.join(one.needs)}"


@functools.lru_cache(maxsize=1)
def rounds_of(state: State) -> tuple[RunInfo, ...]:
    """Return all rounds, the newest first."""
    directory = state.session.directory
    return tuple(load_info(directory, one) for one in reversed(round_numbers(directory)))


def counted(items: Iterable[ItemResult]) -> Counter[str]:
    """Return how many items have each tone."""
    return Counter(tone(one.status, one.verdict) for one in items)


ROUTES: Final[tuple[Route, ...]] = (look("/", show),)
