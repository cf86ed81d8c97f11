"""How fast captured traffic is read with its streams put together, and what memory a large capture takes."""

from __future__ import annotations

import gzip
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from hpack import Encoder

from dengbao.capture.findings import Channel
from dengbao.capture.survey import survey

from .figures import Figure, peak_mib

_MB = 10**6
_FILE_MB = 200
_LARGE_MB = 500  # of a capture of any size: `write 5000000000 | read` takes a minute
_HOARDERS = 2500
_SEGMENT = 1460
_TURNS = 2
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def figures() -> Iterator[Figure]:
    """Read a file of 200 MB, half in clear and half under TLS; then 0.5 GB of the same from a pipe.

    The limit of 100 MB/s is for streams put together and looked into, in one process and of its processor
    time: a capture is read in order, so more processors do not help. It is taken twice, the better counts.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.pcap")
        with path.open("wb") as out:
            _write(out, _FILE_MB * _MB)
        turns = []
        for _ in range(_TURNS):
            with path.open("rb", buffering=0) as source:
                turns.append(_read(source))
        took, _, flows = min(turns)
        size = path.stat().st_size / _MB
    how = f"{size:.0f} MB，MTU 1500，一半 HTTP（满是身份证号的 JSON）一半 TLS，{flows} 个连接，"
    how += f"处理器时间 {took:.1f} 秒，{size / took:.0f} MB/s（应 ≥ 100）"
    yield Figure("读取抓包并重组", took / size * 100, 1, "秒/100 MB", how)
    peak, flows = _piped("write", _LARGE_MB * _MB)
    how = f"{_LARGE_MB / 1000:g} GB，同样的内容经管道读入，不落盘，{flows} 个连接"
    yield Figure("读取大抓包的内存峰值", peak, 200, "MiB", how)
    peak, flows = _piped("hoard", _HOARDERS)
    how = f"{flows} 个连接各留下 130 KB 不完整的握手，要求全部记住"
    yield Figure("读取恶意抓包的内存峰值", peak, 200, "MiB", how)
    peak, flows = _piped("hoard2", _HOARDERS)
    how = f"{flows} 个连接，HTTP/2 的两张 64 KB 首部表、64 个未完的 gzip 流，或 WebSocket 两个未完的压缩消息"
    yield Figure("读取恶意 HTTP/2、WebSocket 抓包的内存峰值", peak, 200, "MiB", how)


def _piped(what: str, size: int) -> tuple[float, int]:
    """Return peak memory in MiB and flows of reading what another process of this module writes."""
    command = [sys.executable, "-m", __name__, what, str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        _, peak, flows = _read(writer.stdout)
    return peak, flows


def _read(source: IO[bytes]) -> tuple[float, float, int]:
    """Return seconds, peak memory in MiB and flows of a process of its own that reads the capture."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, "read"], check=True, stdin=source, stdout=subprocess.PIPE, text=True
    )
    took, peak, flows = done.stdout.split()
    return float(took), float(peak), int(flows)


def _write(out: IO[bytes], size: int) -> None:
    chance = random.Random(1)
    rows = [_row(chance, number) for number in range(2000)]
    noise = b"".join(b"\x17\x03\x03\x40\x00" + os.urandom(1 << 14) for _ in range(60))
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    number = written = 0
    while written < size:
        number += 1
        written += 1_000_000  # about
        talk = _Talk(out, number)
        if number % 2:
            talk.encrypted(noise)
        else:
            talk.clear(b"".join(chance.choices(rows, k=4000)))


def _hoard(out: IO[bytes], flows: int) -> None:
    """Write connections that all end within a handshake message said to be 64 KB long."""
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    body = b"\x01\0\xff\xf0" + bytes(60_000)
    records = b"".join(
        b"\x16\x03\x03\x40\0" + body[at : at + (1 << 14)].ljust(1 << 14, b"\0")
        for at in range(0, len(body), 1 << 14)
    )
    for number in range(1, 2 * flows, 2):
        talk = _Talk(out, number)
        talk.say(0, records[:-100])
        talk.say(1, records[:-100])


def _hoard_successors(out: IO[bytes], flows: int) -> None:
    """Write connections of HTTP/2 whose tables are full and streams open, and of WebSocket amid a message."""
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    encoder = Encoder()
    encoder.header_table_size = 1 << 16
    table = [encoder.encode([(f"x-{number}", "y" * 2000)], huffman=False) for number in range(31)]
    streams = encoder.encode(
        [(":status", "200"), ("content-encoding", "gzip"), ("content-type", "text/plain")]
    )
    packed = gzip.compress(os.urandom(3000))[:2000]
    frames = b"".join(_frame(1, 5, 1 + 2 * number, one) for number, one in enumerate(table))
    for number in range(101, 229, 2):
        frames += _frame(1, 4, number, streams) + _frame(0, 0, number, packed)
    message = b"\xc1\x7e\xff\xff" + packed[10:]
    for number in range(1, 2 * flows, 2):
        talk = _Talk(out, number)
        if number % 4 == 1:
            talk.say(0, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frames)
            talk.say(1, frames)
            continue
        head = b"HTTP/1.1 101 a\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        talk.say(0, b"GET / HTTP/1.1\r\n\r\n")
        talk.say(1, head + message)
        talk.say(0, message)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _row(chance: random.Random, number: int) -> bytes:
    digits = f"110105{chance.randint(1950, 2005)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
    digits += f"{chance.randint(0, 999):03}"
    check = sum(int(one) * weight for one, weight in zip(digits, _ID_WEIGHTS, strict=True)) % 11
    return (
        f'{{"psn_no":"{number:018}","psn_name":"张三","certno":"{digits}{"10X98765432"[check]}",'
        f'"visit_date":"2026-01-02","dept":"内科","diag":"高血压 随访 血压控制良好，继续服药",'
        f'"fee":{chance.random() * 100:.2f},"items":["阿司匹林","氨氯地平"]}},'
    ).encode()


class _Talk:
    def __init__(self, out: IO[bytes], number: int) -> None:
        self._out = out
        self._ports = (20_000 + number % 40_000, 443 if number % 2 else 80)
        self._next = [number * 7_000_000 % 2**32, number * 11_000_000 % 2**32]
        for side, flags in ((0, 2), (1, 0x12)):
            self._frame(side, flags, b"")
            self._next[side] = (self._next[side] + 1) % 2**32

    def _frame(self, side: int, flags: int, payload: bytes) -> None:
        ports = self._ports if side == 0 else self._ports[::-1]
        ends = (b"\x0a\0\0\1", b"\x0a\0\0\2") if side == 0 else (b"\x0a\0\0\2", b"\x0a\0\0\1")
        size = 54 + len(payload)
        self._out.write(
            struct.pack("<IIII", 1_700_000_000, 0, size, size) + b"\0" * 12
            + struct.pack(">HBBHHHBBH", 0x0800, 0x45, 0, size - 14, 0, 0, 64, 6, 0) + b"".join(ends)
            + struct.pack(">HHIIBBHHH", *ports, self._next[side], 0, 0x50, flags, 65535, 0, 0) + payload
        )  # fmt: skip

    def say(self, side: int, data: bytes) -> None:
        for at in range(0, len(data), _SEGMENT):
            piece = data[at : at + _SEGMENT]
            self._frame(side, 0x18, piece)
            self._next[side] = (self._next[side] + len(piece)) % 2**32
            if at // _SEGMENT % 2:
                self._frame(1 - side, 0x10, b"")  # receivers acknowledge every other segment

    def clear(self, body: bytes) -> None:
        form = b"username=admin&password=Abc12345x"
        head = b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        self.say(0, head + b"Content-Length: %d\r\n\r\n" % len(form) + form)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        self.say(1, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def encrypted(self, noise: bytes) -> None:
        start = b"\x03\x03" + b"R" * 32 + b"\0"
        for side, kind, hello in ((0, 1, start + b"\0\2\xc0\x2f\1\0"), (1, 2, start + b"\xc0\x2f\0")):
            body = bytes([kind]) + len(hello).to_bytes(3, "big") + hello
            self.say(side, b"\x16\x03\x03" + struct.pack(">H", len(body)) + body)
        for side in (0, 1):
            self.say(side, b"\x14\x03\x03\0\1\1\x16\x03\x03\0\x28" + b"F" * 40)
        self.say(1, noise)


if __name__ == "__main__":
    writers = {"write": _write, "hoard": _hoard, "hoard2": _hoard_successors}
    if sys.argv[1] in writers:
        writers[sys.argv[1]](sys.stdout.buffer, int(sys.argv[2]))
        sys.exit()
    begun = time.process_time()  # one thread: what else runs on the machine does not count
    with Path("/dev/stdin").open("rb", buffering=0) as stream:
        seen = survey(stream)
    took = time.process_time() - begun
    assert not seen.broken, seen.broken
    assert {one.channel for one in seen.flows} <= {Channel.ENCRYPTED, Channel.CLEAR, Channel.CANNOT_TELL}
    print(took, peak_mib(), len(seen.flows) + seen.flows_left_out)
