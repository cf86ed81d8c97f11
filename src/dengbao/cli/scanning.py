"""scan."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .chinese import Argument, Command
from .values import counted


def _path(value: str) -> Path:
    path = Path(value)
    if not value or "\0" in value or not path.exists():
        raise click.BadParameter(f"没有文件或目录“{value}”")
    return path


@click.command(
    cls=Command,
    help="扫描本机的转储、日志、导出、文档与压缩包，查找明文的公民身份号码、银行卡号、手机号、姓名、口令等。"
    "\n\n只读，不落盘，不联网；结果只有种类、个数、位置和遮盖后的样例，没有原值。"
    "\n\n退出码：0 全部读完且未发现；1 有发现；3 有未能读取的部分（优先于 1）。"
    "散列值、邮箱、统一社会信用代码只列出，不算发现。",
    epilog="dengbao scan /srv/export\ndengbao scan his.sql.gz app.log --format json",
)
@click.argument(
    "paths", metavar="路径…", nargs=-1, required=True, cls=Argument, type=_path, help="文件或目录，可多个"
)
@click.option(
    "--seconds",
    type=counted,
    metavar="秒数",
    default="3600",
    help="至多扫描多久，缺省 3600；到时未读的列为未读",
)
@options.as_json
def scan(paths: tuple[Path, ...], seconds: int, form: str) -> int:
    """Print what the paths hold."""
    from .scanned import scan_and_tell  # noqa: PLC0415 - readers of documents that no other command needs

    return scan_and_tell(paths, seconds, form)
