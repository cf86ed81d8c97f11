"""`pytest checks --engagement DIR` is a run: same cases, same records, and no way round the guard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dengbao import evidence
from dengbao.evidence import Draft
from dengbao.model import EvidenceKind, Method, Person, Verdict
from dengbao.rounds import JUDGING, claim, load_round, read_records
from dengbao.runner import comparable
from dengbao.session import open_session

from .builders import draw_picture
from .runs import planned, records
from .servers.counting import Counting, counting_server
from .small_content import files_of, pytest_run, write_content, write_engagement

EXPECTED = {
    "1.a.1@his-bak/demo.good": "conform",
    "1.a.2@his-bak/demo.bad": "nonconform",
    "1.a.3@his-bak/demo.part": "partial",
    "1.a.4@his-bak/demo.cannot": "undetermined",
    "1.a.5@his-bak/demo.none": "not_applicable",
    "1.a.6@his-bak/demo.breaks": "undetermined",
    "1.a.7@his-bak/demo.wrong": "undetermined",
    "1.a.8@his-bak/demo.exits": "undetermined",
    "2.a.1@his/demo.page": "conform",
    "M.1@system/by_hand": "awaiting_evidence",
}


@dataclass(frozen=True)
class Ran:
    """One whole run through pytest."""

    content: Path
    folder: Path
    server: Counting
    said: str
    code: int


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_content(tmp_path_factory.mktemp("plugin") / "content")


@pytest.fixture(scope="module")
def ran(content: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    with counting_server() as server:
        folder = write_engagement(tmp_path_factory.mktemp("ran") / "hospital", server.url)
        done = pytest_run(content, folder, "-v")
        yield Ran(content, folder, server, done.stdout, done.returncode)


def verdicts(folder: Path) -> dict[str, str]:
    return {str(one["case"]): str(one["verdict"] or one["status"]) for one in records(folder)}


# ---- a whole run ---------------------------------------------------------------------------------


def test_every_planned_case_gets_one_record_whatever_its_check_does(ran: Ran) -> None:
    assert verdicts(ran.folder) == EXPECTED
    assert sorted(planned(ran.folder)) == sorted(EXPECTED)
    assert len(records(ran.folder)) == len(EXPECTED)
    assert ran.code == 3


def test_a_check_that_breaks_is_a_bug_and_never_a_verdict(ran: Ran) -> None:
    by_case = {one["case"]: one for one in records(ran.folder)}
    for name, error in (("6@his-bak/demo.breaks", "ZeroDivisionError"), ("7@his-bak/demo.wrong", "TypeError"),
                        ("8@his-bak/demo.exits", "SystemExit")):  # fmt: skip
        record = by_case[f"1.a.{name}"]
        assert (record["verdict"], record["reason"]) == (None, "bug")
        assert error in str(record["statement"])


def test_the_terminal_speaks_the_official_words(ran: Ran) -> None:
    assert "dengbao" in ran.said
    assert "测试医院 第 1 轮" in ran.said
    assert "采集 his 查看未登录时的页面" in ran.said
    assert "2 符合, 1 不符合, 1 部分符合, 4 无法判定, 1 不适用" in ran.said
    assert "不符合 1.a.2@his-bak/demo.bad：经核查，有 1 个文件。" in ran.said
    assert "无法判定 1.a.4@his-bak/demo.cannot：经核查，两处配置矛盾。" in ran.said
    assert f"第 1 轮；各项状态：dengbao status {ran.folder}" in ran.said
    assert "Traceback" not in ran.said


def test_records_tell_what_they_rest_on(ran: Ran) -> None:
    record = next(iter(load_round(ran.folder).records().values()))
    assert record.params == {"limit": 8}
    assert [one.fact for one in record.facts] == ["backup.files"]
    assert record.suite == "small"


def test_the_round_is_ended_and_nothing_stays_locked(ran: Ran) -> None:
    info = json.loads((ran.folder / "runs" / "round-1" / "run.json").read_text(encoding="utf-8"))
    assert info["ended_at"]
    claim(ran.folder).release()
    claim(ran.folder, JUDGING).release()


def test_judging_again_asks_nobody_and_yields_the_same(ran: Ran, tmp_path: Path) -> None:
    before = len(ran.server.requests)
    official = (ran.folder / "runs" / "round-1" / "records.jsonl").read_bytes()
    done = pytest_run(
        ran.content, ran.folder, "--facts-only", "-q", "--records", str(tmp_path / "again.jsonl")
    )
    assert done.returncode == 3
    again, first = read_records(tmp_path / "again.jsonl"), load_round(ran.folder).records()
    assert [comparable(one) for one in again.values()] == [comparable(one) for one in first.values()]
    assert len(ran.server.requests) == before
    assert (ran.folder / "runs" / "round-1" / "records.jsonl").read_bytes() == official


def test_judging_again_never_writes_over_a_file(ran: Ran) -> None:
    official = ran.folder / "runs" / "round-1" / "records.jsonl"
    before = official.read_bytes()
    done = pytest_run(ran.content, ran.folder, "--facts-only", "--records", str(official))
    assert done.returncode == 4
    assert "不覆盖" in done.stderr
    assert official.read_bytes() == before


# ---- a part of a run -----------------------------------------------------------------------------


def test_collecting_only_sends_nothing_and_writes_nothing(ran: Ran, tmp_path: Path) -> None:
    folder = write_engagement(tmp_path / "hospital", ran.server.url)
    before, files = len(ran.server.requests), files_of(folder)
    done = pytest_run(ran.content, folder, "--collect-only", "-q")
    assert done.returncode == 0
    assert "1.a.2@his-bak" in done.stdout
    assert len(ran.server.requests) == before
    assert files_of(folder) == files


def test_a_choice_by_name_runs_and_fetches_only_that_and_leaves_the_round_open(
    ran: Ran, tmp_path: Path
) -> None:
    folder = write_engagement(tmp_path / "hospital", ran.server.url)
    before = len(ran.server.requests)
    done = pytest_run(ran.content, folder, "-k", "demo.good or 1.a.2", "-q")
    assert done.returncode == 3
    assert "尚有用例未测" in done.stdout
    assert set(verdicts(folder)) == {"1.a.1@his-bak/demo.good", "1.a.2@his-bak/demo.bad"}
    assert len(ran.server.requests) == before

    only = pytest_run(ran.content, folder, "--item", "1.a", "--item", "2", "-q")
    assert only.returncode == 3
    assert "2 deselected" in only.stdout  # those that were judged before
    assert "此前已采集，不再连接" in only.stdout
    assert verdicts(folder) == EXPECTED


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--item", "1.a", "--item", "9.z"), "没有与 9.z 相符的测评项"),
        (("--records", "x.jsonl"), "--records 须与 --facts-only 同用"),
        (("--facts-only",), "尚无检测记录"),
    ],
)
def test_what_makes_no_sense_is_refused_in_chinese(
    content: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    folder = write_engagement(tmp_path / "hospital")
    done = pytest_run(content, folder, *options)
    assert done.returncode == 4
    assert message in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_folder_that_is_no_engagement_is_refused(content: Path, tmp_path: Path) -> None:
    done = pytest_run(content, tmp_path / "nowhere")
    assert done.returncode == 4
    assert "找不到项目文件" in done.stderr


def test_without_an_engagement_nothing_is_collected_and_it_is_said_why(content: Path) -> None:
    done = pytest_run(content, None, "-q")
    assert done.returncode == 5
    assert "未给出项目，检查不运行。用法：pytest checks --engagement 项目目录" in done.stdout


def test_tests_of_others_are_left_alone(content: Path, tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_one():\n    assert True\n", encoding="utf-8")
    done = pytest_run(
        tmp_path, None, "-q", target="test_other.py", env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    )
    assert done.returncode == 0
    assert "项目" not in done.stdout


# ---- company -------------------------------------------------------------------------------------

FAKE_XDIST = """
def pytest_addoption(parser):
    parser.addoption("--dist", default="no")
"""
BREAKS_DOWN = """
def pytest_runtest_logreport(report):
    raise RuntimeError("a plugin of the operator broke")
"""


def test_xdist_is_refused(content: Path, tmp_path: Path) -> None:
    (tmp_path / "like_xdist.py").write_text(FAKE_XDIST, encoding="utf-8")
    folder = write_engagement(tmp_path / "hospital")
    options = ("-p", "like_xdist", "--dist", "load")
    done = pytest_run(content, folder, *options, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 4
    assert "不支持 pytest-xdist" in done.stderr
    assert not (folder / "runs").exists()


def test_a_breakdown_is_not_taken_for_a_result(content: Path, tmp_path: Path) -> None:
    """The number that pytest itself gives it is 3, which would say that some cases are not judged."""
    (tmp_path / "breaker.py").write_text(BREAKS_DOWN, encoding="utf-8")
    folder = write_engagement(tmp_path / "hospital")
    done = pytest_run(content, folder, "-p", "breaker", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 70


def test_two_runs_do_not_share_an_engagement(content: Path, tmp_path: Path) -> None:
    folder = write_engagement(tmp_path / "hospital")
    with claim(folder):
        done = pytest_run(content, folder)
    assert done.returncode == 4
    assert "另一个检测正在此项目上运行" in done.stderr
    assert not (folder / "runs" / "round-1").exists()


def test_a_folder_that_cannot_be_written_is_told_plainly(content: Path, tmp_path: Path) -> None:
    folder = write_engagement(tmp_path / "hospital")
    (folder / "runs").write_text("a file where a folder should be", encoding="utf-8")
    done = pytest_run(content, folder)
    assert done.returncode == 4
    assert "检查权限与磁盘" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


# ---- evidence counts here too --------------------------------------------------------------------


def file_evidence(folder: Path, content: Path, tmp_path: Path) -> None:
    session = open_session(folder, content)
    now = datetime.now(UTC).astimezone()
    draft = Draft(
        items=("M.1", "2.a.1"), asset="system", method=Method.EXAMINE, kind=EvidenceKind.SCREENSHOT,
        collected_at=now, collected_by=Person(name="张三", org="某科技"), statement="经核查，如此。",
        verdict=Verdict.CONFORM, redacted=True,
    )  # fmt: skip
    picture = draw_picture(tmp_path / "picture.png")
    evidence.add(folder, draft, [picture], suite=session.suite, engagement=session.engagement, now=now)


def test_with_all_evidence_filed_the_exit_code_is_that_of_the_whole(tmp_path: Path) -> None:
    content = write_content(tmp_path / "content", {"good": "return say(True)"})
    folder = write_engagement(tmp_path / "hospital")
    file_evidence(folder, content, tmp_path)
    assert pytest_run(content, folder, "-q").returncode == 0


def test_altered_evidence_is_named_and_ends_with_four(tmp_path: Path) -> None:
    content = write_content(tmp_path / "content", {"good": "return say(True)"})
    folder = write_engagement(tmp_path / "hospital")
    file_evidence(folder, content, tmp_path)
    draw_picture(folder / "evidence" / "EV-0001.png", "black")
    done = pytest_run(content, folder, "-q")
    assert done.returncode == 4
    assert "被改动" in done.stdout
