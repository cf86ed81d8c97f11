"""What a killed run left in the temporary folder goes with the next start, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dengbao.probes.web.leftovers import bearing, new_folder, sweep


@pytest.fixture(name="place")
def fixture_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def dead_pid() -> int:
    """Return the number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def of(folder: Path, pid: int) -> Path:
    """Return a folder as a process of that number would have made it."""
    other = folder.with_name(folder.name.replace(f"-{os.getpid()}-", f"-{pid}-") + "x")
    other.mkdir()
    return other


def test_only_folders_of_dead_processes_of_ours_are_removed(place: Path) -> None:
    mine, dead = new_folder(), dead_pid()
    left = of(mine, dead)
    (left / "Default").mkdir()
    (left / "Default" / "Cookies").write_bytes(b"x")
    kept = place / "kept"
    kept.mkdir()
    (kept / "file").write_bytes(b"x")
    link = left.with_name(f"{left.name}y")
    link.symlink_to(kept)
    strangers = [place / one for one in ("dengbao-chromium-", f"dengbao-chromium-{dead}", f"x-{left.name}")]
    elsewhere = place / f"dengbao-chromium-{dead}-1-abc"  # another container's
    for one in (*strangers, elsewhere):
        one.mkdir()
    sweep()
    assert not left.exists()
    assert {mine, link, kept, elsewhere, *strangers} == set(place.iterdir())
    assert (kept / "file").exists()


def test_a_folder_of_somebody_else_stays(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = of(new_folder(), dead_pid())
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    sweep()
    assert theirs.exists()


def test_a_folder_stays_while_a_process_bears_it(place: Path) -> None:
    left = of(new_folder(), dead_pid())
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", f"--dengbao={left}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        while not list(bearing(left)):  # its arguments show an instant after it was started
            assert process.poll() is None
        sweep()
        assert left.exists()
        process.communicate()
    sweep()
    assert not left.exists()
