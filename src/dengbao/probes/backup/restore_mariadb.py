"""Restores a dump of MariaDB or MySQL into a throw-away MariaDB, as a user without files or server rights."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pymysql
import pymysql.cursors

from ...errors import ProbeIncapable
from .sqltext import MARIADB, ClientCommand, Script, verb
from .streams import Budget, Stream, Undecided
from .throwaway import Throwaway
from .trial import Trial

if TYPE_CHECKING:
    Connection = pymysql.Connection[pymysql.cursors.SSCursor]

_USER: Final = "dengbao_restore"
_FIRST: Final = "restored"
_OWN: Final = frozenset({"mysql", "sys", "information_schema", "performance_schema"})
_NAME: Final = rb"(?:`((?:[^`]|``)+)`|([0-9A-Za-z_$\x80-\xff-]+))"
_USE: Final = re.compile(rb"USE\s+" + _NAME + rb"\s*\Z", re.IGNORECASE)
_BASE: Final = re.compile(
    rb"(CREATE|DROP|ALTER)\s+(?:DATABASE|SCHEMA)\s+(?:/\*M?!\d*\s*)?(?:IF\s+(?:NOT\s+)?EXISTS\s*)?(?:\*/\s*)?"
    + _NAME,
    re.IGNORECASE,
)
_DEFINER: Final = re.compile(
    rb"DEFINER\s*=\s*(?:`[^`]*`|'[^']*'|[\w.%-]+)(?:@(?:`[^`]*`|'[^']*'|[\w.%-]+))?", re.IGNORECASE
)
# What belongs to the server, its accounts or its replication, and not to the data.
_LEFT_OUT: Final = re.compile(
    rb"(?:/\*M?!\d*\s*)?(?:GRANT|REVOKE|FLUSH|CHANGE\s+(?:MASTER|REPLICATION)|(?:START|STOP|RESET)\s+(?:SLAVE|REPLICA)"
    rb"|(?:CREATE|ALTER|DROP)\s+(?:USER|ROLE|SERVER|TABLESPACE|LOGFILE)|SET\s+(?:DEFAULT\s+ROLE|PASSWORD)"
    rb"|SET\s+(?:@@)?(?:GLOBAL|SESSION|@@SESSION)?[\s.]*(?:SQL_LOG_BIN|GTID_\w+)|SET\s+@@GLOBAL)",
    re.IGNORECASE,
)
_MADE: Final = re.compile(rb"\s*(?:/\*M?!\d*\s*)?CREATE\b", re.IGNORECASE)
_TABLES: Final = (
    "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
    " AND table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')"
    " ORDER BY 1, 2 LIMIT 20000"
)
_RIGHTS: Final = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES, LOCK TABLES, CREATE VIEW,"
    " SHOW VIEW, TRIGGER, EVENT, EXECUTE, CREATE ROUTINE, ALTER ROUTINE, CREATE TEMPORARY TABLES"
)
_LOST: Final = range(2000, 3000)


class MariaTrial(Trial):
    """A MariaDB of our own that takes statements as a user with rights on the restored databases only."""

    product = "mariadb"

    def __init__(self, place: Throwaway, program: str) -> None:
        super().__init__(place)
        self._program = Path(program)
        self._socket = place.make("s") / "my.sock"
        self._admin: Connection | None = None
        self._session: Connection | None = None
        self._inside = True

    def begin(self) -> None:
        """Start the server.

        Raises:
            ProbeIncapable: it does not start.

        """
        empty = self.place.make("empty")  # neither plug-ins are loaded from here nor files read
        self._install()
        folder = self.place.folder
        server = self.place.start(
            [self._program, "--no-defaults", f"--datadir={folder / 'data'}", f"--socket={self._socket}",
             "--skip-networking", f"--secure-file-priv={empty}", f"--plugin-dir={empty}",
             "--skip-local-infile", "--skip-symbolic-links", "--skip-log-bin", "--event-scheduler=OFF",
             "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-buffer-pool-size=64M",
             "--max-allowed-packet=256M", "--max-connections=5", "--skip-name-resolve",
             f"--log-error={folder / 'server.log'}", f"--pid-file={folder / 'my.pid'}", f"--tmpdir={folder}"]
        )  # fmt: skip
        self.place.ready(server, self._answers)
        self._admin = self._dial("root")
        self.version = str(self._query(self._admin, "SELECT VERSION()")[0][0])
        self._tell(f"CREATE USER {_USER}@localhost IDENTIFIED BY ''")
        self._enter(_FIRST)

    def end(self) -> None:
        """Close the sessions; the server is killed with its folder."""
        for one in (self._session, self._admin):
            if one is not None:
                with suppress(pymysql.Error, OSError):
                    one.close()

    def feed(self, stream: Stream, budget: Budget) -> None:
        """Carry out a text dump, statement by statement, whatever fails."""
        for one in Script(stream, MARIADB):
            budget.check()
            self.place.check()
            if isinstance(one, ClientCommand):
                self.refused[one.name] += 1
            elif found := _USE.match(one):
                self._go(found[1] or found[2])
            elif found := _BASE.match(one):
                self._make(found[1].upper(), found[2] or found[3])
            elif not self._inside or _LEFT_OUT.match(one):
                self.left_out += 1
            else:
                self._execute(_DEFINER.sub(b"", one, count=2) if _MADE.match(one) else one)

    def count(self) -> Iterator[tuple[str, int]]:
        """Yield every table and its rows."""
        tables = [(str(one[0]), str(one[1])) for one in self._ask(_TABLES)]
        for base, name in tables:
            self.place.check()
            rows = self._ask(f"SELECT count(*) FROM {_quoted(base)}.{_quoted(name)}")  # noqa: S608 - quoted names
            yield (name if base == _FIRST else f"{base}.{name}"), int(str(rows[0][0]))

    def _install(self) -> None:
        folder = self.place.folder
        script = shutil.which("mariadb-install-db") or shutil.which("mysql_install_db")
        if script is None:
            raise ProbeIncapable("本机缺少 mariadb-install-db", cure="apt install mariadb-server")
        code = self.place.run(
            [script, "--no-defaults", f"--datadir={folder / 'data'}", "--skip-name-resolve", "--skip-test-db",
             "--auth-root-authentication-method=normal"]
        )  # fmt: skip
        self.place.check()
        if code:
            raise ProbeIncapable(
                "mariadb-install-db 未能建立恢复用的数据库", cure="检查 MariaDB 的安装与临时目录空间"
            )

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(self._socket))
        except OSError:
            return False
        return True

    def _dial(self, user: str) -> Connection:
        return pymysql.connect(
            unix_socket=str(self._socket), user=user, password="", autocommit=True, local_infile=False,
            charset="utf8mb4", cursorclass=pymysql.cursors.SSCursor, connect_timeout=10,
        )  # fmt: skip

    def _tell(self, statement: str) -> None:
        if self._admin is None:
            raise Undecided("恢复用的 MariaDB 未启动")
        try:
            with self._admin.cursor() as cursor:
                cursor.execute(statement)
        except pymysql.Error as exc:
            raise self.place.why or Undecided("恢复用的 MariaDB 未能应答") from exc

    def _ask(self, statement: str) -> list[tuple[object, ...]]:
        return self._query(self._open(), statement)

    def _query(self, session: Connection, statement: str) -> list[tuple[object, ...]]:
        try:
            with session.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall())
        except pymysql.Error as exc:
            raise self.place.why or Undecided("恢复后的表未能清点") from exc

    def _open(self) -> Connection:
        if self._session is None or not self._session.open:
            raise self.place.why or Undecided("恢复用的 MariaDB 中途退出")
        return self._session

    def _go(self, name: bytes) -> None:
        """Follow USE; the server's own databases are left out, with all that is said to them."""
        base = _plain(name)
        self._inside = base.lower() not in _OWN
        if self._inside:
            self._enter(base)

    def _enter(self, base: str) -> None:
        """Make a database that the restoring user may fill, and go into it."""
        self._allow(base)
        if self._session is None:
            self._session = self._dial(_USER)
        self._execute(f"USE {_quoted(base)}".encode())

    def _allow(self, base: str) -> None:
        self._tell(f"CREATE DATABASE IF NOT EXISTS {_quoted(base)} CHARACTER SET utf8mb4")
        pattern = _quoted(base.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%"))
        self._tell(f"GRANT {_RIGHTS} ON {pattern}.* TO {_USER}@localhost")

    def _make(self, what: bytes, name: bytes) -> None:
        base = _plain(name)
        if what == b"CREATE" and base.lower() not in _OWN:
            self._allow(base)

    def _execute(self, statement: bytes) -> None:
        session = self._open()
        try:
            with session.cursor() as cursor:
                cursor.execute(statement)  # type: ignore[call-overload] # bytes go out as they are
                for _row in cursor.fetchall_unbuffered():
                    self.place.check()
        except pymysql.Error as exc:
            if self.place.why is not None:
                raise self.place.why from exc
            code = exc.args[0] if exc.args and isinstance(exc.args[0], int) else 0
            if code in _LOST or not session.open:
                raise Undecided("恢复用的 MariaDB 中途断开") from exc
            self.errors[verb(statement), str(code)] += 1


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _plain(name: bytes) -> str:
    return name.replace(b"``", b"`").decode("utf-8", "replace")[:64]
