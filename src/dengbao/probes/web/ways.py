"""Other ways to ask for a function: the other method, a method override, a parameter given twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

import msgspec

from ...model import Application, Call, WebFunction

_IN_QUERY: Final = re.compile(r"([?&])([^=&{}]+)=\{object\}")
_PLACE: Final = "{object}"


def writing_paths(app: Application) -> frozenset[str]:
    """Return the paths that a declared request other than GET goes to: POST there is another function."""
    calls: list[Call | None] = [*app.functions, *app.inputs, *app.messages, *app.exports, app.password_change]
    if app.users is not None:
        calls += [app.users.create, app.users.remove, app.users.disable, app.users.grant]
    for log in app.logs:
        calls += [log.remove, log.alter]
    return frozenset(_bare(one.path) for one in calls if one is not None and one.method != "GET")


def _bare(path: str) -> str:
    return path.partition("?")[0].rstrip("/")


def other_ways(
    function: WebFunction, writing: frozenset[str] = frozenset()
) -> Iterator[tuple[str, WebFunction, dict[str, str] | None]]:
    """Yield way, request and headers; none for forms with a token, whose refusal would prove nothing.

    POST for GET only where the vendor says that it but reads, and never where it is known to do something
    else: an application that was not asked may create or change by it, even from an empty body.
    """
    if function.page or function.csrf_field or function.changes:
        return
    if function.method == "GET" and (not function.also_post or _bare(function.path) in writing):
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
