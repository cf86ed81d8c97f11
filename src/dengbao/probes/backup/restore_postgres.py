"""Restores a dump of PostgreSQL into a throw-away server, as a role that may do nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from subprocess import PIPE
from typing import Final

import psycopg
from psycopg import sql

from ...errors import ProbeIncapable
from .formats import source_of
from .sqltext import POSTGRES, ClientCommand, Script, is_copy, verb
from .streams import Budget, Damaged, Stream, Undecided
from .throwaway import Throwaway
from .trial import Trial

_SUPER: Final = "dengbao_admin"
_ROLE: Final = "dengbao_restore"
_FIRST: Final = "restored"
_TABLES_MAX: Final = 20_000
# What belongs to the server or to rights and not to the data; it would fail for want of the roles.
_LEFT_OUT: Final = re.compile(
    rb"(?:GRANT|REVOKE|SECURITY\s+LABEL|(?:CREATE|ALTER|DROP)\s+(?:ROLE|USER|GROUP|DATABASE|TABLESPACE)"
    rb"|ALTER\s+DEFAULT\s+PRIVILEGES|COMMENT\s+ON\s+(?:EXTENSION|DATABASE|ROLE|SCHEMA)"
    rb"|CREATE\s+SCHEMA\s+public|(?:CREATE|DROP)\s+EXTENSION\s.*\bplpgsql|SET\s+(?:default_tablespace|role"
    rb"|SESSION\s+AUTHORIZATION|transaction_timeout)|ALTER\s[^;]*\sOWNER\s+TO\s+\S+\s*\Z)",
    re.IGNORECASE | re.DOTALL,
)
# Statements that answer without rows; all others are read row by row.
_SILENT: Final = frozenset({"CREATE", "ALTER", "DROP", "SET", "COMMENT", "INSERT", "UPDATE", "DELETE", "DO"})
_RETURNING: Final = re.compile(rb"\bRETURNING\b", re.IGNORECASE)
_OWN_BASES: Final = frozenset({"postgres", "template0", "template1"})
_WORD: Final = re.compile(r"[a-z]{1,12}|!")
_QUIET: Final = frozenset({"restrict", "unrestrict", "."})
_CONNECT: Final = re.compile(
    r"(?:-reuse-previous=\w+\s+)?(?:\"dbname='([^']+)'\"|\"((?:[^\"]|\"\")+)\"|(\S+))"
)
_BASES: Final = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1"
_RELATIONS: Final = (
    "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    " AND n.nspname NOT LIKE 'pg\\_t%' ORDER BY 1, 2 LIMIT 20000"
)
_SETTINGS: Final = {
    "listen_addresses": "", "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
    "wal_level": "minimal", "max_wal_senders": "0", "autovacuum": "off", "max_wal_size": "512MB",
    "shared_buffers": "64MB", "max_connections": "10", "logging_collector": "off",
    "log_min_messages": "fatal",
    "log_statement": "none", "jit": "off", "max_parallel_workers": "0", "shared_preload_libraries": "",
    "max_worker_processes": "2", "dynamic_library_path": "$libdir",
}  # fmt: skip


class PostgresTrial(Trial):
    """A PostgreSQL of our own that takes statements as an ordinary role."""

    product = "postgresql"

    def __init__(self, place: Throwaway, program: str) -> None:
        super().__init__(place)
        self._bin = Path(program).parent
        self._socket = place.make("s")
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def begin(self) -> None:
        """Start the server.

        Raises:
            ProbeIncapable: it does not start.

        """
        data = self.place.folder / "data"
        code = self.place.run(
            [self._bin / "initdb", "-D", data, "-U", _SUPER, "-E", "UTF8", "--locale=C", "--no-sync",
             "--auth-local=trust", "--auth-host=reject"]
        )  # fmt: skip
        self.place.check()
        if code:
            raise ProbeIncapable(
                "initdb 未能建立恢复用的 PostgreSQL", cure="检查 PostgreSQL 的安装与临时目录空间"
            )
        settings = {**_SETTINGS, "unix_socket_directories": str(self._socket)}
        with (data / "postgresql.conf").open("a", encoding="utf-8") as out:
            out.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        server = self.place.start([self._bin / "postgres", "-D", data])
        self.place.ready(server, self._answers)
        with self._connect("postgres", _SUPER) as admin:
            self.version = str(admin.info.parameter_status("server_version")).partition(" ")[0]
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(_ROLE)))
        self._enter(_FIRST)

    def end(self) -> None:
        """Close the session; the server is killed with its folder."""
        if self._connection is not None:
            self._connection.close()

    def feed(self, stream: Stream, budget: Budget) -> None:
        """Carry out a text dump, statement by statement, whatever fails."""
        script = Script(stream, POSTGRES)
        for one in script:
            budget.check()
            self.place.check()
            if isinstance(one, ClientCommand):
                self._client(one)
            elif is_copy(one):
                self._copy(one, script.copy_rows())
            elif _LEFT_OUT.match(one):
                self.left_out += 1
            else:
                self._execute(one)

    def feed_archive(self, archive: Path, budget: Budget) -> None:
        """Carry out an archive of pg_dump, which pg_restore turns into text.

        Raises:
            Damaged: pg_restore cannot read it.
            Undecided: this pg_restore is too old for it.

        """
        command: list[str | Path] = [
            self._bin / "pg_restore",
            "--no-owner",
            "--no-privileges",
            "-f",
            "-",
            archive,
        ]
        process = self.place.start(command, stdout=PIPE)
        if process.stdout is None:
            raise ProbeIncapable("无法与 pg_restore 建立管道")
        with process.stdout:
            stream = Stream(process.stdout.read, budget.spend_unpacked)
            self.source = source_of(stream.head())
            self.feed(stream, budget)
        code = process.wait()
        self.place.check()
        if code:
            said = (self.place.folder / "server.log").read_text(errors="replace")
            if "unsupported version" in said:
                raise Undecided("备份由更新版本的 pg_dump 写成，本机 pg_restore 不能读", cause="format")
            if "not support compression" in said:
                raise Undecided("本机 pg_restore 不支持该备份的压缩方式", cause="format")
            raise Damaged("pg_restore 未能读完备份文件，文件损坏或被截断")

    def count(self) -> Iterator[tuple[str, int]]:
        """Yield every table and its rows."""
        with self._connect("postgres", _ROLE) as session:
            bases = [str(one[0]) for one in session.execute(_BASES.encode()).fetchall()]
        for base in bases:
            with self._connect(base, _ROLE) as session:
                for schema, name in session.execute(_RELATIONS.encode()).fetchmany(_TABLES_MAX):
                    self.place.check()
                    table = sql.Identifier(str(schema), str(name))
                    counted = session.execute(
                        sql.SQL("SELECT pg_catalog.count(*) FROM ONLY {}").format(table)
                    )
                    found = counted.fetchone()
                    prefix = "" if base == _FIRST else f"{base}."
                    yield f"{prefix}{schema}.{name}", int(str(found[0])) if found else 0

    def _answers(self) -> bool:
        try:
            self._dial("postgres", _SUPER).close()
        except psycopg.OperationalError:
            return False
        return True

    def _dial(self, base: str, user: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self._socket), dbname=base, user=user, autocommit=True, connect_timeout=10,
            gssencmode="disable", sslmode="disable", client_encoding="utf8", prepare_threshold=None,
        )  # fmt: skip

    @contextmanager
    def _connect(self, base: str, user: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        try:
            with closing(self._dial(base, user)) as session:
                yield session
        except psycopg.Error as exc:
            raise self.place.why or Undecided(
                f"恢复用的 PostgreSQL 未能应答（{exc.sqlstate or '连接中断'}）"
            ) from exc

    def _enter(self, base: str) -> None:
        """Make a database that belongs to the restoring role, and go into it."""
        with self._connect("postgres", _SUPER) as admin, suppress(psycopg.errors.DuplicateDatabase):
            admin.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(
                    sql.Identifier(base), sql.Identifier(_ROLE)
                )
            )
        self.end()
        try:
            self._connection = self._dial(base, _ROLE)
        except psycopg.Error as exc:
            raise self.place.why or Undecided("恢复用的 PostgreSQL 未能应答") from exc

    def _client(self, one: ClientCommand) -> None:
        """Follow `connect` by ourselves; note whatever else a client was meant to do."""
        if one.name in _QUIET:
            return
        found = _CONNECT.match(one.argument) if one.name in ("connect", "c") else None
        if found is None:
            self.refused["\\" + one.name if _WORD.fullmatch(one.name) else "\\?"] += 1
            return
        base = next(part for part in found.groups() if part)[:63]
        self._enter(_FIRST if base in _OWN_BASES else base)

    def _execute(self, statement: bytes) -> None:
        connection = self._open()
        try:
            if verb(statement).partition(" ")[0] in _SILENT and not _RETURNING.search(statement):
                connection.execute(statement)
            else:
                with connection.cursor() as cursor:
                    for _row in cursor.stream(statement):
                        self.place.check()  # rows are dropped one by one, so that no answer fills our memory
        except psycopg.ProgrammingError as exc:
            if exc.sqlstate is not None or "produce a result" not in str(exc):
                self._failed(exc, statement)
        except psycopg.Error as exc:
            self._failed(exc, statement)

    def _copy(self, statement: bytes, rows: Iterator[bytes]) -> None:
        connection = self._open()
        try:
            with connection.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write(row)
        except psycopg.Error as exc:
            self._failed(exc, statement)
        for _ in rows:
            pass  # what a failed COPY left unread is not SQL

    def _open(self) -> psycopg.Connection[tuple[object, ...]]:
        if self._connection is None or self._connection.closed:
            raise self.place.why or Undecided("恢复用的 PostgreSQL 中途退出", cause="limit")
        return self._connection

    def _failed(self, exc: psycopg.Error, statement: bytes) -> None:
        if self.place.why is not None:
            raise self.place.why
        self.errors[verb(statement), exc.sqlstate or "?"] += 1
