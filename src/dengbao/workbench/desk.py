"""What lies on the desk: the engagement folder as it stands now, read again only where a file changed."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from operator import is_
from pathlib import Path
from typing import TypeVar, cast

from starlette.applications import Starlette

from ..errors import DengbaoError
from ..evidence import Examined, Finding, Remembering, counted, damage, evidence_stamps, examine
from ..evidence.remarks import about, load_remarks
from ..files import RememberedDigests, Stamp
from ..model import Asset, CaseResult, Clause, Evidence, Item, ItemResult, Remark, SuiteResult
from ..packet.stage import Progress, progress_of
from ..rounds import Round
from ..session import Session
from .ground import Ground, Grounds

Thing = TypeVar("Thing")


class Made:
    """What was made of parts of a state; made anew where one of them is another thing than it was.

    Parts are compared by identity: they are values that nobody changes. What is made may not depend on
    anything else.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[tuple[object, ...], object]] = {}

    def of(self, key: Hashable, parts: tuple[object, ...], make: Callable[[], Thing]) -> Thing:
        """Return what `make` makes of parts, the one made before where the parts are the very same."""
        kept = self._kept.get(key)
        if kept is not None and len(kept[0]) == len(parts) and all(map(is_, kept[0], parts)):
            return cast("Thing", kept[1])
        made = make()
        self._kept[key] = (parts, made)
        return made


# Compared by identity: it is asked for at every request, and what was made from it may be kept with it.
@dataclass(frozen=True, eq=False)
class State:
    """One moment of the engagement: tested, filed, folded; `round` is None before the first run."""

    session: Session
    round: Round | None
    result: SuiteResult
    examined: tuple[Examined, ...]
    made: Made = field(default_factory=Made)

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
class _Rest:
    """What a state rests on: the ground, the day, and by what files of evidence are known to have changed."""

    ground: Ground
    today: date
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
        self._grounds = Grounds(directory, content)
        self._kept: tuple[_Rest, State] | None = None
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

    def lately(self) -> State:
        """Return how the engagement stood when it was last looked at: enough to find the way on.

        Raises:
            UsageError, ContentError, EvidenceError, StoreError: nobody looked yet, and the files are wrong.

        """
        kept = self._kept
        return kept[1] if kept is not None else self.state()

    def ground(self) -> Ground:
        """Return what is tested, without what was filed: enough to save a draft or to file it, and quick.

        Raises:
            UsageError, ContentError, StoreError: the files are wrong, with place and cure.

        """
        with self._lock:
            return self._grounds.now()

    @contextlib.contextmanager
    def glance(self) -> Iterator[None]:
        """Let one look be enough for this thread until the block ends: nothing is written meanwhile."""
        if hasattr(self._glance, "state"):  # within another glance
            yield
            return
        self._glance.state = None
        try:
            yield
        finally:
            del self._glance.state

    def _look(self) -> State:
        with self._lock:
            ground, today = self._grounds.now(), datetime.now().astimezone().date()
            rest = _Rest(ground, today, evidence_stamps(self.directory))
            if self._kept is None or self._kept[0] != rest:
                self._kept = (rest, self._read(rest))
            return self._kept[1]

    def warm(self, also: Callable[[], None] = lambda: None) -> None:
        """Begin to read in the background, so that the first page need not wait for all of it.

        `also` is done after that, for the sake of the pages that come next.
        """
        threading.Thread(target=self._read_first, args=(also,), name="desk", daemon=True).start()

    def _read_first(self, also: Callable[[], None]) -> None:
        with contextlib.suppress(DengbaoError, OSError):  # told by the page that asks
            self.state()
            also()
            gc.freeze()  # what stays for long need not be gone through again whenever garbage is looked for

    def progress(self) -> Progress:
        """Return how far the engagement has come, by digests of files that look unchanged.

        Raises:
            StoreError: the chain of custody is broken. EvidenceError: an approval cannot be read.

        """
        return progress_of(self.directory, self.state().session.engagement, digest=self._digests)

    def _read(self, rest: _Rest) -> State:
        ground, session = rest.ground, rest.ground.session
        self._eyes.look_around(rest.evidence)
        examined = examine(self.directory, session.suite, ground.engagement, rest.today, eyes=self._eyes)
        result = ground.folding.fold(counted(examined), session.engagement.not_applicable)
        return State(session, ground.round, result, examined, self._made(ground))

    def _made(self, ground: Ground) -> Made:
        """Return what was made before, as long as suite and assets are those that it was made with."""
        if self._kept is not None:
            before, now = self._kept[0].ground.session, ground.session
            if before.suite is now.suite and before.engagement.assets == now.engagement.assets:
                return self._kept[1].made
        return Made()


def desk_of(app: Starlette) -> Desk:
    """Return the desk of an application."""
    return cast("Desk", app.state.desk)
