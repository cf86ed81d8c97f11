"""Decides at one place of a window whether a value stands there.

Every decision looks at no more than `BEFORE` bytes before a value's start and `AFTER` behind it: where
windows are cut changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..pii import (
    ID_CHECKS,
    ID_DAYS,
    ID_REGIONS,
    ID_SERIALS,
    ID_YEARS,
    MOBILE,
    born_in_time,
    id_card_holds,
    is_bank_card,
    is_credit_code,
    is_id_card,
    is_mobile,
)
from .kinds import Hit, Kind

_LEAP_DAY: Final = b"0229"
BEFORE: Final = 256
AFTER: Final = 512
# Digits as 0, blanks and hyphens as -, all else as a dot: then plain searches find runs and groups.
FLAT: Final = bytes(
    0x30 if 0x30 <= one <= 0x39 else 0x2D if one in (0x20, 0x2D) else 0x2E for one in range(256)
)
_DIGITS: Final = re.compile(rb"\d{11,19}")
# A run with nothing at its ends that needs a second look: most of all.
_PLAIN_RUN: Final = re.compile(rb"(?<![\w.%\\])(?:\d{17}[Xx]|\d{11,19}+)(?![\w.])")
_PLAIN_PHONE: Final = re.compile(rb"(?<![\w.%\\])" + MOBILE.encode() + rb"(?![\w.])")
_GROUPED: Final = re.compile(
    rb"[3-69]\d{3}([ -])\d{4}\1\d{4}\1\d{4}(?:\1?\d{1,3})?"  # bank card
    rb"|(?:\+?86[ -]?)?1\d{2}[ -]\d{4}[ -]\d{4}"  # mobile number
    rb"|[1-9]\d{5}[ -](?:18|19|20)\d{6}[ -]\d{3}[\dXx]"  # id card
)
_WORD: Final = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_NUMBER: Final = frozenset(b"0123456789")
_FREE_AFTER: Final = frozenset(range(256)) - _WORD - frozenset(b"_.")
_FREE_BEFORE: Final = _FREE_AFTER - frozenset(b"%\\")
_FREE_BEHIND: Final = frozenset(bytes((one,)) for one in _FREE_AFTER)
_ESCAPE: Final = re.compile(rb"\\[nrtbf]\Z|%[0-9A-Fa-f][A-Fa-f]\Z|\\u[0-9A-Fa-f]{3}[A-Fa-f]\Z")
_UNICODE: Final = re.compile(rb"\\u[0-9A-Fa-f]{0,3}\Z")
_PERCENT: Final = re.compile(rb"%[0-9A-Fa-f]?\Z")
_FRACTION: Final = re.compile(rb"\.(?!0+(?!\d))\d")
_CREDIT: Final = re.compile(rb"[0-9A-HJ-NP-RTUWXY]{18}")
# 登记管理部门 and 机构类别 of GB 32100-2015 table 1, then the province.
_CREDIT_HEAD: Final = re.compile(
    r"(?:1[1-59]|2[19]|3[1-59]|4[19]|5[1-49]|6[129]|7[129]|8[19]|9[1-3]|A[19]|N[1-39]|Y1)"
    r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|10)"
)
_GROUPED_BIN: Final = re.compile(r"62|4|5[1-5]|35|9558|60")
_GROUP_BEFORE: Final = re.compile(rb"\d{4}[ -]\Z")
_GROUP_AFTER: Final = re.compile(rb"[ -]\d{4}(?!\d)")
_BANK_BIN: Final = re.compile(r"62\d{14,17}|9558\d{15}|60\d{17}")


def _words(*words: str) -> re.Pattern[bytes]:
    body = "|".join(words).encode()
    return re.compile(
        rb"(?:" + body + rb")(?:_?(?:no|num|number|code))?[^0-9A-Za-z\n]{0,24}\Z", re.IGNORECASE
    )


_ID_LABEL: Final = _words(
    "身份证", "证件号", "身份号", "id_?card", "identity", "cert(?:ificate)?", "sfzh?", "zjhm", "idno"
)
_BANK_LABEL: Final = _words(
    "银行卡", "银行账", "卡号", "账号", "bank_?card", "card", "acct", "account", "yhkh"
)
_LABEL_BYTES: Final = 80


def commons(data: bytes, places: Sequence[int]) -> tuple[list[Hit], list[int]]:
    """Return the id cards and phones that nothing is glued to, most of all hits, and the other places.

    At each of the places, in order, a run of digits begins.
    """
    hits: list[Hit] = []
    others: list[int] = []
    regions, years, days, serials, checks = ID_REGIONS, ID_YEARS, ID_DAYS, ID_SERIALS, ID_CHECKS
    free_before, free_behind, phone, kind = _FREE_BEFORE, _FREE_BEHIND, _PLAIN_PHONE.match, Kind.ID_CARD
    for at in places:
        # Empty at the very beginning, which is looked at later.
        part = data[at - 1 : at + 19]
        total = (
            regions[part[1:7]] + years[part[7:11]] + days[part[11:15]] + serials[part[15:18]]
            + checks[part[18:19]]
        )  # fmt: skip
        if (
            total % 11 == 1
            and part[19:] in free_behind
            and part[0] in free_before
            and (part[11:15] != _LEAP_DAY or born_in_time(part[1:19]))
        ):
            hits.append((at, at + 18, kind))
        elif part[1:2] == b"1" and phone(data, at):
            hits.append((at, at + 11, Kind.PHONE))
        else:
            others.append(at)
    return hits, others


def at_digits(data: bytes, at: int) -> Hit | None:
    """Judge the run of eleven digits or more that begins at `at`."""
    if plain := _PLAIN_RUN.match(data, at):
        begin, end = plain.span()
    else:
        begin = _begin(data, at)
        found = _DIGITS.match(data, begin) if begin >= 0 else None
        if found is None:
            return None
        end = found.end()
        if end < len(data) and data[end] in _NUMBER:
            return None
        if end - begin == 17 and data[end : end + 1] in (b"X", b"x"):
            end += 1
        if (end < len(data) and data[end] in _WORD) or _FRACTION.match(data, end):
            return None
    kind = _kind_of_run(data, begin, end)
    return (begin, end, kind) if kind else None


def _run_end(data: bytes, at: int) -> int:
    found = _ALL_DIGITS.match(data, at)
    return max(at + 1, found.end() if found else 0)


_ALL_DIGITS: Final = re.compile(rb"\d*+")


def _begin(data: bytes, start: int) -> int:
    """Return where a value may begin in a run: behind an escape; -1 where it is glued to a word."""
    if not start:
        return 0
    head = data[max(0, start - 6) : start]
    last = head[-1]
    if last in b"%uabcdefABCDEF" or last == 0x5C:
        if found := _UNICODE.search(head):
            return start + 6 - (len(head) - found.start())
        if found := _PERCENT.search(head):
            return start + 3 - (len(head) - found.start())
    if last in _WORD:
        return start if _ESCAPE.search(head) else -1
    if last == 0x2E and head[-2:-1].isdigit():
        return -1
    return start


def _kind_of_run(data: bytes, begin: int, end: int) -> Kind | None:
    size = end - begin
    text = data[begin:end].decode("ascii")
    if size == 18:
        if id_card_holds(data[begin:end]):
            return Kind.ID_CARD
        # Digits alone are mostly something else: only the three kinds of body that are common.
        if text[0] in "159" and text.isdigit() and _is_organisation(text):
            return Kind.CREDIT_CODE
    elif size in (11, 13):
        return Kind.PHONE if is_mobile(text) and text[:2] != "00" else None
    elif size == 15:
        return _fifteen(data, begin, text)
    return _bank(data, begin, text) if size >= 16 else None


def _fifteen(data: bytes, begin: int, text: str) -> Kind | None:
    if text.startswith("0086") and is_mobile(text):
        return Kind.PHONE
    return Kind.ID_CARD_15 if is_old_id(text) and _labelled(data, begin, _ID_LABEL) else None


_SEVENTEEN: Final = b"0" * 17
_SHAPED: Final = re.compile(
    rb"(?<!\d)[1-8]\d{5}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?!\d)"
)


def shaped_like_ids(data: bytes, low: int, high: int) -> tuple[int, int]:
    """Return how many different numbers with region and date of an id card hold their check digit, and not.

    Of serial numbers that begin with a region and a date ten fail for each that holds.
    """
    flat = data[low:high].translate(FLAT)
    found = set()
    at = flat.find(_SEVENTEEN)
    while at >= 0:
        if shaped := _SHAPED.match(data, low + at, high):
            found.add(shaped.group())
        at = flat.find(_SEVENTEEN, _run_end(data, low + at) - low)
    holding = sum(map(id_card_holds, found))
    return holding, len(found) - holding


def is_old_id(text: str) -> bool:
    """Tell whether 15 digits have the region and the date of an id card of the first generation."""
    if len(text) != 15 or not text.isdigit():
        return False
    longer = text[:6] + "19" + text[6:]
    return any(is_id_card(longer + last) for last in "0123456789X")


def _bank(data: bytes, begin: int, text: str) -> Kind | None:
    if text[0] not in "3456789" or not is_bank_card(text):
        return None
    if _BANK_BIN.fullmatch(text) or _labelled(data, begin, _BANK_LABEL):
        return Kind.BANK_CARD
    return None


def _labelled(data: bytes, begin: int, label: re.Pattern[bytes]) -> bool:
    return label.search(data[max(0, begin - _LABEL_BYTES) : begin]) is not None


def at_groups(data: bytes, at: int) -> Hit | None:
    """Judge a number written in groups whose part of eleven digits and two marks begins at `at`."""
    for start in range(max(0, at - 5), at + 1):
        found = _GROUPED.match(data, start)
        if found is None or not _stands_alone(data, start, found.end()):
            continue
        text = found.group().translate(None, b" -").decode("ascii")
        if len(text) == 18 and is_id_card(text):
            return (start, found.end(), Kind.ID_CARD)
        if is_mobile(text):
            return (start, found.end(), Kind.PHONE)
        if (
            found.group(1)
            and _GROUPED_BIN.match(text)
            and is_bank_card(text)
            and not _goes_on(data, start, found.end())
        ):
            return (start, found.end(), Kind.BANK_CARD)
    return None


def _goes_on(data: bytes, start: int, end: int) -> bool:
    """Tell whether the groups belong to a longer row of groups."""
    return (
        _GROUP_BEFORE.search(data[max(0, start - 5) : start]) is not None
        or _GROUP_AFTER.match(data, end) is not None
    )


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    before = data[max(0, start - 2) : start]
    after = data[end : end + 2]
    if before and (before[-1] in _WORD or (before[-1] in b"-." and before[:1].isdigit())):
        return False
    return not after or not (after[0] in _WORD or (after[0] in b"-." and after[1:2].isdigit()))


def at_codes(data: bytes, at: int) -> Hit | None:
    """Judge 18 capital letters and digits that begin at `at` as a 统一社会信用代码."""
    end = at + 18
    if data[at:end].isdigit() or (at and data[at - 1] in _WORD) or (end < len(data) and data[end] in _WORD):
        return None
    if not _CREDIT.match(data, at):
        return None
    text = data[at:end].decode("ascii")
    return (at, end, Kind.CREDIT_CODE) if _is_organisation(text) else None


def _is_organisation(text: str) -> bool:
    return _CREDIT_HEAD.match(text) is not None and is_credit_code(text)


_LOCAL: Final = re.compile(rb"[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_+-])?\Z")
_HOST: Final = re.compile(rb"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,6}([A-Za-z]{2,18})(?![A-Za-z0-9-])")
_URL_USER: Final = re.compile(rb"://[^\s/@\"'<>]*\Z")
_NO_DOMAIN: Final = frozenset(b"png jpg jpeg gif svg webp js css ts ico map html json xml jar so py".split())


def at_mail(data: bytes, at: int) -> Hit | None:
    """Judge the @ at `at` as that of an e-mail address."""
    host = _HOST.match(data, at)
    if host is None or host.group(1).lower() in _NO_DOMAIN:
        return None
    head = data[max(0, at - 64) : at]
    local = _LOCAL.search(head)
    if local is None:
        return None
    start = at - len(local.group())
    if _URL_USER.search(data[max(0, start - 64) : start]):
        return None
    return (start, host.end(), Kind.EMAIL)
