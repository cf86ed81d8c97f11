"""What the check of restoring says of the tables in use: which came back, and how many of their rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from dengbao.checking import Params
from dengbao.model import BackupAsset, Criterion
from dengbao.probes.backup.facts import BackupLive, BackupRestore, LiveTable

from .backup_copies import span
from .wording import listing

_FACT: Final = "backup.live"
_TOLD: Final = 3
_MOST_PERCENT: Final = 50.0  # however old the backup: half of a table is no small difference
_FAMILY: Final = {"mysql": "mariadb"}


class RowsParams(Params):
    """By how much a restored table may differ from the one in use, in percent for each day of the backup."""

    backup_rows_tolerance_percent: int


@dataclass(frozen=True)
class Pair:
    """A table in use and how many rows of it came back, None where the table did not."""

    live: LiveTable
    restored: int | None

    def told(self) -> str:
        """Return both numbers in words; an estimate is called one."""
        about = "" if self.live.counted else "约 "
        return f"{self.live.name} 恢复 {self.restored} 行、在用 {about}{self.live.rows} 行"


@dataclass(frozen=True)
class Compared:
    """What the comparison gave: criteria, and what a person has to look at since it decides nothing."""

    criteria: tuple[Criterion, ...] = ()
    remainder: tuple[str, ...] = ()


def against_live(
    restore: BackupRestore, live: BackupLive | None, asset: BackupAsset, params: RowsParams, *, blamed: bool
) -> Compared:
    """Hold the restored tables against those in use; `blamed`: what lacks is lacking in the backup itself."""
    if live is None:
        return Compared()
    product = _FAMILY.get(live.product, live.product)
    if product != restore.product or not live.tables:
        why = "未见在用的表" if not live.tables else "与备份不是同一种数据库"
        return Compared(remainder=(f"数据库 {live.database} {why}，恢复结果未与在用的表比对",))
    pairs = _pairs(restore, live)
    criteria = [_present(pairs, live, asset, blamed=blamed)]
    exact = [one for one in pairs if one.live.counted and one.restored is not None]
    if exact:
        criteria.append(_rows(exact, restore, live, asset, params, blamed=blamed))
    return Compared(tuple(criteria), tuple(_left_open(pairs, live)))


def _pairs(restore: BackupRestore, live: BackupLive) -> tuple[Pair, ...]:
    """Return every table in use with its restored rows; a dump may put the name of its database first."""
    known = {one.name: one.rows for one in restore.tables}
    folded = {one.name.casefold(): one.rows for one in restore.tables}
    return tuple(Pair(one, _found(one.name, live, known, folded)) for one in live.tables)


def _found(name: str, live: BackupLive, known: Mapping[str, int], folded: Mapping[str, int]) -> int | None:
    for one in (f"{live.base}.{name}", name):
        if one in known:
            return known[one]
        # Some servers write names of tables in small letters; PostgreSQL tells them apart.
        if live.product != "postgresql" and one.casefold() in folded:
            return folded[one.casefold()]
    return None


def _present(pairs: tuple[Pair, ...], live: BackupLive, asset: BackupAsset, *, blamed: bool) -> Criterion:
    """Ask whether every table in use came back; one that did not may be younger than the backup."""
    absent = [one for one in pairs if one.restored is None]
    measured = f"在用库 {live.database} 的 {len(pairs)} 张表均已恢复"
    met: bool | None = True
    if absent:
        declared = asset.rows_within is not None and any(one.live.rows and one.live.counted for one in absent)
        met = False if declared and blamed else None
        names = listing((_absent(one) for one in absent), _TOLD)
        measured = f"在用库 {live.database} 的 {len(pairs)} 张表中 {len(absent)} 张恢复后没有（{names}）"
    return Criterion(
        name="live_tables", question="在用库的表恢复后是否都有", met=met, measured=measured, fact=_FACT,
        decisive=True,
    )  # fmt: skip


def _absent(one: Pair) -> str:
    if one.live.rows is None:
        return one.live.name
    return f"{one.live.name} {'' if one.live.counted else '约 '}{one.live.rows} 行"


def _rows(
    exact: list[Pair],
    restore: BackupRestore,
    live: BackupLive,
    asset: BackupAsset,
    params: RowsParams,
    *,
    blamed: bool,
) -> Criterion:
    """Ask whether the counts agree as far as they can; only a declared difference can be a failure."""
    age_h = _age_h(restore, live)
    within = _within(asset, params, age_h)
    judged = [one for one in exact if not _is_declared(one, asset)]
    short = [one for one in judged if _lacks(one, within)]
    more = [one for one in judged if _exceeds(one, within)]
    when = "" if age_h is None else f"（备份于比对前 {span(age_h)}）"
    sums = f"{len(exact)} 张表恢复 {_sum(exact, live=False)} 行、在用 {_sum(exact, live=True)} 行{when}"
    met: bool | None = True
    measured = f"{sums}，逐表相差均不超过 {within:g}%"
    if short:
        met = False if asset.rows_within is not None and blamed else None
        measured = f"{sums}，{listing((one.told() for one in short), _TOLD)}，少于在用超过 {within:g}%"
    elif more:
        met = None
        measured = f"{sums}，{listing((one.told() for one in more), _TOLD)}，多于在用超过 {within:g}%，须查明"
    return Criterion(
        name="live_rows", question=f"恢复后各表行数与在用库相差是否不超过 {within:g}%", met=met,
        measured=measured, fact=_FACT, decisive=True,
    )  # fmt: skip


def _sum(pairs: Iterable[Pair], *, live: bool) -> int:
    return sum((one.live.rows if live else one.restored) or 0 for one in pairs)


def _is_declared(one: Pair, asset: BackupAsset) -> bool:
    """Tell whether the engagement says itself how many rows this table must have."""
    full = one.live.name.casefold()
    return any(full == name.casefold() or full.endswith(f".{name.casefold()}") for name in asset.expect)


def _within(asset: BackupAsset, params: RowsParams, age_h: float | None) -> float:
    if asset.rows_within is not None:
        return asset.rows_within
    days = max(1, math.ceil((age_h or 0) / 24))
    return min(float(params.backup_rows_tolerance_percent * days), _MOST_PERCENT)


def _lacks(one: Pair, within: float) -> bool:
    rows, restored = one.live.rows or 0, one.restored or 0
    return rows - restored > math.ceil(rows * within / 100) or (rows > 0 and not restored)


def _exceeds(one: Pair, within: float) -> bool:
    rows, restored = one.live.rows or 0, one.restored or 0
    return restored - rows > math.ceil(restored * within / 100)


def _age_h(restore: BackupRestore, live: BackupLive) -> float | None:
    if restore.modified_at is None or restore.modified_at > live.looked_at:
        return None
    return (live.looked_at - restore.modified_at) / timedelta(hours=1)


def _left_open(pairs: tuple[Pair, ...], live: BackupLive) -> Iterator[str]:
    there = [one for one in pairs if one.restored is not None and not one.live.counted]
    guessed = [one for one in there if one.live.rows is not None]
    unknown = [one for one in there if one.live.rows is None]
    if guessed:
        told = listing((one.told() for one in guessed), _TOLD)
        yield f"在用的大表或无权清点的表只有统计估计（{told}），未作比对"
    if unknown:
        yield f"在用的 {listing((one.live.name for one in unknown), _TOLD)} 未能清点，未作比对"
    if not live.complete:
        yield f"数据库 {live.database} 中账户看不到的表未作比对"
