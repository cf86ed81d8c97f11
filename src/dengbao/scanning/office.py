"""Reads sheets, letters and PDF files as text, cell by cell, paragraph by paragraph, page by page."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any, Final

from .archives import Budget, Metered, TooMuch, Unreadable

_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STRICT: Final = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
_MAX_STRINGS_BYTES: Final = 48 * 1024 * 1024
_MAX_ROWS: Final = 1_048_576
_MAX_COLUMNS: Final = 16_384
_SHEET: Final = re.compile(r"xl/worksheets/[^/]+\.xml")
_LETTER: Final = re.compile(r"word/(?:document|header\d*|footer\d*|comments|footnotes|endnotes)\.xml")
_LOOKS: Final = re.compile(
    r"\[Content_Types\]\.xml|(?:.*/)?_rels/.*|docProps/thumbnail\.\w+|xl/(?:sharedStrings|calcChain|styles)\.xml"
    r"|(?:word|xl)/(?:theme/.*|(?:styles|stylesWithEffects|settings|webSettings|fontTable|numbering)\.xml)"
    r"|xl/printerSettings/.*"
)
_CELL_NAME: Final = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_BREAKS: Final = str.maketrans("\t\r\n", "   ")
_WHOLE_NUMBER: Final = re.compile(r"(\d{1,20})\.0+|(\d)(?:\.(\d+))?[eE]\+?(\d{1,2})")


class Generated:
    """A stream made of pieces as they come."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes."""
        if not self._rest:
            parts: list[bytes] = []
            have = 0
            for one in self._pieces:
                parts.append(one)
                have += len(one)
                if have >= size:
                    break
            self._rest = b"".join(parts)
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def office_kind(names: set[str]) -> str:
    """Return what a zip with these members is: `xlsx`, `docx`, or empty for any other."""
    if "xl/workbook.xml" in names:
        return "xlsx"
    return "docx" if "word/document.xml" in names else ""


def is_known_part(name: str) -> bool:
    """Tell whether a part of a workbook or letter is read by itself, or holds how things look and no text."""
    return any(one.fullmatch(name) for one in (_SHEET, _LETTER, _LOOKS))


def sheets(file: IO[bytes], size: int, budget: Budget) -> Iterator[tuple[str, Generated]]:
    """Yield each sheet's name and its rows as lines with tabs between the cells.

    Raises:
        TooMuch: more strings than are held in memory, or another bound.
        etree.XMLSyntaxError: a part is no XML.

    """
    with zipfile.ZipFile(file) as archive:
        strings = _shared_strings(archive, size, budget)
        for name in archive.namelist():
            if _SHEET.fullmatch(name):
                budget.member()
                with _part(archive, name, size, budget) as part:
                    yield name.rpartition("/")[2].removesuffix(".xml"), Generated(_rows(part, strings))


@contextlib.contextmanager
def _part(archive: zipfile.ZipFile, name: str, size: int, budget: Budget) -> Iterator[Metered]:
    info = archive.getinfo(name)
    whole = Metered(io.BytesIO(), budget)
    whole.taken = max(1, min(info.compress_size, size))
    with archive.open(info) as inside:
        yield Metered(inside, budget, whole)


def _parse(part: Metered, *tags: str) -> Iterator[Any]:
    """Yield elements as they end; no entity is resolved, no network asked, no tree grown."""
    from lxml import etree  # noqa: PLC0415 - few scans need it

    for _, element in etree.iterparse(
        part, events=("end",), tag=tags, resolve_entities=False, no_network=True, huge_tree=False
    ):
        yield element
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]


def _shared_strings(archive: zipfile.ZipFile, size: int, budget: Budget) -> list[str]:
    name = "xl/sharedStrings.xml"
    if name not in archive.namelist():
        return []
    found: list[str] = []
    held = 0
    with _part(archive, name, size, budget) as part:
        for item in _parse(part, _MAIN + "si", _STRICT + "si"):
            text = _texts(item)
            held += len(text) + 64
            if held > _MAX_STRINGS_BYTES:
                raise TooMuch("工作簿的共享字符串过多")
            found.append(text)
    return found


def _texts(item: Any) -> str:
    return "".join(one.text or "" for one in item.iter(_MAIN + "t", _STRICT + "t"))


def _rows(part: Metered, strings: list[str]) -> Iterator[bytes]:
    written = 0
    for row in _parse(part, _MAIN + "row", _STRICT + "row"):
        number = _row_number(row.get("r"), written + 1)
        yield b"\n" * (number - written - 1)
        cells: list[str] = []
        for cell in row.iterchildren(_MAIN + "c", _STRICT + "c"):
            place = _column_number(cell.get("r"), len(cells))
            cells += [""] * (place - len(cells))
            cells.append(_value(cell, strings).translate(_BREAKS))
        written = number
        yield "\t".join(cells).encode("utf-8", "replace") + b"\n"


def _row_number(text: str | None, following: int) -> int:
    number = int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else following
    return number if following <= number <= _MAX_ROWS else following


def _column_number(name: str | None, following: int) -> int:
    found = _CELL_NAME.fullmatch(name or "")
    if found is None:
        return following
    number = 0
    for letter in found.group(1):
        number = number * 26 + ord(letter) - 64
    return number - 1 if following < number <= _MAX_COLUMNS else following


def _value(cell: Any, strings: list[str]) -> str:
    kind = cell.get("t")
    if kind == "inlineStr":
        return _texts(cell)
    found = cell.find(_MAIN + "v")
    found = cell.find(_STRICT + "v") if found is None else found
    text = (found.text or "") if found is not None else ""
    if kind == "s":
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        return strings[number] if 0 <= number < len(strings) else ""
    return _number(text) if kind in (None, "n") else text


def _number(text: str) -> str:
    """Return a whole number as people write it: sheets store 13800138000 as 1.3800138E10."""
    found = _WHOLE_NUMBER.fullmatch(text)
    if found is None:
        return text
    if found.group(1):
        return found.group(1)
    digits, shift = found.group(2) + (found.group(3) or ""), int(found.group(4))
    return digits.ljust(shift + 1, "0") if len(digits) <= shift + 1 <= 20 else text


def paragraphs(file: IO[bytes], size: int, budget: Budget) -> Iterator[tuple[str, Generated]]:
    """Yield each part of a letter and its paragraphs as lines; a row of a table is one line.

    Raises:
        TooMuch: a bound is reached.
        etree.XMLSyntaxError: a part is no XML.

    """
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if _LETTER.fullmatch(name):
                budget.member()
                with _part(archive, name, size, budget) as part:
                    yield name.rpartition("/")[2].removesuffix(".xml"), Generated(_lines(part))


def _lines(part: Metered) -> Iterator[bytes]:
    texts: list[str] = []
    depth = 0
    from lxml import etree  # noqa: PLC0415 - few scans need it

    events = etree.iterparse(
        part, events=("start", "end"), resolve_entities=False, no_network=True, huge_tree=False
    )
    for event, element in events:
        tag = str(element.tag).rpartition("}")[2]
        if event == "start":
            depth += tag == "tr"
            continue
        if tag in ("t", "delText", "instrText"):
            texts.append(element.text or "")
        elif tag in ("tab", "tc"):
            texts.append("\t")
        elif tag == "tr" or (tag in ("p", "br") and not depth):
            yield ("".join(texts).translate(_BREAKS if not depth else {}) + "\n").encode("utf-8", "replace")
            texts.clear()
        depth -= tag == "tr"
        if tag in ("p", "tr", "r"):
            element.clear()


def pages(file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield each page of a PDF file and its text; pictures of text have none.

    Raises:
        Unreadable: the file is damaged or encrypted, or pypdf is not installed.

    """
    try:
        from pypdf import PdfReader, errors  # noqa: PLC0415 - an optional extra
    except ImportError as exc:
        raise Unreadable("未安装 pypdf（dengbao[pdf]），未读 PDF") from exc
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it writes of every odd file to the terminal
    # Besides its own errors, the library runs into these where a file lies about itself.
    odd = (AttributeError, LookupError, TypeError, ArithmeticError, RecursionError, AssertionError)
    try:
        for number, page in enumerate(PdfReader(file).pages, 1):
            yield f"第{number}页", page.extract_text().encode("utf-8", "replace")
    except (errors.PyPdfError, errors.DependencyError, ValueError, zlib.error, OSError, *odd) as exc:
        raise Unreadable("PDF 已损坏或已加密，未读完") from exc
