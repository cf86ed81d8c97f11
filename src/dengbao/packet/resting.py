"""Which items rest on a file of a packet: facts → records, transcript → facts, evidence → items.

Read from what may be damaged or hostile: what cannot be read is passed over, and names no items.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from ..errors import DengbaoError
from ..evidence.store import load
from ..facts import FactFile
from ..model import Plan, Record
from ..probes.registry import PROBES
from .layout import PAYLOAD

_LIMIT_BYTES: Final = 64 * 1024 * 1024
_ITEM: Final = re.compile(rb'"(?:case|item)":"(\d{1,2}(?:\.[a-z0-9]{1,2}){0,2})["@]')
_NUMBERED: Final = re.compile(r"(EV-\d+)")
_KINDS: Final = {one.name: frozenset(one.fact_kinds) for one in PROBES}
_UNREADABLE: Final = (OSError, ValueError, RecursionError, DengbaoError)


class Resting:
    """Items by file of a packet laid out in `root`; looked up once, when first asked."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, tuple[str, ...]] | None = None

    def items(self, name: str) -> tuple[str, ...]:
        """Return the items that rest on a file, in order; none where it is not of single items."""
        if self._known is None:
            self._known = {
                one: tuple(sorted(found, key=_order)) for one, found in _all(self._root / PAYLOAD).items()
            }
        return self._known.get(name.partition(":")[0], ())


def _order(item: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(one) if one.isdecimal() else 0, one) for one in item.split("."))


def _all(folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for place in sorted((folder / "runs").glob("round-*")):
        base = f"{PAYLOAD}/runs/{place.name}"
        rows = [row for _, row in lines_of(place / "records.jsonl")]
        records = [one for one in map(read_record, rows) if one is not None]
        found[f"{base}/records.jsonl"] |= _unread(place, rows, records)
        damaged: set[str] = set()  # items of facts that no longer tell which transcripts are theirs
        for path in sorted((place / "facts").glob("*/*.json")):
            name = f"{base}/facts/{path.parent.name}/{path.name}"
            found[name] |= _by_probe(records, path.parent.name, path.stem)
            raws = _raws(path)
            for raw in raws or ():
                found[f"{base}/raw/{raw}"] |= found[name]
            if raws is None:
                damaged |= found[name]
        for path in (place / "raw").glob("*"):
            found[f"{base}/raw/{path.name}"] |= set() if found[f"{base}/raw/{path.name}"] else damaged
    _evidence(folder / "evidence", found)
    return found


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of each line of a file of records; nothing where it cannot be read."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LIMIT_BYTES:
        return
    yield from enumerate(path.read_bytes().split(b"\n"), 1)


def read_record(line: bytes) -> Record | None:
    """Return the record of a line, or None where it is none."""
    try:
        return msgspec.json.decode(line, type=Record)
    except _UNREADABLE:
        return None


def items_of_line(line: bytes) -> tuple[str, ...]:
    """Return the items that a line names which is no record any more."""
    return tuple(dict.fromkeys(one.decode() for one in _ITEM.findall(line)))


def _unread(place: Path, rows: list[bytes], records: list[Record]) -> set[str]:
    """Return the items of lines that cannot be read, and of planned cases without a line."""
    found = {item for row in rows if read_record(row) is None for item in items_of_line(row)}
    try:
        plan = msgspec.json.decode((place / "plan.json").read_bytes(), type=Plan)
    except _UNREADABLE:
        return found
    there = {one.case for one in records}
    return found | {one.item for one in plan.cases if one.check and one.id not in there}


def _by_probe(records: list[Record], asset: str, probe: str) -> set[str]:
    kinds = _KINDS.get(probe, frozenset())
    return {
        one.item for one in records if one.asset == asset and any(each.fact in kinds for each in one.facts)
    }


def _raws(path: Path) -> tuple[str, ...] | None:
    """Return the transcripts that a file of facts names, None where it cannot be read."""
    try:
        return tuple(one.sha256 for one in msgspec.json.decode(path.read_bytes(), type=FactFile).raw)
    except _UNREADABLE:
        return None


def _evidence(folder: Path, found: dict[str, set[str]]) -> None:
    by_number: dict[str, set[str]] = {}
    for path in sorted(folder.glob("EV-*.yaml")):
        try:
            record = load(path)
        except _UNREADABLE:
            continue
        by_number[path.stem] = set(record.items)
        for one in (path.name, *(file.name for file in record.files)):
            found[f"{PAYLOAD}/evidence/{one}"] |= by_number[path.stem]
    for path in sorted(folder.glob("EV-*")):  # a file whose record no longer names it
        number = _NUMBERED.match(path.name)
        if number is not None and not found.get(f"{PAYLOAD}/evidence/{path.name}"):
            found[f"{PAYLOAD}/evidence/{path.name}"] |= by_number.get(number[1], set())
