"""Saving what is typed while it is typed, undoing it, and choosing between two windows' texts."""

from __future__ import annotations

import json
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from ... import drafts
from ...drafts import Conflict, DraftContent, Saved
from ...errors import DengbaoError, UsageError
from ..item.drafted import choice_of, keep_typed
from ..item.screen import Seat
from ..visit import Visit, act
from .item import seat


def save(visit: Visit) -> Response:
    """Save the form; answer with the state of saving where a part is wanted, else go back to the page."""
    if not visit.is_part:
        here = seat(visit)
        found = keep_typed(visit, here)
        return visit.go(here.address, told(found))
    try:
        here = seat(visit)
        found = keep_typed(visit, here)
    except DengbaoError as exc:
        why = exc.message if not exc.cure else f"{exc.message}；{exc.cure}"
        return visit.page(
            "item_unsaved.html", why=why, base=visit.filled.raw("base"), aside=visit.filled.raw("aside")
        )
    return _state(visit, here, found)


def told(found: Saved | Conflict) -> str:
    """Return in words how saving went."""
    if isinstance(found, Conflict):
        return "与另一窗口的修改冲突：两段文字都已保存，请选择"
    return f"草稿已保存（{found.version.at.astimezone():%H:%M}）"


def _state(visit: Visit, here: Seat, found: Saved | Conflict) -> Response:
    if isinstance(found, Conflict):
        return visit.page(
            "item_saved.html", seat=here, before=None, version=found.current, base=visit.filled.raw("base"),
            choice=choice_of(here, found.current.content, found.yours), merged="", stands=found.current,
        )  # fmt: skip
    merged = ""
    if found.merged:  # the page still shows what it was before the other window changed it
        merged = json.dumps(found.version.fields, ensure_ascii=False)
    kept = drafts.load(visit.desk.directory, here.item.id, here.asset.id)
    return visit.page(
        "item_saved.html", seat=here, before=kept.before, version=found.version, base=found.version.version,
        choice=None, merged=merged, stands=found.version,
    )  # fmt: skip


def undo(visit: Visit) -> Response:
    """Take back the last change; what stands in the form is saved before, so that it can be had again."""
    here = seat(visit)
    found = keep_typed(visit, here)
    if isinstance(found, Conflict):
        return visit.go(here.address, told(found))
    drafts.undo(visit.desk.directory, here.item.id, here.asset.id, by=visit.someone())
    return visit.go(here.address, "已撤销上一次修改")


def restore(visit: Visit) -> Response:
    """Bring an earlier version back."""
    here = seat(visit)
    number = visit.filled.number("version", "版本", least=1, most=10**9)
    keep_typed(visit, here)
    drafts.restore(visit.desk.directory, here.item.id, here.asset.id, number, by=visit.someone())
    return visit.go(here.address, "已恢复所选版本")


def clear(visit: Visit) -> Response:
    """Empty the draft; it can be had again by undoing."""
    here = seat(visit)
    found = keep_typed(visit, here)
    if isinstance(found, Conflict):
        return visit.go(here.address, told(found))
    drafts.save(
        visit.desk.directory, here.item.id, here.asset.id, DraftContent(), base=found.version.version,
        by=visit.someone(),
    )  # fmt: skip
    return visit.go(here.address, "草稿已清空；可撤销")


def choose(visit: Visit) -> Response:
    """Choose between the text that stands and one that another window had overtaken, or take both."""
    here = seat(visit)
    wish, _, told_number = visit.filled.text("choice", "选择", most=20, needed=True).partition("-")
    found = keep_typed(visit, here)
    if isinstance(found, Saved) and told_number and told_number == visit.filled.raw("aside"):
        return visit.go(here.address, "文字已一致，无须选择")
    # What was typed after the conflict was told was kept aside anew just now.
    number = found.yours.version if isinstance(found, Conflict) else _number(told_number)
    directory, item, asset, by = visit.desk.directory, here.item.id, here.asset.id, visit.someone()
    if wish == "mine":
        drafts.restore(directory, item, asset, number, by=by)
        return visit.go(here.address, "已采用未并入的文字；另一段在“历次保存”中")
    if wish == "theirs":
        drafts.settle(directory, item, asset, number, by=by)
        return visit.go(here.address, "已保留原有文字")
    if wish != "both":
        raise UsageError("不认识的选择", cure="重新打开页面后再选")
    drafts.join(directory, item, asset, number, by=by)
    return visit.go(here.address, "两段文字已合并，请修改后入库")


def _number(told_number: str) -> int:
    if not (told_number.isascii() and told_number.isdigit()):
        raise UsageError("没有待选的文字", cure="重新打开页面；它可能已在另一窗口处理")
    return int(told_number)


# Drafts are never sealed, so that typing goes on while a packet is out.
ROUTES: Final[tuple[Route, ...]] = (
    act("/item/{item}/{asset}/draft", save, even_sealed=True),
    act("/item/{item}/{asset}/draft/undo", undo, even_sealed=True),
    act("/item/{item}/{asset}/draft/restore", restore, even_sealed=True),
    act("/item/{item}/{asset}/draft/clear", clear, even_sealed=True),
    act("/item/{item}/{asset}/draft/choose", choose, even_sealed=True),
)
