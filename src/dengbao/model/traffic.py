"""Captured traffic of an asset: which flows there should be, and where what was captured lies."""

from __future__ import annotations

from .base import Value


class DeclaredFlow(Value):
    """传输流: who talks to whom and for what; each end is `address:port`, `address` or a network.

    Without `client` it is anybody. `encrypted`: it must be. `admin`: it administers the asset.
    """

    name: str
    server: str
    client: str = ""
    purpose: str = ""
    encrypted: bool = True
    admin: bool = False


class Traffic(Value):
    """抓包: `files` in the engagement's folder, or an `interface` of this machine, heard for `seconds`."""

    flows: tuple[DeclaredFlow, ...]
    files: tuple[str, ...] = ()
    interface: str = ""
    seconds: int = 60
