"""Who is asking: the session behind a request, the rights of its user, and how pages are answered."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from .people import Role
from .store import Session, Store, User

COOKIE: Final = "HISSESSID"
# Separation of duties: who administers sees no patients, who audits changes nothing.
RIGHTS: Final[dict[str, frozenset[Role]]] = {
    "患者": frozenset({Role.DOCTOR, Role.CASHIER}),
    "结算": frozenset({Role.CASHIER}),
    "用户管理": frozenset({Role.SYSTEM_ADMIN}),
    "审计": frozenset({Role.AUDITOR}),
    "本人": frozenset(Role),
}


@dataclass(frozen=True)
class Visitor:
    """A logged-in user and the session."""

    user: User
    session: Session


class Turned(Exception):
    """The request is not served; `response` says why."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def store_of(request: Request) -> Store:
    """Return the database of the application."""
    store = request.app.state.store
    if not isinstance(store, Store):
        raise TypeError("the application has no store")
    return store


def source_of(request: Request) -> str:
    """Return the address the request came from."""
    return request.client.host if request.client else ""


def session_of(request: Request) -> Session | None:
    """Return the live session that the cookie names, or None."""
    sid = request.cookies.get(COOKIE, "")
    return store_of(request).session(sid) if sid else None


def visitor_of(request: Request) -> Visitor | None:
    """Return who is logged in, or None."""
    session = session_of(request)
    if session is None or session.username is None:
        return None
    store = store_of(request)
    user = store.user(session.username)
    admitted = user is not None and (user.enabled or not store.measures.disabled_refused)
    return Visitor(user, session) if user and admitted else None


def require(request: Request, right: str) -> Visitor:
    """Return the visitor who may use `right`.

    Raises:
        Turned: nobody is logged in, the password has expired, or the role lacks the right.

    """
    store, visitor = store_of(request), visitor_of(request)
    if visitor is None:
        raise Turned(RedirectResponse("/login", status_code=303))
    if right != "本人" and store.password_expired(visitor.user):
        raise Turned(RedirectResponse("/password", status_code=303))
    if store.measures.roles_enforced and visitor.user.role not in RIGHTS[right]:
        note(request, "越权访问", visitor, about=request.url.path, success=False)
        raise Turned(page(request, "message.html", visitor, status=403, text="您的角色无权访问该页面。"))
    return visitor


async def require_form(request: Request, right: str) -> tuple[Visitor, FormData]:
    """Return the visitor and the form of a POST that came from our own page.

    Raises:
        Turned: as `require`, or the form does not carry the session's token.

    """
    visitor = require(request, right)
    form = await request.form()
    if not token_matches(form, visitor.session):
        note(request, "表单令牌错误", visitor, about=request.url.path, success=False)
        raise Turned(page(request, "message.html", visitor, status=403, text="页面已过期，请返回重试。"))
    return visitor, form


def token_matches(form: FormData, session: Session) -> bool:
    """Tell whether the form was drawn for this session."""
    return hmac.compare_digest(field(form, "csrf_token").encode(), session.csrf.encode())


def field(form: FormData, name: str) -> str:
    """Return a text field, empty if there is none."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def note(
    request: Request, event: str, visitor: Visitor, *, about: str = "", success: bool = True, detail: str = ""
) -> None:
    """Write an audit record about the visitor."""
    store_of(request).audit(
        event, username=visitor.user.username, source=source_of(request), about=about, success=success,
        detail=detail,
    )  # fmt: skip


def page(
    request: Request, template: str, visitor: Visitor | None, *, status: int = 200, **values: object
) -> HTMLResponse:
    """Return a rendered page."""
    templates = request.app.state.templates
    if not isinstance(templates, Environment):
        raise TypeError("the application has no templates")
    text = templates.get_template(template).render(
        visitor=visitor, rights=RIGHTS, measures=store_of(request).measures, **values
    )
    return HTMLResponse(text, status_code=status)


def set_cookie(request: Request, response: Response, session: Session) -> None:
    """Send the session's id; before 整改 without any flag."""
    if store_of(request).measures.cookie_flags:
        response.set_cookie(COOKIE, session.sid, secure=True, httponly=True, samesite="strict")
    else:
        response.set_cookie(COOKIE, session.sid, samesite=None)
