"""The remarks on evidence: `evidence/remarks.jsonl`, appended and never rewritten, each line chained."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock, Timeout

from ..errors import EvidenceError
from ..facts import canonical, digest
from ..files import Journal
from ..model import Remark
from .store import FOLDER, folder_of

FILE: Final = "remarks.jsonl"
NAME: Final = f"{FOLDER}/{FILE}"
_WAIT_S: Final = 10.0
_NUMBER: Final = re.compile(rb'"evidence":"EV-(\d{4,9})"')
_CURE: Final = "从备份或封存包恢复该文件"


def remarks_path(directory: Path) -> Path:
    """Return where the remarks of an engagement folder lie."""
    return folder_of(directory) / FILE


def load_remarks(directory: Path) -> tuple[Remark, ...]:
    """Return all remarks in the order they were made, without a last line that a kill cut off.

    Raises:
        EvidenceError: damaged, or a line was altered, taken out or put in; the line is named.

    """
    return _read(remarks_path(directory)).remarks


@dataclass(frozen=True)
class _Read:
    """Lines that were read and hold together; `last` is the sha256 of the last of them."""

    lines: bytes = b""
    remarks: tuple[Remark, ...] = ()
    last: str = ""


_MOST_KEPT: Final = 8
_kept: dict[Path, _Read] = {}


def _read(path: Path) -> _Read:
    """Return the remarks of a file; lines that are byte by byte those of the last time are not read again."""
    if path.is_symlink():
        raise EvidenceError("不接受符号链接", where=str(path), cure="换成文件本身")
    data = _whole(path)
    known = _kept.get(path, _Read())
    if not data.startswith(known.lines):
        known = _Read()
    found, last = list(known.remarks), known.last
    for line in data[len(known.lines) :].split(b"\n")[:-1]:
        found.append(_remark(line, last, len(found) + 1, path))
        last = digest(line)
    read = _Read(data, tuple(found), last)
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[path] = read
    return read


def _whole(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as exc:
        raise EvidenceError(f"无法读取：{exc.strerror}", where=str(path), cure="检查文件权限与磁盘") from exc
    return data[: data.rfind(b"\n") + 1]


def _remark(line: bytes, before: str, number: int, path: Path) -> Remark:
    where = f"{path}:{number}"
    try:
        remark = msgspec.json.decode(line, type=Remark)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise EvidenceError("复核意见已损坏", where=where, cure=_CURE) from exc
    if remark.id != _id(number) or remark.before != before:
        raise EvidenceError("复核意见的链在此断开：此行或其前一行被改动、删去或插入", where=where, cure=_CURE)
    return remark


def _id(number: int) -> str:
    return f"RM-{number:04d}"


def numbers_in(folder: Path) -> Iterator[str]:
    """Yield the digits of every record's number that an evidence folder's remarks name, damaged or not."""
    yield from (one.decode() for one in _NUMBER.findall(_whole(folder / FILE)))


def about(remarks: Iterable[Remark], evidence_id: str) -> tuple[Remark, ...]:
    """Return the remarks on one record."""
    return tuple(one for one in remarks if one.evidence == evidence_id)


def grouped(remarks: Iterable[Remark]) -> dict[str, list[Remark]]:
    """Return the remarks by the number of their record; those on none under the empty number."""
    found: dict[str, list[Remark]] = {}
    for one in remarks:
        found.setdefault(one.evidence, []).append(one)
    return found


def whole_lines(directory: Path) -> bytes:
    """Return the bytes of the remarks without a last line that a kill cut off."""
    return _whole(remarks_path(directory))


@contextlib.contextmanager
def writing(directory: Path) -> Iterator[tuple[tuple[Remark, ...], Callable[[Remark], Remark]]]:
    """Hold the remarks for one act: what was said so far, and what appends a remark durably.

    The appended remark gets its number and its place in the chain and is returned.

    Raises:
        EvidenceError: damaged, held by another program for long, or not writable.

    """
    path = remarks_path(directory)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{FILE}.lock"), timeout=_WAIT_S):
            journal = Journal(path)  # cuts off a torn last line first
            try:
                found = _read(path)

                def append(remark: Remark) -> Remark:
                    placed = msgspec.structs.replace(
                        remark, id=_id(len(found.remarks) + 1), before=found.last
                    )
                    journal.append(canonical(placed), durable=True)
                    return placed

                yield found.remarks, append
            finally:
                journal.close()
    except Timeout as exc:
        raise EvidenceError("复核意见正被另一程序占用", where=str(path), cure="稍后重试") from exc
    except OSError as exc:
        raise EvidenceError(
            f"复核意见无法写入（{exc.strerror}）", where=str(path), cure="检查权限与磁盘空间"
        ) from exc
