"""What anybody can see of the application: pages without a session, login page, headers, plain HTTP."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import anyio
import httpx
from anyio.abc import SocketStream
from anyio.streams.tls import TLSStream

from ...errors import NotDeclared, ProbeError, Reason, Unreachable
from ...model import Asset, Facts, Missing, WebAsset, kind_of
from ..base import Context, Observed, missing
from .browser import Answer, Browser, Chain, clean_url, opened
from .entering import PROTECTED_CURE, Looked, Unclear, as_web, look
from .facts import (
    FormSeen,
    HeadersSeen,
    PlainSeen,
    WebHeaders,
    WebLoginPage,
    WebPages,
    WebPlain,
)
from .pages import UNKNOWN_PATH, Compare, describe, references, unanswered
from .reading import Form

_TOLD_HEADERS: Final = (
    "strict-transport-security", "content-security-policy", "x-frame-options", "x-content-type-options",
    "referrer-policy", "permissions-policy", "cross-origin-opener-policy", "server", "x-powered-by",
    "x-aspnet-version", "x-aspnetmvc-version", "x-generator", "via",
)  # fmt: skip

_SILENT: Final = {
    Reason.OUT_OF_SCOPE: "out_of_scope", Reason.UNREACHABLE: "closed", Reason.TIMED_OUT: "timed_out",
    Reason.PROTOCOL: "not_http",
}  # fmt: skip


async def probe(asset: Asset, context: Context) -> Observed:
    """Look at the application without a session.

    Sends: GET of the entry, the login page, the protected and public pages, one path that does not exist;
        the same over plain HTTP; one TLS handshake that verifies the certificate.
    Changes: nothing (access log entries).
    Level: observe.

    Raises:
        ProbeError: the application gives no answer.

    """
    web = as_web(asset)
    async with opened(web, context, probe="web.anonymous") as browser:
        entry = await browser.fork().visit("")
        compare = await references(browser.fork(), web)
        pages = await look(browser.fork(), web.protected, compare)
        public = await look(browser.fork(), web.public, compare)
        brought: list[Facts | Missing] = [
            _pages(browser, pages, compare),
            await _login_page(web, browser, (entry, *pages.chains.values()), compare),
            await _headers(web, context, browser, (entry, *public.chains.values()), compare),
            await _plain(web, browser),
        ]
    return Observed(
        facts=tuple(one for one in brought if isinstance(one, Facts)),
        missing=tuple(one for one in brought if isinstance(one, Missing)),
        privilege="未登录",
    )


def _lack(kind: type[Facts], error: ProbeError) -> Missing:
    return missing(kind, error, error.reason)


def _pages(browser: Browser, pages: Looked, compare: Compare) -> Facts | Missing:
    if not pages.seen:
        return _lack(WebPages, NotDeclared("未登记受保护的页面", cure=PROTECTED_CURE))
    silent = [one for one in pages.seen.values() if not one.answered]
    if len(silent) == len(pages.seen):
        reason = silent[0].reason or Unreachable.reason
        text = f"受保护页面均无应答：{silent[0].problem}"
        return Missing(fact=kind_of(WebPages), reason=reason, message=text)
    unknown = (
        describe(UNKNOWN_PATH, compare.unknown, Compare(compare.login, None, compare.login_addresses))
        if compare.unknown
        else unanswered(UNKNOWN_PATH, Unreachable("未能读取随机路径的应答"))
    )
    return WebPages(scheme=browser.base.scheme, pages=tuple(pages.seen.values()), unknown=unknown)


async def _login_page(
    web: WebAsset, browser: Browser, seen: Iterable[Chain], compare: Compare
) -> Facts | Missing:
    """Return where passwords are typed in: the declared page, else one that was come across."""
    visitor = browser.fork()
    visitor.jar.stage = "before_login"
    login = web.login
    try:
        if login is not None:
            # A login without a page of its own begins where a user begins: at the entry.
            has_page = bool(login.page) or login.style == "form"
            path = (login.page or login.path) if has_page else ""
            chain = await visitor.visit(path)
            submit = visitor.resolve(login.path, chain.last.url)
        else:
            found = next((one for one in seen if one.last.document.password_form), None)
            if found is None:
                raise NotDeclared("未登记登录方式，也未遇到登录页", cure="登记 login")
            chain, submit = found, found.last.url
            path = found.last.url.path
    except ProbeError as exc:
        return _lack(WebLoginPage, exc)
    document = chain.last.document
    form = document.password_form
    if form is not None and login is None and form.action is not None:
        submit = _resolved(browser, form, chain) or submit
    return WebLoginPage(
        declared=login is not None,
        style=login.style if login else "form",
        page=describe(path or "/", chain, compare),
        page_scheme=chain.last.url.scheme,
        submit_scheme=submit.scheme,
        form=_form(browser, form, chain) if form else None,
        captcha=document.captcha,
        session_in_url=chain.session_in_url,
        cookies=tuple(one.seen() for one in visitor.jar.cookies.values()),
    )


def _resolved(browser: Browser, form: Form, chain: Chain) -> httpx.URL | None:
    try:
        return browser.resolve(form.action or "", chain.last.url)
    except NotDeclared:
        return None


def _form(browser: Browser, form: Form, chain: Chain) -> FormSeen:
    url = _resolved(browser, form, chain) if form.action is not None else None
    return FormSeen(
        method=form.method,
        action=clean_url(form.action or ""),
        action_scheme=url.scheme if url else "",
        other_host=bool(url and url.host != chain.last.url.host),
        fields=tuple(one.name for one in form.fields if one.name)[:40],
    )


async def _headers(
    web: WebAsset, context: Context, browser: Browser, chains: tuple[Chain, ...], compare: Compare
) -> Facts | Missing:
    all_chains = (*chains, *([compare.login] if compare.login else []))
    own = [answer for answer in map(_last_own, all_chains) if answer.url.host == browser.base.host]
    distinct = {clean_url(one.url): one for one in own}
    unknown = _last_own(compare.unknown) if compare.unknown else None
    return WebHeaders(
        scheme=browser.base.scheme,
        certificate_verified=await _verifies(web, context, browser.base),
        answers=tuple(_told(one) for one in distinct.values()),
        unknown=_told(unknown) if unknown else None,
    )


def _last_own(chain: Chain) -> Answer:
    """Return the last answer that still came from the host first asked."""
    return [one for one in chain.answers if one.url.host == chain.first.url.host][-1]


def _told(answer: Answer) -> HeadersSeen:
    found = {name: str(answer.headers[name])[:500] for name in _TOLD_HEADERS if name in answer.headers}
    return HeadersSeen(
        path=clean_url(answer.url.raw_path.decode("ascii", "replace")),
        status=answer.status,
        media_type=answer.media_type,
        headers=found,
        meta_csp=answer.document.metas.get("content-security-policy", "")[:500],
        error_words=answer.document.error_words,
        at=datetime.now(UTC),
    )


async def _verifies(web: WebAsset, context: Context, url: httpx.URL) -> bool | None:
    """Tell whether the certificate passes this machine's trust, or the declared CA; None if not seen."""
    if url.scheme != "https":
        return None
    if web.ca_file:
        return True  # every answer came over a connection that insisted on it
    trust = ssl.create_default_context()
    try:
        sock = await context.guard.connect(
            url.host, url.port or 443, asset=web.id, probe="web.anonymous", timeout_s=6.0
        )
        raw = await SocketStream.from_socket(sock)
    except ProbeError:
        return None
    try:
        with anyio.fail_after(6.0):
            await TLSStream.wrap(raw, hostname=url.host, ssl_context=trust, standard_compatible=False)
    except ssl.SSLCertVerificationError:
        return False
    except (ssl.SSLError, OSError, TimeoutError, anyio.BrokenResourceError, anyio.EndOfStream):
        return None
    finally:
        await anyio.aclose_forcefully(raw)
    return True


async def _plain(web: WebAsset, browser: Browser) -> WebPlain:
    base = browser.base
    if base.scheme != "https":
        return WebPlain(scheme=base.scheme, entries=())
    port = base.port or 443
    declared = browser.resolve(web.login.page) if web.login and web.login.page else base
    page = declared if declared.host == base.host else base
    entries = [await plain_at(browser.fork(), page.copy_with(scheme="http", port=port))]
    if port == 443:
        entries.append(await plain_at(browser.fork(), page.copy_with(scheme="http", port=80)))
    return WebPlain(scheme="https", entries=tuple(entries))


async def _until_https(browser: Browser, url: httpx.URL) -> Answer:
    """Return the first answer that is content, or that sends the browser to https.

    Raises:
        ProbeError: no answer, or more redirects than allowed.

    """
    for _ in range(browser.limits.redirects + 1):
        answer = await browser.send("GET", url)
        if not answer.location:
            return answer
        url = browser.resolve(answer.location, answer.url)
        if url.scheme == "https":
            return answer
    raise Unclear("明文入口重定向次数过多")


async def plain_at(browser: Browser, url: httpx.URL) -> PlainSeen:
    """Return what one address says to plain HTTP; a failure is an answer, too."""
    port = url.port or 80
    path = clean_url(url)
    try:
        answer = await _until_https(browser, url)
    except ProbeError as exc:
        return PlainSeen(port=port, path=path, answer=_SILENT.get(exc.reason, "unknown"), note=exc.message)
    if answer.location:
        return PlainSeen(port=port, path=path, answer="to_https", status=answer.status, at=datetime.now(UTC))
    document = answer.document
    return PlainSeen(
        port=port, path=path, answer="content", status=answer.status,
        password_field=any(one.has_password for one in document.forms),
        text_chars=document.text_chars, scripts=document.scripts, at=datetime.now(UTC),
    )  # fmt: skip
