"""Every step that people take through the command line leaves its line in the log of custody."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from dengbao.cli import main
from dengbao.packet.custody import read_custody, told

from . import example


def call(*arguments: object) -> int:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return main([str(one) for one in arguments])


def test_run_evidence_and_report_are_noted(engagement: Path, tmp_path: Path) -> None:
    folder = example.copy_of(engagement, tmp_path / "copy")
    begun, ended = read_custody(folder / "custody.jsonl")
    assert (begun.act, begun.details["round"], begun.details["operator"]) == ("run_begun", "1", "李工")
    assert (ended.act, len(ended.details["facts_sha256"])) == ("run_ended", 64)
    picture = next((folder / "evidence").glob("*.png"))
    assert call(
        "evidence", "add", folder, picture, "--item", "10.a.2", "--asset", "system", "--kind", "截图",
        "--verdict", "符合", "--statement", "经核查，已制定制度。", "--by", "李工/测试科技",
    ) == 0  # fmt: skip
    added = max((folder / "evidence").glob("EV-*.yaml")).stem
    assert call("evidence", "review", folder, added, "--by", "王主任/测试医院") == 0
    call("report", folder)
    entries = read_custody(folder / "custody.jsonl")[2:]
    assert [one.act for one in entries] == ["evidence_added", "evidence_reviewed", "reported"]
    assert [one.details["id"] for one in entries[:2]] == [added, added]
    assert [one.by.name if one.by else "" for one in entries] == ["李工", "王主任", ""]
    assert "经核查" not in (folder / "custody.jsonl").read_text(encoding="utf-8"), "no words, only digests"


def test_a_broken_chain_stops_no_work_and_gets_no_line(tmp_path: Path) -> None:
    (tmp_path / "custody.jsonl").write_bytes(b'{"number":7}\n')
    told(tmp_path, "reported")
    assert (tmp_path / "custody.jsonl").read_bytes() == b'{"number":7}\n'
