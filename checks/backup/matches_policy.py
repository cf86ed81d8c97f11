"""8.a.3: do the results of the backups agree with the policy?"""

from __future__ import annotations

from datetime import datetime, timedelta

from dengbao.checking import check
from dengbao.model import BackupAsset, BackupPolicy, Coverage, Criterion, Judgement
from dengbao.probes.backup.facts import BackupFiles, BackupIntegrity

from ..backup_copies import (
    FACT,
    BackupParams,
    Copy,
    all_seen,
    copies,
    limit_h,
    longest_gap_h,
    policy_of,
    presence,
    refuse_the_future,
    rule,
    runs,
    span,
)


@check("backup.matches_policy", half="异地副本、未能逐个读到的副本")
def backup_results_match_policy(
    files: BackupFiles, integrity: BackupIntegrity | None, asset: BackupAsset, params: BackupParams
) -> Judgement:
    """Judge the number of copies kept and the time between them against the declared policy.

    Source: GB/T 22239-2019 8.1.4.9 a).
    """
    policy = policy_of(asset)
    found = copies(files, integrity)
    refuse_the_future(found)
    there = presence(files, found, integrity)
    if not found:
        return _judgement((there,), there.measured, policy, params)
    kept = _kept(files, found, policy)
    gaps = _gaps(files, found, policy, limit_h(policy, params))
    proven = runs((one.at for one in found if one.proven), policy.every_h)
    measured = f"{there.measured}，{kept.measured}（读至结尾且校验一致 {len(proven)} 份）；{gaps.measured}"
    return _judgement((kept, gaps), measured, policy, params, unproven=len(proven) < policy.keep)


def _judgement(
    criteria: tuple[Criterion, ...],
    measured: str,
    policy: BackupPolicy,
    params: BackupParams,
    *,
    unproven: bool = False,
) -> Judgement:
    left = []
    if unproven:
        left.append("策略要求保留的备份未全部读至结尾核对，其余只核对了文件头与大小，须查备份任务成功的日志")
    if policy.offsite:
        left.append(f"策略所称异地副本（{policy.offsite}）程序未查看，须由人核对")
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{measured}（{rule(policy, params)}，保留 {policy.keep} 份）。",
        coverage=Coverage.PARTIAL if left else Coverage.FULL,
        remainder="；".join(left),
    )


def _kept(files: BackupFiles, found: tuple[Copy, ...], policy: BackupPolicy) -> Criterion:
    """Ask whether enough copies are kept: of separate runs, since one run may write several files."""
    certain = runs((one.at for one in found if one.sure), policy.every_h)
    met: bool | None = True
    measured = f"可用备份 {len(certain)} 份"
    if len(certain) < policy.keep:
        if len(found) < policy.keep and all_seen(files):
            met, measured = False, f"可用备份只有 {len(found)} 份"
        else:
            met, measured = None, f"备份文件 {len(found)} 个，按周期可辨认的只有 {len(certain)} 份"
    return Criterion(
        name="kept", question=f"保留份数是否达到 {policy.keep} 份", met=met, measured=measured, fact=FACT,
        decisive=len(found) == 1,
    )  # fmt: skip


def _gaps(files: BackupFiles, found: tuple[Copy, ...], policy: BackupPolicy, most_h: float) -> Criterion:
    """Ask whether a run ever came late, among the newest that the policy keeps, and up to now."""
    newest = max(policy.keep, 2)
    certain = runs((one.at for one in found if one.sure), policy.every_h)[-newest:]
    possible = runs((one.at for one in found), policy.every_h)[-newest:]
    begun = certain or possible
    age = span(max(_age_h(begun, files), 0))
    measured = f"只有 1 份，距检测 {age}，看不出间隔"
    if len(begun) > 1:
        longest = span(longest_gap_h(begun, files.looked_at))
        measured = f"最近 {len(begun)} 份间隔最长 {longest}，最近一份距检测 {age}"
    met: bool | None = False
    if len(certain) > 1 and longest_gap_h(certain, files.looked_at) <= most_h:
        met = True
    elif not all_seen(files) or longest_gap_h(possible, files.looked_at) <= most_h:
        met = None
    elif policy.keep == 1 and _age_h(possible, files) <= most_h:
        met = None  # the policy does not speak of what lies before its one copy
    return Criterion(
        name="gaps",
        question=f"相邻备份间隔是否均不超过 {most_h:g} 小时",
        met=met,
        measured=measured,
        fact=FACT,
    )


def _age_h(begun: tuple[datetime, ...], files: BackupFiles) -> float:
    return (files.looked_at - begun[-1]) / timedelta(hours=1)
