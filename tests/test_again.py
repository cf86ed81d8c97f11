"""Looking again: old and new side by side, and nothing of the round is overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dengbao import again as room
from dengbao.again import Request, look_again, newest
from dengbao.errors import UsageError
from dengbao.ledger import read_ledger
from dengbao.model import Person, Verdict
from dengbao.model.recheck import Meaning
from dengbao.runner import judge_again
from dengbao.session import open_session
from dengbao.steering import under_way

from . import knocking
from .knocking import KNOCKED
from .servers.counting import Counting
from .small_content import files_of

application, content_that_counts, tested = (
    knocking.application, knocking.content_that_counts, knocking.tested,
)  # fmt: skip
BY = Person(name="李四", org="某某科技")


def request(folder: Path, content: Path, asset: str, *probes: str) -> Request:
    return Request(directory=str(folder), content=str(content), asset=asset, probes=probes, by=BY)


def untouched(folder: Path) -> dict[str, bytes]:
    """Return what no look may change."""
    round_folder = folder / "runs" / "round-1"
    names = [one for one in files_of(round_folder) if one not in ("events.jsonl", "ledger.jsonl")]
    return {one: (round_folder / one).read_bytes() for one in names}


def test_what_changed_is_seen_beside_what_was_and_the_round_stays(folder: Path, content: Path) -> None:
    before = untouched(folder)
    same = look_again(request(folder, content, "his-bak", "backup.folder"))
    assert [one.meaning for one in same.pairs] == [Meaning.SAME]
    assert not same.differs

    (folder / "backup" / "lis.sql").write_text("create table lis (id integer);\n", encoding="utf-8")
    found = look_again(request(folder, content, "his-bak", "backup.folder"))
    (pair,) = found.pairs
    assert (pair.meaning, found.differs) == (Meaning.VERDICT, True)
    assert pair.before is not None
    assert (pair.before.verdict, pair.after.verdict) == (Verdict.CONFORM, Verdict.NONCONFORM)
    assert (pair.before.criteria[0].measured, pair.after.criteria[0].measured) == ("1 个", "2 个")
    assert any("lis.sql" in one.after for one in pair.changes)
    assert untouched(folder) == before
    assert judge_again(folder, content=content)[1] == ()
    assert newest(folder, "his-bak", ["backup.folder"]) == found
    assert newest(folder, "his", ["web.anonymous"]) is None

    lines = [json.loads(one) for one in (folder / "custody.jsonl").read_bytes().splitlines()]
    acts = [(one["act"], one["by"]["name"]) for one in lines if one["act"].startswith("again")]
    assert acts == [("again_begun", "李四"), ("again_ended", "李四")] * 2


def test_an_attempt_is_made_once_more_for_each_look_and_stands_in_the_ledger(
    folder: Path, content: Path, app: Counting
) -> None:
    assert app.blank == 1
    found = look_again(request(folder, content, "his", "web.empty_password"))
    assert app.blank == 2
    assert [one.case for one in found.pairs] == [KNOCKED]
    keys = {one.key for one in read_ledger(folder / "runs" / "round-1" / "ledger.jsonl")}
    assert any(f"/again-{found.id}/" in one for one in keys)
    events = (folder / "runs" / "round-1" / "events.jsonl").read_text(encoding="utf-8")
    assert f'"again":"{found.id}"' in events


def test_what_cannot_be_compared_is_refused_before_anything_is_sent(
    folder: Path, content: Path, app: Counting
) -> None:
    asked = len(app.requests)
    with pytest.raises(UsageError, match=r"没有对 his 作 web\.lockout"):
        look_again(request(folder, content, "his", "web.lockout"))
    path = folder / "engagement.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("/patients", "/other"), encoding="utf-8")
    with pytest.raises(UsageError, match="不能与该轮比较"):
        look_again(request(folder, content, "his", "web.anonymous"))
    assert len(app.requests) == asked
    assert under_way(folder) is None


def test_only_the_newest_looks_are_kept(folder: Path, content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_MOST_KEPT", 2)
    for _ in range(3):
        look_again(request(folder, content, "his-bak", "backup.folder"))
    assert len(list((folder / "runs" / room.FOLDER).iterdir())) == 2
    (folder / "runs" / room.FOLDER / "9").mkdir()  # one that was killed
    assert newest(folder, "his-bak", ["backup.folder"]) is not None


def test_which_probes_an_item_rests_on(folder: Path, content: Path) -> None:
    session = open_session(folder, content)
    assert [one.name for one in room.probes_of(session, "3.a.1", "his")] == ["web.empty_password"]
    assert room.probes_of(session, "M.1", "system") == ()
    assert room.probes_of(session, "3.a.1", "his-bak") == ()
