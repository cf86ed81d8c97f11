# ruff: noqa: S608 - dumps are text here, no statement is run
"""`dengbao scan`: what it prints, and by which code it ends."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from dengbao.cli import main

ID = "11010519491231002X"


def test_findings_are_listed_masked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "his.sql").write_text(
        f"INSERT INTO t_p (xm, sfzh) VALUES ('张伟','{ID}');\n", encoding="utf-8"
    )
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(f"card={ID}\n".encode()))
    assert main(["scan", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "公民身份号码：2 个，不同的 1 个" in out
    assert "t_p.sfzh" in out
    assert "第1行 11***************X" in out
    assert ID not in out
    assert "张伟" not in out


def test_json_is_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "名单.csv").write_text(f"姓名,证件号\n张伟,{ID}\n", encoding="utf-8")
    (tmp_path / "old.rar").write_bytes(b"Rar!\x1a\x07\x00")
    assert main(["scan", str(tmp_path), "--format", "json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert {(one["kind"], one["column"], one["count"]) for one in told["findings"]} == {
        ("name", "姓名", 1),
        ("id_card", "证件号", 1),
    }
    assert [one["file"] for one in told["unread"]] == ["old.rar"]


def test_nothing_found_ends_with_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.log").write_text("ok a@b.example.cn\n", encoding="utf-8")
    assert main(["scan", str(tmp_path / "a.log")]) == 0
    (tmp_path / "b.log").write_text("ok\n", encoding="utf-8")
    assert main(["scan", str(tmp_path / "b.log")]) == 0
    assert "未发现明文个人信息与口令" in capsys.readouterr().out


def test_what_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(tmp_path / "none")]) == 2
    assert "没有文件或目录" in capsys.readouterr().err
