"""Finds the places of a window that are worth a look, at the speed of the machine.

Both engines only point; what stands there is decided by the same functions, so both find the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Protocol

from .judge import FLAT, at_codes, at_digits, at_groups, at_mail, commons
from .kinds import Hit
from .labels import WORDS, at_word
from .windows import lower_ascii

_CODE_LETTERS: Final = frozenset(b"0123456789ABCDEFGHJKLMNPQRTUWXY")
_CODES: Final = bytes(0x41 if one in _CODE_LETTERS else 0x2E for one in range(256))
_DIGIT: Final = 0x30
_RUN: Final = b"0" * 11
_CODE: Final = b"A" * 18
_NUMBER: Final = b"0" * 18
_GROUPS: Final = (b"000-0000-0000", b"000000-00000000-000")
_WORD_BYTES: Final = tuple(word.encode() for word, _ in WORDS)


class Engine(Protocol):
    """What finds the hits of a window that begin in it at `low` or later, sorted."""

    name: str

    def hits(self, data: bytes, low: int, small: bytes | None = None) -> list[Hit]:
        """Return the hits; a value that is cut off by the end of the window may be missing.

        `small` is `lower_ascii(data)` where the caller has it.
        """


class PlainEngine:
    """The engine of the standard library: a few plain searches over the window."""

    name = "re"

    def hits(self, data: bytes, low: int, small: bytes | None = None) -> list[Hit]:
        """Return the hits."""
        # A label may stand before `low` and its value behind it.
        floor = max(0, low - _AROUND)
        flat = data.translate(FLAT)
        hits, others = commons(data, _starts(flat, floor))
        found = _Found(low)
        for at in others:
            found.add(at_digits(data, at))
        for groups in _GROUPS:
            for at in _finds(flat, groups, low):
                found.add(at_groups(data, at))
        for at in _runs(data.translate(_CODES), low):
            if not flat.startswith(_NUMBER, at):
                found.add(at_codes(data, at))
        for at in _finds(data, b"@", low):
            found.add(at_mail(data, at))
        for number, at in _labels(data, lower_ascii(data) if small is None else small, floor):
            found.add(at_word(data, at, number))
        return found.among(hits)


_AROUND: Final = 200


def _starts(flat: bytes, floor: int) -> list[int]:
    """Return where runs of eleven digits and more begin."""
    starts = []
    at = flat.find(_RUN, floor)
    while at >= 0:
        if not at or flat[at - 1] != _DIGIT:
            starts.append(at)
        at = flat.find(_RUN, at + len(_RUN))
    return starts


def _labels(data: bytes, small: bytes, floor: int) -> Iterator[tuple[int, int]]:
    """Yield the numbers of words and where they begin; `small` tells soon that most are not there."""
    lower = small if len(small) == len(data) else b""
    for number, word in enumerate(_WORD_BYTES):
        if not word.isascii():
            yield from ((number, at) for at in _finds(data, word, floor))
        elif word in small:
            lower = lower or data.lower()
            yield from ((number, at) for at in _finds(lower, word, floor))


class _Found:
    """Hits by their start; of two at one place the first stands, which is the one with a check digit."""

    def __init__(self, low: int) -> None:
        self._low = low
        self._hits: dict[int, Hit] = {}

    def add(self, hit: Hit | None) -> None:
        if hit is not None and hit[0] >= self._low:
            self._hits.setdefault(hit[0], hit)

    def among(self, common: list[Hit]) -> list[Hit]:
        """Return all in order, with those of `common`, which come first and are in order."""
        if common and common[0][0] < self._low:
            common = [one for one in common if one[0] >= self._low]
        if not self._hits:
            return common
        self._hits.update({one[0]: one for one in common})
        return [self._hits[start] for start in sorted(self._hits)]


def _finds(data: bytes, what: bytes, low: int) -> Iterator[int]:
    at = data.find(what, low)
    while at >= 0:
        yield at
        at = data.find(what, at + 1)


def _runs(codes: bytes, low: int) -> Iterator[int]:
    """Yield where runs of exactly 18 capital letters and digits begin."""
    at = codes.find(_CODE, low)
    while at >= 0:
        end = at + 18
        if codes[end : end + 1] != b"A" and (not at or codes[at - 1] != 0x41):
            yield at
        else:
            stop = codes.find(b".", end)
            end = stop if stop >= 0 else len(codes)
        at = codes.find(_CODE, end)


# Shapes before words, as the plain engine goes: of two at one place the first stands.
_DIGITS_ID: Final = 0
_GROUPS_ID: Final = 1
_LONG_GROUPS_ID: Final = 2
_CODE_ID: Final = 3
_MAIL_ID: Final = 4
_WORDS_ID: Final = 5
# A credit code with at least one letter, else every number would be looked at twice.
_WITH_LETTER: Final = b"|".join(
    [b"[A-Y][1-9][0-9]{6}[0-9A-Y]{10}"]
    + [
        b"[1-9][1-9][0-9]{%d}[A-Y]%s" % (6 + place, b"[0-9A-Y]{%d}" % (9 - place) if place < 9 else b"")
        for place in range(10)
    ]
)


class FastEngine:
    """The optional engine (`dengbao[fast]`): hyperscan finds all places in one pass.

    Raises:
        ImportError: hyperscan is not installed.

    """

    name = "hyperscan"

    def __init__(self) -> None:
        import hyperscan  # noqa: PLC0415 - an optional extra for x86-64

        patterns: list[tuple[bytes, int, int]] = [
            (rb"(?:^|[^0-9])[0-9]{11}", _DIGITS_ID, 0),
            (rb"[0-9]{3}[ -][0-9]{4}[ -][0-9]{4}", _GROUPS_ID, 0),
            (rb"[0-9]{6}[ -][0-9]{8}[ -][0-9]{3}", _LONG_GROUPS_ID, 0),
            (rb"(?:^|[^0-9A-Za-z])(?:" + _WITH_LETTER + rb")", _CODE_ID, 0),
            (rb"[0-9A-Za-z_+%-]@[0-9A-Za-z]", _MAIL_ID, 0),
        ]
        for number, word in enumerate(_WORD_BYTES, _WORDS_ID):
            patterns.append((word, number, hyperscan.HS_FLAG_CASELESS if word.isascii() else 0))
        self._database: Any = hyperscan.Database()
        self._database.compile(
            expressions=[one for one, _, _ in patterns],
            ids=[one for _, one, _ in patterns],
            elements=len(patterns),
            flags=[one for _, _, one in patterns],
        )

    def hits(self, data: bytes, low: int, small: bytes | None = None) -> list[Hit]:  # noqa: ARG002 - no use here
        """Return the hits."""
        floor = max(0, low - _AROUND)
        ends: tuple[list[int], ...] = tuple([] for _ in range(_WORDS_ID + len(_WORD_BYTES)))

        def note(what: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ends[what].append(end)

        self._database.scan(data, match_event_handler=note)
        hits, others = commons(data, [end - len(_RUN) for end in sorted(ends[_DIGITS_ID])])
        found = _Found(low)
        for at in others:
            found.add(at_digits(data, at))
        for what in range(_GROUPS_ID, len(ends)):
            for end in sorted(ends[what]):
                found.add(_judge(data, what, end, floor))
        return found.among(hits)


def _judge(data: bytes, what: int, end: int, floor: int) -> Hit | None:
    if what == _GROUPS_ID:
        return at_groups(data, end - len(_GROUPS[0]))
    if what == _LONG_GROUPS_ID:
        return at_groups(data, end - len(_GROUPS[1]))
    if what == _CODE_ID:
        return at_codes(data, end - len(_CODE))
    if what == _MAIL_ID:
        return at_mail(data, end - 2)
    word = what - _WORDS_ID
    at = end - len(_WORD_BYTES[word])
    return at_word(data, at, word) if at >= floor else None


def best_engine() -> Engine:
    """Return the fastest engine that is installed."""
    try:
        return FastEngine()
    except ImportError:
        return PlainEngine()
