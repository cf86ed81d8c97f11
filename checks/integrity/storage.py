"""6.b.1: are stored data protected (indicator: integrity; item: confidentiality)?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseStorage
from dengbao.probes.host.facts import HostPasswords
from dengbao.probes.host.system_facts import HostBoot

from .. import databases, db_columns
from ..hosts import ask, told
from ..schemes import stored_hashes
from ..trust import appraises
from ..wording import listing

# What the facts cannot show and people must add.
HOST_LEFT = "重要业务数据、个人信息在存储过程中的保密性与完整性措施，须在数据库与应用中核查"
DATABASE_LEFT = "数据页校验不能防篡改，须核查重要数据存储完整性的密码技术（如 HMAC）与篡改测试记录"

_BOOT = "host.boot"


@check("integrity.storage", half=HOST_LEFT)
def host_stored_data_are_protected(passwords: HostPasswords, boot: HostBoot) -> Judgement:
    """Judge that passwords are stored as strong hashes, and that a tool checks files regularly.

    No known tool seen decides nothing; one that is not set up fails.

    Source: GB/T 22239-2019 8.1.4.7 b).
    """
    criteria = (stored_hashes(passwords), _checked(boot))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _checked(boot: HostBoot) -> Criterion:
    question = "是否定期校验重要配置与程序文件的完整性"
    if not boot.tools:
        verified = appraises(boot)
        seen = "IMA 强制校验文件" if verified else "未见已知的文件完整性校验工具，是否另有措施须人工核查"
        return ask("checked", question, True if verified else None, seen, _BOOT)
    good = [one.name for one in boot.tools if one.database and one.scheduled]
    unsure = [one.name for one in boot.tools if None in (one.database, one.scheduled)]
    names = listing(dict.fromkeys(one.name for one in boot.tools))
    if good:
        return ask("checked", question, True, f"{listing(good)} 已建立基线库并定期校验", _BOOT)
    if unsure:
        return ask("checked", question, None, f"已安装 {names}，其基线库与计划任务未能查看", _BOOT)
    lacks = [
        word
        for word, has in (
            ("未建立基线库", any(one.database for one in boot.tools)),
            ("未设定期校验", any(one.scheduled for one in boot.tools)),
        )
        if not has
    ]
    return ask("checked", question, False, f"已安装 {names}，但{'、'.join(lacks)}", _BOOT)


@check("integrity.storage", half=DATABASE_LEFT)
def database_pages_carry_checksums(storage: DatabaseStorage) -> Judgement:
    """Judge that damaged pages are detected; checksums without a key do not stop those who forge.

    Source: GB/T 22239-2019 8.1.4.7 b).
    """
    criteria = (db_columns.checksums(storage),)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )
