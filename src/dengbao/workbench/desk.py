"""What lies on the desk: the engagement folder as it stands now, read again only where a file changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from ..catalog.engagements import FILE_NAME
from ..evidence import Examined, examine
from ..model import Asset, CaseResult, Clause, Evidence, Item, ItemResult, SuiteResult
from ..results import fold_round
from ..rounds import Round, load_round, round_numbers
from ..session import Session, open_session
from ..verdict import fold

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
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

    def item(self, item_id: str) -> Item | None:
        """Return an item, None where there is no such."""
        found = self.items.get(item_id)
        return found.item if found else None

    def case(self, item_id: str, asset_id: str) -> CaseResult | None:
        """Return an item on an asset, None where that is not planned."""
        found = self.items.get(item_id)
        return next((one for one in found.cases if one.asset == asset_id), None) if found else None


class Desk:
    """An engagement folder, and the content it is tested by."""

    def __init__(self, directory: Path, content: Path | None = None) -> None:
        self.directory = directory
        self.content = content
        self._lock = threading.Lock()
        self._kept: tuple[Stamp, State] | None = None

    def state(self) -> State:
        """Return how the engagement stands; files that another program changed are read again.

        Raises:
            UsageError, ContentError, EvidenceError, StoreError: the files are wrong, with place and cure.

        """
        with self._lock:
            stamp = tuple(self._stamps())
            if self._kept is None or self._kept[0] != stamp:
                self._kept = (stamp, self._read())
            return self._kept[1]

    def _read(self) -> State:
        session = open_session(self.directory, self.content)
        numbers = round_numbers(self.directory)
        chosen = load_round(self.directory, numbers[-1]) if numbers else None
        engagement = chosen.engagement if chosen is not None else session.engagement
        today = datetime.now().astimezone().date()
        examined = examine(self.directory, session.suite, engagement, today)
        if chosen is not None:
            result, _ = fold_round(session, chosen, today=today)
        else:
            counting = [one.record for one in examined if one.counts and one.record is not None]
            declared = session.engagement.not_applicable
            result = fold(session.suite, session.plan.cases, (), counting, declared)
        return State(session, chosen, result, examined)

    def _stamps(self) -> Iterator[tuple[str, int, int]]:
        for path in self._watched():
            try:
                found = path.stat()
            except OSError:
                continue
            yield str(path), found.st_mtime_ns, found.st_size

    def _watched(self) -> Iterator[Path]:
        yield self.directory / FILE_NAME
        for number in round_numbers(self.directory):
            folder = self.directory / "runs" / f"round-{number}"
            yield from (folder / one for one in ("run.json", "plan.json", "records.jsonl"))
        evidence = self.directory / "evidence"
        if evidence.is_dir():
            yield from sorted(evidence.iterdir())
