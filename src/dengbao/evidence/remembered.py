"""Looks at evidence as `examine` does, and remembers: what did not change is not read and hashed again.

For showing only. Sealing, reports and verification read every file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from ..files import Stamp, stamps_in
from ..model import Asset, Engagement, Remark, Suite
from .admissibility import Eyes
from .carried import carried_folder
from .findings import Examined, Finding
from .reviewed import settled
from .store import folder_of, record_names

_By = tuple[str, tuple[Asset, ...], date]
_Said = tuple[Remark, ...]


class Remembering(Eyes):
    """Eyes over one engagement folder; `look_around` is called before each examination."""

    def __init__(self) -> None:
        self._by: _By | None = None
        # As it was read, and as it stands after what was said of it.
        self._seen: dict[str, tuple[Examined, _Said, Examined]] = {}
        self._users: dict[str, set[str]] = {}
        self._stamps: Mapping[str, Stamp] = {}
        self._names: tuple[str, ...] | None = None
        self._record_names: list[str] | None = None
        self._brought: tuple[Mapping[str, Stamp], tuple[Finding, ...]] | None = None

    def look_around(self, stamps: Mapping[str, Stamp]) -> None:
        """Take by what the files of the evidence folder are known now; forget what is not as it was.

        They are taken before anything is read: a file that changes meanwhile is read again the next time.
        """
        if stamps.keys() != self._stamps.keys():
            self._names = self._record_names = None
        changed = {name for name, one in stamps.items() if self._stamps.get(name) != one}
        changed.update(self._stamps.keys() - stamps.keys())
        for name in changed:
            for record in self._users.get(name, ()):
                self._seen.pop(record, None)
        self._stamps = stamps

    def names(self, folder: Path) -> Sequence[str]:
        """Return the names of what lay in the evidence folder when it was looked at."""
        del folder
        if self._names is None:
            self._names = tuple(sorted(self._stamps))
        return self._names

    def record_names(self, folder: Path) -> Sequence[str]:
        """Return the names of the records in the order of their numbers; EvidenceError for a strange one."""
        if self._record_names is None:
            self._record_names = record_names(folder, self.names(folder))
        return self._record_names

    def all_settled(
        self,
        folder: Path,
        names: Sequence[str],
        remarks: Mapping[str, Sequence[Remark]],
        suite: Suite,
        engagement: Engagement,
        today: date,
    ) -> list[Examined]:
        """Return the records with their findings, from memory where neither they nor their files changed."""
        by = (suite.sha256, engagement.assets, today)
        if self._by != by:
            self._by, self._seen, self._users = by, {}, {}
        found: list[Examined] = []
        for name in names:
            seen, said = self._seen.get(name), remarks.get(name[:-5], ())
            if seen is None or seen[1] != tuple(said):
                path = folder / name
                read = seen[0] if seen is not None else self.record(path, suite, engagement, today)
                seen = self._remember(name, read, tuple(said), settled(read, said, path, today))
            found.append(seen[2])
        return found

    def _remember(
        self, name: str, read: Examined, said: _Said, after: Examined
    ) -> tuple[Examined, _Said, Examined]:
        files = read.record.files if read.record is not None else ()
        for one in (name, *(file.name for file in files)):
            self._users.setdefault(one, set()).add(name)
        self._seen[name] = (read, said, after)
        return self._seen[name]

    def carried(self, directory: Path) -> tuple[Finding, ...]:
        """Return what is wrong with the collected files, from memory where none changed."""
        stamps = stamps_in(carried_folder(directory))
        if self._brought is None or self._brought[0] != stamps:
            self._brought = (stamps, super().carried(directory))
        return self._brought[1]


def evidence_stamps(directory: Path) -> dict[str, Stamp]:
    """Return by what the files of an engagement's evidence are known now."""
    return stamps_in(folder_of(directory))
