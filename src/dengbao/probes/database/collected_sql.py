"""Splits what sqlplus, sqlcmd and disql wrote while a DBA ran our script: sections of counted rows.

Every row is numbered and says how many there are, every section is framed, and the file ends with a mark;
what was cut off, wrapped or mixed up by a tool is told apart from what is really empty. There is no
digest of the script's own: who brought the file, and the digest it had then, is noted when it is taken in.
Not tried with a real Oracle, SQL Server or 达梦: the shapes are those of their documentation.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Final

from ...errors import Damaged, NoPermission, NotSupported, ProbeError

LIMIT_BYTES: Final = 64 * 1024 * 1024
PLATFORMS: Final = ("oracle", "sqlserver", "dm")
_HEAD: Final = re.compile(r"==dengbao-sql (\d+) (\w+) ([\w.-]{1,60})==")
_BEGIN: Final = re.compile(r"==dengbao begin (\w{1,40}) ([\w|]{1,300})==")
_END: Final = re.compile(r"==dengbao end (\w{1,40})==")
_DONE: Final = "==dengbao done=="
# Prompts that stay in the output when a script is pasted, and the line numbers of disql.
_PROMPT: Final = re.compile(r"^(?:(?:SQL|\d{1,3})>[ \t]*)+|^[ \t]*\d+[ \t]+(?=R\||==dengbao)")
_ROW: Final = re.compile(r"R\|(\d{1,9})\|(\d{1,9})\|(.*)", re.DOTALL)
_ERROR: Final = re.compile(
    r"(ORA-\d{5}|SP2-\d{4}|(?:Msg|消息) \d+|\[-\d{3,5}\])[:：,，]?\s*(.*)|(SQL\*Plus.*|Sqlcmd: .*)"
)
_DENIED: Final = frozenset(
    {
        "ORA-00942", "ORA-01031", "ORA-04043", "Msg 229", "Msg 297", "Msg 300", "Msg 371", "Msg 916",
        "消息 229", "消息 297", "消息 300", "消息 371", "消息 916",
        "[-5504]", "[-5506]", "[-5510]", "[-5515]", "[-5525]", "[-5567]", "[-5501]",
    }
)  # fmt: skip
_MAX_SECTIONS: Final = 300
# More is more than can be judged one by one; a section beyond it counts as cut.
_MAX_LINES: Final = 50_000
_AGAIN: Final = "用所给脚本与命令行参数重新运行，原样带回（不要折行、另存、截断）"
_CHINA: Final = timezone(timedelta(hours=8))
Row = Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """One section: its rows by column, or why there are none; `cut`: the server had more than were read."""

    name: str
    rows: tuple[Row, ...] = ()
    problem: ProbeError | None = None
    cut: bool = False


@dataclass(frozen=True)
class SqlFile:
    """What one file holds; `whole` is False where its end is missing."""

    platform: str
    collector: str
    tables: Mapping[str, Table]
    whole: bool
    data: bytes
    sha256: str
    where: str = ""
    _cache: dict[str, object] = field(default_factory=dict, compare=False)

    def rows(self, name: str) -> tuple[Row, ...]:
        """Return the rows of a section.

        Raises:
            NoPermission, NotSupported, Damaged: why it is not there.

        """
        table = self.tables.get(name)
        if table is None:
            raise Damaged(f"采集文件中没有“{name}”一段", where=self.where, cure=_AGAIN)
        if table.problem is not None:
            raise table.problem
        return table.rows

    def some(self, *names: str) -> tuple[Row, ...]:
        """Return the rows of the first of these sections that is there, none if none is."""
        for name in names:
            table = self.tables.get(name)
            if table is not None and table.problem is None:
                return table.rows
        return ()

    def has(self, name: str) -> bool:
        """Tell whether a section came whole."""
        return (table := self.tables.get(name)) is not None and table.problem is None

    def cut(self, *names: str) -> bool:
        """Tell whether any of these sections has more rows on the server."""
        return any(self.tables[one].cut for one in names if one in self.tables)

    def pairs(self, name: str, key: str = "name", value: str = "value") -> Mapping[str, str]:
        """Return a section of settings; names in small letters."""
        return {one[key].lower(): one[value] for one in self.rows(name)}

    @property
    def text(self) -> str:
        """Return the file as text, whatever encoding it came in: redaction looks for words, not bytes."""
        return _decoded(self.data, strict=True)

    @property
    def server(self) -> Row:
        """Return the one row that says which server this is."""
        rows = self.some("server")
        return rows[0] if rows else {}

    @property
    def begun(self) -> datetime:
        """Return the server's time when the script ran; 达梦 tells no zone, which is taken for China's.

        Raises:
            Damaged: the time is not there or is none.

        """
        try:
            moment = datetime.fromisoformat(self.server.get("now", ""))
        except ValueError as exc:
            raise Damaged(
                "采集文件没有采集时间（server 一段缺失或有误）", where=self.where, cure=_AGAIN
            ) from exc
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=_CHINA)


def recognise(head: bytes) -> str:
    """Return `oracle`, `sqlserver` or `dm` where these first bytes are of such a file, else an empty text."""
    found = _HEAD.search(_decoded(head[: 64 * 1024], strict=False))
    return found.group(2) if found is not None and found.group(2) in PLATFORMS else ""


def read_sql(raw: bytes, *, where: str) -> SqlFile:
    """Return the sections of a file.

    Raises:
        Damaged: not such a file, too large, or of several servers.

    """
    if len(raw) > LIMIT_BYTES:
        raise Damaged(f"采集文件超过 {LIMIT_BYTES // 2**20} MiB", where=where, cure=_AGAIN)
    text = _decoded(raw, strict=True)
    heads = {found.groups() for found in map(_HEAD.fullmatch, _heads(text)) if found is not None}
    if not heads:
        raise Damaged("不是采集脚本写出的文件", where=where, cure=_AGAIN)
    if len(heads) > 1 or next(iter(heads))[:2] not in {("1", one) for one in PLATFORMS}:
        raise Damaged("采集文件来自几种脚本，或版本不识", where=where, cure=_AGAIN)
    ((_, platform, collector),) = heads
    tables, done = _tables(text, where)
    return SqlFile(platform, collector, tables, done, raw, hashlib.sha256(raw).hexdigest(), where)


def _decoded(raw: bytes, *, strict: bool) -> str:
    """Return the text; sqlcmd may write UTF-16, a Chinese Windows writes GBK."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace")
    plain = raw.removeprefix(codecs.BOM_UTF8)
    for encoding in ("utf-8", "gb18030") if strict else ():
        try:
            return plain.decode(encoding)
        except UnicodeDecodeError:
            continue
    return plain.decode("utf-8", "replace")


def _heads(text: str) -> Iterator[str]:
    return (one for one in _lines(text) if one.startswith("==dengbao-sql"))


def _lines(text: str) -> Iterator[str]:
    # Not splitlines: a name may hold any of the rarer line separators.
    for line in text.split("\n"):
        plain = line.rstrip("\r \t")
        yield plain if plain.startswith(("R|", "==")) else _PROMPT.sub("", plain, count=1)


def _tables(text: str, where: str) -> tuple[dict[str, Table], bool]:
    """Return the sections; where a file holds several runs, what came whole wins over what did not."""
    found: dict[str, Table] = {}
    name, columns = "", list[str]()
    body: list[str] = []
    done = False
    for line in _lines(text):
        mark = line if line.startswith("==dengbao") else ""
        begin, end = _BEGIN.fullmatch(mark), _END.fullmatch(mark)
        if begin is not None or mark == _DONE or _HEAD.fullmatch(mark):
            if name:
                _keep(found, Table(name, problem=_damaged(name, "没有结束标记", where)))
            name = begin.group(1) if begin is not None else ""
            columns, body = begin.group(2).split("|") if begin is not None else [], []
            done = line == _DONE
        elif end is not None:
            if name:
                odd = None if end.group(1) == name else _damaged(name, "标记错乱", where)
                _keep(found, Table(name, problem=odd) if odd else _table(name, columns, body, where))
            name = ""
        elif name and line and len(body) <= _MAX_LINES:
            body.append(line)
    if name:
        _keep(found, Table(name, problem=_damaged(name, "没有结束标记", where)))
    return found, done


def _keep(found: dict[str, Table], table: Table) -> None:
    old = found.get(table.name)
    if table.name == "server" and old is not None and _places(old) != _places(table):
        raise Damaged("采集文件混有几个数据库实例的结果", cure="每个实例存为一个文件")
    if len(found) < _MAX_SECTIONS and (old is None or _fuller(table, old)):
        found[table.name] = table


def _fuller(table: Table, old: Table) -> bool:
    """Tell whether a section tells more: some accounts see views, or rows, that others do not."""
    if table.problem is not None:
        return False
    return old.problem is not None or len(table.rows) > len(old.rows)


def _places(table: Table) -> set[tuple[str, str]]:
    return {(one["host"], one["instance"]) for one in table.rows}


def _damaged(name: str, what: str, where: str) -> Damaged:
    return Damaged(f"采集文件“{name}”一段{what}", where=where, cure=_AGAIN)


def _table(name: str, columns: list[str], body: list[str], where: str) -> Table:
    error = next((got for one in body if not one.startswith("R|") and (got := _ERROR.search(one))), None)
    if error is not None:
        return Table(name, problem=_refused(name, error, where))
    rows: list[Row] = []
    total = 0
    for line in body[:_MAX_LINES]:
        row = _ROW.fullmatch(line)
        values = row.group(3).split("|") if row is not None else []
        if row is None or int(row.group(1)) != len(rows) + 1 or len(values) != len(columns):
            return Table(name, problem=_damaged(name, f"第 {len(rows) + 1} 行折断、缺失或多出内容", where))
        total = int(row.group(2))
        rows.append(dict(zip(columns, (one.strip() for one in values), strict=True)))
    return Table(name, tuple(rows), cut=max(total, len(body)) > len(rows))


def _refused(name: str, error: re.Match[str], where: str) -> ProbeError:
    code, said = error.group(1) or "", (error.group(2) or error.group(3) or "").strip()[:120]
    if code in _DENIED:
        return NoPermission(
            f"“{name}”一段没有查到（{code} {said}）", where=where, cure="由有管理员权限的账户运行采集脚本"
        )
    return NotSupported(f"“{name}”一段没有查到（{code} {said}）", where=where)
