"""Values that only the word before them betrays: names, passwords, tokens, cards without check digits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ..hash_shapes import kind_of_hash
from .kinds import Hit, Kind
from .words import is_name

_AHEAD: Final = 320
_BEHIND: Final = 40
# Between a label and its value: quotes of JSON and attributes, an end of a tag, a colon or an equals sign.
_GAP: Final = (
    r"(?:\\?[\"'”］\])）]|号码|号|为|是){0,3}\s{0,3}"
    r"(?:[:：=>]{1,2}|为|\t|&#58;|%3[aAdD])\s{0,3}[(（]?\\?[\"'“「]?"
)
_NAME_ZH: Final = re.compile(
    r"姓名(?:" + _GAP + r"|[ \u3000]{1,8})([\u4e00-\u9fff·•]{2,15}?)"
    r"(?=[^\u4e00-\u9fff·•]|\Z|性别|年龄|身份证|证件|电话|手机|科室|住院|门诊|出生|联系|民族|就诊)"
)
_NAME_KEY: Final = re.compile(
    r"(?<![A-Za-z])(?:(?:patient|psn|real|full|contact|person|customer|doctor|nurse|staff|employee|insured|pat)_?name"
    r"|(?:hz|br|lxr)?_?xm)" + _GAP + r"([\u4e00-\u9fff·•]{2,15})",
    re.IGNORECASE,
)
_PASSWORD: Final = re.compile(
    r"(?:(?:passw(?:or)?d|passwd|passphrase|pwd)[0-9]?|(?:口令|密码))"
    + _GAP
    + r"([^\s\"'“”&;,，。；<>（）()\\]{4,128})",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(
    r"(?:(?:access|refresh|auth|id|csrf|api)?[_-]?token|(?:client|app)?[_-]?secret(?:[_-]?key)?)"
    + _GAP
    + r"([A-Za-z0-9._~+/=-]{16,256})",
    re.IGNORECASE,
)
_HEADER: Final = re.compile(
    r"authorization" + _GAP + r"(?:(?:bearer|basic|token)[ +]{1,2})?([A-Za-z0-9._~+/=-]{8,256})",
    re.IGNORECASE,
)
_JWT: Final = re.compile(r"eyJ[A-Za-z0-9_-]{6,200}\.eyJ[A-Za-z0-9_-]{4,}")
_SOCIAL: Final = re.compile(
    r"(?:(?:医保|社保|社会保障)(?:个人)?(?:卡|证)?(?:号码|编号|卡号|号)?|障卡(?:号码|卡号|号)?|psn_no)"
    + _GAP
    + r"([A-Z]{0,2}[0-9]{8,28})"
    r"(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_PASSPORT: Final = re.compile(
    r"(?:护照|passport)(?:_?(?:no|num(?:ber)?))?(?:号码|号)?"
    + _GAP
    + r"([A-Z]{1,2}[0-9]{7,8})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_TEMPLATE: Final = re.compile(
    r"[*＊•×]{3,}|\$\{|\{\{|%[sd]|[\u4e00-\u9fff]|^(?:null|none|true|false|undefined|required|string|varchar|text|"
    r"password|passwd|pwd|input|hidden|function|this\.|request\.|req\.|self\.|os\.)",
    re.IGNORECASE,
)
_BARE_WORD: Final = re.compile(r"[A-Za-z_.:!?$()-]+")
_NO_WORD: Final = re.compile(r".{1,2}|\d{4}-\d\d-\d\d.*")  # switches and days of change
_HAS_DIGIT: Final = re.compile(r"\d")
_STATES: Final = {"clear": Kind.PASSWORD, "other": Kind.PASSWORD_OTHER}


def kind_of_password(text: str) -> Kind | None:
    """Return as what kind a value that stands where a password belongs is counted; None if it is none."""
    if _TEMPLATE.search(text):
        return None
    if _NO_WORD.fullmatch(text):
        return Kind.PASSWORD_OTHER
    shape = kind_of_hash(text)
    return None if shape == "empty" else _STATES.get(shape, Kind.PASSWORD_HASH)


def _password(text: str) -> Kind | None:
    """Return the same of what follows the word in running text, where a bare word may be a message."""
    kind = kind_of_password(text)
    return Kind.PASSWORD_OTHER if kind is Kind.PASSWORD and _BARE_WORD.fullmatch(text) else kind


def _name(text: str) -> Kind | None:
    return Kind.NAME if is_name(text) else None


def _token(text: str) -> Kind | None:
    return Kind.TOKEN if _HAS_DIGIT.search(text) and len(set(text)) >= 6 else None


Rule = tuple[re.Pattern[str], Callable[[str], Kind | None]]


def _passport(_text: str) -> Kind | None:
    return Kind.PASSPORT


def _social(text: str) -> Kind | None:
    return Kind.SOCIAL_CARD if len(set(text)) > 2 else None


# The word an engine looks for (lower case; ASCII letters in any case), and what is tried around it.
WORDS: Final[tuple[tuple[str, tuple[Rule, ...]], ...]] = (
    ("姓名", ((_NAME_ZH, _name),)),
    ("name", ((_NAME_KEY, _name),)),
    ("xm", ((_NAME_KEY, _name),)),
    ("pass", ((_PASSWORD, _password), (_PASSPORT, _passport))),
    ("pwd", ((_PASSWORD, _password),)),
    ("口令", ((_PASSWORD, _password),)),
    ("密码", ((_PASSWORD, _password),)),
    ("token", ((_TOKEN, _token),)),
    ("secret", ((_TOKEN, _token),)),
    ("authoriz", ((_HEADER, _token),)),
    ("eyj", ((_JWT, _token),)),
    ("医保", ((_SOCIAL, _social),)),
    ("社保", ((_SOCIAL, _social),)),
    ("障卡", ((_SOCIAL, _social),)),
    ("psn_no", ((_SOCIAL, _social),)),
    ("护照", ((_PASSPORT, _passport),)),
)
_BACK: Final = {"name": 20, "xm": 4, "token": 10, "secret": 8}
_SEPARATOR: Final = re.compile(r"[:=：>\t%&为是 \u3000]")


def at_word(data: bytes, at: int, word: int) -> Hit | None:
    """Judge what stands behind the label in which the word of that number begins at `at`."""
    spelled, rules = WORDS[word]
    back = min(at, _BACK.get(spelled, 0))
    piece = data[at - back : at + _AHEAD]
    if not _SEPARATOR.search(piece[back : back + 32].decode("utf-8", "replace")) and spelled != "eyj":
        return None
    text = piece.decode("utf-8", "surrogateescape")
    place = len(piece[:back].decode("utf-8", "surrogateescape"))
    for pattern, decide in rules:
        found = _around(pattern, text, place)
        if found is None:
            continue
        group = 1 if pattern.groups else 0
        kind = decide(found.group(group))
        if kind is not None:
            start = at - back + _size(text[: found.start(group)])
            return start, start + _size(found.group(group)), kind
    return None


def _around(pattern: re.Pattern[str], text: str, place: int) -> re.Match[str] | None:
    """Return the match that covers `place` and begins nearest before it."""
    for begin in range(place + 1):
        found = pattern.match(text, begin)
        if found is not None and found.end() > place:
            return found
    return None


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
