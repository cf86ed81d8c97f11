"""What is asked: the regulation's clauses and items as values."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from .base import Kind, Method, Polarity, Value

ParamValue = bool | int | str | tuple[str, ...]


class Threshold(Value):
    """One number or list of the profile, with where it comes from.

    `certainty` is `binding` (an official text), `second_hand` or `convention`; only the first
    may be called a rule in a statement.
    """

    value: ParamValue
    source: str
    certainty: str
    unit: str = ""
    note: str = ""


class CheckUse(Value):
    """A check that an item uses; `with` overrides profile values, `$name` points into the profile."""

    use: str
    with_: dict[str, ParamValue] = msgspec.field(name="with", default_factory=dict)


class Guidance(Value):
    """作业指导 for one platform: the exact command or menu, and what a good answer looks like."""

    platform: str
    steps: str
    expect: str = ""


class ByHand(Value):
    """What a person asks, does and keeps where no program can see.

    `why` says, by kind of asset, why no program can decide it there.
    """

    ask: str
    keep: tuple[str, ...]
    how: tuple[Guidance, ...] = ()
    why: dict[Kind, str] = msgspec.field(default_factory=dict)


class Item(Value):
    """测评项: the smallest thing with a verdict; `text` is verbatim."""

    id: str
    text: str
    polarity: Polarity
    methods: tuple[Method, ...]
    kinds: tuple[Kind, ...]
    by_hand: ByHand
    checks: tuple[CheckUse, ...] = ()
    questions: tuple[str, ...] = ()
    anomaly: str = ""
    advice: str = ""


class HighRisk(Value):
    """A case of the high-risk guide that the clause carries."""

    case: str
    title: str
    mitigation: str = ""


class Clause(Value):
    """条款: has items; its verdict is folded from theirs; `text` is verbatim."""

    id: str
    letter: str
    text: str
    source: str
    unit: str
    items: tuple[Item, ...]
    high_risk: HighRisk | None = None
    anomaly: str = ""


class Chapter(Value):
    """章 of 附件三, in official order."""

    number: int
    title: str
    clauses: tuple[Clause, ...]


class Suite(Value):
    """One edition of one regulation; never edited in place."""

    id: str
    title: str
    edition: str
    regulation: str
    mandatory: tuple[Item, ...]
    chapters: tuple[Chapter, ...]
    profile: dict[str, Threshold]
    anomalies: tuple[str, ...] = ()
    sha256: str = ""

    def clauses(self) -> Iterator[Clause]:
        """Yield all clauses in official order."""
        for chapter in self.chapters:
            yield from chapter.clauses

    def items(self) -> Iterator[Item]:
        """Yield the mandatory items, then all items in official order."""
        yield from self.mandatory
        for clause in self.clauses():
            yield from clause.items
