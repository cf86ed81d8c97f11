"""Files evidence: copies the files in under a new number and writes the record."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import msgspec

from ..errors import EvidenceError
from ..files import names_as_listed, write_whole
from ..model import (
    Engagement,
    Evidence,
    EvidenceFile,
    EvidenceKind,
    Method,
    Person,
    Review,
    Suite,
    Value,
    Verdict,
)
from ..reading import raise_all
from ..yamlfile import Document, Problem, parse, written
from .admissibility import draft_faults
from .attached import MAX_FILES, PICTURES, measure, stored_suffix
from .remarks import numbers_in
from .store import ID, folder_of, load, read_record

_NUMBERED: Final = re.compile(r"^\.?EV-(\d{4,9})\b", re.MULTILINE)


class Draft(Value):
    """Evidence before it is filed: everything that people say; number, digests and time are added."""

    items: tuple[str, ...]
    asset: str
    method: Method
    kind: EvidenceKind
    collected_at: datetime
    collected_by: Person
    statement: str
    verdict: Verdict
    reviewed: Review | None = None
    redacted: bool = False
    expires: date | None = None
    override: str = ""


def add(
    directory: Path,
    draft: Draft,
    sources: Sequence[Path],
    *,
    suite: Suite,
    engagement: Engagement,
    now: datetime | None = None,
    also: tuple[EvidenceFile, ...] = (),
) -> Evidence:
    """File evidence: copy the files in under a new number, write the record, return it.

    A second person's review may follow later (`remarking`); everything else must be right at once.
    Two processes that file at the same time get two numbers. `also` are files that were filed with another
    record and are evidence for this one too; they stand after its own.

    Raises:
        EvidenceError: nothing was filed, and why.

    """
    filed_at = (now or datetime.now(UTC).astimezone()).replace(microsecond=0)
    folder = folder_of(directory)
    folder.mkdir(parents=True, exist_ok=True)
    with claimed(folder) as evidence_id:
        record = copied_in(folder, evidence_id, draft, sources, also, suite, engagement, filed_at)
        try:
            write_record(directory, record)
        except BaseException:
            for file in record.files[: len(sources)]:
                (folder / file.name).unlink(missing_ok=True)
            raise
    return record


def copied_in(
    folder: Path,
    evidence_id: str,
    draft: Draft,
    sources: Sequence[Path],
    also: tuple[EvidenceFile, ...],
    suite: Suite,
    engagement: Engagement,
    filed_at: datetime,
    *,
    proven: tuple[EvidenceFile, ...] = (),
) -> Evidence:
    """Copy the files in under a claimed number and return the record, which is not written yet.

    Of `also`, those that are `proven` were copied in just now and are not read again.

    Raises:
        EvidenceError: the files were taken away again, and why.

    """
    if not 1 <= len(sources) + len(also) <= MAX_FILES:
        raise EvidenceError(f"佐证须有 1 至 {MAX_FILES} 个文件", where="佐证", cure="附上截图、文档或记录")
    names = [_stored_name(evidence_id, number, one) for number, one in enumerate(sources, 1)]
    try:
        files = tuple(_copy(one, folder / name) for one, name in zip(sources, names, strict=True))
        record = _record(evidence_id, draft, (*files, *also), filed_at.replace(microsecond=0))
        # Measured while they were written; pictures are looked at besides.
        plain = (one for one in files if Path(one.name).suffix not in PICTURES)
        faults = draft_faults(record, folder, suite, engagement, filed_at.date(), proven=(*proven, *plain))
        raise_all(faults)
    except BaseException:
        for name in names:
            (folder / name).unlink(missing_ok=True)
        raise
    return record


def unfiled(draft: Draft, files: Sequence[Path], now: datetime) -> Evidence:
    """Return the record that a draft would become, its files measured where they lie.

    Raises:
        EvidenceError: a file cannot be read, is empty or too big.

    """
    taken: list[EvidenceFile] = []
    for one in files:
        measured = measure(one)
        taken.append(
            EvidenceFile(
                name=one.name, sha256=measured.sha256, sm3=measured.sm3, size_bytes=measured.size_bytes
            )
        )
    return _record("EV-0000", draft, tuple(taken), now.replace(microsecond=0))


def find(directory: Path, evidence_id: str) -> Evidence:
    """Return a record by its number.

    Raises:
        EvidenceError: no such record, or it cannot be read.

    """
    folder = folder_of(directory)
    path = folder / f"{evidence_id}.yaml"
    if not ID.fullmatch(evidence_id) or not path.exists():
        raise EvidenceError(
            f"没有佐证 {evidence_id[:40]}", where=str(folder), cure="用 dengbao evidence list 查看"
        )
    return load(path)


def claim_of(folder: Path, evidence_id: str) -> Path:
    """Return the file that holds a number while its evidence is filed."""
    return folder / f".{evidence_id}.claim"


@contextlib.contextmanager
def claimed(folder: Path, after: str = "") -> Iterator[str]:
    """Hold the next free number for this process alone; `after` is one that it has claimed just before.

    Raises:
        EvidenceError: the folder cannot be written.

    """
    number = 1 + (int(after.removeprefix("EV-")) if after else _highest(folder))
    while True:
        evidence_id = f"EV-{number:04d}"
        claim = claim_of(folder, evidence_id)
        # Exclusive creation is atomic; the record is looked for afterwards, because another process
        # may have finished and taken its claim away between our look at the folder and our claim.
        try:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            number += 1
            continue
        except OSError as exc:
            raise EvidenceError(
                f"目录无法写入（{exc.strerror}）", where=str(folder), cure="检查权限与磁盘"
            ) from exc
        if not (folder / f"{evidence_id}.yaml").exists():
            break
        claim.unlink()
        number += 1
    try:
        yield evidence_id
    finally:
        claim.unlink(missing_ok=True)


def _highest(folder: Path) -> int:
    # A number that was remarked on is never given again: the remarks would speak of another record.
    # The names are gone through as one text: of thousands that is ten times as quick.
    numbers = (*_NUMBERED.findall("\n".join(names_as_listed(folder))), *numbers_in(folder))
    return max(map(int, numbers), default=0)


def _stored_name(evidence_id: str, number: int, source: Path) -> str:
    part = "" if number == 1 else f"-{number}"
    return f"{evidence_id}{part}{stored_suffix(source)}"


def _copy(source: Path, target: Path) -> EvidenceFile:
    try:
        with target.open("xb") as out:
            measured = measure(source, take=out.write)
            out.flush()
            os.fsync(out.fileno())
    except OSError as exc:
        raise EvidenceError(
            f"无法写入（{exc.strerror}）", where=str(target), cure="检查权限与磁盘空间"
        ) from exc
    return EvidenceFile(
        name=target.name, sha256=measured.sha256, sm3=measured.sm3, size_bytes=measured.size_bytes
    )


def _record(evidence_id: str, draft: Draft, files: tuple[EvidenceFile, ...], filed_at: datetime) -> Evidence:
    said = {name: getattr(draft, name) for name in Draft.__struct_fields__}
    # Both times to the second: what is collected and filed in one breath must not seem filed first.
    said["collected_at"] = draft.collected_at.replace(microsecond=0)
    return Evidence(id=evidence_id, files=files, filed_at=filed_at, **said)


def write_record(directory: Path, record: Evidence, *, durable: bool = True) -> None:
    """Write a record whole, in place of the one of its number; not `durable`, others wait for the disk.

    Raises:
        EvidenceError: it could not be read back as it was meant.

    """
    path = folder_of(directory) / f"{record.id}.yaml"
    text = written(msgspec.to_builtins(record))
    # What is written is read back before it counts, so that no record is filed that cannot be read.
    try:
        value, lines = parse(text)
    except Problem as exc:
        raise EvidenceError(f"文字{exc.message}", where=record.id, cure=exc.cure) from exc
    if not isinstance(value, dict) or read_record(Document(path, value, text.encode(), lines)) != record:
        raise EvidenceError("记录写出后与原意不符", where=record.id, cure="简化文字后重试")
    write_whole(path, text.encode(), durable=durable)
