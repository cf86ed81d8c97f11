"""1.c.1: is what carries the session kept from eavesdroppers?"""

from __future__ import annotations

from collections.abc import Iterable

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Criterion, Exchange, Judgement
from dengbao.probes.web.facts import CookieSeen, WebSession

from .. import proofs
from ..wording import listing

FACT = "web.session"


@check("identity.session_cookie")
def web_session_is_kept_from_eavesdroppers(session: WebSession) -> Judgement:
    """Judge the session cookie's attributes and its renewal at login, or the token's transport.

    Where it was not found out which cookie carries the session, all cookies of the login must agree.

    Source: GB/T 22239-2019 8.1.4.1 c).
    """
    if session.carrier == "bearer":
        return _token(session)
    cookies = _session_cookies(session)
    names = listing(dict.fromkeys(one.name for one in cookies))
    secure = [one.secure for one in cookies]
    hidden = [one.http_only for one in cookies]
    known = session.carrier == "cookie"
    criteria = [
        _attribute("Secure", names, secure, known=known, decisive=True),
        _attribute("HttpOnly", names, hidden, known=known),
        _not_in_url(session),
    ]
    if known:
        criteria.append(_renewed(session))
    sites = listing(dict.fromkeys(one.same_site or "未设" for one in cookies))
    told = "；".join(one.measured for one in criteria)
    return Judgement(
        criteria=tuple(criteria),
        statement=f"经测试验证，登录后由 Cookie {names} 承载会话（SameSite：{sites}）：{told}。",
        proofs=_proofs(session, criteria, f"应答头 Set-Cookie 中的 {names}"),
    )


def _proofs(session: WebSession, criteria: Iterable[Criterion], where: str) -> tuple[Exchange, ...]:
    return proofs.findings(
        criteria,
        lambda _one: f"登录（{session.scheme}），查看{where}",
        at=session.login.at,
        role=session.account,
    )


def _session_cookies(session: WebSession) -> tuple[CookieSeen, ...]:
    """Return the cookies that carry the session, or all that the login set.

    Raises:
        Undetermined: no cookie was set, or they differ and none is known to carry the session.

    """
    if session.carrier == "cookie":
        return tuple(one for one in session.cookies if one.carries_session)
    found = tuple(one for one in session.cookies if one.set_at == "login")
    if not found:
        raise Undetermined("经测试验证，登录后未能确定会话由哪个 Cookie 或令牌承载")
    return found


def _attribute(
    attribute: str, names: str, held: list[bool], *, known: bool, decisive: bool = False
) -> Criterion:
    """Judge one attribute; a session cookie set twice is as weak as its weaker setting."""
    met = True if all(held) else (None if any(held) and not known else False)
    words = {True: f"带 {attribute}", False: f"不带 {attribute}", None: f"部分不带 {attribute}"}
    return Criterion(
        name=attribute.casefold(),
        question=f"会话 Cookie {names} 是否带 {attribute}",
        met=met,
        measured=words[met],
        fact=FACT,
        decisive=decisive,
    )


def _not_in_url(session: WebSession) -> Criterion:
    return Criterion(
        name="not_in_url",
        question="会话标识是否不出现在网址中",
        met=not session.session_in_url,
        measured="网址中出现会话标识" if session.session_in_url else "网址中未见会话标识",
        fact=FACT,
    )


def _renewed(session: WebSession) -> Criterion:
    words = {True: "登录时更换会话标识", False: "登录前后会话标识不变", None: "未能比较登录前后的会话标识"}
    return Criterion(
        name="renewed_at_login",
        question="登录时是否更换会话标识",
        met=session.id_changed,
        measured=words[session.id_changed],
        fact=FACT,
    )


def _token(session: WebSession) -> Judgement:
    encrypted = Criterion(
        name="token_encrypted",
        question="访问令牌是否只经加密通道传输",
        met=session.scheme == "https",
        measured=f"令牌经 {session.scheme} 传输",
        fact=FACT,
        decisive=True,
    )
    criteria = (encrypted, _not_in_url(session))
    told = "；".join(one.measured for one in criteria)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，登录后由请求头中的访问令牌承载会话，不使用 Cookie：{told}。",
        proofs=_proofs(session, criteria, "请求头中的访问令牌"),
    )
