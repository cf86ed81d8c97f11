"""Chinese text is folded to the terminal's columns: nothing lost, nothing wider, no mark at a line's head."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dengbao.cli.wrapping import fold, pad, shorten

LETTERS = st.text(alphabet="经核查口令长度（不少于）8 位，“是”。abcDEF/etc.-_ 、；：", max_size=120)


@given(text=LETTERS, width=st.integers(20, 60), indent=st.integers(0, 8))
def test_nothing_is_lost_and_no_line_is_wider(text: str, width: int, indent: int) -> None:
    lines = fold(text, width, first="甲 ", indent=" " * indent)
    assert "".join("".join(lines).split()) == "".join(f"甲 {text}".split())
    # A closing mark stays with what it closes, and may stand out by its own width.
    assert all(cell_len(line) <= width + 8 for line in lines)
    assert all(line.startswith(" " * indent) for line in lines[1:] if line)


def test_chinese_breaks_anywhere_but_before_closing_and_after_opening_marks() -> None:
    lines = fold("经核查，口令最小长度为八位（要求不少于八位）；符合。", 20)
    assert lines == ["经核查，口令最小长度", "为八位（要求不少于八", "位）；符合。"]
    assert fold("甲乙丙丁（戊己）", 10) == ["甲乙丙丁", "（戊己）"]
    assert fold("甲乙丙丁戊，己", 10) == ["甲乙丙丁", "戊，己"]


def test_words_and_paths_stay_whole_where_they_fit() -> None:
    assert fold("见 /etc/ssh/sshd_config 第 3 行", 24, indent="  ") == [
        "见 /etc/ssh/sshd_config",
        "  第 3 行",
    ]


def test_a_word_wider_than_a_line_is_cut() -> None:
    lines = fold("x" * 45, 20, indent="  ")
    assert [len(line) for line in lines] == [18, 20, 11]
    assert "".join(line.strip() for line in lines) == "x" * 45


def test_lines_of_the_text_stay_lines() -> None:
    assert fold("一\n\n二", 20, first="- ", indent="  ") == ["- 一", "", "  二"]
    assert fold("", 20, first="- ") == ["-"]


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("短", 10, "短"),
        ("一二三四五六", 8, "一二三…"),
        ("一二三 四五六", 8, "一二三…"),
        ("two\nlines", 20, "two lines"),
        ("abcdef", 1, "…"),
    ],
)
def test_a_text_is_shortened_to_one_line(text: str, width: int, shown: str) -> None:
    assert shorten(text, width) == shown
    assert cell_len(shorten(text, width)) <= width


def test_padding_counts_columns() -> None:
    assert pad("符合", 6) == "符合  "
    assert pad("无法判定", 4) == "无法判定"
