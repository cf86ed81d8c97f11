"""What `verify` says of a report or a scan that came without its packet, and how findings are printed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.text import Text

from ..packet.alone import Alone, verify_report
from ..packet.dsse import PublicKey
from ..packet.findings import Finding, Gravity
from ..packet.qr import Mark
from ..packet.scan import examine_mark, told_counts
from .console import console, paragraph, say, verbatim

WRONG: Final = 4
_MANY: Final = 12
_COLOURS: Final = {Gravity.BROKEN: "bold red", Gravity.OPEN: "magenta", Gravity.NOTE: "cyan"}
_SIGNED: Final = "签名密钥的持有人出具了这份报告：正文、表格、图片自此未变"
_UNSIGNED: Final = "至多是正文、文件内附的数据与二维码前后相符：三者可被一并替换，签名经可信的密钥核对才作数"
_DATA: Final = "签名密钥的持有人签了二维码所记的摘要；正文、数据与之是否相符，见上列各处"
_NOTHING: Final = "正文未变。二维码只说明编号、摘要与各判定的项数"
_NOT: Final = "判定出自原始事实（须凭封存包重新判定：--packet）；内容属实；文件属性、批注以外的排版"


def scan_alone(mark: Mark, path: Path, trusted: tuple[PublicKey, ...], form: str) -> int:
    """Say what the code of a stamped page tells where there is no packet; return the exit code."""
    findings = tuple(examine_mark(mark, path.name, trusted))
    if form == "json":
        _print_json({"holds": not findings, "mark": mark.text, "findings": findings})
    else:
        out = console()
        _show_mark(out, mark)
        show_findings(out, findings)
        if not findings:
            say(out, "二维码由可信的密钥所签；报告正文须与封存包另行比对（--packet）。", style="green")
    return WRONG if findings else 0


def report_alone(path: Path, trusted: tuple[PublicKey, ...], form: str, content: Path | None) -> int:
    """Say what a .docx proves by itself; return the exit code."""
    found = verify_report(path, content=content, trusted=trusted)
    if form == "json":
        _print_json(
            {
                "holds": found.holds, "carried": found.carried, "trusted": found.trusted,
                "mark": found.mark.text if found.mark is not None else "", "findings": found.findings,
            }
        )  # fmt: skip
    else:
        _show_report(console(), found)
    return 0 if found.holds else WRONG


def _print_json(plain: dict[str, object]) -> None:
    print(msgspec.json.format(msgspec.json.encode(plain), indent=1).decode())


def _show_mark(out: Console, mark: Mark) -> None:
    paragraph(out, Text("报告编号  "), mark.number)
    paragraph(out, Text("各项判定  "), told_counts(mark))
    verbatim(out, f"内容摘要  {mark.content_sha256}")


def _show_report(out: Console, found: Alone) -> None:
    if found.mark is not None:
        _show_mark(out, found.mark)
    show_by_gravity(out, found.findings)
    if found.holds:
        paragraph(out, Text("证明：  "), _SIGNED)
    elif found.carried:
        paragraph(out, Text("证明：  "), _DATA if found.trusted else _UNSIGNED)
    else:
        paragraph(out, Text("不证明："), _NOTHING)
    paragraph(out, Text("不证明："), _NOT)
    if found.holds:
        say(out, "核验一致：正文与可信密钥签名的内容逐行相符。", style="green")
    else:
        say(out, "未能证明报告未被改动：见上列各处。", style="bold red")


def show_by_gravity(out: Console, findings: Iterable[Finding]) -> None:
    """Print findings under a heading for each gravity."""
    by_gravity: dict[Gravity, list[Finding]] = defaultdict(list)
    for one in findings:
        by_gravity[one.gravity].append(one)
    for gravity, several in by_gravity.items():
        say(out, f"{gravity.zh} {len(several)} 处", style=_COLOURS[gravity])
        show_findings(out, several)


def show_findings(out: Console, findings: Iterable[Finding]) -> None:
    """Print findings by place, the cure once for those that share it."""
    by_place: dict[str, list[Finding]] = defaultdict(list)
    for one in findings:
        by_place[one.place].append(one)
    cured: set[str] = set()
    for place, several in by_place.items():
        items = tuple(dict.fromkeys(item for one in several for item in one.items))
        paragraph(out, Text("  "), f"{place}{_items(items)}", indent=4)
        for one in several:
            paragraph(out, Text("    "), one.message)
            if one.cure and one.cure not in cured:
                cured.add(one.cure)
                paragraph(out, Text("    处理："), one.cure)


def _items(items: tuple[str, ...]) -> str:
    if not items:
        return ""
    return f"（涉及 {'、'.join(items[:_MANY])}{f' 等 {len(items)} 项' if len(items) > _MANY else ''}）"
