"""现场核查记录表 from the page: handed out, taken in, shown cell by cell, filed when confirmed.

Reading workbooks takes long to import: it is imported where it is used.
"""

from __future__ import annotations

import functools
import gc
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from ...errors import DengbaoError, UsageError
from ...packet.custody import told
from ...reading import apart
from ..desk import State
from ..held import NAME, Held, Shelf
from ..visit import Visit, act, look

if TYPE_CHECKING:
    from ...recording import Imported
    from ...recording_lines import Known

_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def show(visit: Visit) -> Response:
    """Show what can be taken away and where what was filled in is brought back."""
    return visit.page("sheet.html")


def download(visit: Visit) -> Response:
    """Hand out the workbook as the engagement stands now; nothing is written."""
    from ...recording_lines import make_tables, workbook_of  # noqa: PLC0415 - see the module's docstring

    state, now = visit.desk.state(), datetime.now().astimezone()
    data = workbook_of(state.session, make_tables(state.session, known_of(state)), now)
    name = quote(f"现场核查记录表_{now:%Y%m%d}.xlsx")
    disposition = f"attachment; filename=\"records.xlsx\"; filename*=UTF-8''{name}"
    return Response(data, media_type=_XLSX, headers={"content-disposition": disposition})


def bring(visit: Visit) -> Response:
    """Take an uploaded workbook, and show what would be filed or what is wrong, cell by cell."""
    by, files = visit.someone(), visit.filled.files("workbook")
    if not files:
        raise UsageError("没有选择文件", cure="选择填好的 .xlsx")
    at = visit.filled.moment("at", "核查时间") if visit.filled.raw("at") else None
    redacted = "redacted" in visit.filled
    shelf = shelf_of(visit)
    held = shelf.keep(visit.visitor, files[0].file, by, at, redacted=redacted)
    try:
        found = _import(visit, held, dry_run=True)
    except DengbaoError as exc:
        shelf.drop(held)
        return _refused(visit, exc)
    if not found.changes:
        shelf.drop(held)
    gc.collect()  # reading leaves rings behind: cleared now, while one waits anyway, not at the next step
    return visit.page("sheet_check.html", held=held, found=found, state=visit.desk.state())


def confirm(visit: Visit) -> Response:
    """File what was shown; where the engagement changed meanwhile the conflicts are told instead."""
    shelf, by = shelf_of(visit), visit.someone()
    held = shelf.find(visit.visitor, visit.filled.text("token", most=80))
    if by != held.by:
        raise UsageError("操作人员已换，与上传时不同", cure="由取证人本人重新上传")
    try:
        done = _import(visit, held, dry_run=False)
    except DengbaoError as exc:
        return _refused(visit, exc)
    shelf.drop(held)
    filed = [*done.finished, *(one.filed for one in done.changes if one.filed)]
    told(visit.desk.directory, "evidence_imported", by, {"ids": " ".join(filed), "workbook": done.sha256})
    return visit.go(
        "/table", f"已入库 {len(filed)} 份：{filed[0]} 至 {filed[-1]}" if filed else "没有可入库的"
    )


def _refused(visit: Visit, exc: DengbaoError) -> Response:
    """Return the page with every mistake by its cell; the name the file has here says nothing to anybody."""
    faults = [(one.where.rpartition(NAME)[2].strip() or "整个文件", one) for one in apart(exc)]
    return visit.page("sheet.html", 409, faults=faults)


def _import(visit: Visit, held: Held, *, dry_run: bool) -> Imported:
    from ...recording import import_workbook  # noqa: PLC0415

    state = visit.desk.state()
    return import_workbook(
        state.session, held.path, by=held.by, now=datetime.now().astimezone(), at=held.at,
        redacted=held.redacted, dry_run=dry_run, known=known_of(state), book=shelf_of(visit).book_of(held),
    )  # fmt: skip


@functools.lru_cache(maxsize=2)
def known_of(state: State) -> Known:
    """Return what the desk knows of the engagement."""
    from ...recording_lines import Known, Paper  # noqa: PLC0415

    papers = (Paper(one.record, one.thread.standing) for one in state.examined if one.record is not None)
    return Known(state.result, tuple(papers))


def shelf_of(visit: Visit) -> Shelf:
    """Return where uploaded workbooks wait."""
    return cast("Shelf", visit.request.app.state.shelf)


ROUTES: Final[tuple[Route, ...]] = (
    look("/table/sheet", show),
    look("/table/sheet/download", download),
    act("/table/sheet", bring),
    act("/table/sheet/file", confirm),
)
