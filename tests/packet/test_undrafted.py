"""A draft that nobody filed keeps a round from being sealed, by item and asset."""

from __future__ import annotations

from pathlib import Path

from dengbao import drafts
from dengbao.drafts import DraftContent, Saved
from dengbao.packet.faults import Sort
from dengbao.packet.gate import before_report
from dengbao.packet.undrafted import unfiled_drafts
from dengbao.rounds import load_round
from dengbao.session import open_session

from . import example


def test_an_unfiled_draft_is_named_until_it_is_filed_or_emptied(engagement: Path, tmp_path: Path) -> None:
    folder = example.copy_of(engagement, tmp_path / "copy")
    session, chosen = open_session(folder), load_round(folder)
    assert list(before_report(session, chosen, example.SEALED_AT)) == []

    typed = DraftContent(fields={"statement": "经核查，"})
    saved = drafts.save(folder, "1.a.3", "his-db", typed, base=0, by=example.LI)
    assert isinstance(saved, Saved)
    (found,) = before_report(session, chosen, example.SEALED_AT)
    assert (found.place, found.sort) == ("1.a.3", Sort.INCOMPLETE)
    assert "his-db 有未入库的草稿（李工" in found.message

    drafts.save(folder, "1.a.3", "his-db", DraftContent(), base=saved.version.version, by=example.LI)
    assert list(before_report(session, chosen, example.SEALED_AT)) == []


def test_a_damaged_draft_is_named_with_its_line(engagement: Path, tmp_path: Path) -> None:
    folder = example.copy_of(engagement, tmp_path / "copy")
    (folder / "drafts").mkdir()
    (folder / "drafts" / "1.a.3@his-db.jsonl").write_bytes(b"{broken\n")
    (found,) = unfiled_drafts(folder, open_session(folder).suite)
    assert found.place.endswith("1.a.3@his-db.jsonl:1")
