"""Redaction: boxes drawn on a picture, or typed, are burnt into a new file that takes its place."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from ... import drafts
from ...drafts import DraftContent
from ...errors import DengbaoError, UsageError
from ...evidence.covering import MOST_BOXES, Box, cover
from ...evidence.staging import Staged, discard, path_of, sound, stage
from ..item import vouching
from ..item.screen import Seat
from ..visit import Visit, act, look
from .files import back_to, keep, own
from .item import seat

SIDES: Final = (("left", "左"), ("top", "上"), ("width", "宽"), ("height", "高"))
_FIRST_ROWS: Final = 3
_MOST: Final = 10**6
_STEPS: Final = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
_LINES: Final = 14


@dataclass(frozen=True)
class Row:
    """The number fields of one box as typed; `box` is None where they are empty or wrong."""

    number: int
    told: dict[str, str]
    box: Box | None = None
    wrong: bool = False


def open_page(visit: Visit) -> Response:
    """Save what was typed beside the file's button, then go to the page of redaction."""
    here = seat(visit)
    keep(visit, here)
    return visit.go(f"{_base(here, own(visit, here))}/redact")


def show(visit: Visit) -> Response:
    """Show the picture with a grid, and fields for boxes."""
    here = seat(visit)
    return _page(visit, here, _picture(visit, here), _empty(1, _FIRST_ROWS))


def redact(visit: Visit) -> Response:
    """Burn the boxes in, or only show where they would lie."""
    here = seat(visit)
    file = _picture(visit, here)
    rows = _rows(visit)
    if any(one.wrong for one in rows):
        fault = UsageError("区域的四个数应是整数，宽和高大于 0", cure="改正标出的区域")
        return _page(visit, here, file, rows, fault)
    if visit.filled.raw("do") != "apply":
        more = _empty(len(rows) + 1, min(_FIRST_ROWS, MOST_BOXES - len(rows)))
        return _page(visit, here, file, (*(one for one in rows if one.box), *more))
    try:
        told = _apply(visit, here, file, [one.box for one in rows if one.box is not None])
    except DengbaoError as exc:
        return _page(visit, here, file, rows or _empty(1, _FIRST_ROWS), exc)
    return visit.go(back_to(here), told)


def _apply(visit: Visit, here: Seat, file: Staged, boxes: list[Box]) -> str:
    directory, item, asset, by = visit.desk.directory, here.item.id, here.asset.id, visit.someone()
    with tempfile.TemporaryDirectory(prefix="dengbao-cover-") as folder:
        out = Path(folder) / "covered"
        ending = cover(path_of(directory, sound(directory, file.sha256)), boxes, out)
        with out.open("rb") as stream:
            found = stage(directory, f"{PurePath(file.name).stem}-已遮盖{ending}", stream)
    drafts.detach(directory, item, asset, file.sha256, by=by, instead=found.sha256)
    kept = drafts.load(directory, item, asset)
    before = kept.content.fields.get(vouching.FIELD, "")
    tick = vouching.with_one_covered(before, kept.content.files, found.sha256)
    fields = {**kept.content.fields, vouching.FIELD: tick}
    drafts.save(
        directory, item, asset, DraftContent(fields=fields, files=kept.content.files), base=kept.number, by=by
    )
    if visit.filled.raw("keep") == "yes":
        return f"已遮盖 {len(boxes)} 处；原图暂留"
    gone = discard(directory, file.sha256, item=item, asset=asset)
    return f"已遮盖 {len(boxes)} 处，" + ("原图已删除" if gone else "原图仍用于另一草稿，未删除")


def _picture(visit: Visit, here: Seat) -> Staged:
    found = own(visit, here)
    if not found.sort.is_picture:
        raise UsageError("只有图片可以遮盖", where=found.name, cure="文档请在原软件中遮盖后重新上传")
    return found


def _page(
    visit: Visit, here: Seat, file: Staged, rows: tuple[Row, ...], fault: DengbaoError | None = None
) -> Response:
    longest = max(file.width, file.height)
    step = next((one for one in _STEPS if longest <= one * _LINES), _STEPS[-1])
    return visit.page(
        "redact.html", 409 if fault else 200, seat=here, file=file, rows=rows, sides=SIDES, step=step,
        letter=max(9, longest // 55), base=_base(here, file), back=back_to(here), fault=fault,
        keep=visit.filled.raw("keep") == "yes",
    )  # fmt: skip


def _rows(visit: Visit) -> tuple[Row, ...]:
    """Return the boxes that were filled in, in the order of their numbers, and those that are wrong."""
    rows: list[Row] = []
    for number in range(1, MOST_BOXES + 1):
        told = {name: visit.filled.raw(f"{name}-{number}").strip()[:12] for name, _ in SIDES}
        if any(told.values()):
            box = _box(told)
            rows.append(Row(len(rows) + 1, told, box, wrong=box is None))
    return tuple(rows)


def _box(told: dict[str, str]) -> Box | None:
    if not all(one.isascii() and one.isdigit() and int(one) <= _MOST for one in told.values()):
        return None
    box = Box(**{name: int(one) for name, one in told.items()})
    return box if box.width and box.height else None


def _empty(first: int, count: int) -> tuple[Row, ...]:
    return tuple(Row(number, {name: "" for name, _ in SIDES}) for number in range(first, first + count))


def _base(here: Seat, file: Staged) -> str:
    return f"/item/{quote(here.item.id)}/{quote(here.asset.id)}/files/{file.sha256}"


ROUTES: Final[tuple[Route, ...]] = (
    act("/item/{item}/{asset}/files/{sha256}/open", open_page, even_sealed=True),
    look("/item/{item}/{asset}/files/{sha256}/redact", show),
    act("/item/{item}/{asset}/files/{sha256}/redact", redact, even_sealed=True),
)
