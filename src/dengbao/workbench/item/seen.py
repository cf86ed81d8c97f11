"""What programs brought from an asset, as text that people can read: facts, and raw records page by page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from ...errors import DengbaoError, StoreError
from ...facts import FactFile, fact_digest
from ...model import Missing, Raw, Record, kind_of
from ...rounds import Round

PAGE_BYTES: Final = 48 * 1024
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
# What would turn the direction of writing or hide text.
_UNSEEN: Final = ("Cf", "Cc", "Cs", "Co", "Cn", "Zl", "Zp")


@dataclass(frozen=True)
class SeenFact:
    """Facts of one kind as stored, cut where they are very long."""

    kind: str
    sha256: str
    text: str
    cut: bool


@dataclass(frozen=True)
class Answer:
    """One probe's answer on the asset: the facts that records rest on, and the raw records it kept."""

    file: FactFile
    facts: tuple[SeenFact, ...]

    @property
    def raw(self) -> tuple[Raw, ...]:
        """Return the raw records."""
        return self.file.raw

    @property
    def missing(self) -> tuple[Missing, ...]:
        """Return what the probe could not bring."""
        return self.file.missing


@dataclass(frozen=True)
class RawPage:
    """A part of a raw record; `pages` is at least 1."""

    raw: Raw
    number: int
    pages: int
    text: str


def answers(
    chosen: Round, asset: str, records: tuple[Record, ...], probes: Container[str] = ()
) -> tuple[tuple[Answer, ...], tuple[str, ...]]:
    """Return the probes' answers that some records rest on, and in Chinese what could not be read.

    `asset` must be the id of an asset of the engagement. Answers of `probes` are there also without such
    facts: they say why nothing was seen.
    """
    wanted = {(one.fact, one.sha256) for record in records for one in record.facts}
    found: list[Answer] = []
    faults: list[str] = []
    for one in _files(chosen, asset):
        if isinstance(one, DengbaoError):
            faults.append(str(one))
            continue
        try:
            facts = chosen.store().decode(one)
        except StoreError as exc:
            faults.append(str(exc))
            continue
        fitting = tuple(
            _shown(kind_of(each), fact_digest(each), msgspec.json.encode(each))
            for each in facts
            if (kind_of(each), fact_digest(each)) in wanted
        )
        if fitting or one.probe in probes:
            found.append(Answer(one, fitting))
    return tuple(found), tuple(faults)


def _files(chosen: Round, asset: str) -> Iterator[FactFile | DengbaoError]:
    store = chosen.store()
    folder = store.path_of(asset, "x").parent
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            yield store.load_file(path)
        except StoreError as exc:
            yield exc


def _shown(kind: str, sha256: str, data: bytes) -> SeenFact:
    text = msgspec.json.format(data, indent=1).decode()
    return SeenFact(kind, sha256, visible(text[:PAGE_BYTES]), len(text) > PAGE_BYTES)


def raw_page(chosen: Round, asset: str, sha256: str, number: int) -> RawPage | None:
    """Return a page of a raw record of an asset, None where the asset has no such record.

    The record's file is found by the digest that a stored answer names, never by what was asked for.

    Raises:
        StoreError: the file cannot be read.

    """
    known = (one for file in _files(chosen, asset) if isinstance(file, FactFile) for one in file.raw)
    raw = next((one for one in known if one.sha256 == sha256 and _SHA256.fullmatch(one.sha256)), None)
    if raw is None:
        return None
    path = chosen.folder / "raw" / raw.sha256
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            pages = max(1, -(-size // PAGE_BYTES))
            number = min(max(number, 1), pages)
            file.seek((number - 1) * PAGE_BYTES)
            data = _whole_letters(file.read(PAGE_BYTES + 3), first=number == 1)
    except OSError as exc:
        raise StoreError(
            f"原始记录无法读取（{exc.strerror}）", where=str(path), cure="从备份恢复该文件"
        ) from exc
    return RawPage(raw, number, pages, visible(data.decode("utf-8", errors="replace")))


def _whole_letters(data: bytes, *, first: bool) -> bytes:
    """Return a page's bytes: a letter cut at its end is whole, one cut at its start is left out."""
    begin = 0 if first else next((at for at in range(4) if not _goes_on(data, at)), 0)
    end = next((at for at in range(PAGE_BYTES, PAGE_BYTES + 4) if not _goes_on(data, at)), PAGE_BYTES)
    return data[begin:end]


def _goes_on(data: bytes, at: int) -> bool:
    return at < len(data) and data[at] & 0xC0 == 0x80


def visible(text: str) -> str:
    """Return text in which what cannot be seen is written out, so that nothing hides in it."""
    return "".join(one if _plain(one) else f"⟨U+{ord(one):04X}⟩" for one in text.replace("\r\n", "\n"))


def _plain(one: str) -> bool:
    return one in "\n\t" or unicodedata.category(one) not in _UNSEEN
