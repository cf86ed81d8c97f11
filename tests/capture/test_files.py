"""Every spelling of pcap and pcapng is read alike; damaged files are answered with place and cure."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import pytest

from dengbao.capture.files import Extent, Frame, frames
from dengbao.capture.survey import survey, survey_file
from dengbao.errors import Damaged

from .packets import T0, Talk, answer, block, pcap, pcapng, request

FRAMES = Talk().open().ask(request(b"{}"), answer(b'{"ok":1}')).frames


def read(data: bytes) -> tuple[list[Frame], Extent]:
    extent = Extent()
    return list(frames(io.BytesIO(data), extent)), extent


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
@pytest.mark.parametrize("write", [pcap, pcapng])
def test_every_byte_order_and_unit_of_time_gives_the_same_frames(
    order: str, nano: bool, write: object
) -> None:
    assert callable(write)
    found, extent = read(write(FRAMES, order=order, nano=nano))
    assert [one[3] for one in found] == FRAMES
    unit = 1 if nano else 1000
    assert [one[1] for one in found] == [T0 * 10**9 + number * unit for number in range(len(FRAMES))]
    assert [one[0] for one in found] == list(range(1, len(FRAMES) + 1))
    assert extent == Extent(bytes=len(write(FRAMES, order=order, nano=nano)), frames=len(FRAMES))


class Dripping:
    """A pipe that gives a byte or two at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, 7))


@pytest.mark.parametrize("write", [pcap, pcapng])
def test_a_pipe_that_drips_gives_the_same_frames(write: object) -> None:
    assert callable(write)
    assert list(frames(Dripping(write(FRAMES)), Extent())) == read(write(FRAMES))[0]


@pytest.mark.parametrize("write", [pcap, pcapng])
def test_a_capture_cut_anywhere_is_read_up_to_there_and_says_so(write: object) -> None:
    assert callable(write)
    data = write(FRAMES)
    for cut in range(1, len(data)):
        if cut < 24:
            with pytest.raises(Damaged):
                read(data[:cut])
            continue
        found, extent = read(data[:cut])
        assert [one[3] for one in found] == FRAMES[: len(found)]
        whole = len(write(FRAMES[: len(found)])) == cut or (write is pcapng and not found and cut in {28, 48})
        assert bool(extent.broken) is not whole, (cut, extent)
        if extent.broken:
            assert "字节" in extent.broken
            assert "重新抓包" in extent.broken


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "空的"),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "文件头不全"),
        (b"\x1f\x8b\x08" + b"\0" * 40, "压缩"),
        (b"GIF89a" + b"\0" * 40, "不是 pcap"),
    ],
)
def test_what_is_no_capture_is_refused(data: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(data)
    with pytest.raises(Damaged, match=says) as caught:
        survey_file(path)
    assert str(path) in caught.value.where
    assert caught.value.cure


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Damaged) as caught:
        survey_file(tmp_path / "none.pcap")
    assert "none.pcap" in caught.value.where


def test_lengths_without_sense_take_no_memory() -> None:
    huge = pcap(FRAMES) + struct.pack("<IIII", T0, 0, 0xFFFFFFF0, 0xFFFFFFF0)
    found, extent = read(huge)
    assert len(found) == len(FRAMES)
    assert "损坏" in extent.broken
    for size in (0, 4, 13, 0xFFFFFFF0):
        found, extent = read(pcapng(FRAMES) + struct.pack("<III", 6, size, 0))
        assert len(found) == len(FRAMES)
        assert "损坏" in extent.broken


def test_blocks_that_name_no_interface_or_reach_beyond_themselves_end_the_reading() -> None:
    for body in (struct.pack("<IIIII", 7, 0, 0, 4, 4) + b"abcd", struct.pack("<IIIII", 0, 0, 0, 400, 400)):
        found, extent = read(pcapng(FRAMES) + block("<", 6, body))
        assert len(found) == len(FRAMES)
        assert "损坏" in extent.broken


def test_simple_packets_and_unknown_blocks_are_taken_as_they_are() -> None:
    simple = block("<", 3, struct.pack("<I", len(FRAMES[0])) + FRAMES[0])
    found, extent = read(pcapng([]) + block("<", 5, b"statistics12") + simple)
    assert [(one[1], one[3]) for one in found] == [(None, FRAMES[0])]
    assert extent.broken == ""


def test_bytes_at_random_never_break_the_reader() -> None:
    chance = random.Random(4)
    for base in (pcap(FRAMES), pcapng(FRAMES)):
        for _ in range(300):
            data = bytearray(base)
            for _ in range(chance.randint(1, 12)):
                data[chance.randrange(24, len(data))] = chance.randrange(256)
            assert survey(io.BytesIO(bytes(data))).frames <= 10_000
