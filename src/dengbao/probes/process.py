"""Runs an external engine: own process group, own deadline, bare environment, bounded output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import ProbeIncapable, ProtocolMismatch, TimedOut

_MOST_BYTES: Final = 64 * 1024 * 1024
_REAP_S: Final = 5.0
# No secrets and no proxies of the operator's shell reach an engine.
_ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Ran:
    """What a process left behind."""

    code: int
    out: bytes
    err: bytes


class Engine:
    """A process that runs, and may wait for its order on standard input."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, hear: Callable[[bytes], None]) -> None:
        self._name = name
        self._process = process
        self._drains = (
            asyncio.create_task(_drain(name, process.stdout, hear)),
            asyncio.create_task(_drain(name, process.stderr, lambda _data: None)),
        )

    async def finish(self, order: bytes = b"", *, deadline_s: float) -> Ran:
        """Hand over the order, if the process takes one, and return what it leaves behind.

        Raises:
            TimedOut: it did not end within `deadline_s` seconds from now.
            ProtocolMismatch: more output than is credible.

        """
        try:
            async with asyncio.timeout(deadline_s):
                if self._process.stdin is not None:
                    # One that has died already says why at the end, like any other.
                    with contextlib.suppress(ConnectionError):
                        self._process.stdin.write(order)
                        await self._process.stdin.drain()
                    self._process.stdin.close()
                out, err = await asyncio.gather(*self._drains)
                return Ran(await self._process.wait(), out, err)
        except TimeoutError as exc:
            raise TimedOut(
                f"检测程序 {self._name} 在 {deadline_s:g} 秒内未结束，已终止",
                cure="稍后单独重测该对象，或以人工佐证补充",
            ) from exc

    async def end(self) -> None:
        """Kill what still runs of the whole process group."""
        for one in self._drains:
            one.cancel()
        await asyncio.gather(*self._drains, return_exceptions=True)
        await _end(self._process)


@asynccontextmanager
async def started_engine(
    name: str,
    command: Sequence[str],
    *,
    folder: Path,
    hear: Callable[[bytes], None] = lambda _data: None,
    takes_order: bool = True,
) -> AsyncIterator[Engine]:
    """Start `command` in `folder`; `hear` is handed standard output as it comes.

    The whole process group is killed when the block ends, however it ends.

    Raises:
        ProbeIncapable: the program does not start.

    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE if takes_order else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**_ENVIRONMENT, "HOME": str(folder), "TMPDIR": str(folder)},
            cwd=folder,
            start_new_session=True,
        )
    except OSError as exc:
        raise ProbeIncapable(
            f"检测程序 {name} 无法启动（{exc.strerror or exc}）",
            cure=f"运行 dengbao doctor 查看 {name} 的安装情况",
        ) from exc
    engine = Engine(name, process, hear)
    try:
        yield engine
    finally:
        await engine.end()


async def run_engine(
    name: str,
    command: Sequence[str],
    *,
    deadline_s: float,
    folder: Path,
    hear: Callable[[bytes], None] = lambda _data: None,
) -> Ran:
    """Run `command` in `folder` and return its output; `hear` is handed standard output as it comes.

    The whole process group is killed at the deadline, on cancellation and when it says too much.

    Raises:
        ProbeIncapable: the program does not start.
        TimedOut: the deadline passed.
        ProtocolMismatch: more output than is credible.

    """
    async with started_engine(name, command, folder=folder, hear=hear, takes_order=False) as engine:
        return await engine.finish(deadline_s=deadline_s)


async def _drain(name: str, stream: asyncio.StreamReader | None, hear: Callable[[bytes], None]) -> bytes:
    data = bytearray()
    while stream is not None and (more := await stream.read(65536)):
        data += more
        if len(data) > _MOST_BYTES:
            raise ProtocolMismatch(f"检测程序 {name} 的输出过大，已终止")
        hear(more)
    return bytes(data)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the group of a process that still runs, and reap it.

    What it had still to say is read and dropped: asyncio reaps only when the pipes are empty.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_REAP_S):
            for stream in (process.stdout, process.stderr):
                while stream is not None and await stream.read(65536):
                    pass
            await process.wait()
