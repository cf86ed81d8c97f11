"""In a real terminal, in a pipe, in an old locale, without rights: what people meet at their desks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from dengbao.rounds import load_round

from ..runs import dengbao, environment
from ..servers.counting import counting_server
from ..small_content import write_content, write_engagement
from ..terminal import in_terminal
from .conftest import Ran

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]")


def process(*arguments: object, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dengbao", *map(str, arguments)],
        env=environment(), stdout=stdout, stderr=subprocess.PIPE,
    )  # fmt: skip


# ---- eighty columns ------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["status", "doctor", "plan"])
def test_eighty_columns_are_enough(ran: Ran, terminal_environment: dict[str, str], command: str) -> None:
    shown = in_terminal(command, ran.folder, "--content", ran.content, env=terminal_environment)
    assert shown.code in (0, 2, 3)
    wide = [line for line in shown.lines if cell_len(line) > 80 and str(ran.folder) not in line]
    assert wide == []
    assert COLOUR.search(shown.raw) or command == "plan"


def test_a_run_shows_a_bar_and_asks_for_a_password_before_it(
    ran: Ran, terminal_environment: dict[str, str], tmp_path: Path
) -> None:
    with counting_server() as server:
        folder = write_engagement(tmp_path / "hospital", server.url)
        path = folder / "engagement.yaml"
        path.write_text(
            path.read_text(encoding="utf-8").replace('"${ENV:RUNS_PASSWORD}"', '"prompt:"'), encoding="utf-8"
        )
        shown = in_terminal("run", folder, env=terminal_environment)
    # No probe of the small content logs in, so nobody is asked; the shipped suite is not named here.
    assert shown.code == 2

    session = write_content(tmp_path / "content", {"good": "return say(True)"})
    page = session / "checks" / "demo" / "page.py"
    page.write_text(page.read_text(encoding="utf-8").replace("WebPages", "WebSession"), encoding="utf-8")
    asked: list[str] = []

    def answer(so_far: str) -> str:
        if "请输入 his/tester 的口令：" in so_far and not asked:
            asked.append(so_far)
            return "Only-for-tests-9\n"
        return ""

    with counting_server() as server:
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"http://127\.0\.0\.1:\d+", server.url, text), encoding="utf-8")
        shown = in_terminal("run", folder, "--content", session, env=terminal_environment, answer=answer)
    assert shown.code == 3
    assert len(asked) == 1
    assert "采集" not in asked[0]
    assert "Only-for-tests-9" not in shown.raw
    assert re.search(r"采集 .*0/2", shown.text)
    assert load_round(folder).records()["2.a.1@his/demo.page"].verdict is not None


def test_a_dumb_terminal_gets_no_control_sequences(ran: Ran, terminal_environment: dict[str, str]) -> None:
    env = {**terminal_environment, "TERM": "dumb"}
    shown = in_terminal("status", ran.folder, "--content", ran.content, env=env)
    assert shown.code == 3
    assert "\x1b" not in shown.raw


def test_no_colour_where_none_is_wanted(ran: Ran, terminal_environment: dict[str, str]) -> None:
    env = {**terminal_environment, "NO_COLOR": "1"}
    shown = in_terminal("status", ran.folder, "--content", ran.content, env=env)
    assert not COLOUR.search(shown.raw)


def test_an_old_locale_does_not_end_in_an_encoding_error(ran: Ran) -> None:
    for locale in ("C", "zh_CN.GBK"):
        env = environment(LC_ALL=locale, PYTHONUTF8="0", PYTHONIOENCODING="")
        done = dengbao("status", ran.folder, "--content", ran.content, env=env)
        assert done.returncode == 3
        assert "测试医院 第 1 轮" in done.stdout
        assert done.stderr == ""


# ---- pipes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("suite", "show", "annex3-2023"),
        ("suite", "show", "annex3-2023", "--format", "json"),
        ("--help",),
    ],
    ids=" ".join,
)
def test_a_reader_who_has_seen_enough_causes_no_complaint_and_no_zero(arguments: tuple[str, ...]) -> None:
    """With `set -o pipefail`, 0 would say that all is 符合."""
    reading, writing = os.pipe()
    os.close(reading)
    writer = process(*arguments, stdout=writing)
    os.close(writing)
    _, err = writer.communicate(timeout=60)
    assert err == b""
    assert writer.returncode == 141


def test_head_gets_its_line() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m dengbao suite show annex3-2023 | head -1"],
        env=environment(), capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.count("\n") == 1
    assert "定点医药机构" in done.stdout
    assert done.stderr == ""


# ---- interruption --------------------------------------------------------------------------------


def test_ctrl_c_says_that_nothing_is_lost_and_the_next_run_goes_on(ran: Ran, tmp_path: Path) -> None:
    with counting_server(delay_s=0.3) as slow:
        folder = write_engagement(tmp_path / "hospital", slow.url)
        first = process("run", folder, "--content", ran.content)
        ends = time.monotonic() + 30
        backup = folder / "runs" / "round-1" / "facts" / "his-bak" / "backup.folder.json"
        while not (slow.requests and backup.exists()) and time.monotonic() < ends:
            time.sleep(0.01)
        first.send_signal(signal.SIGINT)
        _, err = first.communicate(timeout=60)
        assert first.returncode == 130
        assert "已中断" in err.decode()
        assert "Traceback" not in err.decode()
        before = backup.stat().st_mtime_ns

        again = dengbao("run", folder, "--content", ran.content)
    assert again.returncode == 3
    assert "此前已采集，不再连接" in again.stderr
    assert backup.stat().st_mtime_ns == before
    assert load_round(folder).number == 1
    assert len(load_round(folder).records()) == 10


# ---- without rights ------------------------------------------------------------------------------


# Root reads and writes everything by two capabilities; without them the owner's own bits bind it too.
POWERLESS = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
if os.geteuid() == 0:
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        if libc.prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
            raise OSError(ctypes.get_errno(), "cannot drop capabilities")
os.execv(sys.executable, [sys.executable, "-m", "dengbao", *sys.argv[1:]])
"""


def powerless(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line as somebody whom permissions bind, even if we are root."""
    return subprocess.run(
        [sys.executable, "-c", POWERLESS, *map(str, arguments)],
        env=environment(), capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """Return an engagement whose `runs` and `evidence` may not be entered."""
    folder = write_engagement(tmp_path / "hospital")
    rooms = (folder / "runs", folder / "evidence")
    for one in rooms:
        one.mkdir()
        one.chmod(0)
    yield folder
    for one in (folder, *rooms):
        one.chmod(0o755)


@pytest.mark.parametrize("command", [["run"], ["status"], ["evidence", "list"]])
def test_a_folder_that_may_not_be_read_is_told_plainly(ran: Ran, closed: Path, command: list[str]) -> None:
    more = [] if command == ["evidence", "list"] else ["--content", str(ran.content)]
    done = powerless(*command, closed, *more)
    assert done.returncode in (2, 4), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("错误：")
    assert "没有权限" in done.stderr or "Permission denied" in done.stderr


def test_an_engagement_that_may_not_be_read_is_told_plainly(ran: Ran, closed: Path) -> None:
    (closed / "engagement.yaml").chmod(0)
    done = powerless("status", closed, "--content", ran.content)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(closed / "engagement.yaml") in done.stderr


def test_a_folder_that_may_not_be_written_gets_no_starter(closed: Path) -> None:
    closed.chmod(0o555)
    done = powerless("init", closed / "new")
    assert done.returncode == 2
    assert "没有权限" in done.stderr
    assert not (closed / "new").exists()
