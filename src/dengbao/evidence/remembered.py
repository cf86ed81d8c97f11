"""Looks at evidence as `examine` does, and remembers: what did not change is not read and hashed again.

For showing only. Sealing, reports and verification read every file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from ..files import Stamp, stamps_in
from ..model import Asset, Engagement, Suite
from .admissibility import Eyes
from .carried import carried_folder
from .findings import Examined, Finding
from .store import folder_of

_By = tuple[str, tuple[Asset, ...], date]
_Seen = tuple[tuple[Stamp | None, ...], Examined]


class Remembering(Eyes):
    """Eyes over one engagement folder; `look_around` is called before each examination."""

    def __init__(self) -> None:
        self._by: _By | None = None
        self._seen: dict[str, _Seen] = {}
        self._stamps: Mapping[str, Stamp] = {}
        self._brought: tuple[Mapping[str, Stamp], tuple[Finding, ...]] | None = None

    def look_around(self, stamps: Mapping[str, Stamp]) -> None:
        """Take by what the files of the evidence folder are known now; what is gone is forgotten."""
        self._stamps = stamps
        self._seen = {name: one for name, one in self._seen.items() if name in stamps}

    def record(self, path: Path, suite: Suite, engagement: Engagement, today: date) -> Examined:
        """Return one record with its findings, from memory where neither it nor its files changed."""
        by = (suite.sha256, engagement.assets, today)
        if self._by != by:
            self._by, self._seen = by, {}
        name = path.name
        seen = self._seen.get(name)
        if seen is not None and seen[0] == self._stamps_of(name, seen[1]):
            return seen[1]
        found = super().record(path, suite, engagement, today)
        self._seen[name] = (self._stamps_of(name, found), found)
        return found

    def _stamps_of(self, name: str, examined: Examined) -> tuple[Stamp | None, ...]:
        files = examined.record.files if examined.record is not None else ()
        # Taken before anything was read: a file that changes meanwhile is read again the next time.
        return tuple(self._stamps.get(one) for one in (name, *(file.name for file in files)))

    def carried(self, directory: Path) -> tuple[Finding, ...]:
        """Return what is wrong with the collected files, from memory where none changed."""
        stamps = stamps_in(carried_folder(directory))
        if self._brought is None or self._brought[0] != stamps:
            self._brought = (stamps, super().carried(directory))
        return self._brought[1]


def evidence_stamps(directory: Path) -> dict[str, Stamp]:
    """Return by what the files of an engagement's evidence are known now."""
    return stamps_in(folder_of(directory))
