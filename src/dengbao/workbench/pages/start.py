"""The way in: the printed address, who sits at the page, and the way out."""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ...errors import UsageError
from ...model import Person
from ..visit import Visit, act, doors_of, look

OPEN_PATHS: Final = frozenset({"/start", "/favicon.ico"})


def start(visit: Visit) -> Response:
    """Let in who shows the start token; the token does not stay in the address."""
    doors = doors_of(visit.request)
    secret = doors.admit(visit.asked("token"))
    if secret is None:
        raise UsageError("地址中的口令不对或已失效", cure="用 dengbao serve 最近一次打印的完整地址打开")
    answer = RedirectResponse("/", 303)
    doors.set_cookie(answer, secret)
    return answer


def icon(_visit: Visit) -> Response:
    """Return the icon that browsers ask for by themselves."""
    return RedirectResponse("/static/icon.svg", 301)


def who(visit: Visit) -> Response:
    """Take down who sits at the page: one of the engagement's people, or a name and an organisation."""
    if visit.visitor.fixed:
        raise UsageError("已按专用地址登录，不能改为他人", cure="由该人员用自己的地址登录")
    chosen = visit.filled.text("chosen", "操作人员", most=20)
    if chosen.isdigit():
        people = visit.desk.ground().session.engagement.people
        if int(chosen) >= len(people):
            raise UsageError("没有这个人员", cure="重新选择；人员登记在 engagement.yaml 的 people")
        visit.visitor.person = people[int(chosen)]
    else:
        name = visit.filled.text("name", "姓名", most=40, needed=True)
        org = visit.filled.text("org", "单位", most=80, needed=True)
        visit.visitor.person = Person(name=name, org=org)
    back = visit.filled.raw("back")
    ours = back.startswith("/") and not back.startswith(("//", "/\\"))
    return visit.go(back if ours else "/", f"操作人员：{visit.visitor.person.name}")


def leave(visit: Visit) -> Response:
    """Forget this browser; it needs the printed address again."""
    doors_of(visit.request).dismiss(visit.visitor)
    return RedirectResponse("/", 303)


ROUTES: Final[tuple[Route, ...]] = (
    look("/start", start),
    look("/favicon.ico", icon),
    act("/who", who, even_sealed=True),
    act("/leave", leave, even_sealed=True),
)
