"""Does what must be audited, then looks for each deed in the application's log."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from ...errors import NotDeclared, ProbeError
from ...model import Account, Asset, AuditLog, Export, Level, Marker, PatientView, WebAsset
from ..base import Context, Observed, Purpose, missing
from .browser import Browser, Chain, opened
from .calls import perform
from .deeds import Clock, Sought, by_user, clock_of, fitting, named, new_rows, seen
from .entering import Unclear, as_web
from .facts_trail import Deed, WebLogTampering, WebTrail
from .leaving import leave
from .login import declared, prepare, submit, turn
from .lookup import table_rows
from .parties import LIMITS, Party, admit, described, role_accounts
from .rows import Row, mismatch, rows_of, when
from .tampering_log import Tampering
from .truth import truth_of

_LAG_S: Final = 8.0
_STEP_S: Final = 0.5
_PREFIX: Final = "dbjc"
_FAILED: Final = Purpose(Level.INTRUDE, "以不存在的用户名登录一次，再到审计记录中查找", "3.a.3")
_LOCAL: Final = frozenset({"127.0.0.1", "::1"})


async def probe(asset: Asset, context: Context) -> Observed:
    """Log in as each role, look at a patient, export, fail a login, log out; then read the log.

    Sends: one login with each role account and one of a name that cannot exist; the first declared patient
        page and export; the logout; the log's page or table, again until all was found, at most
        `audit_record_lag_s` long; the declared requests to delete and to change a record, as every role
        account and as a stranger, each on a record of a failed login made for it.
    Changes: sessions of the accounts; records of these deeds in the log. Where records are not protected,
        records of our own are deleted or changed.
    Level: intrude.

    Raises:
        NotDeclared, LoginRefused, ProtocolMismatch and what a visit raises: the log cannot be read.

    """
    web = as_web(asset)
    audit = described(web).audit
    if audit is None:
        raise NotDeclared("未登记审计记录", where=f"测评对象 {web.id}", cure="登记 app.audit")
    async with turn(web), opened(web, context, probe="web.trail", limits=LIMITS) as browser:
        log = Log(web, audit, context, browser)
        work = Work(web, context, browser, log)
        try:
            await log.open()
            await work.do()
            # Before anybody logs out: these attempts are made as everybody.
            tampering = await Tampering(web, audit, context, log, work.parties, work.fail).tried()
            await work.log_out()
            trail = await work.look()
        finally:
            await work.leave()
    if tampering is None:
        lack = NotDeclared(
            "未登记删除、修改审计记录的请求",
            cure="有此类请求的登记 app.audit.remove、alter，没有的人工核查",
        )
        return Observed((trail,), (missing(WebLogTampering, lack, lack.reason),), trail.account)
    return Observed((trail, tampering), (), trail.account)


@dataclass
class Log:
    """The log, as the declared account sees it, or as its table holds it."""

    web: WebAsset
    audit: AuditLog
    context: Context
    browser: Browser
    party: Party | None = None

    @property
    def lag_s(self) -> float:
        """Return how long a record may take to appear, by the profile."""
        told = self.context.profile.get("audit_record_lag_s")
        return float(told) if isinstance(told, int | float) else _LAG_S

    async def open(self) -> None:
        """Log in as the account that reads the log, where it is a page.

        Raises:
            NotDeclared: no such account; LoginRefused and others: it cannot log in.

        """
        if not self.audit.path:
            return
        account = self.context.account(self.web, self.audit.account or declared(self.web).account)
        self.party = await admit(self.browser, self.web, self.context, account)
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


@dataclass
class Work:
    """The deeds, in order, and who does them."""

    web: WebAsset
    context: Context
    browser: Browser
    log: Log
    parties: list[Party] = field(default_factory=list)
    before: list[Row] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    sought: list[Sought] = field(default_factory=list)

    async def do(self) -> None:
        """Do everything once."""
        self.before = await self.log.rows()
        for account in role_accounts(self.web):
            begun = _now()
            party = await admit(self.browser, self.web, self.context, account)
            self.parties.append(party)
            if party.present:
                if self.log.party is not None and self.log.party.id == party.id:
                    self.log.party = party  # a new login may end the older session
                self._note("login", account, _login_path(self.web), begun, done=True)
        await self._failed_login()
        app = described(self.web)
        for view in app.patients[:1]:
            await self._request("view", view)
        for export in app.exports[:1]:
            await self._request("export", export)

    def _note(
        self, kind: str, account: Account | str, request: str, begun: datetime, *, done: bool | None,
        problem: str = "", paths: tuple[str, ...] = (), objects: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        known = account if isinstance(account, Account) else None
        username = known.username if known is not None else str(account)
        self.deeds.append(
            Deed(
                kind=kind, account=known.id if known is not None else "", role=known.role if known else "",
                request=request, at=begun, done=done, problem=problem,
            )
        )  # fmt: skip
        self.sought.append(Sought(kind, username, begun, _now(), paths, objects))

    async def _failed_login(self) -> None:
        begun = _now()
        done: bool | None = None
        name, problem = "", ""
        try:
            name = await self.fail()
            done = True
        except ProbeError as exc:
            problem = exc.message
        self._note("login_failed", name, _login_path(self.web), begun, done=done, problem=problem)

    async def fail(self) -> str:
        """Fail one login with a name that cannot exist, and return the name.

        Raises:
            ProbeError: the login could not be sent, or did not fail.

        """
        name = f"{_PREFIX}{secrets.token_hex(5)}"
        visitor = self.browser.fork().intruding(_FAILED)
        attempt = await submit(
            visitor, await prepare(visitor, declared(self.web)), name, secrets.token_urlsafe(12)
        )
        if attempt.error is not None:
            raise attempt.error
        if attempt.seen.by_marker:
            raise Unclear("以不存在的用户名登录未见失败", cure="核对 login.success、login.failure")
        return name

    async def _request(self, kind: str, what: PatientView | Export) -> None:
        party = next((one for one in self.parties if one.id == what.account and one.present), None)
        if party is None or party.account is None:
            return
        begun, done, problem = _now(), None, ""
        request = what.path
        try:
            if isinstance(what, Export):
                request = f"{what.method} {what.path}"
                reply = await perform(party.visitor, what)
                done = reply.done if reply.done is not None else _carried_out(reply.chain, party)
            else:
                request = f"GET {what.path}"
                chain = await party.visitor.visit(what.path)
                done = _carried_out(chain, party)
        except ProbeError as exc:
            problem = exc.message
        behind = what.behind if isinstance(what, PatientView) else ()
        self._note(
            kind, party.account, request, begun, done=done, problem=problem,
            paths=(what.path, *behind), objects=(what.name,),
        )  # fmt: skip

    async def log_out(self) -> None:
        """Log out one of the accounts that does not read the log."""
        reader = self.log.party.id if self.log.party is not None else ""
        party = next((one for one in self.parties if one.present and one.id != reader), None)
        if party is None or party.account is None or not self.web.logout:
            return
        begun = _now()
        done = await leave(party.visitor, self.web)
        self._note("logout", party.account, f"{self.web.logout_method} {self.web.logout}", begun, done=done)
        party.problem = "已退出"

    async def look(self) -> WebTrail:
        """Read the log until every deed is found, or the time is over."""
        began = time.monotonic()
        rows = await self.log.rows()
        while not all(self._matched(rows)) and time.monotonic() - began < self.log.lag_s:
            await asyncio.sleep(_STEP_S)
            rows = await self.log.rows()
        fresh = new_rows(self.before, rows)
        deeds = tuple(
            self._deed(deed, sought, fresh, rows)
            for deed, sought in zip(self.deeds, self.sought, strict=True)
        )
        return WebTrail(
            source="page" if self.log.party is not None else "table",
            account=self.log.party.id if self.log.party is not None else "",
            path=self.log.audit.path or (self.log.audit.table.table if self.log.audit.table else ""),
            columns=self.log.columns,
            deeds=deeds,
            rows=len(rows),
            new_rows=len(fresh),
            waited_s=round(time.monotonic() - began, 1),
            newest_first=self.log.newest_first(rows),
            unreached=tuple(one.id for one in self.parties if one.entered is None),
            oldest_days=self._oldest_days(rows),
            others_shown=self._others_shown(rows),
        )

    def _others_shown(self, rows: list[Row]) -> bool | None:
        """Tell whether records of others than the account that reads the log are shown."""
        reader = self.log.party.account if self.log.party is not None else None
        if reader is None:
            return True
        users = {one["user"].strip().casefold() for one in rows if one.get("user", "").strip()}
        return bool(users - {reader.username.casefold()}) if users else None

    def _matched(self, rows: list[Row]) -> list[bool]:
        fresh = new_rows(self.before, rows)
        clock = self._clock(fresh)
        return [fitting(fresh, one, clock) is not None for one in self.sought]

    def _clock(self, fresh: list[Row]) -> Clock:
        return clock_of(fresh, self.sought, self.log.audit.utc_offset_h)

    def _deed(self, deed: Deed, sought: Sought, fresh: list[Row], rows: list[Row]) -> Deed:
        clock = self._clock(fresh)
        row = fitting(fresh, sought, clock)
        if row is None:
            # What is about this user and tells of none of the other deeds might be this one in odd words.
            odd = [one for one in by_user(fresh, sought.username) if not self._explained(one, clock)]
            odd += [one for one in fresh if not one.get("user") and not self._explained(one, clock)]
            if not by_user(rows, sought.username):
                # Where the log names people otherwise, by real names or masked, ours look like strangers'.
                odd += [one for one in fresh if one.get("user") and self._strange(one, sought.kind)]
            return msgspec.structs.replace(deed, others=len(odd))
        found = seen(row, sought, self.log.audit.utc_offset_h, _LOCAL)
        return msgspec.structs.replace(deed, record=found)

    def _strange(self, row: Row, kind: str) -> bool:
        """Tell whether a row tells of such a deed by somebody who is none of ours."""
        ours = _PREFIX in row["*"] or any(by_user([row], one.username) for one in self.sought if one.username)
        return not ours and named(row, kind)

    def _explained(self, row: Row, clock: Clock) -> bool:
        return any(fitting([row], one, clock) is not None for one in self.sought)

    def _oldest_days(self, rows: list[Row]) -> int | None:
        times = [when(one.get("time", one["*"]), self.log.audit.utc_offset_h) for one in rows]
        known = [one for one in times if one is not None]
        return (_now() - min(known)).days if known else None

    async def leave(self) -> None:
        """End the sessions that are still alive."""
        for party in (*self.parties, self.log.party):
            if party is not None and party.present and party.entered is not None:
                await leave(party.visitor, self.web)


def _carried_out(chain: Chain, party: Party) -> bool | None:
    """Tell whether something was shown; a refusal, an error or an empty shell may come with status 200."""
    if chain.first.status in (401, 403, 404):
        return False
    known = [party.unknown, party.entered.compare.login if party.entered is not None else None]
    return None if truth_of(chain, Marker(), [one for one in known if one is not None]).why else True


def _login_path(web: WebAsset) -> str:
    return f"POST {declared(web).path}"


def _now() -> datetime:
    return datetime.now().astimezone()
