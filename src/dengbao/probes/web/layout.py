"""Other pages that an account sees: what stands on them, too, does not show that a function was given."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import httpx

from ...errors import NotDeclared
from ...model import Call
from .browser import Browser, Chain

_OBJECT: Final = "dengbao0object0"


@dataclass(frozen=True)
class Address:
    """A function's address, whatever object it is asked for with."""

    host: str
    path: re.Pattern[str]
    fixed: frozenset[tuple[str, str]]

    def holds(self, url: httpx.URL) -> bool:
        """Tell whether an address is this one: an application may tell its functions apart by the query."""
        if url.host.casefold() != self.host or not self.path.fullmatch(url.path.rstrip("/")):
            return False
        return self.fixed <= set(url.params.multi_items())


def address_of(call: Call, visitor: Browser) -> Address | None:
    """Return the address of a function, None where it is none."""
    try:
        url = visitor.resolve(re.sub(r"\{[a-z_]+\}", _OBJECT, call.path))
    except NotDeclared:
        return None
    path = re.escape(url.path.rstrip("/")).replace(_OBJECT, "[^/]+")
    fixed = frozenset(pair for pair in url.params.multi_items() if _OBJECT not in pair[1])
    return Address(url.host.casefold(), re.compile(path), fixed)


def beside(chains: Iterable[Chain], function: Address | None) -> tuple[Chain, ...]:
    """Return the answers that are of other pages than a function's."""
    if function is None:
        return ()
    return tuple(one for one in chains if not any(function.holds(each.url) for each in one.answers))


def texts_of(chains: Iterable[Chain]) -> frozenset[str]:
    """Return everything that answers show."""
    return frozenset().union(*(one.last.document.texts for one in chains))


def usual(chains: Iterable[Chain]) -> frozenset[str]:
    """Return what most of the pages show: menus and headings, not what two functions share."""
    pages: dict[str, frozenset[str]] = {}
    for one in chains:
        document = one.last.document
        if not document.is_json and document.texts:
            pages.setdefault(str(one.last.url.copy_with(query=None)), document.texts)
    counts = Counter(text for texts in pages.values() for text in texts)
    return frozenset(text for text, count in counts.items() if 2 * count > len(pages))
