"""The technician's own run: drawn by a seed nobody could know, held against what was sealed."""

from __future__ import annotations

import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from dengbao.cli import main
from dengbao.errors import StoreError, UsageError
from dengbao.model import Person, Status, Verdict
from dengbao.model.recheck import Meaning, RecheckResult, Why
from dengbao.packet import recheck
from dengbao.packet.differing import differences
from dengbao.packet.recheck import Folder, NotFinished, PacketBroken
from dengbao.packet.returned import read_result
from dengbao.packet.sampling import new_seed, sampled
from dengbao.packet.seal import Sealed
from dengbao.packet.seen_again import Side, see_again
from dengbao.redact import Redactor
from dengbao.report.reread import read_sheet
from dengbao.rounds import load_round
from dengbao.session import open_session

from . import example

ZHAO = Person(name="赵工", org="某市医疗保障局")
SEED = "5e" * 32


@pytest.fixture(scope="session")
def laid_out(sealed: Sealed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a re-check that was begun and not run; do not change it."""
    into = tmp_path_factory.mktemp("recheck") / "own"
    recheck.begin(sealed.path, into, by=ZHAO, sample=60, seed=SEED)
    return into


@pytest.fixture
def folder(laid_out: Path, engagement: Path, tmp_path: Path) -> Path:
    """Return a copy of it beside the system as it was when it was tested."""
    into = example.copy_of(laid_out, tmp_path / "own")
    shutil.copytree(engagement / "data", into / "data")
    return into


def test_a_draw_can_be_repeated_and_a_larger_one_holds_it() -> None:
    items = [f"{one}.a.{two}" for one in range(1, 8) for two in range(1, 8)]
    first = sampled(items, "d" * 64, SEED, 10)
    assert first == sampled(reversed(items), "d" * 64, SEED, 10)
    assert sampled(items, "d" * 64, SEED, 20)[:10] == first
    assert len(set(first)) == 10
    assert sampled(items, "e" * 64, SEED, 10) != first
    assert sampled(items, "d" * 64, new_seed(), 10) != first
    assert len(sampled(items, "d" * 64, SEED, 1000)) == len(items)


def test_begin_verifies_lays_out_and_draws(laid_out: Path, sealed: Sealed) -> None:
    plan = recheck.load(laid_out).plan
    assert (plan.packet, plan.content_sha256) == (sealed.packet, sealed.seal.content_sha256)
    suite = open_session(laid_out).suite
    high = {item.id for clause in suite.clauses() if clause.high_risk for item in clause.items}
    assert {one.item for one in plan.drawn if Why.HIGH_RISK in one.why} == high
    assert high
    chosen = [one.item for one in plan.drawn if Why.SAMPLE in one.why]
    rest = [one.id for one in suite.items() if one.id not in high]
    assert sorted(chosen) == sorted(sampled(rest, sealed.packet, SEED, 60))
    assert not (laid_out / "runs").exists()
    assert not (laid_out / "evidence").exists()


def test_an_altered_packet_is_not_checked_again(sealed: Sealed, tmp_path: Path) -> None:
    with zipfile.ZipFile(sealed.path) as archive:
        archive.extractall(tmp_path / "p")
    (root,) = (tmp_path / "p").iterdir()
    example.spoil(root / "data" / "runs" / "round-1" / "records.jsonl")
    with pytest.raises(PacketBroken, match=r"records\.jsonl"):
        recheck.begin(root, tmp_path / "own", by=ZHAO, sample=5)
    assert not (tmp_path / "own").exists()


def of_case(result: RecheckResult, meaning: Meaning) -> list[str]:
    return [one.case for one in result.seen if one.meaning is meaning]


def test_an_unchanged_system_is_seen_the_same(folder: Path) -> None:
    own = recheck.load(folder)
    with pytest.raises(NotFinished):
        recheck.end(own)
    recheck.run_drawn(own)
    result = recheck.end(own)
    assert of_case(result, Meaning.SAME)
    for meaning in (Meaning.VERDICT, Meaning.LOST, Meaning.NEW, Meaning.FACTS, Meaning.NOT_RUN):
        assert of_case(result, meaning) == []
    assert "判定与封存的报告一致" in result.opinion
    assert "EV-0001" in {name for one in result.seen for name in one.evidence}
    assert result.engagement_changes == ()
    assert read_result(folder / recheck.RESULT) == result


def lay_out_anew(folder: Path) -> None:
    with sqlite3.connect(folder / "data" / "his.db", isolation_level=None) as connection:
        connection.execute("pragma page_size = 8192")
        connection.execute("vacuum")
    connection.close()


def reserve_space_for_checksums(folder: Path) -> None:
    """Write the header as SQLite's checksum VFS does: eight bytes reserved at the end of each page."""
    path = folder / "data" / "his.db"
    data = bytearray(path.read_bytes())
    data[20] = 8
    path.write_bytes(data)


def take_away(folder: Path) -> None:
    (folder / "data" / "his.db").unlink()


@pytest.mark.parametrize(
    ("change", "meaning", "code"),
    [
        (lay_out_anew, Meaning.FACTS, 0),
        (reserve_space_for_checksums, Meaning.LOST, 3),
        (take_away, Meaning.LOST, 3),
    ],
)
def test_a_changed_system_is_told_apart_by_case_and_fact(
    folder: Path, change: Callable[[Path], None], meaning: Meaning, code: int
) -> None:
    change(folder)
    own = recheck.load(folder)
    recheck.run_drawn(own)
    recheck.remark(own, "6.b.1", "来电 13800138000 称封存之后改过数据库", asset="his-db")
    assert main(["recheck", "show", str(folder)]) == code
    result = recheck.end(own)
    (found,) = (one for one in result.seen if one.case == "6.b.1@his-db/integrity.storage")
    assert found.meaning is meaning
    assert found.sealed.zh == "不符合"
    assert {one.fact for one in found.changes} == {"database.storage"}
    assert ("6.b.1 his-db（" in result.opinion) == (meaning is not Meaning.FACTS)
    assert "称封存之后改过数据库" in result.opinion
    assert "13800138000" not in msgspec.json.encode(result).decode()
    assert "同意接入" not in result.opinion


def test_another_verdict_outranks_what_changed_in_facts(laid_out: Path) -> None:
    chosen = load_round(laid_out / "packet" / "data")
    case = "6.b.1@his-db/integrity.storage"
    records = chosen.records()
    better = msgspec.structs.replace(records[case], verdict=Verdict.CONFORM)
    none = msgspec.structs.replace(records[case], verdict=None, status=Status.UNDETERMINED)
    for before, after, meaning in (
        (records[case], better, Meaning.VERDICT),
        (none, better, Meaning.NEW),
        (better, none, Meaning.LOST),
        (better, better, Meaning.SAME),
    ):
        sealed, again = (Side(chosen, {**records, case: one}) for one in (before, after))
        (found,) = (one for one in see_again(sealed, again, {"6.b.1"}) if one.case == case)
        assert found.meaning is meaning
        assert (found.sealed.zh, found.again.zh) == tuple(
            (one.verdict or one.status).zh for one in (before, after)
        )
    assert {one.meaning for one in see_again(sealed, None, {"6.b.1"})} == {Meaning.NOT_RUN}


def test_the_packet_in_the_folder_stays_what_it_was(folder: Path) -> None:
    own = recheck.load(folder)
    recheck.run_drawn(own)
    example.spoil(folder / "packet" / "data" / "engagement.yaml")
    with pytest.raises(StoreError, match="被改动"):
        recheck.end(own)
    example.spoil(folder / "packet" / "tagmanifest-sha256.txt")
    with pytest.raises(StoreError, match="已不是"):
        recheck.load(folder)


def test_nothing_follows_the_end(folder: Path) -> None:
    own: Folder = recheck.load(folder)
    (folder / recheck.RESULT).write_bytes(b"{}")
    for act in (
        lambda: recheck.run_drawn(own),
        lambda: recheck.end(own),
        lambda: recheck.remark(own, "1.a.1", "x"),
    ):
        with pytest.raises(UsageError, match="已结束"):
            act()


def test_differences_are_readable_masked_and_bounded() -> None:
    before = {
        "accounts": [{"name": "root", "shell": "sh"}, {"name": "li"}],
        "open": [1, 2],
        "seen_at": "a",
        "n": None,
    }
    after = {
        "accounts": [{"name": "li"}, {"name": "root", "shell": "no"}],
        "open": [2, 3],
        "seen_at": "b",
        "n": 0,
    }
    told, more = differences("host.x", before, after, Redactor())
    assert [(one.place, one.before, one.after) for one in told] == [
        ("accounts[root].shell", "sh", "no"),
        ("open", "[1]", "[3]"),
        ("n", "null", "0"),
    ]
    assert more == 1
    told, more = differences("x", {str(one): one for one in range(100)}, {}, Redactor())
    assert len(told) + more == 100
    (one,), _ = differences("x", {"a": "11010519491231002X"}, {"a": "y" * 500}, Redactor())
    assert "1949" not in one.before
    assert len(one.after) < 200


def test_the_commands_lead_from_packet_to_opinion(
    sealed: Sealed, engagement: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = str(tmp_path / "own")
    assert (
        main(
            [
                "recheck",
                "begin",
                str(sealed.path),
                "--into",
                own,
                "--by",
                "赵工/某市医疗保障局",
                "--sample",
                "3",
            ]
        )
        == 0
    )
    assert "高风险项" in capsys.readouterr().out
    shutil.copytree(engagement / "data", tmp_path / "own" / "data")
    assert main(["recheck", "end", own]) == 3
    assert main(["recheck", "run", own]) == 0
    assert main(["recheck", "note", own, "1.a.1", "--text", "已看过"]) == 0
    assert main(["recheck", "show", own, "--all"]) == 0
    assert "封存" in capsys.readouterr().out
    assert main(["recheck", "end", own]) == 0
    assert "由人决定" in capsys.readouterr().out
    assert main(["recheck", "begin", str(sealed.path), "--into", own, "--by", "赵工/某市医疗保障局"]) == 2
    _is_proposed_on_the_form(sealed, example.copy_of(engagement, tmp_path / "hospital"), Path(own))


def _is_proposed_on_the_form(sealed: Sealed, folder: Path, own: Path) -> None:
    """Check that 附件四 takes the opinion once the result is filed, and leaves the decision to people."""
    (folder / "out").mkdir(exist_ok=True)
    shutil.copy(sealed.path, folder / "out" / "packet.zip")
    (result,) = own.rglob("recheck-result.json")
    assert main(["recheck", "file", str(folder), str(result)]) == 0
    assert main(["forms", str(folder), "--form", "附件四"]) == 0
    (form,) = (folder / "out").glob("*附件四*.docx")
    text = "".join(one.text for one in read_sheet(form.read_bytes()).lines)
    assert "赵工（某市医疗保障局）" in text
    assert "作复核抽测" in text
    assert "☑ 同意" not in text
