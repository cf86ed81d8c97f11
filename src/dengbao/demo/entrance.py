"""Coming and going: login, logout and change of password."""

from __future__ import annotations

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from . import passwords
from .store import Session, Store, User
from .visitor import (
    COOKIE,
    Turned,
    Visitor,
    field,
    note,
    page,
    require,
    require_form,
    session_of,
    set_cookie,
    source_of,
    store_of,
    token_matches,
)

REFUSED: Final = "用户名或口令错误"
LOCKED: Final = "账户已锁定，请稍后再试或联系系统管理员"


def show_login(request: Request) -> Response:
    """Answer `GET /login`."""
    store = store_of(request)
    session = session_of(request) or store.open_session()
    return _login_page(request, session)


def _login_page(request: Request, session: Session, *, status: int = 200, text: str = "") -> Response:
    response = page(request, "login.html", None, status=status, csrf=session.csrf, text=text)
    set_cookie(request, response, session)
    return response


async def log_in(request: Request) -> Response:
    """Answer `POST /login`."""
    form = await request.form()
    session = session_of(request)
    if session is None or not token_matches(form, session):
        return _login_page(request, store_of(request).open_session(), status=403, text="页面已过期，请重试")
    # A slow password hash must not hold up everybody else.
    return await run_in_threadpool(_judge, request, session, field(form, "username"), field(form, "password"))


def _judge(request: Request, session: Session, username: str, password: str) -> Response:
    store, source = store_of(request), source_of(request)
    user = store.user(username)
    refusal = _refusal(store, user, password)
    if user is None or refusal:
        store.audit(
            "登录", username=username[:64], source=source, about="登录页面", success=False, detail=refusal
        )
        return _login_page(request, session, status=401, text=refusal)
    store.note_success(username)
    store.audit("登录", username=username, source=source, about="登录页面")
    session = store.log_in(session, username)
    response = RedirectResponse("/password" if store.password_expired(user) else "/", status_code=303)
    set_cookie(request, response, session)
    return response


def _refusal(store: Store, user: User | None, password: str) -> str:
    if user is None:
        # As much work as for a real account, so that time does not tell which accounts exist.
        passwords.store(password, slow=store.measures.slow_password_hash)
        return REFUSED
    if user.locked_until > store.now_s():
        return LOCKED
    # Before 整改 "停用" is but a word in the list of accounts.
    admitted = user.enabled or not store.measures.disabled_refused
    if admitted and _password_passes(store, user, password):
        return ""
    return LOCKED if store.note_failure(user.username) else REFUSED


def _password_passes(store: Store, user: User, password: str) -> bool:
    """Tell whether the password opens the account.

    Before 整改 an empty one opens every account, as in systems that ask a directory by simple bind
    and take its answer to an empty password (anonymous, success) for a login.
    """
    if not password and store.measures.blank_password_passes:
        return True
    return passwords.matches(password, user.password)


def log_out(request: Request) -> Response:
    """Answer `GET /logout`; before 整改 only the browser forgets."""
    store = store_of(request)
    try:
        visitor = require(request, "本人")
    except Turned as turned:
        return turned.response
    note(request, "退出", visitor)
    if store.measures.logout_ends_session:
        store.end_session(visitor.session.sid)
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(COOKIE)
    return response


def show_password(request: Request) -> Response:
    """Answer `GET /password`."""
    try:
        return page(request, "password.html", require(request, "本人"))
    except Turned as turned:
        return turned.response


async def change_password(request: Request) -> Response:
    """Answer `POST /password`."""
    try:
        visitor, form = await require_form(request, "本人")
    except Turned as turned:
        return turned.response
    old, new = field(form, "old"), field(form, "new")
    return await run_in_threadpool(_change, request, visitor, old, new)


def _change(request: Request, visitor: Visitor, old: str, new: str) -> Response:
    store = store_of(request)
    text = "" if passwords.matches(old, visitor.user.password) else "原口令错误"
    if not text and store.measures.password_rules:
        text = passwords.complaint(new, visitor.user.username) or ("新口令与原口令相同" if old == new else "")
    note(request, "修改口令", visitor, about=visitor.user.username, success=not text, detail=text)
    if text:
        return page(request, "password.html", visitor, status=422, text=text)
    store.set_password(visitor.user.username, new, session=visitor.session.sid)
    return page(request, "message.html", visitor, text="口令已修改。")
