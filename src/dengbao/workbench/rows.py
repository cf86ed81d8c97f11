"""All cases as the table shows them: one row for each item on each asset, in official order."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ..evidence import Examined
from ..model import CaseResult, ItemResult, Person, Status, Verdict
from .desk import State
from .shown import case_word, person_zh, tone

BAD: Final = ("nonconform", "partial")
OPEN: Final = ("undetermined", "not_run", "awaiting_evidence")
_BAD_VERDICTS: Final = (Verdict.NONCONFORM, Verdict.PARTIAL)
_FAILED: Final = "未能取得所需信息："  # the word beside it says so
_SAID: Final = 72


@dataclass(frozen=True)
class Row:
    """One item on one asset; `told` is what was seen or is lacking, `hands` who collected and reviewed."""

    item: str
    text: str
    chapter: int
    chapter_title: str
    high_risk: bool
    asset: str
    asset_name: str
    tone: str
    word: str
    told: str
    collected: tuple[str, ...]
    reviewed: tuple[str, ...]
    hands: str
    evidence: tuple[str, ...]
    declared: bool

    @property
    def case(self) -> str:
        """Return what names the case in forms: `item@asset`."""
        return f"{self.item}@{self.asset}"

    @property
    def said(self) -> str:
        """Return what was seen or is lacking, cut to fit."""
        line = " ".join(self.told[: _SAID * 2].split())
        return line if len(line) <= _SAID else f"{line[:_SAID]}…"

    @functools.cached_property
    def haystack(self) -> str:
        """Return all in which words are looked for; made when it is first asked for."""
        parts = (self.item, self.text, self.asset, self.asset_name, self.told, *self.evidence)
        return "\n".join(parts).casefold()


@dataclass(frozen=True)
class Filter:
    """What is asked for; empty fields ask for nothing."""

    chapter: str = ""
    asset: str = ""
    tone: str = ""
    high_risk: bool = False
    who: str = ""
    words: str = ""

    def query(self) -> dict[str, str]:
        """Return the filter as fields of an address, without empty ones."""
        fields = {
            "chapter": self.chapter, "asset": self.asset, "tone": self.tone, "who": self.who,
            "high": "1" if self.high_risk else "", "q": self.words,
        }  # fmt: skip
        return {name: value for name, value in fields.items() if value}

    def choose(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        """Return the rows that fit, in their order."""
        words = self.words.casefold().split()
        tones = {"bad": BAD, "open": OPEN}.get(self.tone, (self.tone,))
        return tuple(
            one
            for one in rows
            if (not self.chapter or str(one.chapter) == self.chapter)
            and (not self.asset or one.asset == self.asset)
            and (not self.tone or one.tone in tones)
            and (one.high_risk or not self.high_risk)
            and (not self.who or self._by(one))
            and all(word in one.haystack for word in words)
        )

    def _by(self, row: Row) -> bool:
        part, _, name = self.who.partition(":")
        return name in (row.collected if part == "collected" else row.reviewed)


@functools.lru_cache(maxsize=1)
def rows_of(state: State) -> tuple[Row, ...]:
    """Return every case of the engagement as a row; those whose case and evidence stand are not made anew."""
    chapters = {
        clause.id: (chapter.number, chapter.title)
        for chapter in state.session.suite.chapters
        for clause in chapter.clauses
    }
    return tuple(
        row
        for item in state.items.values()
        for row in _rows(state, item, *chapters.get(_clause_of(state, item.item.id), (0, "必须测试项")))
    )


def _rows(state: State, item: ItemResult, number: int, title: str) -> Iterator[Row]:
    made, filed = state.made, state.evidence_of
    for case in item.cases:
        of_case = filed.get((case.item, case.asset), ())
        make = functools.partial(_row, state, item, case, of_case, number, title)
        yield made.of(("row", case.item, case.asset), (case, *of_case), make)


def _clause_of(state: State, item: str) -> str:
    found = state.clause_of.get(item)
    return found.id if found is not None else ""


def _row(
    state: State, item: ItemResult, case: CaseResult, filed: Iterable[Examined], number: int, title: str
) -> Row:
    clause = state.clause_of.get(item.item.id)
    records = [one.record for one in filed if one.record is not None]
    collected = dict.fromkeys(one.collected_by for one in records)
    reviewed = dict.fromkeys(one.reviewed.by for one in records if one.reviewed is not None)
    asset = state.assets.get(case.asset)
    return Row(
        item=case.item, text=item.item.text, chapter=number, chapter_title=title,
        high_risk=clause is not None and clause.high_risk is not None,
        asset=case.asset, asset_name=asset.name if asset is not None and asset.name else case.asset,
        tone=tone(case.status, case.verdict), word=case_word(case), told=" ".join(_said(case)),
        collected=tuple(map(person_zh, collected)), reviewed=tuple(map(person_zh, reviewed)),
        hands=_hands(collected, reviewed), evidence=tuple(one.id for one in records),
        declared=case.declared is not None,
    )  # fmt: skip


def _said(case: CaseResult) -> Iterator[str]:
    """Yield what makes the case what it is: what was found bad, what is lacking, what was seen."""
    if case.status is not Status.JUDGED:
        yield from (one.removeprefix(_FAILED) for one in case.lacks)
    elif case.verdict is Verdict.NOT_APPLICABLE and case.declared is not None:
        yield case.declared.why
    else:
        bad = case.verdict in _BAD_VERDICTS
        yield from (one.statement for one in case.records if one.check and _fits(one.verdict, bad))
        yield from (one.statement for one in case.evidence if _fits(one.verdict, bad))


def _fits(verdict: Verdict | None, bad: bool) -> bool:
    return verdict is not None and (not bad or verdict in _BAD_VERDICTS)


def _hands(collected: Iterable[Person], reviewed: Iterable[Person]) -> str:
    """Return who had a hand in it, by name alone to fit."""
    first = "、".join(dict.fromkeys(one.name for one in collected))
    second = "、".join(dict.fromkeys(one.name for one in reviewed))
    return f"{first} · {second}复核" if second else first


def people_of(rows: Iterable[Row]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return who collected and who reviewed anything, sorted."""
    given = tuple(rows)
    return (
        tuple(sorted({name for one in given for name in one.collected})),
        tuple(sorted({name for one in given for name in one.reviewed})),
    )


def tones_of(rows: Iterable[Row]) -> Counter[str]:
    """Return how many rows have each tone."""
    return Counter(one.tone for one in rows)
