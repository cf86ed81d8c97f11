"""8.a.1: are local backups made as the policy says?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import BackupAsset, Coverage, Criterion, Judgement
from dengbao.probes.backup.facts import BackupFiles, BackupIntegrity, BackupLogArchive

from ..backup_copies import (
    FACT,
    BackupParams,
    copies,
    limit_h,
    policy_of,
    presence,
    recency,
    refuse_the_future,
    rule,
)
from ..backup_log import archived, in_words


@check("backup.performed", half="备份完整性不能由程序核对的，补备份任务成功的日志")
def backup_is_performed(
    files: BackupFiles,
    integrity: BackupIntegrity | None,
    log: BackupLogArchive | None,
    asset: BackupAsset,
    params: BackupParams,
) -> Judgement:
    """Judge that the newest copy that is not damaged is no older than the policy allows.

    Where the database archives its log, that must not be failing; that it works proves no backup.

    Source: GB/T 22239-2019 8.1.4.9 a).
    """
    policy = policy_of(asset)
    found = copies(files, integrity)
    refuse_the_future(found)
    there = presence(files, found, integrity)
    if not found:
        return Judgement(criteria=(there,), statement=f"经核查，{there.measured}（{rule(policy, params)}）。")
    met, measured = recency(files, found, integrity, limit_h(policy, params))
    recent = Criterion(
        name="recent", question=f"最新备份是否在周期内（{rule(policy, params)}）", met=met, measured=measured,
        fact=FACT, decisive=True,
    )  # fmt: skip
    archive = archived(log)
    criteria = (there, recent) if archive is None else (there, recent, archive)
    told = "" if archive is None else f"；{archive.measured}"
    proven = any(one.proven and one.age_h <= limit_h(policy, params) for one in found)
    return Judgement(
        criteria=criteria,
        statement=(
            f"经核查，{there.measured}，{measured}（{rule(policy, params)}）{told}{in_words(log, policy)}。"
        ),
        coverage=Coverage.FULL if proven else Coverage.PARTIAL,
        remainder="" if proven else "周期内的备份文件完整性未能由程序核对，须提供备份任务成功的日志",
    )
