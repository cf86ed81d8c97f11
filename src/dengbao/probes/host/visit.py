"""Looks at something on a host of the engagement for the probe of another asset, or of its files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from ...errors import NotDeclared, NotSupported, OutOfScope
from ...model import AssetBase, HostAsset
from ..base import Context
from .collect import Bounds, Privilege, Shell, Start, collect, new_nonce, open_shell
from .frames import Transcript
from .local import start_here
from .ssh import visiting

_DEADLINE_S: Final = 100.0


@dataclass(frozen=True)
class Visit:
    """How to run scripts on a host, and as whom."""

    host: HostAsset
    start: Start
    privilege: Privilege
    account: str

    async def run(self, text: bytes) -> tuple[Transcript, bytes, str]:
        """Run a script of framed sections; return them, their bytes, and the privilege that was had."""
        return await collect(
            self.start, self.privilege, account=self.account, bounds=Bounds(_DEADLINE_S), text=text
        )

    async def shell(self) -> Shell:
        """Return a shell that reads a script from its standard input."""
        shell, _ = await open_shell(self.start, self.privilege, new_nonce(), Bounds(_DEADLINE_S))
        return shell


@asynccontextmanager
async def visit(
    asset: AssetBase, host_id: str, context: Context, *, probe: str, what: str, instead: str
) -> AsyncIterator[Visit]:
    """Yield the host that `asset` refers to, logged in to with the host's own account.

    `what` is looked at there; `instead` says in Chinese what to do where that cannot be.

    Raises:
        NotDeclared: no such host, or what it takes to log in to it is not declared.
        NotSupported: it is Windows, or only a carried-in file tells of it.
        OutOfScope, NotAuthorised, Unreachable, TimedOut, LoginRefused, ProtocolMismatch: no connection.

    """
    where = f"测评对象 {asset.id}"
    host = context.other(asset, host_id)
    if not isinstance(host, HostAsset):
        raise NotDeclared(f"{host_id} 不是服务器", where=where, cure="host 写服务器的编号")
    if host.collected or host.platform.lower().startswith("win"):
        raise NotSupported(f"不能远程查看 {host.id} 上的{what}", where=where, cure=instead)
    if host.address == "local":
        if not context.guard.scope.local:
            raise OutOfScope("未授权读取本机", where=where, cure="确需检测本机的，设 scope.local: true")
        yield Visit(host, start_here, Privilege("none"), "")
        return
    async with visiting(host, context, probe=probe) as (start, privilege, account):
        yield Visit(host, start, privilege, account)
