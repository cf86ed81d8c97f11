"""A packet of two rounds: what was mended stands in its report, and is made again from the packet alone."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest

from dengbao.packet.dsse import SigningKey
from dengbao.packet.seal import Sealed, seal
from dengbao.packet.verify import verify_packet
from dengbao.rounds import load_round
from dengbao.runner import run
from dengbao.session import open_session
from tests.report.words import text_of

from ..runs import DATABASE
from . import altering, example

SENSITIVE = "    sensitive:\n      - {table: patient, column: phone, holds: phone}\n"
RECORDS = "runs/round-1/records.jsonl"


def fill(folder: Path, *, mended: bool) -> None:
    """Write forty telephone numbers of nobody into the database, hashed once that is mended."""
    numbers = [f"1380013{number:04d}" for number in range(40)]
    with sqlite3.connect(folder / "data" / "his.db") as connection:
        connection.execute("drop table if exists patient")
        connection.execute("create table patient (id integer primary key, phone text)")
        kept = [hashlib.sha256(one.encode()).hexdigest() if mended else one for one in numbers]
        connection.executemany("insert into patient (phone) values (?)", [(one,) for one in kept])
    connection.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an engagement that was tested, mended, tested again, and then answered to the end."""
    place = tmp_path_factory.mktemp("two") / "my-hospital"
    (place / "data").mkdir(parents=True)
    text = example.engagement_text(DATABASE + SENSITIVE)
    (place / "engagement.yaml").write_text(text, encoding="utf-8")
    fill(place, mended=False)
    run(place, operator="李工")
    fill(place, mended=True)
    run(place, operator="李工", new_round=True)
    example.answer_the_rest(place)
    return place


@pytest.fixture(scope="module")
def two(folder: Path, key: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    target = tmp_path_factory.mktemp("packets") / "packet.zip"
    session, chosen = open_session(folder), load_round(folder)
    return seal(session, chosen, target, by=example.LI, key=key, sealed_at=example.SEALED_AT)


@pytest.fixture(scope="module")
def root(two: Sealed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return altering.unpacked(two.path, tmp_path_factory.mktemp("unpacked"))


def told(root: Path) -> str:
    return text_of((root / "data/out/report-round-2.docx").read_bytes())


def test_the_report_tells_what_was_mended(root: Path) -> None:
    text = told(root)
    section = text[text.rindex("五、整改情况") : text.rindex("六、签章页")]
    assert "第1轮：无法判定（程序判定：不符合）\n第2轮：符合" in section
    assert "抽样 40 行：明文 40 → " in section
    assert "（初测无法判定（程序判定：不符合），第2轮复测符合，见整改情况）" in text
    assert "1380013" not in text


def test_it_holds_and_is_made_again_from_the_packet(two: Sealed, key: SigningKey) -> None:
    found = verify_packet(two.path, trusted=(key.public,))
    assert found.holds, found.findings


def test_what_an_earlier_round_said_cannot_be_changed(root: Path, key: SigningKey, tmp_path: Path) -> None:
    data = (root / "data" / RECORDS).read_bytes()
    assert "明文 40".encode() in data
    forged = altering.sealed_anew(
        root, tmp_path / "forged", key, {RECORDS: data.replace("明文 40".encode(), "明文 04".encode())}
    )
    found = verify_packet(forged, trusted=(key.public,))
    places = [one.place for one in found.findings]
    assert "data/runs/round-1/records.jsonl" in places
    assert "data/out/report-round-2.docx（五、整改情况）" in places


def test_a_round_left_out_is_missed(root: Path, key: SigningKey, tmp_path: Path) -> None:
    names = [one.relative_to(root / "data").as_posix() for one in (root / "data/runs/round-1").rglob("*")]
    gone: dict[str, bytes | None] = dict.fromkeys(names)
    found = verify_packet(altering.sealed_anew(root, tmp_path / "forged", key, gone), trusted=(key.public,))
    assert not found.holds
    assert any("文件中是“五、整改情况”" in one.message for one in found.findings)
