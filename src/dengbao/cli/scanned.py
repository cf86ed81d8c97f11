"""Scans paths and prints what was found, masked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..scanning import Finding, Kind, Limits, Report, Sample, scan_paths, workers_for
from .console import console, say
from .door import EXIT_INTERRUPTED

_SAY_BYTES: Final = 256 * 1024 * 1024
_MOST_ROWS: Final = 200
_HARMLESS: Final = (Kind.PASSWORD_HASH, Kind.CREDIT_CODE, Kind.EMAIL)


def scan_and_tell(paths: tuple[Path, ...], seconds: int, form: str) -> int:
    """Scan, print, and return the exit code."""
    told = console(stderr=True)
    said = 0

    def progress(file: str, walked: int) -> None:
        nonlocal said
        if walked - said >= _SAY_BYTES:
            said = walked
            say(told, f"已扫描 {walked / 1e6:.0f} MB：{file}")

    try:
        report = scan_paths(
            paths, limits=Limits(seconds=float(seconds)), workers=workers_for(paths), progress=progress
        )
    except KeyboardInterrupt:
        say(told, "已中断，没有结果。扫描不改动任何文件，可重新执行。")
        return EXIT_INTERRUPTED
    if form == "json":
        click.echo(json.dumps(_plain(report), ensure_ascii=False, indent=2))
    else:
        _print(console(), report)
    if report.unread:
        return 3
    return 1 if any(one.kind not in _HARMLESS for one in report.totals) else 0


def _print(out: Console, report: Report) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("种类", "个数", "位置", "表、列", "样例"):
        table.add_column(title, overflow="fold")
    for one in sorted(report.findings, key=lambda one: -one.count)[:_MOST_ROWS]:
        place = "!".join(part for part in (one.file, one.member) if part)
        column = ".".join(part for part in (one.table, one.column) if part)
        sample = _shown(one.samples[0]) if one.samples else ""
        table.add_row(*(Text(part) for part in (one.kind.zh, str(one.count), place, column, sample)))
    if report.findings:
        out.print(table)
    if len(report.findings) > _MOST_ROWS:
        say(out, f"另有 {len(report.findings) - _MOST_ROWS} 处未列出，用 --format json 查看全部")
    for total in report.totals:
        about = "" if total.exact else "约"
        say(out, f"{total.kind.zh}：{total.count} 个，不同的{about} {total.distinct} 个")
    for part in report.unread[:_MOST_ROWS]:
        place = "!".join(one for one in (part.file, part.member) if one)
        say(out, f"未读：{place}：{part.reason}", style="yellow")
    size = f"{report.text_bytes / 1e6:.3g} MB 文本"
    found = "" if report.totals else "，未发现明文个人信息与口令"
    say(
        out,
        f"共 {report.files} 个文件，{size}{found}；未能读取 {len(report.unread)} 处；引擎 {report.engine}",
    )


def _shown(sample: Sample) -> str:
    return f"{sample.cell or f'第{sample.line}行'} {sample.masked}"


def _plain(report: Report) -> dict[str, object]:
    return {
        "files": report.files,
        "text_bytes": report.text_bytes,
        "engine": report.engine,
        "totals": [
            {"kind": one.kind, "count": one.count, "distinct": one.distinct, "exact": one.exact}
            for one in report.totals
        ],
        "findings": [_found(one) for one in report.findings],
        "unread": [{"file": one.file, "member": one.member, "reason": one.reason} for one in report.unread],
    }


def _found(one: Finding) -> dict[str, object]:
    samples = [{"line": each.line, "cell": each.cell, "masked": each.masked} for each in one.samples]
    return {
        "kind": one.kind, "count": one.count, "file": one.file, "member": one.member,
        "table": one.table, "column": one.column, "samples": samples,
    }  # fmt: skip
