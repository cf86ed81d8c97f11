"""Finds labelled values and whole numbers in pages and JSON, and tells full ones from masked ones."""

from __future__ import annotations

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


def numbers(text: str) -> dict[str, int]:
    """Return how many whole id, mobile and card numbers stand in a text; a number counts as one kind."""
    found = {
        "id_card": sum(is_id_card(one) for one in _ID.findall(text)),
        "phone": sum(is_mobile(one) for one in _PHONE.findall(text)),
        "bank_card": sum(is_bank_card(one) and not is_id_card(one) for one in _CARD.findall(text)),
    }
    return {kind: count for kind, count in found.items() if count}


def state_of(value: str, holds: str) -> str:
    """Return whether a value of a declared kind is `full`, `masked` or `other`."""
    text = value.strip()
    masked = _MASK.search(text) is not None
    if holds in ("id_card", "phone", "bank_card", "insurance_no"):
        plain = re.sub(r"[\s-]", "", text)
        if masked:
            return "masked"
        return "full" if re.fullmatch(r"\+?[0-9A-Za-z]{6,20}", plain) and _digits(plain) >= 6 else "other"
    if holds == "name":
        if masked:
            return "masked"
        return "full" if _NAME.fullmatch(text) else "other"
    if masked:
        return "masked"
    return "full" if len(text) >= 2 else "other"


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


def _of_page(source: str) -> Iterator[tuple[str, str]]:
    tree = LexborHTMLParser(source)
    for table in tree.css("table"):
        yield from _of_table(table)
    for label in tree.css("dt"):
        value = _next(label, "dd")
        if value is not None:
            yield plain_label(label.text()), value.text(strip=True)
    for label in tree.css("label"):
        name = label.attributes.get("for")
        field = label.css_first("input, select, textarea")
        if field is None and name and re.fullmatch(r"[\w-]+", name):
            field = tree.css_first(f'[id="{name}"]')
        if field is not None:
            yield plain_label(label.text()), field.attributes.get("value") or field.text(strip=True)


def _of_table(table: LexborNode) -> Iterator[tuple[str, str]]:
    heads: list[str] = []
    for row in table.css("tr"):
        cells = row.css("th, td")
        kinds = {one.tag for one in cells}
        texts = [one.text(strip=True) for one in cells]
        if kinds == {"th"}:
            heads = [plain_label(one) for one in texts]
        elif kinds == {"th", "td"}:
            yield from _across(cells, texts)
        elif heads:
            yield from zip(heads, texts, strict=False)
        elif len(texts) == 2:
            yield plain_label(texts[0]), texts[1]


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
    while after is not None and not after.tag[:1].isalpha():
        after = after.next
    return after if after is not None and after.tag == tag else None


def plain_label(text: str) -> str:
    """Return a label without colon, star and what stands in brackets after it."""
    return _LABEL_END.sub("", text.strip())
