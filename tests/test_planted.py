"""What lies in an engagement folder is data: nothing there is run, whichever door is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .runs import ROOT, environment


@pytest.mark.parametrize("command", [("pytest", "checks", "--engagement"), ("dengbao", "run")])
def test_a_conftest_in_an_engagement_folder_is_not_run(tmp_path: Path, command: tuple[str, ...]) -> None:
    planted = tmp_path / "planted"
    (tmp_path / "conftest.py").write_text(
        f"import pathlib\npathlib.Path({str(planted)!r}).touch()\n", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-m", *command, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
        env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
    )  # fmt: skip
    assert "找不到项目文件" in done.stdout + done.stderr
    assert not planted.exists()
