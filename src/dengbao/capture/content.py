"""Looks for passwords, tokens, personal data and 医保 fields in readable bytes; hands on masks, never values.

Source: standards of the validators in `pii.py`; names of the 医保 interface as its public clients use them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from ..pii import StoredAs, classify, is_bank_card, is_id_card, is_mobile
from .findings import Finding, Kind

KEEP_BYTES: Final = 256  # looked at again with what follows, so that nothing is cut in two
_LEAST: Final = 1024  # looked at at a time
_MOST_FINDINGS: Final = 64  # different ones of a flow; further values of the same are only counted
_NAMED_HITS: Final = 40  # of one kind in a flow, for which the field is looked up
_DIGITS: Final = bytes.maketrans(b"0123456789", b"0" * 10)
_RUN: Final = b"0" * 11
_ZEROS: Final = re.compile(b"0+").match
_ENOUGH: Final = 40  # values of one name in a flow, after which most windows are spared
_SPARED: Final = 16
_BULK: Final = 4  # windows of one JSON body, beyond which it is taken for more of the same
_WORD: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_LONGEST_NUMBER: Final = 24

_MEDICAL: Final = frozenset((
        "infno", "psn_no", "psn_name", "certno", "psn_cert_type", "psn_cert_no", "mdtrt_cert_no",
        "mdtrt_cert_type", "card_sn", "insuplc_admdvs", "mdtrtarea_admvs", "fixmedins_code", "mdtrt_id",
        "setl_id", "ipt_otp_no", "dise_code", "medins_setl_id", "psn_setlway",
))  # fmt: skip
_PASSWORDS: Final = re.compile(
    r"(?:\w*[._-])?(?:pass(?:word|wd|code|phrase)?|passwd|pwd|mima|kouling|userpass|loginpwd|secret)"
    r"|\w*(?:password|passwd|pwd|mima|kouling)\d?|j_password|appsecret|client_secret"
)
_TOKENS: Final = re.compile(
    r"\w*(?:access|refresh|auth|id|session|user|login|api|x)?[_-]?token|jwt|session_?id|jsessionid|phpsessid"
    r"|api_?key|x-api-key|access_?key|authorization|ticket"
)
_NAMES: Final = re.compile(
    r"(?:psn_|patient_?|user_?|real_?|pat_?|true_?)?name|xm|hzxm|brxm|cn_?name|姓名|患者姓名"
)
# Parts of the names above; a window is searched for each at the speed of memmem, which no pattern reaches.
_STEMS: Final = (
    b"pass", b"pwd", b"mima", b"kouling", b"ecret", b"oken", b"ession", b"_key", b"apikey", b"icket",
    b"psn_", b"cert", b"infno", b"_adm", b"fixmedins", b"mdtrt_id", b"setl_id", b"ipt_otp", b"card_sn",
    b"name", b"xm\"", b"xm=", b"jwt", "姓名".encode(),
    b"Pass", b"PASS", b"Pwd", b"PWD", b"Name", b"NAME", b"XM",
)  # fmt: skip
_PAIR: Final = re.compile(
    rb"((?:[A-Za-z_\x80-\xff][\w.\-\x80-\xff]{1,40}))"
    rb"(?:(?:\\?[\"'])?[ \t]{0,8}(?::|=|%3[dD])|(>))\s{0,8}(?:\\?[\"'])?"
    rb"([^\"'&,;<>\s\\}{]{1,256}|(?:\\u[0-9a-fA-F]{4}){2,12})"
)
_JSON_NAME: Final = re.compile(rb'"([A-Za-z_]\w{1,39}+)\\?+"\s*+:')  # possessive: three times as fast
_IN_JSON: Final = (b"password=", b"token=", "姓名".encode())  # in addresses and texts that JSON holds
_MULTIPART: Final = re.compile(rb"name=\"([\w.\-]{1,40})\"\r\n(?:[^\r\n]{1,80}\r\n)?\r\n([^\r\n]{1,256})")
_BEFORE: Final = re.compile(
    rb"([A-Za-z_\x80-\xff][\w.\-\x80-\xff]{0,40})(?:\\?[\"'])?\s{0,4}[:=>]\s{0,4}(?:\\?[\"'])?$"
)
_NOTHING: Final = frozenset(("", "null", "none", "true", "false", "undefined", "nil", "text", "password"))
_SHORTEST: Final = 3  # shorter values of `is_pass`, `resetPwd` and the like are switches
_NO_PASSWORD: Final = re.compile(
    r"yes|pass(?:ed)?|fail(?:ed)?|wrong|invalid|incorrect|required|expired|.*[\u4e00-\u9fff].*", re.IGNORECASE
)
_ONLY_MASK: Final = re.compile(r"[*•●xX×]+")


class _Seen:
    """How much a flow has shown already."""

    def __init__(self) -> None:
        self.windows = self.sampled = 0
        self.lengths: dict[int, int] = {}
        self.stems: dict[bytes, int] = {}


class Ledger:
    """The findings of one flow: different ones up to a bound, further values of the same only counted."""

    def __init__(self, packet_at: Callable[[int, int], int]) -> None:
        self._packet_at = packet_at
        self.seen = _Seen()
        self._found: dict[tuple[Kind, str, str, bool], list[int | str]] = {}
        self._hits: dict[Kind, int] = {}
        self.left_out = 0

    def add(self, kind: Kind, where: str, field: str, side: int, at: int, value: str) -> None:
        """Count a value seen at `at` of the stream of `side`; only its mask is kept."""
        self._hits[kind] = self._hits.get(kind, 0) + 1
        key = (kind, where, field, side == 0)
        known = self._found.get(key)
        if known is not None:
            known[0] = int(known[0]) + 1
        elif len(self._found) >= _MOST_FINDINGS:
            self.left_out += 1
        else:
            self._found[key] = [1, self._packet_at(side, at), mask(kind, value)]

    def wants_field(self, kind: Kind) -> bool:
        """Tell whether it is still worth looking up in which field a value of this kind stands."""
        return self._hits.get(kind, 0) < _NAMED_HITS

    @property
    def weight(self) -> int:
        """Return about how many bytes are kept."""
        return 1024 + 700 * len(self._found)

    def findings(self) -> tuple[Finding, ...]:
        """Return what was found, in the order of first sight."""
        return tuple(
            Finding(
                kind=kind, where=where, field=field, packet=int(packet), from_client=client,
                masked=str(masked), count=int(count),
            )
            for (kind, where, field, client), (count, packet, masked) in self._found.items()
        )  # fmt: skip


def mask(kind: Kind, value: str) -> str:
    """Return the shape of a value: what kind of thing it is remains to be seen, whose does not."""
    if kind in {Kind.ID_CARD, Kind.PHONE, Kind.BANK_CARD}:
        return value[:2] + "*" * (len(value) - 2)
    if kind is Kind.NAME:
        return value[:1] + "*" * max(len(value) - 1, 1)
    return "******"  # nothing of a secret, not even its length


class Scanner:
    """Looks through one readable stream as it comes in pieces.

    `pairs` is False for pages and scripts, where `password: …` is a piece of a program. After the first
    forty values of one name in a flow only one window in sixteen is searched for
    more: what kinds there are is known by then, and counts are lower bounds. Beyond 256 KiB of one JSON body
    of a flow that shows so much, the same holds for names not met before; `sampled` counts these bytes.
    """

    def __init__(
        self, ledger: Ledger, side: int, where: str, *, pairs: bool = True, json: bool = False
    ) -> None:
        self._json = json
        self._windows = 0
        self._pairs = pairs
        self._ledger = ledger
        self._side = side
        self._where = where
        self._tail = b""
        self._tail_at = 0
        self._begin = 0

    def feed(self, data: bytes, at: int) -> None:
        """Look through the next bytes, which lie at `at` of the stream."""
        if self._tail and at - self._tail_at != len(self._tail):
            self._tail_at = at - len(self._tail)  # decoded bytes have no place of their own
        window = self._tail + data
        base = self._tail_at if self._tail else at
        limit = len(window) - KEEP_BYTES
        if limit >= self._begin + _LEAST:
            self._scan(window, self._begin, limit, base)
            kept = max(limit - 64, 0)  # the name of a field stands before its value
        else:
            limit, kept = self._begin, 0  # so that many small pieces cost no more than few large ones
        self._tail, self._tail_at, self._begin = window[kept:], base + kept, limit - kept

    def finish(self) -> None:
        """Look through what was kept back."""
        if self._tail:
            self._scan(self._tail, self._begin, len(self._tail), self._tail_at)
        self._tail, self._begin = b"", 0

    @property
    def weight(self) -> int:
        """Return about how many bytes are kept."""
        return 512 + len(self._tail)

    def _scan(self, window: bytes, begin: int, limit: int, base: int) -> None:
        seen = self._ledger.seen
        seen.windows += 1
        self._windows += 1
        spares = seen.windows % _SPARED != 0
        without_numbers = spares and sum(seen.lengths.values()) >= _ENOUGH
        full = spares and self._windows > _BULK and sum(seen.stems.values()) >= _ENOUGH
        without_names = self._json and full
        if not without_numbers:
            self._find_numbers(window, begin, limit, base, spares=spares)
        if self._pairs and not without_names:
            self._find_names(window, begin, limit, base, spares=spares)
        if without_numbers or (self._pairs and without_names):
            seen.sampled += limit - begin

    def _find_numbers(self, window: bytes, begin: int, limit: int, base: int, *, spares: bool) -> None:
        seen = self._ledger.seen
        lengths = seen.lengths if spares else {}
        for at, kind, value in numbers(window, begin, limit, lengths):
            field = _field_before(window, at) if self._ledger.wants_field(kind) else ""
            self._ledger.add(kind, self._where, field, self._side, base + at, value)
        if not spares:
            for size, count in lengths.items():
                seen.lengths[size] = seen.lengths.get(size, 0) + count

    def _find_names(self, window: bytes, begin: int, limit: int, base: int, *, spares: bool) -> None:
        seen = self._ledger.seen
        stems: Iterable[bytes] = _json_stems(window) if self._json else _STEMS
        if spares:
            stems = [one for one in stems if seen.stems.get(one, 0) < _ENOUGH]
        for at, name, value in named(window, begin, limit, stems, seen.stems):
            judged = judge(name, value)
            if judged is not None:
                self._ledger.add(judged[0], self._where, name[:40], self._side, base + at, judged[1])


def numbers(
    window: bytes, begin: int, limit: int, lengths: dict[int, int]
) -> Iterator[tuple[int, Kind, str]]:
    """Yield place, kind and value of each valid id, mobile and card number that begins in the range.

    Of each length no more than forty; counts in `lengths` how many there were.
    """
    shadow = window.translate(_DIGITS)
    at = shadow.find(_RUN, begin)
    while 0 <= at < limit:
        end = _ZEROS(shadow, at).end()  # type: ignore[union-attr]  # there are eleven
        size = end - at
        if size <= _LONGEST_NUMBER and lengths.get(size, 0) < _ENOUGH and shadow[at - 1 : at] != b"0":
            kind = _kind_of(window, at, end)
            if kind is not None:
                lengths[size] = lengths.get(size, 0) + 1
                yield at, *kind
        at = shadow.find(_RUN, end)


def _kind_of(window: bytes, at: int, end: int) -> tuple[Kind, str] | None:
    if window[end : end + 1] in {b"X", b"x"} and end - at == 17:
        end += 1
    before, after = window[at - 1 : at] if at else b"", window[end : end + 1]
    if (before.isalnum() and before.isascii()) or (after.isalnum() and after.isascii()):
        return None
    text = window[at:end].decode("ascii")
    if before == b"." or (after == b"." and window[end + 1 : end + 2].isdigit()):
        return None  # part of a decimal number or of a longer identifier
    if len(text) == 18 and is_id_card(text):
        return Kind.ID_CARD, text
    if len(text) in {11, 13} and is_mobile(text):
        return Kind.PHONE, text
    if len(text) >= 16 and text[0] in "456" and is_bank_card(text) and not text.startswith("0"):
        return Kind.BANK_CARD, text
    return None


def _field_before(window: bytes, at: int) -> str:
    found = _BEFORE.search(window, max(at - 56, 0), at)
    return found.group(1).decode("utf-8", "replace")[:40] if found else ""


def named(
    window: bytes, begin: int, limit: int, stems: Iterable[bytes], hits: dict[bytes, int]
) -> Iterator[tuple[int, str, str]]:
    """Yield place, name and value of each pair in the range whose telling name holds one of the stems.

    Of each stem no more than forty; counts in `hits` how many each stem brought.
    """
    seen: set[int] = set()
    for stem in stems:
        at, here = window.find(stem, begin), 0
        while 0 <= at < limit and here < _ENOUGH:
            start = at + 1 if stem[:1] == b'"' else at
            while start > 0 and at - start < 40 and (window[start - 1] in _WORD):
                start -= 1
            if start not in seen and start >= begin:
                seen.add(start)
                pair = _pair_at(window, start)
                if pair is not None:
                    here += 1
                    yield pair
            at = window.find(stem, at + len(stem))
        hits[stem] = hits.get(stem, 0) + here


def _json_stems(window: bytes) -> list[bytes]:
    """Return the telling names among those of the JSON in the window: one pass, whatever names there are."""
    names = sorted(set(_JSON_NAME.findall(window)))  # in one order, whenever it runs
    return [*_IN_JSON, *(b'"' + one for one in names if _class_of(one.decode("ascii")) is not None)]


@lru_cache(maxsize=4096)
def _class_of(name: str) -> Kind | None:
    """Return what a field of this name holds."""
    low = name.lower()
    if _PASSWORDS.fullmatch(low):
        return Kind.PASSWORD
    if _TOKENS.fullmatch(low):
        return Kind.TOKEN
    if _NAMES.fullmatch(low):
        return Kind.NAME
    return Kind.MEDICAL if low in _MEDICAL else None


def _pair_at(window: bytes, start: int) -> tuple[int, str, str] | None:
    part = _MULTIPART.match(window, start) if window.startswith(b'name="', start) else None
    if part is not None:
        name, value = part.groups()
    else:
        found = _PAIR.match(window, start)
        if found is None or (found.group(2) is not None and window[start - 1 : start] != b"<"):
            return None
        name, value = found.group(1), found.group(3)
    text = text_of(name)
    return (start, text, text_of(value)) if _class_of(text) is not None else None


def text_of(raw: bytes) -> str:
    """Return text as programs here write it: percent or Unicode escapes, UTF-8, or GB 18030."""
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    if b"\\u" in raw:
        return raw.decode("ascii", "replace").encode().decode("unicode_escape", "replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def judge(name: str, value: str) -> tuple[Kind, str] | None:
    """Return what kind of thing a named value is, or None where the name or the value says nothing."""
    kind, bare = _class_of(name), value.strip()
    if kind is None or bare.lower() in _NOTHING or _ONLY_MASK.fullmatch(bare):
        return None
    if kind is Kind.PASSWORD and (len(bare) < _SHORTEST or _NO_PASSWORD.fullmatch(bare)):
        return None
    if kind is Kind.PASSWORD and classify(bare, "password") in {StoredAs.CIPHER_OR_HASH, StoredAs.MASKED}:
        return Kind.PASSWORD_TRANSFORMED, bare
    if kind is Kind.TOKEN and (len(bare) < 8 or (name.lower() == "token" and bare.isalpha())):
        return None  # a word, as in `invalid token: malformed`
    if kind is Kind.NAME and classify(bare, "name") is not StoredAs.CLEAR:
        return (Kind.MEDICAL, bare) if name.lower() in _MEDICAL else None
    return kind, bare
