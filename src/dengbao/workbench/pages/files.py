"""Evidence files: taken in for a draft, shown small, taken out again, handed out for saving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.datastructures import UploadFile
from starlette.responses import Response
from starlette.routing import Route

from ... import drafts
from ...errors import DengbaoError, EvidenceError, UsageError
from ...evidence import MAX_FILES, folder_of
from ...evidence.covering import LARGE, SMALL
from ...evidence.staging import Staged, all_staged, path_of, sound, stage, staged
from ...model import Evidence, EvidenceFile
from ...report.wording import bytes_zh
from ..item import vouching
from ..item.drafted import keep_typed
from ..item.screen import Seat
from ..previews import Previews, none_to_show
from ..sent import attachment, picture
from ..visit import Visit, act, look
from .item import seat

FIELD: Final = "upload"
_NO_NAME: Final = "粘贴的图片"
_previews: Final = Previews()


@dataclass(frozen=True)
class Refused:
    """A file that was not taken, and why."""

    name: str
    error: DengbaoError


def upload(visit: Visit) -> Response:
    """Take files into a draft; each counts for itself, so that a bad one does not keep the others out."""
    if visit.is_part:
        try:
            here = seat(visit)
            visit.someone()
            refused = _take_all(visit, here)
        except DengbaoError as exc:
            return _box(visit, (Refused("", exc),))
        return _box(visit, refused)
    here = seat(visit)
    keep(visit, here)
    if not visit.filled.files(FIELD):
        return visit.go(back_to(here), "没有选择文件；已填写的内容已保存")
    refused = _take_all(visit, here)
    taken = len(visit.filled.files(FIELD)) - len(refused)
    if refused:
        return visit.page("evidence_refused.html", 409, seat=here, refused=refused, taken=taken)
    return visit.go(back_to(here), f"已附 {taken} 个文件{_lapsed(visit, here)}")


def _lapsed(visit: Visit, here: Seat) -> str:
    content = drafts.load(visit.desk.directory, here.item.id, here.asset.id).content
    told = content.fields.get(vouching.FIELD, "")
    return f"；{vouching.LAPSED}" if vouching.vouched(told, content.files).lapsed else ""


def back_to(here: Seat) -> str:
    """Return the address of an item's evidence files."""
    return f"{here.address.partition('#')[0]}#evidence"


def keep(visit: Visit, here: Seat) -> None:
    """Save what was typed in the form around a button, before the page is left."""
    if "base" in visit.filled:
        keep_typed(visit, here)


def _take_all(visit: Visit, here: Seat) -> tuple[Refused, ...]:
    files = visit.filled.files(FIELD)
    if not files:
        raise UsageError("没有选择文件", cure="先选择文件，再按“上传”")
    refused: list[Refused] = []
    for one in files:
        name = one.filename or _NO_NAME
        try:
            _take(visit, here, name, one)
        except DengbaoError as exc:
            refused.append(Refused(name, exc))
    return tuple(refused)


def _take(visit: Visit, here: Seat, name: str, upload: UploadFile) -> None:
    directory, item, asset = visit.desk.directory, here.item.id, here.asset.id
    if len(drafts.load(directory, item, asset).content.files) >= MAX_FILES:
        raise UsageError(f"一份佐证最多 {MAX_FILES} 个文件", where=name, cure="先入库，其余作为另一份佐证")
    found = stage(directory, name, upload.file)
    drafts.attach(directory, item, asset, found.sha256, by=visit.someone())


def _box(visit: Visit, refused: tuple[Refused, ...] = ()) -> Response:
    here = seat(visit)
    content = drafts.load(visit.desk.directory, here.item.id, here.asset.id).content
    found = all_staged(visit.desk.directory, content.files)
    told = content.fields.get(vouching.FIELD, "")
    return visit.page(
        "evidence_box.html", item=here.item, asset=here.asset, files=found, bytes_zh=bytes_zh,
        refused=refused, named=content.files, vouched=vouching.vouched(told, content.files),
    )  # fmt: skip


def remove(visit: Visit) -> Response:
    """Take a file out of a draft; it can be had again by undoing until the draft is filed."""
    here = seat(visit)
    by, sha256 = visit.someone(), visit.path("sha256")
    if not visit.is_part:
        keep(visit, here)
    try:
        drafts.detach(visit.desk.directory, here.item.id, here.asset.id, sha256, by=by)
    except UsageError as exc:
        if not visit.is_part:
            raise
        return _box(visit, (Refused("", exc),))
    if visit.is_part:
        return _box(visit)
    return visit.go(back_to(here), "文件已移除；可撤销")


def own(visit: Visit, here: Seat) -> Staged:
    """Return the file of a draft that the address names.

    Raises:
        UsageError: the draft has no such file.

    """
    sha256 = visit.path("sha256")
    kept = drafts.load(visit.desk.directory, here.item.id, here.asset.id)
    found = staged(visit.desk.directory, sha256) if sha256 in kept.content.files else None
    if found is None:
        raise UsageError("草稿中没有这个文件", cure="返回测评项页面；它可能已在另一窗口移除")
    return found


def download_staged(visit: Visit) -> Response:
    """Hand out a staged file."""
    found = sound(visit.desk.directory, visit.path("sha256"))
    return attachment(path_of(visit.desk.directory, found), found.file_name, found.sha256)


def preview_staged(visit: Visit) -> Response:
    """Show a staged picture small, or larger with `?size=large`."""
    found = staged(visit.desk.directory, visit.path("sha256"))
    if found is None or not found.sort.is_picture:
        return picture(none_to_show())
    return picture(_previews.of(path_of(visit.desk.directory, found), _edge(visit)))


def download_evidence(visit: Visit) -> Response:
    """Hand out a file that was filed, if it is still what it was."""
    record, file = _filed(visit)
    where = folder_of(visit.desk.directory) / file.name
    return attachment(
        where, file.name if file.name.startswith(record.id) else f"{record.id} {file.name}", file.sha256
    )


def preview_evidence(visit: Visit) -> Response:
    """Show a filed picture small, or larger with `?size=large`."""
    _, file = _filed(visit)
    return picture(_previews.of(folder_of(visit.desk.directory) / file.name, _edge(visit)))


def _filed(visit: Visit) -> tuple[Evidence, EvidenceFile]:
    record = visit.desk.state().evidence.get(visit.path("id"))
    told = visit.path("number")
    number = int(told) if told.isascii() and told.isdigit() and len(told) < 4 else 0
    if record is None or not 1 <= number <= len(record.files):
        raise EvidenceError("没有这份佐证文件", cure="从测评项页面的“已入库佐证”进入")
    return record, record.files[number - 1]


def _edge(visit: Visit) -> int:
    return LARGE if visit.asked("size") == "large" else SMALL


ROUTES: Final[tuple[Route, ...]] = (
    act("/item/{item}/{asset}/files", upload, even_sealed=True),
    act("/item/{item}/{asset}/files/{sha256}/remove", remove, even_sealed=True),
    look("/staged/{sha256}", download_staged),
    look("/staged/{sha256}/preview", preview_staged),
    look("/evidence/{id}/{number}", download_evidence),
    look("/evidence/{id}/{number}/preview", preview_evidence),
)
