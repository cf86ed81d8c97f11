"""vulns: vulnerability data that the operator carries in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from .. import catalog
from ..errors import UsageError
from ..vulns.store import Store
from . import options
from .chinese import Argument, Group
from .console import console, say, verbatim
from .values import day

KINDS = {"debian-tracker": "Debian 安全跟踪数据", "osv": "OSV 数据"}


@click.group(
    cls=Group,
    help="离线漏洞数据：由操作者带入，检测时与主机的软件包清单比对；程序从不联网取数据。",
    epilog="dengbao vulns import my-hospital debian.json --date 2026-03-01",
)
def vulns() -> None:
    """Group of the commands on vulnerability data."""


def _path(value: str) -> Path:
    path = Path(value)
    if not value or "\0" in value or not path.exists():
        raise click.BadParameter(f"没有文件或目录“{value}”")
    return path


@vulns.command(
    "import",
    help="导入漏洞数据：Debian 安全跟踪的 JSON（可 gzip），OSV 的 all.zip 或解开的目录。\n\n"
    "每次导入按所给文件重建，先前导入的不保留；有误时原数据不动。",
    epilog="dengbao vulns import my-hospital debian.json osv/Debian/all.zip --date 2026-03-01",
)
@options.directory
@click.argument(
    "files", metavar="文件…", nargs=-1, required=True, cls=Argument, type=_path, help="数据文件或目录，可多个"
)
@click.option("--date", "of", type=day, metavar="日期", help="取得数据的日期，如 2026-03-01；Debian 数据须写")
def import_data(directory: Path, files: tuple[Path, ...], of: datetime | None) -> int:
    """Build the store of known holes anew."""
    from ..vulns.load import load  # noqa: PLC0415 - parsers that no other command needs

    target = catalog.vulnerability_data(catalog.load_engagement(directory), directory)
    progress = console(stderr=True)
    loaded = load(
        target, files, now=datetime.now().astimezone(), day=of.date() if of else None,
        say=lambda text: say(progress, text),
    )  # fmt: skip
    out = console()
    if loaded.unread:
        say(out, f"注意：{loaded.unread} 条记录无法读取，已略过", style="yellow")
    _tell(target)
    return 0


@vulns.command(
    "info",
    help="列出已导入的漏洞数据：来源、日期、摘要、覆盖的系统。",
    epilog="dengbao vulns info my-hospital",
)
@options.directory
def info(directory: Path) -> int:
    """Print what the store holds."""
    target = catalog.vulnerability_data(catalog.load_engagement(directory), directory)
    if not target.is_file():
        raise UsageError("没有漏洞数据", where=str(target), cure="用 dengbao vulns import 导入")
    _tell(target)
    return 0


def _tell(path: Path) -> None:
    out = console()
    with Store(path) as store:
        sources = store.sources()
        coverage = store.coverage()
    verbatim(out, f"漏洞数据 {path}（{path.stat().st_size / 2**20:.1f} MiB）")
    for one in sources.values():
        kind = KINDS.get(one.kind, one.kind)
        say(out, f"{kind} {one.file}：数据日期 {one.day}，{one.entries} 条，{one.imported_at[:10]} 导入")
        verbatim(out, f"  SHA256 {one.sha256}")
    covered = "、".join(f"{name}（{sum(counts.values())}）" for name, counts in coverage.items())
    say(out, f"覆盖的系统：{covered}")
