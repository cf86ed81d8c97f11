"""`dengbao forms`: what it writes, what it lists, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.example import ROOT

from .conftest import Call

MET = "{met: true, evidence: [EV-0001]}"
TEMPLATE = (ROOT / "templates" / "engagement" / "engagement.yaml").read_text(encoding="utf-8")
BLANK = "{met: null, evidence: []}"


def engagement(folder: Path, *four: str) -> Path:
    text = TEMPLATE
    assert text.count(BLANK) == 4
    for one in four:
        text = text.replace(BLANK, one, 1)
    (folder / "evidence").mkdir()
    (folder / "evidence" / "EV-0001.yaml").write_text("id: EV-0001\n", encoding="utf-8")
    (folder / "engagement.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("four", "code", "said"),
    [
        ((MET,) * 4, 0, "四项接入条件均满足"),
        ((MET, "{met: false}", MET, MET), 1, "第 2 项不满足"),
        ((MET, "{met: false}", MET, BLANK), 3, "第 4 项未确认"),
        ((MET, MET, "{met: true, evidence: [EV-0009]}", MET), 3, "找不到佐证 EV-0009"),
    ],
)
def test_the_exit_code_tells_whether_the_conditions_are_met(
    call: Call, tmp_path: Path, four: tuple[str, ...], code: int, said: str
) -> None:
    folder = engagement(tmp_path, *four)
    done = call("forms", str(folder), "--form", "附件二")
    assert done.code == code
    assert said in done.out
    assert ("有一项不满足不予批准" in done.out) is (code != 0)
    assert [one.name for one in (folder / "out").iterdir()] == ["附件二-申报表.docx"]


def test_all_forms_of_the_edition_are_written_and_papers_listed(call: Call, tmp_path: Path) -> None:
    folder = engagement(tmp_path)
    done = call("forms", str(folder), "--out", str(tmp_path / "报送"))
    assert done.code == 3
    assert sorted(one.name[:3] for one in (tmp_path / "报送").iterdir()) == [
        "附件一",
        "附件二",
        "附件五",
        "附件四",
    ]
    assert done.out.count("[未附]") == 5
    assert "两项均不勾选" in done.out


def test_forms_without_conditions_end_well(call: Call, tmp_path: Path) -> None:
    folder = engagement(tmp_path)
    assert call("forms", str(folder), "--form", "附件一").code == 0
    done = call("forms", str(folder), "--form", "唐山")
    assert done.code == 0
    assert "申报材料" not in done.out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("edition: ningxia-2023", "edition: ningxia", "不认识的表单版本"),
        (BLANK, "{met: true, evidence: [证书]}", "不是佐证编号"),
        ("forms:\n", "forms:\n  materials: {topology: {file: ../图.pdf}}\n", "应在项目目录之内"),
        ("forms:\n", "forms:\n  materials: {topology: {file: 'C:\\图.pdf'}}\n", "应在项目目录之内"),
        ("forms:\n", "forms:\n  materials: {certificate: {level: 6}}\n", "等级应为 1 至 5"),
        ("forms:\n", "forms:\n  agreements: [{provider: ' '}]\n", "provider 不能为空"),
    ],
)
def test_wrong_entries_are_told_with_their_line(
    call: Call, tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in TEMPLATE
    (tmp_path / "engagement.yaml").write_text(TEMPLATE.replace(old, new, 1), encoding="utf-8")
    done = call("forms", str(tmp_path))
    assert done.code == 2
    assert said in done.err
    assert "engagement.yaml:" in done.err
    assert not (tmp_path / "out").exists()
