"""What people say of filed evidence decides whether it counts, here and offline; no word of it is lost."""

from __future__ import annotations

import itertools
import json
import multiprocessing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from dengbao import evidence
from dengbao.errors import EvidenceError
from dengbao.evidence import Gravity, Overtaken, Said, remark_on
from dengbao.evidence.remarks import load_remarks, remarks_path
from dengbao.evidence.standing import standing_of, thread_of
from dengbao.model import Evidence, Person, Remark, RemarkSort, Review, Standing, Verdict

from .test_evidence import DRAFT, LI, NOW, ZHANG, Hospital

SUN = Person(name="孙工", org="第三方")
NOTE, RETURN, ANSWER, ACCEPT, WITHDRAW = (
    RemarkSort.NOTE, RemarkSort.RETURN, RemarkSort.ANSWER, RemarkSort.ACCEPT, RemarkSort.WITHDRAW,
)  # fmt: skip
LATER = NOW + timedelta(minutes=1)


@pytest.fixture(name="hospital")
def make_hospital(tmp_path: Path) -> Hospital:
    return Hospital(tmp_path)


def say(
    hospital: Hospital, sort: RemarkSort, by: Person, text: str = "截图看不清时间", number: str = "EV-0001"
) -> Evidence:
    said = Said(sort, by, text, overrules=True)
    return remark_on(hospital.folder, number, said, now=LATER)[0]


def graves(hospital: Hospital) -> list[Gravity]:
    return [one.gravity for one in hospital.check()]


# ---- where a record stands -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sorts", "reviewed", "expected"),
    [
        ((), False, Standing.OPEN),
        ((), True, Standing.ACCEPTED),
        ((NOTE, NOTE), False, Standing.OPEN),
        ((NOTE,), True, Standing.ACCEPTED),
        ((ACCEPT,), False, Standing.ACCEPTED),
        ((RETURN,), False, Standing.RETURNED),
        ((RETURN,), True, Standing.RETURNED),
        ((RETURN, NOTE), False, Standing.RETURNED),
        ((RETURN, ANSWER), False, Standing.OPEN),
        ((RETURN, ANSWER), True, Standing.OPEN),
        ((RETURN, ANSWER, ACCEPT), False, Standing.ACCEPTED),
        ((RETURN, ACCEPT), False, Standing.ACCEPTED),
        ((RETURN, ANSWER, RETURN), False, Standing.RETURNED),
        ((ACCEPT, RETURN), False, Standing.RETURNED),
        ((WITHDRAW,), True, Standing.WITHDRAWN),
        ((RETURN, WITHDRAW), False, Standing.WITHDRAWN),
        ((WITHDRAW, ACCEPT, RETURN, ANSWER, NOTE), False, Standing.WITHDRAWN),
        ((ANSWER,), False, Standing.OPEN),
        ((RETURN, RETURN), False, Standing.RETURNED),
    ],
)
def test_where_a_record_stands_follows_from_what_was_said(
    sorts: tuple[RemarkSort, ...], reviewed: bool, expected: Standing
) -> None:
    assert standing_of(sorts, reviewed=reviewed) is expected


def test_no_row_of_remarks_brings_a_withdrawn_record_back() -> None:
    for tail in itertools.product(RemarkSort, repeat=3):
        assert standing_of((WITHDRAW, *tail)) is Standing.WITHDRAWN


@pytest.mark.parametrize(
    ("before", "sort", "by", "text", "told"),
    [
        ((), ACCEPT, ZHANG, "", "复核人与采集人是同一人"),
        ((), ACCEPT, Person(name="张 三", org="别的单位"), "", "复核人与采集人是同一人"),
        ((), RETURN, ZHANG, "看不清时间", "不能由本人退回"),
        ((), RETURN, LI, " 不清 ", "退回须写明理由"),
        ((), WITHDRAW, LI, "", "撤回须写明理由"),
        ((), NOTE, LI, "  ", "备注须写明理由"),
        ((), ANSWER, ZHANG, "已重新截图", "没有被退回"),
        (((RETURN, LI),), RETURN, SUN, "看不清时间", "等待答复"),
        (((RETURN, LI),), ANSWER, LI, "我看错了，可以", "退回人不能自己答复"),
        (((RETURN, LI), (ANSWER, SUN)), ACCEPT, SUN, "", "复核人与答复人是同一人"),
        (((WITHDRAW, ZHANG),), ACCEPT, LI, "", "已撤回"),
        (((WITHDRAW, ZHANG),), RETURN, LI, "看不清时间", "已撤回"),
    ],
)
def test_who_may_not_say_what(
    hospital: Hospital,
    before: tuple[tuple[RemarkSort, Person], ...],
    sort: RemarkSort,
    by: Person,
    text: str,
    told: str,
) -> None:
    hospital.add()
    for one, who in before:
        say(hospital, one, who)
    lines = len(load_remarks(hospital.folder))
    with pytest.raises(EvidenceError, match=told):
        say(hospital, sort, by, text)
    assert len(load_remarks(hospital.folder)) == lines


@pytest.mark.parametrize("verdict", [Verdict.NONCONFORM, Verdict.PARTIAL])
def test_what_speaks_against_the_hospital_is_not_withdrawn_by_one_alone(
    hospital: Hospital, verdict: Verdict
) -> None:
    hospital.add(msgspec.structs.replace(DRAFT, verdict=verdict))
    with pytest.raises(EvidenceError, match="不能由采集人撤回"):
        say(hospital, WITHDRAW, ZHANG, "取错了主机")
    say(hospital, WITHDRAW, LI, "取错了主机")
    assert hospital.admissible() == []


def test_a_program_is_overruled_only_by_whoever_says_so(hospital: Hospital) -> None:
    hospital.add(msgspec.structs.replace(DRAFT, override="程序看错了端口"))
    with pytest.raises(EvidenceError, match="须由复核人明确同意") as caught:
        remark_on(hospital.folder, "EV-0001", Said(ACCEPT, LI), now=LATER)
    assert "张三提出、李四同意" in caught.value.cure
    assert hospital.admissible() == []
    say(hospital, ACCEPT, LI)
    assert hospital.admissible() == ["EV-0001"]


def test_a_remark_needs_a_record(hospital: Hospital) -> None:
    for number in ("EV-0001", "../engagement", "EV-0001.yaml", ""):
        with pytest.raises(EvidenceError, match="没有佐证"):
            say(hospital, NOTE, LI, number=number)


# ---- what counts -----------------------------------------------------------------------------------


def test_returned_evidence_counts_again_only_after_the_second_person_accepted(hospital: Hospital) -> None:
    hospital.add(msgspec.structs.replace(DRAFT, reviewed=Review(by=LI, at=NOW)))
    assert hospital.admissible() == ["EV-0001"]
    record = say(hospital, RETURN, LI)
    assert record.reviewed is None
    assert evidence.load_all(hospital.folder)[0].reviewed is None
    assert (hospital.admissible(), graves(hospital)) == ([], [Gravity.RETURNED])
    say(hospital, ANSWER, ZHANG, "已补拍，见 EV-0002")
    assert (hospital.admissible(), graves(hospital)) == ([], [Gravity.UNREVIEWED])
    record = say(hospital, ACCEPT, LI, "")
    assert record.reviewed == Review(by=LI, at=LATER)
    assert (hospital.admissible(), graves(hospital)) == (["EV-0001"], [])


def test_withdrawn_evidence_stays_on_file_and_does_not_count(hospital: Hospital) -> None:
    hospital.add()
    say(hospital, WITHDRAW, ZHANG, "取错了主机")
    (finding,) = hospital.check()
    assert (finding.gravity, finding.gravity.is_open) == (Gravity.WITHDRAWN, False)
    assert "张三撤回（取错了主机）" in finding.message
    assert hospital.admissible() == []
    assert (hospital.store / "EV-0001.png").exists()
    (hospital.store / "EV-0001.png").write_bytes(b"its file is not asked for any more")
    assert graves(hospital) == [Gravity.WITHDRAWN]


def test_a_note_changes_nothing(hospital: Hospital) -> None:
    before = hospital.add()
    assert say(hospital, NOTE, ZHANG, "截图为二期系统") == before
    assert hospital.admissible() == ["EV-0001"]


def test_the_remarks_rule_where_a_kill_came_before_the_record_was_written(hospital: Hospital) -> None:
    draft = msgspec.structs.replace(DRAFT, override="程序看错了端口，人工核查为另一服务")
    hospital.add(draft)
    path = hospital.store / "EV-0001.yaml"
    unreviewed = path.read_bytes()
    say(hospital, ACCEPT, LI, "")
    accepted = path.read_bytes()
    path.write_bytes(unreviewed)
    assert hospital.admissible() == ["EV-0001"]
    examined = evidence.examine(hospital.folder, hospital.suite, hospital.engagement, NOW.date())
    assert examined[0].record is not None
    assert examined[0].record.reviewed == Review(by=LI, at=LATER)
    say(hospital, RETURN, SUN)
    path.write_bytes(accepted)  # the return was noted, and the old review still stands in the record
    assert hospital.admissible() == []
    say(hospital, ANSWER, ZHANG, "端口属另一服务，已补说明")
    path.write_bytes(accepted)
    assert hospital.admissible() == []
    assert set(graves(hospital)) == {Gravity.UNREVIEWED}


# ---- the file --------------------------------------------------------------------------------------


def test_each_line_is_chained_and_damage_is_named(hospital: Hospital) -> None:
    hospital.add()
    for number in range(3):
        say(hospital, NOTE, LI, f"第 {number} 条")
    path = remarks_path(hospital.folder)
    lines = path.read_bytes().splitlines(keepends=True)
    for spoilt, place in (
        ([lines[0], lines[2]], 2),
        ([lines[0].replace("第 0 条".encode(), "改过".encode()), *lines[1:]], 2),
        ([lines[1], lines[0], lines[2]], 1),
        ([*lines[:2], b"no json\n"], 3),
        ([*lines[:2], b"{}\n"], 3),
    ):
        path.write_bytes(b"".join(spoilt))
        with pytest.raises(EvidenceError) as caught:
            hospital.admissible()
        assert caught.value.where == f"{path}:{place}"
        assert Gravity.MALFORMED in graves(hospital)
        with pytest.raises(EvidenceError):
            say(hospital, NOTE, LI)
        assert path.read_bytes() == b"".join(spoilt)


def test_a_line_that_a_kill_cut_off_is_passed_over_and_cut_away(hospital: Hospital) -> None:
    hospital.add()
    say(hospital, NOTE, LI, "完整")
    path = remarks_path(hospital.folder)
    path.write_bytes(path.read_bytes() + b'{"asset":"his-app","at"')
    assert [one.text for one in load_remarks(hospital.folder)] == ["完整"]
    assert hospital.admissible() == ["EV-0001"]
    say(hospital, NOTE, LI, "再写一条")
    assert [one.text for one in load_remarks(hospital.folder)] == ["完整", "再写一条"]


def test_a_remark_that_nobody_could_make_is_told_and_has_no_effect(hospital: Hospital) -> None:
    record = hospital.add(msgspec.structs.replace(DRAFT, verdict=Verdict.NONCONFORM))
    forged = Remark(
        id="RM-0001", at=LATER, by=ZHANG, sort=WITHDRAW, text="取错了主机", evidence=record.id
    )  # fmt: skip
    remarks_path(hospital.folder).write_bytes(msgspec.json.encode(forged, order="sorted") + b"\n")
    with pytest.raises(EvidenceError, match="不能由采集人撤回"):
        hospital.admissible()


def test_remarks_of_an_earlier_record_do_not_speak_of_a_later_one(hospital: Hospital) -> None:
    hospital.add()
    say(hospital, ACCEPT, LI, "")
    for path in hospital.store.glob("EV-0001*"):
        path.unlink()
    assert hospital.add().id == "EV-0002"
    record = msgspec.structs.replace(hospital.add(), id="EV-0001", filed_at=LATER + timedelta(hours=1))
    assert thread_of(record, load_remarks(hospital.folder)).standing is Standing.OPEN


def test_evil_text_stays_text(hospital: Hospital) -> None:
    hospital.add()
    text = '"},{"id":"RM-9"}\n<script>alert(1)</script>\u2028\\'
    say(hospital, NOTE, LI, text)
    assert load_remarks(hospital.folder)[0].text == text
    assert len(remarks_path(hospital.folder).read_bytes().splitlines()) == 1


# ---- two at once -----------------------------------------------------------------------------------


def test_who_looked_before_another_spoke_is_told(hospital: Hospital) -> None:
    record = hospital.add()
    seen = evidence.sight_of(record, thread_of(record, ()))
    say(hospital, RETURN, LI)
    with pytest.raises(Overtaken, match="打开之后已有变化"):
        remark_on(hospital.folder, record.id, Said(ACCEPT, SUN), seen=seen, now=LATER)
    now = evidence.load_all(hospital.folder)[0]
    fresh = evidence.sight_of(now, thread_of(now, load_remarks(hospital.folder)))
    remark_on(hospital.folder, record.id, Said(ACCEPT, SUN), seen=fresh, now=LATER)


def _notes(folder: Path, name: str) -> None:
    for number in range(8):
        remark_on(folder, "EV-0001", Said(NOTE, LI, f"{name} {number}"), now=LATER)


def test_processes_that_speak_at_once_lose_no_word(hospital: Hospital) -> None:
    hospital.add()
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_notes, args=(hospital.folder, str(one))) for one in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(60)
    said = [one.text for one in load_remarks(hospital.folder)]
    assert sorted(said) == sorted(f"{one} {number}" for one in range(4) for number in range(8))
    assert [json.loads(one)["id"] for one in remarks_path(hospital.folder).read_bytes().splitlines()] == [
        f"RM-{one:04d}" for one in range(1, 33)
    ]
