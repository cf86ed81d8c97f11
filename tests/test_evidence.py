"""Evidence is filed once, admitted only when complete, and never altered unseen."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dengbao import catalog, evidence
from dengbao.errors import DengbaoError, EvidenceError
from dengbao.evidence import Draft, Gravity
from dengbao.evidence.attached import MAX_FILE_BYTES, measure
from dengbao.model import (
    Engagement,
    Evidence,
    EvidenceKind,
    Method,
    Person,
    Review,
    Suite,
    Verdict,
)

from .builders import EVIDENCE, draw_picture, write_engagement, write_suite

TODAY = date(2026, 3, 5)
NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
ZHANG, LI = Person(name="张三", org="示范软件公司"), Person(name="李四", org="示范医院")
DRAFT = Draft(
    items=("1.a.1",), asset="his-app", method=Method.EXAMINE, kind=EvidenceKind.SCREENSHOT,
    collected_at=NOW - timedelta(days=1), collected_by=ZHANG, statement="经核查，登录须口令。",
    verdict=Verdict.CONFORM, redacted=True,
)  # fmt: skip


class Hospital:
    """An engagement folder with a suite to go with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = write_engagement(folder / "hospital")
        self.suite: Suite = catalog.load_suite(write_suite(folder / "suites"))
        self.engagement: Engagement = catalog.load_engagement(self.folder)
        self.picture = draw_picture(folder / "屏幕 截图.PNG")
        self.store = evidence.folder_of(self.folder)

    def add(self, draft: Draft = DRAFT, *sources: Path) -> Evidence:
        return evidence.add(
            self.folder,
            draft,
            sources or (self.picture,),
            suite=self.suite,
            engagement=self.engagement,
            now=NOW,
        )

    def check(self, today: date = TODAY) -> list[evidence.Finding]:
        return evidence.check(self.folder, self.suite, self.engagement, today)

    def admissible(self, today: date = TODAY) -> list[str]:
        found = evidence.admissible(self.folder, self.suite, self.engagement, today)
        return [one.id for one in found]

    def write(self, text: str = EVIDENCE, name: str = "EV-0001.yaml") -> Path:
        """Write a record by hand, with a picture of the right digest."""
        picture = draw_picture(self.store / "EV-0001.png")
        text = text.replace("@SHA256@", hashlib.sha256(picture.read_bytes()).hexdigest())
        path = self.store / name
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture(name="hospital")
def make_hospital(tmp_path: Path) -> Hospital:
    return Hospital(tmp_path)


# ---- filing --------------------------------------------------------------------------------------


def test_a_file_is_copied_in_under_its_number_with_both_digests(hospital: Hospital) -> None:
    record = hospital.add()
    data = hospital.picture.read_bytes()
    assert record.id == "EV-0001"
    assert [one.name for one in record.files] == ["EV-0001.png"]
    assert record.files[0].sha256 == hashlib.sha256(data).hexdigest()
    assert record.files[0].sm3 == hashlib.new("sm3", data).hexdigest()
    assert record.files[0].size_bytes == len(data)
    assert (hospital.store / "EV-0001.png").read_bytes() == data
    assert record.filed_at == NOW
    assert evidence.load_all(hospital.folder) == [record]
    assert hospital.admissible() == ["EV-0001"]
    assert hospital.check() == []
    assert sorted(one.name for one in hospital.store.iterdir()) == ["EV-0001.png", "EV-0001.yaml"]


def test_several_files_and_odd_endings_get_plain_names(hospital: Hospital, tmp_path: Path) -> None:
    names = ["设计文档.PDF", "config.yaml", "没有扩展名", "x.奇怪", "a.b.LOG"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    draft = msgspec.structs.replace(DRAFT, kind=EvidenceKind.DOCUMENT)
    record = hospital.add(draft, *(tmp_path / name for name in names))
    assert [one.name for one in record.files] == [
        "EV-0001.pdf", "EV-0001-2.txt", "EV-0001-3.bin", "EV-0001-4.bin", "EV-0001-5.log",
    ]  # fmt: skip
    assert hospital.admissible() == ["EV-0001"]


def test_what_is_collected_and_filed_in_one_breath_counts(hospital: Hospital) -> None:
    now = NOW.replace(microsecond=999_999)
    draft = msgspec.structs.replace(DRAFT, collected_at=now, reviewed=Review(by=LI, at=now))
    record = evidence.add(
        hospital.folder,
        draft,
        [hospital.picture],
        suite=hospital.suite,
        engagement=hospital.engagement,
        now=now,
    )
    assert record.collected_at == record.filed_at == NOW
    assert hospital.admissible() == ["EV-0001"]


def test_numbers_go_on_from_the_highest(hospital: Hospital) -> None:
    hospital.store.mkdir(parents=True)
    (hospital.store / "EV-0041.png").write_bytes(b"a file whose record is gone")
    (hospital.store / ".EV-0043.claim").touch()
    assert [hospital.add().id, hospital.add().id] == ["EV-0044", "EV-0045"]


def _file_some(folder: Path, count: int) -> None:
    hospital = Hospital.__new__(Hospital)
    hospital.folder = folder / "hospital"
    hospital.suite = catalog.load_suite(folder / "suites" / "small")
    hospital.engagement = catalog.load_engagement(hospital.folder)
    hospital.picture = folder / "屏幕 截图.PNG"
    for _ in range(count):
        hospital.add()


def test_processes_that_file_at_once_get_different_numbers(hospital: Hospital, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_file_some, args=(tmp_path, 8)) for _ in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(60)
    assert [one.exitcode for one in workers] == [0, 0, 0, 0]
    assert [one.id for one in evidence.load_all(hospital.folder)] == [f"EV-{n:04d}" for n in range(1, 33)]
    assert len(hospital.admissible()) == 32
    assert not list(hospital.store.glob(".*"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"items": ("9.z.9",)}, "测评项“9.z.9”不存在"),
        ({"items": ("1.a.1", "1.a.2"), "asset": "his-web"}, "1.a.2 不针对测评对象 his-web"),
        ({"asset": "his-ap"}, "测评对象“his-ap”不存在"),
        ({"asset": "system"}, "不针对测评对象 system"),
        ({"collected_at": NOW + timedelta(days=2)}, "在将来"),
        ({"collected_at": NOW + timedelta(hours=1)}, "晚于入库"),
        ({"expires": date(2026, 3, 4)}, "过期"),
        ({"reviewed": Review(by=ZHANG, at=NOW)}, "同一人"),
        ({"reviewed": Review(by=LI, at=NOW - timedelta(days=9))}, "复核时间"),
        ({"items": ()}, "测评项"),
        ({"statement": "  "}, "不能为空"),
        ({"statement": "含\x1b[31m控制字符"}, "控制字符"),
        ({"collected_by": Person(name=" ", org="x")}, "不能为空"),
    ],
)
def test_what_would_not_count_is_not_filed(
    hospital: Hospital, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(EvidenceError, match=message) as caught:
        hospital.add(msgspec.structs.replace(DRAFT, **changes))
    assert caught.value.cure
    assert caught.value.where
    assert list(hospital.store.iterdir()) == []


def _link(folder: Path) -> Path:
    target = folder / "secret.png"
    draw_picture(target)
    (folder / "link.png").symlink_to(target)
    return folder / "link.png"


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.png")
    return folder / "pipe.png"


def _written(name: str, data: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


def _huge(folder: Path) -> Path:
    with (folder / "huge.png").open("wb") as out:
        out.truncate(MAX_FILE_BYTES + 1)
    return folder / "huge.png"


def _cut(folder: Path) -> Path:
    path = draw_picture(folder / "cut.png")
    path.write_bytes(path.read_bytes()[:-20])
    return path


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (_link, "符号链接"),
        (_fifo, "不是普通文件"),
        (lambda folder: folder, "不是普通文件"),
        (lambda folder: folder / "absent.png", "文件不存在"),
        (_written("empty.png", b""), "空的"),
        (_written("text.png", b"not a picture"), "不是有效的图片"),
        (_written("page.jpg", b"<html></html>"), "不是有效的图片"),
        (_written("note.txt", b"text"), "没有图片"),
        (_cut, "不是有效的图片"),
        (_huge, "超过 64 MB"),
    ],
)
def test_files_that_are_not_evidence_are_refused(
    hospital: Hospital, tmp_path: Path, source: Callable[[Path], Path], message: str
) -> None:
    with pytest.raises(EvidenceError, match=message) as caught:
        hospital.add(DRAFT, source(tmp_path))
    assert caught.value.cure
    assert list(hospital.store.iterdir()) == []


@pytest.mark.parametrize("count", [0, 21])
def test_the_number_of_files_is_bounded(hospital: Hospital, count: int) -> None:
    with pytest.raises(EvidenceError, match="1 至 20"):
        evidence.add(
            hospital.folder,
            DRAFT,
            [hospital.picture] * count,
            suite=hospital.suite,
            engagement=hospital.engagement,
        )


@given(text=st.text(min_size=1, max_size=40).filter(str.strip), redacted=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_a_record_says_what_was_told_or_is_not_filed(hospital: Hospital, text: str, redacted: bool) -> None:
    draft = msgspec.structs.replace(DRAFT, statement=text, redacted=redacted)
    try:
        record = hospital.add(draft)
    except EvidenceError:
        return
    loaded = evidence.load(hospital.store / f"{record.id}.yaml")
    assert loaded == record
    assert loaded.statement == text


def test_sm3_has_a_fallback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    monkeypatch.setattr(hashlib, "algorithms_available", {"sha256"})
    # The test vector of GB/T 32905-2016, appendix A.1.
    assert measure(path).sm3 == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


# ---- reviewing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"override": "系误报"}, {"verdict": Verdict.NOT_APPLICABLE}])
def test_what_needs_a_second_person_counts_only_after_the_review(
    hospital: Hospital, changes: dict[str, object]
) -> None:
    record = hospital.add(msgspec.structs.replace(DRAFT, **changes))
    assert hospital.admissible() == []
    assert [one.gravity for one in hospital.check()] == [Gravity.UNREVIEWED]
    reviewed = evidence.review(hospital.folder, record.id, LI, now=NOW)
    assert reviewed.reviewed == Review(by=LI, at=NOW)
    assert hospital.admissible() == ["EV-0001"]


@pytest.mark.parametrize(
    ("evidence_id", "by", "message"),
    [("EV-0001", ZHANG, "同一人"), ("EV-0002", LI, "没有佐证"), ("../../x", LI, "没有佐证")],
)
def test_a_review_needs_another_person_and_a_record(
    hospital: Hospital, evidence_id: str, by: Person, message: str
) -> None:
    hospital.add()
    with pytest.raises(EvidenceError, match=message):
        evidence.review(hospital.folder, evidence_id, by)


# ---- admissibility -------------------------------------------------------------------------------


def test_a_record_written_by_hand_counts_too(hospital: Hospital) -> None:
    hospital.write()
    assert hospital.check() == []
    assert hospital.admissible() == ["EV-0001"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("collected_by: {name: 张三, org: 示范软件公司}\n", "", "缺少采集人"),
        ("collected_by: {name: 张三, org: 示范软件公司}", 'collected_by: {name: " ", org: x}', "缺少采集人"),
        ("collected_at: 2026-03-01T09:30:00+08:00\n", "", "缺少采集时间"),
        ("method: examine\n", "", "缺少取证方法"),
        ("method: examine", "method:", "缺少取证方法"),
        ('files:\n  - {name: EV-0001.png, sha256: "@SHA256@"}', "files: []", "缺少佐证文件"),
        ('  - {name: EV-0001.png, sha256: "@SHA256@"}\n', "", "缺少佐证文件"),
        ("2026-03-01T09:30", "2026-04-01T09:30", "在将来"),
        ("filed_at: 2026-03-01T10", "filed_at: 2026-03-01T08", "晚于入库"),
        ("0001.png", "0002.png", "文件不存在"),
        ("redacted: true", "expires: 2026-03-04", "过期"),
        ("1.a.1", "1.b.1", "不存在"),
        ("asset: his-app", "asset: his-db", "不存在"),
        ("kind: screenshot", "kind: photo\noverride: 误报", "第二人复核"),
        ("verdict: conform", "verdict: not_applicable", "第二人复核"),
        (
            "redacted: true",
            "reviewed: {by: {name: 张　三, org: 另一单位}, at: 2026-03-02T10:00:00+08:00}",
            "同一人",
        ),
        ("2026-03-01T09:30:00+08:00", "0001-01-01T00:00:00+14:00", ""),
    ],
)
def test_incomplete_evidence_does_not_count_and_says_why(
    hospital: Hospital, old: str, new: str, message: str
) -> None:
    assert old in EVIDENCE
    path = hospital.write(EVIDENCE.replace(old, new))
    findings = [one for one in hospital.check() if one.gravity is not Gravity.NOTE]
    if not message:  # long ago is no reason
        assert findings == []
        return
    assert hospital.admissible() == []
    assert {one.evidence for one in findings} == {"EV-0001"}
    assert message in findings[0].message
    assert findings[0].cure
    assert findings[0].where.startswith(f"{path}:")


def test_evidence_that_expires_today_still_counts(hospital: Hospital) -> None:
    hospital.write(EVIDENCE + "expires: 2026-03-05\n")
    assert hospital.admissible() == ["EV-0001"]
    assert hospital.admissible(TODAY + timedelta(days=1)) == []


def test_an_altered_file_stops_everything(hospital: Hospital) -> None:
    hospital.add()
    hospital.add()
    draw_picture(hospital.store / "EV-0002.png", "black")
    assert [(one.evidence, one.gravity) for one in hospital.check()] == [("EV-0002", Gravity.ALTERED)]
    with pytest.raises(EvidenceError, match=r"EV-0002.*被改动") as caught:
        hospital.admissible()
    assert caught.value.exit_code == 4
    assert caught.value.where


@pytest.mark.parametrize(("verdict", "counts"), [(Verdict.NONCONFORM, True), (Verdict.CONFORM, False)])
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"x")], ids=["gone", "altered"])
def test_nothing_becomes_better_because_its_proof_is_harmed(
    hospital: Hospital, verdict: Verdict, counts: bool, harm: Callable[[Path], object]
) -> None:
    hospital.add(msgspec.structs.replace(DRAFT, verdict=verdict))
    path = hospital.store / "EV-0001.png"
    harm(path)
    examined = evidence.examine(hospital.folder, hospital.suite, hospital.engagement, TODAY)
    assert bool(evidence.counted(examined)) is counts
    if counts or path.exists():
        with pytest.raises(EvidenceError, match="EV-0001"):
            hospital.admissible()
    else:
        assert hospital.admissible() == []


@pytest.mark.parametrize("key", ["sm3", "size_bytes"])
def test_a_second_digest_that_differs_stops_everything_too(hospital: Hospital, key: str) -> None:
    record = hospital.add()
    path = hospital.store / "EV-0001.yaml"
    right = str(getattr(record.files[0], key))
    wrong = "0" * 64 if key == "sm3" else "1"
    path.write_text(path.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")
    with pytest.raises(EvidenceError, match="被改动"):
        hospital.admissible()


def test_a_file_replaced_by_a_link_does_not_count(hospital: Hospital, tmp_path: Path) -> None:
    hospital.add()
    path = hospital.store / "EV-0001.png"
    path.rename(tmp_path / "moved.png")
    path.symlink_to(tmp_path / "moved.png")
    assert hospital.admissible() == []
    assert "符号链接" in hospital.check()[0].message


def test_evidence_of_the_system_counts_where_no_asset_of_the_kind_is_there(hospital: Hospital) -> None:
    hospital.add(msgspec.structs.replace(DRAFT, items=("2.a.1", "M.1"), asset="system"))
    assert hospital.admissible() == ["EV-0001"]


def test_stray_files_and_unmasked_pictures_are_noted(hospital: Hospital) -> None:
    hospital.add(msgspec.structs.replace(DRAFT, redacted=False))
    for name in ("截图.png", "README.md", ".DS_Store"):
        (hospital.store / name).write_bytes(b"x")
    notes = hospital.check()
    assert [one.gravity for one in notes] == [Gravity.NOTE, Gravity.NOTE]
    assert "遮盖" in notes[0].message
    assert "截图.png" in notes[1].message
    assert hospital.admissible() == ["EV-0001"]


def test_no_folder_is_no_evidence(hospital: Hospital) -> None:
    assert evidence.load_all(hospital.folder) == []
    assert hospital.check() == []
    assert hospital.admissible() == []


def test_all_damaged_records_are_told_at_once(hospital: Hospital) -> None:
    hospital.write()
    for number in (2, 3):
        (hospital.store / f"EV-000{number}.yaml").write_text("id: [", encoding="utf-8")
    with pytest.raises(EvidenceError) as caught:
        evidence.load_all(hospital.folder)
    places = [one.where for one in (caught.value, *caught.value.also)]
    assert [Path(one.rpartition(":")[0]).name for one in places] == ["EV-0002.yaml", "EV-0003.yaml"]
    assert [one.gravity for one in hospital.check()] == [Gravity.MALFORMED, Gravity.MALFORMED]
    with pytest.raises(DengbaoError):
        hospital.admissible()
