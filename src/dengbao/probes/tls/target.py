"""Where an asset is: host, port and the name to ask for, admitted once and pinned."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...addresses import parse_ports, split_host_ports
from ...errors import NotDeclared, UsageError
from ...model import Asset, TlsAsset, WebAsset
from ..base import Context
from .line import Line

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Target:
    """What the engagement declares; `scheme` is empty for assets of kind tls."""

    host: str
    port: int
    server_name: str
    ca_file: str
    scheme: str = ""


def target_of(asset: Asset) -> Target:
    """Return where to look.

    Raises:
        NotDeclared: the address or URL names no host or no port.

    """
    if isinstance(asset, WebAsset):
        return _of_url(asset)
    if not isinstance(asset, TlsAsset):
        raise TypeError(f"not an endpoint: {asset.kind}")
    host, ports = split_host_ports(asset.address)
    try:
        ranges = parse_ports(ports)
    except UsageError as exc:
        raise _undeclared(asset, "address") from exc
    if not host or len(ranges) != 1 or ranges[0][0] != ranges[0][1]:
        raise _undeclared(asset, "address")
    return Target(host, ranges[0][0], asset.server_name or host, asset.ca_file)


def _of_url(asset: WebAsset) -> Target:
    try:
        parts = urlsplit(asset.url)
        host, port, scheme = parts.hostname, parts.port, parts.scheme
    except ValueError as exc:
        raise _undeclared(asset, "url") from exc
    if not host or scheme not in _PORTS:
        raise _undeclared(asset, "url")
    return Target(host, port or _PORTS[scheme], host, asset.ca_file, scheme)


def _undeclared(asset: Asset, key: str) -> NotDeclared:
    return NotDeclared(
        f"{key} 写法不对",
        where=f"engagement.yaml 测评对象 {asset.id}",
        cure="写成 10.0.0.5:443" if key == "address" else "写成 https://his.test:8443/",
    )


async def line_to(asset: Asset, target: Target, context: Context, *, probe: str) -> Line:
    """Return the way to the asset, admitted by the guard.

    Raises:
        OutOfScope, NotAuthorised, Unreachable: the guard refuses, or the name does not resolve.

    """
    endpoint = await asyncio.to_thread(
        context.guard.admit, target.host, target.port, asset=asset.id, probe=probe
    )
    return Line(context, asset.id, endpoint, target.server_name)
