"""2.f.1: are rights given to users, and on tables, records or fields?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseGrants, DatabaseServer
from dengbao.probes.host.facts import HostAccounts, HostFiles
from dengbao.probes.host.identity_facts import HostRights
from dengbao.probes.host.system_facts import HostMac
from dengbao.probes.web.facts_access import WebMatrix

from .. import databases, db_rights, matrix
from ..hosts import ACCOUNTS, ask, modes, told
from ..rights import RIGHTS, acls_seen, everybody_writes
from ..wording import listing

# What the facts cannot show and people must add.
DATABASE_LEFT = "有业务表未授予任何普通账户的，业务程序以何账户访问，须人工核查"
WEB_LEFT = "是否控制到字段，以及未登记的功能与对象，须人工抽查"
LEFT = "业务程序、数据文件的权限是否按用户（进程）和文件分别设置，须结合业务目录核查"


@check("access.granularity", half=DATABASE_LEFT)
def database_rights_are_fine_grained(
    accounts: DatabaseAccounts, grants: DatabaseGrants, server: DatabaseServer | None
) -> Judgement:
    """Judge that ordinary accounts are granted tables, columns or rows, none of them whole databases.

    Tables that nobody but superusers reaches prove nothing: the application may well run as one.

    Source: GB/T 22239-2019 8.1.4.2 f).
    """
    criteria = db_rights.fine(accounts, grants, server)
    left = db_rights.beyond_grants(grants, server)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria, f"；{left}" if left else ""),
        coverage=Coverage.PARTIAL if left else Coverage.FULL,
        remainder=left,
    )


@check("access.granularity", half=LEFT)
def host_rights_are_per_user_and_file(
    accounts: HostAccounts, files: HostFiles, rights: HostRights, mac: HostMac | None
) -> Judgement:
    """Judge that people have accounts of their own, and that rights on files tell users apart.

    Linux keeps rights by file; what loses them is a shared account, a file open to all, or a file system
    that stores none.

    Source: GB/T 22239-2019 8.1.4.2 f).
    """
    criteria = (_subjects(accounts), _objects(files), everybody_writes(rights), _kept(rights))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}；{_places(rights)}{acls_seen(rights)}{_processes(mac)}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
    )


def _subjects(accounts: HostAccounts) -> Criterion:
    people = [one.name for one in accounts.accounts if one.can_log_in and one.uid != 0]
    owners = len({one.uid for one in accounts.accounts})
    seen = (
        f"主体为用户级：账户 {len(accounts.accounts)} 个、UID {owners} 个，root 外可登录 {listing(people)}"
        if people
        else "除 root 外没有可登录账户，主体未达到用户级"
    )
    return ask("subjects", "主体是否达到用户级或进程级", bool(people), seen, ACCOUNTS, decisive=True)


def _objects(files: HostFiles) -> Criterion:
    question = "客体是否达到文件级"
    wide = [one for one in files.files if int(one.mode, 8) & 0o002]
    if wide:
        seen = f"关键文件对所有用户可写，未按用户区分：{modes(wide)}"
        return ask("objects", question, False, seen, "host.files")
    owners = sorted({f"{one.owner}:{one.group}" for one in files.files})
    seen = f"客体为文件级：关键文件 {len(files.files)} 个各有属主与权限位（{listing(owners)}），均非人人可写"
    return ask("objects", question, bool(files.files) or None, seen, "host.files")


def _kept(rights: HostRights) -> Criterion:
    question = "文件系统是否均支持按文件授权"
    if rights.plain_mounts is None:
        return ask("kept", question, None, "已挂载的文件系统未能查看", RIGHTS)
    seen = (
        f"不保存权限的文件系统：{listing(rights.plain_mounts)}"
        if rights.plain_mounts
        else "所挂载文件系统均保存文件权限"
    )
    return ask("kept", question, not rights.plain_mounts, seen, RIGHTS)


def _places(rights: HostRights) -> str:
    """Return how far homes and folders of data are open to others, which only informs."""
    entered = [one for one in rights.places if int(one.mode, 8) & 0o001]
    if not rights.places:
        return ""
    who = f"（{modes(entered)}）" if entered else ""
    return f"主目录与业务目录 {len(rights.places)} 处，其他用户可进入的 {len(entered)} 处{who}；"


def _processes(mac: HostMac | None) -> str:
    """Return what confines processes, which only informs."""
    if mac is None:
        return ""
    if mac.selinux == "enforcing":
        return "；SELinux 强制模式另按进程控制"
    return f"；AppArmor 另对 {mac.apparmor_enforced} 个程序强制控制" if mac.apparmor_enforced else ""


@check("access.granularity", half=WEB_LEFT)
def web_control_reaches_single_objects(seen: WebMatrix) -> Judgement:
    """Judge that two accounts with one function each get their own objects only.

    Source: GB/T 22239-2019 8.1.4.2 f).
    """
    own = [one for one in matrix.own(seen) if one.owner]
    foreign = [one for one in matrix.forbidden(seen) if one.kind == "horizontal"]
    met = matrix.verdict(seen, foreign) if any(seen.answer(one) for one in own) else None
    bad = [one for one in foreign if seen.answer(one)]
    if not foreign:
        measured = "没有登记两个账户各自的对象，未测试"
    elif bad:
        measured = f"可取得他人的对象：{listing((matrix.told(one) for one in bad), 3)}"
    elif met is None:
        measured = f"对他人对象的 {len(foreign)} 次请求不能全部确认被拒绝：{matrix.told(foreign[0])}"
    else:
        measured = (
            f"本人对象的请求允许，对他人对象的 {len(foreign)} 次请求均被拒绝（如 {matrix.told(foreign[0])}）"
        )
    criterion = ask("objects", "是否按用户控制到单个对象（记录）", met, measured, matrix.FACT, decisive=True)
    return Judgement(
        criteria=(criterion,),
        statement=f"经测试验证，{matrix.summary(seen)}；{measured}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=matrix.proofs(seen, [*foreign, *own]),
    )
