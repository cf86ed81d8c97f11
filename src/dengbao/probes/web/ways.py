"""Other ways to ask for a function: the other method, a method override, a parameter given twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

import msgspec

from ...model import WebFunction

_IN_QUERY: Final = re.compile(r"([?&])([^=&{}]+)=\{object\}")
_PLACE: Final = "{object}"


def other_ways(function: WebFunction) -> Iterator[tuple[str, WebFunction, dict[str, str] | None]]:
    """Yield way, request and headers; none for forms with a token, whose refusal would prove nothing."""
    if function.page or function.csrf_field or function.changes:
        return
    if function.method == "GET":
        by_post = msgspec.structs.replace(function, method="POST", style="form")
        yield "method", by_post, None
        yield "override", by_post, {"X-HTTP-Method-Override": "GET", "X-Method-Override": "GET"}
    elif function.method == "POST":
        yield "method", msgspec.structs.replace(function, method="GET", style="query"), None


def polluted(function: WebFunction, own: str, foreign: str) -> Iterator[WebFunction]:
    """Yield the request with the object's parameter twice, own and foreign, in either order.

    Only where the object is a parameter of the address: a path holds it once.
    """
    if function.page or function.csrf_field:
        return
    in_path = _IN_QUERY.search(function.path)
    named = [name for name, text in function.fields.items() if text == _PLACE]
    by_query = function.style == "query" or (function.method == "GET" and function.style == "form")
    for first, second in ((own, foreign), (foreign, own)):
        if in_path:
            name, one, two = in_path[2], quote(first, safe=""), quote(second, safe="")
            path = _IN_QUERY.sub(f"{in_path[1]}{name}={one}&{name}={two}", function.path, count=1)
            yield msgspec.structs.replace(function, path=path)
        elif named and by_query:
            name = quote(named[0], safe="")
            joint = "&" if "?" in function.path else "?"
            path = f"{function.path}{joint}{name}={quote(first, safe='')}&{name}={quote(second, safe='')}"
            rest = {key: text for key, text in function.fields.items() if key != named[0]}
            yield msgspec.structs.replace(function, path=path, fields=rest)
