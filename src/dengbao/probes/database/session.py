"""One read-only conversation with a database: bounded questions, mapped errors, a clean transcript."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, cast

import sqlalchemy
from sqlalchemy import exc as sa_exc

from ...errors import (
    LoginRefused,
    NoPermission,
    NotDeclared,
    NotSupported,
    ProbeError,
    ProtocolMismatch,
    TimedOut,
    Unreachable,
)

T = TypeVar("T")
Row = Mapping[str, object]
MAX_ROWS: Final = 5000
_MAX_CELL_CHARS: Final = 400
_MAX_TRANSCRIPT_BYTES: Final = 4_000_000

_PG_STATES: Final[Mapping[str, type[ProbeError]]] = {
    "42501": NoPermission, "57014": TimedOut, "55P03": TimedOut, "42P01": NotSupported,
    "42703": NotSupported, "42883": NotSupported, "42704": NotSupported, "3D000": NotDeclared,
    "28P01": LoginRefused, "28000": LoginRefused, "53300": Unreachable, "57P03": Unreachable,
    "3F000": NotSupported,
}  # fmt: skip
_MY_NUMBERS: Final[Mapping[int, type[ProbeError]]] = {
    1045: LoginRefused, 1698: LoginRefused, 1129: LoginRefused, 1130: LoginRefused, 1820: LoginRefused,
    1862: LoginRefused, 3118: LoginRefused, 4151: LoginRefused,
    1044: NoPermission, 1142: NoPermission, 1143: NoPermission, 1227: NoPermission, 1370: NoPermission,
    1345: NoPermission, 1049: NotDeclared, 1146: NotSupported, 1054: NotSupported, 1193: NotSupported,
    1109: NotSupported, 1064: NotSupported, 1305: NotSupported, 3024: TimedOut, 1969: TimedOut,
    1205: TimedOut, 1040: Unreachable, 1203: Unreachable,
}  # fmt: skip
_LITE_WORDS: Final[tuple[tuple[str, type[ProbeError]], ...]] = (
    ("interrupted", TimedOut), ("locked", TimedOut), ("no such", NotSupported),
    ("not a database", ProtocolMismatch), ("malformed", ProtocolMismatch), ("unable to open", Unreachable),
)  # fmt: skip
_SAYS: Final[Mapping[type[ProbeError], str]] = {
    NoPermission: "账户权限不足",
    TimedOut: "查询超时",
    NotSupported: "该版本没有所查的表、列或参数",
    LoginRefused: "登录被拒绝",
    NotDeclared: "数据库不存在",
    Unreachable: "服务器不再接受连接",
    ProtocolMismatch: "应答中断或不符合协议",
}


class Transcript:
    """The questions asked and what came back; what must not be written never gets in here."""

    def __init__(self) -> None:
        self._out = io.StringIO()

    def question(self, sql: str) -> None:
        """Note a question."""
        self._write("> " + " ".join(sql.split()) + "\n")

    def answer(self, rows: Iterable[Row]) -> None:
        """Note rows as `name=value` pairs, long values cut."""
        for row in rows:
            cells = (f"{name}={_cell(value)}" for name, value in row.items())
            self._write("  " + " | ".join(cells) + "\n")

    def note(self, text: str) -> None:
        """Note anything else, such as an error."""
        self._write(f"  # {text}\n")

    def data(self) -> bytes:
        """Return the whole transcript."""
        return self._out.getvalue().encode("utf-8", "replace")

    def _write(self, text: str) -> None:
        if self._out.tell() < _MAX_TRANSCRIPT_BYTES:
            self._out.write(text)


class Session:
    """Asks a connected database; every question is a `SELECT`, a `SHOW` or a `PRAGMA`.

    `lost` tells why the connection ended when it was not the server's doing (time or volume).
    """

    def __init__(self, connection: sqlalchemy.Connection, lost: Callable[[], ProbeError | None]) -> None:
        self.connection = connection
        self.transcript = Transcript()
        self.dead: ProbeError | None = None
        self._lost = lost
        self._known: dict[str, object] = {}

    def ask(
        self, question: str | sqlalchemy.Select[Any], *, limit: int = MAX_ROWS, quiet: bool = False
    ) -> list[dict[str, object]]:
        """Return at most `limit` rows; `quiet` keeps the values out of the transcript.

        Raises:
            NoPermission, TimedOut, NotSupported, ProtocolMismatch: mapped from the driver's error.

        """
        written = question if isinstance(question, str) else str(question.compile(self.connection))
        self.transcript.question(written)
        if self.dead is not None:
            raise self.dead
        try:
            with self.connection.begin():
                if isinstance(question, str):
                    result = self.connection.exec_driver_sql(question)
                else:
                    result = self.connection.execute(question)
                rows = [dict(one) for one in result.mappings().fetchmany(limit)]
        except (sa_exc.SQLAlchemyError, OSError, ValueError) as error:
            raise self._failed(error) from error
        if not quiet:
            self.transcript.answer(rows)
        return rows

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` gave when it was first asked for under this name."""
        if name not in self._known:
            self._known[name] = make()
        return cast("T", self._known[name])

    def one(self, sql: str) -> dict[str, object]:
        """Return the first row, empty when there is none."""
        rows = self.ask(sql, limit=1)
        return rows[0] if rows else {}

    def _failed(self, error: Exception) -> ProbeError:
        found = self._lost() or map_error(error)
        self.transcript.note(f"{type(found).__name__}: {found.message}")
        if isinstance(found, (ProtocolMismatch, Unreachable)) or self._lost() is not None:
            self.dead = found
        return found


def map_error(error: Exception) -> ProbeError:
    """Return our error for what a driver or SQLAlchemy raised."""
    cause: object = getattr(error, "orig", None) or error
    kind = _kind_of(cause)
    says = _SAYS.get(kind, "查询失败")
    return kind(f"{says}（{_short(cause)}）")


def _kind_of(cause: object) -> type[ProbeError]:
    arguments = getattr(cause, "args", ())
    if isinstance(cause, TimeoutError):
        return TimedOut
    if arguments and isinstance(arguments[0], int):
        # From 2000 to 2999 the driver speaks, and it has lost the connection; else the server does.
        lost = 2000 <= arguments[0] < 3000 or arguments[0] == 0
        return _MY_NUMBERS.get(arguments[0], ProtocolMismatch if lost else NotSupported)
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        return _PG_STATES.get(state, NotSupported)
    text = str(cause).lower()
    if type(cause).__module__ == "sqlite3":
        return next((kind for word, kind in _LITE_WORDS if word in text), ProtocolMismatch)
    return ProtocolMismatch


def _short(cause: object) -> str:
    arguments = getattr(cause, "args", ())
    text = str(arguments[-1]) if arguments else str(cause)
    return " ".join(text.split())[:200]


def _cell(value: object) -> str:
    text = "NULL" if value is None else str(value)
    text = text.replace("\n", "\\n")
    return text if len(text) <= _MAX_CELL_CHARS else text[:_MAX_CELL_CHARS] + "…"


def text(row: Row, name: str) -> str:
    """Return a column as text, empty for NULL or an absent column."""
    value = row.get(name)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)


def number(row: Row, name: str) -> int | None:
    """Return a column as a whole number, None where it is NULL or none."""
    value = row.get(name)
    if isinstance(value, bool) or value is None:
        return None
    try:
        return int(str(value))
    except ValueError:
        return None


def flag(row: Row, name: str) -> bool | None:
    """Return a column as a truth value; `Y`, `YES`, `ON`, `t`, `1` and their opposites."""
    value = row.get(name)
    if value is None or isinstance(value, bool):
        return value
    word = text(row, name).strip().lower()
    if word in ("y", "yes", "on", "t", "true", "1"):
        return True
    return False if word in ("n", "no", "off", "f", "false", "0", "") else None


def words(value: str) -> tuple[str, ...]:
    """Return the parts of a comma list."""
    return tuple(part for one in value.split(",") if (part := one.strip().strip("\"'")))


def parts(row: Row, name: str) -> tuple[str, ...]:
    """Return the elements of an array column."""
    value = row.get(name)
    return tuple(str(one) for one in value) if isinstance(value, list | tuple) else ()
