"""template: an office's own Word template, looked over before anyone relies on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from ..errors import UsageError
from .chinese import Argument, Command, Group
from .console import console, paragraph, say
from .values import file

if TYPE_CHECKING:
    from ..report import Finding


@click.group(
    cls=Group,
    help="Word 报告模板：本单位改过的，使用前先检查。",
    epilog="dengbao template lint 本局模板.docx",
)
def template() -> None:
    """Group of the commands on templates."""


@template.command(
    "lint",
    cls=Command,
    help="检查 Word 报告模板：未知的数据名、全角括号、缺少的样式和字体、没有缓存值的域、外部链接、宏、"
    "会被裁切的图片；并以样例、异常、空白三组数据试填，回读核对。\n\n"
    "有“失败”的模板不能使用，退出码 4；只有“警告”的可以使用，退出码 0。"
    "未在 Word、WPS 中打开过，版面须另行目视检查。",
    epilog="dengbao template lint 本局模板.docx",
)
@click.argument("path", cls=Argument, type=file, metavar="文件", help="模板文件（.docx）")
def lint(path: Path) -> int:
    """Look over a template."""
    from ..report.template_lint import lint_template  # noqa: PLC0415 - Word takes long to import
    from ..report.template_looks import absent_faces  # noqa: PLC0415

    try:
        given = path.read_bytes()
    except OSError as exc:
        raise UsageError(f"无法读取模板：{exc.strerror}", where=str(path), cure="核对文件名与权限") from exc
    found = lint_template(given, where=path.name)
    if not any(one.code == "not_docx" for one in found):
        found = (*found, *absent_faces(given, where=path.name))
    return _tell(path, found)


def _tell(path: Path, found: tuple[Finding, ...]) -> int:
    out = console()
    for one in sorted(found, key=lambda each: not each.serious):
        paragraph(out, Text("失败  " if one.serious else "警告  "), str(one), indent=6)
    failed = sum(1 for one in found if one.serious)
    if failed:
        say(out, f"失败：{path.name} 不能使用，{failed} 处须改正，警告 {len(found) - failed} 处。")
        return 4
    say(out, f"成功：{path.name} 可以使用，警告 {len(found)} 处。")
    return 0
