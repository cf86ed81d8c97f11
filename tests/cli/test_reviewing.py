"""The review of evidence by command does as the page does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dengbao.evidence.remarks import load_remarks

from ..builders import draw_picture
from .conftest import Call, Ran
from .test_commands import add

ZHANG, LI = ("--by", "张三/某科技"), ("--by", "李四/某医院")


@pytest.fixture
def copy(ran: Ran, tmp_path: Path) -> Path:
    """Return a copy of the engagement that a test may change."""
    return Path(shutil.copytree(ran.folder, tmp_path / "copy"))


@pytest.fixture
def filed(call: Call, ran: Ran, copy: Path, tmp_path: Path) -> Path:
    add(call, ran, copy, draw_picture(tmp_path / "截图.png"), "--redacted")
    return copy


def test_returned_answered_accepted_and_withdrawn(call: Call, ran: Ran, filed: Path) -> None:
    def checked() -> tuple[int, str]:
        said = call("evidence", "check", filed, "--content", ran.content)
        return said.code, said.out.splitlines()[-1]

    assert checked() == (0, "采信 1 份，没有问题")
    said = call("evidence", "return", filed, "EV-0001", *LI, "--why", "截图没有时间")
    assert said.out.startswith("退回 EV-0001：李四（某医院）\n待答复：dengbao evidence answer")
    assert "张三 2" in call("evidence", "list", filed).out
    assert "，已退回" in call("evidence", "list", filed).out
    assert checked() == (4, "采信 0 份，有问题 1 处")
    said = call("evidence", "answer", filed, "EV-0001", *ZHANG, "--why", "时间在右下角")
    assert "待复核：dengbao evidence accept" in said.out
    assert checked() == (4, "采信 0 份，有问题 1 处")
    assert call("evidence", "accept", filed, "EV-0001", *LI).out == "复核通过 EV-0001：李四（某医院）\n"
    assert "，李四复核" in call("evidence", "list", filed).out
    assert checked() == (0, "采信 1 份，没有问题")
    assert call("evidence", "remark", filed, "EV-0001", *LI, "--text", "一期[系统]").code == 0
    told = call("evidence", "remark", filed, "EV-0001").out
    assert all(
        one in told for one in ("退回  截图没有时间", "答复  时间在右下角", "备注  一期[系统]", "共 4 条")
    )
    assert call("evidence", "withdraw", filed, "EV-0001", *ZHANG, "--why", "取错了主机").code == 0
    assert "，已撤回" in call("evidence", "list", filed).out
    assert checked() == (0, "采信 0 份，没有问题")
    assert [one.sort.value for one in load_remarks(filed)] == [
        "return", "answer", "accept", "note", "withdraw",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("accept", *ZHANG), "复核人与采集人是同一人"),
        (("return", *ZHANG, "--why", "截图没有时间"), "不能由本人退回"),
        (("return", *LI, "--why", "不"), "退回须写明理由"),
        (("answer", *ZHANG, "--why", "时间在右下角"), "没有被退回"),
        (("remark", "--text", "没有署名"), "写备注须说明是谁"),
    ],
)
def test_what_may_not_be_said_is_refused(call: Call, filed: Path, words: tuple[str, ...], told: str) -> None:
    said = call("evidence", words[0], filed, "EV-0001", *words[1:])
    assert said.code in (2, 4)
    assert told in said.err.replace("\n", "")
    assert load_remarks(filed) == ()


def test_a_program_is_overruled_only_by_whoever_says_so(
    call: Call, ran: Ran, copy: Path, tmp_path: Path
) -> None:
    picture = draw_picture(tmp_path / "截图.png")
    add(call, ran, copy, picture, "--redacted", "--override", "另有等效措施")
    refused = call("evidence", "accept", copy, "EV-0001", *LI)
    assert refused.code == 4
    assert "张三提出、李四同意" in refused.err.replace("\n", "").replace(" ", "")
    assert call("evidence", "accept", copy, "EV-0001", *LI, "--overrules").code == 0
