"""A round on disk: begun once, resumed, ended once; what is damaged is named, and nothing is doubled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from dengbao.errors import DengbaoError, StoreError, UsageError
from dengbao.judging import Outcome
from dengbao.model import Case, Engagement, Plan, Record, Status, Suite, Verdict
from dengbao.papers import for_papers
from dengbao.reconcile import make_record
from dengbao.rounds import (
    JUDGING,
    RecordBook,
    Round,
    begin_or_resume,
    claim,
    load_round,
    read_records,
    round_numbers,
)
from dengbao.session import Session, open_session

from .small_content import files_of, write_content, write_engagement

GOOD = Outcome(status=Status.JUDGED, verdict=Verdict.CONFORM, statement="经核查，是。")


@dataclass(frozen=True)
class Bench:
    folder: Path
    suite: Suite
    engagement: Engagement
    plan: Plan

    def begin(self, *, new: bool = False, operator: str = "", only_look: bool = False) -> Round:
        return begin_or_resume(
            self.folder,
            self.suite,
            self.engagement,
            self.plan,
            new=new,
            operator=operator,
            only_look=only_look,
        )

    def damage(self, name: str, data: bytes) -> Path:
        path = self.folder / "runs" / "round-1" / name
        path.write_bytes(data)
        return path


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    base = tmp_path_factory.mktemp("rounds")
    content = write_content(base / "content", {"good": "return say(True)", "bad": "return say(False)"})
    return open_session(write_engagement(base / "hospital"), content)


@pytest.fixture
def bench(session: Session, tmp_path: Path) -> Bench:
    return Bench(tmp_path, session.suite, session.engagement, session.plan)


def record(chosen: Round, case: Case) -> Record:
    return make_record(chosen, case, GOOD)


# ---- begin, resume, end --------------------------------------------------------------------------


def test_the_first_round_is_written_with_all_it_was_begun_with(bench: Bench) -> None:
    begun = bench.begin(operator="张三")
    assert begun.number == 1
    assert begun.info.operator == "张三"
    assert begun.info.ended_at is None
    assert load_round(bench.folder) == begun
    assert files_of(begun.folder) == {"run.json", "plan.json", "engagement.json"}


def test_an_unfinished_round_is_gone_on_with_and_an_ended_one_is_not(bench: Bench) -> None:
    first = bench.begin()
    assert bench.begin() == first
    ended = first.end()
    assert ended.info.ended_at is not None
    assert load_round(bench.folder).info.ended_at == ended.info.ended_at
    assert bench.begin().number == 2
    assert bench.begin(new=True).number == 3
    assert round_numbers(bench.folder) == (1, 2, 3)
    assert load_round(bench.folder, 1).info.ended_at is not None


def test_only_looking_writes_nothing(bench: Bench) -> None:
    assert bench.begin(only_look=True).number == 1
    assert files_of(bench.folder) == set()


def test_a_round_cut_off_before_it_was_begun_is_begun_again(bench: Bench) -> None:
    begun = bench.begin()
    (begun.folder / "run.json").unlink()
    (begun.folder / "plan.json").write_bytes(b'{"half')
    again = bench.begin()
    assert again.number == 1
    assert load_round(bench.folder).plan == bench.plan


@pytest.mark.parametrize("left", ["facts", "raw", "records.jsonl", "ledger.jsonl"])
def test_old_facts_never_pass_for_those_of_a_new_round(bench: Bench, left: str) -> None:
    begun = bench.begin()
    (begun.folder / left).mkdir()
    (begun.folder / "run.json").unlink()
    with pytest.raises(StoreError, match=r"没有 run\.json") as caught:
        bench.begin()
    assert caught.value.where == str(begun.folder)
    assert caught.value.cure


def test_resuming_is_refused_after_a_change_and_says_of_what(bench: Bench) -> None:
    bench.begin()
    other = msgspec.structs.replace
    changes = {
        "engagement.yaml": (bench.suite, other(bench.engagement, assets=()), bench.plan),
        "suites": (other(bench.suite, sha256="0"), bench.engagement, bench.plan),
        "checks": (bench.suite, bench.engagement, other(bench.plan, cases=bench.plan.cases[1:])),
    }
    for name, (suite, engagement, plan) in changes.items():
        with pytest.raises(UsageError, match=f"但 {name} 已改动") as caught:
            begin_or_resume(bench.folder, suite, engagement, plan)
        assert "--new-round" in caught.value.cure
        assert begin_or_resume(bench.folder, suite, engagement, plan, new=True, only_look=True).number == 2


def test_what_only_papers_print_may_change_while_a_round_is_under_way(bench: Bench) -> None:
    begun = bench.begin()
    named = msgspec.structs.replace(
        bench.engagement, report_number="2", period=(date(2026, 3, 2), date(2026, 3, 13)),
        institution=msgspec.structs.replace(bench.engagement.institution, name="改名医院"),
    )  # fmt: skip
    assert begin_or_resume(bench.folder, bench.suite, named, bench.plan).info == begun.info
    assert for_papers(begun.engagement, named) == named
    moved = msgspec.structs.replace(
        named, scope=msgspec.structs.replace(named.scope, addresses=("192.0.2.1",))
    )
    assert for_papers(begun.engagement, moved).scope == begun.engagement.scope


# ---- loading -------------------------------------------------------------------------------------


def test_without_any_round_it_is_said_how_to_begin(bench: Bench) -> None:
    with pytest.raises(UsageError, match="尚无检测记录") as caught:
        load_round(bench.folder)
    assert "dengbao run" in caught.value.cure
    assert round_numbers(bench.folder / "nowhere") == ()


def test_a_round_that_does_not_exist_is_refused_with_those_that_do(bench: Bench) -> None:
    bench.begin()
    with pytest.raises(UsageError, match="没有第 7 轮") as caught:
        load_round(bench.folder, 7)
    assert caught.value.cure == "现有轮次：1"


def test_folders_that_are_no_rounds_are_passed_over(bench: Bench) -> None:
    bench.begin()
    for name in ("round-01", "round-0", "round-x", "round-１", "round-2", "round--3"):
        (bench.folder / "runs" / name).mkdir()
        if name != "round-2":
            (bench.folder / "runs" / name / "run.json").touch()
    assert round_numbers(bench.folder) == (1,)


@pytest.mark.parametrize("name", ["run.json", "plan.json", "engagement.json"])
@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"round": "one"}', b"\xff\xfe", b'{"extra": 1}'])
def test_a_damaged_file_of_a_round_is_named(bench: Bench, name: str, data: bytes) -> None:
    bench.begin()
    path = bench.damage(name, data)
    with pytest.raises(StoreError, match="已损坏") as caught:
        load_round(bench.folder)
    assert (caught.value.where, bool(caught.value.cure)) == (str(path), True)
    assert caught.value.exit_code == 4
    with pytest.raises(StoreError):
        bench.begin()


@pytest.mark.parametrize("name", ["plan.json", "engagement.json"])
def test_a_lost_file_of_a_round_is_named(bench: Bench, name: str) -> None:
    begun = bench.begin()
    (begun.folder / name).unlink()
    with pytest.raises(StoreError, match="无法读取") as caught:
        load_round(bench.folder)
    assert caught.value.where.endswith(name)


def test_a_round_copied_under_another_number_is_noticed(bench: Bench) -> None:
    bench.begin().end()
    second = bench.begin()
    (second.folder / "run.json").write_bytes((bench.folder / "runs/round-1/run.json").read_bytes())
    with pytest.raises(StoreError, match="第 2 轮的目录里是第 1 轮"):
        load_round(bench.folder)


# ---- records -------------------------------------------------------------------------------------


def test_records_are_read_back_in_order(bench: Bench) -> None:
    begun = bench.begin()
    book = RecordBook(begun.records_path)
    assert not begun.records_path.exists()
    for case in begun.plan.cases:
        book.add(record(begun, case))
    book.close()
    assert list(begun.records()) == [one.id for one in begun.plan.cases]
    assert next(iter(begun.records().values())).verdict is Verdict.CONFORM


def test_a_case_is_recorded_once_across_sittings(bench: Bench) -> None:
    begun = bench.begin()
    case = begun.plan.cases[0]
    book = RecordBook(begun.records_path)
    book.add(record(begun, case))
    with pytest.raises(StoreError, match="已有结果记录"):
        book.add(record(begun, case))
    book.close()
    again = RecordBook(begun.records_path)
    assert set(again.known) == {case.id}
    with pytest.raises(StoreError, match="已有结果记录"):
        again.add(record(begun, case))
    again.close()
    assert len(begun.records_path.read_bytes().splitlines()) == 1


def test_the_torn_line_of_a_killed_process_is_written_anew(bench: Bench) -> None:
    begun = bench.begin()
    first, second = begun.plan.cases[:2]
    whole = msgspec.json.encode(record(begun, first)) + b"\n"
    torn = msgspec.json.encode(record(begun, second))[:-20]
    begun.records_path.write_bytes(whole + torn)
    book = RecordBook(begun.records_path)
    assert set(book.known) == {first.id}
    book.add(record(begun, second))
    book.close()
    assert list(begun.records()) == [first.id, second.id]


def test_a_record_that_was_not_written_is_not_known(bench: Bench) -> None:
    begun = bench.begin()
    begun.records_path.parent.joinpath("x").touch()
    book = RecordBook(begun.folder / "x" / "records.jsonl")
    with pytest.raises(OSError, match="x"):
        book.add(record(begun, begun.plan.cases[0]))
    assert book.known == {}
    book.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line[:-10] + b"\n",
        lambda _line: b"\n",
        lambda line: line.replace(b'"judged"', b'"jugded"'),
        lambda line: line.replace(b'"conform"', b'"\xff\xfe"'),
        lambda line: line.replace(b'"item"', b'"itme"'),
    ],
)
def test_a_damaged_line_is_named_with_its_number(bench: Bench, spoil: object) -> None:
    assert callable(spoil)
    begun = bench.begin()
    lines = [msgspec.json.encode(record(begun, one)) + b"\n" for one in begun.plan.cases[:2]]
    begun.records_path.write_bytes(lines[0] + spoil(lines[1]))
    with pytest.raises(StoreError, match="结果记录已损坏") as caught:
        read_records(begun.records_path)
    assert caught.value.where == f"{begun.records_path}:2"
    with pytest.raises(StoreError):
        RecordBook(begun.records_path)


def test_two_records_of_one_case_are_noticed(bench: Bench) -> None:
    begun = bench.begin()
    line = msgspec.json.encode(record(begun, begun.plan.cases[0])) + b"\n"
    begun.records_path.write_bytes(line + line)
    with pytest.raises(StoreError, match="有两条结果记录") as caught:
        begun.records()
    assert caught.value.where.endswith(":2")


def test_stored_files_can_be_read_by_people(bench: Bench) -> None:
    begun = bench.begin()
    text = (begun.folder / "engagement.json").read_text(encoding="utf-8")
    assert "测试医院" in text
    assert json.loads(text)["institution"]["name"] == "测试医院"
    assert datetime.fromisoformat(
        json.loads((begun.folder / "run.json").read_text())["begun_at"]
    ) < datetime.now(UTC)


# ---- one at a time -------------------------------------------------------------------------------


def test_a_folder_is_worked_on_by_one_at_a_time(tmp_path: Path) -> None:
    with claim(tmp_path):
        with pytest.raises(UsageError, match="另一个检测正在此项目上运行") as caught:
            claim(tmp_path)
        assert caught.value.cure
        claim(tmp_path, JUDGING).release()
    claim(tmp_path).release()


def test_who_waits_gets_in_when_the_other_is_done(tmp_path: Path) -> None:
    held = claim(tmp_path, JUDGING)
    with pytest.raises(DengbaoError):
        claim(tmp_path, JUDGING, wait_s=0.05)
    held.release()
    claim(tmp_path, JUDGING, wait_s=0.05).release()
