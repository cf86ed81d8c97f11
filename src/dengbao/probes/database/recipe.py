"""Makes a row's digest by the recipe that the vendor declares."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from ...errors import ProbeIncapable
from ...model import RowIntegrity

_HMAC: Final = "hmac-"


def require_algorithm(recipe: RowIntegrity) -> None:
    """Refuse what this machine cannot compute.

    Raises:
        ProbeIncapable: this machine's OpenSSL has no SM3.

    """
    name = recipe.algorithm.removeprefix(_HMAC)
    if name not in hashlib.algorithms_available:
        raise ProbeIncapable(f"本机 OpenSSL 不提供 {name}，无法重算", cure="换用带 SM3 的 Python 运行")


def holds(recipe: RowIntegrity, row: Mapping[str, object], key: str) -> bool:
    """Tell whether the digest in a row is that of its columns, however an application writes their values.

    Padding of CHAR columns, `T` between date and time and the writing of truth values are not told apart: who
    holds the key vouched for the same content.
    """
    given = stored(row[recipe.digest], recipe)
    return given is not None and any(
        hmac.compare_digest(given, _digest(recipe, text, key)) for text in _texts(recipe, row)
    )


def stored(value: object, recipe: RowIntegrity) -> bytes | None:
    """Return the digest as bytes, None where the column holds none; the case of hex tells nothing."""
    size = hashlib.new(recipe.algorithm.removeprefix(_HMAC), usedforsecurity=False).digest_size
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        if len(raw) == size:
            return raw
        value = raw.decode("ascii", "replace")
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    try:
        return base64.b64decode(text, validate=True) if recipe.encoding == "base64" else bytes.fromhex(text)
    except (binascii.Error, ValueError):
        return text.encode()


def _digest(recipe: RowIntegrity, text: bytes, key: str) -> bytes:
    name = recipe.algorithm.removeprefix(_HMAC)
    if recipe.algorithm.startswith(_HMAC):
        return hmac.new(key.encode(), text, name).digest()
    return hashlib.new(name, text + key.encode(), usedforsecurity=False).digest()


def _texts(recipe: RowIntegrity, row: Mapping[str, object]) -> Iterator[bytes]:
    """Yield what the digest may be of, the usual way of writing first, each once."""
    names: Sequence[str] = sorted(recipe.over) if recipe.sorted_columns else recipe.over
    seen: set[bytes] = set()
    for write in _WRITINGS:
        values = {one: recipe.null if row[one] is None else write(row[one]) for one in names}
        parts = (f"{one}={values[one]}" if recipe.named else values[one] for one in names)
        text = recipe.joiner.join(parts).encode()
        if text not in seen:
            seen.add(text)
            yield text


def as_text(value: object) -> str:
    """Return a value as databases write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | bytearray | memoryview):
        return _decoded(bytes(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.hex()


def _trimmed(value: object) -> str:
    return as_text(value).rstrip(" ")


def _iso(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return value.isoformat() if isinstance(value, datetime) else _trimmed(value)


def _seconds(value: object) -> str:
    """Return times without fractions of a second, and numbers without needless zeros."""
    if isinstance(value, datetime):
        return value.replace(microsecond=0, tzinfo=None).isoformat(sep=" ")
    if isinstance(value, Decimal | float) and value == int(value):
        return str(int(value))
    return _trimmed(value)


_WRITINGS: Final[tuple[Callable[[object], str], ...]] = (as_text, _trimmed, _iso, _seconds)
