"""Writes what sqlplus, sqlcmd and disql would leave behind, from the columns that the scripts name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "templates" / "collect"
NAMES = {"oracle": "collect-oracle.sql", "sqlserver": "collect-sqlserver.sql", "dm": "collect-dm.sql"}
Rows = Sequence[str]
# A section that the tool answered with an error, as each client words it.
ERRORS = {
    "oracle": "SELECT 'R|' FROM x\n  *\nERROR at line 1:\nORA-00942: table or view does not exist\n\n",
    "oracle_zh": "第 1 行出现错误:\nORA-00942: 表或视图不存在\n\n",
    "oracle_old": 'ERROR at line 1:\nORA-00904: "ORACLE_MAINTAINED": invalid identifier\n\n',
    "sqlserver": "Msg 300, Level 14, State 1, Server HIS, Line 1\nVIEW SERVER STATE permission was denied.\n",
    "sqlserver_zh": "消息 229，级别 14，状态 5，服务器 HIS，第 1 行\n拒绝了对对象的 SELECT 权限。\n",
    "sqlserver_old": "Msg 207, Level 16, State 1, Line 1\nInvalid column name 'encryption_type'.\n",
    "dm": "[-5504]:没有[SYSAUDIT]对象的查询权限.\n",
    "dm_old": "第1 行附近出现错误[-2106]:无效的表或视图名[DBA_PROFILES].\n",
}


def columns(platform: str) -> dict[str, int]:
    """Return section → number of columns, as the script announces them."""
    text = (SCRIPTS / NAMES[platform]).read_text(encoding="utf-8")
    found = re.findall(r"==dengbao begin (\w+) ([\w|]+)==", text)
    return {name: len(names.split("|")) for name, names in found}


def dump(
    platform: str, sections: Mapping[str, Rows], *, errors: Mapping[str, str] = {}, done: bool = True
) -> str:
    """Return a whole output: rows as `a|b|c`; a section that is not given is empty."""
    text = (SCRIPTS / NAMES[platform]).read_text(encoding="utf-8")
    heads = re.findall(r"(==dengbao-sql [^=]+==)", text)
    lines = [heads[0], ""]
    unknown = (set(sections) | set(errors)) - set(columns(platform))
    assert not unknown, f"no such sections in {NAMES[platform]}: {unknown}"
    for name, names in re.findall(r"==dengbao begin (\w+) ([\w|]+)==", text):
        rows = sections.get(name, ())
        lines.append(f"==dengbao begin {name} {names}==")
        if name in errors:
            lines.append(errors[name].rstrip("\n"))
        for number, row in enumerate(rows, 1):
            assert row.count("|") + 1 == columns(platform)[name], f"{name}: {row}"
            lines.append(f"R|{number}|{len(rows)}|{row}")
        lines.append(f"==dengbao end {name}==")
    if done:
        lines.append("==dengbao done==")
    return "\n".join(lines) + "\n"
