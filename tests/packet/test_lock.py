"""The lock while sealed, on the command line: no command writes, and the way out is told in the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from PIL import Image

from dengbao.cli import main_group
from dengbao.cli.chinese import Argument
from dengbao.evidence.remarks import load_remarks
from dengbao.packet.current import newest_packet
from dengbao.packet.custody import read_custody
from dengbao.packet.dsse import new_key
from dengbao.packet.lock import lock_of
from dengbao.packet.opening import opened
from dengbao.packet.seal import Sealed
from dengbao.rounds import round_numbers
from dengbao.workbench.locking import LockWatch

from . import example
from .test_seal_command import call
from .test_stage import put_packet

LI, WANG = ("--by", "李工/测试科技"), ("--by", "王主任/测试医院")
PICTURE, BOOK = "<picture>", "<workbook>"
# Every command that changes what is sealed, as it might be called on a folder that is not locked.
WRITING: dict[str, tuple[str, ...]] = {
    "run": ("--new-round",),
    "settle": ("his-db/x/1", *LI, "--how", "已恢复"),
    "evidence add": (
        PICTURE, "--item", "1.a.1", "--asset", "his-db", "--kind", "截图", "--verdict", "符合", "--redacted",
        "--statement", "经核查，另有一份。", *LI,
    ),
    "evidence review": ("EV-0001", *WANG),
    "evidence accept": ("EV-0001", *WANG),
    "evidence return": ("EV-0001", *WANG, "--why", "没有时间"),
    "evidence answer": ("EV-0001", *LI, "--why", "有的"),
    "evidence withdraw": ("EV-0001", *LI, "--why", "取错了"),
    "evidence remark": ("EV-0001", *LI, "--text", "备注"),
    "evidence import-facts": (PICTURE, "--asset", "his-db", *LI),
    "evidence import-xlsx": (BOOK, *LI),
}  # fmt: skip
# What looks only, writes beside what was sealed, follows sealing, or finds a file and stops (`init`).
HARMLESS = {
    "approve", "compare", "doctor", "evidence check", "evidence export-xlsx",
    "evidence list", "export", "forms", "init", "judge", "plan", "recheck feedback", "recheck file", "report",
    "seal", "serve", "status", "unlock", "vulns import", "vulns info",
}  # fmt: skip


def commands_on_engagements() -> Iterator[str]:
    def walk(command: click.Command, *path: str) -> Iterator[str]:
        if isinstance(command, click.Group):
            for name in command.commands:
                yield from walk(command.commands[name], *path, name)
        elif any(one.name == "directory" and isinstance(one, Argument) for one in command.params):
            yield " ".join(path)

    return walk(main_group)


def filled(arguments: tuple[str, ...], tmp_path: Path) -> list[str]:
    """Return a command's arguments with files of their kind in place of the words for them."""
    picture, book = tmp_path / "shot.png", tmp_path / "book.xlsx"
    if not picture.exists():
        Image.new("RGB", (300, 200), (9, 99, 199)).save(picture)
        book.write_bytes(b"PK")
    return [{PICTURE: str(picture), BOOK: str(book)}.get(one, one) for one in arguments]


def tree(folder: Path) -> dict[Path, bytes]:
    return {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.fixture
def locked(engagement: Path, sealed: Sealed, tmp_path: Path) -> Path:
    """Return a copy of the engagement with its packet in `out/`."""
    folder = example.copy_of(engagement, tmp_path / "my-hospital")
    put_packet(folder, sealed)
    return folder


def test_every_command_is_known_to_write_or_not() -> None:
    elsewhere = {"recheck run", "recheck show", "recheck note", "recheck end", "demo"}  # in folders of theirs
    assert set(commands_on_engagements()) - elsewhere == WRITING.keys() | HARMLESS


def test_nothing_is_written_while_sealed_and_each_says_how_to_go_on(locked: Path, tmp_path: Path) -> None:
    given = {name: filled(one, tmp_path) for name, one in WRITING.items()}
    before = tree(locked)
    for name, (first, *rest) in ((name, [str(locked), *one]) for name, one in given.items()):
        code, out, err = call(*name.split(), first, *rest)
        assert (name, code, out) == (name, 2, "")
        assert "已封存，不能改动" in err, name
        assert f"dengbao unlock {locked} --by 姓名/单位 --why 理由" in err.replace("\n", ""), name
        assert tree(locked) == before, name


def test_what_only_looks_goes_on_while_sealed(locked: Path) -> None:
    assert call("evidence", "remark", locked, "EV-0001")[0] == 0
    assert call("status", locked)[1].count("已锁定") == 1
    assert call("report", locked)[0] == 0
    assert lock_of(locked) is not None


def test_unlocking_takes_a_reason_is_told_and_lets_the_page_write_too(locked: Path) -> None:
    page = LockWatch(locked)
    assert page.now() is not None
    code, _, err = call("unlock", locked, *WANG, "--why", " 补 ")
    assert (code, "写明理由" in err) == (2, True)
    assert page.now() is not None
    code, out, err = call("unlock", locked, *WANG, "--why", "漏了一份佐证")
    assert (code, err) == (0, "")
    assert "王主任（测试医院）" in out
    *_, last = read_custody(locked / "custody.jsonl")
    current = newest_packet(locked)
    assert current is not None
    assert (last.act, last.by) == ("unlocked", example.WANG)
    assert last.details == {"packet": current.packet, "why": "漏了一份佐证"}
    assert page.now() is lock_of(locked) is None
    assert "已锁定" not in call("status", locked)[1]
    code, _, err = call("unlock", locked, *WANG, "--why", "漏了一份佐证")
    assert (code, "没有锁定" in err) == (2, True)


def test_what_was_unlocked_is_changed_sealed_anew_and_locked_again(
    locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    new_key(key)
    assert call("unlock", locked, *WANG, "--why", "漏了一份佐证")[0] == 0
    add = filled(WRITING["evidence add"], tmp_path)
    code, _, err = call("evidence", "add", locked, *add)
    assert code == 0, err
    assert call("evidence", "accept", locked, "EV-0003", *WANG)[0] == 0
    assert [one.by for one in load_remarks(locked)] == [example.WANG]
    # The copied packet was sealed for a day that is still to come: it must not count as the newest.
    (locked / "out" / "packet.zip").unlink()
    code, _, err = call("seal", locked, *LI, "--key", key)
    assert code == 0, err
    found = lock_of(locked)
    assert found is not None
    code, out, _ = call("verify", found.path)
    assert code == 0, out
    with opened(found.path) as bag:
        acts = [one.act for one in read_custody(bag.root / "data" / "custody.jsonl")]
    assert acts[-3:] == ["unlocked", "evidence_added", "evidence_reviewed"]
    assert call("evidence", "add", locked, *add)[0] == 2


def test_a_new_round_can_follow_once_unlocked(locked: Path) -> None:
    assert call("run", locked, "--new-round")[0] == 2
    assert round_numbers(locked) == (1,)
    assert call("unlock", locked, *WANG, "--why", "反馈后整改，须复测")[0] == 0
    code, _, err = call("run", locked, "--new-round")
    assert code in (0, 1, 3), err
    assert tuple(round_numbers(locked)) == (1, 2)
