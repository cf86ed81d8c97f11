"""A connect scan: one connection attempt for each port, few at once, each at its time."""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

# Within it the kernel repeats a lost first packet once.
_LONGEST_S: Final = 1.5
_SHORTEST_S: Final = 0.25
# An answer takes this many times the slowest answer so far before it counts as none.
_PATIENCE: Final = 10
_TICK_S: Final = 0.1
_CLOSED: Final = (errno.ECONNREFUSED,)
_NO_ANSWER: Final = (
    errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EACCES, errno.EPERM,
    errno.ECONNRESET, errno.ECONNABORTED,
)  # fmt: skip
_OUR_OWN_LIMITS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL)


@dataclass
class Sweep:
    """What became of each port."""

    open: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    filtered: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    unscanned: list[int] = field(default_factory=list)
    cut_because: str = ""

    @property
    def answered(self) -> bool:
        """Tell whether anything answered at all."""
        return bool(self.open or self.closed)

    @property
    def done(self) -> int:
        """Return how many ports were asked."""
        return len(self.open) + len(self.closed) + len(self.filtered) + len(self.failed)


@dataclass
class Pacing:
    """How hard the sweep may go: `pause` books the next start and returns how long until then."""

    at_once: int
    pause: Callable[[], float]


class Sweeper:
    """Runs one sweep; blocks, so it belongs in a thread.

    `stop` is asked often and returns in Chinese why the sweep must end now, or nothing.
    """

    def __init__(
        self,
        address: str,
        pacing: Pacing,
        *,
        stop: Callable[[Sweep], str],
        tell: Callable[[Sweep], None] = lambda _sweep: None,
    ) -> None:
        self._address = address
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._pacing = pacing
        self._stop = stop
        self._tell = tell
        self._patience_s = _LONGEST_S
        self._slowest_s = 0.0
        self._flying: dict[socket.socket, tuple[int, float]] = {}
        self._sweep = Sweep()

    def run(self, ports: Sequence[int]) -> Sweep:
        """Return what became of `ports`, asked in this order."""
        waiting = deque(ports)
        due: float | None = None
        with selectors.DefaultSelector() as selector:
            try:
                while waiting or self._flying:
                    self._sweep.cut_because = self._stop(self._sweep)
                    if self._sweep.cut_because:
                        break
                    due = self._launch(selector, waiting, due)
                    self._settle(selector, due if waiting else None)
                    self._give_up(selector)
                    self._tell(self._sweep)
            finally:
                self._sweep.unscanned = [port for port, _ in self._flying.values()] + list(waiting)
                for sock in self._flying:
                    sock.close()
        return self._sweep

    def _launch(
        self, selector: selectors.BaseSelector, waiting: deque[int], due: float | None
    ) -> float | None:
        """Start attempts that are due; return when the next one is, None where none is booked."""
        while waiting and len(self._flying) < self._pacing.at_once:
            now = time.monotonic()
            if due is None:
                due = now + self._pacing.pause()
            if now < due:
                return due
            due = None
            port = waiting.popleft()
            if not self._start(selector, port):
                waiting.append(port)
                return None
        return due

    def _start(self, selector: selectors.BaseSelector, port: int) -> bool:
        """Begin one attempt; return False where it must be tried again once others have ended."""
        try:
            sock = socket.socket(self._family, socket.SOCK_STREAM)
        except OSError:
            if self._flying:
                return False
            self._sweep.failed.append(port)
            return True
        try:
            sock.setblocking(False)
            code = sock.connect_ex((self._address, port))
        except BaseException:
            sock.close()
            raise
        if code == errno.EINPROGRESS:
            self._flying[sock] = (port, time.monotonic())
            selector.register(sock, selectors.EVENT_WRITE)
            return True
        if code in _OUR_OWN_LIMITS and self._flying:
            sock.close()
            return False
        self._note(sock, port, code)
        return True

    def _settle(self, selector: selectors.BaseSelector, due: float | None) -> None:
        wait_s = _TICK_S if due is None else min(_TICK_S, max(0.0, due - time.monotonic()))
        if not self._flying:
            time.sleep(wait_s if due is not None else 0)
            return
        for key, _ in selector.select(wait_s):
            sock = key.fileobj
            if isinstance(sock, socket.socket):
                port, begun = self._flying.pop(sock)
                selector.unregister(sock)
                self._learn(time.monotonic() - begun)
                self._note(sock, port, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _learn(self, took_s: float) -> None:
        self._slowest_s = max(self._slowest_s, took_s)
        self._patience_s = min(_LONGEST_S, max(_SHORTEST_S, _PATIENCE * self._slowest_s))

    def _give_up(self, selector: selectors.BaseSelector) -> None:
        """Attempts stand in the order they began: the first that may still wait ends the search."""
        latest = time.monotonic() - self._patience_s
        for sock, (port, begun) in list(self._flying.items()):
            if begun > latest:
                return
            del self._flying[sock]
            selector.unregister(sock)
            self._note(sock, port, errno.ETIMEDOUT)

    def _note(self, sock: socket.socket, port: int, code: int) -> None:
        with sock:
            if code == 0 and _met_itself(sock):
                code = errno.ECONNREFUSED
        if code == 0:
            self._sweep.open.append(port)
        elif code in _CLOSED:
            self._sweep.closed.append(port)
        elif code in _NO_ANSWER:
            self._sweep.filtered.append(port)
        else:
            self._sweep.failed.append(port)


def _met_itself(sock: socket.socket) -> bool:
    """Tell whether the kernel connected the socket to its own port, which it does only where nobody listens.

    The connection is then reset instead of closed, so that the port is free at once.
    """
    try:
        same: bool = sock.getsockname() == sock.getpeername()
    except OSError:
        return False
    if same:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return same
