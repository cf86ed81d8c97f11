"""Wrong values for a field, by its type; all of them harmless."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from ...model import InputField
from ...pii import is_bank_card, is_credit_code
from .calls import FilePart

MOST_FILE_BYTES: Final = 1024 * 1024
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK: Final = "10X98765432"
_DATE: Final = re.compile(r"(\d{4})([-/.年]?)(\d{2})([-/.月]?)(\d{2})(.*)", re.DOTALL)
_TEXT: Final = b"dengbao: harmless text of a test\n"
_PNG: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)
_GIF: Final = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
_PDF: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
_JPEG: Final = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300" + "08" * 64 + "ffc0000b080001000101011100"
    "ffc40014000100000000000000000000000000000009ffc40014100100000000000000000000000000000000"
    "ffda0008010100003f0054dfffd9"
)
# Media type and a small right content, by extension.
_MADE: Final = {
    ".png": ("image/png", _PNG), ".gif": ("image/gif", _GIF), ".pdf": ("application/pdf", _PDF),
    ".jpg": ("image/jpeg", _JPEG), ".jpeg": ("image/jpeg", _JPEG), ".txt": ("text/plain", _TEXT),
    ".csv": ("text/csv", b"a,b\n1,2\n"),
}  # fmt: skip
_ANYTHING: Final = (".txt", ".csv")


@dataclasses.dataclass(frozen=True)
class Wrong:
    """A value that a field must not take, as text or as a file; `means` is what a statement makes of it."""

    kind: str
    field: str
    text: str = dataclasses.field(default="", repr=False)
    means: str = dataclasses.field(default="", repr=False)
    file: FilePart | None = None


def own_file(folder: Path | None, sample: str) -> bytes | None:
    """Return a file of the engagement's own folder, None where there is none, or it is larger than 1 MiB."""
    if folder is None:
        return None
    path = (folder / Path(sample)).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return None
    return path.read_bytes() if path.stat().st_size <= MOST_FILE_BYTES else None


def right_file(sample: str, data: bytes | None = None) -> FilePart | None:
    """Return a right file of the sample's name; None where we cannot make one and no data is given."""
    name = PurePosixPath(sample).name
    media, made = _MADE.get(PurePosixPath(name).suffix.lower(), ("application/octet-stream", None))
    content = data if data is not None else made
    return None if content is None else FilePart(name, media, content)


def wrong_values(name: str, one: InputField, nonce: str, file: FilePart | None = None) -> Iterator[Wrong]:
    """Yield what a field must not take; `nonce` makes markup known again."""
    if one.required and one.type != "file":
        yield Wrong("empty", name)
    if one.type == "file":
        if file is not None:
            yield from _files(name, file)
        return
    by_type = {
        "text": _texts, "integer": _numbers, "decimal": _numbers, "date": _dates, "id_card": _id_cards,
        "phone": _phones, "code": _codes, "credit_code": _credit_codes, "bank_card": _bank_cards,
    }[one.type]  # fmt: skip
    for kind, text in by_type(one):
        yield Wrong(kind, name, text)
    room = one.max_length is None
    # The second closes the attribute it may stand in, as an element would not have to.
    for kind, markup in (
        ("markup", f"<b data-dengbao={nonce}>"),
        ("attribute", f"'\" data-dengbao={nonce} "),
    ):
        if one.type == "text" and (room or len(markup) <= (one.max_length or 0)):
            yield Wrong(kind, name, markup)
    keep = one.sample if room or len(one.sample) < (one.max_length or 0) else one.sample[:-1]
    yield Wrong("quote", name, f"{keep}'")


def _texts(one: InputField) -> Iterator[tuple[str, str]]:
    if one.max_length is not None:
        seed = one.sample or "a"
        yield "too_long", (seed * (one.max_length // len(seed) + 2))[: one.max_length + 1]


def _numbers(one: InputField) -> Iterator[tuple[str, str]]:
    yield "letters", "abc"
    yield "exponent", "1e400"
    for kind, bound, step in (("below", one.least, -1), ("above", one.most, 1)):
        if bound is not None:
            beyond = bound + step
            yield kind, str(int(beyond)) if beyond == int(beyond) else str(beyond)


def _dates(one: InputField) -> Iterator[tuple[str, str]]:
    found = _DATE.fullmatch(one.sample)
    if found is not None:
        year, first, _, second, _, rest = found.groups()
        yield "impossible_day", f"{year}{first}02{second}30{rest}"


def _id_cards(one: InputField) -> Iterator[tuple[str, str]]:
    text = one.sample
    if not re.fullmatch(r"\d{17}[\dXx]", text, re.ASCII):
        return
    yield "check_digit", text[:17] + ("1" if text[17] in "0Xx" else str(int(text[17]) - 1))
    body = f"{text[:10]}0230{text[14:17]}"
    yield "id_date", body + _CHECK[sum(int(a) * b for a, b in zip(body, _WEIGHTS, strict=True)) % 11]
    yield "short_id", text[:17]


def _credit_codes(one: InputField) -> Iterator[tuple[str, str]]:
    if is_credit_code(one.sample):
        yield "credit_check", one.sample[:17] + ("0" if one.sample[17] != "0" else "1")
        yield "short_credit", one.sample[:17]


def _bank_cards(one: InputField) -> Iterator[tuple[str, str]]:
    if is_bank_card(one.sample):
        yield "bank_check", one.sample[:-1] + str((int(one.sample[-1]) + 1) % 10)


def _phones(one: InputField) -> Iterator[tuple[str, str]]:
    if re.fullmatch(r"\d{11}", one.sample, re.ASCII):
        yield "short_phone", one.sample[:10]


def _codes(one: InputField) -> Iterator[tuple[str, str]]:
    size = max(len(one.sample), 1)
    several = "9876543210" if one.sample.isdigit() else "ZYXWVQ"
    found = next((letter * size for letter in several if letter * size not in one.codes), None)
    if found is not None and one.codes:
        yield "unlisted", found


def _files(name: str, file: FilePart) -> Iterator[Wrong]:
    suffix = PurePosixPath(file.name).suffix
    # A name that a server might carry out; the content is the right, harmless one.
    yield Wrong("double_extension", name, file=FilePart(f"{file.name}.jsp", file.media_type, file.data))
    if suffix.lower() in _ANYTHING:
        return
    yield Wrong("forged_type", name, file=FilePart(file.name, file.media_type, _TEXT))
    other = _GIF if suffix.lower() != ".gif" else _PNG
    yield Wrong("wrong_magic", name, file=FilePart(file.name, file.media_type, other))
