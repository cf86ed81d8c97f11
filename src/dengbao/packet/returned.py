"""Files in the engagement what came back from the bureau: results of re-checks, and the stamped 附件四."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from filelock import FileLock

from ..errors import EvidenceError, StoreError, UsageError
from ..evidence.attached import measure, stored_suffix
from ..facts import canonical
from ..files import write_whole
from ..model import EvidenceFile, Person
from ..model.recheck import Decision, Feedback, RecheckResult
from .current import Current
from .custody import note, read_custody
from .layout import CUSTODY

FOLDER: Final = "returned"
RECHECK: Final = "rechecked"
FEEDBACK: Final = "fed_back"
_FILED: Final = re.compile(r"(?:RC|FB)-(\d{4,9})\b.*")
_WAIT_S: Final = 10.0
_LIMIT_BYTES: Final = 64 * 1024 * 1024
_Shape = TypeVar("_Shape")


def file_recheck(directory: Path, current: Current, source: Path) -> str:
    """File the result of a re-check of this packet; return its number.

    Raises:
        UsageError: it is about another packet. StoreError: it is no result.

    """
    result = read_result(source)
    if result.recheck.packet != current.packet:
        raise UsageError(
            f"复核的是另一封存包（摘要 {result.recheck.packet[:16]}…），现行的是 {current.packet[:16]}…",
            where=str(source), cure="核对文件；重新封存之后须重新复核",
        )  # fmt: skip
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock", timeout=_WAIT_S):
        number = f"RC-{_next(folder):04d}"
        _write(directory, number, canonical(result), RECHECK, result.recheck.by, current)
    return number


def file_feedback(
    directory: Path,
    current: Current,
    decision: Decision,
    *,
    by: Person,
    on: date,
    scan: Path,
    opinion: str = "",
) -> Feedback:
    """File what the bureau decided, with the scan of the stamped 附件四.

    Raises:
        EvidenceError: the scan cannot be read.

    """
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock", timeout=_WAIT_S):
        number = f"FB-{_next(folder):04d}"
        copy = folder / f"{number}{stored_suffix(scan)}"
        try:
            made = Feedback(
                packet=current.packet, decision=decision, opinion=opinion, by=by, on=on,
                scan=_copy(scan, copy), filed_at=datetime.now(UTC).replace(microsecond=0),
            )  # fmt: skip
            _write(directory, number, canonical(made), FEEDBACK, by, current)
        except BaseException:
            copy.unlink(missing_ok=True)
            raise
    return made


def _next(folder: Path) -> int:
    return 1 + max((int(m[1]) for one in folder.iterdir() if (m := _FILED.fullmatch(one.name))), default=0)


def _copy(source: Path, target: Path) -> EvidenceFile:
    with target.open("xb") as out:
        found = measure(source, take=out.write)
        out.flush()
        os.fsync(out.fileno())
    return EvidenceFile(name=target.name, sha256=found.sha256, sm3=found.sm3, size_bytes=found.size_bytes)


def _write(directory: Path, number: str, data: bytes, act: str, by: Person, current: Current) -> None:
    path = directory / FOLDER / f"{number}.json"
    written = msgspec.json.format(data, indent=1) + b"\n"
    write_whole(path, written)
    try:
        sha256 = hashlib.sha256(written).hexdigest()
        note(directory, act, by, {"number": number, "sha256": sha256, "packet": current.packet})
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def rechecks_of(directory: Path, current: Current) -> tuple[RecheckResult, ...]:
    """Return the results of re-checks of this packet that stand as they were filed."""
    found = _standing(directory, RECHECK, RecheckResult)
    return tuple(one for one in found if one.recheck.packet == current.packet)


def feedback_of(directory: Path, current: Current) -> Feedback | None:
    """Return the last feedback on this packet that stands, with its scan, as it was filed."""
    found = [one for one in _standing(directory, FEEDBACK, Feedback) if one.packet == current.packet]
    return next((one for one in reversed(found) if _scan_stands(directory, one)), None)


def _scan_stands(directory: Path, one: Feedback) -> bool:
    try:
        return measure(directory / FOLDER / Path(one.scan.name).name).sha256 == one.scan.sha256
    except EvidenceError:
        return False


def _standing(directory: Path, act: str, shape: type[_Shape]) -> Iterator[_Shape]:
    """Yield what the custody names and what still has the digest it had when it was filed.

    Raises:
        StoreError: the custody's chain is broken.

    """
    for entry in read_custody(directory / CUSTODY):
        number = entry.details.get("number", "")
        path = directory / FOLDER / f"{number}.json"
        if entry.act != act or not _FILED.fullmatch(number) or not path.is_file():
            continue
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() == entry.details.get("sha256"):
            try:
                yield msgspec.json.decode(data, type=shape)
            except (msgspec.DecodeError, UnicodeDecodeError) as exc:
                raise StoreError("记录已损坏", where=str(path), cure="从备份恢复该文件") from exc


def read_result(path: Path) -> RecheckResult:
    """Return a written result.

    Raises:
        StoreError: not one, or damaged.

    """
    return read_record(path, RecheckResult)


def read_record(path: Path, shape: type[_Shape]) -> _Shape:
    """Return a record of that shape.

    Raises:
        StoreError: not one, or damaged.

    """
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise StoreError("文件过大", where=str(path), cure="核对是否选错了文件")
        return msgspec.json.decode(path.read_bytes(), type=shape)
    except OSError as exc:
        raise StoreError(f"无法读取：{exc.strerror}", where=str(path), cure="核对路径与权限") from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        what = "复核结果" if shape is RecheckResult else "反馈记录"
        raise StoreError(f"不是{what}，或已损坏", where=str(path), cure="向复核人重新索取") from exc
