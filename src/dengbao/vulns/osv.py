"""Reads OSV records: a zip as the project publishes it, or a folder of JSON files; each record by itself."""

from __future__ import annotations

import contextlib
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

import cvss
import msgspec

from ..errors import EvidenceError
from .entries import CRITICAL, HIGH, LOW, MEDIUM, UNKNOWN, Batch, Entry, distribution_of_ecosystem, level_of
from .entries import plain_id as _plain_id

_RECORD_BYTES: Final = 16 * 1024 * 1024
_TOTAL_BYTES: Final = 16 * 1024**3
_FILES_MAX: Final = 2_000_000
_INTERVALS_MAX: Final = 2000
_SUMMARY: Final = re.compile(r"\s*(critical|important|moderate|low)\b", re.IGNORECASE)


class _Package(msgspec.Struct):
    name: str
    ecosystem: str


class _Event(msgspec.Struct):
    introduced: str = ""
    fixed: str = ""
    last_affected: str = ""


class _Range(msgspec.Struct):
    type: str
    events: list[_Event] = []


class _Severity(msgspec.Struct):
    type: str
    score: str


class _Words(msgspec.Struct):
    severity: str | list[object] | dict[str, object] | None = None
    urgency: str | None = None


class _Affected(msgspec.Struct):
    package: _Package | None = None
    ranges: list[_Range] = []
    severity: list[_Severity] | None = None
    ecosystem_specific: _Words | None = None
    database_specific: _Words | None = None


class _Record(msgspec.Struct):
    id: str
    modified: str
    aliases: list[str] | None = None
    upstream: list[str] | None = None
    related: list[str] | None = None
    withdrawn: str | None = None
    summary: str = ""
    affected: list[_Affected] | None = None
    severity: list[_Severity] | None = None
    database_specific: _Words | None = None


_DECODER: Final = msgspec.json.Decoder(_Record)


def read_zip(path: Path) -> Iterator[Batch | None]:
    """Yield what each record of a zip says, None for a record that cannot be read.

    Raises:
        EvidenceError: not a zip, damaged, encrypted, or unpacking beyond all bounds.

    """
    where = str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if len(infos) > _FILES_MAX:
                raise EvidenceError("压缩包中的文件过多", where=where, cure="核对是否为 OSV 数据")
            total = 0
            for info in infos:
                if info.is_dir() or not info.filename.endswith(".json"):
                    continue
                with archive.open(info) as file:
                    data = file.read(_RECORD_BYTES + 1)
                total += len(data)
                if total > _TOTAL_BYTES:
                    raise EvidenceError("压缩包解开后过大", where=where, cure="核对是否为 OSV 数据")
                yield read_record(data)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError) as exc:
        raise EvidenceError(
            "压缩包已损坏或加密", where=where, cure="重新取得 OSV 的 all.zip，原样带入"
        ) from exc


def read_folder(folder: Path) -> Iterator[Batch | None]:
    """Yield what each record below a folder says, None for one that cannot be read; links are left alone."""
    for count, path in enumerate(sorted(folder.rglob("*.json"))):
        if count >= _FILES_MAX:
            raise EvidenceError("目录中的文件过多", where=str(folder), cure="核对是否为 OSV 数据")
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as file:
            yield read_record(file.read(_RECORD_BYTES + 1))


def read_record(data: bytes) -> Batch | None:
    """Return what one record says of the distributions we know, None where it cannot be read."""
    if len(data) > _RECORD_BYTES:
        return None
    try:
        record = _DECODER.decode(data)
        modified = date.fromisoformat(record.modified[:10])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if record.withdrawn is not None or not record.affected:
        return Batch(modified=modified)
    others = [*(record.aliases or ()), *(record.upstream or ()), *(record.related or ())]
    name = _plain_id(record.id, others)
    entries: list[Entry] = []
    level = max(_levels(record.severity), _words(record.database_specific), _summary(record.summary))
    for one in record.affected:
        found = _entries(one, name)
        if found:
            entries += found
            level = max(
                level, _levels(one.severity), _words(one.ecosystem_specific), _words(one.database_specific)
            )
    return Batch(entries=tuple(entries), levels={name: level} if entries else {}, modified=modified)


def _entries(affected: _Affected, name: str) -> list[Entry]:
    distribution = distribution_of_ecosystem(affected.package.ecosystem) if affected.package else ""
    if not distribution or affected.package is None:
        return []
    spans = [span for one in affected.ranges if one.type == "ECOSYSTEM" for span in _spans(one.events)]
    return [
        Entry(
            distribution=distribution, package=affected.package.name, id=name,
            introduced=low, fixed=fixed, last=last,
        )
        for low, fixed, last in spans[:_INTERVALS_MAX]
    ]  # fmt: skip


def _spans(events: list[_Event]) -> Iterator[tuple[str, str, str]]:
    """Yield (introduced, fixed, last affected) of a range, whose events stand in order."""
    low: str | None = None
    for one in events:
        if one.introduced:
            if low is not None:
                yield low, "", ""
            low = "" if one.introduced == "0" else one.introduced
        elif low is not None and (one.fixed or one.last_affected):
            yield low, one.fixed, one.last_affected
            low = None
    if low is not None:
        yield low, "", ""


def _levels(scores: list[_Severity] | None) -> int:
    return max((_level(one.type, one.score) for one in scores or ()), default=UNKNOWN)


@lru_cache(maxsize=50_000)
def _level(kind: str, score: str) -> int:
    """Return the level of a CVSS vector, or of a distribution's own word."""
    if not kind.startswith("CVSS"):
        return level_of(score)
    points = None
    with contextlib.suppress(cvss.CVSSError, ValueError, KeyError, ArithmeticError):
        if len(score) > 300:
            points = None
        elif kind == "CVSS_V2":
            points = cvss.CVSS2(score).base_score
        elif kind == "CVSS_V3":
            points = cvss.CVSS3(score).base_score
        elif kind == "CVSS_V4":
            points = cvss.CVSS4(score).base_score
    if points is None:
        return UNKNOWN
    bounds = ((9.0, CRITICAL), (7.0, HIGH), (4.0, MEDIUM), (0.1, LOW))
    return next((level for bound, level in bounds if points >= bound), LOW)


def _words(words: _Words | None) -> int:
    if words is None:
        return UNKNOWN
    said = words.severity if isinstance(words.severity, str) else ""
    return max(level_of(said), level_of(words.urgency or ""))


def _summary(text: str) -> int:
    """Return the level that stands before a summary, as in `Important: kernel security update`."""
    found = _SUMMARY.match(text)
    return level_of(found.group(1)) if found and text[found.end() : found.end() + 1] == ":" else UNKNOWN
