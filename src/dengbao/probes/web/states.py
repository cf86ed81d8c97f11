"""What a list of users says of an account's state, in the many ways lists say it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# How lists head the column; who writes "是否停用" says yes to the opposite of "启用".
STATES: Final = {
    "state": re.compile(r"状态|status|state", re.IGNORECASE),
    "enabled": re.compile(r"启用|激活|enabled|(?<!in)active", re.IGNORECASE),
    "disabled": re.compile(r"停用|禁用|锁定|冻结|disabled|locked|inactive|frozen|suspended", re.IGNORECASE),
}
_OFF: Final = r"停用|禁用|锁定|冻结|离职|注销|失效|disabled|locked|suspended|frozen"
_ON: Final = r"正常|启用|有效|激活|在用|在职|可用|enabled|active|activated|normal"
_NOT_OFF: Final = re.compile(rf"(?:未被?|没有?|非|un|not[ _-])(?:{_OFF})", re.IGNORECASE)
_NOT_ON: Final = re.compile(rf"(?:未被?|不|非|ab|in|de|not[ _-])(?:{_ON})", re.IGNORECASE)
_IS_OFF: Final = re.compile(_OFF, re.IGNORECASE)
_IS_ON: Final = re.compile(_ON, re.IGNORECASE)
_YES: Final = frozenset({"1", "true", "y", "yes", "t", "是", "√"})
_NO: Final = frozenset({"0", "false", "n", "no", "f", "否", "×"})


def meaning_of(heading: str) -> str:
    """Return which meaning a heading has, empty if none; one that names both ends is a state."""
    found = [one for one, pattern in STATES.items() if pattern.search(heading)]
    return found[0] if len(found) == 1 or "state" in found else "state" if found else ""


def enabled(row: Mapping[str, str]) -> bool | None:
    """Tell whether an account is enabled; None where its row does not tell.

    A number in a column of states is a code: with some 0 is in use, with others 1.
    """
    if "state" in row:
        return _by_words(row["state"])
    if "enabled" in row:
        return _yes(row["enabled"])
    if "disabled" in row:
        told = _yes_or_no(row["disabled"])
        return not told if told is not None else _by_words(row["disabled"])
    return None


def _yes(text: str) -> bool | None:
    told = _yes_or_no(text)
    return told if told is not None else _by_words(text)


def _yes_or_no(text: str) -> bool | None:
    word = text.strip().casefold()
    return True if word in _YES else False if word in _NO else None


def _by_words(text: str) -> bool | None:
    """Tell by words; a cell that says both holds a button besides, and tells nothing."""
    word = text.strip()
    off, on = bool(_NOT_ON.search(word)), bool(_NOT_OFF.search(word))
    rest = _NOT_OFF.sub(" ", _NOT_ON.sub(" ", word))
    off, on = off or bool(_IS_OFF.search(rest)), on or bool(_IS_ON.search(rest))
    return None if on == off else on
