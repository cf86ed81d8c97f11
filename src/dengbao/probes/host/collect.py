"""Runs `collect.sh` over any pair of streams: asks for privilege, sends the script, reads what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shlex
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import resources
from typing import Final, Protocol

from ...errors import ProbeError, ProtocolMismatch, TimedOut, Unreachable
from .frames import Transcript, parse_transcript

_TALK_LIMIT_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class Bounds:
    """How long to wait for a shell and for everything, and how much to take."""

    deadline_s: float
    ask_s: float = 15.0
    output_bytes: int = 48 * 1024 * 1024


class Source(Protocol):
    """Reads bytes; empty at the end."""

    async def read(self, n: int = -1, /) -> bytes:
        """Return at most `n` bytes."""


class Sink(Protocol):
    """Takes bytes for the standard input of the command."""

    def write(self, data: bytes, /) -> None:
        """Buffer bytes."""

    def write_eof(self) -> None:
        """End the input."""


@dataclass(frozen=True)
class Shell:
    """A started command: its three streams and how to end it."""

    stdin: Sink
    stdout: Source
    stderr: Source
    close: Callable[[], Awaitable[None]]


Start = Callable[[str], Awaitable[Shell]]


@dataclass(frozen=True)
class Privilege:
    """How to become root: `none`, `nopasswd` or `password` with the password."""

    sudo: str
    password: str = ""


def new_nonce() -> str:
    """Return a word that text of the host cannot contain by chance."""
    return f"dengbao-{secrets.token_hex(16)}"


def script() -> bytes:
    """Return the collector, which is data of this package."""
    return resources.files(__package__).joinpath("collect.sh").read_bytes()


def script_to_carry(wrapper: bytes) -> bytes:
    """Return the script that people run by hand: `collect-linux.sh` of the templates, then the collector."""
    return (wrapper.rstrip(b"\r\n") + b"\n" + script()).replace(b"\r\n", b"\n")


def head_of_script() -> bytes:
    """Return what stands before the collector's first section: bounded commands, frames, functions."""
    head, mark, _ = script().partition(b"# The slow sections run beside the others.")
    if not mark:
        raise ValueError("collect.sh lost the line that ends its head")
    return head


async def collect(
    start: Start, privilege: Privilege, *, account: str, bounds: Bounds, text: bytes = b""
) -> tuple[Transcript, bytes, str]:
    """Return the transcript, its bytes as they came, and the privilege used (`root`, `sudo`, `user`).

    `text` is run instead of the collector where it is given; it must frame its output in the same way.

    Sends: at most one `sudo`, then one shell that reads the script from its standard input.
    Changes: nothing.

    Raises:
        ProbeError: no shell could be had at all. What ends a running script early is kept in the transcript.

    """
    ends_at = time.monotonic() + bounds.deadline_s
    shell, asked = await open_shell(start, privilege, new_nonce(), bounds)
    # Users of the host see the words of a command; the word of the frames goes in with the script.
    nonce = new_nonce()
    told = f"set -- {nonce}\n".encode()
    data, ended_by = await _run(shell, ends_at, bounds.output_bytes, told + (text or script()))
    sections, done = parse_transcript(data, nonce)
    transcript = Transcript(sections, done, account, None if done else ended_by)
    root = "system" in sections and b"\nuid 0\n" in sections["system"].body
    return transcript, data, ("sudo" if asked else "root") if root else "user"


async def open_shell(start: Start, privilege: Privilege, nonce: str, bounds: Bounds) -> tuple[Shell, bool]:
    """Return a shell that reads a script from its standard input, and whether sudo opened it.

    Raises:
        ProbeError: no shell could be had.

    """
    shell = await _privileged(start, privilege, nonce, bounds) if privilege.sudo != "none" else None
    asked = shell is not None
    if shell is None:
        shell = await _ready(start, f"sh -c {_inner(nonce)}", nonce, bounds)
    if shell is None:
        raise ProtocolMismatch(
            "登录后未能运行采集脚本", cure="确认账户的登录 shell 可执行命令（不是菜单、nologin 或受限 shell）"
        )
    return shell, asked


def _inner(nonce: str) -> str:
    """Return the quoted command that says it is ready on both streams and then reads the script."""
    return shlex.quote(f"echo {nonce} ready >&2; exec sh -s")


async def _privileged(start: Start, privilege: Privilege, nonce: str, bounds: Bounds) -> Shell | None:
    """Return a root shell, or None where sudo refuses; the password is sent only when sudo asks for it."""
    if privilege.sudo == "password":
        command = f"sudo -k -S -p {nonce}-ask sh -c {_inner(nonce)}"
        return await _ready(start, command, nonce, bounds, privilege.password)
    return await _ready(start, f"sudo -n sh -c {_inner(nonce)}", nonce, bounds)


async def _ready(start: Start, command: str, nonce: str, bounds: Bounds, password: str = "") -> Shell | None:
    """Return the shell once it says it is ready, None if it ends or stays silent; one password, once."""
    shell = await start(command)
    talk = b""
    asked = False
    try:
        async with asyncio.timeout(bounds.ask_s):
            while (piece := await shell.stderr.read(4096)) and len(talk) < _TALK_LIMIT_BYTES:
                talk += piece
                if f"{nonce} ready".encode() in talk:
                    return shell
                if talk.count(f"{nonce}-ask".encode()) > asked:
                    if asked or not password:
                        break
                    asked = True
                    shell.stdin.write(password.encode() + b"\n")
    except TimeoutError:
        pass
    except OSError as exc:
        raise Unreachable(f"连接中断（{exc}）", cure="检查网络与主机后重新运行") from exc
    await shell.close()
    return None


async def _run(
    shell: Shell, ends_at: float, limit_bytes: int, text: bytes
) -> tuple[bytes, ProbeError | None]:
    """Send the script and return all output, and what ended it early."""
    data = bytearray()
    ended_by: ProbeError | None = None
    drain = asyncio.ensure_future(_discard(shell.stderr))
    try:
        shell.stdin.write(text)
        shell.stdin.write_eof()
        async with asyncio.timeout(max(ends_at - time.monotonic(), 0.0)):
            while piece := await shell.stdout.read(65536):
                data += piece
                if len(data) > limit_bytes:
                    ended_by = ProtocolMismatch("主机输出过大，已停止接收", cure="该部分改由人工核查")
                    break
    except TimeoutError:
        ended_by = TimedOut("采集未在时限内完成", cure="检查主机负载或挂起的命令后重新运行")
    except (OSError, EOFError) as exc:
        ended_by = Unreachable(f"采集途中连接中断（{exc}）", cure="检查网络后重新运行")
    finally:
        drain.cancel()
        await shell.close()
    return bytes(data), ended_by


async def _discard(source: Source) -> None:
    """Read and drop, so that the other side never waits for us."""
    with contextlib.suppress(OSError):
        while await source.read(4096):
            pass
