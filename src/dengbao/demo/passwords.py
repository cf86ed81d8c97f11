"""How the hospital stores and judges passwords: MD5 before 整改, salted scrypt after."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

_LN, _R, _P = 14, 8, 1
_CLASSES: Final = (str.isupper, str.islower, str.isdecimal, lambda one: not one.isalnum())


def store(password: str, *, slow: bool) -> str:
    """Return what is written to the password column."""
    if not slow:
        return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
    salt = secrets.token_bytes(16)
    return f"$scrypt$ln={_LN},r={_R},p={_P}${_text(salt)}${_text(_scrypt(password, salt))}"


def matches(password: str, stored: str) -> bool:
    """Tell whether `password` is the stored one, in either form."""
    if not stored.startswith("$scrypt$"):
        return hmac.compare_digest(store(password, slow=False), stored)
    salt, digest = (_bytes(one) for one in stored.split("$")[-2:])
    return hmac.compare_digest(_scrypt(password, salt), digest)


def complaint(password: str, username: str) -> str:
    """Return in Chinese why a new password is refused, or an empty text.

    Source: 宁医保办发〔2023〕72号 第十三条.
    """
    if len(password) < 8:
        return "口令长度不得少于8位"
    if not all(any(is_of(one) for one in password) for is_of in _CLASSES):
        return "口令须同时包含大写字母、小写字母、数字和符号"
    if username.lower() in password.lower():
        return "口令不得包含账户名"
    return ""


def random_password() -> str:
    """Return a random password of 20 characters that satisfies the rules."""
    return f"Aa1#{secrets.token_hex(8)}"


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**_LN, r=_R, p=_P, maxmem=64 * 2**20)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))
