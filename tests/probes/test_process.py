"""Engines end when we say so, take their children along, and learn nothing they need not know."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from dengbao.errors import ProbeIncapable, ProtocolMismatch, TimedOut
from dengbao.probes.process import Ran, run_engine

SPAWN = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(60)\n"
)


def run(folder: Path, code: str, deadline_s: float = 10.0, heard: list[bytes] | None = None) -> Ran:
    command = (sys.executable, "-I", "-c", code)
    hear = (heard if heard is not None else []).append
    return asyncio.run(run_engine("样例", command, deadline_s=deadline_s, folder=folder, hear=hear))


def is_running(heard: list[bytes]) -> bool:
    """Tell whether the grandchild whose number was heard still runs (its zombie waits for init)."""
    with suppress(psutil.NoSuchProcess):
        child = psutil.Process(int(b"".join(heard)))
        with suppress(psutil.TimeoutExpired):
            child.wait(3)
        return child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    return False


def test_output_comes_while_it_runs_and_at_the_end(tmp_path: Path) -> None:
    heard: list[bytes] = []
    ran = run(tmp_path, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)", heard=heard)
    assert (ran.code, ran.out, ran.err) == (3, b"out\n", b"err\n")
    assert b"".join(heard) == b"out\n"


def test_the_environment_is_bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets of the operator's shell and proxies must not reach an engine."""
    monkeypatch.setenv("HIS_PASSWORD", "Geheim-2024")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    ran = run(tmp_path, "import os; print(sorted(os.environ), os.getcwd(), os.environ['HOME'])")
    text = ran.out.decode()
    assert "HIS_PASSWORD" not in text
    assert "PROXY" not in text.upper()
    assert text.count(str(tmp_path)) == 2


def test_at_the_deadline_the_whole_group_is_killed(tmp_path: Path) -> None:
    heard: list[bytes] = []
    begin = time.monotonic()
    with pytest.raises(TimedOut, match="样例"):
        run(tmp_path, SPAWN, 1.0, heard)
    assert time.monotonic() - begin < 20
    assert not is_running(heard)


def test_a_cancelled_run_leaves_nothing_behind(tmp_path: Path) -> None:
    heard: list[bytes] = []

    async def cancel_when_begun() -> None:
        begun = asyncio.Event()

        def hear(data: bytes) -> None:
            heard.append(data)
            begun.set()

        command = (sys.executable, "-I", "-c", SPAWN)
        task = asyncio.create_task(run_engine("样例", command, deadline_s=60, folder=tmp_path, hear=hear))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_when_begun())
    assert not is_running(heard)


def test_endless_output_is_cut(tmp_path: Path) -> None:
    with pytest.raises(ProtocolMismatch, match="输出过大"):
        run(tmp_path, "import sys\nwhile True: sys.stdout.write('x' * 1000000)", deadline_s=30)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProbeIncapable, match="样例 无法启动") as caught:
        asyncio.run(run_engine("样例", ("/nowhere/engine",), deadline_s=1, folder=tmp_path))
    assert "doctor" in caught.value.cure
