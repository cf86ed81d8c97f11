"""Reads a SQLite file: opened for reading only, nothing written beside it."""

from __future__ import annotations

import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import sqlalchemy
from sqlalchemy.pool import NullPool

from ...errors import (
    NoPermission,
    NotDeclared,
    NotSupported,
    OutOfScope,
    ProbeError,
    ProtocolMismatch,
    Unreachable,
)
from ...model import DatabaseAsset, Facts
from ..base import Context
from .facts import DatabaseServer, DatabaseStorage, Setting
from .session import Session, map_error, number, text
from .wire import SESSION_S, too_long

_MAGIC: Final = b"SQLite format 3\0"
_MAX_VALUE_BYTES: Final = 16 * 1024 * 1024
_STEPS_BETWEEN_LOOKS: Final = 10_000
_WAL: Final = 2  # header byte 18: the file is written through a log beside it
_CHECKSUM_BYTES: Final = 8  # what the checksum extension reserves at the end of each page


@contextmanager
def open_file(asset: DatabaseAsset, context: Context) -> Iterator[Session]:
    """Yield a read-only session with a SQLite file.

    Sends: nothing. Changes: nothing; where reading would create a file beside it, the file is read as it is.

    Raises:
        NotDeclared: no path, or no such file.
        OutOfScope: outside the engagement's folder while this machine is not in scope.
        NoPermission, ProtocolMismatch: not readable, or no SQLite file.

    """
    path = checked_path(asset, context)

    def connect(late: Callable[[], int]) -> sqlite3.Connection:
        raw = _connect(path, "mode=ro" if _may_lock(path) else "mode=ro&immutable=1", late)
        raw.execute("PRAGMA query_only=ON")
        return raw

    yield from _session(connect)


@contextmanager
def open_for_rollback(asset: DatabaseAsset, context: Context) -> Iterator[Session]:
    """Yield a session that may write but never commit: SQLite itself is told to refuse it.

    What is written stays in memory, so that a killed process leaves the file as it was.

    Raises:
        NotDeclared, OutOfScope, NoPermission, ProtocolMismatch: as `open_file`.
        NotSupported: its log is not in use, and would be folded into the file by our closing it.

    """
    path = checked_path(asset, context)
    if not _may_lock(path):
        raise NotSupported(f"{path} 以日志方式写入，而应用未在运行", cure="在应用运行时检测")

    def connect(late: Callable[[], int]) -> sqlite3.Connection:
        raw = _connect(path, "mode=rw", late)
        raw.isolation_level = None
        raw.execute("PRAGMA cache_spill=OFF")
        if raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            raw.execute("PRAGMA journal_mode=MEMORY")
        raw.set_authorizer(_never_commit)
        return raw

    yield from _session(connect)


def _never_commit(action: int, first: str | None, *_rest: str | None) -> int:
    refused = action == sqlite3.SQLITE_TRANSACTION and first == "COMMIT"
    return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK


def _connect(path: Path, mode: str, late: Callable[[], int]) -> sqlite3.Connection:
    raw = sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, timeout=3.0, check_same_thread=False)
    raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    raw.set_progress_handler(late, _STEPS_BETWEEN_LOOKS)
    for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0"):
        raw.execute(f"PRAGMA {pragma}")
    raw.text_factory = _lenient_text
    return raw


def _session(connect: Callable[[Callable[[], int]], sqlite3.Connection]) -> Iterator[Session]:
    began = time.monotonic()
    lost: list[ProbeError] = []

    def late() -> int:
        if time.monotonic() - began > SESSION_S and not lost:
            lost.append(too_long(SESSION_S))
        return 1 if lost else 0

    engine = sqlalchemy.create_engine("sqlite://", creator=lambda: connect(late), poolclass=NullPool)
    try:
        connection = engine.connect().execution_options(no_parameters=True)
    except (sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        raise map_error(error) from error
    try:
        yield Session(connection, lambda: lost[0] if lost else None)
    finally:
        connection.close()
        engine.dispose()


def _lenient_text(data: bytes) -> str | bytes:
    """Return text that is no UTF-8 as bytes; old systems write GBK into text columns."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


def checked_path(asset: DatabaseAsset, context: Context) -> Path:
    """Return the real path of the file after looking at whether it may be read at all."""
    where = f"engagement.yaml 测评对象 {asset.id}"
    if not asset.path:
        raise NotDeclared("未填 SQLite 文件路径", where=where, cure="填写 path")
    try:
        path = Path(asset.path).resolve(strict=True)
        state = path.stat()
    except FileNotFoundError as error:
        raise NotDeclared(f"没有文件 {asset.path}", where=where, cure="核对 path") from error
    except (OSError, RuntimeError) as error:
        raise Unreachable(
            f"无法查看文件 {asset.path}（{error}）", where=where, cure="核对路径与权限"
        ) from error
    inside = context.folder is not None and path.is_relative_to(context.folder.resolve())
    if not inside and not context.guard.scope.local:
        raise OutOfScope(
            f"文件 {path} 不在项目目录内，且未授权读取本机",
            where=where,
            cure="放入项目目录，或确认授权后设 scope.local: true",
        )
    if not stat.S_ISREG(state.st_mode):
        raise ProtocolMismatch(f"{path} 不是普通文件", where=where, cure="核对 path")
    if _header(path)[: len(_MAGIC)] != _MAGIC:
        raise ProtocolMismatch(
            f"{path} 不是 SQLite 文件，或已整体加密", where=where, cure="核对 path；整体加密的以人工佐证补充"
        )
    log = path.with_name(path.name + "-wal")
    if not _may_lock(path) and log.exists() and log.stat().st_size:
        raise ProtocolMismatch(
            f"{path} 旁有未并入的日志文件 {log.name}，只读方式看不到其中的数据",
            where=where,
            cure="在应用运行时检测，或先由应用正常关闭数据库",
        )
    return path


def _header(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(100)
    except PermissionError as error:
        raise NoPermission(f"无权读取文件 {path}", cure="授予运行账户读取权限") from error
    except OSError as error:
        raise Unreachable(f"无法读取文件 {path}（{error.strerror}）", cure="核对路径") from error


def _may_lock(path: Path) -> bool:
    """Tell whether reading with locks leaves no file behind: not with a log whose index is not there."""
    return _header(path)[18] != _WAL or path.with_name(path.name + "-shm").exists()


def server(session: Session, asset: DatabaseAsset) -> DatabaseServer:
    """Return the version of the library that read the file; a file has none of its own."""
    del asset
    found = session.one("SELECT sqlite_version() AS version")
    return DatabaseServer(product="sqlite", version=text(found, "version"))


def has_none(what: str) -> Callable[[Session, DatabaseAsset], Facts]:
    """Return a reader that says that SQLite has no such thing; that it lacks it proves nothing good."""

    def read(_session: Session, _asset: DatabaseAsset) -> Facts:
        raise NotSupported(
            f"SQLite 为嵌入式文件数据库，自身没有{what}",
            cure="核查使用该文件的应用系统及其所在服务器，以人工佐证补充",
        )

    return read


def storage(session: Session, asset: DatabaseAsset) -> DatabaseStorage:
    """Return page checksums; a file that could be opened is not encrypted as a whole."""
    path = Path(asset.path)
    reserved = _header(path)[20]
    size = number(session.one("PRAGMA page_size"), "page_size")
    return DatabaseStorage(
        # Eight reserved bytes are where the extension keeps checksums, but other extensions reserve them too.
        page_checksums=None if reserved == _CHECKSUM_BYTES else False,
        settings=(
            Setting(name="page_size", value=str(size)),
            Setting(name="reserved_bytes", value=str(reserved)),
        ),
    )
