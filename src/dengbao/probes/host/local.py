"""Looks at this machine itself, with the same script."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import signal
import sys

from ...errors import NotSupported, OutOfScope
from ...model import Asset, HostAsset
from ..base import Context, Observed
from .assemble import assemble
from .collect import Bounds, Privilege, Shell, collect
from .holes import with_holes

_DEADLINE_S = 200.0


async def probe(asset: Asset, context: Context) -> Observed:
    """Return the host facts of this machine.

    Sends: nothing over the network; runs the read-only script in a shell of this machine.
    Changes: nothing.
    Level: observe, and `scope.local` must be true.

    Raises:
        OutOfScope: the engagement does not allow reading this machine.
        NotSupported: this machine is not Linux.

    """
    if not isinstance(asset, HostAsset):
        raise NotSupported("不是服务器类测评对象", where=asset.id)
    if not context.guard.scope.local:
        raise OutOfScope(
            "未授权读取本机", where=f"测评对象 {asset.id}", cure="确需检测本机的，设置 scope.local: true"
        )
    if sys.platform != "linux":
        raise NotSupported(f"本机系统（{sys.platform}）暂不支持", cure="以人工佐证补充")
    root = os.geteuid() == 0
    sudo = "none" if root or asset.sudo == "password" else asset.sudo
    transcript, data, privilege = await collect(
        start_here, Privilege(sudo), account=getpass.getuser(), bounds=Bounds(_DEADLINE_S)
    )
    context.keep("host.txt", data)
    return await with_holes(assemble(transcript, privilege), context)


async def start_here(command: str) -> Shell:
    """Start a command of ours in a group of its own, so that its end takes its children along."""
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", command,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}, process_group=0,
    )  # fmt: skip
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise NotSupported("无法与本机 shell 建立管道")

    async def close() -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    return Shell(process.stdin, process.stdout, process.stderr, close)
