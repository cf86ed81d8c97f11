"""Asks for everything an application describes without a session, and with credentials nobody was given."""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ...errors import NotDeclared, ProbeError
from ...model import Application, Asset, Call, Level, Marker, WebAsset
from ..base import Context, Observed, Purpose
from .browser import Browser, Chain, Limits, opened
from .calls import perform, shows
from .cookies import Jar
from .entering import PROTECTED_CURE, Entered, Unclear, as_web, enter
from .facts import PageSeen, Replay, SessionPage
from .facts_identity import ReachSeen, WebForged, WebReach
from .knocking import Door, door_of
from .leaving import leave
from .login import turn
from .pages import Compare, describe, like, own_texts, shown_percent, unanswered
from .session import find_carriers

MAX_PLACES: Final = 40
MAX_ROLES: Final = 6
LIMITS: Final = Limits(all_s=400.0)
_FORGED: Final = Purpose(Level.INTRUDE, "以伪造的会话凭据访问受保护页面", "1.a.1")


@dataclass(frozen=True)
class Place:
    """Something described: how it is asked for, and as whom its true answer is seen (empty: not at all)."""

    name: str
    call: Call
    who: str = ""
    marker: Marker = field(default_factory=Marker)
    values: Mapping[str, str] = field(default_factory=dict)
    skipped: str = ""


def places_of(web: WebAsset) -> Iterator[Place]:
    """Yield what the description names besides protected pages; requests that change data are not sent."""
    app = web.app or Application()
    people = {one.id: one for one in web.accounts if one.secret and not one.sacrificial}
    for one in app.functions:
        entitled = [key for key, account in people.items() if account.role in one.roles]
        owners = [key for key in one.objects if key in entitled] or entitled
        who = owners[0] if owners else ""
        objects = one.objects.get(who) or next(iter(one.objects.values()), ())
        values = {"object": objects[0]} if objects else {}
        why = "会改动数据，未提交" if one.changes or one.method != "GET" else ""
        yield Place(one.name or one.id, one, who, one.shows, values, why)
    for view in app.patients:
        for path in (view.path, *view.behind):
            yield Place(view.name or path, Call(path=path, method="GET"), view.account)
    for export in app.exports:
        why = "" if export.method == "GET" else "须提交表单，未提交"
        # Its true answer would be a file of personal data: what a stranger gets says enough.
        yield Place(export.name or export.path, export, skipped=why)


async def probe(asset: Asset, context: Context) -> Observed:
    """Ask for every described function, page of persons and export without a session.

    Sends: a GET of each, as a stranger, and (but for exports) as an account that may; at most 40; one login
        for each of at most six accounts.
    Changes: sessions of declared accounts begin and end.
    Level: login.

    Raises:
        NotDeclared and what a visit raises.

    """
    web = as_web(asset)
    found = list(places_of(web))
    if not found:
        raise NotDeclared(
            "app 中未登记功能、患者信息页面或导出", cure="在 app 中登记 functions、patients、exports"
        )
    async with turn(web), opened(web, context, probe="web.reach", limits=LIMITS) as browser:
        door = await door_of(browser, web, context)
        inside: dict[str, Browser | str] = {}
        seen: list[ReachSeen] = []
        late = [replace(one, skipped=f"一次至多访问 {MAX_PLACES} 处，未访问") for one in found[MAX_PLACES:]]
        for one in (*found[:MAX_PLACES], *late):
            if one.who and not one.skipped and one.who not in inside:
                inside[one.who] = await _inside(door, one.who, len(inside))
            seen.append(await _reach(door, one, inside.get(one.who, "")))
        for visitor in inside.values():
            if isinstance(visitor, Browser):
                await leave(visitor, web)
    return Observed((WebReach(places=tuple(seen)),), privilege="未登录")


async def _inside(door: Door, who: str, number: int) -> Browser | str:
    """Return a visitor logged in as an account, or in Chinese why there is none."""
    if number >= MAX_ROLES:
        return f"一次至多以 {MAX_ROLES} 个账户登录"
    try:
        account = door.context.account(door.web, who)
        knock = await door.knock(account, door.context.password(door.web, account))
    except ProbeError as exc:
        return exc.message
    return knock.visitor if knock.seen.accepted else f"账户 {who} 未能登录"


async def _reach(door: Door, one: Place, inside: Browser | str) -> ReachSeen:
    shown = ReachSeen(name=one.name, method=one.call.method, path=one.call.path, skipped=one.skipped)
    if one.skipped:
        return shown
    before, chain = await _asked(door.browser.fork(), one, door.compare)
    during, own_chain = unanswered(one.call.path, Unclear(str(inside) or "未以账户对照")), None
    if isinstance(inside, Browser):
        during, own_chain = await _asked(inside, one, door.compare)
    own = own_texts(own_chain.last.document, door.compare) if own_chain and during.reached else frozenset()
    page = SessionPage(
        before=before, during=during, own_texts=len(own),
        before_shown_percent=shown_percent(own, [a.document for a in chain.answers]) if chain else None,
    )  # fmt: skip
    return ReachSeen(
        name=one.name, method=one.call.method, path=one.call.path, page=page,
        seen_as=one.who if isinstance(inside, Browser) else "",
        shows_before=shows(one.marker, chain) if chain else None,
        shows_during=shows(one.marker, own_chain) if own_chain else None,
    )  # fmt: skip


async def _asked(visitor: Browser, one: Place, compare: Compare) -> tuple[PageSeen, Chain | None]:
    try:
        chain = (await perform(visitor, one.call, one.values)).chain
    except ProbeError as exc:
        return unanswered(one.call.path, exc), None
    return describe(one.call.path, chain, compare), chain


async def forged(asset: Asset, context: Context) -> Observed:
    """Ask for a protected page with a credential that is made up, changed by one character, or unsigned.

    Sends: one login; two GET of a protected page with it; one GET with each forged credential, at most five.
    Changes: one session of the declared account begins and ends.
    Level: intrude.

    Raises:
        NotDeclared, LoginRefused, NoPermission, NotSupported, Unclear and what a visit raises.

    """
    web = as_web(asset)
    async with turn(web), opened(web, context, probe="web.forged") as browser:
        entered = await enter(browser, web, context)
        path = _telling(entered)
        carriers = await find_carriers(entered, path)
        if not carriers.kind:
            raise Unclear("未能确认会话由哪个 Cookie 或令牌承载，未测伪造凭据")
        before = entered.during.chains[path]
        named = carriers.names[0] if carriers.names else ""
        value = entered.visitor.jar.value(named) if named else entered.visitor.token
        tries: list[Replay] = []
        for how, text in forgeries(value):
            other = _carrying(entered.visitor, carriers.names, text)
            tries.append(await replayed(how, other.intruding(_FORGED), path, before, entered))
        again = await replayed("intact", entered.visitor, path, before, entered)
        await leave(entered.visitor, web, entered.during.chains.values())
        account = web.login.account if web.login else ""
        facts = WebForged(
            account=account, carrier=carriers.kind, format="jwt" if _claims(value) is not None else "opaque",
            path=path, tries=tuple(tries), intact_after=None if again.ended is None else not again.ended,
        )  # fmt: skip
    return Observed((facts,), privilege=f"账户 {account}")


def _telling(entered: Entered) -> str:
    for path, during in entered.during.seen.items():
        before = entered.before.seen[path]
        if during.reached and before.answered and not before.reached and not before.failing:
            return path
    raise Unclear("没有受保护页面在登录前后应答不同，无从测试伪造凭据", cure=PROTECTED_CURE)


def _carrying(visitor: Browser, names: tuple[str, ...], text: str) -> Browser:
    """Return a visitor whose session cookies, or else its token, are another text."""
    if not names:
        return visitor.fork(visitor.jar.copy(), token=text)
    jar = Jar(visitor.jar.stage, dict(visitor.jar.cookies))
    for key, one in visitor.jar.cookies.items():
        if one.name == names[0]:
            jar.cookies[key] = replace(one, value=text)
    return visitor.fork(jar, token=visitor.token)


async def replayed(by: str, visitor: Browser, path: str, before: Chain, entered: Entered) -> Replay:
    """Return what a page shows to a visitor, beside what it showed with the session and to a stranger."""
    told = describe(path, before, entered.compare)
    stranger = entered.before.seen[path]
    try:
        chain = await visitor.visit(path)
    except ProbeError as exc:
        silent = unanswered(path, exc)
        return Replay(by=by, stranger=stranger, before=told, after=silent, like_before_percent=None)
    first = entered.before.chains.get(path)
    return Replay(
        by=by, stranger=stranger, before=told, after=describe(path, chain, entered.compare),
        like_before_percent=like(chain, before),
        like_stranger_percent=like(chain, first) if first is not None else None,
    )  # fmt: skip


def forgeries(value: str) -> Iterator[tuple[str, str]]:
    """Yield how and what: credentials shaped like the true one that the server never gave."""
    yield "garbage", "".join(secrets.choice("0123456789abcdef") if one.isalnum() else one for one in value)
    yield "altered", altered(value)
    claims = _claims(value)
    if claims is None:
        return
    head, payload, signature = value.split(".")
    changed = {**claims, "dengbao": 1}
    yield "payload", f"{head}.{_packed(changed)}.{signature}"
    yield "none", f"{_packed({'alg': 'none', 'typ': 'JWT'})}.{payload}."
    yield "unsigned", f"{head}.{payload}."


def altered(value: str) -> str:
    """Return a credential with one character changed: of a JWT's signature, else of its longest part.

    Application servers append the name of a node to a session id; that part is nobody's secret.
    """
    parts = [(one.start(), one.group()) for one in re.finditer(r"[A-Za-z0-9]+", value)]
    if _claims(value) is not None:
        start = value.rindex(".") + 1
        parts = [one for one in parts if one[0] >= start] or parts
    if not parts:
        return f"{value}7"
    start, text = max(parts, key=lambda one: len(one[1]))
    place = start + len(text) // 2
    return value[:place] + ("7" if value[place] != "7" else "3") + value[place + 1 :]


def _claims(value: str) -> dict[str, object] | None:
    """Return the claims of a JWT, None of what is none."""
    parts = value.split(".")
    if len(parts) != 3:
        return None
    try:
        head, claims = (json.loads(_unpacked(one)) for one in parts[:2])
    except (ValueError, binascii.Error):
        return None
    return claims if isinstance(head, dict) and "alg" in head and isinstance(claims, dict) else None


def jwt_lifetime_s(value: str) -> int | None:
    """Return how long a JWT is good for by its claims, None where they do not say."""
    claims = _claims(value) or {}
    begun, ends = claims.get("iat"), claims.get("exp")
    if isinstance(begun, int | float) and isinstance(ends, int | float):
        return int(ends - begun)
    return None


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode("ascii").rstrip("=")
