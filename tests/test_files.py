"""Files survive a kill at any byte."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengbao.errors import StoreError
from dengbao.files import Journal, cut_torn_line, read_json_line, read_lines, write_whole


@contextlib.contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, as a full disk does: a short write, then an error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


LINES = [b'{"a":1}', '{"b":"二"}'.encode(), b'{"c":[]}']


def test_a_written_file_is_there_whole_and_no_temporary_stays(tmp_path: Path) -> None:
    write_whole(tmp_path / "deep" / "file.json", b"1")
    write_whole(tmp_path / "deep" / "file.json", b"22")
    assert (tmp_path / "deep" / "file.json").read_bytes() == b"22"
    assert [one.name for one in (tmp_path / "deep").iterdir()] == ["file.json"]


def test_a_file_that_nobody_waits_for_is_there_whole_too(tmp_path: Path) -> None:
    write_whole(tmp_path / "file.json", b"1", durable=False)
    write_whole(tmp_path / "file.json", b"22", durable=False)
    assert (tmp_path / "file.json").read_bytes() == b"22"
    assert [one.name for one in tmp_path.iterdir()] == ["file.json"]


@given(cut=st.integers(0, 40))
def test_a_journal_cut_at_any_byte_loses_only_the_torn_line(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "x.jsonl"
    whole = b"".join(line + b"\n" for line in LINES)
    kept = whole[: min(cut, len(whole))]
    path.write_bytes(kept)
    expected = kept[: kept.rfind(b"\n") + 1]

    assert b"".join(line for _number, line in read_lines(path)) == expected
    journal = Journal(path)
    journal.append(b"{}", durable=True)
    journal.close()

    assert path.read_bytes() == expected + b"{}\n"


def test_a_torn_line_longer_than_a_block_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"{}\n" + b"x" * 10_000)
    cut_torn_line(path)
    assert path.read_bytes() == b"{}\n"


def test_a_damaged_line_is_named_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"{}\nnot json\n")
    (_, _), (number, line) = read_lines(path)
    with pytest.raises(StoreError) as caught:
        read_json_line(path, number, line)
    assert caught.value.where == f"{path}:2"
    assert caught.value.cure


def test_a_line_that_finds_no_room_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "x.jsonl")
    journal.append(b'{"a":1}')
    with room_for(12), pytest.raises(OSError, match="No space"):
        journal.append(b'{"b":22222222}')
    with room_for(8), pytest.raises(OSError, match="too large"):
        journal.append(b'{"c":3}')
    journal.append(b'{"d":4}')
    journal.close()
    assert (tmp_path / "x.jsonl").read_bytes() == b'{"a":1}\n{"d":4}\n'


def test_a_file_that_finds_no_room_leaves_the_old_one_alone(tmp_path: Path) -> None:
    write_whole(tmp_path / "file.json", b"old")
    with room_for(100), pytest.raises(OSError, match="too large"):
        write_whole(tmp_path / "file.json", b"x" * 1000)
    assert (tmp_path / "file.json").read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["file.json"]
