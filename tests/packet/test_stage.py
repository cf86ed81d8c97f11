"""How far an engagement has come, and what takes it back."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from dengbao.catalog import load_engagement
from dengbao.cli import main
from dengbao.errors import UsageError
from dengbao.facts import canonical
from dengbao.model import Person
from dengbao.model.approvals import PartyRole
from dengbao.model.recheck import Decision, Recheck, RecheckResult
from dengbao.packet.approvals import Said, approve
from dengbao.packet.current import Current, newest_packet
from dengbao.packet.returned import FOLDER, feedback_of, file_recheck
from dengbao.packet.seal import Sealed
from dengbao.packet.stage import Stage, progress_of
from dengbao.report.wording import beijing

from . import example

ZHAO = Person(name="赵工", org="某市医疗保障局")
ON = beijing(example.SEALED_AT).date()


def result_of(packet: str) -> bytes:
    """Return what the end of a re-check writes, as far as it is read here."""
    plan = Recheck(
        schema=1, packet=packet, content_sha256="", report_number="", institution="", system="", round=1,
        by=ZHAO, begun_at=datetime.now(UTC), seed="00", sample=1, drawn=(),
    )  # fmt: skip
    result = RecheckResult(
        schema=1, recheck=plan, ended_at=datetime.now(UTC), counts={}, seen=(), remarks=(),
        engagement_changes=(), opinion="",
    )  # fmt: skip
    return canonical(result)


@pytest.fixture
def folder(engagement: Path, tmp_path: Path) -> Path:
    Image.new("RGB", (60, 40), (200, 30, 30)).save(tmp_path / "scan.png")
    return example.copy_of(engagement, tmp_path / "hospital")


def put_packet(folder: Path, sealed: Sealed) -> Current:
    (folder / "out").mkdir(exist_ok=True)
    shutil.copyfile(sealed.path, folder / "out" / "packet.zip")
    found = newest_packet(folder)
    assert found is not None
    return found


def stage(folder: Path) -> Stage:
    return progress_of(folder, load_engagement(folder)).stage


def stamp(folder: Path, current: Current) -> None:
    engagement = load_engagement(folder)
    for number, party in enumerate(PartyRole):
        by = Person(name=f"签署人{number}", org=party.name_in(engagement))
        approve(folder, engagement, current, Said(party, by, ON, folder.parent / "scan.png"))


def next_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what `status` proposes last."""
    capsys.readouterr()
    main(["status", str(folder)])
    return capsys.readouterr().out.strip().splitlines()[-1]


def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the stage that `status` tells programs."""
    capsys.readouterr()
    main(["status", str(folder), "--format", "json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["stage"]
    return found


def test_stages_follow_one_another(
    folder: Path, sealed: Sealed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stage(folder) is Stage.DRAFT
    assert "dengbao seal" in next_of(folder, capsys)
    assert told(folder, capsys) == {
        "name": "draft", "packet": None, "changed": [], "rechecks": 0, "approvals": [], "stamped": [],
        "feedback": None, "locked": False,
    }  # fmt: skip
    current = put_packet(folder, sealed)
    assert stage(folder) is Stage.SEALED
    assert "dengbao recheck file" in next_of(folder, capsys)
    (tmp_path / "result.json").write_bytes(result_of(current.packet))
    assert main(["recheck", "file", str(folder), str(tmp_path / "result.json")]) == 0
    assert stage(folder) is Stage.RECHECKED
    assert "尚缺属地医保局、" in next_of(folder, capsys)
    stamp(folder, current)
    assert stage(folder) is Stage.STAMPED
    assert "dengbao recheck feedback" in next_of(folder, capsys)
    scan = tmp_path / "scan.png"
    words = [
        "--decision",
        "同意接入",
        "--by",
        "赵工/某市医疗保障局",
        "--on",
        ON.isoformat(),
        "--scan",
        str(scan),
    ]
    assert main(["recheck", "feedback", str(folder), *words]) == 0
    filed = feedback_of(folder, current)
    assert filed is not None
    assert filed.decision is Decision.AGREED
    assert stage(folder) is Stage.FED_BACK
    main(["status", str(folder)])
    assert "阶段：已反馈" in capsys.readouterr().out
    plain = told(folder, capsys)
    assert (plain["name"], plain["rechecks"], len(plain["stamped"])) == ("fed_back", 1, 4)
    assert plain["packet"]["digest"] == sealed.packet
    assert plain["locked"]
    assert plain["feedback"] == {
        "decision": filed.decision.value, "by": "赵工/某市医疗保障局", "on": ON.isoformat(),
    }  # fmt: skip
    assert next((one["id"], one["counts"]) for one in plain["approvals"]) == ("AP-0001", True)
    example.spoil(folder / FOLDER / "FB-0002.png")
    assert stage(folder) is Stage.STAMPED
    with (folder / "engagement.yaml").open("a") as file:
        file.write("# later\n")
    plain = told(folder, capsys)
    assert (plain["name"], plain["changed"]) == ("draft", ["engagement.yaml 在封存之后被改动"])
    assert not plain["locked"]
    assert plain["approvals"][0]["faults"]
    assert "重新封存" in next_of(folder, capsys)
    example.spoil(next((folder / "evidence").glob("*.png")))
    assert stage(folder) is Stage.DRAFT


def test_a_stage_that_cannot_be_told_has_no_name(
    folder: Path, sealed: Sealed, capsys: pytest.CaptureFixture[str]
) -> None:
    put_packet(folder, sealed)
    (folder / "approvals").mkdir()
    (folder / "approvals" / "AP-0001.yaml").write_text("id: [")
    plain = told(folder, capsys)
    assert plain["name"] is None
    assert "AP-0001.yaml" in plain["error"]


def test_a_stage_is_not_reached_past_one_left_out(folder: Path, sealed: Sealed) -> None:
    current = put_packet(folder, sealed)
    stamp(folder, current)
    found = progress_of(folder, load_engagement(folder))
    assert (found.stage, len(found.stamped)) == (Stage.SEALED, 4)


def test_a_result_about_another_packet_is_refused(folder: Path, sealed: Sealed, tmp_path: Path) -> None:
    current = put_packet(folder, sealed)
    (tmp_path / "result.json").write_bytes(result_of("0" * 64))
    with pytest.raises(UsageError, match="另一封存包"):
        file_recheck(folder, current, tmp_path / "result.json")
    (tmp_path / "result.json").write_bytes(result_of(current.packet))
    file_recheck(folder, current, tmp_path / "result.json")
    path = folder / FOLDER / "RC-0001.json"
    altered = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({**altered, "opinion": "好"}))
    assert stage(folder) is Stage.SEALED, "altered after it was filed"
