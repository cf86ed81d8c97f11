"""A draft as the item view shows it: the state of saving, texts to choose between, earlier versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ... import drafts
from ...drafts import DraftContent, Kept, Version
from ...errors import DengbaoError, StoreError
from ...evidence.staging import Staged, all_staged
from ..visit import Visit
from .form import titles_of, typed, word_of
from .screen import Seat

_SHOWN_VERSIONS: Final = 12
_FIRST_WORDS: Final = 60


@dataclass(frozen=True)
class Difference:
    """A field that two texts fill differently."""

    title: str
    theirs: str
    ours: str


@dataclass(frozen=True)
class Choice:
    """A text that was overtaken by another window, beside the one that stands."""

    aside: Version
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Drafted:
    """A draft on the desk; `fault` says why it cannot be read, and then nothing of it is shown."""

    seat: Seat
    kept: Kept
    files: tuple[Staged, ...]
    fault: DengbaoError | None = None

    @property
    def fields(self) -> dict[str, str]:
        """Return what was typed."""
        return self.kept.content.fields

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Return the texts that wait for a choice."""
        return tuple(choice_of(self.seat, self.kept.content, one) for one in self.kept.asides)

    @property
    def earlier(self) -> tuple[tuple[Version, str], ...]:
        """Return the newest versions before the one that stands, newest first, with their first words."""
        return tuple(
            (one, first_words(one)) for one in reversed(self.kept.versions[-_SHOWN_VERSIONS - 1 : -1])
        )


def choice_of(seat: Seat, stands: DraftContent, aside: Version) -> Choice:
    """Return where a text differs from the one that stands."""
    found: list[Difference] = []
    for name, title in titles_of(seat.item).items():
        theirs, ours = stands.fields.get(name, ""), aside.fields.get(name, "")
        if theirs != ours:
            found.append(Difference(title, word_of(name, theirs), word_of(name, ours)))
    return Choice(aside, tuple(found))


def first_words(version: Version) -> str:
    """Return how a version begins, for people to know it again."""
    text = " ".join(version.fields.get("statement", "").split())
    shown = text[:_FIRST_WORDS] + ("…" if len(text) > _FIRST_WORDS else "")
    more = len(version.files)
    return (shown or "（结果记录为空）") + (f"，{more} 个文件" if more else "")


def drafted(visit: Visit, seat: Seat) -> Drafted:
    """Return the draft of a seat; one that cannot be read is told, not hidden."""
    directory = visit.desk.directory
    try:
        kept = drafts.load(directory, seat.item.id, seat.asset.id)
        return Drafted(seat, kept, all_staged(directory, kept.content.files))
    except StoreError as exc:
        return Drafted(seat, Kept(), (), exc)


def drafted_assets(visit: Visit, item: str, assets: tuple[str, ...]) -> frozenset[str]:
    """Return on which assets something is typed about an item and not filed."""
    found: set[str] = set()
    begun = drafts.begun(visit.desk.directory, item)
    for asset in begun.intersection(assets):
        try:
            kept = drafts.load(visit.desk.directory, item, asset)
        except StoreError:
            found.add(asset)
            continue
        if kept.asides or kept.content != DraftContent():
            found.add(asset)
    return frozenset(found)


def keep_typed(visit: Visit, seat: Seat) -> drafts.Saved | drafts.Conflict:
    """Save what stands in the posted form upon the version that the form was shown with.

    Raises:
        UsageError: nobody is chosen, or a field is too long. StoreError: it cannot be saved.

    """
    directory = visit.desk.directory
    item, asset = seat.item.id, seat.asset.id
    base = _number(visit, "base")
    shown = drafts.load(directory, item, asset).version(base)
    content = typed(visit.filled, seat.item, shown.files if shown is not None else ())
    aside = _number(visit, "aside")
    return drafts.save(
        directory, item, asset, content, base=base, by=visit.someone(), settles=(aside,) if aside else (),
        window=visit.filled.text("window", most=40),
    )  # fmt: skip


def _number(visit: Visit, name: str) -> int:
    return visit.filled.number(name, name, most=10**9) if visit.filled.raw(name) else 0
