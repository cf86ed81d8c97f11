"""Whatever order, overlap, repetition and loss: what is put together is what was sent, and gaps are named."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dengbao.capture.streams import AHEAD_BYTES, Direction

TEXT = bytes(range(256)) * 40


class Heard:
    """Writes down what it hears; lost bytes as noughts."""

    def __init__(self) -> None:
        self.text = b""
        self.lost: list[tuple[int, int]] = []

    def data(self, side: int, data: bytes, at: int) -> None:
        assert (side, at) == (0, len(self.text))
        self.text += data

    def gap(self, side: int, size: int) -> None:
        assert side == 0
        self.lost.append((len(self.text), size))
        self.text += b"\0" * size


def put_together(isn: int, segments: list[tuple[int, bytes]]) -> tuple[Direction, Heard]:
    direction, heard = Direction(0), Heard()
    direction.listener = heard
    direction.expected = isn % (1 << 32)
    for number, (place, payload) in enumerate(segments, 1):
        direction.feed((isn + place) % (1 << 32), payload, number)
    direction.finish()
    return direction, heard


pieces = st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 900)), min_size=1, max_size=40)
starts = st.sampled_from([0, 1000, (1 << 32) - 1, (1 << 32) - 700, (1 << 31) - 5])


@given(starts, pieces)
@settings(max_examples=300, deadline=None)
def test_any_segments_give_the_bytes_that_were_sent_and_name_those_that_were_not(
    isn: int, cut: list[tuple[int, int]]
) -> None:
    """The reference is a map of which bytes were captured at all."""
    segments = [(place, TEXT[place : place + size]) for place, size in cut]
    direction, heard = put_together(isn, segments)
    captured = bytearray(max(place + len(payload) for place, payload in segments))
    for place, payload in segments:
        captured[place : place + len(payload)] = b"\1" * len(payload)
    assert len(heard.text) == len(captured)
    for place, there in enumerate(captured):
        assert heard.text[place] == (TEXT[place] if there else 0)
    assert sum(size for _, size in heard.lost) == captured.count(0) == direction.lost
    assert direction.captured == captured.count(1)


@given(starts, st.lists(st.integers(1, 700), min_size=1, max_size=30), st.randoms())
@settings(max_examples=200, deadline=None)
def test_order_and_repetition_change_nothing(isn: int, sizes: list[int], chance: object) -> None:
    segments, place = [], 0
    for size in sizes:
        segments.append((place, TEXT[place : place + size]))
        place += size
    place = min(place, len(TEXT))
    shuffled = segments * 2
    getattr(chance, "shuffle")(shuffled)  # noqa: B009  # hypothesis hands over its own kind of Random
    direction, heard = put_together(isn, shuffled)
    assert (heard.text, heard.lost) == (TEXT[:place], [])
    assert direction.ahead_bytes == 0


def test_what_is_kept_ahead_is_bounded() -> None:
    direction, heard = Direction(0), Heard()
    direction.listener = heard
    direction.expected = 0
    for number in range(3000):
        direction.feed(100 + number * 2000, b"x" * 1000, number + 1)
        assert direction.ahead_bytes <= AHEAD_BYTES
    assert direction.lost > 0


def test_the_packet_of_every_byte_is_known() -> None:
    direction = Direction(0)
    direction.listener = Heard()
    direction.expected = 0
    for number in range(100):
        direction.feed(number * 10, b"0123456789", number + 1)
    direction.flush()
    assert [direction.packet_at(place) for place in (0, 9, 10, 555, 999)] == [1, 1, 2, 56, 100]


def test_bytes_that_the_capture_cut_off_are_a_gap() -> None:
    direction, heard = Direction(0), Heard()
    direction.listener = heard
    direction.expected = 0
    direction.feed(0, b"abc", 1, missing=5)
    direction.feed(8, b"def", 2)
    direction.finish()
    assert (heard.text, heard.lost) == (b"abc\0\0\0\0\0def", [(3, 5)])
