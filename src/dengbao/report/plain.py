"""Plain data for templates: nothing but text, numbers, lists and mappings, every character visible.

Word drops control characters without a word and bidirectional controls change the order in which a
reader sees a sentence. Both are printed as signs instead of being lost or obeyed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from ..errors import ReportError

Plain: TypeAlias = "bool | int | str | list[Plain] | dict[str, Plain] | None"

# C0 but tab and line feed, DEL, C1, separators Word reads as breaks, zero-width and bidirectional
# controls, surrogates, non-characters. Line and page separators would break a paragraph.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\ufff0-\ufffb\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_ASTRAL_NONCHARACTERS: Final = re.compile(
    "[" + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 17)) + "]"
)


def visible(text: str) -> str:
    """Return `text` with every character that Word would drop or obey shown as a sign.

    Line feeds and tabs stay, CR LF counts as one line feed; `ESC` becomes `␛`, others `‹U+202E›`.
    """
    text = text.replace("\r\n", "\n")
    return _ASTRAL_NONCHARACTERS.sub(_sign, _HIDDEN.sub(_sign, text))


def _sign(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"‹U+{code:04X}›"


def plain(value: object, *, where: str = "数据") -> Plain:
    """Return a copy of `value` made of plain values only, all text visible.

    Raises:
        ReportError: something else is in it; objects in a template's hands are a way out of it.

    """
    # Exact types: a subclass of str or dict may carry methods that lead a template elsewhere.
    if value is None or (isinstance(value, int) and type(value) in (bool, int)):
        return value
    if isinstance(value, str) and type(value) is str:
        return visible(value)
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return [plain(one, where=f"{where}[{index}]") for index, one in enumerate(value)]
    if isinstance(value, dict) and type(value) is dict:
        return _plain_dict(value, where)
    raise ReportError(f"模板数据只能是文字、数字、列表与键值，不能是 {type(value).__name__}", where=where)


def _plain_dict(value: Mapping[object, object], where: str) -> dict[str, Plain]:
    result: dict[str, Plain] = {}
    for key, one in value.items():
        if type(key) is not str or not key.isidentifier():
            raise ReportError(f"模板数据的键必须是标识符：{key!r}", where=where)
        result[key] = plain(one, where=f"{where}.{key}")
    return result


def texts(value: Plain) -> Iterator[str]:
    """Yield every text in plain data, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts(one)


def canonical(value: Plain) -> str:
    """Return plain data as JSON: one line, keys sorted, no spaces, nothing escaped that need not be."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(value: Plain) -> str:
    """Return the SHA-256 of plain data in its canonical JSON form, as hex."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
