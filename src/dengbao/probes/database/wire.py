"""Bounds what a server may send us and for how long, whatever the driver thinks of it."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Protocol

from ...errors import ProbeError, ProtocolMismatch, TimedOut

MAX_BYTES: Final = 64 * 1024 * 1024
SESSION_S: Final = 90.0
_LOOK_EVERY_S: Final = 0.05
# struct tcp_info of Linux: tcpi_bytes_received stands behind 8 bytes, 24 words and three 64-bit counters.
_RECEIVED_AT: Final = 128


@dataclass
class Meter:
    """What one connection may still take; shared by the plain and the encrypted socket."""

    max_bytes: int = MAX_BYTES
    seconds: float = SESSION_S
    received: int = 0
    why: ProbeError | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def left_s(self) -> float:
        """Return the seconds left."""
        return self.began + self.seconds - time.monotonic()

    def spend(self, count: int) -> None:
        """Note received bytes.

        Raises:
            OSError: too many; drivers turn it into their own error, `why` keeps ours.

        """
        self.received += count
        if self.received > self.max_bytes:
            self.why = too_much(self.max_bytes)
            raise OSError(self.why.message)

    def check_time(self) -> None:
        """Refuse to go on when the time is over.

        Raises:
            OSError: the time is over.

        """
        if self.left_s <= 0:
            self.why = too_long(self.seconds)
            raise OSError(self.why.message)


def too_much(max_bytes: int) -> ProbeError:
    """Return the error for a server that does not stop sending."""
    return ProtocolMismatch(
        f"服务器应答超过 {max_bytes // 1024 // 1024} MB 仍未结束，已断开", cure="核对地址是否为数据库服务"
    )


def too_long(seconds: float) -> ProbeError:
    """Return the error for a session that lasts too long."""
    return TimedOut(f"数据库会话超过 {seconds:g} 秒，已断开", cure="检查网络与服务器负载后开始新的一轮")


class Metered(Protocol):
    """A socket that knows its meter."""

    meter: Meter | None


class MeteredSocket(socket.socket):
    """A plain socket that stops at its meter's bounds."""

    meter: Meter | None = None

    def recv_into(self, buffer: bytearray, nbytes: int = 0, flags: int = 0) -> int:  # type: ignore[override]
        """Receive, count, refuse when over the bounds."""
        if self.meter is not None:
            self.meter.check_time()
        got = super().recv_into(buffer, nbytes, flags)
        if self.meter is not None:
            self.meter.spend(got)
        return got


class MeteredTlsSocket(ssl.SSLSocket):
    """A TLS socket that stops at its meter's bounds."""

    meter: Meter | None = None

    def recv_into(self, buffer: bytearray, nbytes: int | None = None, flags: int = 0) -> int:  # type: ignore[override]
        """Receive, count, refuse when over the bounds."""
        if self.meter is not None:
            self.meter.check_time()
        got = super().recv_into(buffer, nbytes, flags)
        if self.meter is not None:
            self.meter.spend(got)
        return got


def metered(sock: socket.socket, meter: Meter, timeout_s: float) -> MeteredSocket:
    """Return the same connection as a socket that stops at `meter`; `sock` is used up."""
    found = MeteredSocket(sock.family, sock.type, sock.proto, sock.detach())
    found.settimeout(timeout_s)
    found.meter = meter
    return found


class Watch:
    """Shuts down a connection that a driver's own code reads, when its time or bytes are over.

    libpq hands no control back while it waits for or buffers an answer; shutting the socket down
    ends that. Bytes are counted where the kernel tells them (Linux).
    """

    def __init__(self, fd: int, meter: Meter) -> None:
        self._socket = socket.socket(fileno=os.dup(fd))
        self._meter = meter
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching."""
        self._done.set()
        self._thread.join()
        self._socket.close()

    def _look(self) -> None:
        while not self._done.wait(_LOOK_EVERY_S):
            if self._meter.left_s <= 0:
                self._meter.why = too_long(self._meter.seconds)
            elif _received(self._socket) > self._meter.max_bytes:
                self._meter.why = too_much(self._meter.max_bytes)
            else:
                continue
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            return


def _received(sock: socket.socket) -> int:
    option = getattr(socket, "TCP_INFO", None)
    if option is None:
        return 0
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, option, _RECEIVED_AT + 8)
    except OSError:
        return 0
    if len(info) < _RECEIVED_AT + 8:
        return 0
    count: int = struct.unpack_from("=Q", info, _RECEIVED_AT)[0]
    return count
