"""Starts the hospital as a child process and makes sure that it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from ..errors import UsageError
from .hospital import PASSWORD_VARIABLE
from .measures import State

_START_S: Final = 30.0
_STOP_S: Final = 10.0


class _Ready(msgspec.Struct):
    pid: int
    port: int


@dataclass(frozen=True)
class Running:
    """A hospital that answers."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        """Return the HTTPS address."""
        return f"https://127.0.0.1:{self.port}"


@contextmanager
def running(folder: Path, state: State, password: str, *, port: int = 0) -> Iterator[Running]:
    """Run the hospital over `folder` for the length of the block.

    Raises:
        UsageError: it did not start; what it said last is in the message.

    """
    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / f"ready-{os.getpid()}.json"
    ready.unlink(missing_ok=True)
    log = folder / "hospital.log"
    command = [
        sys.executable, "-m", "dengbao.demo.hospital", "--folder", str(folder), "--state", state.value,
        "--port", str(port), "--ready-file", str(ready),
    ]  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, PASSWORD_VARIABLE: password},
            # Ctrl-C in the terminal is for us; we end the child ourselves.
            start_new_session=True,
        )
    try:
        found = _wait(process, ready, log)
        yield Running(process, found.port)
    finally:
        _end(process)
        ready.unlink(missing_ok=True)


def _wait(process: subprocess.Popen[bytes], ready: Path, log: Path) -> _Ready:
    deadline = time.monotonic() + _START_S
    while not ready.is_file():
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace").strip()[-500:]
            raise UsageError(
                f"演示医院未能启动：{said or '无输出'}", where=str(log), cure="检查端口是否被占用"
            )
        time.sleep(0.02)
    return msgspec.json.decode(ready.read_bytes(), type=_Ready)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
