"""Files several pieces of evidence that one file proves: all of them or none, also when it is killed.

Files are copied in first; without a record they count for nothing. Then what the records will say is written
into one file, whole: from there on there is no way back, and whoever files next finishes what it says.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from ..files import sync_files, write_whole
from ..model import Engagement, Evidence, EvidenceFile, Suite
from .filing import Draft, claim_of, claimed, copied_in, write_record
from .intended import intentions, name_of
from .store import folder_of


def add_all(
    directory: Path,
    drafts: Sequence[tuple[Draft, Sequence[Path]]],
    shared: Path,
    *,
    suite: Suite,
    engagement: Engagement,
    now: datetime,
    finish: bool = True,
) -> list[Evidence]:
    """File several pieces of evidence that one file proves, all or none; return them in their order.

    What an earlier filing left to do is done first, unless the caller says with `finish` that it just was.

    `shared` is copied in once, with the first; the others name that copy. Killed before the records were
    written down, it leaves files that no record names; killed after, it leaves the rest to `finish_filing`.

    Raises:
        EvidenceError: nothing was filed, and why.

    """
    if finish:
        finish_filing(directory)
    folder = folder_of(directory)
    folder.mkdir(parents=True, exist_ok=True)
    filed: list[Evidence] = []
    with contextlib.ExitStack() as claims:
        also: tuple[EvidenceFile, ...] = ()
        try:
            for draft, sources in drafts:
                number = claims.enter_context(claimed(folder, filed[-1].id if filed else ""))
                own = sources if filed else (*sources, shared)
                record = copied_in(folder, number, draft, own, also, suite, engagement, now, proven=also)
                filed.append(record)
                also = also or filed[0].files[-1:]
            if filed:
                _write_all(directory, filed)
        except BaseException:
            _take_back(folder, filed)
            raise
    return filed


def _write_all(directory: Path, records: Sequence[Evidence]) -> None:
    intended = folder_of(directory) / name_of(records[0])
    write_whole(intended, msgspec.json.encode(records))
    try:
        # What is intended is on the disk and stays there until all of them are.
        for one in records:
            write_record(directory, one, durable=False)
        sync_files(folder_of(directory) / f"{one.id}.yaml" for one in records)
    finally:  # a fault takes all back, and a kill comes by here never
        intended.unlink(missing_ok=True)


def _take_back(folder: Path, filed: Sequence[Evidence]) -> None:
    for one in filed:
        for name in (f"{one.id}.yaml", *(file.name for file in one.files)):
            (folder / name).unlink(missing_ok=True)


def finish_filing(directory: Path) -> tuple[str, ...]:
    """Write the records that a killed filing had yet to write; return their numbers.

    Raises:
        EvidenceError: what it had written down cannot be read, or a record cannot be written.

    """
    folder = folder_of(directory)
    finished: list[str] = []
    for path, records in intentions(folder):
        for one in records:
            if not (folder / f"{one.id}.yaml").exists():
                write_record(directory, one)
                finished.append(one.id)
            claim_of(folder, one.id).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    return tuple(finished)
