"""Patients as data: the interface behind the pages, and the export as CSV."""

from __future__ import annotations

import csv
import io

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .people import mask_id_card, mask_name, mask_phone
from .store import PatientRow
from .visitor import Turned, Visitor, note, require, store_of


def patient_data(request: Request) -> Response:
    """Answer `GET /api/patients/{id}`; before 整改 it holds in full what the page would mask."""
    try:
        visitor = require(request, "患者")
    except Turned as turned:
        return turned.response
    found = store_of(request).patient(int(request.path_params["patient_id"]))
    if found is None:
        return JSONResponse({"code": 404, "message": "没有该患者"}, status_code=404)
    note(request, "查看患者", visitor, about=found.record_no)
    name, id_card, phone = _shown(request, found)
    return JSONResponse({"recordNo": found.record_no, "name": name, "idCard": id_card, "phone": phone})


def patient_export(request: Request) -> Response:
    """Answer `GET /patients/export` with the patients as CSV."""
    try:
        visitor = require(request, "患者")
    except Turned as turned:
        return turned.response
    return _csv(request, visitor)


def _csv(request: Request, visitor: Visitor) -> Response:
    found = store_of(request).find_patients()
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("病历号", "姓名", "身份证号", "电话"))
    rows.writerows((one.record_no, *_shown(request, one)) for one in found)
    note(request, "导出患者", visitor, about="患者列表", detail=f"{len(found)} 条")
    headers = {"Content-Disposition": 'attachment; filename="patients.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _shown(request: Request, one: PatientRow) -> tuple[str, str, str]:
    if not store_of(request).measures.masking:
        return one.name, one.id_card, one.phone
    return mask_name(one.name), mask_id_card(one.id_card), mask_phone(one.phone)
