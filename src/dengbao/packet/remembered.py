"""What is remembered beside a packet, so that sealing the same again gives the same bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from ..errors import StoreError
from ..facts import canonical, digest
from ..files import write_whole
from ..model import Person, Value
from .faults import Waiver

SUFFIX: Final = ".seal.json"


class Remembered(Value):
    """A sealing: when, over which inputs, how much of the log of custody, and what came of it (sha256)."""

    round: int
    sealed_at: datetime
    inputs_sha256: str
    custody_lines: int
    packet: str
    zip_sha256: str
    key: str


def beside(target: Path) -> Path:
    """Return where the memory of a packet lies."""
    return target.with_name(f"{target.name.removesuffix('.zip')}{SUFFIX}")


def remember(target: Path, made: Remembered) -> None:
    """Write it, on the disk when this returns."""
    write_whole(beside(target), msgspec.json.format(canonical(made), indent=1) + b"\n")


def recall(target: Path) -> Remembered | None:
    """Return what is remembered of a packet, None where nothing is.

    Raises:
        StoreError: the file is damaged.

    """
    path = beside(target)
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Remembered)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise StoreError(
            "封存记忆已损坏", where=str(path), cure="移走该文件后再封存（封存时间将不同）"
        ) from exc


def candidates(folder: Path, name: str) -> Iterator[Path]:
    """Yield the packets that lie there under a name, oldest first, then the next free one.

    A packet that was handed out is never overwritten: what changed is sealed under the next number.
    """
    pattern = re.compile(rf"{re.escape(name)}(?:-(\d{{1,4}}))?\.zip")
    hits = (pattern.fullmatch(one.name) for one in folder.iterdir()) if folder.is_dir() else iter(())
    taken = sorted(int(hit[1] or 1) for hit in hits if hit is not None)
    for number in (*taken, (taken[-1] + 1) if taken else 1):
        yield folder / (f"{name}.zip" if number == 1 else f"{name}-{number}.zip")


def inputs_digest(
    payload: Mapping[str, Path | bytes], others: Mapping[str, str], by: Person, waiver: Waiver
) -> str:
    """Return one digest over all that decides what is sealed: files, versions, key, people, waivers."""
    files = {name: _sha256(source) for name, source in payload.items()}
    people = msgspec.to_builtins({"by": by, "waiver": waiver})
    return digest(canonical({"files": files, "others": dict(others), "people": people}))


def _sha256(source: Path | bytes) -> str:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    try:
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""  # the gate tells of files that are not there
