"""Looks whether a SQLite file or a SQL text is whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from .findings import Finding
from .formats import end_mark
from .streams import Budget, Damaged, Stream, Undecided, size_zh

_STEPS_BETWEEN_LOOKS: Final = 10_000
_MAX_VALUE_BYTES: Final = 64 * 1024 * 1024
_ERRORS_COUNTED: Final = 20
_TAIL_BYTES: Final = 4096
_HOLE: Final = bytes(4096)  # SQL text has no zero bytes; a lost block of a disk is full of them
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY_CODE: Final = 0xFF


@contextmanager
def spooled(stream: Stream, budget: Budget) -> Iterator[Path]:
    """Yield a private temporary copy of the rest of a stream; it is removed at the end.

    Raises:
        Undecided: larger than a temporary copy may be, or no room for it.

    """
    with _private_folder() as folder:
        path = folder / "copy"
        room = min(budget.limits.spool_bytes, shutil.disk_usage(folder).free // 2)
        written = 0
        with path.open("wb") as out:
            while part := stream.read():
                written += len(part)
                if written > room:
                    raise Undecided(f"内层文件超过临时副本上限 {size_zh(room)}，未核对")
                try:
                    out.write(part)
                except OSError as exc:
                    raise _no_room() from exc
        yield path


@contextmanager
def _private_folder() -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix="dengbao-backup-"))  # mode 0700
    except OSError as exc:
        raise _no_room() from exc
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _no_room() -> Undecided:
    return Undecided("本机没有可用的临时空间，未核对内层文件")


def look_at_sqlite(path: Path, budget: Budget, *, same_as: int | None = None) -> Finding:
    """Run SQLite's own integrity check on a file, read only and without creating anything beside it.

    `same_as` is a descriptor of the very file that is meant: SQLite opens by name and follows links, so
    what it opened is compared with that before anything is believed.

    Raises:
        Damaged: the check finds errors, or there is no table in it.
        Undecided: no time left, or this SQLite cannot check the file.

    """
    uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=0)) as base:
            base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
            base.set_progress_handler(lambda: 1 if budget.is_over() else 0, _STEPS_BETWEEN_LOOKS)
            base.text_factory = bytes
            for pragma in ("query_only=ON", "trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0"):
                base.execute(f"PRAGMA {pragma}")
            if same_as is not None:
                base.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
                _refuse_another(same_as)
            (tables,) = base.execute("SELECT count(*) FROM sqlite_master WHERE type='table'").fetchone()
            rows = base.execute(f"PRAGMA integrity_check({_ERRORS_COUNTED})").fetchall()
    except sqlite3.Error as exc:
        raise _what_it_means(exc, budget) from exc
    errors = [row[0] for row in rows if row[0] != b"ok"]
    if any(not one.startswith(b"unable to") for one in errors):
        raise Damaged(f"SQLite 完整性检查发现 {len(errors)} 处错误")
    if errors:
        raise Undecided("SQLite 完整性检查有未能核对的部分", cause="format")
    if not tables:
        raise Damaged("SQLite 数据库内没有任何表")
    return Finding(("sqlite",), True, f"SQLite 数据库 {tables} 张表，完整性检查通过")


def _refuse_another(descriptor: int) -> None:
    """Refuse to judge where SQLite has another file open than the one we opened.

    Raises:
        Undecided: no second descriptor of this process leads to the file that is meant.

    """
    meant = os.fstat(descriptor)
    try:
        names = [one.name for one in Path("/proc/self/fd").iterdir() if one.name != str(descriptor)]
    except OSError:
        return  # not Linux: no way to look
    for one in names:
        with suppress(OSError):
            if os.path.samestat(os.fstat(int(one)), meant):
                return
    raise Undecided("试读时文件被换成了另一个，未核对", cause="changing")


def _what_it_means(exc: sqlite3.Error, budget: Budget) -> Damaged | Undecided:
    if budget.is_over():
        return Undecided("超过试读时间上限，SQLite 完整性检查未做完")
    code = getattr(exc, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code in _DAMAGE:
        return Damaged("SQLite 数据库已损坏，无法打开或读取")
    return Undecided("SQLite 完整性检查未能进行", cause="format")


def look_at_sql(stream: Stream) -> Finding:
    """Read a SQL text to its end and look for the line its tool writes last.

    Raises:
        Damaged: the last line is not there, or a block of zero bytes is in between.

    """
    mark = end_mark(stream.head())
    tail = b""
    while part := stream.read():
        tail += part
        if _HOLE in tail:
            raise Damaged("SQL 文本中有成块的零字节，内容缺失")
        tail = tail[-_TAIL_BYTES:]
    if mark is None:
        return Finding(
            ("sql",), None, "SQL 文本读至结尾，但该导出方式不写完成标记，完整与否无从核对", "format"
        )
    if not mark.search(tail.replace(b"\r\n", b"\n")):
        raise Damaged("SQL 文本缺少导出完成标记，导出中断或文件被截断")
    return Finding(("sql",), True, "SQL 文本读至结尾，有导出完成标记")
