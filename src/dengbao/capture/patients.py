"""Names the fields of HL7 v2 and DICOM in clear that say who the patient is.

Source: HL7 v2.5.1 §2.5, §3.4.2 (PID), MLLP release 1; DICOM PS3.6 (group 0010), PS3.5 §7.1, PS3.7 §D.3.3.7.
"""

from __future__ import annotations

import re
from typing import Final

from ..pii import is_id_card
from .content import Ledger, numbers, text_of
from .dialects import Lines, Teller
from .findings import Kind

_NAME, _NUMBER, _PHONE = range(3)
_FIELDS: Final = {
    (b"PID", 2): _NUMBER, (b"PID", 3): _NUMBER, (b"PID", 4): _NUMBER, (b"PID", 5): _NAME, (b"PID", 9): _NAME,
    (b"PID", 19): _NUMBER, (b"NK1", 2): _NAME, (b"GT1", 3): _NAME, (b"IN1", 16): _NAME, (b"IN1", 36): _NUMBER,
}  # fmt: skip
_NAMES_ZH: Final = {_NAME: "姓名", _NUMBER: "标识"}
_MOST_FIELDS: Final = 128


class Hl7(Teller):
    """HL7 v2: segments are lines, and their fields have numbers."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.works = True
        self._lines = (Lines(b"\r", parts=True), Lines(b"\r", parts=True))
        self._marks = b"|^~"
        self._at = [0, 0]

    def gap(self, side: int) -> None:
        """Take the segment that was begun."""
        del side
        self.finish()

    def hear(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        self._at[side] = at
        for line, place in self._lines[side].feed(data, at):
            self._segment(line.lstrip(b"\n\x0b\x1c"), side, place)

    def finish(self) -> None:
        """Take segments that have no end."""
        for side, lines in enumerate(self._lines):
            rest, lines.kept = lines.kept, b""
            self._segment(rest.lstrip(b"\n\x0b\x1c"), side, self._at[side])

    def _segment(self, line: bytes, side: int, at: int) -> None:
        name = line[:3]
        if name in {b"MSH", b"FHS", b"BHS"} and len(line) > 6:
            self._marks = line[3:6]
        for number, value in enumerate(line.split(self._marks[:1], _MOST_FIELDS)):
            if number and value:
                what = _FIELDS.get((name, number))
                label = f"{text_of(name)}-{number}"
                if what is None:
                    self._numbers(label, value, side, at)
                else:
                    self._field(f"{label} 患者{_NAMES_ZH[what]}", what, value, side, at)

    def _field(self, label: str, what: int, value: bytes, side: int, at: int) -> None:
        for one in value.split(self._marks[2:3])[:8]:
            parts = one.split(self._marks[1:2])
            text = text_of(b"".join(parts[:2]) if what == _NAME else parts[0]).strip('" ')
            if not text:
                continue
            if what == _NAME:
                self._ledger.add(Kind.NAME, "message", label, side, at, text)
            else:
                kind = Kind.ID_CARD if is_id_card(text) else Kind.MEDICAL
                self._ledger.add(kind, "message", label, side, at, text)

    def _numbers(self, label: str, value: bytes, side: int, at: int) -> None:
        if len(value) >= 11:
            for _, kind, number in numbers(value, 0, len(value), {}):
                self._ledger.add(kind, "message", label, side, at, number)


_KEPT: Final = 512
_LONGEST: Final = 128
_ELEMENT: Final = re.compile(
    rb"\x10\x00(?:(\x10\x00)|(\x20\x00)|(\x00\x10))(?:(?:PN|LO)(..)|(.)\x00\x00\x00)", re.DOTALL
)
_LABELS: Final = ("PatientName (0010,0010)", "PatientID (0010,0020)", "OtherPatientIDs (0010,1000)")
# Groups of the elements that may come behind; the head of the next PDU; the end of an item.
_BEHIND: Final = frozenset((
    b"\x08\0", b"\x10\0", b"\x12\0", b"\x18\0", b"\x20\0", b"\x28\0", b"\x32\0", b"\x38\0", b"\x40\0",
    b"\x88\0", b"\x04\0", b"\xfe\xff",
))  # fmt: skip
_IDENTITY: Final = re.compile(rb"\x58\x00..\x02[\x00\x01](..)", re.DOTALL)
_CONTROL: Final = re.compile(rb"[\x00-\x1a\x1c-\x1f\x7f]")


class Dicom(Teller):
    """DICOM: the patient module of what is asked for and sent, and a user's password in an association."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.works = True
        self._tails = [b"", b""]
        self._done = [0, 0]  # up to where elements were taken

    def gap(self, side: int) -> None:
        """Forget the element that was begun."""
        self._tails[side] = b""

    def hear(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        if side == 0 and data[:2] == b"\x01\0":
            self._associate(data, at)
        window, base = self._tails[side] + data, at - len(self._tails[side])
        for hit in _ELEMENT.finditer(window):
            if base + hit.start() < self._done[side]:
                continue
            text = _value(window, hit)
            if text:
                self._done[side] = base + hit.end()
                self._element(_label(hit), text, side, base + hit.start())
        self._tails[side] = window[-_KEPT:]

    def _element(self, label: str, text: str, side: int, at: int) -> None:
        if label == _LABELS[0]:
            self._ledger.add(Kind.NAME, "message", label, side, at, text)
        else:
            kind = Kind.ID_CARD if is_id_card(text) else Kind.MEDICAL
            self._ledger.add(kind, "message", label, side, at, text)

    def _associate(self, data: bytes, at: int) -> None:
        for hit in _IDENTITY.finditer(data):
            begin = hit.end() + int.from_bytes(hit.group(1), "big")
            size = int.from_bytes(data[begin : begin + 2], "big")
            if 0 < size <= _LONGEST:
                self._password("User Identity", data[begin + 2 : begin + 2 + size], at + hit.start())


def _label(hit: re.Match[bytes]) -> str:
    return next(label for number, label in enumerate(_LABELS, 1) if hit.group(number) is not None)


def _value(window: bytes, hit: re.Match[bytes]) -> str:
    """Return the value of an element, nothing where it is empty, cut off, or no text that people wrote."""
    length = hit.group(4) if hit.group(4) is not None else hit.group(5)
    size, begin = int.from_bytes(length, "little"), hit.end()
    value = window[begin : begin + size].rstrip(b"\0")
    following = window[begin + size : begin + size + 2]
    if not 0 < size <= _LONGEST or begin + size > len(window) or _CONTROL.search(value):
        return ""
    if len(following) == 2 and following not in _BEHIND:
        return ""
    return text_of(value).strip(" ^*?")
