"""Carries out a request that the engagement describes: hidden fields, token, placeholders, yes or no."""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

import httpx

from ...errors import NotDeclared
from ...model import Call, Marker
from .browser import Browser, Chain, clean_url, referer
from .login import csrf_token, matches
from .reading import find_json

_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
_MULTIPART: Final = "multipart"
_JSON: Final = ":json"
# Spring and Rails, Angular, Tornado, Django: whose interface it is does not show, and each knows but its own.
_TOKEN_HEADERS: Final = ("X-CSRF-Token", "X-XSRF-TOKEN", "X-XSRFToken", "X-CSRFToken")


@dataclass(frozen=True)
class FilePart:
    """A file to upload in a `multipart` request."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Reply:
    """How a described request was answered.

    `done` by the declared markers: True, False, or None where they are empty, contradict each other or do
    not tell. `url` is the address without query values.
    """

    method: str
    url: str
    chain: Chain
    done: bool | None

    @property
    def status(self) -> int:
        """Return the status of the first answer."""
        return self.chain.first.status

    @property
    def refused_by_status(self) -> bool:
        """Tell whether the server said by status that it will not."""
        return self.status in (400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422)

    def created(self, key: str = "", after: str = "") -> str:
        """Return the id of what was created: by JSON key, or what follows `after` in the location."""
        if key:
            found = find_json(self.chain.first.document.data, key)
            return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
        _, _, tail = self.chain.first.location.partition(after) if after else ("", "", "")
        return re.split(r"[/?#&]", tail, maxsplit=1)[0]


async def perform(
    visitor: Browser,
    call: Call,
    values: Mapping[str, str] | None = None,
    *,
    files: Mapping[str, FilePart] | None = None,
    extra: Mapping[str, str] | None = None,
    bare: Collection[str] = (),
    note: str = "",
) -> Reply:
    """Send a described request once and follow the answer; `extra` adds or replaces fields.

    `bare` names fields that go into JSON as numbers where their text is one.

    Sends: the page the form stands on, if one is declared; the request.

    Raises:
        NotDeclared: a placeholder has no value, or the token is nowhere; and what a visit raises.
        ProtocolMismatch: the request would go in clear although the application is given as https.

    """
    given = dict(values or {})
    fields: dict[str, str] = {}
    headers: dict[str, str] = {}
    base = None
    if call.page or call.csrf_field:
        page = await visitor.visit(filled(call.page or call.path, given, in_path=True))
        base = page.last.url
        fields.update(_hidden(page, {*call.fields, *(extra or {}), *(files or {}), call.csrf_field}))
        if call.csrf_field:
            token = fields.get(call.csrf_field) or csrf_token(call.csrf_field, page, visitor)
            fields[call.csrf_field] = token
            headers.update(dict.fromkeys(_TOKEN_HEADERS, token))
        headers["Referer"] = referer(base)
        headers["Origin"] = f"{base.scheme}://{base.netloc.decode('ascii')}"
    fields.update({name: filled(text, given) for name, text in call.fields.items()})
    fields.update(extra or {})
    url = visitor.resolve(filled(call.path, given, in_path=True), base)
    visitor.require_encrypted(url)
    url, content, kind = packed(call, url, fields, files or {}, bare)
    if kind:
        headers["Content-Type"] = kind
    names = "、".join((*fields, *(files or {})))
    told = note or (f"字段 {names}，值不记录" if names else "")
    answer = await visitor.send(call.method, url, content=content, headers=headers, note=told)
    chain = await visitor.follow(answer)
    return Reply(call.method, clean_url(url), chain, told_by(call, chain))


def told_by(call: Call, chain: Chain) -> bool | None:
    """Return what the markers of a request say: carried out, refused, or nothing."""
    done = matches(call.done, chain.first, chain)
    refused = matches(call.refused, chain.first, chain)
    if done and refused:
        return None
    if refused:
        return False
    return done


def shows(marker: Marker, chain: Chain) -> bool | None:
    """Tell whether an answer, or the page it leads to, bears a marker; None where it is empty."""
    return matches(marker, chain.first, chain)


def nested(fields: Mapping[str, str], bare: Collection[str] = ()) -> dict[str, object]:
    """Return `{"input.id": "1"}` as `{"input": {"id": "1"}}`; `bare` ones as numbers.

    The text of a field whose name ends in `:json` is JSON itself: a list, a number, true or false.

    Raises:
        NotDeclared: two fields contradict each other, or a text is no JSON.

    """
    found: dict[str, object] = {}
    for name, text in fields.items():
        *way, last = name.removesuffix(_JSON).split(".")
        place = found
        for step in way:
            inner = place.setdefault(step, {})
            if not isinstance(inner, dict):
                raise NotDeclared(f"字段 {name} 与另一字段冲突", cure="核对 app 中该请求的 fields")
            place = inner
        if name.endswith(_JSON):
            place[last] = _parsed(name, text)
        else:
            place[last] = _number(text) if name in bare else text
    return found


def _parsed(name: str, text: str) -> object:
    try:
        found: object = json.loads(text)
    except ValueError as exc:
        raise NotDeclared(f"字段 {name} 的内容不是 JSON", cure='写成 "[1]"、"true" 等') from exc
    return found


def _number(text: str) -> object:
    """Return a number where a text is one in JSON, else the text."""
    try:
        found: object = json.loads(text)
    except ValueError:
        return text
    usable = isinstance(found, int | float) and not isinstance(found, bool) and abs(found) != math.inf
    return found if usable else text


def placeholders(texts: Iterable[str]) -> set[str]:
    """Return the names of the placeholders in texts."""
    return {name for text in texts for name in _PLACE.findall(text)}


def filled(text: str, values: Mapping[str, str], *, in_path: bool = False) -> str:
    """Return a text with its placeholders filled in.

    Raises:
        NotDeclared: a placeholder has no value here.

    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise NotDeclared(f"占位符 {{{name}}} 在此处没有值", cure="核对 app 中该请求的 path 与 fields")
        return quote(values[name], safe="") if in_path else values[name]

    return _PLACE.sub(value, text)


def _hidden(page: Chain, wanted: Collection[str]) -> dict[str, str]:
    """Return the hidden fields of the form that the request belongs to: the one that holds its fields."""
    best: dict[str, str] = {}
    most = 0
    for form in page.last.document.forms:
        names = {one.name for one in form.fields}
        shared = len(names & set(wanted) - {""})  # buttons bear no name
        if shared > most:
            most, best = shared, dict(form.hidden)
    return best


def packed(
    call: Call,
    url: httpx.URL,
    fields: Mapping[str, str],
    files: Mapping[str, FilePart],
    bare: Collection[str] = (),
) -> tuple[httpx.URL, bytes, str]:
    """Return address, body and its media type; in JSON a dotted name is a value inside an object."""
    if not fields and not files:
        return url, b"", ""
    if call.style == "query" or (call.method == "GET" and call.style == "form"):
        return url.copy_merge_params(dict(fields)), b"", ""
    if call.style == "json":
        return url, json.dumps(nested(fields, bare), ensure_ascii=False).encode(), "application/json"
    if call.style == _MULTIPART or files:
        boundary = f"dengbao-{secrets.token_hex(12)}"
        return url, _multipart(boundary, fields, files), f"multipart/form-data; boundary={boundary}"
    return url, urlencode(dict(fields)).encode(), "application/x-www-form-urlencoded"


def _multipart(boundary: str, fields: Mapping[str, str], files: Mapping[str, FilePart]) -> bytes:
    parts: list[bytes] = []
    for name, text in fields.items():
        parts.append(_part(boundary, f'name="{_quoted(name)}"', "", text.encode()))
    for name, one in files.items():
        told = f'name="{_quoted(name)}"; filename="{_quoted(one.name)}"'
        parts.append(_part(boundary, told, f"Content-Type: {one.media_type}\r\n", one.data))
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def _part(boundary: str, told: str, kind: str, data: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {told}\r\n{kind}\r\n"
    return head.encode() + data + b"\r\n"


def _quoted(text: str) -> str:
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
