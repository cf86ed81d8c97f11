"""The ledger of a round: attempts that leave a trace, and changes that must be taken back.

Every line is on disk before the request it speaks of is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from .errors import Interrupted, StoreError
from .files import Journal, read_lines
from .model import Person, Value
from .probes.base import Debt


class FileLedger:
    """The ledger of attempts of one round, shared by all probes; every line is on disk before the attempt."""

    def __init__(self, path: Path) -> None:
        self._known: dict[str, str | None] = {}
        self._owed: dict[str, str] = {}
        for entry in read_ledger(path):
            self._take(entry)
        self._journal = Journal(path)

    def _take(self, entry: LedgerLine) -> None:
        if entry.settled:
            self._owed.pop(entry.key, None)
        elif entry.owed is not None:
            self._owed[entry.key] = entry.owed
        else:
            self._known[entry.key] = entry.outcome

    def for_probe(
        self, asset: str, probe: str, *, heard: Callable[[str], None] = lambda _key: None, again: str = ""
    ) -> ProbeLedger:
        """Return the ledger with keys of one probe on one asset; `heard` is told of each attempt begun.

        Attempts that are made `again`, because a person asked for them, are told apart from the round's.
        """
        return ProbeLedger(self, f"{asset}/{probe}/", heard, f"again-{again}/" if again else "")

    def begin(self, key: str) -> str | None:
        """Note an attempt before it is sent; return an outcome noted earlier instead, if there is one.

        Raises:
            Interrupted: begun earlier, outcome unknown: it must not be sent a second time.

        """
        if key in self._known:
            outcome = self._known[key]
            if outcome is None:
                raise Interrupted(
                    "上次运行在该次尝试之后中断，结果未知，不再重复尝试",
                    cure="人工核实该账户状态后，在新的一轮中检测",
                )
            return outcome
        self._known[key] = None
        self._journal.append(msgspec.json.encode(LedgerLine(key=key)), durable=True)
        return None

    def end(self, key: str, outcome: str) -> None:
        """Note what came back."""
        self._known[key] = outcome
        self._journal.append(msgspec.json.encode(LedgerLine(key=key, outcome=outcome)), durable=True)

    def recall(self, key: str) -> str | None:
        """Return what was noted under a key, None where nothing was."""
        return self._known.get(key)

    def owe(self, key: str, what: str) -> None:
        """Note durably, before it is done, a change that must be taken back."""
        self._write(LedgerLine(key=key, owed=what))

    def settle(self, key: str) -> None:
        """Note that a change was taken back, or was never made."""
        if key in self._owed:
            self._write(LedgerLine(key=key, settled=True))

    def settle_by_hand(self, key: str, hand: Hand) -> None:
        """Note that a person took a change back; it is not tried any more."""
        if key in self._owed:
            self._write(LedgerLine(key=key, owed=self._owed[key], settled=True, hand=hand))

    def debts(self, prefix: str = "") -> dict[str, str]:
        """Return key → words of the changes that were not taken back yet, oldest first."""
        return {key: what for key, what in self._owed.items() if key.startswith(prefix)}

    def _write(self, entry: LedgerLine) -> None:
        self._take(entry)
        self._journal.append(msgspec.json.encode(entry), durable=True)

    def close(self) -> None:
        """Close the file."""
        self._journal.close()


class Hand(Value):
    """Who took a change back by hand, how, and when it was told."""

    by: Person
    how: str
    at: datetime


class LedgerLine(Value):
    """One line: an attempt begun or ended (`outcome`), or a change `owed` and `settled`, perhaps by hand."""

    key: str
    outcome: str | None = None
    owed: str | None = None
    settled: bool = False
    hand: Hand | None = None


def read_ledger(path: Path) -> Iterator[LedgerLine]:
    """Yield the lines of a ledger that may not be there; a torn last line is passed over.

    Raises:
        StoreError: a line is damaged.

    """
    for number, line in read_lines(path):
        try:
            yield msgspec.json.decode(line, type=LedgerLine)
        except msgspec.DecodeError as exc:
            raise StoreError(
                "尝试台账此行已损坏", where=f"{path}:{number}", cure="从备份恢复，或开始新的一轮"
            ) from exc


@dataclass(frozen=True)
class ProbeLedger:
    """The part of the ledger that one probe on one asset may write."""

    ledger: FileLedger
    prefix: str
    heard: Callable[[str], None]
    again: str = ""

    def begin(self, key: str) -> str | None:
        """Note the attempt durably before it is sent."""
        outcome = self.ledger.begin(self.prefix + self.again + key)
        if outcome is None:
            self.heard(key)
        return outcome

    def end(self, key: str, outcome: str) -> None:
        """Note what came back."""
        self.ledger.end(self.prefix + self.again + key, outcome)

    def owe(self, key: str, what: str) -> None:
        """Note durably, before it is done, a change that must be taken back."""
        self.ledger.owe(self.prefix + key, what)

    def settle(self, key: str) -> None:
        """Note that a change was taken back, or was never made."""
        self.ledger.settle(self.prefix + key)

    def debts(self) -> tuple[Debt, ...]:
        """Return the changes of this probe that were not taken back yet, oldest first."""
        found = self.ledger.debts(self.prefix)
        return tuple(Debt(key.removeprefix(self.prefix), what) for key, what in found.items())

    def remember(self, key: str, text: str) -> None:
        """Note durably what taking back may need."""
        self.ledger.end(self.prefix + key, text)

    def recall(self, key: str) -> str | None:
        """Return what was remembered, also by an earlier run."""
        return self.ledger.recall(self.prefix + key)
