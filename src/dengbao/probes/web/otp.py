"""Codes of a second factor that a seed makes: TOTP (RFC 6238), each used once."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from ...errors import NotDeclared

_HASHES: Final = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}
_MAX_PERIOD_S: Final = 60
_CURE: Final = "otp 引用的内容应为 base32 种子，或 otpauth://totp/… 网址"
_used: dict[bytes, int] = {}


@dataclass(frozen=True)
class Seed:
    """What makes the codes of one account."""

    key: bytes = field(repr=False)
    digits: int = 6
    period_s: int = 30
    algorithm: str = "SHA1"

    def code(self, at_s: float) -> str:
        """Return the code of that moment, in seconds since 1970."""
        counter = int(at_s // self.period_s).to_bytes(8, "big")
        digest = hmac.new(self.key, counter, _HASHES[self.algorithm]).digest()
        place = digest[-1] & 15
        number = int.from_bytes(digest[place : place + 4], "big") & 0x7FFFFFFF
        return str(number % 10**self.digits).zfill(self.digits)


def read_seed(text: str) -> Seed:
    """Return what a base32 seed or an `otpauth://totp/` address says.

    Raises:
        NotDeclared: it is neither.

    """
    options: dict[str, str] = {}
    secret = text.strip()
    if secret.casefold().startswith("otpauth://"):
        parts = urlsplit(secret)
        if parts.netloc.casefold() != "totp":
            raise NotDeclared("只能计算 TOTP 动态口令", cure=_CURE)
        options = {name: values[0] for name, values in parse_qs(parts.query).items()}
        secret = options.get("secret", "")
    plain = secret.replace(" ", "").replace("-", "").upper().rstrip("=")
    try:
        key = base64.b32decode(plain + "=" * (-len(plain) % 8))
        digits, period = int(options.get("digits", "6")), int(options.get("period", "30"))
    except (binascii.Error, ValueError) as exc:
        raise NotDeclared("动态口令种子无法解读", cure=_CURE) from exc
    algorithm = options.get("algorithm", "SHA1").upper()
    usable = key and algorithm in _HASHES and 6 <= digits <= 10 and 1 <= period <= _MAX_PERIOD_S
    if not usable:
        raise NotDeclared("动态口令种子的参数不受支持", cure=_CURE)
    return Seed(key, digits, period, algorithm)


async def fresh_code(seed: Seed) -> str:
    """Return a code that this run did not use yet; waits for the next period where it did.

    Applications refuse a code the second time (RFC 6238 §5.2), and count that as a failure.
    """
    while True:
        now = time.time()
        step = int(now // seed.period_s)
        if _used.get(seed.key, -1) < step:
            _used[seed.key] = step
            return seed.code(now)
        await asyncio.sleep((step + 1) * seed.period_s - now + 0.05)
