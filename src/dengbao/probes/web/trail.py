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
from ...model import Account, Asset, Export, Level, Marker, PatientView, UserAdmin, WebAsset
from ..base import Context, Observed, Purpose, missing
from .browser import Browser, Chain, opened
from .calls import perform
from .deeds import ON_A_USER, Clock, Sought, by_user, clock_of, fitting, matched, named, seen
from .entering import Unclear, as_web
from .facts_trail import Deed, WebLogTampering, WebTrail
from .leaving import leave
from .login import declared, prepare, submit, turn
from .managing import Managing
from .parties import LIMITS, Party, admit, described, role_accounts
from .rows import Row
from .tampering_log import Tampering
from .trail_log import Log
from .truth import truth_of
from .user_deeds import TASK, can_manage, done_to_a_user

_STEP_S: Final = 0.5
_PREFIX: Final = "dbjc"
_FAILED: Final = Purpose(Level.INTRUDE, "以不存在的用户名登录一次，再到审计记录中查找", "3.a.3")
_LOCAL: Final = frozenset({"127.0.0.1", "::1"})


async def probe(asset: Asset, context: Context) -> Observed:
    """Log in as each role, look at a patient, export, fail a login, log out; then read the logs.

    Where users may be created, one is, is given rights and disabled as far as declared, and is removed.

    Sends: one login with each role account and one of a name that cannot exist; the first declared patient
        page and export; the declared requests on a user of ours; the logout; each log's page or table, again
        until all was found, at most `audit_record_lag_s` long; the declared requests to delete and to change
        a record, as every role account and as a stranger, each on a record of a failed login made for it.
    Changes: sessions of the accounts; a user of ours comes into being and is removed; records of these deeds
        in the logs. Where records are not protected, records of our own are deleted or changed.
    Level: intrude.

    Raises:
        NotDeclared, LoginRefused, ProtocolMismatch and what a visit raises: the log cannot be read.

    """
    web = as_web(asset)
    audits = [one for one in described(web).logs if one.path or one.table]
    if not audits:
        raise NotDeclared("未登记审计记录", where=f"测评对象 {web.id}", cure="登记 app.audit")
    async with turn(web), opened(web, context, probe="web.trail", limits=LIMITS) as browser:
        logs = [Log(web, one, context, browser) for one in audits]
        work = Work(web, context, browser, logs)
        try:
            for number, log in enumerate(logs):
                await log.open([one.party for one in logs[:number]])
            await work.do()
            # Before anybody logs out: these attempts are made as everybody.
            tampering = await work.tamper()
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


@dataclass(frozen=True)
class _View:
    """What one log shows: all rows, those that are new, and its clock."""

    log: Log
    rows: list[Row]
    fresh: list[Row]
    clock: Clock


@dataclass
class Work:
    """The deeds, in order, and who does them."""

    web: WebAsset
    context: Context
    browser: Browser
    logs: list[Log]
    parties: list[Party] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    sought: list[Sought] = field(default_factory=list)

    async def do(self) -> None:
        """Do everything once."""
        for log in self.logs:
            log.before = await log.rows()
        for account in role_accounts(self.web):
            await self._enter(account)
        await self._failed_login()
        app = described(self.web)
        for view in app.patients[:1]:
            await self._request("view", view)
        for export in app.exports[:1]:
            await self._request("export", export)
        if app.users is not None and can_manage(app.users):
            await self._manage(app.users)

    async def _enter(self, account: Account) -> Party:
        begun = _now()
        party = await admit(self.browser, self.web, self.context, account)
        self.parties.append(party)
        if party.present:
            for log in self.logs:
                if log.party is not None and log.party.id == party.id:
                    log.party = party  # a new login may end the older session
            self._note("login", account, _login_path(self.web), begun, done=True)
        return party

    async def _manage(self, users: UserAdmin) -> None:
        """Do to a user of ours what the administering account may do."""
        account = self.context.account(self.web, users.account)
        known = next((one for one in self.parties if one.id == account.id), None)
        party = known or await self._enter(account)
        if not party.present:
            return
        password = self.context.password(self.web, account)
        managing = Managing(self.context, TASK, users, account, party.visitor, password)
        async for one in done_to_a_user(managing):
            self._note(
                one.kind, account, one.request, one.begun, done=one.done, problem=one.problem,
                objects=(managing.name("new"),),
            )  # fmt: skip

    async def tamper(self) -> WebLogTampering | None:
        """Try the declared requests on each log; None where there are none."""
        found = [
            await Tampering(self.web, one.audit, self.context, one, self.parties, self.fail).tried()
            for one in self.logs
        ]
        tries = [one for seen in found if seen is not None for one in seen.tries]
        return WebLogTampering(tries=tuple(tries)) if tries else None

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
        readers = {one.party.id for one in self.logs if one.party is not None}
        party = next((one for one in self.parties if one.present and one.id not in readers), None)
        if party is None or party.account is None or not self.web.logout:
            return
        begun = _now()
        done = await leave(party.visitor, self.web)
        self._note("logout", party.account, f"{self.web.logout_method} {self.web.logout}", begun, done=done)
        party.problem = "已退出"

    async def look(self) -> WebTrail:
        """Read the logs until every deed is found, or the time is over."""
        began = time.monotonic()
        views = await self._views()
        while not all(self._found(views)) and time.monotonic() - began < self.logs[0].lag_s:
            await asyncio.sleep(_STEP_S)
            views = await self._views()
        found = self._found(views)
        deeds = tuple(
            self._deed(deed, sought, hit, views)
            for deed, sought, hit in zip(self.deeds, self.sought, found, strict=True)
        )
        logs = tuple(one.log.seen(one.rows) for one in views)
        ages = [age for one in views if (age := one.log.oldest_days(one.rows)) is not None]
        return WebTrail(
            source=logs[0].source,
            account="、".join(dict.fromkeys(one.account for one in logs if one.account)),
            path="、".join(one.path for one in logs),
            columns=tuple(dict.fromkeys(column for one in logs for column in one.columns)),
            deeds=deeds,
            rows=sum(one.rows for one in logs),
            new_rows=sum(one.new_rows for one in logs),
            waited_s=round(time.monotonic() - began, 1),
            newest_first=_all([one.newest_first for one in logs]),
            unreached=tuple(one.id for one in self.parties if one.entered is None),
            oldest_days=max(ages) if ages else None,
            others_shown=_all([one.others_shown for one in logs]),
            logs=logs if len(logs) > 1 else (),
        )

    async def _views(self) -> list[_View]:
        """Read each log; one without a failed login of ours goes by the clock of one that has it."""
        read = [(log, rows, log.fresh(rows)) for log in self.logs for rows in [await log.rows()]]
        clocks = [clock_of(fresh, self.sought, log.audit.utc_offset_h) for log, _, fresh in read]
        known = {one.offset_h: one for one in clocks if one.ahead is not None}
        return [
            _View(log, rows, fresh, clock if clock.ahead is not None else known.get(clock.offset_h, clock))
            for (log, rows, fresh), clock in zip(read, clocks, strict=True)
        ]

    def _found(self, views: list[_View]) -> list[tuple[_View, Row] | None]:
        """Return the record of each deed, from the first log that has one."""
        every = [matched(one.fresh, self.sought, one.clock) for one in views]
        return [
            next(((view, row) for view, rows in zip(views, every, strict=True) if (row := rows[at])), None)
            for at in range(len(self.sought))
        ]

    def _deed(self, deed: Deed, sought: Sought, hit: tuple[_View, Row] | None, views: list[_View]) -> Deed:
        if hit is None:
            return msgspec.structs.replace(deed, others=sum(self._odd(sought, one) for one in views))
        view, row = hit
        found = seen(row, sought, view.log.audit.utc_offset_h, _LOCAL)
        if len(views) > 1:
            found = msgspec.structs.replace(found, log=view.log.name)
        return msgspec.structs.replace(deed, record=found)

    def _odd(self, sought: Sought, view: _View) -> int:
        """Count the new rows that may be of a deed in odd words, or of this one or another."""
        fresh = view.fresh
        # What is about this user and tells of none of the other deeds might be this one in odd words.
        odd = [one for one in by_user(fresh, sought.username) if not self._explained(one, view.clock)]
        odd += [one for one in fresh if not one.get("user") and not self._explained(one, view.clock)]
        if not by_user(view.rows, sought.username):
            # Where the log names people otherwise, by real names or masked, ours look like strangers'.
            odd += [one for one in fresh if one.get("user") and self._strange(one, sought.kind)]
        # A record of a change of whatever kind that another deed has taken might be this one's.
        shared = fitting(fresh, sought, view.clock) if sought.kind in ON_A_USER else None
        return len(odd) + (shared is not None)

    def _strange(self, row: Row, kind: str) -> bool:
        """Tell whether a row tells of such a deed by somebody who is none of ours."""
        ours = _PREFIX in row["*"] or any(by_user([row], one.username) for one in self.sought if one.username)
        return not ours and named(row, kind)

    def _explained(self, row: Row, clock: Clock) -> bool:
        return any(fitting([row], one, clock) is not None for one in self.sought)

    async def leave(self) -> None:
        """End the sessions that are still alive."""
        everybody = {id(one): one for one in (*self.parties, *(log.party for log in self.logs))}
        for party in everybody.values():
            if party is not None and party.present and party.entered is not None:
                await leave(party.visitor, self.web)


def _all(told: list[bool | None]) -> bool | None:
    """Return what holds of all: False where it does not of one, None where that is not known of one."""
    if False in told:
        return False
    return None if None in told else True


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
