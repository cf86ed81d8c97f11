"""`status` with evidence that is damaged, returned, withdrawn: it says which, and prints all the rest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..builders import draw_picture
from .conftest import Call, Ran, Said
from .test_commands import add

LI, ZHANG = ("--by", "李四/某医院"), ("--by", "张三/某科技")


@pytest.fixture
def filed(call: Call, ran: Ran, tmp_path: Path) -> Path:
    """Return an engagement with three pieces of evidence for one item."""
    copy = Path(shutil.copytree(ran.folder, tmp_path / "copy"))
    for number, colour in enumerate(("white", "red", "blue")):
        picture = draw_picture(tmp_path / f"picture-{number}.png", colour)
        add(call, ran, copy, picture, "--redacted", item="1.a.4")
    return copy


@pytest.fixture
def status(call: Call, ran: Ran, filed: Path) -> Callable[..., Said]:
    return lambda *more: call("status", filed, "--content", ran.content, *more)


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def empty(path: Path) -> None:
    path.write_bytes(b"")


HARMS = [
    ("EV-0002.png", spoil, "EV-0002.png", "altered"),
    ("EV-0002.png", Path.unlink, "EV-0002.png", "inadmissible"),
    ("EV-0002.yaml", empty, "", "malformed"),
]


@pytest.mark.parametrize(
    ("name", "harm", "attachment", "state"), HARMS, ids=["altered", "gone", "unreadable"]
)
def test_the_damaged_file_is_named_and_all_else_is_printed(
    status: Callable[..., Said],
    filed: Path,
    name: str,
    harm: Callable[[Path], None],
    attachment: str,
    state: str,
) -> None:
    before = status()
    assert "佐证 3 份：计入判定 3\n" in before.out
    harm(filed / "evidence" / name)
    after = status()
    assert (after.code, after.err) == (4, "")
    assert "佐证损坏（1 处）" in after.out
    assert name in after.out.partition("佐证损坏")[2]
    assert "处理：" in after.out.partition("佐证损坏")[2]
    assert "计入判定 2" in after.out
    kept = [one for one in before.out.splitlines() if one and not one.startswith("佐证 ")]
    assert [one for one in kept if one not in after.out] == [], "findings, causes, counts, next steps"
    plain: dict[str, Any] = json.loads(status("--format", "json").out)
    (damaged,) = plain["damaged"]
    assert (damaged["file"], damaged["state"]) == (attachment, state)
    assert damaged["evidence"] == "EV-0002"
    assert (plain["evidence"]["filed"], plain["evidence"]["counting"], plain["evidence"][state]) == (3, 2, 1)
    assert status("--format", "json").code == status("--item", "1.a.4").code == 4
    assert name in status("--item", "1.a.4").out


def test_what_was_returned_and_withdrawn_is_counted_apart(
    call: Call, status: Callable[..., Said], filed: Path
) -> None:
    assert call("evidence", "return", filed, "EV-0001", *LI, "--why", "截图没有时间").code == 0
    assert call("evidence", "withdraw", filed, "EV-0003", *ZHANG, "--why", "取错了主机").code == 0
    assert "佐证 3 份：计入判定 1，已撤回 1，已退回 1\n" in status().out
    assert call("evidence", "answer", filed, "EV-0001", *ZHANG, "--why", "时间在右下角").code == 0
    assert "佐证 3 份：计入判定 1，已撤回 1，待复核 1\n" in status().out
    plain = json.loads(status("--format", "json").out)
    assert plain["evidence"] == {
        "filed": 3, "counting": 1, "withdrawn": 1, "unreviewed": 1, "returned": 0, "inadmissible": 0,
        "altered": 0, "malformed": 0,
    }  # fmt: skip
    assert plain["damaged"] == []


def test_a_stage_that_cannot_be_told_keeps_nothing_else_from_being_printed(
    status: Callable[..., Said], filed: Path
) -> None:
    (filed / "approvals").mkdir()
    (filed / "approvals" / "AP-0001.yaml").write_text("id: [")
    said = status()
    assert (said.code, said.err) == (4, "")
    assert "阶段：不能确定" in said.out
    assert "AP-0001.yaml" in "".join(said.out.split())
    assert "下一步：" in said.out
    assert status("--format", "json").code == 4


def test_nothing_is_said_of_evidence_where_none_was_filed(call: Call, ran: Ran) -> None:
    assert "佐证 0" not in call("status", ran.folder, "--content", ran.content).out
