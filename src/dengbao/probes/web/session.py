"""What the declared account's session is like, and whether the logout ends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import httpx

from ...errors import NoPermission, NotDeclared, ProbeError
from ...model import Asset, WebAsset
from ..base import Context, Observed, missing
from .browser import Browser, Chain, opened
from .entering import PROTECTED_CURE, Entered, Unclear, as_web, enter
from .facts import CookieSeen, Replay, SessionPage, WebLogout, WebSession
from .leaving import logout_address, send_logout
from .login import declared, turn
from .pages import Compare, describe, like, own_texts, shown_percent, unanswered, unknown_path

MAX_COOKIES_TRIED: Final = 8
MAX_REPLAYED: Final = 3


async def probe(asset: Asset, context: Context) -> Observed:
    """Log in, look at the session, log out, try the session again.

    Sends: one login with the declared account; GET of protected pages with and without the session, each
        cookie left out once; the logout; the same pages with the cookies or token from before it.
    Changes: one session of the declared account begins and ends.
    Level: login.

    Raises:
        NotDeclared, LoginRefused, NoPermission, NotSupported, Unclear and what a visit raises.

    """
    web = as_web(asset)
    login = declared(web)
    if login.style == "session":
        raise Unclear("会话由人工导入，看不到登录与退出", cure="登记登录方式，或以人工佐证补充")
    async with turn(web), opened(web, context, probe="web.session") as browser:
        entered = await enter(browser, web, context)
        pages = _pages(entered)
        telling = tuple(one.before.path for one in pages if one.tells_apart)
        carriers = await find_carriers(entered, telling[0]) if telling else Carriers()
        session = WebSession(
            scheme=browser.base.scheme,
            account=login.account,
            login=entered.login,
            carrier=carriers.kind,
            cookies=_cookies(entered, carriers),
            id_changed=_id_changed(entered, carriers),
            session_in_url=entered.session_in_url,
            pages=pages,
        )
        try:
            logout = await _logout(entered, web, pages, carriers)
        except ProbeError as exc:
            return Observed(
                (session, entered.sent), (missing(WebLogout, exc, exc.reason),), f"账户 {login.account}"
            )
    return Observed(facts=(session, entered.sent, logout), privilege=f"账户 {login.account}")


def _pages(entered: Entered) -> tuple[SessionPage, ...]:
    found: list[SessionPage] = []
    for path, during in entered.during.seen.items():
        before_chain, during_chain = entered.before.chains.get(path), entered.during.chains.get(path)
        own: frozenset[str] = frozenset()
        shown = None
        if during_chain is not None and during.reached:
            own = own_texts(during_chain.last.document, entered.compare)
        if before_chain is not None:
            shown = shown_percent(own, [one.document for one in before_chain.answers])
        before = entered.before.seen[path]
        found.append(
            SessionPage(before=before, during=during, own_texts=len(own), before_shown_percent=shown)
        )
    return tuple(found)


@dataclass(frozen=True)
class Carriers:
    """What carries the session: `cookie`, `bearer` or empty; whether each cookie does, as far as tried."""

    kind: str = ""
    cookies: tuple[tuple[str, bool | None], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the cookies without which the page was refused."""
        return tuple(name for name, carries in self.cookies if carries)


async def find_carriers(entered: Entered, path: str) -> Carriers:
    """Find out what carries the session, by leaving one thing out at a time."""
    visitor = entered.visitor

    async def refused(other: Browser) -> bool | None:
        try:
            seen = describe(path, await other.visit(path), entered.compare)
        except ProbeError:
            return None
        if seen.reached:  # some applications change their cookies at each page
            visitor.jar.cookies.update(other.jar.cookies)
        return None if seen.reached is None else not seen.reached

    names = tuple(visitor.jar.values())[:MAX_COOKIES_TRIED]
    tried: list[tuple[str, bool | None]] = []
    for name in names:
        without = visitor.fork(visitor.jar.copy(without=name), token=visitor.token)
        tried.append((name, await refused(without)))
    if any(carries for _, carries in tried):
        return Carriers("cookie", tuple(tried))
    if visitor.token and await refused(visitor.fork(visitor.jar.copy())):
        return Carriers("bearer", tuple(tried))
    return Carriers("", tuple((name, None) for name, _ in tried))


def _cookies(entered: Entered, carriers: Carriers) -> tuple[CookieSeen, ...]:
    known = dict(carriers.cookies)
    return tuple(one.seen(known.get(one.name)) for one in entered.visitor.jar.cookies.values())


def _id_changed(entered: Entered, carriers: Carriers) -> bool | None:
    if not carriers.names:
        return None
    now = entered.visitor.jar.values()
    return all(
        entered.earlier_cookies.get(name, set()).isdisjoint(now.get(name, set())) for name in carriers.names
    )


async def _logout(
    entered: Entered, web: WebAsset, pages: tuple[SessionPage, ...], carriers: Carriers
) -> WebLogout:
    """Log out and ask for the pages again with what the session was carried by.

    Raises:
        NotDeclared, NoPermission, Unclear and what the logout itself raises.

    """
    telling = _require_telling(web, pages)
    visitor = entered.visitor
    unknown = await unknown_path(visitor)
    compare = entered.compare
    known = Compare(compare.login, unknown if isinstance(unknown, Chain) else None, compare.login_addresses)
    before: dict[str, Chain] = {}
    for path in telling:
        before[path] = await visitor.visit(path)
    # Taken only now: some applications change their cookies at each page.
    old = visitor.fork(visitor.jar.copy(), token=visitor.token)
    visitor.jar.cleared.clear()
    url = logout_address(visitor, web, before.values())
    answer = await send_logout(visitor, web, url, tuple(before.values()))
    chain = await visitor.follow(answer)
    replays = [await _replay("old", old, path, before[path], entered) for path in telling]
    if carriers.kind != "bearer":  # a token lies where scripts put it: there is no browser's state to ask
        replays.append(await _replay("browser", visitor, telling[0], before[telling[0]], entered))
    return WebLogout(
        carrier=carriers.kind,
        method=answer.method,
        answer=describe(web.logout, chain, known),
        confirm_form=_confirms(visitor, chain, url),
        cookies_cleared=tuple(dict.fromkeys(visitor.jar.cleared)),
        replays=tuple(replays),
    )


def _require_telling(web: WebAsset, pages: tuple[SessionPage, ...]) -> tuple[str, ...]:
    where = f"engagement.yaml 测评对象 {web.id}"
    if not web.logout:
        raise NotDeclared("未登记退出地址", where=where, cure="登记 logout 与 logout_method")
    if not pages:
        raise NotDeclared("未登记受保护的页面，无从验证退出", where=where, cure=PROTECTED_CURE)
    telling = tuple(one.before.path for one in pages if one.tells_apart)[:MAX_REPLAYED]
    if telling:
        return telling
    if all(one.during.final_status == 403 for one in pages):
        raise NoPermission("登录后受保护页面均返回 403", cure="为测试账户授予查看受保护页面的权限")
    raise Unclear("没有受保护页面在登录前后应答不同，无从验证退出", cure="登记登录后才能访问的数据页面或接口")


def _confirms(visitor: Browser, chain: Chain, url: httpx.URL) -> bool:
    """Tell whether the answer is a form that leads to the logout itself: it asks whether one is sure."""
    for form in chain.last.document.forms:
        if form.action is None or form.has_password:
            continue
        try:
            target = visitor.resolve(form.action, chain.last.url)
        except NotDeclared:
            continue
        if target.path == url.path:
            return True
    return False


async def _replay(by: str, visitor: Browser, path: str, before: Chain, entered: Entered) -> Replay:
    told = describe(path, before, entered.compare)
    stranger = entered.before.seen[path]
    try:
        chain = await visitor.visit(path)
    except ProbeError as exc:
        silent = unanswered(path, exc)
        return Replay(by=by, stranger=stranger, before=told, after=silent, like_before_percent=None)
    after = describe(path, chain, entered.compare)
    first = entered.before.chains.get(path)
    return Replay(
        by=by, stranger=stranger, before=told, after=after, like_before_percent=like(chain, before),
        like_stranger_percent=like(chain, first) if first is not None else None,
    )  # fmt: skip
