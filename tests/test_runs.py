"""A run from the command line: one record a case, the same from every door, repeatable offline."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .runs import ROOT, dengbao, environment, planned, records, write_engagement
from .servers.counting import PASSWORD, Counting, counting_server


@pytest.fixture(scope="module")
def server() -> Iterator[Counting]:
    with counting_server() as app:
        yield app


@pytest.fixture(scope="module")
def finished(server: Counting, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an engagement after one whole run."""
    folder = write_engagement(tmp_path_factory.mktemp("runs") / "hospital", {"his": server.url})
    done = dengbao("run", folder)
    assert done.returncode == 3, done.stderr
    return folder


def test_every_planned_case_has_exactly_one_record(finished: Path) -> None:
    assert sorted(str(one["case"]) for one in records(finished)) == sorted(planned(finished))
    assert len(planned(finished)) >= 74
    assert any(one["verdict"] == "conform" for one in records(finished))
    assert any(one["verdict"] == "nonconform" for one in records(finished))
    assert not any(one["status"] == "not_run" for one in records(finished))


def test_the_password_is_in_no_file_of_the_engagement(finished: Path) -> None:
    holders = [one for one in finished.rglob("*") if one.is_file() and PASSWORD.encode() in one.read_bytes()]
    assert holders == []


def test_pytest_itself_does_the_same_run(finished: Path, server: Counting, tmp_path: Path) -> None:
    folder = write_engagement(tmp_path / "hospital", {"his": server.url})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "checks", "--engagement", str(folder), "-q"],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stdout
    assert "不符合" in done.stdout
    assert records(folder) == records(finished)


def test_chosen_items_leave_the_round_open(server: Counting, tmp_path: Path) -> None:
    folder = write_engagement(tmp_path / "hospital", {"his": server.url})
    done = dengbao("run", folder, "--item", "1.a")
    assert {str(one["item"]) for one in records(folder)} <= {"1.a.1", "1.a.2", "1.a.3", "1.a.4"}
    assert "本轮尚有用例未测" in done.stdout
    assert dengbao("run", folder).returncode == 3
    assert sorted(str(one["case"]) for one in records(folder)) == sorted(planned(folder))


def test_judging_again_needs_no_network_and_yields_the_same(finished: Path, server: Counting) -> None:
    before = len(server.requests)
    done = dengbao("judge", finished)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "完全一致" in done.stdout
    assert len(server.requests) == before


def test_the_operators_pytest_settings_cannot_change_a_run(
    finished: Path, server: Counting, tmp_path: Path
) -> None:
    folder = write_engagement(tmp_path / "hospital", {"his": server.url})
    (tmp_path / "evil.py").write_text(
        "def pytest_collection_modifyitems(items):\n    items.clear()\n", encoding="utf-8"
    )
    hostile = environment(
        PYTEST_ADDOPTS="-k nothing --deselect checks -x", PYTEST_PLUGINS="evil", PYTHONPATH=str(tmp_path)
    )
    assert dengbao("run", folder, env=hostile).returncode == 3
    assert records(folder) == records(finished)


def test_a_finished_round_is_followed_by_the_next(finished: Path, server: Counting, tmp_path: Path) -> None:
    folder = write_engagement(tmp_path / "hospital", {"his": server.url})
    dengbao("run", folder)
    dengbao("run", folder)
    assert [one["round"] for one in records(folder, 2)][:1] == [2]
    told = dengbao("compare", folder, "--from", "1", "--to", "2")
    assert told.returncode == 0
    assert "变差0条" in told.stdout


def test_evidence_of_a_later_state_does_not_count_for_an_earlier_round(
    server: Counting, tmp_path: Path
) -> None:
    folder = write_engagement(tmp_path / "hospital", {"his": server.url})
    (tmp_path / "note.txt").write_text("访谈记录", encoding="utf-8")
    dengbao("run", folder, "--item", "2.e.1")
    dengbao("run", folder, "--new-round", "--item", "2.e.1")
    filed = dengbao(
        "evidence", "add", folder, tmp_path / "note.txt", "--item", "2.e.1", "--asset", "system",
        "--kind", "访谈记录", "--method", "访谈", "--verdict", "符合", "--statement", "由信息科统一授权",
        "--by", "张三/测试科技", "--reviewed-by", "李四/测试医院",
    )  # fmt: skip
    assert filed.returncode == 0, filed.stderr

    def verdict(number: int) -> object:
        told = dengbao("status", folder, "--round", str(number), "--format", "json")
        return json.loads(told.stdout)["items"]["2.e.1"]["verdict"]

    assert verdict(1) is None
    assert verdict(2) == "conform"


def test_a_damaged_fact_is_named_and_never_judged(finished: Path, server: Counting, tmp_path: Path) -> None:
    folder = write_engagement(tmp_path / "hospital", {"his": server.url})
    dengbao("run", folder)
    victim = next((folder / "runs" / "round-1" / "facts" / "his").glob("web.anonymous.json"))
    victim.write_bytes(victim.read_bytes().replace(b"200", b"302", 1))
    done = dengbao("judge", folder)
    assert done.returncode == 4
    assert "web.anonymous.json" in done.stdout
    assert "不符" in done.stdout
    report = dengbao("report", folder)
    assert report.returncode == 4
    assert "事实文件损坏" in report.stderr


def test_an_unfinished_round_is_not_gone_on_with_after_the_engagement_changed(
    server: Counting, tmp_path: Path
) -> None:
    folder = write_engagement(tmp_path / "hospital", {"his": server.url})
    dengbao("run", folder, "--item", "1.a.1")
    text = (folder / "engagement.yaml").read_text(encoding="utf-8")
    text = text.replace("[/patients]", "[/patients, /home]")
    (folder / "engagement.yaml").write_text(text, encoding="utf-8")
    refused = dengbao("run", folder)
    assert refused.returncode == 2
    assert "engagement.yaml 已改动" in refused.stderr
    assert dengbao("run", folder, "--new-round").returncode == 3


def test_two_runs_do_not_share_an_engagement(server: Counting, tmp_path: Path) -> None:
    with counting_server(delay_s=0.3) as slow:
        folder = write_engagement(tmp_path / "hospital", {"his": slow.url})
        first = subprocess.Popen(
            [sys.executable, "-m", "dengbao", "run", str(folder)],
            env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            while not slow.requests and first.poll() is None:
                pass
            second = dengbao("run", folder)
        finally:
            first.communicate(timeout=60)
    assert second.returncode == 2
    assert "另一个检测正在此项目上运行" in second.stderr


def test_status_has_the_shape_that_was_promised(finished: Path) -> None:
    told = dengbao("status", finished, "--format", "json")
    shape = json.loads(told.stdout)
    assert told.returncode == 3
    assert set(shape) == {
        "suite", "round", "items", "clauses", "counts", "stage", "evidence", "damaged",
    }  # fmt: skip
    assert len(shape["items"]) == 74
    assert len(shape["clauses"]) == 32
    assert shape["items"]["1.a.1"]["assets"]["his"]["source"] == "automatic"
    assert sum(shape["counts"].values()) == 74


def test_the_end_of_a_round_is_exit_code_three_before_one(finished: Path) -> None:
    """Some cases are 不符合 and some are not judged: 3 outranks 1."""
    assert any(one["verdict"] == "nonconform" for one in records(finished))
    assert dengbao("status", finished).returncode == 3
