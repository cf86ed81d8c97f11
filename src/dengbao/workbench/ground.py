"""What acts rest on: engagement, suite and newest round; filed evidence is no part of it, nor looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from ..catalog.engagements import FILE_NAME
from ..files import Stamp, stamp_of, stamps_in
from ..model import Asset, CaseResult, Engagement, Item
from ..results import refuse_other_suite
from ..rounds import Round, load_round, round_numbers
from ..session import Session, open_session, reopen
from ..verdict import Folding

_ROUND_FILES: Final = ("run.json", "plan.json", "engagement.json", "records.jsonl")


# Compared by identity: what was made from it may be kept with it.
@dataclass(frozen=True, eq=False)
class Ground:
    """One moment of what is tested; `round` is None before the first run."""

    session: Session
    round: Round | None
    folding: Folding

    @property
    def engagement(self) -> Engagement:
        """Return the engagement that the newest round was begun with, before it the one on file."""
        return self.round.engagement if self.round is not None else self.session.engagement

    @cached_property
    def items(self) -> Mapping[str, Item]:
        """Return the items by id."""
        return {one.id: one for one in self.session.suite.items()}

    @cached_property
    def assets(self) -> Mapping[str, Asset]:
        """Return the assets by id; those that only the round knows are among them."""
        return {one.id: one for one in (*self.engagement.assets, *self.session.engagement.assets)}

    @cached_property
    def probes_of_cases(self) -> Mapping[str, tuple[str, ...]]:
        """Return case id → names of the probes whose facts it needs."""
        return self.session.probes_of_cases()

    def case(self, item: str, asset: str) -> CaseResult | None:
        """Return an item on an asset as programs alone left it, None where that is not planned."""
        found = self.items.get(item)
        return self.folding.alone(found, asset) if found is not None else None


@dataclass(frozen=True)
class _Stamps:
    """By what it is seen that something changed; each part is read again only when its own stamps differ."""

    engagement: Stamp | None
    suite: dict[str, Stamp]
    rounds: tuple[tuple[int, tuple[Stamp | None, ...]], ...]


class Grounds:
    """Knows the ground of an engagement folder; not to be asked by two threads at once."""

    def __init__(self, directory: Path, content: Path | None = None) -> None:
        self._directory = directory
        self._content = content
        self._session: Session | None = None
        self._folding: Folding | None = None
        self._kept: tuple[_Stamps, Ground] | None = None

    def now(self) -> Ground:
        """Return the ground as it is; files that another program changed are read again.

        Raises:
            UsageError, ContentError, StoreError: the files are wrong, with place and cure.

        """
        stamps = self._stamps()
        if self._kept is None or self._kept[0] != stamps:
            ground = self._read(stamps)
            # Which suite it is became known by reading, the first time.
            self._kept = (stamps if stamps.suite else replace(stamps, suite=self._suite_stamps()), ground)
        return self._kept[1]

    def _read(self, stamps: _Stamps) -> Ground:
        old_stamps, old = self._kept or (None, None)
        session = self._opened(stamps, old_stamps)
        if old_stamps is None or old is None or old_stamps.rounds != stamps.rounds:
            chosen = load_round(self._directory, stamps.rounds[-1][0]) if stamps.rounds else None
            self._folding = None
        else:
            chosen = old.round
        if chosen is not None:
            refuse_other_suite(session, chosen)
        if self._folding is None or (chosen is None and old is not None and session is not old.session):
            cases = chosen.plan.cases if chosen is not None else session.plan.cases
            self._folding = Folding(session.suite, cases, chosen.records().values() if chosen else ())
        return Ground(session, chosen, self._folding)

    def _opened(self, stamps: _Stamps, old: _Stamps | None) -> Session:
        if self._session is None or old is None or old.suite != stamps.suite:
            self._session = open_session(self._directory, self._content)
            self._folding = None
        elif old.engagement != stamps.engagement:
            self._session = reopen(self._session)
        return self._session

    def _stamps(self) -> _Stamps:
        return _Stamps(
            engagement=stamp_of(self._directory / FILE_NAME),
            suite=self._suite_stamps(),
            rounds=tuple((number, self._round_stamps(number)) for number in round_numbers(self._directory)),
        )

    def _suite_stamps(self) -> dict[str, Stamp]:
        if self._session is None:
            return {}
        return stamps_in(self._session.content.suites / self._session.engagement.suite)

    def _round_stamps(self, number: int) -> tuple[Stamp | None, ...]:
        folder = self._directory / "runs" / f"round-{number}"
        return tuple(stamp_of(folder / one) for one in _ROUND_FILES)
