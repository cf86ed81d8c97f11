"""8.a.4: can the data be restored? Tried in a throw-away database of the tester's machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dengbao.checking import check
from dengbao.model import BackupAsset, Coverage, Criterion, Judgement
from dengbao.probes.backup.facts import BackupLive, BackupRestore, RestoredTable, RestoreError

from ..backup_rows import Compared, RowsParams, against_live
from ..wording import listing

_FACT: Final = "backup.restore"
# What failed here leaves data out; what failed elsewhere may only concern comfort and rights.
_DATA: Final = frozenset(
    {
        "COPY", "INSERT", "REPLACE", "CREATE TABLE", "CREATE SCHEMA", "CREATE TYPE", "CREATE DOMAIN",
        "CREATE SEQUENCE", "ALTER TABLE", "CREATE INDEX",
    }
)  # fmt: skip
_HARMLESS: Final = frozenset({"SET", "COMMENT", "LOCK", "UNLOCK", "BEGIN", "START", "COMMIT"})
_STATES: Final = {"restored": True, "damaged": False, "none": None, "stopped": None, "unsupported": None}
_TOLD: Final = 3
_LISTED_MAX: Final = 20_000  # of more tables not all are listed
# What the facts cannot show and people must add.
LEFT: Final = "机构自身近期恢复测试记录（日期、人员、步骤、结果、数据核对）须由人核查"


@check("backup.restorable", half=LEFT)
def newest_backup_was_restored(
    restore: BackupRestore, live: BackupLive | None, asset: BackupAsset, params: RowsParams
) -> Judgement:
    """Judge that the newest copy came back whole: all data statements taken, tables filled as declared.

    Where the live database was looked at, its tables and rows are compared as well.

    Source: GB/T 22239-2019 8.1.4.9 a).
    """
    criteria = [_fed(restore)]
    compared = Compared()
    if restore.outcome == "restored":
        compared = against_live(restore, live, asset, params, blamed=_is_blamed(restore))
        criteria += [_filled(restore), _errors(restore), *_expected(restore, asset), *compared.criteria]
    if restore.refused:
        criteria.append(_foreign(restore))
    return Judgement(
        criteria=tuple(criteria),
        statement=f"经测试验证，{_how(restore)}：{'；'.join(one.measured for one in criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder="；".join(
            (
                f"本次试恢复由测评方完成；{LEFT}",
                *compared.remainder,
                *_not_compared(compared, asset),
            )
        ),
    )


def _not_compared(compared: Compared, asset: BackupAsset) -> Iterator[str]:
    if not asset.expect and not any(one.name == "live_rows" for one in compared.criteria):
        yield "未登记 expect，也未能清点在用库，恢复后的行数未与应有数量比对"


def _is_blamed(restore: BackupRestore) -> bool:
    """Tell whether a table that is not there is lacking in the backup, and not for the sake of our engine."""
    return (_is_alike(restore) or not _lost(restore)) and len(restore.tables) < _LISTED_MAX


def _how(restore: BackupRestore) -> str:
    if not restore.file:
        return "试恢复最新备份"
    engine = f"在本机临时 {restore.engine} 中" if restore.engine else ""
    return f"{engine}试恢复最新备份 {restore.file}，历时 {restore.duration_s:g} 秒"


def _fed(restore: BackupRestore) -> Criterion:
    met = _STATES.get(restore.outcome)
    return Criterion(
        name="restored",
        question="最新备份能否恢复",
        met=met,
        measured={True: "已全部载入", False: f"恢复失败（{restore.note}）"}.get(bool(met), "")
        if met is not None
        else f"未能完成恢复（{restore.note}）",
        fact=_FACT,
        decisive=True,
    )


def _filled(restore: BackupRestore) -> Criterion:
    rows = sum(one.rows for one in restore.tables)
    largest = sorted(restore.tables, key=lambda one: -one.rows)[:_TOLD]
    told = f"（{'、'.join(f'{one.name} {one.rows} 行' for one in largest)}）" if rows else ""
    return Criterion(
        name="filled",
        question="恢复后是否有表且有数据",
        met=True if rows else (None if restore.tables or not restore.comparable else False),
        measured=f"恢复后共 {len(restore.tables)} 张表、{rows} 行{told}",
        fact=_FACT,
        decisive=True,
    )


def _lost(restore: BackupRestore) -> list[RestoreError]:
    return [one for one in restore.errors if one.statement in _DATA]


def _is_alike(restore: BackupRestore) -> bool:
    """Tell whether what failed can be laid at the door of the backup and not of our engine."""
    return restore.comparable is True and not any(
        one.statement == "CREATE EXTENSION" for one in restore.errors
    )


def _errors(restore: BackupRestore) -> Criterion:
    lost = _lost(restore)
    other = [one for one in restore.errors if one.statement not in _DATA | _HARMLESS]
    met: bool | None = True
    measured = "数据语句均执行成功"
    told = listing((f"{one.statement} {one.code} {one.count} 次" for one in lost or other), _TOLD)
    if lost:
        alike = _is_alike(restore)
        met = False if alike else None
        why = "" if alike else f"；备份取自 {restore.source or '未知版本'}，与本机引擎不同，不能归咎于备份"
        measured = f"有数据语句执行失败（{told}）{why}"
    elif other:
        met, measured = None, f"数据语句均执行成功，另有语句失败（{told}），须由人确认是否影响使用"
    return Criterion(
        name="errors", question="备份中的数据语句是否均执行成功", met=met, measured=measured, fact=_FACT,
        decisive=True,
    )  # fmt: skip


def _expected(restore: BackupRestore, asset: BackupAsset) -> Iterator[Criterion]:
    blamed = _is_blamed(restore)
    for name, least in asset.expect.items():
        found = [one for one in restore.tables if _is(one, name)]
        rows = sum(one.rows for one in found)
        yield Criterion(
            name=f"expected:{name}",
            question=f"表 {name} 恢复后是否不少于 {least} 行",
            met=True if found and rows >= least else (False if blamed else None),
            measured=f"{name} {rows} 行（应不少于 {least} 行）" if found else f"没有表 {name}",
            fact=_FACT,
            decisive=True,
        )


def _is(table: RestoredTable, name: str) -> bool:
    full, wanted = table.name.casefold(), name.casefold()
    return full == wanted or full.endswith(f".{wanted}")


def _foreign(restore: BackupRestore) -> Criterion:
    return Criterion(
        name="only_data",
        question="备份文本中是否只有数据语句",
        met=None,
        measured=f"备份文本中含有客户端命令 {listing(restore.refused, _TOLD)}，未执行，须查明来源",
        fact=_FACT,
    )
