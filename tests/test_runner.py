"""One run from within: what breaks the judging, what is lost, what is left of a killed run."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dengbao.content import find_content
from dengbao.engines import ENGINES, find_engines
from dengbao.errors import ContentError, UsageError
from dengbao.model import Plan, Status, Verdict
from dengbao.prefetch import Progress
from dengbao.rounds import claim, load_round
from dengbao.runner import RunFailed, clean_environment, judge_again, run
from dengbao.session import open_session

from .small_content import files_of, write_check, write_content, write_engagement

GOOD = {"good": "return say(True)"}


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return write_content(tmp_path / "content", GOOD)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_engagement(tmp_path / "hospital")


def test_a_run_tells_its_steps_and_returns_the_ended_round(content: Path, folder: Path) -> None:
    steps: list[Progress] = []
    judging: list[Plan] = []
    done = run(folder, content=content, operator="张三", watch=steps.append, judging=judging.append)
    assert [one.state for one in steps if one.state != "says"] == ["begun", "done"]
    assert len(judging) == 1
    assert done.round.info.ended_at is not None
    assert done.round.info.operator == "张三"
    assert not done.resumed
    assert {one.status for one in done.records.values()} == {Status.JUDGED, Status.AWAITING_EVIDENCE}
    assert judge_again(folder, content=content) == (done.round, ())


def test_an_unknown_item_begins_no_round(content: Path, folder: Path) -> None:
    with pytest.raises(UsageError, match=r"没有与 9\.z 相符"):
        run(folder, content=content, items=("1.a", "9.z"))
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("code", [1, 3])
def test_a_judging_process_that_dies_is_never_taken_for_one_that_judged(
    content: Path, folder: Path, code: int
) -> None:
    """Python ends with 1 when it breaks down and pytest with 3: both also say something of a round."""
    write_check(content, "good", f"import os; os._exit({code})")
    with pytest.raises(RunFailed, match=rf"异常结束（{code}）") as caught:
        run(folder, content=content)
    assert "再次运行即可继续" in caught.value.cure
    assert load_round(folder).info.ended_at is None
    assert load_round(folder).records() == {}

    write_check(content, "good", "return say(True)  # mended")
    done = run(folder, content=content)
    assert done.resumed
    assert done.records["1.a.1@his-bak/demo.good"].verdict is Verdict.CONFORM


def test_a_judging_process_that_hangs_is_stopped(content: Path, folder: Path) -> None:
    write_check(content, "good", "import time; time.sleep(600)")
    with pytest.raises(RunFailed, match="1 秒内未结束"):
        run(folder, content=content, judging_limit_s=1)
    claim(folder).release()


def test_records_that_cannot_be_written_end_the_run_in_words(content: Path, folder: Path) -> None:
    def spoil(_plan: Plan) -> None:
        (folder / "runs" / "round-1" / "records.jsonl").mkdir()

    with pytest.raises(RunFailed, match="无法读取"):
        run(folder, content=content, judging=spoil)
    assert load_round(folder).info.ended_at is None


def test_a_case_whose_check_file_vanished_is_recorded_as_not_run(content: Path, folder: Path) -> None:
    """Nothing vanishes: the file is hidden from the judging process only."""
    (content / "conftest.py").write_text("", encoding="utf-8")

    def hide(_plan: Plan) -> None:
        target = content / "elsewhere.py"
        (content / "checks" / "demo" / "good.py").rename(target)
        (content / "checks" / "demo" / "good.py").symlink_to(target)

    done = run(folder, content=content, judging=hide)
    record = done.records["1.a.1@his-bak/demo.good"]
    assert (record.status, record.verdict) == (Status.NOT_RUN, None)
    assert done.round.info.ended_at is not None


def test_what_judges_for_a_run_that_was_killed_leaves_the_rest_to_the_next(tmp_path: Path) -> None:
    """Else it would end the round behind its back, and the next run would ask everything once more."""
    slow = dict.fromkeys(("one", "two", "three", "four"), "import time; time.sleep(0.4); return say(True)")
    content = write_content(tmp_path / "content", slow)
    folder = write_engagement(tmp_path / "hospital")
    code = "import sys; from pathlib import Path; from dengbao.runner import run;"
    code += "run(Path(sys.argv[1]), content=Path(sys.argv[2]))"
    killed = subprocess.Popen([sys.executable, "-c", code, str(folder), str(content)])
    records = folder / "runs" / "round-1" / "records.jsonl"
    while not records.exists() and killed.poll() is None:
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    done = run(folder, content=content)
    assert done.resumed
    assert done.round.number == 1
    assert {one.verdict for one in done.records.values() if one.check} == {Verdict.CONFORM}
    assert sorted(done.records) == sorted(one.id for one in done.round.plan.cases)


def test_a_run_waits_for_what_a_killed_run_left_judging(content: Path, folder: Path) -> None:
    code = "import sys; from pathlib import Path; from dengbao.rounds import JUDGING, claim;"
    code += "lock = claim(Path(sys.argv[1]), JUDGING); print('held', flush=True); sys.stdin.read()"
    orphan = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert orphan.stdout is not None
    assert orphan.stdout.readline() == b"held\n"
    ends = threading.Timer(0.3, orphan.communicate)
    ends.start()
    done = run(folder, content=content)
    ends.join()
    assert orphan.returncode == 0
    assert done.round.number == 1


def test_judging_again_names_what_differs_and_touches_no_record(content: Path, folder: Path) -> None:
    done = run(folder, content=content)
    before = done.round.records_path.read_bytes()
    write_check(content, "good", "return say(False)")
    _round, (difference,) = judge_again(folder, content=content)
    assert difference.case == "1.a.1@his-bak/demo.good"
    assert difference.recorded is not None
    assert difference.again is not None
    assert (difference.recorded.verdict, difference.again.verdict) == (Verdict.CONFORM, Verdict.NONCONFORM)
    assert done.round.records_path.read_bytes() == before
    assert "judged-again.jsonl" not in files_of(done.round.folder)


def test_judging_an_unfinished_round_again_speaks_only_of_what_it_judged(tmp_path: Path) -> None:
    content = write_content(tmp_path / "content", {**GOOD, "bad": "return say(False)"})
    folder = write_engagement(tmp_path / "hospital")
    run(folder, content=content, items=("1.a.1",))
    assert judge_again(folder, content=content)[1] == ()


def test_the_environment_of_a_run_is_free_of_the_operators_pytest_settings() -> None:
    kept = clean_environment({"PATH": "/bin", "PYTEST_ADDOPTS": "-x", "PYTEST_PLUGINS": "evil"})
    assert kept == {"PATH": "/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONUTF8": "1"}


def test_a_run_in_a_chinese_legacy_locale_keeps_its_words(content: Path, folder: Path) -> None:
    write_check(content, "good", "raise Undetermined('经核查，两处配置矛盾。')")
    code = (
        "import sys; from pathlib import Path; from dengbao.runner import run;"
        "done = run(Path(sys.argv[1]), content=Path(sys.argv[2]));"
        "print(ascii([one.statement for one in done.records.values()]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(content)],
        env={"LC_ALL": "zh_CN.GB18030", "PATH": "/usr/bin"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ascii("经核查，两处配置矛盾。") in done.stdout


# ---- content, session, engines -------------------------------------------------------------------


def test_content_is_found_in_the_checkout_or_where_it_is_said_to_be(content: Path, tmp_path: Path) -> None:
    assert (find_content().root / "pyproject.toml").is_file()
    assert find_content(content).checks == content / "checks"
    with pytest.raises(ContentError, match="找不到 suites、checks、templates") as caught:
        find_content(tmp_path)
    assert (caught.value.where, "--content" in caught.value.cure) == (str(tmp_path), True)


def test_a_session_knows_its_assets_only(content: Path, folder: Path) -> None:
    session = open_session(folder, content)
    assert session.asset("his-bak").name == "每日备份"
    with pytest.raises(UsageError, match="没有测评对象 nobody"):
        session.asset("nobody")


def on_path() -> dict[str, str]:
    """Return the engines but for those that are found elsewhere: Debian's servers, our own environments."""
    elsewhere = {"postgres", "mariadbd", "schemathesis"}
    return {name: path for name, path in find_engines().items() if name not in elsewhere}


def test_the_database_servers_are_found_where_debian_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    found = find_engines()
    assert Path(found["postgres"]).parent.parent.parent == Path("/usr/lib/postgresql")
    assert found["mariadbd"] == "/usr/sbin/mariadbd"


def test_engines_are_found_by_name_and_sslyze_by_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("nmap", "soffice"):
        (tmp_path / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DENGBAO_SSLYZE", str(tmp_path / "nmap"))
    assert on_path() == {
        "nmap": str(tmp_path / "nmap"),
        "soffice": str(tmp_path / "soffice"),
        "sslyze": str(tmp_path / "nmap"),
    }
    monkeypatch.setenv("DENGBAO_SSLYZE", str(tmp_path / "gone"))
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert on_path() == {}
    assert all(one.cure and one.purpose for one in ENGINES)
