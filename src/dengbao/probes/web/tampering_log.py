"""Tries to delete and to change records of our own in the application's log, as everybody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import msgspec

from ...errors import ProbeError
from ...model import AuditLog, Call, Level, WebAsset
from ..base import Context, Purpose
from .browser import Browser
from .facts_trail import TamperTry, WebLogTampering
from .parties import Party, ask_as, stranger
from .rows import Row, when

PURPOSE: Final = Purpose(Level.INTRUDE, "试删、试改本次检测自己产生的审计记录", "3.c.1")
_MAX_RECORDS: Final = 24
_STEP_S: Final = 0.3


class Readable(Protocol):
    """A log that can be read."""

    browser: Browser
    party: Party | None

    @property
    def lag_s(self) -> float:
        """Return how long a record may take to appear."""

    async def rows(self) -> list[Row]:
        """Return its rows."""


@dataclass
class Tampering:
    """The attempts on one log; `fail` makes a record with a name of its own and returns the name."""

    web: WebAsset
    audit: AuditLog
    context: Context
    log: Readable
    parties: list[Party]
    fail: Callable[[], Awaitable[str]]
    made: int = 0

    async def tried(self) -> WebLogTampering | None:
        """Try each declared request as everybody; None where none is declared."""
        given = (("remove", self.audit.remove), ("alter", self.audit.alter))
        calls = [(kind, call) for kind, call in given if call is not None]
        if not calls:
            return None
        nobody = await stranger(self.log.browser, self.web)
        who = [nobody, *(one for one in self.parties if one.present)]
        if self.log.party is not None and all(one.id != self.log.party.id for one in who):
            who.append(self.log.party)
        tries = [await self._once(kind, call, party) for kind, call in calls for party in who]
        return WebLogTampering(tries=tuple(tries))

    async def _once(self, kind: str, call: Call, party: Party) -> TamperTry:
        tried = TamperTry(
            kind=kind, account=party.id, role=party.role, request=f"{call.method} {call.path}",
            at=datetime.now().astimezone(),
        )  # fmt: skip
        if self.made >= _MAX_RECORDS:
            return msgspec.structs.replace(tried, problem=f"至多产生 {_MAX_RECORDS} 条记录，未测试")
        self.made += 1
        try:
            name = await self.fail()
            record = await self._record(name)
            entry = record.get("entry", "") if record is not None else ""
            if record is None or not entry:
                return msgspec.structs.replace(tried, problem="未取得本次产生的记录及其编号，未测试")
            if not identifies(entry, await self.log.rows()):
                return msgspec.structs.replace(
                    tried, problem="编号列不唯一或只是行号，可能指向他人的记录，未测试"
                )
            return await self._on(tried, call, party, name, record)
        except ProbeError as exc:
            return msgspec.structs.replace(tried, problem=exc.message)

    async def _on(self, tried: TamperTry, call: Call, party: Party, name: str, record: Row) -> TamperTry:
        problem = ""
        status, done = None, None
        neighbour = await self._neighbour(name)
        try:
            visitor = party.visitor.intruding(PURPOSE)
            reply = await ask_as(party, call, {"entry": record["entry"]}, visitor)
            status, done = reply.status, reply.done
        except ProbeError as exc:
            problem = exc.message
        rows = await self.log.rows()
        after = next((one for one in rows if name in one["*"]), None)
        intact = _same(record, after) if after is not None else None
        if after is None and done is not False and (neighbour is None or _holds(rows, neighbour)):
            intact = False if neighbour is not None else None
        return msgspec.structs.replace(
            tried, status=status, done=done, intact=intact, problem="" if intact is False else problem
        )

    async def _record(self, name: str) -> Row | None:
        """Return the record of a name as soon as the log shows it, None after the lag of the profile."""
        until = time.monotonic() + self.log.lag_s
        while True:
            found = next((one for one in await self.log.rows() if name in one["*"]), None)
            if found is not None or time.monotonic() > until:
                return found
            await asyncio.sleep(_STEP_S)

    async def _neighbour(self, name: str) -> Row | None:
        """Return the row beside a record: where it is gone, too, the page only shows other rows by now."""
        rows = await self.log.rows()
        at = next((number for number, one in enumerate(rows) if name in one["*"]), None)
        if at is None:
            return None
        # The last row of a page moves to the next one by any new record, without any row beside it.
        if at + 1 < len(rows):
            return rows[at + 1]
        return rows[at - 1] if at and not _first_is_newest(rows) else None


def identifies(entry: str, rows: list[Row]) -> bool:
    """Tell whether an entry is one record's own: a number counted from the top is another's tomorrow."""
    entries = [one.get("entry", "") for one in rows]
    counted = entries == [str(number) for number in range(1, len(entries) + 1)]
    return entries.count(entry) == 1 and not counted


def _first_is_newest(rows: list[Row]) -> bool:
    """Tell whether rows may come newest first: the last one is not later than the first for sure."""
    first, last = (when(one.get("time", one["*"]), None) for one in (rows[0], rows[-1]))
    return first is None or last is None or first >= last


def _same(one: Row, other: Row) -> bool:
    """Tell whether a record reads as before in its declared columns; a time may be told as an age."""
    told = {key for key in one if key not in ("*", "time")}
    return all(other.get(key) == one[key] for key in told)


def _holds(rows: list[Row], row: Row) -> bool:
    return any(_same(row, one) for one in rows)
