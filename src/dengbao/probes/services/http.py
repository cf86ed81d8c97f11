"""HTTP on any port, plain or inside TLS: an ordinary site, or an interface that runs machines and data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import ProbeError
from .facts import Service
from .wire import Place, clip, talk

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_WAIT_S = 2.0


@dataclass(frozen=True)
class Page:
    """Status, headers by lower-case name, and the body as JSON where it is an object."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Mapping[str, object]:
        """Return the body as an object, empty where it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


async def http(place: Place) -> Service | None:
    """Ask for the front page in clear; a port that wants TLS is asked again inside it."""
    page = await get(place, "/", tls=False)
    if page is None or (page.status in (400, 497) and b"HTTPS" in page.body.upper()):
        return None
    return await recognise(place, page, tls=False)


async def inside_tls(place: Place) -> Service | None:
    """Shake hands and ask for the front page; what speaks no HTTP is TLS of an unknown kind."""
    async with talk(place, tls=True):
        pass
    page = await get(place, "/", tls=True)
    if page is not None:
        return await recognise(place, page, tls=True)
    return Service(port=place.port, protocol="tls", how="reply", encrypted=True, offers_encryption=True)


async def get(place: Place, path: str, *, tls: bool) -> Page | None:
    """Return an answer, None if it is not HTTP."""
    host = f"[{place.address}]" if ":" in place.address else place.address
    line = f"GET {path} HTTP/1.0\r\nHost: {host}:{place.port}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    async with talk(place, tls=tls) as talking:
        await talking.say(line.encode())
        data = b""
        while len(data) < 65536 and (more := await talking.hear(_WAIT_S)):
            data += more
            if (whole := read(data)) is not None and len(whole.body) >= int(
                whole.headers.get("content-length", "65536")[:7].strip() or 65536
            ):
                return whole
    return read(data)


def read(data: bytes) -> Page | None:
    """Return an answer as far as it came, None if it is not HTTP or its head is not whole."""
    status = _STATUS.match(data)
    head, end, body = data.partition(b"\r\n\r\n")
    if not status or not end:
        return None
    headers: dict[str, str] = {}
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        headers[name.decode("latin-1").strip().lower()] = clip(value, 200)
    length = headers.get("content-length", "")
    if length and not length.isdecimal():
        del headers["content-length"]
    return Page(int(status.group(1)), headers, body)


async def recognise(place: Place, page: Page, *, tls: bool) -> Service:
    """Tell interfaces of machines from sites for people by what they say."""
    name, version, without = _elastic(page)
    if not name and "html" not in page.headers.get("content-type", ""):
        name, version, without = await _machinery(place, tls=tls)
    told = f"HTTP {page.status} {page.headers.get('server', '')}"
    return Service(
        port=place.port, protocol=name or "http", how="reply", version=clip(version, 40), encrypted=tls,
        offers_encryption=tls, without_login=without, evidence=clip(told),
    )  # fmt: skip


def _elastic(page: Page) -> tuple[str, str, bool | None]:
    body = page.json
    version = body.get("version")
    number = str(version.get("number", "")) if isinstance(version, dict) else ""
    if body.get("tagline") == "You Know, for Search" or ("cluster_name" in body and number):
        return "elasticsearch", number, True
    refused = page.status in (401, 403) and b"security_exception" in page.body
    if refused or "elasticsearch" in page.headers.get("x-elastic-product", "").lower():
        return "elasticsearch", "", False if page.status in (401, 403) else None
    return "", "", None


async def _machinery(place: Place, *, tls: bool) -> tuple[str, str, bool | None]:
    """Ask for /version, which Docker, Kubernetes and etcd each answer in words of their own."""
    page = await _get_or_none(place, "/version", tls=tls)
    body = page.json if page else {}
    if "ApiVersion" in body and "MinAPIVersion" in body:
        return "docker", str(body.get("Version", "")), True
    if "etcdserver" in body:
        return "etcd", str(body["etcdserver"]), await _etcd_is_open(place, tls=tls)
    if "gitVersion" in body or (body.get("kind") == "Status" and body.get("apiVersion") == "v1"):
        # The version is public by design; the names of the namespaces are not.
        listed = await _get_or_none(place, "/api/v1/namespaces?limit=1", tls=tls)
        without = None if listed is None else listed.json.get("kind") == "NamespaceList"
        return "kubernetes", str(body.get("gitVersion", "")), without
    return "", "", None


async def _etcd_is_open(place: Place, *, tls: bool) -> bool | None:
    page = await _get_or_none(place, "/v2/keys?quorum=false", tls=tls)
    if page is None:
        return None
    if page.status == 200 and "node" in page.json:
        return True
    return False if page.status in (401, 403) else None


async def _get_or_none(place: Place, path: str, *, tls: bool) -> Page | None:
    try:
        return await get(place, path, tls=tls)
    except ProbeError:
        return None
