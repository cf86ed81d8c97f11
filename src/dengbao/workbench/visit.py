"""One request as pages see it: who asks, what was filled in, and how to answer."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ..errors import DengbaoError, StoreError, UsageError
from ..evidence import Finding
from ..model import Person
from ..packet.current import Current
from ..reading import apart
from ..traces import keep_trace
from .desk import Desk
from .filled import Filled
from .guard import Doors, TooMuch, Visitor, too_much_page
from .locking import LockWatch, refuse_when_sealed
from .sheets_shown import SheetsShown
from .shown import Pages
from .tasks import Tasks

_MOST_FILES: Final = 20
_MOST_FIELDS: Final = 2000
Answer = TypeVar("Answer", bound=Response)


@dataclass(frozen=True)
class Visit:
    """A request, with the engagement, the visitor and the form that was posted (empty for a look)."""

    request: Request
    desk: Desk
    visitor: Visitor
    filled: Filled

    @property
    def person(self) -> Person | None:
        """Return who sits at the page, None before they said so."""
        return self.visitor.person

    @property
    def known(self) -> bool:
        """Tell whether this browser has shown the start token; others are told nothing."""
        return self.request.scope["visitor"] is not None

    @property
    def people(self) -> tuple[Person, ...]:
        """Return the people that the engagement names, none while its file cannot be read."""
        try:
            return self.desk.ground().session.engagement.people
        except DengbaoError:
            return ()

    @property
    def damage(self) -> tuple[Finding, ...]:
        """Return what is wrong with filed evidence, none while the engagement cannot be read."""
        try:
            return self.desk.state().damage
        except DengbaoError:
            return ()

    def someone(self) -> Person:
        """Return who sits at the page.

        Raises:
            UsageError: nobody said so yet.

        """
        if self.visitor.person is None:
            raise UsageError("尚未选定操作人员", cure="在页面右上角“操作人员”处选择或填写姓名与单位")
        return self.visitor.person

    @property
    def lock(self) -> Current | None:
        """Return the packet that locks the engagement, None where it may be changed."""
        return cast("LockWatch", self.request.app.state.locks).now()

    @property
    def tasks(self) -> Tasks:
        """Return the work that goes on in the background."""
        return cast("Tasks", self.request.app.state.tasks)

    @property
    def sheets(self) -> SheetsShown:
        """Return what draws the pages of a PDF."""
        return cast("SheetsShown", self.request.app.state.sheets)

    @property
    def is_part(self) -> bool:
        """Tell whether only a part of a page is wanted (htmx); going back wants the whole."""
        headers = self.request.headers
        return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"

    def path(self, name: str) -> str:
        """Return a part of the address."""
        return str(self.request.path_params[name])

    def asked(self, name: str) -> str:
        """Return a value of the address's query, cut to a sensible length."""
        return self.request.query_params.get(name, "")[:500]

    def page(self, template: str, status: int = 200, **data: object) -> Response:
        """Return a page, or a part of one, from a template."""
        return cast("Pages", self.request.app.state.pages).answer(self, template, status, data)

    def go(self, where: str, said: str = "") -> Response:
        """Return the redirect after something was done; `said` is shown once on the next page."""
        if said:
            self.visitor.said.append(said)
        return RedirectResponse(where, 303)


def look(path: str, show: Callable[[Visit], Response], name: str = "") -> Route:
    """Return the route of a page that is only looked at."""
    return Route(path, _endpoint(show), methods=["GET"], name=name or None)


def act(path: str, do: Callable[[Visit], Response], name: str = "", *, even_sealed: bool = False) -> Route:
    """Return the route of a form: `do` is called in a thread with what was filled in.

    While the engagement is sealed and unchanged it is refused, unless it is `even_sealed`: what changes
    nothing that was sealed (drafts, papers, approvals, who sits here).
    """

    def unless_sealed(visit: Visit) -> Response:
        return refuse_when_sealed(visit) or do(visit)

    return Route(path, _endpoint(do if even_sealed else unless_sealed), methods=["POST"], name=name or None)


def _endpoint(answer: Callable[[Visit], Response]) -> Callable[[Request], object]:
    @functools.wraps(answer)
    async def endpoint(request: Request) -> Response:
        try:
            if request.method == "POST":
                async with request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS) as form:
                    return await run_in_threadpool(_answer, answer, request, form)
            return await run_in_threadpool(_answer, answer, request, FormData())
        except TooMuch:
            return too_much_page()
        except (MultiPartException, HTTPException) as exc:
            told = exc.message if isinstance(exc, MultiPartException) else exc.detail
            return await run_in_threadpool(_failed, request, _unreadable(told))
        except OSError as exc:  # also of the temporary files that an upload is kept in while it is read
            full = f"无法读写（{exc.strerror or exc}）"
            error = StoreError(full, where=str(exc.filename or ""), cure="检查磁盘空间与权限后重新提交")
            return await run_in_threadpool(_failed, request, error)
        except Exception as exc:  # noqa: BLE001 - the last door: every fault of ours becomes a page, behind the guard
            return await run_in_threadpool(_broken, request, exc)

    return endpoint


def _unreadable(told: str) -> UsageError:
    if told.startswith("Too many files"):
        return UsageError(f"一次最多上传 {_MOST_FILES} 个文件", cure="分几次上传；已保存的内容不受影响")
    if told.startswith("Too many fields"):
        return UsageError(f"一次最多提交 {_MOST_FIELDS} 个栏目", cure="分几次提交")
    return UsageError(f"提交的内容无法读取：{told[:200]}", cure="重新打开页面后再提交")


def _answer(answer: Callable[[Visit], Response], request: Request, form: FormData) -> Response:
    visit = _visit(request, form)
    try:
        with visit.desk.glance() if request.method != "POST" else contextlib.nullcontext():
            return answer(visit)
    except DengbaoError as exc:
        return _failed(request, exc)


def _failed(request: Request, error: DengbaoError) -> Response:
    status = 409 if request.method == "POST" else 400
    return _visit(request, FormData()).page("error.html", status, errors=apart(error))


def _broken(request: Request, exc: Exception) -> Response:
    cure = f"重新打开页面；仍不行时把 {keep_trace(exc)} 发给维护者。已保存的内容不受影响"
    error = DengbaoError("程序错误，未完成", cure=cure)
    return _visit(request, FormData()).page("error.html", 500, errors=[error])


async def lost(request: Request, _exc: Exception) -> Response:
    """Return the page for an address that leads nowhere."""
    error = UsageError("没有这个页面", where=request.url.path[:200], cure="从上方导航进入")
    return _visit(request, FormData()).page("error.html", 404, errors=[error])


def _visit(request: Request, form: FormData) -> Visit:
    visitor = cast("Visitor | None", request.scope["visitor"]) or Visitor()
    return Visit(request, cast("Desk", request.app.state.desk), visitor, Filled(form))


def doors_of(request: Request) -> Doors:
    """Return the doors of the application that answers a request."""
    return cast("Doors", request.app.state.doors)
