"""Writes a packet as a bag (BagIt 1.0, RFC 8493) and as a zip; the same content gives the same bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ..errors import StoreError
from ..files import write_whole
from .layout import BAG_INFO, BAGIT, MANIFEST, PAYLOAD, SM3_SUMS, TAG_MANIFEST, TAGS

_BLOCK: Final = 1 << 20
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Digests:
    """What is known of one file: digests in hex, size in bytes."""

    sha256: str
    sm3: str
    size_bytes: int


def digests(file: BinaryIO, copy: Callable[[bytes], object] = lambda _block: None) -> Digests:
    """Return the digests of a stream, read once in blocks; each block is handed to `copy`."""
    first, second, size = hashlib.sha256(), new_sm3(), 0
    while block := file.read(_BLOCK):
        first.update(block)
        second.update(block)
        size += len(block)
        copy(block)
    return Digests(first.hexdigest(), second.hexdigest(), size)


def new_sm3() -> hashlib._Hash:
    """Return a new SM3 (GB/T 32905).

    Raises:
        StoreError: this machine's OpenSSL was built without it.

    """
    try:
        return hashlib.new("sm3", usedforsecurity=False)
    except ValueError as exc:
        raise StoreError(
            "本机的 OpenSSL 不支持 SM3", cure="换用带 SM3 的 OpenSSL（1.1.1 及以上）与相应的 Python"
        ) from exc


def write_bag(
    target: Path,
    payload: Mapping[str, Path | bytes],
    tags: Mapping[str, bytes],
    info: Iterable[tuple[str, str]],
    *,
    say: Callable[[str], None] = lambda _text: None,
) -> dict[str, Digests]:
    """Write a bag to the new folder `target`; return what is known of each payload file.

    `payload` names (`runs/round-1/run.json`) → a file or its content; `tags` are `README.txt` and
    `seal.json`, `info` the lines of `bag-info.txt` but for `Payload-Oxum`. Nothing stands at `target`
    until all of it is on the disk. The statement is not written here: it is made over the digest returned
    by `packet_digest`.

    Raises:
        StoreError: `target` exists, or a file cannot be read.

    """
    if target.exists():
        raise StoreError("封存目录已存在，不覆盖", where=str(target), cure="换一个位置，或先移走它")
    building = target.with_name(f".{target.name}.{os.getpid()}.new")
    shutil.rmtree(building, ignore_errors=True)
    try:
        known = _write_payload(building / PAYLOAD, payload, say)
        _write_tags(building, known, tags, info)
        building.rename(target)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return known


def _write_payload(
    folder: Path, payload: Mapping[str, Path | bytes], say: Callable[[str], None]
) -> dict[str, Digests]:
    known: dict[str, Digests] = {}
    for number, (name, source) in enumerate(sorted(payload.items()), 1):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            place.write_bytes(source)
            with place.open("rb") as file:
                known[name] = digests(file)
        else:
            known[name] = _copy(source, place)
        if number % 500 == 0:
            say(f"已写入 {number}/{len(payload)} 个文件")
    return known


def _copy(source: Path, place: Path) -> Digests:
    try:
        with source.open("rb") as read, place.open("wb") as out:
            found = digests(read, out.write)
            out.flush()
            os.fsync(out.fileno())
    except OSError as exc:
        raise StoreError(
            f"无法复制：{exc.strerror}", where=str(source), cure="检查文件权限与磁盘空间"
        ) from exc
    return found


def _write_tags(
    folder: Path, known: Mapping[str, Digests], tags: Mapping[str, bytes], info: Iterable[tuple[str, str]]
) -> None:
    total = sum(one.size_bytes for one in known.values())
    lines = [*info, ("Payload-Oxum", f"{total}.{len(known)}")]
    written = {
        BAGIT: b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        BAG_INFO: "".join(f"{name}: {' '.join(value.split())}\n" for name, value in lines).encode(),
        MANIFEST: _sums((f"{PAYLOAD}/{name}", one.sha256) for name, one in known.items()),
        SM3_SUMS: _sums((f"{PAYLOAD}/{name}", one.sm3) for name, one in known.items()),
        **tags,
    }
    missing = set(TAGS) - set(written)
    if missing or set(written) - set(TAGS):
        raise ValueError(f"a packet has the tag files {TAGS}, given: {sorted(written)}")
    for name, data in written.items():
        write_whole(folder / name, data)
    sums = _sums((name, hashlib.sha256(data).hexdigest()) for name, data in written.items())
    write_whole(folder / TAG_MANIFEST, sums)


def _sums(rows: Iterable[tuple[str, str]]) -> bytes:
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(rows)).encode()


def packet_digest(folder: Path) -> str:
    """Return the one digest that stands for a whole packet: the sha256 of its tag manifest."""
    return hashlib.sha256((folder / TAG_MANIFEST).read_bytes()).hexdigest()


def write_zip(folder: Path, target: Path) -> str:
    """Pack a bag into a zip with fixed order and dates, nothing compressed; return the zip's sha256.

    Stored members make the zip the same bytes whichever zlib a machine has, leave no bit that could be
    changed unseen, and cost little: pictures and documents are compressed already.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w+b") as file:
            pack(folder, file)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            found = hashlib.file_digest(file, "sha256").hexdigest()
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return found


def pack(folder: Path, out: BinaryIO) -> None:
    """Write the bytes of a bag's zip; they follow from its files and its name alone."""
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for one in files:
            _add(archive, one, f"{folder.name}/{one.relative_to(folder).as_posix()}")


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system, info.external_attr = 3, 0o100644 << 16
    info.file_size = path.stat().st_size  # tells zipfile whether it needs the fields for 4 GiB and more
    with path.open("rb") as file, archive.open(info, "w") as out:
        shutil.copyfileobj(file, out, _BLOCK)
