"""Which packet of an engagement counts today, and what changed in the folder since it was sealed."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from ..errors import StoreError
from ..evidence import load
from ..evidence.remarks import NAME as REMARKS
from ..evidence.remarks import whole_lines
from ..evidence.store import FOLDER, record_paths
from ..files import sha256_of
from ..model import Seal
from ..rounds import round_numbers
from .custody import read_custody
from .layout import CUSTODY, MANIFEST, PAYLOAD, SEAL, TAG_MANIFEST

OUT: Final = "out"
_LIMIT_BYTES: Final = 64 * 1024 * 1024
_LINE: Final = re.compile(rf"([0-9a-f]{{64}})  {PAYLOAD}/(\S.*)")
_CURE: Final = "用 dengbao verify 核验；或重新封存"


@dataclass(frozen=True)
class Current:
    """A packet as its own lists tell it: digest, seal, payload name → sha256; nothing is verified."""

    path: Path
    packet: str
    seal: Seal
    listed: Mapping[str, str]


def read_packet(path: Path) -> Current:
    """Return what a packet's lists say, read from the zip without unpacking it.

    Raises:
        StoreError: not a packet, or its seal does not fit its lists.

    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = {one.filename.partition("/")[2]: one for one in archive.infolist()}
            tags, seal, manifest = (_read(archive, names, one) for one in (TAG_MANIFEST, SEAL, MANIFEST))
        made = msgspec.json.decode(seal, type=Seal)
    except (zipfile.BadZipFile, OSError, KeyError, EOFError, NotImplementedError, RuntimeError) as exc:
        raise StoreError("不是封存包，或已残缺", where=str(path), cure=_CURE) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise StoreError("封存记录已损坏", where=str(path), cure=_CURE) from exc
    for name, data in ((SEAL, seal), (MANIFEST, manifest)):
        if f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode() not in tags:
            raise StoreError(f"{name} 与摘要清单不符", where=str(path), cure=_CURE)
    rows = (_LINE.fullmatch(line) for line in manifest.decode("utf-8", "replace").splitlines())
    listed = {one[2]: one[1] for one in rows if one is not None}
    return Current(path, hashlib.sha256(tags).hexdigest(), made, listed)


def _read(archive: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo], name: str) -> bytes:
    with archive.open(names[name]) as file:
        data = file.read(_LIMIT_BYTES + 1)
    if len(data) > _LIMIT_BYTES:
        raise KeyError(name)
    return data


def newest_packet(directory: Path) -> Current | None:
    """Return the packet in `out/` that was sealed last, None where there is none; passes over other zips."""
    found: list[Current] = []
    for path in sorted((directory / OUT).glob("*.zip")):
        try:
            found.append(read_packet(path))
        except StoreError:
            continue
    return max(found, key=lambda one: (one.seal.sealed_at, one.packet), default=None)


def changed_since(
    directory: Path, current: Current, *, digest: Callable[[Path], str] = sha256_of
) -> tuple[str, ...]:
    """Return in Chinese what an engagement folder holds otherwise than its packet.

    The log of custody grows by every step that follows sealing, and is not compared; nor are the report
    and the suite, which do not lie in the folder as they lie in the packet. `digest` may be one that
    remembers, where it is only shown.
    """
    return tuple(_changes(directory, current, digest))


def is_changed(directory: Path, current: Current) -> bool:
    """Tell whether an engagement folder is no longer what its packet holds; stops at the first difference."""
    return next(_changes(directory, current, sha256_of), None) is not None


def _changes(directory: Path, current: Current, digest: Callable[[Path], str]) -> Iterator[str]:
    sealed = [one for one in read_custody(directory / CUSTODY) if one.act == "sealed"]
    last = sealed[-1].details.get("packet", "") if sealed else current.packet
    if last != current.packet:
        yield f"经手记录中最后封存的是另一包（摘要 {last[:16]}…）"
    for number in round_numbers(directory):
        if number > current.seal.round:
            yield f"封存之后又有第 {number} 轮检测"
    # What the packet lists is held against its digest below.
    fresh = (one for one in record_paths(directory) if f"{FOLDER}/{one.name}" not in current.listed)
    for record in map(load, fresh):
        if record.filed_at > current.seal.sealed_at:
            yield f"封存之后又有佐证 {record.id} 入库"
    yield from _remarks(directory, current)
    for name, sha256 in sorted(current.listed.items()):
        if name in (CUSTODY, REMARKS) or name.startswith((f"{OUT}/", "suites/")):
            continue
        path = directory / name
        if not path.is_file():
            yield f"{name} 封存时有，现已不在"
        elif digest(path) != sha256:
            yield f"{name} 在封存之后被改动"


def _remarks(directory: Path, current: Current) -> Iterator[str]:
    found = whole_lines(directory)
    if found and REMARKS not in current.listed:
        yield "封存之后又有复核意见"
    elif hashlib.sha256(found).hexdigest() != current.listed.get(REMARKS, hashlib.sha256().hexdigest()):
        yield "封存之后又有复核意见，或复核意见被改动"
