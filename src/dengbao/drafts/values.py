"""A draft's versions, and what saving one may come to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import msgspec

from ..model import Person, Value


class DraftContent(Value):
    """What was typed, by field, and the digests of the staged files."""

    fields: dict[str, str] = msgspec.field(default_factory=dict)
    files: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Return a digest by which the same text is known again, whatever files belong to it."""
        return hashlib.sha256(msgspec.json.encode(self.fields, order="sorted")).hexdigest()


class Version(Value):
    """One line of a draft.

    `aside` marks a text that another window had overtaken; `settles` names the asides that are done with.
    `restores` is the version whose content was taken back; `filed` the evidence that the draft became;
    `was` its digest then. `window` typed it; empty where the content is not what one window alone showed.
    """

    version: int
    at: datetime
    by: Person
    fields: dict[str, str] = msgspec.field(default_factory=dict)
    files: tuple[str, ...] = ()
    aside: bool = False
    settles: tuple[int, ...] = ()
    restores: int = 0
    filed: str = ""
    window: str = ""
    was: str = ""

    @property
    def content(self) -> DraftContent:
        """Return what was typed and attached."""
        return DraftContent(fields=self.fields, files=self.files)


@dataclass(frozen=True)
class Kept:
    """A draft as it lies on disk: the versions, oldest first, and the texts still waiting for a choice."""

    versions: tuple[Version, ...] = ()
    asides: tuple[Version, ...] = ()

    @property
    def now(self) -> Version | None:
        """Return the newest version, None before anything was saved."""
        return self.versions[-1] if self.versions else None

    @property
    def number(self) -> int:
        """Return the newest version's number, 0 before anything was saved."""
        return self.versions[-1].version if self.versions else 0

    @property
    def content(self) -> DraftContent:
        """Return the newest content, empty before anything was saved."""
        return self.versions[-1].content if self.versions else DraftContent()

    @property
    def highest(self) -> int:
        """Return the highest number that was given out."""
        return max((one.version for one in (*self.versions, *self.asides)), default=0)

    def origin(self, base: int, window: str) -> Version | None:
        """Return what a window last had on disk: version `base`, or its own that it was not told of.

        A window whose answer was lost with a killed server still believes in `base`.
        """
        own = [one for one in self.versions if one.version > base and window and one.window == window]
        return own[-1] if own else self.version(base)

    def version(self, number: int) -> Version | None:
        """Return a version that is still kept."""
        return next((one for one in self.versions if one.version == number), None)

    @property
    def before(self) -> Version | None:
        """Return the version that undoing brings back, None where there is nothing to undo."""
        at = len(self.versions) - 1
        while at >= 0 and self.versions[at].restores:
            found = self._place(self.versions[at].restores)
            if found is None:
                return None
            at = found
        return self.versions[at - 1] if at >= 1 and not self.versions[at].filed else None

    def _place(self, number: int) -> int | None:
        return next((at for at, one in enumerate(self.versions) if one.version == number), None)


@dataclass(frozen=True)
class Saved:
    """It is on disk; `merged` tells that another window's changes to other fields are in it."""

    version: Version
    merged: bool = False


@dataclass(frozen=True)
class Conflict:
    """Another window changed the same fields; both texts are on disk, `fields` names where they differ."""

    current: Version
    yours: Version
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Unfiled:
    """A draft that holds something and did not become evidence yet."""

    item: str
    asset: str
    version: Version
