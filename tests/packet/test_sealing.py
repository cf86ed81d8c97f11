"""Sealing a folder: the same again gives the same bytes, and nothing handed out is lost."""

from __future__ import annotations

import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from dengbao.errors import UsageError
from dengbao.model import CustodyEntry
from dengbao.packet.custody import note, read_custody
from dengbao.packet.dsse import SigningKey
from dengbao.packet.faults import Waiver
from dengbao.packet.remembered import beside, candidates, recall
from dengbao.packet.sealing import Done, seal_folder
from dengbao.packet.verify import verify_packet
from dengbao.rounds import load_round
from dengbao.session import open_session

from . import example

LATER = example.SEALED_AT + timedelta(hours=3)


@pytest.fixture
def folder(engagement: Path, tmp_path: Path) -> Path:
    copy = example.copy_of(engagement, tmp_path / "copy")
    note(copy, "evidence_reviewed", example.WANG, {"id": "EV-0001"})
    return copy


def sealed(folder: Path, key: SigningKey, waiver: Waiver | None = None, out: Path | None = None) -> Done:
    now = LATER if (folder / "out").exists() else example.SEALED_AT
    return seal_folder(
        open_session(folder), load_round(folder), by=example.LI, key=key, now=now, waiver=waiver, out=out
    )


def custody_in(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        name = next(one for one in archive.namelist() if one.endswith("data/custody.jsonl"))
        return [json.loads(line)["act"] for line in archive.read(name).splitlines()]


def acts(folder: Path) -> list[CustodyEntry]:
    return list(read_custody(folder / "custody.jsonl"))


def test_sealed_again_it_is_the_same_until_something_changes(folder: Path, key: SigningKey) -> None:
    first = sealed(folder, key)
    path = folder / "out" / "dengbao-NX-YBLT-2026-001-round-1.zip"
    assert first.sealed.path == path
    before = path.read_bytes()
    assert custody_in(path) == ["run_begun", "run_ended", "evidence_reviewed"]
    note(folder, "verified")
    again = sealed(folder, key)
    assert (again.again, path.read_bytes()) == (True, before)
    assert [one.act for one in acts(folder)][3:] == ["sealed", "verified", "sealed"]
    assert acts(folder)[3].details["packet"] == first.sealed.packet
    note(folder, "evidence_added")
    changed = sealed(folder, key)
    assert changed.sealed.path.name == "dengbao-NX-YBLT-2026-001-round-1-2.zip"
    assert changed.sealed.seal.sealed_at == LATER
    assert path.read_bytes() == before, "what was handed out stays"
    assert custody_in(changed.sealed.path)[-1] == "evidence_added"
    assert verify_packet(changed.sealed.path).signed


def test_what_was_let_pass_is_in_the_seal(folder: Path, key: SigningKey, tmp_path: Path) -> None:
    path = folder / "evidence" / "EV-0001.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("已逐项截图", "试填 13800138000"), encoding="utf-8")
    places = ("evidence/EV-0001.yaml", "out/report-round-1.docx")
    waiver = Waiver(places=places, why="检测用的虚构号码", agreed=example.WANG)
    done = sealed(folder, key, waiver, tmp_path / "a.zip")
    assert {one.place for one in done.sealed.seal.allowed} == set(places)
    assert "13800138000" not in str(done.sealed.seal)
    assert recall(tmp_path / "a.zip") is not None
    beside(tmp_path / "a.zip").unlink()
    with pytest.raises(UsageError, match="不覆盖"):
        sealed(folder, key, waiver, tmp_path / "a.zip")


def test_the_next_free_name_follows_the_last(tmp_path: Path) -> None:
    assert [one.name for one in candidates(tmp_path / "none", "p")] == ["p.zip"]
    for name in ("p.zip", "p-3.zip", "p-x.zip", "q-9.zip"):
        (tmp_path / name).touch()
    assert [one.name for one in candidates(tmp_path, "p")] == ["p.zip", "p-3.zip", "p-4.zip"]
