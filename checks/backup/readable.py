"""8.a.4: can the backups be restored? Here: can the newest be read to their end?"""

from __future__ import annotations

from msgspec.structs import replace

from dengbao.checking import check
from dengbao.errors import Reason, Undetermined
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.backup.facts import BackupFiles, BackupIntegrity, BackupReading, BackupRestore

from ..backup_copies import all_seen, copies, presence

_FACT = "backup.integrity"
_NEWEST = 3
_UNSEEN = Criterion(
    name="listing",
    question="备份目录是否全部列出",
    met=None,
    measured="备份目录未能全部列出，可能有更新的备份未试读",
    fact="backup.files",
)


@check("backup.readable", half="近期的恢复测试记录")
def newest_backups_are_readable(
    files: BackupFiles, integrity: BackupIntegrity, restore: BackupRestore | None
) -> Judgement:
    """Judge that the newest backup files are whole: read to the end, checksums and end marks agree.

    A format that only its own program reads counts as read where that program restored the whole file.

    Source: GB/T 22239-2019 8.1.4.9 a).
    """
    if not integrity.readings:
        there = presence(files, copies(files, integrity), integrity)
        return _judgement((there,), f"经核查，{there.measured}，没有可试读的备份。")
    # Older ones are read for the number of copies kept; here they count where they are shown to be broken.
    chosen = [
        _after_restore(one, restore)
        for number, one in enumerate(integrity.readings)
        if number < _NEWEST or one.intact is False
    ]
    criteria = [_readable(one, newest=number == 0) for number, one in enumerate(chosen)]
    if not all_seen(files):
        criteria.append(_UNSEEN)
    told = "；".join(one.measured for one in criteria)
    judgement = _judgement(
        tuple(criteria),
        f"经测试验证，试读最近 {len(integrity.readings)} 个备份文件：{told}{_rest(integrity, chosen)}。",
    )
    if judgement.verdict is None and any(one.cause == "no_permission" for one in chosen):
        raise Undetermined(judgement.statement, reason=Reason.NO_PERMISSION)
    return judgement


def _after_restore(one: BackupReading, restore: BackupRestore | None) -> BackupReading:
    if restore is None or restore.outcome != "restored" or restore.file != one.name:
        return one
    if one.intact is None and one.cause == "format":
        return replace(one, intact=True, note=f"{one.note}；经 {restore.engine} 试恢复，全部读出")
    return one


def _rest(integrity: BackupIntegrity, chosen: list[BackupReading]) -> str:
    told = {one.name for one in chosen}
    good = sum(1 for one in integrity.readings if one.intact and one.name not in told)
    return f"；此前另有 {good} 个完好" if good else ""


def _judgement(criteria: tuple[Criterion, ...], statement: str) -> Judgement:
    return Judgement(
        criteria=criteria,
        statement=statement,
        coverage=Coverage.PARTIAL,
        remainder="试读不等于恢复：须提供近期恢复测试记录（日期、人员、备份文件、步骤、结果、数据核对）",
    )


def _readable(one: BackupReading, *, newest: bool) -> Criterion:
    state = {True: "完好", False: "已损坏", None: "无法确认"}[one.intact]
    return Criterion(
        name=f"readable:{one.name}",
        question="最新的备份文件能否读至结尾且校验一致" if newest else "此前的备份文件能否读至结尾且校验一致",
        met=one.intact,
        measured=f"{one.name} {state}（{one.note}）",
        fact=_FACT,
        decisive=newest,
    )
