"""The desk: what did not change is not read again, and nothing differs from a fresh look."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import msgspec
import pytest

from dengbao import evidence as evidence_room
from dengbao.errors import EvidenceError, UsageError
from dengbao.evidence import Draft, Examined, Remembering, evidence_stamps, examine
from dengbao.evidence.admissibility import Eyes
from dengbao.model import Engagement, EvidenceKind, Method, Suite, Verdict
from dengbao.session import open_session
from dengbao.verdict import Folding, fold
from dengbao.workbench.desk import Desk, Made, State
from dengbao.workbench.rows import rows_of

from ..packet import example
from . import large

_TODAY = datetime.now().astimezone().date()


@pytest.fixture(scope="session")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with eight assets, two rounds and forty pieces of evidence; do not change it."""
    return large.build(tmp_path_factory.mktemp("big") / "h", assets=8, evidence=40, rounds=2)


@pytest.fixture
def folder(big: Path, tmp_path: Path) -> Path:
    """Return a copy of it that a test may change."""
    return example.copy_of(big, tmp_path / "h")


class Counted(Eyes):
    """Eyes that count what they read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def record(self, path: Path, suite: Suite, engagement: Engagement, today: date) -> Examined:
        """Count, and read."""
        self.read.append(path.stem)
        return super().record(path, suite, engagement, today)


class Watched(Remembering, Counted):
    """Eyes that remember, over eyes that count."""

    def __init__(self) -> None:
        Remembering.__init__(self)
        Counted.__init__(self)


def _file(folder: Path, item: str = "1.a.1", asset: str = "web-00", said: str = "经核查，已截图。") -> str:
    session = open_session(folder)
    picture = folder.parent / "shot.png"
    picture.write_bytes(large.picture(9999, (200, 150)))
    now = datetime.now().astimezone()
    draft = Draft(
        items=(item,), asset=asset, method=Method.EXAMINE, kind=EvidenceKind.SCREENSHOT, collected_at=now,
        collected_by=large.LI, statement=said, verdict=Verdict.CONFORM, redacted=True,
    )  # fmt: skip
    filed = evidence_room.add(
        folder, draft, (picture,), suite=session.suite, engagement=session.engagement, now=now
    )
    return filed.id


def _fresh(folder: Path) -> State:
    return Desk(folder).state()


def test_what_did_not_change_is_not_read_again(folder: Path) -> None:
    session, eyes = open_session(folder), Watched()

    def look() -> tuple[Examined, ...]:
        eyes.read.clear()
        eyes.look_around(evidence_stamps(folder))
        return examine(folder, session.suite, session.engagement, _TODAY, eyes=eyes)

    assert len(look()) == 40
    assert len(eyes.read) == 40
    look()
    assert eyes.read == []
    filed = _file(folder)
    assert len(look()) == 41
    assert eyes.read == [filed]
    picture = folder / "evidence" / "EV-0007.png"
    picture.write_bytes(picture.read_bytes() + b"x")
    found = look()
    assert eyes.read == ["EV-0007"]
    assert not found[6].counts
    assert found == examine(folder, session.suite, session.engagement, _TODAY)


def test_what_was_said_or_taken_away_is_seen_and_nothing_else_is_read(folder: Path) -> None:
    session, eyes = open_session(folder), Watched()
    picture = folder / "evidence" / "EV-0011.png"

    def look() -> tuple[Examined, ...]:
        eyes.read.clear()
        eyes.look_around(evidence_stamps(folder))
        found = examine(folder, session.suite, session.engagement, _TODAY, eyes=eyes)
        assert found == examine(folder, session.suite, session.engagement, _TODAY)
        return found

    look()
    evidence_room.review(folder, "EV-0003", large.WANG)
    look()
    assert eyes.read == ["EV-0003"]
    kept = picture.read_bytes()
    picture.unlink()
    assert not look()[10].counts
    assert eyes.read == ["EV-0011"]
    picture.write_bytes(kept)
    assert look()[10].counts
    assert eyes.read == ["EV-0011"]
    (folder / "evidence" / "EV-0005.yaml").rename(folder / "evidence" / "EV-0099.yaml")
    look()
    assert eyes.read == ["EV-0099"]
    (folder / "evidence" / "odd.yaml").write_text("x", encoding="utf-8")
    assert len(look()) == 1
    (folder / "evidence" / "odd.yaml").unlink()
    assert len(look()) == 41  # the last is a file that no record names


def test_made_of_the_same_parts_is_the_same_and_of_others_is_made_anew() -> None:
    made, first, second = Made(), ["a"], ["a"]
    count = iter(range(9))
    assert made.of("key", (first,), lambda: next(count)) == 0
    assert made.of("key", (first,), lambda: next(count)) == 0
    assert made.of("key", (second,), lambda: next(count)) == 1  # equal, and yet another thing
    assert made.of("key", (second, first), lambda: next(count)) == 2
    assert made.of("other", (second, first), lambda: next(count)) == 3


def test_the_ground_is_read_again_where_it_changed_and_never_for_evidence(folder: Path) -> None:
    desk = Desk(folder)
    before = desk.ground()
    _alter(folder / "evidence" / "EV-0005.yaml")
    assert desk.ground() is before
    _alter_text(folder / "engagement.yaml", "某市某路1号", "某市某路2号")
    after = desk.ground()
    assert after.session.engagement.institution.address == "某市某路2号"
    assert after.round is before.round
    shutil.rmtree(folder / "runs" / "round-2")
    first = desk.ground().round
    assert first is not None
    assert first.number == 1


def test_a_case_on_the_ground_is_what_programs_alone_said(folder: Path) -> None:
    desk = Desk(folder)
    ground = desk.ground()
    for one in desk.state().items.values():
        for case in one.cases:
            alone = ground.case(case.item, case.asset)
            assert alone is not None
            assert alone.records == case.records
            assert alone.evidence == ()
    assert ground.case("1.a.1", "nobody") is None
    assert ground.case("9.z.9", "web-00") is None


def test_rows_are_the_same_as_those_made_anew_after_every_change(folder: Path) -> None:
    desk = Desk(folder)
    kept = {one.case: one for one in rows_of(desk.state())}
    for change in _CHANGES[:6]:
        change(folder)
        rows = rows_of(desk.state())
        assert rows == rows_of(_fresh(folder))
        same = sum(one is kept.get(one.case) for one in rows)
        assert len(rows) - 40 < same <= len(rows)
        kept = {one.case: one for one in rows}


def test_rows_are_made_anew_with_the_assets_and_not_with_the_rest_of_the_engagement(folder: Path) -> None:
    desk = Desk(folder)
    before = rows_of(desk.state())
    _alter_text(folder / "engagement.yaml", "某市某路1号", "某市某路2号")
    assert all(one is two for one, two in zip(before, rows_of(desk.state()), strict=True))
    _alter_text(folder / "engagement.yaml", "name: 核心机房服务器 01", "name: 某机房服务器 01")
    after = rows_of(desk.state())
    assert after == rows_of(_fresh(folder))
    assert {one.asset_name for one in after if one.asset == "host-01"} == {"某机房服务器 01"}


def _alter_text(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def _alter(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace("截图", "照片"), encoding="utf-8")


_CHANGES: tuple[Callable[[Path], object], ...] = (
    _file,
    lambda folder: _file(folder, "4.a.1", "host-01", "经核查，已核对。"),
    lambda folder: evidence_room.review(folder, "EV-0003", large.WANG),
    lambda folder: _alter(folder / "evidence" / "EV-0005.yaml"),
    lambda folder: (folder / "evidence" / "EV-0009.yaml").unlink(),
    lambda folder: (folder / "evidence" / "note.txt").write_text("x", encoding="utf-8"),
    lambda folder: shutil.rmtree(folder / "runs" / "round-2"),
    lambda folder: _alter(folder / "engagement.yaml"),
)


def test_after_every_change_the_desk_says_what_a_fresh_look_says(folder: Path) -> None:
    desk = Desk(folder)
    desk.state()
    changes = list(_CHANGES)
    random.Random(7).shuffle(changes)
    for change in changes:
        change(folder)
        now, fresh = desk.state(), _fresh(folder)
        assert now.result == fresh.result
        assert now.examined == fresh.examined
        assert now.session.engagement == fresh.session.engagement
        assert desk.state() is now


def test_an_altered_file_is_found_although_its_time_was_set_back(folder: Path) -> None:
    desk = Desk(folder)
    desk.state()
    picture = folder / "evidence" / "EV-0002.png"
    before = picture.stat()
    data = bytearray(picture.read_bytes())
    data[-20] ^= 1
    picture.write_bytes(data)
    os.utime(picture, ns=(before.st_atime_ns, before.st_mtime_ns))
    session = open_session(folder)
    # What reports, sealing and verification use never remembers anything.
    with pytest.raises(EvidenceError, match="EV-0002"):
        evidence_room.admissible(folder, session.suite, session.engagement, _TODAY)
    assert [one.attachment for one in desk.state().damage] == ["EV-0002.png"]
    data[-20] ^= 1
    picture.write_bytes(data)
    assert desk.state().damage == ()
    assert desk.state().result == _fresh(folder).result


def test_a_mistake_in_the_engagement_is_told_until_it_is_mended(folder: Path) -> None:
    desk, path = Desk(folder), folder / "engagement.yaml"
    before = desk.state()
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "nonsense: 1\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(UsageError, match="nonsense"):
            desk.state()
    path.write_text(text.replace("大型医院样例", "样例"), encoding="utf-8")
    assert desk.state().result == before.result


def test_folding_again_is_folding_anew(folder: Path) -> None:
    state, chance = _fresh(folder), random.Random(3)
    assert state.round is not None
    suite, cases = state.session.suite, state.round.plan.cases
    records = tuple(state.round.records().values())
    folding = Folding(suite, cases, records)
    papers = list(state.evidence.values())
    for _ in range(12):
        chance.shuffle(papers)
        some = [
            msgspec.structs.replace(one, verdict=chance.choice(list(Verdict)))
            for one in papers[: chance.randrange(40)]
        ]
        assert folding.fold(some) == fold(suite, cases, records, some)


def test_one_look_is_enough_for_a_page_and_ends_with_it(folder: Path) -> None:
    desk = Desk(folder)
    with desk.glance():
        before = desk.state()
        _alter(folder / "evidence" / "EV-0005.yaml")
        with desk.glance():
            assert desk.state() is before
        assert desk.state() is before
    assert desk.state() is not before


def test_the_folder_is_read_in_the_background_and_a_fault_is_told_by_the_page(folder: Path) -> None:
    (folder / "engagement.yaml").write_text("nonsense", encoding="utf-8")
    desk = Desk(folder)
    desk.warm()
    with pytest.raises(UsageError):
        desk.state()
