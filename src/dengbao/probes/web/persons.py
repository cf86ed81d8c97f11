"""Finds labelled values and whole numbers in pages and JSON, and tells full ones from masked ones."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ...pii import is_bank_card, is_id_card, is_mobile
from .reading import Document

NUMBERS: Final = ("id_card", "phone", "bank_card")
# Labels of personal data beyond what settlement needs; only whole labels count, not words in a text.
PERSONAL: Final = re.compile(
    r"(?:患者|参保人|本人|联系人|家庭|工作|常住|户籍)*"
    r"(?:姓名|身份证号码?|公民身份号码|证件号码?|手机号?码?|联系电话|电话|电子?邮箱|住址|地址|民族|婚姻状况|"
    r"宗教信仰|政治面貌|文化程度|学历|职业|工作单位|银行卡号|银行账号|籍贯|国籍|微信号?|QQ号?|生物识别|指纹|人脸)"
)
_MASK: Final = re.compile(r"[*＊•●xX×#]{2,}|[*＊•●○某]")
_ID: Final = re.compile(r"(?<![\dA-Za-z])[1-9]\d{16}[\dXx](?![\dA-Za-z])", re.ASCII)
_PHONE: Final = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)", re.ASCII)
_CARD: Final = re.compile(r"(?<![\d.])[3-69]\d{15,18}(?![\dXx])", re.ASCII)
_NAME: Final = re.compile(r"[\u3400-\u9fff·]{2,15}")
_LABEL_END: Final = re.compile(r"[\s:：*＊（(].*$")
_MOST_VALUES: Final = 5000
_MOST_CHARS: Final = 8_000_000
_HIDDEN: Final = re.compile(r"[*＊•●○xX×#]")
_LEAST_HIDDEN: Final = 3  # of a number; one star at its end keeps nothing back
_NOTHING: Final = re.compile(r"[-—–_/\\.。、\s]*|无|暂无|未填写?|未登记|未知|空|null|none|n/a", re.IGNORECASE)
_RUN_OF_MASK: Final = re.compile(r"[*＊•●○某×#]+|[xX]{2,}")
_MASKED_NUMBER: Final = re.compile(
    r"(?<![\dA-Za-z*＊•●])\d{1,8}[*＊•●xX]{3,}[\dXx]{0,6}(?![\dA-Za-z*＊•●])", re.ASCII
)
_PACKED: Final = re.compile(r"[A-Za-z0-9+/_-]{14,400}={0,2}")
_TOKEN: Final = re.compile(r"""(?<=["'>=])[^"'<>=\r\n]{2,80}(?=["'<])""")
_MOST_TOKENS: Final = 20_000
_MOST_PATTERNS: Final = 40


def numbers(text: str) -> dict[str, int]:
    """Return how many whole id, mobile and card numbers stand in a text; a number counts as one kind."""
    found = {
        "id_card": sum(is_id_card(one) for one in _ID.findall(text)),
        "phone": sum(is_mobile(one) for one in _PHONE.findall(text)),
        "bank_card": sum(is_bank_card(one) and not is_id_card(one) for one in _CARD.findall(text)),
    }
    return {kind: count for kind, count in found.items() if count}


def every_number(document: Document) -> dict[str, int]:
    """Return how many whole numbers stand anywhere in an answer: also escaped, or packed in base64."""
    texts = [html.unescape(document.source)]
    if document.is_json:
        texts = ["\n".join(value for _, value in _of_json(document.data))]
    plain = numbers(texts[0])
    for number, found in enumerate(_PACKED.finditer(texts[0])):
        if number >= _MOST_TOKENS:
            break
        for kind, count in numbers(_opened(found[0])).items():
            plain[kind] = plain.get(kind, 0) + count
    return plain


def _opened(text: str) -> str:
    """Return what a text says in base64, empty where it is none."""
    if text.isdigit() or len(text.rstrip("=")) % 4 == 1:
        return ""
    try:
        bare = text.rstrip("=").replace("-", "+").replace("_", "/")
        return base64.b64decode(bare + "=" * (-len(bare) % 4)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""


def masked_numbers(text: str) -> dict[str, int]:
    """Return how many numbers with a hidden middle or end stand in a text, by the kinds they may be."""
    found = _MASKED_NUMBER.findall(text)
    phones = sum(len(one) <= 11 and one[0] == "1" for one in found)
    counts = {"phone": phones, "id_card": len(found) - phones, "bank_card": len(found) - phones}
    return {kind: count for kind, count in counts.items() if count}


def fitting(masked: Iterable[str], document: Document) -> int:
    """Return how many whole values in an answer are such as the masked ones would be if they were not."""
    patterns = [one for one in map(_pattern, dict.fromkeys(masked)) if one][:_MOST_PATTERNS]
    if not patterns:
        return 0
    wanted = re.compile("|".join(patterns))
    if document.is_json:
        values: Iterable[str] = [value for _, value in _of_json(document.data)]
    else:
        values = [
            one[0] for _, one in zip(range(_MOST_TOKENS), _TOKEN.finditer(document.source), strict=False)
        ]
    return sum(wanted.fullmatch(html.unescape(one).strip()) is not None for one in values)


def _pattern(masked: str) -> str:
    """Return an expression for what a masked value may stand for, empty where too little of it is shown."""
    parts = _RUN_OF_MASK.split(masked.strip())
    if len(parts) < 2 or not any(parts) or len(masked) > 60:
        return ""
    if re.search(r"[\u3400-\u9fff]", "".join(parts)):
        return r"[\u3400-\u9fff·]{1,12}".join(map(re.escape, parts))
    return r"[0-9A-Za-z]{1,18}".join(map(re.escape, parts)) if sum(map(len, parts)) >= 4 else ""


def state_of(value: str, holds: str) -> str:
    """Return whether a value of a declared kind is `full`, `masked`, `other`, or empty: no value at all."""
    text = value.strip()
    if _NOTHING.fullmatch(text):
        return ""
    if holds in ("id_card", "phone", "bank_card", "insurance_no"):
        return _state_of_number(text)
    if _MASK.search(text):
        return "masked"
    whole = _NAME.fullmatch(text) if holds == "name" else len(text) >= 2
    return "full" if whole else "other"


def _state_of_number(text: str) -> str:
    if _MASK.search(text):
        hidden = len(_HIDDEN.findall(text[:-1])) + (text[-1] in "*＊•●○")
        return "masked" if hidden >= _LEAST_HIDDEN else "other"
    plain = re.sub(r"[\s-]", "", text)
    return "full" if re.fullmatch(r"\+?[0-9A-Za-z]{6,20}", plain) and _digits(plain) >= 6 else "other"


def _digits(text: str) -> int:
    return sum(one.isdigit() for one in text)


def labelled(document: Document) -> Mapping[str, list[str]]:
    """Return label → values: of JSON by key, of a page by table heading, row heading, `dt` or `label`."""
    found: dict[str, list[str]] = {}
    pairs = _of_json(document.data) if document.is_json else _of_page(document.source)
    for number, (label, value) in enumerate(pairs):
        if number >= _MOST_VALUES:
            break
        if value.strip():
            found.setdefault(label, []).append(value.strip())
    return found


def _of_json(data: object) -> Iterator[tuple[str, str]]:
    stack: list[tuple[str, object]] = [("", data)]
    while stack:
        key, value = stack.pop()
        if isinstance(value, dict):
            stack.extend((str(name), inner) for name, inner in value.items())
        elif isinstance(value, list):
            stack.extend((key, inner) for inner in value)
        elif isinstance(value, str | int) and not isinstance(value, bool):
            yield key, str(value)


class _Texts:
    """Reads the text of nodes, all in all no more than a page that means well can hold."""

    def __init__(self) -> None:
        self._left = _MOST_CHARS

    def of(self, node: LexborNode) -> str:
        """Return a node's text, empty when there was too much of it already: nested nodes repeat theirs."""
        if self._left <= 0:
            return ""
        text = node.text(strip=True)
        self._left -= len(text) + 1
        return text


def _of_page(source: str) -> Iterator[tuple[str, str]]:
    tree, texts = LexborHTMLParser(source), _Texts()
    yield from _of_tables(tree, texts)
    for label in tree.css("dt")[:_MOST_VALUES]:
        value = _next(label, "dd")
        if value is not None:
            yield plain_label(texts.of(label)), texts.of(value)
    named: dict[str | None, LexborNode] = {}
    for one in tree.css("[id]")[:_MOST_VALUES]:
        named.setdefault(one.attributes.get("id"), one)
    for label in tree.css("label")[:_MOST_VALUES]:
        field = label.css_first("input, select, textarea") or named.get(label.attributes.get("for") or "")
        if field is not None:
            yield plain_label(texts.of(label)), field.attributes.get("value") or texts.of(field)


def _of_tables(tree: LexborHTMLParser, texts: _Texts) -> Iterator[tuple[str, str]]:
    """Yield the pairs of every row once, below the headings of its own table."""
    heads: dict[int, list[str]] = {}
    for row in tree.css("tr")[:_MOST_VALUES]:
        cells = [one for one in row.iter() if one.tag in ("th", "td")]
        kinds = {one.tag for one in cells}
        # A cell that holds another table is layout: its rows come by themselves.
        told = ["" if one.css_first("table") is not None else texts.of(one) for one in cells]
        table = _table_of(row)
        of_head = row.parent is not None and row.parent.tag == "thead"
        if kinds == {"th"} or (of_head and "th" in kinds):  # a box to tick all rows stands in a td
            heads[table] = [plain_label(one) for one in told]
        elif kinds == {"th", "td"}:
            yield from _across(cells, told)
            if len(told) > 2 and len(heads.get(table, ())) == len(told):  # each row's first cell names it
                yield from zip(heads[table], told, strict=True)
        elif heads.get(table):
            yield from zip(heads[table], told, strict=False)
        elif len(told) == 2:
            yield plain_label(told[0]), told[1]


def _table_of(row: LexborNode) -> int:
    above = row.parent
    while above is not None and above.tag in ("thead", "tbody", "tfoot"):
        above = above.parent
    return above.mem_id if above is not None else 0


def _across(cells: Iterable[LexborNode], texts: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a row in which each heading stands before its value."""
    label = ""
    for cell, text in zip(cells, texts, strict=True):
        if cell.tag == "th":
            label = plain_label(text)
        elif label:
            yield label, text
            label = ""


def _next(node: LexborNode, tag: str) -> LexborNode | None:
    after = node.next
    while after is not None and not (after.tag or "")[:1].isalpha():
        after = after.next
    return after if after is not None and after.tag == tag else None


def plain_label(text: str) -> str:
    """Return a label without colon, star and what stands in brackets after it."""
    return _LABEL_END.sub("", text.strip())
