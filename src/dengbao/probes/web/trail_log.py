"""An application's log, as the account that reads it sees it, or as its table holds it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ...errors import NotDeclared
from ...model import AuditLog, WebAsset
from ..base import Context
from .browser import Browser
from .deeds import new_rows
from .facts_trail import LogSeen
from .login import declared
from .lookup import table_rows
from .parties import Party, admit
from .rows import Row, mismatch, rows_of, when

_LAG_S: Final = 8.0


@dataclass
class Log:
    """The log, as the declared account sees it, or as its table holds it."""

    web: WebAsset
    audit: AuditLog
    context: Context
    browser: Browser
    party: Party | None = None
    before: list[Row] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return what the log is called."""
        return self.audit.name or self.place

    @property
    def place(self) -> str:
        """Return its path, or its table."""
        return self.audit.path or (self.audit.table.table if self.audit.table else "")

    @property
    def lag_s(self) -> float:
        """Return how long a record may take to appear, by the profile."""
        told = self.context.profile.get("audit_record_lag_s")
        return float(told) if isinstance(told, int | float) else _LAG_S

    async def open(self, known: Iterable[Party | None] = ()) -> None:
        """Log in as the account that reads the log, where it is a page; one that is `known` did already.

        Raises:
            NotDeclared: no such account; LoginRefused and others: it cannot log in.

        """
        if not self.audit.path:
            return
        account = self.context.account(self.web, self.audit.account or declared(self.web).account)
        same = next((one for one in known if one is not None and one.id == account.id), None)
        self.party = same or await admit(self.browser, self.web, self.context, account)
        if not self.party.present:
            raise NotDeclared(
                f"读取审计记录的账户 {account.id} 未能登录：{self.party.problem}",
                cure="核对 app.audit.account",
            )

    async def rows(self) -> list[Row]:
        """Return the rows of the log as it is now.

        Raises:
            ProtocolMismatch: the page holds no table with the declared columns; and what a visit raises.

        """
        if self.party is None:
            if self.audit.table is None:
                raise NotDeclared("未登记审计记录的页面或表", cure="登记 app.audit.path 或 table")
            newest = "entry" if "entry" in self.audit.table.columns else "time"
            return await table_rows(self.web, self.context, self.audit.table, newest)
        chain = await self.party.visitor.visit(self.audit.path)
        found = rows_of(chain, self.audit.columns)
        if found is None:
            raise mismatch(self.audit.path)
        return found

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the meanings declared."""
        if self.party is None and self.audit.table is not None:
            return tuple(self.audit.table.columns)
        return tuple(self.audit.columns)

    def newest_first(self, rows: list[Row]) -> bool | None:
        """Tell whether the rows come newest first; a table is asked for in that order."""
        if self.party is None:
            return True
        times = [found for one in rows if (found := when(one.get("time", one["*"]), self.audit.utc_offset_h))]
        if len(times) < 3 or times[0] == times[-1]:
            return None
        return True if times == sorted(times, reverse=True) else None

    def fresh(self, rows: list[Row]) -> list[Row]:
        """Return the rows that were not there at the beginning."""
        return new_rows(self.before, rows)

    def others_shown(self, rows: list[Row]) -> bool | None:
        """Tell whether records of others than the account that reads the log are shown."""
        reader = self.party.account if self.party is not None else None
        if reader is None:
            return True
        users = {one["user"].strip().casefold() for one in rows if one.get("user", "").strip()}
        return bool(users - {reader.username.casefold()}) if users else None

    def oldest_days(self, rows: list[Row]) -> int | None:
        """Return the age of the oldest row in whole days."""
        times = [when(one.get("time", one["*"]), self.audit.utc_offset_h) for one in rows]
        known = [one for one in times if one is not None]
        return (datetime.now().astimezone() - min(known)).days if known else None

    def seen(self, rows: list[Row]) -> LogSeen:
        """Return what was read of it."""
        return LogSeen(
            name=self.name, source="page" if self.party is not None else "table",
            account=self.party.id if self.party is not None else "", path=self.place, columns=self.columns,
            rows=len(rows), new_rows=len(self.fresh(rows)), newest_first=self.newest_first(rows),
            others_shown=self.others_shown(rows),
        )  # fmt: skip
