"""The progress of a fetching and lists of text, on a terminal and in a log."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from rich.text import Text

from dengbao.cli.console import Watcher, console, paragraph, say, verbatim
from dengbao.prefetch import Progress

LONG = "经核查，[/etc/ssh]的" + "权限" * 40


def plain() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=100, highlight=False), out


def live(width: int = 40) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    shown = Console(
        file=out, width=width, highlight=False, force_terminal=True, color_system=None, _environ={}
    )
    return shown, out


def step(state: str, text: str = "", *, asset: str = "his") -> Progress:
    return Progress(asset, "web.pages", "查看页面", state, text)


def test_where_nobody_watches_each_step_is_a_line() -> None:
    target, out = plain()
    watcher = Watcher(target, 3)
    with watcher.shown():
        for one in (step("begun"), step("says", "第 1 页"), step("says", "第 2 页"), step("done")):
            watcher(one)
        watcher(step("kept", asset="lis"))
        watcher(step("done", "缺 1 类：[无]权限", asset="pacs"))
        watcher.finish("完")
    assert out.getvalue().splitlines() == [
        "    his 查看页面：第 1 页",
        "[1/3] + his 查看页面",
        "[2/3] = lis 查看页面：此前已采集，不再连接",
        "[3/3] ! pacs 查看页面：缺 1 类：[无]权限",
        "完",
    ]


def test_on_a_terminal_a_bar_shows_what_is_under_way_and_lines_only_what_is_lacking() -> None:
    target, out = live(width=80)
    watcher = Watcher(target, 3)
    with watcher.shown():
        assert out.getvalue() == ""  # a question for a password comes before the bar
        watcher(step("begun"))
        watcher(step("begun", asset="lis"))
        watcher._bar.refresh()
        assert "lis 查看页面（另有 1 项）" in out.getvalue()
        watcher(step("done", asset="lis"))
        watcher(step("says", "第 2 页"))
        watcher._bar.refresh()
        assert "his 查看页面：第 2 页" in out.getvalue()
        watcher(step("done", "缺 1 类：无权限"))
    assert "[2/3] ! his 查看页面：缺 1 类：无权限" in out.getvalue()
    watcher(step("says", "很长的说明" * 20))
    watcher._bar.refresh()
    assert re.search(r"采集 .{16} 2/3 0:00:0\d his 查看页面：很长的说明.*…", out.getvalue())
    assert "[1/3] + lis" not in out.getvalue()


def test_a_bar_is_taken_away_when_the_run_breaks() -> None:
    target, _ = live()
    watcher = Watcher(target, 3)

    def break_down() -> None:
        with watcher.shown():
            watcher(step("begun"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_down()
    assert not watcher._bar.live.is_started


def test_text_is_folded_behind_its_lead_on_a_terminal_and_whole_in_a_log() -> None:
    target, out = live()
    paragraph(target, Text("  门 "), LONG, indent=4)
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("  门 经核查，[/etc/ssh]的权限")
    assert all(one.startswith(("    权", "    限")) for one in lines[1:])
    assert "".join(line.strip() for line in lines).removeprefix("门 ") == LONG

    target, out = plain()
    paragraph(target, Text("  门 "), LONG)
    assert out.getvalue() == f"  门 {LONG}\n"


def test_brackets_in_text_are_no_markup_and_commands_stay_on_their_line() -> None:
    target, out = live()
    say(target, "主机 [fd00::1]:22 与 [/x] 与 [bold]", style="bold")
    verbatim(target, "dengbao run " + "x" * 60)
    assert "[fd00::1]:22" in out.getvalue()
    assert "[bold]" in out.getvalue()
    assert "dengbao run " + "x" * 60 in out.getvalue()


@pytest.mark.parametrize(("columns", "width"), [("", 100), ("60", 100), ("240", 240), ("wide", 100)])
def test_the_width_of_a_log_is_at_least_a_hundred_columns(
    monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert console().width == width
