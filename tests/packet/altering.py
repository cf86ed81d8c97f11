"""Ways to alter a packet: one bit, one field, with its lists made anew, or sealed anew by another key."""

from __future__ import annotations

import hashlib
import random
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from dengbao.facts import canonical
from dengbao.model import Seal
from dengbao.packet.bag import digests, packet_digest, write_bag
from dengbao.packet.dsse import SigningKey, sign
from dengbao.packet.layout import (
    BAG_INFO,
    MANIFEST,
    PAYLOAD,
    README,
    SEAL,
    SM3_SUMS,
    STATEMENT,
    TAG_MANIFEST,
    TAGS,
)
from dengbao.packet.statement import statement_of

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


def unpacked(path: Path, folder: Path) -> Path:
    """Unpack a packet; return its own folder."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return next(folder.iterdir())


def flipped(data: bytes, bit: int) -> bytes:
    """Return the bytes with one bit turned."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def other_field(data: bytes, chance: random.Random) -> bytes:
    """Return JSON (or lines of it) with one value changed, whichever chance picks."""
    lines = data.split(b"\n") if data.count(b'{"') and not data.startswith(b"{\n") else [data]
    at = chance.choice([n for n, line in enumerate(lines) if line.strip()])
    value: Json = msgspec.json.decode(lines[at])
    places = list(leaves(value))
    chosen = chance.choice(places)
    lines[at] = msgspec.json.encode(replaced(value, chosen))
    return b"\n".join(lines)


def leaves(value: Json, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return where the single values of a document stand."""
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in leaves(inner, (*place, key))]
    if isinstance(value, list):
        return [one for n, inner in enumerate(value) for one in leaves(inner, (*place, n))]
    return [place]


def replaced(value: Json, place: tuple[str | int, ...]) -> Json:
    """Return a document with the value at a place made another of its kind."""
    if place and isinstance(value, dict):
        key = str(place[0])
        return {**value, key: replaced(value[key], place[1:])}
    if place and isinstance(value, list):
        n = int(place[0])
        return [*value[:n], replaced(value[n], place[1:]), *value[n + 1 :]]
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return f"{value}1" if isinstance(value, str) else 1


def relist(root: Path) -> None:
    """Make all lists of a packet anew, as one does who has no key."""
    known = {}
    for path in sorted((root / PAYLOAD).rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                known[path.relative_to(root).as_posix()] = digests(file)
    (root / MANIFEST).write_text("".join(f"{one.sha256}  {name}\n" for name, one in sorted(known.items())))
    (root / SM3_SUMS).write_text("".join(f"{one.sm3}  {name}\n" for name, one in sorted(known.items())))
    total = sum(one.size_bytes for one in known.values())
    kept = [
        line for line in (root / BAG_INFO).read_text().splitlines() if not line.startswith("Payload-Oxum")
    ]
    (root / BAG_INFO).write_text("\n".join([*kept, f"Payload-Oxum: {total}.{len(known)}", ""]))
    sums = {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in TAGS}
    (root / TAG_MANIFEST).write_text("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)))


def sealed_anew(
    root: Path, target: Path, key: SigningKey, changes: Mapping[str, bytes | None], **seal: object
) -> Path:
    """Write the packet with files changed (None: left out) and all of it sealed by another key."""
    payload: dict[str, Path | bytes] = {
        path.relative_to(root / PAYLOAD).as_posix(): path
        for path in (root / PAYLOAD).rglob("*")
        if path.is_file()
    }
    for name, data in changes.items():
        payload.pop(name, None)
        if data is not None:
            payload[name] = data
    old = msgspec.json.decode((root / SEAL).read_bytes(), type=Seal)
    made = msgspec.structs.replace(old, key=key.public.fingerprint, public_key=key.public.text, **seal)
    lines = [line.partition(": ") for line in (root / BAG_INFO).read_text().splitlines()]
    info = [(name, value) for name, _, value in lines if name != "Payload-Oxum"]
    tags = {
        README: (root / README).read_bytes(),
        SEAL: msgspec.json.format(canonical(made), indent=1) + b"\n",
    }
    shutil.rmtree(target, ignore_errors=True)
    known = write_bag(target, payload, tags, info)
    files = {f"{PAYLOAD}/{name}": one for name, one in known.items()}
    (target / STATEMENT).write_bytes(sign(statement_of(files, packet_digest(target), made), key))
    return target
