"""What people said of evidence is sealed with it, decides offline as it did here, and is compared."""

from __future__ import annotations

import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from dengbao import evidence as evidence_room
from dengbao.evidence import Draft, Said, remark_on
from dengbao.evidence.remarks import load_remarks, remarks_path
from dengbao.model import Evidence, EvidenceKind, Method, RemarkSort, Verdict
from dengbao.packet.current import changed_since, newest_packet
from dengbao.packet.dsse import SigningKey
from dengbao.packet.gate import before_report
from dengbao.packet.payload import list_payload
from dengbao.packet.seal import Sealed, seal
from dengbao.packet.verify import verify_packet
from dengbao.results import fold_round
from dengbao.rounds import load_round
from dengbao.session import open_session

from . import example

WHEN = datetime.now(UTC)


@pytest.fixture
def folder(engagement: Path, tmp_path: Path) -> Path:
    return example.copy_of(engagement, tmp_path / "my-hospital")


def file_another(folder: Path, verdict: Verdict = Verdict.NONCONFORM) -> Evidence:
    """File evidence beside what is there: it would lower 10.a.1."""
    session = open_session(folder)
    Image.new("RGB", (64, 48), (9, 90, 200)).save(folder.parent / "another.png")
    draft = Draft(
        items=("10.a.1",), asset="system", method=Method.EXAMINE, kind=EvidenceKind.SCREENSHOT,
        collected_at=WHEN, collected_by=example.LI, statement="经核查，所见为另一系统。", verdict=verdict,
        redacted=True,
    )  # fmt: skip
    source = folder.parent / "another.png"
    return evidence_room.add(folder, draft, (source,), suite=session.suite, engagement=session.engagement)


def verdict_of(folder: Path) -> Verdict | None:
    result, _ = fold_round(open_session(folder), load_round(folder), today=example.SEALED_AT.date())
    items = (one for clause in result.clauses for one in clause.items)
    return next(one.verdict for one in items if one.item.id == "10.a.1")


def gate(folder: Path) -> list[str]:
    return [one.message for one in before_report(open_session(folder), load_round(folder), example.SEALED_AT)]


def sealed_in(folder: Path, key: SigningKey) -> Sealed:
    (folder / "out").mkdir(exist_ok=True)
    return seal(
        open_session(folder), load_round(folder), folder / "out" / "packet.zip", by=example.LI, key=key,
        sealed_at=example.SEALED_AT,
    )  # fmt: skip


def test_a_return_that_is_open_keeps_the_round_from_being_sealed(folder: Path) -> None:
    number = file_another(folder, Verdict.CONFORM).id
    assert gate(folder) == []
    remark_on(folder, number, Said(RemarkSort.RETURN, example.WANG, "截图没有时间"))
    (told,) = gate(folder)
    assert "王主任退回（截图没有时间）" in told
    remark_on(folder, number, Said(RemarkSort.ANSWER, example.LI, "已补拍并标出"))
    (told,) = gate(folder)
    assert "须由第二人复核" in told
    remark_on(folder, number, Said(RemarkSort.ACCEPT, example.WANG))
    assert gate(folder) == []


def test_what_was_withdrawn_travels_as_a_record_and_counts_nowhere(
    folder: Path, key: SigningKey, tmp_path: Path
) -> None:
    record = file_another(folder)
    assert verdict_of(folder) is not Verdict.CONFORM
    remark_on(folder, record.id, Said(RemarkSort.WITHDRAW, example.WANG, "取证对象不是本系统"))
    remark_on(folder, "EV-0001", Said(RemarkSort.NOTE, example.WANG, "已逐项核对"))
    assert (verdict_of(folder), gate(folder)) == (Verdict.CONFORM, [])
    made = sealed_in(folder, key)
    with zipfile.ZipFile(made.path) as archive:
        names = {one.partition("/")[2] for one in archive.namelist()}
        archive.extractall(tmp_path / "unpacked")
    assert {"data/evidence/remarks.jsonl", f"data/evidence/{record.id}.yaml"} <= names
    assert f"data/evidence/{record.files[0].name}" not in names
    found = verify_packet(made.path, trusted=(key.public,))
    assert (found.findings, found.holds) == ((), True)
    payload = next((tmp_path / "unpacked").iterdir()) / "data"
    assert (verdict_of(payload), load_remarks(payload)) == (Verdict.CONFORM, load_remarks(folder))
    current = newest_packet(folder)
    assert current is not None
    assert changed_since(folder, current) == ()
    remark_on(folder, "EV-0001", Said(RemarkSort.NOTE, example.WANG, "封存后的话"))
    assert changed_since(folder, current) == ("封存之后又有复核意见，或复核意见被改动",)


def test_remarks_that_come_after_the_sealing_are_noticed(folder: Path, sealed: Sealed) -> None:
    (folder / "out").mkdir(exist_ok=True)
    shutil.copyfile(sealed.path, folder / "out" / "packet.zip")
    current = newest_packet(folder)
    assert current is not None
    assert changed_since(folder, current) == ()
    remark_on(folder, "EV-0001", Said(RemarkSort.NOTE, example.WANG, "封存后的话"))
    assert changed_since(folder, current) == ("封存之后又有复核意见",)
    session, chosen = open_session(folder), load_round(folder)
    name = "evidence/remarks.jsonl"
    assert list_payload(session, chosen, example.SEALED_AT.date())[name] == remarks_path(folder).read_bytes()
