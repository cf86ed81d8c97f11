"""Registering patients: after 整改 the server itself looks at what was typed; before, only the page does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .people import INSURANCE_TYPES, is_valid_id_card
from .store import PatientRow
from .visitor import Turned, Visitor, field, note, page, require, require_form, store_of

_FIELDS: Final = ("name", "id_card", "phone", "insurance_type")
_NAME: Final = re.compile(r"[\u4e00-\u9fff·]{1,30}")


def show_form(request: Request) -> Response:
    """Answer `GET /patients/new`."""
    try:
        return _form(request, require(request, "患者"))
    except Turned as turned:
        return turned.response


def _form(request: Request, visitor: Visitor, *, status: int = 200, text: str = "") -> Response:
    return page(request, "register.html", visitor, status=status, text=text, kinds=INSURANCE_TYPES)


async def register(request: Request) -> Response:
    """Answer `POST /patients/new`."""
    try:
        visitor, form = await require_form(request, "患者")
    except Turned as turned:
        return turned.response
    return await run_in_threadpool(_register, request, visitor, {one: field(form, one) for one in _FIELDS})


def _register(request: Request, visitor: Visitor, given: Mapping[str, str]) -> Response:
    store = store_of(request)
    text = _complaint(given) if store.measures.input_checked else ""
    if text:
        note(request, "登记患者", visitor, success=False, detail=text)
        return _form(request, visitor, status=422, text=text)
    created = store.register(PatientRow(0, "", *(given[one] for one in _FIELDS)))
    note(request, "登记患者", visitor, about=created.record_no)
    return RedirectResponse(f"/patients/{created.id}", status_code=303)


def _complaint(given: Mapping[str, str]) -> str:
    if not _NAME.fullmatch(given["name"]):
        return "姓名须为1至30个汉字"
    if not is_valid_id_card(given["id_card"]):
        return "身份证号有误"
    if not re.fullmatch(r"1\d{10}", given["phone"], re.ASCII):
        return "电话须为11位手机号"
    return "" if given["insurance_type"] in INSURANCE_TYPES else "险种不在字典中"


async def take_back(request: Request) -> Response:
    """Answer `POST /patients/{id}/removed`: a registration without visits can be taken back."""
    try:
        visitor, _ = await require_form(request, "患者")
    except Turned as turned:
        return turned.response
    store, patient_id = store_of(request), int(request.path_params["patient_id"])
    if store.patient(patient_id) is None:
        return page(request, "message.html", visitor, status=404, text="没有该患者。")
    done = store.take_back(patient_id)
    note(request, "撤销登记", visitor, about=f"患者 {patient_id}", success=done)
    if not done:
        return page(request, "message.html", visitor, status=409, text="患者已有就诊记录，不能撤销登记。")
    return RedirectResponse("/patients", status_code=303)
