"""The pages behind the login: patients, settlements, accounts, audit trail."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response

from . import passwords
from .people import Role, Staff
from .visitor import Turned, Visitor, field, note, page, require, require_form, store_of, visitor_of

_STYLE: Final = Path(__file__).with_name("templates") / "style.css"

Get = Callable[[Request, Visitor], Response]
Post = Callable[[Request, Visitor, FormData], Response]


def _shows(right: str) -> Callable[[Get], Callable[[Request], Response]]:
    """Serve a page to those who have the right."""

    def wrap(handler: Get) -> Callable[[Request], Response]:
        @wraps(handler)
        def serve(request: Request) -> Response:
            try:
                return handler(request, require(request, right))
            except Turned as turned:
                return turned.response

        return serve

    return wrap


def _does(right: str) -> Callable[[Post], Callable[[Request], Awaitable[Response]]]:
    """Serve a form to those who have the right and sent it from our own page."""

    def wrap(handler: Post) -> Callable[[Request], Awaitable[Response]]:
        @wraps(handler)
        async def serve(request: Request) -> Response:
            try:
                visitor, form = await require_form(request, right)
                return await run_in_threadpool(handler, request, visitor, form)
            except Turned as turned:
                return turned.response

        return serve

    return wrap


@_shows("本人")
def home(request: Request, visitor: Visitor) -> Response:
    """Answer `GET /`."""
    return page(request, "home.html", visitor)


@_shows("患者")
def patient_list(request: Request, visitor: Visitor) -> Response:
    """Answer `GET /patients?q=`; what was searched for is not written to the audit trail in clear."""
    text = request.query_params.get("q", "").strip()[:32]
    found = store_of(request).find_patients(text)
    note(request, "查询患者", visitor, about="患者列表", detail=f"{len(found)} 条")
    return page(request, "patients.html", visitor, found=found, text=text)


@_shows("患者")
def patient_detail(request: Request, visitor: Visitor) -> Response:
    """Answer `GET /patients/{id}`."""
    return _patient(request, visitor, "patient.html", "查看患者")


def patient_print(request: Request) -> Response:
    """Answer `GET /patients/{id}/print`; before 整改 nobody asks who wants it."""
    if store_of(request).measures.open_print_page and visitor_of(request) is None:
        return _patient(request, None, "print.html", "")
    return _patient_print(request)


@_shows("患者")
def _patient_print(request: Request, visitor: Visitor) -> Response:
    return _patient(request, visitor, "print.html", "打印患者")


def _patient(request: Request, visitor: Visitor | None, template: str, event: str) -> Response:
    store, patient_id = store_of(request), int(request.path_params["patient_id"])
    found = store.patient(patient_id)
    if found is None:
        return page(request, "message.html", visitor, status=404, text="没有该患者。")
    if visitor is not None:
        note(request, event, visitor, about=found.record_no)
    return page(request, template, visitor, one=found, visits=store.visits(patient_id))


@_shows("结算")
def settlements(request: Request, visitor: Visitor) -> Response:
    """Answer `GET /settlements`."""
    store = store_of(request)
    rows = [(visit, store.patient(visit.patient_id)) for visit in store.unsettled()]
    return page(request, "settlements.html", visitor, rows=rows)


@_does("结算")
def settle(request: Request, visitor: Visitor, _form: FormData) -> Response:
    """Answer `POST /settlements/{id}`."""
    visit_id = int(request.path_params["visit_id"])
    done = store_of(request).settle(visit_id, visitor.user.username)
    note(request, "结算", visitor, about=f"就诊 {visit_id}", success=done)
    if not done:
        return page(request, "message.html", visitor, status=409, text="该笔就诊不存在或已结算。")
    return RedirectResponse("/settlements", status_code=303)


@_shows("用户管理")
def user_list(request: Request, visitor: Visitor) -> Response:
    """Answer `GET /admin/users`."""
    return _users_page(request, visitor)


def _users_page(request: Request, visitor: Visitor, *, status: int = 200, text: str = "") -> Response:
    store = store_of(request)
    users = store.users()
    changed = {one.username: _when(one.password_changed_at) for one in users}
    return page(
        request, "users.html", visitor, status=status, users=users, roles=tuple(Role), text=text,
        now_s=store.now_s(), changed=changed,
    )  # fmt: skip


def _when(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S+00:00")


@_does("用户管理")
def add_user(request: Request, visitor: Visitor, form: FormData) -> Response:
    """Answer `POST /admin/users`."""
    store = store_of(request)
    username, password = field(form, "username").strip(), field(form, "password")
    text = _complaint(username, password, field(form, "role"), rules=store.measures.password_rules)
    taken = {one.username.casefold() for one in store.users()} if store.measures.names_folded else set()
    if username.casefold() in taken:
        text = "该账户名已存在"
    if not text:
        try:
            staff = Staff(
                username, field(form, "display_name").strip() or username, Role(field(form, "role"))
            )
            store.add_user(staff, password)
        except sqlite3.IntegrityError:
            text = "该账户名已存在"
    note(request, "新建账户", visitor, about=username[:32], success=not text, detail=text)
    if text:
        return _users_page(request, visitor, status=422, text=text)
    return RedirectResponse("/admin/users", status_code=303)


def _complaint(username: str, password: str, role: str, *, rules: bool) -> str:
    if not (username.isascii() and username.isalnum() and 2 <= len(username) <= 32):
        return "账户名须为2至32位字母或数字"
    if role not in list(Role):
        return "角色不存在"
    return passwords.complaint(password, username) if rules else ""


@_does("用户管理")
def set_enabled(request: Request, visitor: Visitor, form: FormData) -> Response:
    """Answer `POST /admin/users/{username}/enabled`."""
    username, enabled = request.path_params["username"], field(form, "enabled") == "1"
    store = store_of(request)
    if store.user(username) is None or username == visitor.user.username:
        return page(request, "message.html", visitor, status=409, text="账户不存在，或为本人账户。")
    store.set_enabled(username, enabled=enabled)
    note(request, "启用账户" if enabled else "停用账户", visitor, about=username)
    return RedirectResponse("/admin/users", status_code=303)


@_does("用户管理")
def remove_user(request: Request, visitor: Visitor, _form: FormData) -> Response:
    """Answer `POST /admin/users/{username}/removed`."""
    username, store = request.path_params["username"], store_of(request)
    if store.user(username) is None or username == visitor.user.username:
        return page(request, "message.html", visitor, status=409, text="账户不存在，或为本人账户。")
    store.remove_user(username)
    note(request, "删除账户", visitor, about=username)
    return RedirectResponse("/admin/users", status_code=303)


@_shows("审计")
def audit_trail(request: Request, visitor: Visitor) -> Response:
    """Answer `GET /audit`; reading it is itself audited."""
    note(request, "查阅审计记录", visitor)
    return page(request, "audit.html", visitor, rows=store_of(request).audit_trail())


def style(_request: Request) -> Response:
    """Answer `GET /style.css`."""
    return FileResponse(_STYLE, media_type="text/css")


def health(_request: Request) -> Response:
    """Answer `GET /healthz`."""
    return PlainTextResponse("ok")
