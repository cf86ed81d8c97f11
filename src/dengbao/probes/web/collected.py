"""Finds what of a person a page asks for and an interface hands out, and what a page draws from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from .persons import PERSONAL, plain_label
from .reading import Document

_MOST: Final = 400
_MOST_PATHS: Final = 12
_MOST_CHARS: Final = 400_000
_SILENT: Final = frozenset({"hidden", "submit", "button", "reset", "image", "checkbox", "password"})
# Keys and names of controls, in small letters without signs; each must match as a whole.
_KEYS: Final = {
    "name": re.compile(r"(?:patient|real|full|person|psn)?name|xm|brxm|hzxm"),
    "id_card": re.compile(
        r"(?:id|cert|certificate|identity|psncert)(?:card)?(?:no|num|number)?|idcard|sfzh?|sfzhm|zjhm"
    ),
    "phone": re.compile(r"(?:mobile|cell|tele?)?(?:phone|mobile)(?:no|num|number)?|tel|telephone|lxdh|sjh"),
    "bank_card": re.compile(r"bank(?:card|account|acct)(?:no|num|number)?|yhkh"),
    "address": re.compile(r"(?:home|live|work|contact|detail)?addr(?:ess)?|jtzz|jzdz|zz"),
    "insurance_no": re.compile(r"(?:insurance|medical|psn|ybk?)(?:card)?(?:no|num|number|h)|psnno|ybh"),
    "other": re.compile(
        r"e?mail|nation(?:ality)?|ethnic(?:ity)?|mz|marital(?:status)?|marri(?:ed|age)|hyzk|religion|education"
        r"|xl|occupation|profession|job|zy|employer|company|workunit|gzdw|wechat|openid|qq|fingerprint|face(?:id)?"
    ),
}  # fmt: skip
_NOT_A_PERSON: Final = frozenset({"id", "zy", "xl", "mz", "zz", "job", "company", "name"})
_ZH: Final = (
    ("姓名", "name"), ("身份证", "id_card"), ("证件", "id_card"), ("公民身份", "id_card"), ("手机", "phone"),
    ("电话", "phone"), ("银行", "bank_card"), ("住址", "address"), ("地址", "address"),
    ("医保", "insurance_no"),
)  # fmt: skip
_INTERFACES: Final = re.compile(
    r"""(?:fetch|axios(?:\.\w+)?|\$\.(?:get|post|getJSON)|\.open\(\s*["'][A-Z]{3,7}["']\s*,)\s*\(?\s*["'`](?P<a>(?!//)[\w-]*/[\w./-]+)"""
    r"""|["']?\burl["']?\s*:\s*["'`](?P<b>(?!//)[\w-]*/[\w./-]+)"""
    r"""|\b(?:data-url|data-src|data-href|hx-get|hx-post|ng-src)\s*=\s*["'](?P<c>(?!//)[\w-]*/[\w./-]+)"""
)
_FILES: Final = re.compile(r"\.(?:js|mjs|css|png|jpe?g|gif|svg|ico|woff2?|map|html?)$", re.IGNORECASE)


def kind_of_label(label: str) -> str:
    """Return what a Chinese label or the name of a control or key holds of a person, empty for nothing."""
    if PERSONAL.fullmatch(label):
        return next((kind for word, kind in _ZH if word in label), "other")
    key = re.sub(r"[^a-z0-9]", "", label.casefold())
    if key in _NOT_A_PERSON:
        return ""
    return next((kind for kind, pattern in _KEYS.items() if pattern.fullmatch(key)), "")


def undeclared(page: Document, behind: Mapping[str, Document], fields: Mapping[str, str]) -> Iterator[str]:
    """Yield labels of personal data of kinds nobody declared that a page asks for, or an interface hands out.

    A kind that is declared under another label is no further one; `other` always is.
    """
    declared = set(fields.values()) - {"other"}
    told = [(one, f"{one}（录入项）") for one in _controls(page)]
    for path, document in behind.items():
        told += [(key, f"{key}（接口 {path}）") for key in _keys(document.data)]
    for name, text in dict(told).items():
        kind = kind_of_label(name)
        if kind and kind not in declared and name not in fields:
            yield text[:60]


def _controls(page: Document) -> Iterator[str]:
    """Yield the label of each control a person fills in, else its own name."""
    tree = LexborHTMLParser(page.source)
    labels = {one.attributes.get("for"): one.text(strip=True) for one in tree.css("label[for]")[:_MOST]}
    for one in tree.css("input, select, textarea")[:_MOST]:
        if (one.attributes.get("type") or "").casefold() in _SILENT:
            continue
        told = labels.get(one.attributes.get("id")) or _around(one) or one.attributes.get("placeholder") or ""
        label = re.sub(r"^(?:请|输入|填写|选择)+", "", plain_label(told))
        yield label if PERSONAL.fullmatch(label) else one.attributes.get("name") or label


def _around(control: LexborNode) -> str:
    """Return the text of the label, or of the cell before the one, that a control stands in."""
    above = control.parent
    while above is not None and above.tag not in ("label", "td", "dd", "form", "body"):
        above = above.parent
    if above is None or above.tag in ("form", "body"):
        return ""
    if above.tag == "label":
        return above.text(strip=True)
    before = above.prev
    while before is not None and before.tag not in ("th", "td", "dt"):
        before = before.prev
    return before.text(strip=True) if before is not None else ""


def _keys(data: object) -> Iterator[str]:
    stack, seen = [data], 0
    while stack and seen < _MOST * 10:
        one, seen = stack.pop(), seen + 1
        if isinstance(one, dict):
            for key, inner in one.items():
                if isinstance(inner, dict | list):
                    stack.append(inner)
                elif inner not in (None, ""):
                    yield str(key)
        elif isinstance(one, list):
            stack.extend(one[:20])


def interfaces(page: Document, declared: tuple[str, ...]) -> tuple[str, ...]:
    """Return the interfaces a page's own scripts and attributes name, but for the declared ones."""
    known = {one.partition("?")[0].strip("/") for one in declared}
    found: dict[str, None] = {}
    for one in _INTERFACES.finditer(page.source[:_MOST_CHARS]):
        path = next(filter(None, one.groupdict().values()), "")
        if path.strip("/") and path.strip("/") not in known and not _FILES.search(path):
            found[path] = None
    return tuple(found)[:_MOST_PATHS]
