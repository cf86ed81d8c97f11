"""Tells on a list what submissions of ours created: what did not stand there before and bears our values."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ...model import InputForm, Value
from .browser import Chain
from .calls import placeholders
from .userlist import complete, leads_on
from .wrong import wrong_values

MOST_IDS: Final = 2000
_MOST_CLIMBED: Final = 8
_MOST_CHARS: Final = 20_000
_CREATED: Final = "{created}"
_PLACE: Final = re.compile(r"\\\{[a-z_]+\\\}")
_ID: Final = r"[^/?#&\"'<>\s]+"
_HOLDERS: Final = frozenset({"tr", "li", "article", "dd", "section", "form"})
_NAMES_IDS: Final = re.compile(r"data-(?:.*-)?id")
# Numbers, days and codes stand in records of others, too.
_TELLING: Final = ("text", "id_card", "phone", "credit_code", "bank_card")
_SHORTEST: Final = 2


class Before(Value):
    """What stood on a list before the first submission: digests of its ids, and the largest where numbers.

    `whole` is False where the list has further pages, or may have.
    """

    ids: tuple[str, ...]
    above: int | None
    whole: bool


def path_of(form: InputForm) -> str:
    """Return where what the form creates is listed, empty where nobody said."""
    return form.listed or (form.shown if not placeholders((form.shown,)) else "")


def before(chain: Chain, form: InputForm) -> Before:
    """Return what stands on a list, without the ids themselves: they may be those of patients."""
    ids = ids_on(chain, form)
    numbers = [int(one) for one in ids if one.isascii() and one.isdigit()]
    above = max(numbers) if ids and len(numbers) == len(ids) else None
    return Before(ids=tuple(_digest(one) for one in ids), above=above, whole=is_whole(chain, ids))


def is_whole(chain: Chain, ids: Mapping[str, str]) -> bool:
    """Tell whether a list leads to no further page; what its scripts may add bears no ids that count here."""
    told = complete(chain, len(ids))
    if told is not None:
        return told
    document = chain.last.document
    return not document.is_json and not leads_on(document.source)


def fresh(chain: Chain, form: InputForm, earlier: Before) -> dict[str, str]:
    """Return id → what the list shows of it, of what did not stand on it earlier."""
    known = set(earlier.ids)
    found: dict[str, str] = {}
    for one, text in ids_on(chain, form).items():
        if _digest(one) in known:
            continue
        if earlier.above is not None and not (one.isascii() and one.isdigit() and int(one) > earlier.above):
            continue
        found[one] = text
    return found


def bears(text: str, form: InputForm, nonce: str) -> bool:
    """Tell whether a text holds a value that was entered: the mark of the run, or one of a telling kind."""
    plain = html.unescape(text)
    return nonce in text or any(one in text or one in plain for one in _marks(form, nonce))


def _marks(form: InputForm, nonce: str) -> Iterator[str]:
    for name, one in form.inputs.items():
        if one.type not in _TELLING:
            continue
        for text in (one.sample, *(each.text for each in wrong_values(name, one, nonce))):
            mark = text.strip()[: one.max_length or None]
            if len(mark) >= _SHORTEST:
                yield mark


def ids_on(chain: Chain, form: InputForm) -> dict[str, str]:
    """Return id → what stands beside it, of everything that an answer lists."""
    document = chain.last.document
    if document.is_json:
        found = list(_in_json(document.data, form.created_key.rpartition(".")[2] or "id"))
    else:
        found = _in_html(document.source, form)
    ids: dict[str, str] = {}
    for one, text in found:
        if len(ids) >= MOST_IDS and one not in ids:
            break
        ids[one] = max(ids.get(one, ""), text, key=len)
    return ids


def _in_json(data: object, key: str) -> Iterator[tuple[str, str]]:
    stack = [data]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            found = one.get(key)
            if isinstance(found, str | int) and not isinstance(found, bool):
                yield str(found), "\n".join(_leaves(one))[:_MOST_CHARS]
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)


def _leaves(data: object) -> Iterator[str]:
    stack = [data]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
        elif isinstance(one, str | int | float):
            yield str(one)


def _in_html(source: str, form: InputForm) -> list[tuple[str, str]]:
    """Return ids by the addresses that the engagement gives; else by what precedes them, or by attributes."""
    nodes = LexborHTMLParser(source).css("*")
    found = list(_by_address(nodes, _patterns(form)))
    if not found and form.created_in:
        found = list(_by_address(nodes, (re.compile(f"{re.escape(form.created_in)}({_ID})"),)))
    if not found and form.created_key:
        found = [
            (value, _beside(node))
            for node in nodes
            for name, value in node.attributes.items()
            if value and _NAMES_IDS.fullmatch(name)
        ]
    return found


def _by_address(
    nodes: Iterable[LexborNode], patterns: Iterable[re.Pattern[str]]
) -> Iterator[tuple[str, str]]:
    for node in nodes:
        for value in node.attributes.values():
            for pattern in patterns if value else ():
                if (found := pattern.search(value or "")) is not None:
                    yield found[1], _beside(node)


def _patterns(form: InputForm) -> tuple[re.Pattern[str], ...]:
    """Return how addresses on the list name an id: as the engagement's own addresses do."""
    called = (form.remove.path, form.remove.page) if form.remove is not None else ()
    found: set[str] = set()
    for one in (*called, form.shown):
        if _CREATED not in one:
            continue
        head, _, tail = re.escape(one).partition(re.escape(_CREATED))
        # An address may also hold the user or the institution.
        before_it, after_it = (_PLACE.sub(lambda _: _ID, each) for each in (head, tail))
        found.add(f"{before_it}({_ID}){after_it}(?=[?#&]|$)")
    return tuple(re.compile(one) for one in sorted(found))


def _beside(node: LexborNode) -> str:
    """Return the line of the list that an element stands in, as source."""
    place = node
    for _ in range(_MOST_CLIMBED):
        if place.tag in _HOLDERS or place.parent is None or place.parent.tag in ("body", "html"):
            break
        place = place.parent
    return (place.html or "")[:_MOST_CHARS]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
