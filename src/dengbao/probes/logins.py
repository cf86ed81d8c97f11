"""One wrong password at most: an account that was refused is not tried again in the same run.

Several probes may log in with one account: the host's own, those of backups that lie on it, those that ask a
database for its replicas. Each alone tries once; together they could lock an account that people use.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from ..errors import LoginRefused
from ..model import Account, AssetBase

_LOOK_AGAIN_S: Final = 0.02


class Logins:
    """Which accounts were refused; shared by all probes of a run, from threads and from the event loop."""

    def __init__(self) -> None:
        self._own = threading.Lock()
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._refused: dict[tuple[str, str], LoginRefused] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._notes: dict[tuple[str, str], tuple[float, str]] = {}

    @contextmanager
    def turn(self, asset: AssetBase, account: Account) -> Iterator[None]:
        """Let one login with this account happen at a time, and none after a refusal; for threads.

        Raises:
            LoginRefused: the account was refused before.

        """
        lock = self._lock(asset, account)
        with lock, self._noting(asset, account):
            yield

    @asynccontextmanager
    async def turn_async(self, asset: AssetBase, account: Account) -> AsyncIterator[None]:
        """Do as `turn` does, without keeping the event loop from other work."""
        lock = self._lock(asset, account)
        while not lock.acquire(blocking=False):  # noqa: ASYNC110 - held by a thread, which sets no event
            await asyncio.sleep(_LOOK_AGAIN_S)
        try:
            with self._noting(asset, account):
                yield
        finally:
            lock.release()

    def _lock(self, asset: AssetBase, account: Account) -> threading.Lock:
        with self._own:
            return self._locks.setdefault((asset.id, account.username), threading.Lock())

    @contextmanager
    def _noting(self, asset: AssetBase, account: Account) -> Iterator[None]:
        key = (asset.id, account.username)
        earlier = self._refused.get(key)
        if earlier is not None:
            raise LoginRefused(f"{earlier.message}；本次运行不再以该账户尝试", cure=earlier.cure)
        try:
            yield
        except LoginRefused as exc:
            self._refused[key] = exc
            raise

    def recall(self, place: str, username: str) -> None:
        """See to it that an account was not refused at a place, where logins are no single block.

        Raises:
            LoginRefused: the account was refused before.

        """
        earlier = self._refused.get((place, username))
        if earlier is not None:
            raise LoginRefused(f"{earlier.message}；本次运行不再以该账户尝试", cure=earlier.cure)

    def remember(self, place: str, username: str, refusal: LoginRefused) -> None:
        """Note that an account was refused at a place."""
        self._refused.setdefault((place, username), refusal)

    def forget(self, place: str, username: str) -> None:
        """Note that an account is let in again, because its password was set back."""
        self._refused.pop((place, username), None)

    def count(self, place: str, username: str) -> None:
        """Note that an account began a session at a place."""
        self._counts[place, username] += 1

    def note(self, place: str, username: str, text: str) -> None:
        """Keep what was last tried with an account at a place, for whoever goes on from there."""
        self._notes[place, username] = (time.monotonic(), text)

    def take_note(self, place: str, username: str, within_s: float) -> str:
        """Return such a note once, where it is no older than `within_s`; empty without."""
        at, text = self._notes.pop((place, username), (0.0, ""))
        return text if text and time.monotonic() - at <= within_s else ""

    def counted(self, place: str, username: str) -> int:
        """Return how many sessions an account began at a place in this run."""
        return self._counts[place, username]
