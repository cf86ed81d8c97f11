"""3.c.1: are audit records protected?"""

from __future__ import annotations

import re
from typing import Final

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.host.facts import FileMode, HostLogs

from ..hosts import ask, modes, told, wider_than

_FACT: Final = "host.logs"
_RECORDS: Final = re.compile(
    r"^/var/log/(?:audit/|messages|secure|auth\.log|syslog|cron(?:\.log)?\b|maillog)"
)
_OWNERS: Final = frozenset({"root", "syslog"})
_FOLDERS: Final = ("/var/log", "/var/log/audit")


@check("audit.log_protection")
def host_logs_are_protected(logs: HostLogs) -> Judgement:
    """Judge that ordinary users can neither read nor change records, nor delete them from their folder.

    Source: GB/T 22239-2019 8.1.4.3 c).
    """
    records = [one for one in logs.files if _RECORDS.match(one.path)]
    if not records:
        raise Undetermined("经核查，/var/log 下没有审计日志或系统日志文件，日志存放位置须人工核查")
    readable = [one for one in records if wider_than(one, 0o640)]
    criteria = (_changeable(records), _folders(logs), _readable(records, readable))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，审计与系统日志文件 {len(records)} 个，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder="日志服务器、审计平台上的记录是否同样受保护，须人工核查",
    )


def _changeable(records: list[FileMode]) -> Criterion:
    bad = [one for one in records if int(one.mode, 8) & 0o022 or one.owner not in _OWNERS]
    seen = f"普通用户可改写：{modes(bad)}" if bad else "普通用户不可改写"
    return ask("changeable", "普通用户是否不能修改审计记录", not bad, seen, _FACT, decisive=True)


def _folders(logs: HostLogs) -> Criterion:
    bad = [one for one in logs.folders if one.path in _FOLDERS and _open_folder(one)]
    seen = f"日志目录权限过宽：{modes(bad)}" if bad else "普通用户不可删除"
    return ask("folders", "普通用户是否不能删除审计记录", not bad, seen, _FACT, decisive=True)


def _open_folder(one: FileMode) -> bool:
    """Tell whether others may delete there; Debian lets group syslog create in /var/log."""
    mode = int(one.mode, 8)
    group = mode & 0o020 and one.group not in ("root", "syslog", "adm", "utmp")
    return bool(mode & 0o002 or group) or one.owner != "root"


def _readable(records: list[FileMode], bad: list[FileMode]) -> Criterion:
    seen = f"普通用户可读取：{modes(bad)}" if bad else f"普通用户不可读取（如 {modes(records[:2])}）"
    return ask("readable", "普通用户是否不能读取审计记录", not bad, seen, _FACT)
