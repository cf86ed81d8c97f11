"""The engagement and the evidence of the demo are complete and read as they were meant."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
import yaml
from PIL import Image

from dengbao import evidence as evidence_room
from dengbao.catalog import load_engagement, load_suite, with_paths
from dengbao.demo import engagement, evidence, pictures
from dengbao.demo.engagement import hospital_of
from dengbao.demo.seed import Places
from dengbao.errors import UsageError
from dengbao.model import BackupAsset, DatabaseAsset, Evidence, Kind, Level, Verdict, WebAsset

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "engagement.yaml").write_text("real", encoding="utf-8")
    with pytest.raises(UsageError, match="非空"):
        engagement.prepare(tmp_path)
    assert (tmp_path / "engagement.yaml").read_text(encoding="utf-8") == "real"


def test_folder_of_an_earlier_demo_is_cleared(tmp_path: Path) -> None:
    engagement.prepare(tmp_path / "demo")
    (tmp_path / "demo" / "runs" / "round-1").mkdir(parents=True)
    engagement.prepare(tmp_path / "demo")
    assert [one.name for one in (tmp_path / "demo").iterdir()] == [engagement.MARK]


def test_engagement_holds_no_secret_and_only_loopback_addresses(tmp_path: Path) -> None:
    text = engagement.write(tmp_path, port=18443, now=NOW).read_text(encoding="utf-8")
    assert "${ENV:DENGBAO_DEMO_PASSWORD}" in text
    assert "{{" not in text
    assert {one.split(".")[0] for one in re.findall(r"\d+\.\d+\.\d+\.\d+", text)} == {"127"}


def test_every_evidence_record_names_its_file_by_digest(tmp_path: Path) -> None:
    written = (*evidence.write(tmp_path, NOW), *evidence.write(tmp_path, NOW, evidence.MENDED))
    assert [one.id for one in written] == [f"EV-{number:04d}" for number in range(1, len(written) + 1)]
    for one in written:
        plain = yaml.safe_load((tmp_path / f"{one.id}.yaml").read_text(encoding="utf-8"))
        assert msgspec.convert(plain, Evidence) == one
        data = (tmp_path / one.files[0].name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == one.files[0].sha256
        assert one.collected_at < NOW
        assert one.reviewed is not None
        assert one.reviewed.by != one.collected_by
    assert {one.verdict for one in written} == {Verdict.CONFORM, Verdict.NONCONFORM}


def test_every_evidence_record_is_admitted(tmp_path: Path) -> None:
    now = datetime.now().astimezone()
    engagement.write(tmp_path, port=18443, now=now)
    assert engagement.add_mended_evidence(tmp_path, now=now) == len(evidence.MENDED)
    suite = load_suite(Path(__file__).parents[2] / "suites" / "annex3-2023")
    assert evidence_room.check(tmp_path, suite, load_engagement(tmp_path), now.date()) == []


@pytest.mark.parametrize("lines", [(), ("一", "二", "三")])
def test_picture_is_a_png_that_grows_with_its_lines(lines: tuple[str, ...]) -> None:
    with Image.open(BytesIO(pictures.draw("标题", lines, plain=("title", *lines)))) as picture:
        assert picture.format == "PNG"
        assert picture.height == 44 * (len(lines) + 3)


def test_engagement_is_complete_and_its_paths_lie_in_the_folder(tmp_path: Path) -> None:
    engagement.write(tmp_path, port=18443, now=NOW)
    found = with_paths(load_engagement(tmp_path), tmp_path)
    assert [one.kind for one in found.assets] == [
        Kind.WEB, Kind.DATABASE, Kind.HOST, Kind.BACKUP, Kind.SYSTEM,
    ]  # fmt: skip
    web, database, backup = found.asset("his-web"), found.asset("his-db"), found.asset("backup")
    assert isinstance(web, WebAsset)
    assert isinstance(database, DatabaseAsset)
    assert isinstance(backup, BackupAsset)
    assert web.find_account(web.login.account if web.login else "") is not None
    places = Places(hospital_of(tmp_path.resolve()))
    assert (web.ca_file, database.path, backup.path) == (
        str(places.certificates / "ca.pem"), str(places.database), str(places.backups),
    )  # fmt: skip


def test_scope_is_what_the_demo_needs_and_no_more(tmp_path: Path) -> None:
    engagement.write(tmp_path, port=18443, now=NOW)
    scope = load_engagement(tmp_path).scope
    assert (scope.level, scope.local) == (Level.DISRUPT, True)
    assert scope.addresses == ("127.0.0.1/32",)
    assert scope.production == ("127.0.0.66:443",)
    assert scope.window is not None
    assert scope.window.begin < NOW < scope.window.end
