"""Looks at declared pages with persons as the declared accounts, and at declared exports as everybody."""

from __future__ import annotations

import html
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from ...errors import NotDeclared, ProbeError
from ...model import Account, Asset, Export, Level, PatientView, WebAsset
from ...scanning import Kind, PlainEngine, Scanner
from ...scanning.kinds import Hit
from ..base import Context, Observed, Purpose
from .browser import Browser, Chain, clean_url, opened
from .calls import Reply, perform
from .collected import interfaces, undeclared
from .entering import Entered, as_web, enter, look
from .export_files import Left, address_of, look_for
from .facts_persons import (
    ExportSeen,
    ExportTry,
    FieldShown,
    FileLeft,
    NumbersFound,
    ViewSeen,
    WebExports,
    WebPersons,
)
from .leaving import leave
from .login import matches, turn
from .pages import Compare, describe, references
from .persons import (
    PERSONAL,
    every_number,
    fitting,
    labelled,
    masked_numbers,
    numbers,
    state_of,
)
from .reading import Document, read

PURPOSE: Final = Purpose(Level.INTRUDE, "以无权账户请求导出", "10.b.1")
# Kinds of the scanner by the names used in declarations.
_KINDS: Final = {
    "id_card": (Kind.ID_CARD, Kind.ID_CARD_15), "phone": (Kind.PHONE,), "bank_card": (Kind.BANK_CARD,),
    "name": (Kind.NAME,), "insurance_no": (Kind.SOCIAL_CARD,),
}  # fmt: skip
_TAGS: Final = re.compile(r"</?(?:span|b|i|em|strong|u|font|small|a)\b[^<>]{0,300}>", re.IGNORECASE)


@dataclass
class _Visits:
    """Visitors by account, each logged in once and logged out at the end."""

    browser: Browser
    web: WebAsset
    context: Context
    entered: dict[str, Entered] = field(default_factory=dict)

    async def of(self, account: str) -> Entered:
        if account not in self.entered:
            self.entered[account] = await enter(self.browser, self.web, self.context, account)
        return self.entered[account]

    async def end(self) -> None:
        for one in self.entered.values():
            await leave(one.visitor, self.web)


async def look_at_persons(asset: Asset, context: Context) -> Observed:
    """Open each declared page with persons, and the interfaces behind it, as its account.

    Sends: one login for each account; a GET of each page and interface, the page also by a stranger; logouts.
    Changes: sessions begin and end; the application may note that these persons were looked at.
    Level: login.

    Raises:
        NotDeclared, LoginRefused, NoPermission, NotSupported, Unclear and what a visit raises.

    """
    web = as_web(asset)
    if web.app is None or not web.app.patients:
        raise NotDeclared("未登记展示个人信息的页面", cure="在 app.patients 登记")
    views: list[ViewSeen] = []
    async with turn(web), opened(web, context, probe="web.persons") as browser:
        visits = _Visits(browser, web, context)
        for view in web.app.patients:
            entered = await visits.of(view.account)
            told = await look(browser.fork(), (view.path,), entered.compare)
            compare = replace(entered.compare, strangers={**entered.compare.strangers, **told.seen})
            account = context.account(web, view.account)
            views.append(await _view(replace(entered, compare=compare), view, account))
        await visits.end()
    roles = "、".join(dict.fromkeys(one.role for one in views if one.role))
    return Observed((WebPersons(views=tuple(views)),), privilege=f"账户角色 {roles or '未填'}")


async def _view(entered: Entered, view: PatientView, account: Account) -> ViewSeen:
    at = datetime.now(UTC)
    frame = ViewSeen(
        path=view.path, name=view.name or view.path, role=account.role, at=at, declared=dict(view.fields),
        masked=view.masked, surplus=dict(view.surplus),
    )  # fmt: skip
    try:
        chain = await entered.visitor.visit(view.path)
    except ProbeError as exc:
        return _with(frame, problem=exc.message)
    seen = describe(view.path, chain, entered.compare)
    fields = list(_fields(view, chain, "page"))
    found = list(_numbers(chain, "page"))
    unread: dict[str, str] = {}
    opened_at = {"page": chain}
    for path in view.behind:
        try:
            inner = await entered.visitor.visit(path)
        except ProbeError as exc:
            unread[path] = exc.message
            continue
        if describe(path, inner, entered.compare).reached is not True:
            unread[path] = f"返回 {inner.last.status}，未取得数据"
            continue
        opened_at[path] = inner
        fields.extend(_fields(view, inner, path))
        found.extend(_numbers(inner, path))
    labels = labelled(chain.last.document)
    labels_left = tuple(one for one in labels if PERSONAL.fullmatch(one) and one not in view.fields)
    return _with(
        frame, status=seen.status, shown=seen.reached, fields=tuple(fields), numbers=tuple(found),
        undeclared=labels_left, unread=unread, suspects=tuple(_suspects(view, opened_at)),
        asked=tuple(undeclared(chain.last.document, _documents(opened_at), view.fields)),
        drawn_from=interfaces(chain.last.document, (view.path, *view.behind)),
        caching={place: one.last.headers.get("cache-control", "") for place, one in opened_at.items()},
    )  # fmt: skip


def _documents(chains: Mapping[str, Chain]) -> dict[str, Document]:
    return {place: one.last.document for place, one in chains.items() if place != "page"}


def _suspects(view: PatientView, chains: Mapping[str, Chain]) -> Iterator[FieldShown]:
    """Yield where values stand that a masked one may have been made of, under whatever name."""
    for label in view.masked:
        holds = view.fields.get(label, "other")
        shown = [one for chain in chains.values() for one in labelled(chain.last.document).get(label, ())]
        masked = [one for one in shown if state_of(one, holds) == "masked"]
        for place, chain in chains.items():
            count = fitting(masked, chain.last.document)
            if count:
                where = "source" if place == "page" else place
                yield FieldShown(label=label, holds=holds, place=where, full=count)


def _with(frame: ViewSeen, **changes: object) -> ViewSeen:
    given = {name: getattr(frame, name) for name in frame.__struct_fields__}
    return ViewSeen(**{**given, **changes})


def _fields(view: PatientView, chain: Chain, place: str) -> Iterator[FieldShown]:
    values = labelled(chain.last.document)
    for label, holds in view.fields.items():
        states = [state_of(one, holds) for one in values.get(label, ())]
        if any(states):
            yield FieldShown(
                label=label, holds=holds, place=place, full=states.count("full"),
                masked=states.count("masked"), other=states.count("other"),
            )  # fmt: skip


def _numbers(chain: Chain, place: str) -> Iterator[NumbersFound]:
    """Yield whole numbers of what is read, and those that only the source of a page holds."""
    document = chain.last.document
    everywhere = every_number(document)
    plain = everywhere if document.is_json else numbers(document.text)
    for kind, count in plain.items():
        yield NumbersFound(holds=kind, place=place, count=count)
    if document.is_json or place != "page":
        return
    for kind, count in everywhere.items():
        if count > plain.get(kind, 0):
            yield NumbersFound(holds=kind, place="source", count=count - plain.get(kind, 0))


async def try_exports(asset: Asset, context: Context) -> Observed:
    """Ask for each declared export as its account, as one account of every other role, and as a stranger.

    Sends: one login for each role; the export's request once for each, and once more where its file is
        declared; that file's address twice as the account, once as a stranger; a logout.
    Changes: sessions begin and end; exports are noted; where the application lets the wrong ones have it, it
        makes the file once more. Nothing of the file is kept but counts.
    Level: intrude.

    Raises:
        NotDeclared, LoginRefused, NoPermission, NotSupported, Unclear and what a visit raises.

    """
    web = as_web(asset)
    if web.app is None or not web.app.exports:
        raise NotDeclared("未登记导出功能", cure="在 app.exports 登记")
    async with turn(web), opened(web, context, probe="web.exports") as browser:
        visits = _Visits(browser, web, context)
        compare = await references(browser.fork(), web)
        seen = [await _export(visits, compare, export) for export in web.app.exports]
        await visits.end()
    return Observed((WebExports(exports=tuple(seen)),), privilege="各角色账户")


async def _export(visits: _Visits, compare: Compare, export: Export) -> ExportSeen:
    web, context = visits.web, visits.context
    first = context.account(web, export.account)
    right, reply = await _ask(visits, compare, export, first, allowed=True)
    tries = [right]
    for account in _others(web, first):
        allowed = account.role in export.roles
        tries.append((await _ask(visits, compare, export, account, allowed=allowed, like=reply))[0])
    tries.append((await _ask(visits, compare, export, None, allowed=False, like=reply))[0])
    request = f"{export.method} {clean_url(visits.browser.resolve(export.path))}"
    left = await _left(visits, compare, export, first)
    return ExportSeen(
        name=export.name or export.path, request=request, masked=export.masked, tries=tuple(tries),
        file_declared=bool(export.file_key or export.file_in), left=left,
    )  # fmt: skip


async def _left(visits: _Visits, compare: Compare, export: Export, account: Account) -> FileLeft | None:
    """Export once more and look what becomes of the file; last, for others were to ask for the export."""
    if not (export.file_key or export.file_in):
        return None
    try:
        visitor = (await visits.of(account.id)).visitor
        url = address_of(export, await perform(visitor, export), visitor)
    except ProbeError:
        return None
    if url is None:
        return None
    left = Left(export, url, visitor, visits.browser.fork(), compare)
    seen = await look_for(left, visits.context.guard.scope.wait_s)
    return msgspec.structs.replace(seen, alive=await _still_inside(visits, account))


def _others(web: WebAsset, first: Account) -> Iterator[Account]:
    """Yield one account of each other role; the sacrificial one may be locked and is left alone."""
    known = {first.role}
    for one in web.accounts:
        if one.role and one.role not in known and one.secret and not one.sacrificial:
            known.add(one.role)
            yield one


async def _ask(
    visits: _Visits,
    compare: Compare,
    export: Export,
    account: Account | None,
    *,
    allowed: bool,
    like: Reply | None = None,
) -> tuple[ExportTry, Reply | None]:
    at = datetime.now(UTC)
    role = account.role if account is not None else ""
    try:
        visitor = (await visits.of(account.id)).visitor if account is not None else visits.browser.fork()
        asking = visitor if allowed else visitor.intruding(PURPOSE)
        reply = await perform(asking, export)
    except ProbeError as exc:
        return ExportTry(role=role, allowed=allowed, at=at, problem=exc.message), None
    last = reply.chain.last
    got = _got(reply, compare, export, like)
    if got is False and account is not None and not await _still_inside(visits, account):
        got = None  # a session that has ended is refused everything
    found, masked, whole = _found(last.body, export) if got else ({}, {}, False)
    tried = ExportTry(
        role=role, allowed=allowed, at=at, status=reply.status, media_type=last.media_type,
        size_bytes=len(last.body), got=got, found=found, masked=masked, whole=whole,
    )  # fmt: skip
    return tried, reply


async def _still_inside(visits: _Visits, account: Account) -> bool:
    """Tell whether the account's session still shows a page that strangers are refused."""
    entered = visits.entered[account.id]
    for path, seen in entered.during.seen.items():
        before = entered.before.seen[path]
        if seen.reached and before.answered and not before.reached:
            try:
                return describe(path, await entered.visitor.visit(path), entered.compare).reached is True
            except ProbeError:
                return False
    return True  # nothing could tell


def _got(  # noqa: PLR0911 - one line for each way an answer may tell
    reply: Reply, compare: Compare, export: Export, like: Reply | None
) -> bool | None:
    """Tell whether the export came: by its marker, as a file, or as what the right account was given.

    That a marker is missing is a refusal only where the answer is a page and no failure: a server that is
    too busy, or a file of another make, says nothing of rights.
    """
    last = reply.chain.last
    if reply.done:
        return True
    if _busy(reply.status) or _busy(last.status):
        return None
    seen = describe(export.path, reply.chain, compare)
    said_no = bool(matches(export.refused, reply.chain.first, reply.chain))
    if said_no or seen.login_demanded or reply.refused_by_status:
        return False
    if not 200 <= last.status < 300 or not last.body:
        return None
    if reply.done is False:
        return None if _file(reply) else False
    if _file(reply):
        return True
    if like is not None and last.media_type == like.chain.last.media_type:
        other = len(like.chain.last.body)
        return True if other and last.media_type != "text/html" and len(last.body) * 2 > other else None
    return seen.reached


def _file(reply: Reply) -> bool:
    last = reply.chain.last
    attached = "attachment" in str(last.headers.get("content-disposition", "")).casefold()
    return attached or last.media_type not in ("", "text/html", "text/plain", "application/json")


def _busy(status: int) -> bool:
    return status in (408, 425, 429) or status >= 500


class _Seeing:
    """The plain engine, which also counts numbers with a hidden part."""

    name = PlainEngine.name

    def __init__(self) -> None:
        self.masked: Counter[str] = Counter()
        self._plain = PlainEngine()

    def hits(self, data: bytes, low: int, small: bytes | None = None) -> list[Hit]:
        """Return the hits of a window."""
        self.masked.update(masked_numbers(data[low:].decode("utf-8", "replace")))
        return self._plain.hits(data, low, small)


def _found(body: bytes, export: Export) -> tuple[dict[str, int], dict[str, int], bool]:
    """Return how much personal data an export holds in clear and masked, and whether all of it was read."""
    engine = _Seeing()
    scanner = Scanner(engine=engine)
    scanner.file(io.BytesIO(body), export.name or "export")
    report = scanner.report()
    counts = {name: sum(map(report.count, kinds)) for name, kinds in _KINDS.items()}
    document = read(body, "")  # a page or JSON may hold them escaped, packed or in pieces
    for kind, count in every_number(document).items():
        counts[kind] = max(counts.get(kind, 0), count)
    joined = numbers(_TAGS.sub("", html.unescape(document.source)))
    for kind, count in joined.items():
        counts[kind] = max(counts.get(kind, 0), count)
    return {name: count for name, count in counts.items() if count}, dict(engine.masked), report.complete
