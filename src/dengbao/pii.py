"""Recognises identifiers of persons and organisations by their check digits; keeps nothing."""

from __future__ import annotations

import base64
import binascii
import re
from calendar import isleap
from datetime import date, timedelta
from enum import StrEnum
from math import nan
from typing import Final
from urllib.parse import unquote

# 省级行政区划代码 of GB/T 2260; 83 is used for residents of Taiwan since 2018.
_PROVINCES: Final = frozenset(
    (
        *range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66),
        71, 81, 82, 83,
    )
)  # fmt: skip
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_EARLIEST_BIRTH_YEAR: Final = 1880
_LATEST_BIRTH_YEAR: Final = 2099  # without it, one serial number of 18 digits in a thousand would pass
_CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))
# Every range given to an operator: people carry data and satellite cards too.
MOBILE: Final = r"1(?:3\d|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])\d{8}"
_MOBILE: Final = re.compile(MOBILE, re.ASCII)
_CARD: Final = re.compile(r"[3-69]\d{15,18}", re.ASCII)
_ID_SHAPE: Final = re.compile(r"[1-9]\d{16}[\dXx]", re.ASCII)
_CREDIT_SHAPE: Final = re.compile(r"[1-9A-HJ-NP-RTUWXY][1-9]\d{6}[0-9A-HJ-NP-RTUWXY]{10}", re.ASCII)
_SINGLE: Final = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED: Final = bytes.maketrans(b"0123456789", b"\0\2\4\6\10\1\3\5\7\11")  # twice, digits summed
_SEPARATORS: Final = str.maketrans("", "", " -\u2013\u00a0\t")
_FULL_WIDTH: Final = {0xFF10 + digit: str(digit) for digit in range(10)} | {0xFF38: "X", 0xFF58: "x"}


def is_id_card(text: str) -> bool:
    """Tell whether `text` is a 公民身份号码: 18 characters, region, date and check character all valid.

    Source: GB 11643-1999 (ISO 7064 MOD 11-2).
    """
    return _ID_SHAPE.fullmatch(text) is not None and id_card_holds(text.encode("ascii"))


def id_card_holds(text: bytes) -> bool:
    """Tell whether 18 bytes have a region, a date and a serial number with its check character."""
    total = (
        ID_REGIONS[text[:6]]
        + ID_YEARS[text[6:10]]
        + ID_DAYS[text[10:14]]
        + ID_SERIALS[text[14:17]]
        + ID_CHECKS[text[17:]]
    )
    return total % 11 == 1 and born_in_time(text)


def born_in_time(text: bytes) -> bool:
    """Tell whether the year of a number whose parts all hold has its 29 February, if it names one."""
    return text[10:14] != b"0229" or isleap(int(text[6:10]))


def _weighted(digits: bytes, place: int) -> int:
    return sum((one - 0x30) * _ID_WEIGHTS[place + number] for number, one in enumerate(digits))


class _Sums(dict[bytes, float]):
    """The weighted sums of one part of a number; nan of other bytes, and then every sum is."""

    def __missing__(self, text: bytes) -> float:
        return nan


class _Regions(_Sums):
    """The sums of the regions met so far."""

    def __missing__(self, text: bytes) -> float:
        if len(text) != _REGION_DIGITS or not text.isdigit() or int(text[:2]) not in _PROVINCES:
            return nan
        known = _weighted(text, 0)
        if len(self) < _MOST_REGIONS:
            self[text] = known
        return known


# The parts of a number are kept by their sums: dumps hold millions of few regions, years and days. Parts
# that are longer would be too many for the cache nearest to the processor.
_REGION_DIGITS: Final = 6
_MOST_REGIONS: Final = 4096
ID_REGIONS: Final = _Regions()
ID_YEARS: Final = _Sums(
    (b"%d" % year, _weighted(b"%d" % year, 6)) for year in range(_EARLIEST_BIRTH_YEAR, _LATEST_BIRTH_YEAR + 1)
)
_LEAP_DAYS: Final = (date(2000, 1, 1) + timedelta(days=number) for number in range(366))
ID_DAYS: Final = _Sums((text, _weighted(text, 10)) for text in (f"{one:%m%d}".encode() for one in _LEAP_DAYS))
ID_SERIALS: Final = _Sums((text, _weighted(text, 14)) for text in map(b"%03d".__mod__, range(1000)))
ID_CHECKS: Final = _Sums({b"%d" % number: number for number in range(10)} | {b"X": 10, b"x": 10})


def is_mobile(text: str) -> bool:
    """Tell whether `text` is a mainland mobile number of 11 digits, or 13 with 86 (or +86) before it."""
    for prefix in ("+86", "0086", "86"):
        if text.startswith(prefix) and len(text) > 11:
            text = text.removeprefix(prefix)
            break
    return _MOBILE.fullmatch(text) is not None


def is_bank_card(text: str) -> bool:
    """Tell whether `text` is a card number of 16 to 19 digits with a valid Luhn digit.

    Source: ISO/IEC 7812-1 annex B.
    """
    return _CARD.fullmatch(text) is not None and luhn(text)


def luhn(digits: str) -> bool:
    """Tell whether the last of `digits` is the Luhn check digit of those before it."""
    text = digits.encode("ascii")
    return (sum(text[::-2].translate(_SINGLE)) + sum(text[-2::-2].translate(_DOUBLED))) % 10 == 0


def is_credit_code(text: str) -> bool:
    """Tell whether `text` is a 统一社会信用代码 with a valid check character.

    Source: GB 32100-2015.
    """
    if not _CREDIT_SHAPE.fullmatch(text):
        return False
    total = sum(
        _CREDIT_ALPHABET.index(char) * weight for char, weight in zip(text, _CREDIT_WEIGHTS, strict=False)
    )
    return _CREDIT_ALPHABET[(31 - total % 31) % 31] == text[17]


class StoredAs(StrEnum):
    """How one stored value looks; `OTHER` is what no rule recognises, which proves nothing."""

    CLEAR = "clear"
    MASKED = "masked"
    CIPHER_OR_HASH = "cipher_or_hash"
    EMPTY = "empty"
    OTHER = "other"


_MASKED: Final = re.compile(r"[*＊•●×]{2,}|(?<=\d)[xX]{3,}|［已隐去］")
_MASKED_NAME: Final = re.compile(r"[\u3400-\u9fff]{0,2}[*＊•●×○某]+[\u3400-\u9fff]?")
_HAN_NAME: Final = re.compile(r"[\u3400-\u9fff\U00020000-\U0002fa1f·．]{2,12}")
_UNUSABLE: Final = re.compile(r"[!*]{1,2}")  # what systems store for an account without a password
_KNOWN_HASH: Final = re.compile(
    r"\$(?:1|2[abxy]?|5|6|7|y|gy|A|sha1|argon2(?:id?|d)|scrypt|pbkdf2[-\w]*|P|H|S)\$.{16,}"
    r"|\{(?:bcrypt|pbkdf2|scrypt|argon2|sha256|S?SHA(?:-?\d+)?|S?MD5|SM3|SM4)\}.{16,}"
    r"|(?:SCRAM-SHA-256|pbkdf2_sha256|pbkdf2_sha1|argon2|bcrypt_sha256)\$.{16,}"
    r"|(?:pbkdf2:sha\d+|scrypt):.{16,}"
    r"|md5[0-9a-f]{32}|\*[0-9A-F]{40}"
    r"|ENC\([A-Za-z0-9+/=_-]{16,}\)|gAAAA[A-Za-z0-9_=-]{40,}"
    r"|(?:vault|enc|sm4|sm2|aes|cipher)(?::v?\d+)?:[A-Za-z0-9+/=_:-]{16,}",
    re.IGNORECASE | re.DOTALL,
)
_NOOP: Final = re.compile(r"\{noop\}(.+)", re.IGNORECASE | re.DOTALL)
_HEX: Final = re.compile(r"(?:0x|\\x)?((?:[0-9a-f]{2})+|(?:[0-9A-F]{2})+)")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_EMBEDDED: Final = re.compile(r"(?<![0-9A-Za-z])\d{11,17}[\dXx]{0,2}(?![0-9A-Za-z])", re.ASCII)
_MIN_CIPHER_BYTES: Final = 16  # one block of SM4 or AES, and the shortest digest in use
_MAX_SHORT_PASSWORD: Final = 12  # shorter than any digest or cipher block however it is written


def classify(value: str | bytes | None, holds: str) -> StoredAs:
    """Return how `value` of a column that `holds` such data is stored.

    `holds` is `id_card`, `phone`, `name`, `bank_card` or `password`. `CLEAR` needs proof: a valid
    check digit, a name in Chinese characters, a password too short to be a digest; an encoding that
    anyone can undo (hex, Base64, percent) does not hide it.
    """
    if value is None:
        return StoredAs.EMPTY
    if isinstance(value, bytes):
        return _classify_bytes(value, holds)
    text = value.strip().translate(_FULL_WIDTH)
    if not text or (holds == "password" and _UNUSABLE.fullmatch(text)):
        return StoredAs.EMPTY
    return _classify_text(text, holds)


def _classify_text(text: str, holds: str) -> StoredAs:
    if holds == "name" and _MASKED_NAME.fullmatch(text):
        return StoredAs.MASKED
    if any(_is_clear(one, holds) for one in (text, *_decoded(text))):
        return StoredAs.CLEAR
    if _KNOWN_HASH.fullmatch(text) or _looks_random(text):
        return StoredAs.CIPHER_OR_HASH
    if _MASKED.search(text):
        return StoredAs.MASKED
    return _password_or_other(text) if holds == "password" else StoredAs.OTHER


def _classify_bytes(data: bytes, holds: str) -> StoredAs:
    if not data.strip(b"\0 "):
        return StoredAs.EMPTY
    for text in _readable(data.rstrip(b"\0")):
        return classify(text, holds)
    return StoredAs.CIPHER_OR_HASH if len(data) >= _MIN_CIPHER_BYTES else StoredAs.OTHER


def _is_clear(text: str, holds: str) -> bool:
    if holds == "password":
        return _NOOP.fullmatch(text) is not None
    if holds == "name" and _HAN_NAME.fullmatch(text):
        return True
    compact = text.translate(_SEPARATORS)
    # A value put into the wrong column, or between other words, is as readable as in its own.
    return any(_is_identifier(one, holds) for one in (compact, *_EMBEDDED.findall(text)))


def _is_identifier(text: str, holds: str) -> bool:
    return is_id_card(text) or is_mobile(text) or (holds == "bank_card" and is_bank_card(text))


def _password_or_other(text: str) -> StoredAs:
    encoded = [one for one in _decoded(text)[1:] if one.isascii() and len(one) >= 4]
    short = len(text) <= _MAX_SHORT_PASSWORD and not text.endswith("=")
    return StoredAs.CLEAR if short or encoded else StoredAs.OTHER


def _looks_random(text: str) -> bool:
    """Tell whether `text` is hex or Base64 of at least one cipher block of unreadable bytes."""
    hexadecimal = _HEX.fullmatch(text)
    if hexadecimal is not None:
        digits = hexadecimal.group(1)
        data = bytes.fromhex(digits)
        return len(data) >= _MIN_CIPHER_BYTES and len(set(digits)) >= 8 and not _is_weak(data, digits)
    decoded = _from_base64(text) if _BASE64.fullmatch(text) else None
    if decoded is None or len(decoded) < _MIN_CIPHER_BYTES:
        return False
    body = text.rstrip("=")
    mixed = any(one.isupper() for one in body) and any(one.islower() for one in body)
    varied = len(set(body)) >= 0.6 * min(len(body), 32)
    few_digits = sum(one.isdecimal() for one in body) < 0.45 * len(body)
    return mixed and varied and few_digits and not _readable(decoded)


def _is_weak(data: bytes, digits: str) -> bool:
    return digits.isdecimal() or bool(_readable(data))


def _decoded(text: str) -> list[str]:
    """Return `text` backwards, then what common encodings of it hide, where that is readable."""
    found: list[str] = [text[::-1]]
    if "%" in text:
        found.append(unquote(text))
    hexadecimal = _HEX.fullmatch(text)
    if hexadecimal is not None:
        found += _readable(bytes.fromhex(hexadecimal.group(1)))
    if _BASE64.fullmatch(text):
        decoded = _from_base64(text)
        found += _readable(decoded) if decoded else []
    return found


def _readable(data: bytes) -> list[str]:
    # GB 2312, not GB 18030: random bytes are too often characters of the larger set.
    for encoding in ("utf-8", "gb2312"):
        try:
            text = data.decode(encoding).strip("\0 ")
        except UnicodeDecodeError:
            continue
        if text and text.isprintable():
            return [text]
    return []


def _from_base64(text: str) -> bytes | None:
    body = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
