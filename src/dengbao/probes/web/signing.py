"""Signs a business message by the recipe that the vendor declares."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from ...errors import ProbeIncapable
from ...model import Signature

_PLAIN: Final = ("sha256", "sm3", "md5")


def sign(recipe: Signature, fields: Mapping[str, str], body: bytes, key: str) -> str:
    """Return the signature over the named fields, or over the body as it is sent.

    Raises:
        ProbeIncapable: this machine's OpenSSL has no SM3.

    """
    text = covered(recipe, fields, body)
    name = recipe.algorithm.removeprefix("hmac-")
    if name not in hashlib.algorithms_available:
        raise ProbeIncapable(f"本机 OpenSSL 不提供 {name}，无法签名", cure="换用带 SM3 的 Python 运行")
    if recipe.algorithm in _PLAIN:
        digest = hashlib.new(name, text + key.encode(), usedforsecurity=False).digest()
    else:
        digest = hmac.new(key.encode(), text, name).digest()
    return {
        "hex": digest.hex(),
        "hex-upper": digest.hex().upper(),
        "base64": base64.b64encode(digest).decode(),
    }[recipe.encoding]


def covered(recipe: Signature, fields: Mapping[str, str], body: bytes) -> bytes:
    """Return the bytes that the signature covers; a named field that is not there counts as empty."""
    if recipe.over == ("body",):
        return body
    names = sorted(recipe.over) if recipe.sorted_fields else recipe.over
    parts = (f"{one}={fields.get(one, '')}" if recipe.named else fields.get(one, "") for one in names)
    return recipe.joiner.join(parts).encode()
