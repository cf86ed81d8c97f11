"""What lies on the desk: the engagement folder as it stands now, read again only where a file changed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Final, cast

from starlette.applications import Starlette

from ..catalog.engagements import FILE_NAME
from ..errors import DengbaoError
from ..evidence import Examined, Finding, Remembering, counted, damage, evidence_stamps, examine
from ..evidence.remarks import about, load_remarks
from ..files import RememberedDigests, Stamp, stamp_of, stamps_in
from ..model import Asset, CaseResult, Clause, Evidence, Item, ItemResult, Remark, SuiteResult
from ..packet.stage import Progress, progress_of
from ..results import refuse_other_suite
from ..rounds import Round, load_round, round_numbers
from ..session import Session, open_session, reopen
from ..verdict import Folding

_ROUND_FILES: Final = ("run.json", "plan.json", "engagement.json", "records.jsonl")


# Compared by identity: it is asked for at every request, and what was made from it may be kept with it.
@dataclass(frozen=True, eq=False)
class State:
    """One moment of the engagement: tested, filed, folded; `round` is None before the first run."""

    session: Session
    round: Round | None
    result: SuiteResult
    examined: tuple[Examined, ...]

    @cached_property
    def items(self) -> dict[str, ItemResult]:
        """Return the results by item, in official order."""
        clauses = (item for clause in self.result.clauses for item in clause.items)
        return {one.item.id: one for one in (*self.result.mandatory, *clauses)}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Return the items' ids in official order."""
        return tuple(self.items)

    @cached_property
    def clause_of(self) -> dict[str, Clause]:
        """Return the clause of each item; a mandatory item has none."""
        return {item.id: clause for clause in self.session.suite.clauses() for item in clause.items}

    @cached_property
    def assets(self) -> dict[str, Asset]:
        """Return the assets by id, the whole system last."""
        return {one.id: one for one in self.session.engagement.assets}

    @cached_property
    def evidence_of(self) -> dict[tuple[str, str], tuple[Examined, ...]]:
        """Return all filed evidence by item and asset, also what does not count, with what is said of it."""
        found: dict[tuple[str, str], tuple[Examined, ...]] = {}
        for one in self.examined:
            for item in one.record.items if one.record is not None else ():
                key = (item, one.record.asset if one.record is not None else "")
                found[key] = (*found.get(key, ()), one)
        return found

    @cached_property
    def evidence(self) -> dict[str, Evidence]:
        """Return the readable evidence by number."""
        return {one.record.id: one.record for one in self.examined if one.record is not None}

    @cached_property
    def damage(self) -> tuple[Finding, ...]:
        """Return what is not as it was filed: it does not count, and nothing may be sealed or reported."""
        return damage(self.examined)

    @cached_property
    def notes(self) -> dict[tuple[str, str], tuple[Remark, ...]]:
        """Return the notes that belong to no evidence, by item and asset."""
        found: dict[tuple[str, str], tuple[Remark, ...]] = {}
        for one in about(load_remarks(self.session.directory), ""):
            found[one.item, one.asset] = (*found.get((one.item, one.asset), ()), one)
        return found

    def item(self, item_id: str) -> Item | None:
        """Return an item, None where there is no such."""
        found = self.items.get(item_id)
        return found.item if found else None

    def case(self, item_id: str, asset_id: str) -> CaseResult | None:
        """Return an item on an asset, None where that is not planned."""
        found = self.items.get(item_id)
        return next((one for one in found.cases if one.asset == asset_id), None) if found else None


@dataclass(frozen=True)
class _Stamps:
    """By what it is seen that something changed; each part is read again only when its own stamps differ."""

    today: date
    engagement: Stamp | None
    suite: dict[str, Stamp]
    rounds: tuple[tuple[int, tuple[Stamp | None, ...]], ...]
    evidence: dict[str, Stamp]


class Desk:
    """An engagement folder, and the content it is tested by.

    What is shown may rest on files that were read before and look unchanged; what is sealed, reported or
    verified never does.
    """

    def __init__(self, directory: Path, content: Path | None = None) -> None:
        self.directory = directory
        self.content = content
        self._lock = threading.Lock()
        self._glance = threading.local()
        self._kept: tuple[_Stamps, State] | None = None
        self._session: Session | None = None
        self._folding: Folding | None = None
        self._eyes = Remembering()
        self._digests = RememberedDigests()

    def state(self) -> State:
        """Return how the engagement stands; files that another program changed are read again.

        Raises:
            UsageError, ContentError, EvidenceError, StoreError: the files are wrong, with place and cure.

        """
        if (seen := getattr(self._glance, "state", None)) is not None:
            return cast("State", seen)
        state = self._look()
        if hasattr(self._glance, "state"):
            self._glance.state = state
        return state

    @contextlib.contextmanager
    def glance(self) -> Iterator[None]:
        """Let one look be enough for this thread until the block ends: a page that writes nothing."""
        self._glance.state = None
        try:
            yield
        finally:
            del self._glance.state

    def _look(self) -> State:
        with self._lock:
            stamps = self._stamps()
            if self._kept is None or self._kept[0] != stamps:
                state = self._read(stamps)
                # Which suite it is became known by reading, the first time.
                self._kept = (stamps if stamps.suite else replace(stamps, suite=self._suite_stamps()), state)
            return self._kept[1]

    def warm(self) -> None:
        """Begin to read in the background, so that the first page need not wait for all of it."""
        threading.Thread(target=self._read_first, name="desk", daemon=True).start()

    def _read_first(self) -> None:
        with contextlib.suppress(DengbaoError, OSError):  # told by the page that asks
            self.state()

    def progress(self) -> Progress:
        """Return how far the engagement has come, by digests of files that look unchanged.

        Raises:
            StoreError: the chain of custody is broken. EvidenceError: an approval cannot be read.

        """
        return progress_of(self.directory, self.state().session.engagement, digest=self._digests)

    def _read(self, stamps: _Stamps) -> State:
        old_stamps, old = self._kept or (None, None)
        session = self._opened(stamps, old_stamps)
        if old_stamps is None or old is None or old_stamps.rounds != stamps.rounds:
            chosen = load_round(self.directory, stamps.rounds[-1][0]) if stamps.rounds else None
            self._folding = None
        else:
            chosen = old.round
        if chosen is not None:
            refuse_other_suite(session, chosen)
        engagement = chosen.engagement if chosen is not None else session.engagement
        self._eyes.look_around(stamps.evidence)
        examined = examine(self.directory, session.suite, engagement, stamps.today, eyes=self._eyes)
        if self._folding is None or (chosen is None and old is not None and session is not old.session):
            cases = chosen.plan.cases if chosen is not None else session.plan.cases
            self._folding = Folding(session.suite, cases, chosen.records().values() if chosen else ())
        result = self._folding.fold(counted(examined), session.engagement.not_applicable)
        return State(session, chosen, result, examined)

    def _opened(self, stamps: _Stamps, old: _Stamps | None) -> Session:
        if self._session is None or old is None or old.suite != stamps.suite:
            self._session = open_session(self.directory, self.content)
            self._folding = None
        elif old.engagement != stamps.engagement:
            self._session = reopen(self._session)
        return self._session

    def _stamps(self) -> _Stamps:
        return _Stamps(
            today=datetime.now().astimezone().date(),
            engagement=stamp_of(self.directory / FILE_NAME),
            suite=self._suite_stamps(),
            rounds=tuple((number, self._round_stamps(number)) for number in round_numbers(self.directory)),
            evidence=evidence_stamps(self.directory),
        )

    def _suite_stamps(self) -> dict[str, Stamp]:
        if self._session is None:
            return {}
        return stamps_in(self._session.content.suites / self._session.engagement.suite)

    def _round_stamps(self, number: int) -> tuple[Stamp | None, ...]:
        folder = self.directory / "runs" / f"round-{number}"
        return tuple(stamp_of(folder / one) for one in _ROUND_FILES)


def desk_of(app: Starlette) -> Desk:
    """Return the desk of an application."""
    return cast("Desk", app.state.desk)
