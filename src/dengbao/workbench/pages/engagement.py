"""The engagement: fields as forms, assets as text, the whole file where that is easier; checked as typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from ...catalog.blocks import Block, blocks_of, specimen, with_block, without_block
from ...catalog.editing import Edit, Text, document_of, edited, examine_text, masked, read_text, save_text
from ...catalog.engagements import FILE_NAME
from ...errors import DengbaoError, UsageError
from ...packet.custody import told
from ...yamlfile import YamlValue
from ..engagement_fields import SECTIONS, Section, edits_of, shown
from ..tasks import Say
from ..visit import Visit, act, look

_MOST: Final = 1_000_000
_KINDS: Final = (
    ("web", "业务应用系统"), ("tls", "通信端点"), ("host", "服务器"), ("database", "数据库管理系统"),
    ("backup", "备份"),
)  # fmt: skip
PEOPLE: Final = "people"


def show(visit: Visit) -> Response:
    """Show the fields, section by section, and the assets."""
    found = read_text(visit.desk.directory)
    _, faults = examine_text(visit.desk.directory, found.text)
    try:
        tree: YamlValue = document_of(visit.desk.directory, found.text).value
        blocks = blocks_of(visit.desk.directory, found.text)
    except UsageError:
        tree, blocks = {}, ()  # only the text can still be mended
    return visit.page(
        "engagement.html", sections=SECTIONS, base=found.sha256, faults=faults, blocks=blocks, kinds=_KINDS,
        shown=lambda field: shown(tree, field), people=_people(tree), readable=bool(tree), quote=quote,
    )  # fmt: skip


def _people(tree: YamlValue) -> str:
    people = tree.get(PEOPLE) if isinstance(tree, dict) else None
    rows = [one for one in people if isinstance(one, dict)] if isinstance(people, list) else []
    return "\n".join(
        "/".join(str(one.get(key) or "") for key in ("name", "org", "role")).rstrip("/") for one in rows
    )


def _section(visit: Visit) -> Section:
    found = next((one for one in SECTIONS if one.key == visit.path("section")), None)
    if found is None:
        raise UsageError("没有这一部分", cure="回到“项目”页重新选择")
    return found


def _with_section(visit: Visit, text: str) -> str:
    directory = visit.desk.directory
    edits = edits_of(_section(visit), visit.filled, document_of(directory, text).value)
    return edited(directory, text, tuple(edits))


def save_section(visit: Visit) -> Response:
    """Write the fields that were changed."""
    return _save(visit, _with_section(visit, read_text(visit.desk.directory).text), _section(visit).title)


def check_section(visit: Visit) -> Response:
    """Tell what would be wrong with the fields as they stand on the page; nothing is written."""
    return _checked(visit, lambda: _with_section(visit, read_text(visit.desk.directory).text))


def save_people(visit: Visit) -> Response:
    """Write the people who take part, one a line: name, organisation, part."""
    rows = [
        one.split("/")
        for one in visit.filled.text("people", "测试人员", most=8000).splitlines()
        if one.strip()
    ]
    if any(not 2 <= len(one) <= 3 or not one[0].strip() or not one[1].strip() for one in rows):
        raise UsageError("每行应写 姓名/单位/分工", where="测试人员", cure="分工可不写；姓名与单位不得缺")
    people: list[YamlValue] = [
        {key: part.strip() for key, part in zip(("name", "org", "role"), one, strict=False) if part.strip()}
        for one in rows
    ]
    directory = visit.desk.directory
    text = edited(directory, read_text(directory).text, [Edit((PEOPLE,), people)])
    return _save(visit, text, "测试人员")


def show_text(visit: Visit) -> Response:
    """Show the whole file; a secret that was written in clear is covered."""
    found = read_text(visit.desk.directory)
    _, faults = examine_text(visit.desk.directory, found.text)
    return visit.page("engagement_text.html", text=masked(found.text), base=found.sha256, faults=faults)


def save_whole(visit: Visit) -> Response:
    """Write the whole file."""
    return _save(visit, _text(visit), FILE_NAME)


def check_whole(visit: Visit) -> Response:
    """Tell every mistake in the text as it stands on the page; nothing is written."""
    return _checked(visit, lambda: _text(visit))


def _text(visit: Visit) -> str:
    text = visit.filled.raw("text").replace("\r\n", "\n")
    if len(text) > _MOST:
        raise UsageError("文字过长", cure="删减后再保存")
    return text if text.endswith("\n") else f"{text}\n"


def show_asset(visit: Visit) -> Response:
    """Show an asset's block, or a specimen for a new one."""
    found = read_text(visit.desk.directory)
    asset = visit.path("asset")
    block = next((one for one in _blocks(visit, found) if one.asset == asset), None)
    if block is None:
        raise UsageError(f"没有测评对象 {asset[:40]}", cure="回到“项目”页重新选择")
    return visit.page(
        "engagement_asset.html", asset=asset, kind=block.kind, text=masked(block.text), base=found.sha256,
        faults=(), link=f"/engagement/asset/{quote(asset)}", task=None,
    )  # fmt: skip


def new_asset(visit: Visit) -> Response:
    """Show the specimen of a kind, or what discovery drafted, to be filled in and added."""
    kind = visit.asked("kind")
    if kind not in dict(_KINDS):
        raise UsageError("没有这一类测评对象", cure="回到“项目”页重新选择")
    starter = visit.desk.state().session.content.templates / "engagement" / FILE_NAME
    text = specimen(starter.read_text(encoding="utf-8"), visit.desk.directory, kind)
    drafted = visit.visitor.drafted if kind == "web" else ""
    return visit.page(
        "engagement_asset.html", asset="", kind=kind, text=drafted or text, faults=(),
        base=read_text(visit.desk.directory).sha256, link="/engagement/asset-new", task=visit.tasks.last,
    )  # fmt: skip


def _blocks(visit: Visit, found: Text) -> tuple[Block, ...]:
    return blocks_of(visit.desk.directory, found.text)


def _with_asset(visit: Visit, asset: str) -> str:
    directory = visit.desk.directory
    block = visit.filled.raw("text").replace("\r\n", "\n")
    if not block.strip() or len(block) > _MOST:
        raise UsageError("没有内容，或过长", cure="照示例填写后再保存")
    return with_block(directory, read_text(directory).text, block, instead_of=asset)


def save_asset(visit: Visit) -> Response:
    """Write an asset's block."""
    asset = visit.path("asset")
    return _save(visit, _with_asset(visit, asset), f"测评对象 {asset}")


def check_asset(visit: Visit) -> Response:
    """Tell what would be wrong with an asset's block; nothing is written."""
    return _checked(visit, lambda: _with_asset(visit, visit.path("asset")))


def add_asset(visit: Visit) -> Response:
    """Add an asset after the others."""
    answer = _save(visit, _with_asset(visit, ""), "新的测评对象")
    visit.visitor.drafted = ""
    return answer


def check_new(visit: Visit) -> Response:
    """Tell what would be wrong with a new asset; nothing is written."""
    return _checked(visit, lambda: _with_asset(visit, ""))


def remove_asset(visit: Visit) -> Response:
    """Take an asset out of the file."""
    directory, asset = visit.desk.directory, visit.path("asset")
    if visit.filled.raw("sure") != "yes":
        raise UsageError("未确认删除", cure="勾选“确认删除”后再提交")
    return _save(visit, without_block(directory, read_text(directory).text, asset), f"删除测评对象 {asset}")


def discover(visit: Visit) -> Response:
    """Look at an application as a stranger and draft its description; the same as `dengbao discover`."""
    url = visit.filled.text("url", "网址", most=500, needed=True)
    browser = visit.filled.raw("browser") == "yes"
    directory, visitor = visit.desk.directory, visit.visitor

    def work(say: Say) -> str:
        from ...discovery.run import Wish  # noqa: PLC0415 - a browser's weight, needed here only
        from ...discovery.run import discover as look_at  # noqa: PLC0415

        text = look_at(Wish(url=url, engagement=directory, browser=browser), say)
        _, _, body = text.partition("assets:\n")
        visitor.drafted = body or text
        return "草稿已填入下方，请逐项核对"

    visit.tasks.start("查看应用", work)
    return visit.go("/engagement/asset-new?kind=web#task")


def _save(visit: Visit, text: str, what: str) -> Response:
    by, directory = visit.someone(), visit.desk.directory
    digest = save_text(directory, text, visit.filled.raw("base"))
    told(directory, "engagement_edited", by, {"what": what, "sha256": digest})
    return visit.go("/engagement", f"已保存：{what}")


def _checked(visit: Visit, make: Callable[[], str]) -> Response:
    try:
        _, faults = examine_text(visit.desk.directory, make())
    except DengbaoError as exc:
        faults = (exc,)
    return visit.page("engagement_faults.html", faults=faults, fine=not faults)


ROUTES: Final[tuple[Route, ...]] = (
    look("/engagement", show),
    look("/engagement/text", show_text),
    look("/engagement/asset-new", new_asset),
    look("/engagement/asset/{asset}", show_asset),
    act("/engagement/section/{section}", save_section),
    act("/engagement/section/{section}/check", check_section),
    act("/engagement/people", save_people),
    act("/engagement/text", save_whole),
    act("/engagement/text/check", check_whole),
    act("/engagement/asset-new", add_asset),
    act("/engagement/asset-new/check", check_new),
    act("/engagement/asset/{asset}", save_asset),
    act("/engagement/asset/{asset}/check", check_asset),
    act("/engagement/asset/{asset}/remove", remove_asset),
    act("/engagement/discover", discover),
)
