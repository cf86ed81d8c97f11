"""Names the shape in which a password is stored, by the value alone; keeps nothing of it."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from .pii import StoredAs, classify

# The first pattern that fits a whole value names it. Salted and slow ones carry their own mark.
_SHAPES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (name, re.compile(pattern, re.DOTALL))
    for name, pattern in (
        ("bcrypt", r"(?:\{bcrypt\})?\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}|bcrypt(?:_sha256)?\$.{50,}"),
        ("argon2", r"(?:\{argon2(?:@\w+)?\})?(?:argon2)?\$argon2(?:id?|d)\$.{20,}"),
        ("scrypt", r"(?:\{scrypt(?:@\w+)?\}|\$scrypt\$|\$7\$|scrypt[:$]).{20,}"),
        (
            "pbkdf2",
            (r"(?:\{pbkdf2(?:@\w+)?\}|\$pbkdf2[-\w]*\$|pbkdf2_sha\d+\$|pbkdf2:sha\d+:|sha\d+:\d{4,}:)"
            r".{20,}"),
        ),
        ("yescrypt", r"\$g?y\$.{20,}"),
        ("sha_crypt", r"\$[56]\$.{20,}"),
        ("sm3_salted", r"(?i:\$sm3\$.{20,}|\{?(?:sm3|ssm3)\}?[:$][^:$]{4,}[:$][0-9a-f]{64})"),
        ("scram", r"SCRAM-SHA-\d+\$.{20,}"),
        ("ssha2", r"(?i:\{SSHA-?(?:256|384|512)\}).{20,}"),
        ("ssha", r"(?i:\{SSHA1?\}).{20,}"),
        ("md5_crypt", r"\$(?:1|apr1)\$.{20,}|\$[PH]\$.{20,}"),
        ("md5", r"(?i:\{md5\}.{22,}|(?:0x|md5)?[0-9a-f]{32})"),
        ("sha1", r"(?i:\{sha1?\}.{26,}|(?:0x|\*)?[0-9a-f]{40})"),
        ("sm3", r"(?i:\{sm3\}.{42,}|sm3:[0-9a-f]{64})"),
        ("hex_64", r"(?i:(?:\{sha-?256\}|0x)?[0-9a-f]{64})"),
        ("hex_long", r"(?i:(?:0x)?(?:[0-9a-f]{96}|[0-9a-f]{128}))"),
        (
            "reversible",
            (r"(?i:ENC\(.{16,}\)|gAAAA[\w=-]{40,}"
            r"|(?:\{(?:sm[24]|aes|des)\}|(?:vault|enc|sm[24]|aes|des|cipher)[:$]).{8,})"),
        ),
        ("hex_short", r"(?i:[0-9a-f]{16})"),
    )
)  # fmt: skip
_BY_BYTES: Final = {16: "md5", 20: "sha1", 32: "hex_64", 48: "hex_long", 64: "hex_long"}


def kind_of_hash(value: str | bytes | None) -> str:
    """Return the name of a value's shape; `clear`, `empty` and `other` where it is no known one.

    `md5` and `sha1` are told by their length: 128 and 160 bits. `hex_64` is SHA-256 or SM3, with or
    without salt. `base64` is what has the bytes of none of them.
    """
    if isinstance(value, bytes):
        return _of_bytes(value)
    text = (value or "").strip()
    if not text:
        return "empty"
    for name, pattern in _SHAPES:
        if pattern.fullmatch(text):
            return name
    stored = classify(text, "password")
    if stored in (StoredAs.CLEAR, StoredAs.EMPTY):
        return stored.value
    return _of_base64(text) if stored is StoredAs.CIPHER_OR_HASH else "other"


def _of_bytes(value: bytes) -> str:
    try:
        return kind_of_hash(value.decode("ascii"))
    except UnicodeDecodeError:
        return _BY_BYTES.get(len(value), "other")


def _of_base64(text: str) -> str:
    try:
        size = len(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except (binascii.Error, ValueError):
        return "other"
    return _BY_BYTES.get(size, "base64")
