"""The conversation before the script, and the script itself in the shells of this machine."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from dataclasses import dataclass, field

import pytest

from dengbao.errors import ProtocolMismatch, Reason
from dengbao.probes.host.collect import Bounds, Privilege, Shell, collect, script
from dengbao.probes.host.frames import Transcript, parse_transcript


@dataclass
class Side:
    """One command on a host that answers as told; `{n}` in an answer becomes the nonce."""

    stderr: list[str] = field(default_factory=list)
    stdout: list[bytes] = field(default_factory=list)
    stays_open: bool = False
    breaks: bool = False
    command: str = ""
    received: bytes = b""
    closed: bool = False

    async def start(self, command: str) -> Shell:
        self.command = command
        found = re.search(r"dengbao-[0-9a-f]{32}", command)
        assert found is not None
        nonce = found.group()
        errors = [one.replace("{n}", nonce).encode() for one in self.stderr]

        async def close() -> None:
            self.closed = True

        return Shell(self, Answers(errors, self), Answers(self.stdout, self), close)

    def write(self, data: bytes) -> None:
        self.received += data

    def write_eof(self) -> None:
        self.received += b"<EOF>"


@dataclass
class Answers:
    """Hands out prepared pieces, then ends, breaks or stays silent."""

    pieces: list[bytes]
    side: Side

    async def read(self, _n: int = -1, /) -> bytes:
        if self.pieces:
            told = re.search(rb"^set -- (dengbao-[0-9a-f]{32})$", self.side.received, re.MULTILINE)
            return self.pieces.pop(0).replace(b"{n}", told.group(1) if told else b"{n}")
        if self.side.breaks:
            raise ConnectionResetError("reset")
        if self.side.stays_open:
            await asyncio.sleep(3600)
        return b""


@dataclass
class Host:
    """Answers each command in turn."""

    sides: list[Side]
    used: int = 0

    async def start(self, command: str) -> Shell:
        side = self.sides[self.used]
        self.used += 1
        shell = await side.start(command)
        return Shell(shell.stdin, shell.stderr, shell.stdout, shell.close)


READY = "{n} ready\n"
ROOT = (
    b"\n{n} begin system 100\nuname Linux 1 x\nuid 0\nclock 1\n\n{n} end system\n{n} rc 0\n{n} close system\n"
)
USER = ROOT.replace(b"uid 0", b"uid 1001")
DONE = b"\n{n} done\n"


SOON = Bounds(5.0)


def talk(host: Host, privilege: Privilege, bounds: Bounds = SOON) -> tuple[Transcript, bytes, str]:
    return asyncio.run(collect(host.start, privilege, account="viewer", bounds=bounds))


def test_sudo_without_password() -> None:
    host = Host([Side(stderr=[READY], stdout=[ROOT, DONE])])
    transcript, _, privilege = talk(host, Privilege("nopasswd"))
    assert (privilege, transcript.done) == ("sudo", True)
    assert host.sides[0].command.startswith("sudo -n sh -c ")
    assert host.sides[0].received.endswith(b"<EOF>")


def test_password_is_sent_only_when_asked_and_never_in_the_command() -> None:
    host = Host([Side(stderr=["lecture\n", "{n}-ask", READY], stdout=[ROOT, DONE])])
    talk(host, Privilege("password", "Secret-1"))
    assert "Secret-1" not in host.sides[0].command
    assert host.sides[0].received.startswith(b"Secret-1\n")
    quiet = Host([Side(stderr=[READY], stdout=[ROOT, DONE])])
    talk(quiet, Privilege("password", "Secret-1"))
    assert b"Secret-1" not in quiet.sides[0].received


def test_the_word_of_the_frames_is_in_no_command() -> None:
    host = Host([Side(stderr=[READY], stdout=[ROOT, DONE])])
    assert talk(host, Privilege("nopasswd"))[0].done
    side = host.sides[0]
    told = side.received.split(b"\n", 1)[0].decode()
    assert re.fullmatch(r"set -- dengbao-[0-9a-f]{32}", told)
    assert told.removeprefix("set -- ") not in side.command
    # Nor is it in the arguments of a program that the script starts; echo and printf are the shell's own.
    program = re.compile(r"\b(?:sed|awk|grep|stat|find|tr|cut)\b[^|;()\n]*\$\{?N\b")
    assert not program.search(script().decode())


def test_wrong_sudo_password_is_sent_once_then_the_user_looks() -> None:
    asks = Side(stderr=["{n}-ask", "Sorry, try again.\n{n}-ask"])
    host = Host([asks, Side(stderr=[READY], stdout=[USER, DONE])])
    _, _, privilege = talk(host, Privilege("password", "Secret-1"))
    assert asks.received == b"Secret-1\n"
    assert asks.closed
    assert privilege == "user"
    assert host.sides[1].command.startswith("sh -c ")


def test_sudo_that_refuses() -> None:
    refuses = Side(stderr=["sudo: a password is required\n"])
    host = Host([refuses, Side(stderr=[READY], stdout=[USER, DONE])])
    assert talk(host, Privilege("nopasswd"))[2] == "user"


def test_root_needs_no_sudo() -> None:
    host = Host([Side(stderr=["motd\n", READY], stdout=[b"banner\n", ROOT, DONE])])
    assert talk(host, Privilege("none"))[2] == "root"
    assert host.used == 1


def test_silent_shell_is_refused() -> None:
    with pytest.raises(ProtocolMismatch, match="未能运行采集脚本"):
        talk(Host([Side(stays_open=True)]), Privilege("none"), Bounds(5.0, ask_s=0.05))


def test_flood_before_the_script_is_cut_off() -> None:
    flood = Side(stderr=["x" * 4096] * 40)
    with pytest.raises(ProtocolMismatch):
        talk(Host([flood]), Privilege("none"))
    assert flood.closed


def test_flood_of_output_is_cut_off() -> None:
    host = Host([Side(stderr=[READY], stdout=[ROOT, *[b"y" * 4096] * 50])])
    transcript, data, _ = talk(host, Privilege("none"), Bounds(5.0, output_bytes=10_000))
    assert len(data) < 16_000
    assert transcript.ended_by is not None
    assert transcript.ended_by.reason is Reason.PROTOCOL


@pytest.mark.parametrize(("breaks", "reason"), [(False, Reason.TIMED_OUT), (True, Reason.UNREACHABLE)])
def test_what_arrived_before_the_end_is_kept(breaks: bool, reason: Reason) -> None:
    host = Host([Side(stderr=[READY], stdout=[ROOT], stays_open=True, breaks=breaks)])
    transcript, _, privilege = talk(host, Privilege("none"), Bounds(0.2))
    assert privilege == "root"
    assert set(transcript.sections) == {"system"}
    assert transcript.ended_by is not None
    assert transcript.ended_by.reason is reason


@pytest.mark.parametrize("shell", ["bash"])  # dash is what /bin/sh is in the live tests
def test_script_runs_whole_and_changes_nothing(shell: str) -> None:
    """Every section arrives whole, whatever this machine lacks."""
    path = shutil.which(shell)
    assert path is not None, f"{shell} is not installed"
    found = subprocess.run(
        [path, "-s", "NONCE"], input=script(), capture_output=True, check=True, timeout=120
    )
    sections, done = parse_transcript(found.stdout, "NONCE")
    named = re.findall(rb"^section (\w+) ", script(), re.MULTILINE)
    assert done
    assert sorted(one.encode() for one in sections) == sorted(named)
    assert not [one.name for one in sections.values() if one.code is None]


def test_script_writes_no_file() -> None:
    """No redirection into a file but descriptors and /dev/null, no command that changes anything."""
    text = script().decode()
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    code = re.sub(r'"s/[^"]*"', "", code)
    targets = re.findall(r"(?<![<>0-9&-])[0-9]?>{1,2}\s*([^\s;)&|]+)", code)
    assert {one for one in targets if not one.startswith("&")} <= {"/dev/null"}
    changing = (
        r"(?:^|[;|&(]\s*)(?:rm|mv|cp|ln|touch|mkdir|chmod|chown|tee|kill|mount|modprobe|systemctl st)\b"
    )
    assert re.findall(changing, code, re.MULTILINE) == []
