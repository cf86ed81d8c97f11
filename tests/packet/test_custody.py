"""The chained log: every change of a line is noticed, and a kill leaves a whole chain."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dengbao.errors import StoreError
from dengbao.model import Person
from dengbao.packet.custody import note, read_custody

LI = Person(name="李工", org="示范医疗软件有限公司")


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    for act in ("run_begun", "run_ended", "sealed", "approved"):
        note(tmp_path, act, LI, {"round": "1"})
    return tmp_path / "custody.jsonl"


def test_entries_follow_each_other(chain: Path) -> None:
    entries = read_custody(chain)
    assert [one.number for one in entries] == [1, 2, 3, 4]
    assert [one.act for one in entries] == ["run_begun", "run_ended", "sealed", "approved"]
    assert entries[0].before == ""
    assert all(one.before for one in entries[1:])


def lines_of(chain: Path) -> list[bytes]:
    return chain.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_line_changed_is_noticed(chain: Path, number: int) -> None:
    lines = lines_of(chain)
    lines[number] = lines[number].replace("李工".encode(), "王工".encode())
    chain.write_bytes(b"".join(lines))
    with pytest.raises(StoreError, match="断开"):
        read_custody(chain)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_line_taken_out_twice_or_moved_is_noticed(chain: Path, number: int) -> None:
    lines = lines_of(chain)
    for altered in (
        lines[:number] + lines[number + 1 :],
        lines[: number + 1] + lines[number:],
        [*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]],
    ):
        chain.write_bytes(b"".join(altered))
        with pytest.raises(StoreError, match="断开"):
            read_custody(chain)


def test_a_damaged_line_is_named(chain: Path) -> None:
    chain.write_bytes(chain.read_bytes().replace(b'"act":"sealed"', b'"act":sealed"'))
    with pytest.raises(StoreError) as caught:
        read_custody(chain)
    assert caught.value.where.endswith("custody.jsonl:3")


def test_a_torn_last_line_is_cut_off_and_the_chain_goes_on(chain: Path) -> None:
    with chain.open("ab") as file:
        file.write(b'{"number":5,"at":"2026')
    note(chain.parent, "fed_back")
    assert [one.act for one in read_custody(chain)][-2:] == ["approved", "fed_back"]


def test_nothing_is_added_to_a_broken_chain(chain: Path) -> None:
    chain.write_bytes(b"".join(lines_of(chain)[1:]))
    before = chain.read_bytes()
    with pytest.raises(StoreError):
        note(chain.parent, "sealed")
    assert chain.read_bytes() == before


def test_what_was_walked_is_not_walked_again_and_only_while_not_a_byte_of_it_changed(chain: Path) -> None:
    before = read_custody(chain)
    note(chain.parent, "fed_back")
    after = read_custody(chain)
    assert [one is two for one, two in zip(before, after, strict=False)] == [True] * 4
    whole, was = chain.read_bytes(), chain.stat()
    chain.write_bytes(whole.replace("李工".encode(), "王工".encode(), 1))
    os.utime(chain, ns=(was.st_atime_ns, was.st_mtime_ns))
    with pytest.raises(StoreError, match="断开") as caught:
        read_custody(chain)
    assert caught.value.where.endswith("custody.jsonl:2")
    chain.write_bytes(b"".join(whole.splitlines(keepends=True)[:3]))
    assert read_custody(chain) == before[:3]
    note(chain.parent, "approved")
    assert [one.act for one in read_custody(chain)] == ["run_begun", "run_ended", "sealed", "approved"]
    chain.unlink()
    assert read_custody(chain) == ()


def test_no_log_is_no_entry(tmp_path: Path) -> None:
    assert read_custody(tmp_path / "custody.jsonl") == ()
