"""Whatever is typed wrongly is refused in Chinese, with exit code 2 and a next step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import Call, Ran

ENGLISH = re.compile(
    r"\b(is|not|does|Invalid|Error|Missing|option|argument|requires|No such|file|directory)\b"
)
ADD = ["evidence", "add", "{folder}", "{picture}", "--item", "1.a.1", "--asset", "his-bak", "--kind", "截图",
       "--verdict", "符合", "--statement", "经核查。", "--by", "张三/某科技"]  # fmt: skip


def without(option: str) -> list[str]:
    place = ADD.index(option)
    return [*ADD[:place], *ADD[place + 2 :]]


def replaced(option: str, value: str) -> list[str]:
    return [*without(option), option, value]


CASES = [
    (["nope"], "没有命令“nope”。可用：demo、init"),
    (["stauts"], "没有命令“stauts”。是否要用 status？"),
    (["evidence", "ad"], "没有命令“ad”。是否要用 add？"),
    (["--bogus"], "没有选项 --bogus"),
    (["run", "{folder}", "--itme", "1"], "没有选项 --itme，是否要用 --item？"),
    (["run"], "缺少参数“目录”"),
    (["run", "{folder}", "more"], "多余的参数：more"),
    (["run", "{folder}", "--item"], "选项 --item 后面缺少值"),
    (["run", "--new-round=3", "{folder}"], "选项 --new-round 不带值"),
    (["run", "{file}"], "参数“目录” “{file}”是文件，应为目录"),
    (["run", ""], "参数“目录” 不是有效的路径"),
    (["compare", "{folder}", "--from", "1"], "缺少选项 --to（轮次）"),
    (["compare", "{folder}", "--from", "0", "--to", "1"], "选项 --from（轮次） “0”不是从 1 起的整数"),
    (["status", "{folder}", "--round", "一"], "“一”不是从 1 起的整数"),
    (["status", "{folder}", "--format", "xml"], "选项 --format（格式） 没有“xml”，可选：table、json"),
    (["status", "{folder}", "--content", "{folder}/none"], "没有目录“{folder}/none”"),
    (["report", "{folder}", "--out", "{folder}"], "“{folder}”是目录，应为文件"),
    (["suite", "show"], "缺少参数“名称”"),
    (["suite", "show", "annex2"], "没有测评依据“annex2”"),
    (["suite", "show", "annex3-2023", "1.z"], "没有测评项“1.z”"),
    (["check", "show", "identity.empty"], "没有检查“identity.empty”"),
    (["plan", "{folder}", "--item", "9.z", "--content", "{content}"], "没有与 9.z 相符的测评项"),
    (["status", "{folder}", "--item", "9.z", "--content", "{content}"], "没有与 9.z 相符的测评项"),
    (["status", "{folder}", "--round", "7", "--content", "{content}"], "没有第 7 轮"),
    (["status", "{folder}", "--content", "{folder}"], "找不到 suites、checks、templates 三个目录"),
    (["run", "{folder}/none"], "找不到项目文件"),
    (["evidence", "list", "{folder}/none"], "找不到项目文件"),
    (["evidence", "review", "{folder}/none", "EV-0001", "--by", "李四/某院"], "找不到项目文件"),
    (without("--item"), "缺少选项 --item（项）"),
    (without("--kind"), "缺少选项 --kind（种类）"),
    (replaced("--kind", "图"), "没有“图”，可选：截图、现场照片"),
    (replaced("--verdict", "好"), "没有“好”，可选：符合、部分符合"),
    (replaced("--by", "张三"), "“张三”缺少姓名或单位，写成 张三/某某科技"),
    (replaced("--by", "/某科技"), "缺少姓名或单位"),
    ([*ADD, "--collected-at", "昨天"], "“昨天”不是日期，写成 2026-03-01 或 2026-03-01T09:30"),
    ([*ADD, "--expires", "2026-13-01"], "“2026-13-01”不是日期，写成 2027-03-01"),
    ([*ADD[:3], "{folder}/none.png", *ADD[4:]], "没有文件“{folder}/none.png”"),
    ([*ADD[:3], "{folder}", *ADD[4:]], "“{folder}”是目录，应为文件"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), CASES, ids=[" ".join(one).replace("/", "-") for one, _ in CASES]
)
def test_what_is_typed_wrongly_is_refused_in_chinese_with_a_next_step(
    call: Call, ran: Ran, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "picture.png").touch()
    words = {
        "folder": ran.folder,
        "content": ran.content,
        "file": __file__,
        "picture": tmp_path / "picture.png",
    }
    said = call(*(one.format(**words) for one in arguments))
    assert said.code == 2, said
    assert said.out == ""
    assert said.err.startswith("错误：")
    assert message.format(**words) in said.err
    assert "\n  处理：" in said.err
    plain = said.err
    for one in words.values():
        plain = plain.replace(str(one), "")
    assert not ENGLISH.search(plain), said.err


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["run", "x", "--item"], "dengbao run"),
        (["evidence", "add", "--by"], "dengbao evidence add"),
        (["--x"], "dengbao"),
    ],
)
def test_the_next_step_names_the_command_that_was_meant(
    call: Call, arguments: list[str], command: str
) -> None:
    assert f"处理：用 {command} --help 查看用法与例子" in call(*arguments).err
