"""Frames: what is whole is read as it was, what is cut or missing is never read as less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengbao.errors import NoPermission, ProtocolMismatch, TimedOut, Unreachable
from dengbao.probes.host.frames import Transcript, parse_files, parse_transcript

NONCE = "dengbao-0123456789abcdef"
NAMES = ("system", "passwd", "shadow", "pam", "sshd", "audit_state")
BODIES = st.lists(st.binary(max_size=200), min_size=len(NAMES), max_size=len(NAMES))
NOISE = st.text(alphabet="banner \n-0123", max_size=60).map(str.encode)


def render(bodies: list[bytes], limit: int = 1000, noise: bytes = b"") -> bytes:
    """Return the bytes that the script would print."""
    parts = [noise]
    for name, body in zip(NAMES, bodies, strict=True):
        parts.append(f"\n{NONCE} begin {name} {limit}\n".encode() + body[: limit + 1])
        parts.append(f"\n{NONCE} end {name}\nwarning\n{NONCE} rc 0\n{NONCE} close {name}\n".encode())
    return b"".join(parts) + f"\n{NONCE} done\n".encode()


@given(BODIES, NOISE)
def test_whole_sections_are_read_as_they_were(bodies: list[bytes], noise: bytes) -> None:
    sections, done = parse_transcript(render(bodies, noise=noise), NONCE)
    assert done
    assert [sections[name].body for name in NAMES] == bodies
    assert {(one.code, one.error, one.cut) for one in sections.values()} == {(0, "warning", False)}


@given(BODIES, st.integers(min_value=0, max_value=3000))
def test_a_cut_transcript_holds_fewer_sections_and_never_shorter_ones(bodies: list[bytes], at: int) -> None:
    data = render(bodies)
    sections, done = parse_transcript(data[:at], NONCE)
    assert not done or at >= len(data) - 1
    for name, one in sections.items():
        assert one.body == bodies[NAMES.index(name)]
    assert tuple(sections) == NAMES[: len(sections)]


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_error(data: bytes) -> None:
    sections, done = parse_transcript(data, NONCE)
    assert not sections
    assert not done


@given(BODIES)
def test_other_nonces_are_only_text(bodies: list[bytes]) -> None:
    forged = render([b"forged"] * len(NAMES)).replace(NONCE.encode(), b"dengbao-0")
    sections, _ = parse_transcript(render([*bodies[:-1], forged[:900]]), NONCE)
    assert sections["audit_state"].body == forged[:900]
    assert [sections[name].body for name in NAMES[:-1]] == bodies[:-1]


def _transcript(bodies: list[bytes], **changes: object) -> Transcript:
    sections, done = parse_transcript(render(bodies, **changes), NONCE)  # type: ignore[arg-type]
    return Transcript(sections, done, "viewer")


def test_a_body_over_its_limit_is_unknown() -> None:
    seen = _transcript([b"x" * 11, *[b""] * 5], limit=10)
    with pytest.raises(ProtocolMismatch, match="系统信息”输出超过 10 字节"):
        seen.section("system")
    assert seen.optional("system") is None
    assert seen.section("passwd").body == b""


def test_a_stopped_command_is_a_timeout() -> None:
    data = render([b""] * 6).replace(b"rc 0", b"rc 124", 1)
    sections, done = parse_transcript(data, NONCE)
    with pytest.raises(TimedOut):
        Transcript(sections, done).section("system")


def test_a_missing_section_says_what_ended_the_run() -> None:
    with pytest.raises(Unreachable):
        Transcript({}, done=False).section("pam")
    with pytest.raises(TimedOut, match="时限"):
        Transcript({}, done=False, ended_by=TimedOut("采集未在时限内完成")).section("pam")


def test_files_are_told_apart() -> None:
    body = (
        f"\n{NONCE} file ok /etc/a\none\ntwo\n\n{NONCE} eof\n"
        f"\n{NONCE} file denied /etc/b\n\n{NONCE} file absent /etc/c\n"
        f"\n{NONCE} dir denied /etc/d\n\n{NONCE} file special /etc/e\n"
        f"\n{NONCE} file ok /etc/f\npart\n{NONCE} broken\n\n{NONCE} eof\n"
        f"\n{NONCE} file ok /etc/empty\n\n{NONCE} eof\n"
        f"\n{NONCE} file ok /etc/g\nnever ends"
    )
    files = parse_files(_transcript([body.encode(), *[b""] * 5], limit=5000).section("system"))
    assert {one.path: one.state for one in files.files} == {
        "/etc/a": "ok", "/etc/b": "denied", "/etc/c": "absent", "/etc/e": "special", "/etc/f": "broken",
        "/etc/empty": "ok", "/etc/g": "broken",
    }  # fmt: skip
    first, empty = files.get("/etc/a"), files.get("/etc/empty")
    assert first is not None
    assert empty is not None
    assert (first.lines, empty.text) == (("one", "two"), "")
    assert set(files.denied()) == {"/etc/b", "/etc/d", "/etc/f", "/etc/g"}
    assert isinstance(_transcript([b""] * 6).refuse("/etc/b"), NoPermission)
