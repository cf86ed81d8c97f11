"""9.b.1: is memory with sensitive data cleared before somebody else gets it?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.database.system_facts import DatabaseResidue
from dengbao.probes.host.facts import HostMemory
from dengbao.probes.windows.facts import WindowsSettings

from .. import databases, db_system, win_system, windows
from ..hosts import ask, told
from ..wording import listing

# What the facts cannot show and people must add.
HOST_LEFT = "应用与数据库对敏感数据存储空间的清除措施，须核查设计文档或厂商说明"
WINDOWS_LEFT = "应用与数据库对敏感数据存储空间的清除措施，须核查设计文档或厂商说明"
DATABASE_LEFT = "临时文件、导出文件、备份介质释放前的清除，须核查设计文档或厂商说明"

_FACT = "host.memory"


@check("residual.memory", half=HOST_LEFT)
def host_memory_does_not_stay_on_disk(memory: HostMemory) -> Judgement:
    """Judge that memory does not reach the disk by swap or core dumps.

    Linux itself clears pages before another process gets them.

    Source: GB/T 22239-2019 8.1.4.10 b).
    """
    criteria = (_swap(memory), _core(memory))
    cleared = {True: "已开启", False: "未开启", None: "未能确认"}[memory.cleared_on_free]
    return Judgement(
        criteria=criteria,
        statement="经核查，Linux 内核在重新分配前清零内存页；"
        f"释放时即清零（init_on_free）{cleared}；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _swap(memory: HostMemory) -> Criterion:
    question = "内存中的敏感数据是否不以明文写入交换空间"
    if memory.swaps is None:
        return ask("swap", question, None, "交换空间未能查看", _FACT)
    if not memory.swaps:
        return ask("swap", question, True, "未启用交换空间", _FACT)
    states = [one.encrypted for one in memory.swaps]
    met = False if False in states else None if None in states else True
    names = listing(one.device for one in memory.swaps)
    seen = {True: "已加密", False: "未加密", None: "是否加密未能确认"}[met]
    return ask("swap", question, met, f"交换空间 {names} {seen}", _FACT)


def _core(memory: HostMemory) -> Criterion:
    question = "进程异常时内存内容是否不写入磁盘"
    pattern, limit = memory.core_pattern, memory.core_limit
    if pattern is None or memory.suid_dumpable is None:
        return ask("core", question, None, "内存转储设置未能查看", _FACT)
    piped = "systemd-coredump" in pattern
    met = False if memory.suid_dumpable == 1 else _dumps_are_off(pattern, limit, memory.coredump_storage)
    how = (
        f"systemd-coredump，Storage={memory.coredump_storage or '未设'}"
        if piped
        else f"限额 {limit or '未设'}"
    )
    state = {True: "已禁止", False: "未禁止", None: "交由其他程序处理，是否落盘未能确认"}[met]
    seen = f"内存转储{state}（core_pattern {pattern or '空'}，{how}，"
    return ask("core", question, met, seen + f"suid_dumpable {memory.suid_dumpable}）", _FACT)


def _dumps_are_off(pattern: str, limit: str | None, storage: str) -> bool | None:
    """Tell whether nothing is dumped; None where a program gets dumps, for the limit does not stop that."""
    if "systemd-coredump" in pattern:
        return storage == "none"
    if pattern in ("", "|/bin/false"):
        return True
    if limit != "0":
        return False
    return None if pattern.startswith("|") else True


@check("residual.memory", half=WINDOWS_LEFT)
def windows_memory_does_not_stay_on_disk(settings: WindowsSettings) -> Judgement:
    """Judge that the page file is cleared and crashes write no memory to the disk.

    Source: GB/T 22239-2019 8.1.4.10 b).
    """
    criteria = win_system.memory(settings)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("residual.memory", half=DATABASE_LEFT)
def database_clears_deleted_data(asset: DatabaseAsset, residue: DatabaseResidue) -> Judgement:
    """Judge that the space of deleted data is overwritten, or was never written in clear.

    Engines initialise pages before another table gets them; that is the maker's word, not a fact seen.

    Source: GB/T 22239-2019 8.1.4.10 b).
    """
    criteria = (db_system.cleared(asset.platform, residue),)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )
