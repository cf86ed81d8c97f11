"""Collected files are verified, kept and registered; the script that writes them works in every shell."""

from __future__ import annotations

import subprocess
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from dengbao.carrying import SCRIPTS, collector, import_facts
from dengbao.catalog import load_engagement, load_suite
from dengbao.content import find_content
from dengbao.errors import ContentError, EvidenceError, UsageError
from dengbao.evidence import Gravity, admissible, carried_folder, check, load_carried
from dengbao.model import Person
from dengbao.probes.collected import open_collected
from dengbao.probes.host.collect import script, script_to_carry
from tests.builders import ENGAGEMENT, write_engagement, write_suite
from tests.cli.conftest import call_main
from tests.probes.envelopes import envelope

BY = Person(name="张三", org="某某科技")
AT = datetime.fromisoformat("2026-03-02T09:00:00+08:00")
LATER = "2026-03-05T10:00:00+08:00"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    second = ENGAGEMENT.replace(
        "not_applicable:", "  - {kind: host, id: his-db, name: 库, address: 192.0.2.21}\nnot_applicable:"
    )
    return write_engagement(tmp_path / "hospital", second)


def take(folder: Path, data: bytes, *, asset: str = "his-app", replace: bool = False) -> str:
    """Import a file and return the line for the engagement."""
    source = folder.parent / "brought.txt"
    source.write_bytes(data)
    taken = import_facts(
        folder, source, asset_id=asset, by=BY, at=AT, engagement=load_engagement(folder), profile={},
        replace=replace,
    )  # fmt: skip
    return taken.line


def test_a_file_is_copied_and_registered_with_who_and_when(folder: Path) -> None:
    data = envelope()
    before = (folder / "engagement.yaml").read_bytes()
    assert take(folder, data) == "collected: evidence/collected/his-app.txt"
    kept = carried_folder(folder) / "his-app.txt"
    assert kept.read_bytes() == data
    [record] = load_carried(folder)
    assert record.file.sha256 == open_collected(kept).sha256
    assert (record.host, record.brought_by, record.brought_at) == ("srv-his01", BY, AT)
    assert (folder / "engagement.yaml").read_bytes() == before


def test_a_newer_file_of_the_same_host_takes_the_place_and_the_old_one_is_kept(folder: Path) -> None:
    take(folder, envelope())
    take(folder, envelope(begun=LATER))
    records = load_carried(folder)
    assert len(records) == 2
    current = next(one for one in records if one.file.name == "his-app.txt")
    assert current.begun.isoformat() == LATER
    assert {one.name for one in carried_folder(folder).glob("*.txt")} == {one.file.name for one in records}


def test_the_same_file_twice_changes_nothing(folder: Path) -> None:
    take(folder, envelope())
    take(folder, envelope())
    assert len(load_carried(folder)) == 1


@pytest.mark.parametrize(
    ("first", "second", "asset", "said"),
    [
        ({}, {"host": "srv-other"}, "his-app", "来自主机 srv-other"),
        ({"begun": LATER}, {}, "his-app", "早于"),
        ({}, {}, "his-db", "已登记在 his-app 名下"),
    ],
    ids=["another host", "older", "another asset"],
)
def test_what_looks_like_the_wrong_file_needs_a_word(
    folder: Path, first: dict[str, str], second: dict[str, str], asset: str, said: str
) -> None:
    take(folder, envelope(**first))
    with pytest.raises(EvidenceError, match=said) as caught:
        take(folder, envelope(**second), asset=asset)
    assert "--replace" in caught.value.cure
    take(folder, envelope(**second), asset=asset, replace=True)
    assert (carried_folder(folder) / f"{asset}.txt").read_bytes() == envelope(**second)


def test_what_is_no_collected_file_is_not_kept(folder: Path) -> None:
    for data in (b"", b"hello\n", envelope()[:-10], envelope(platform="windows")):
        with pytest.raises(EvidenceError):
            take(folder, data)
    with pytest.raises(UsageError, match="his-web"):
        take(folder, envelope(), asset="his-web")
    assert not carried_folder(folder).exists()


def test_a_file_altered_afterwards_is_found_and_nothing_counts(folder: Path, tmp_path: Path) -> None:
    suite = load_suite(write_suite(tmp_path))
    engagement = load_engagement(folder)
    take(folder, envelope())
    assert check(folder, suite, engagement, AT.date()) == []
    (carried_folder(folder) / "his-app.txt").write_bytes(envelope(host="forged"))
    assert [one.gravity for one in check(folder, suite, engagement, AT.date())] == [Gravity.ALTERED]
    with pytest.raises(EvidenceError, match="登记后被改动"):
        admissible(folder, suite, engagement, AT.date())


def test_a_spoiled_record_is_named(folder: Path, tmp_path: Path) -> None:
    take(folder, envelope())
    (carried_folder(folder) / "his-app.yaml").write_text("asset: [", encoding="utf-8")
    findings = check(folder, load_suite(write_suite(tmp_path)), load_engagement(folder), AT.date())
    assert [one.gravity for one in findings] == [Gravity.MALFORMED]


# ---- the commands --------------------------------------------------------------------------------


def test_the_command_prints_the_line_until_the_engagement_has_it(tmp_path: Path) -> None:
    folder = write_engagement(tmp_path / "hospital", ENGAGEMENT.replace("suite: small", "suite: annex3-2023"))
    text = (folder / "engagement.yaml").read_text(encoding="utf-8")
    (folder / "engagement.yaml").write_text(text.partition("not_applicable:")[0], encoding="utf-8")
    source = tmp_path / "brought.txt"
    source.write_bytes(envelope(privilege="user"))
    given = ("evidence", "import-facts", folder, source, "--asset", "his-app", "--by", "张三/某某科技")
    said = call_main(*given)
    assert said.code == 0, said.err
    assert "collected: evidence/collected/his-app.txt" in said.out
    assert "不是管理员" in said.out
    assert "超过 30 天" in said.out
    line = "    address: 192.0.2.20:22\n"
    text = (folder / "engagement.yaml").read_text(encoding="utf-8")
    (folder / "engagement.yaml").write_text(
        text.replace(line, "    collected: evidence/collected/his-app.txt\n"), encoding="utf-8"
    )
    assert "已引用" in call_main(*given).out


def test_damaged_files_end_with_four(tmp_path: Path) -> None:
    folder = write_engagement(tmp_path / "hospital", ENGAGEMENT.replace("suite: small", "suite: annex3-2023"))
    text = (folder / "engagement.yaml").read_text(encoding="utf-8")
    (folder / "engagement.yaml").write_text(text.partition("not_applicable:")[0], encoding="utf-8")
    source = tmp_path / "brought.txt"
    source.write_bytes(envelope()[:-30])
    said = call_main("evidence", "import-facts", folder, source, "--asset", "his-app", "--by", "张三/甲")
    assert said.code == 4
    assert "处理：" in said.err


@pytest.mark.parametrize("platform", SCRIPTS)
def test_scripts_are_handed_out_and_never_over_another_file(
    platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, data = collector(find_content(), platform)
    assert call_main("collect-script", platform).code == 0
    assert (tmp_path / name).read_bytes() == data
    assert call_main("collect-script", platform, "-o", tmp_path / name).code == 0
    (tmp_path / name).write_text("my own", encoding="utf-8")
    said = call_main("collect-script", platform)
    assert said.code == 2
    assert (tmp_path / name).read_text(encoding="utf-8") == "my own"


def test_content_without_the_script_says_so(tmp_path: Path) -> None:
    for room in ("suites", "checks", "templates"):
        (tmp_path / room).mkdir()
    with pytest.raises(ContentError, match="没有采集脚本"):
        collector(find_content(tmp_path), "linux")


# ---- the script ----------------------------------------------------------------------------------

SMALL = b"""N=$1
section() { printf '\\n%s begin %s 1000\\nuid %s\\n%s end %s\\n\\n%s rc 0\\n%s close %s\\n' \\
  "$N" "$1" "$(id -u)" "$N" "$1" "$N" "$N" "$1"; }
section system
printf '\\n%s done\\n' "$N"
"""
SHELLS = (("dash",), ("bash",), ("bash", "--posix"), ("busybox", "sh"))


def wrapper() -> bytes:
    return (find_content().templates / "collect" / "collect-linux.sh").read_bytes()


def small_script(folder: Path, body: bytes = SMALL) -> Path:
    """Write the carried script with a small collector."""
    path = folder / "collect-linux.sh"
    path.write_bytes(wrapper().rstrip() + b"\n" + body)
    return path


def run(shell: tuple[str, ...], *words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*shell, *map(str, words)], cwd=folder, check=False, capture_output=True, text=True, timeout=60
    )


def test_the_carried_script_ends_with_the_collector_itself() -> None:
    name, data = collector(find_content(), "linux")
    assert name == "collect-linux.sh"
    assert data.endswith(script())
    assert data == script_to_carry(wrapper().replace(b"\n", b"\r\n"))
    assert b"\r" not in data


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_every_shell_writes_one_private_file_and_no_other(shell: tuple[str, ...], tmp_path: Path) -> None:
    path = small_script(tmp_path)
    done = run(shell, path, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    [result] = [one for one in tmp_path.iterdir() if one != path]
    assert str(result) in done.stderr
    assert result.stat().st_mode & 0o777 == 0o600
    found = open_collected(result)
    assert set(found.sections) == {"system"}
    assert found.collector.startswith("collect-linux.sh ")
    assert "只读" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_an_existing_file_and_a_cut_script_are_refused(shell: tuple[str, ...], tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    done = run(shell, small_script(tmp_path), "-o", mine, folder=tmp_path)
    assert (done.returncode, mine.read_text(encoding="utf-8")) == (1, "mine")
    assert "无法新建结果文件" in done.stderr
    for body, said in ((b"", "不完整"), (SMALL.replace(b" done", b" dome"), "采集没有完成")):
        done = run(shell, small_script(tmp_path, body), "-o", tmp_path / "new.txt", folder=tmp_path)
        assert done.returncode == 1
        assert said in done.stderr
        (tmp_path / "new.txt").unlink(missing_ok=True)


def test_help_and_wrong_words(tmp_path: Path) -> None:
    path = small_script(tmp_path)
    assert "用法" in run(("dash",), path, "-h", folder=tmp_path).stdout
    assert run(("dash",), path, "--all", folder=tmp_path).returncode == 1
    assert run(("dash",), path, "-o", folder=tmp_path).returncode == 1
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_registered_records_are_plain_yaml(folder: Path) -> None:
    take(folder, envelope())
    value = yaml.safe_load((carried_folder(folder) / "his-app.yaml").read_text(encoding="utf-8"))
    assert value["brought_by"] == {"name": "张三", "org": "某某科技", "role": ""}
    assert value["file"]["name"] == "his-app.txt"
