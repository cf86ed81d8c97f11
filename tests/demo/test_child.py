"""The hospital's process starts, says so, and ends with whoever started it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from dengbao.demo.child import running
from dengbao.demo.measures import State
from dengbao.errors import UsageError

from .conftest import PASSWORD

_STARTS_AND_DIES = """
import os, sys, pathlib
from dengbao.demo.child import running
from dengbao.demo.measures import State
with running(pathlib.Path(sys.argv[1]), State.AFTER, sys.argv[2]) as found:
    print(found.process.pid, flush=True)
    os._exit(0)
"""


def test_block_ends_the_process_and_frees_the_port(tmp_path: Path) -> None:
    with running(tmp_path, State.AFTER, PASSWORD) as found:
        assert found.process.poll() is None
    assert found.process.returncode == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", found.port), timeout=5).close()


def test_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _STARTS_AND_DIES, str(tmp_path), PASSWORD]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    orphan = int(done.stdout)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(orphan).wait(timeout=20)
    assert not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == psutil.STATUS_ZOMBIE


def test_taken_port_is_told_in_chinese(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match="无法监听"), running(tmp_path, State.AFTER, PASSWORD, port=port):
            pass


def test_process_without_password_says_what_to_set(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dengbao.demo.hospital", "--folder", str(tmp_path), "--state", "after"]
    bare = {key: value for key, value in os.environ.items() if key != "DENGBAO_DEMO_PASSWORD"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=bare)
    assert done.returncode == 2
    assert "DENGBAO_DEMO_PASSWORD" in done.stderr
