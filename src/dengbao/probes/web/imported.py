"""A session that a person took from their own browser: a Cookie header or a token, by reference only."""

from __future__ import annotations

from ...errors import NotDeclared
from .browser import Browser
from .cookies import MAX_COOKIES, Cookie


def import_session(browser: Browser, text: str) -> None:
    """Give the visitor the session that `text` holds: `name=value; …`, or a token, with or without `Bearer`.

    What the cookies' attributes are cannot be told from it, nor what the login was like.

    Raises:
        NotDeclared: the text is neither.

    """
    given = text.strip().removeprefix("Cookie:").strip()
    if not given or not given.isascii() or not given.isprintable():
        raise NotDeclared("导入的会话写法不对", cure="写成“名称=值; 名称=值”，或令牌本身")
    head, _, rest = given.partition(" ")
    token = rest.strip() if head.casefold() == "bearer" else given
    if head.casefold() == "bearer" or "=" not in given.rstrip("="):
        browser.token = token
        return
    for part in given.split(";")[:MAX_COOKIES]:
        name, equals, value = (one.strip() for one in part.partition("="))
        if not (name and equals):
            continue
        cookie = Cookie(
            name=name, value=value, domain=browser.base.host.casefold(), host_only=True, path="/",
            secure=browser.base.scheme == "https", http_only=False, same_site="", lifetime_s=None,
            set_at="before_login",
        )  # fmt: skip
        browser.jar.cookies[cookie.domain, cookie.path, cookie.name] = cookie
