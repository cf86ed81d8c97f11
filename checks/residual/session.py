"""9.a.1: is authentication information cleared?"""

from __future__ import annotations

from typing import Final

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.system_facts import DatabaseResidue
from dengbao.probes.host.facts import HostPolicy, HostSshd
from dengbao.probes.host.identity_facts import HostTraces
from dengbao.probes.host.system_facts import HostServices
from dengbao.probes.web.facts import WebLogout
from dengbao.probes.windows.facts import WindowsIdentity, WindowsPolicy, WindowsSettings

from .. import databases, db_system, win_system, windows
from ..hosts import ask, modes, told
from ..web_logout import endings, logout_proofs, sight
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "鉴别信息所在内存、缓存和文件在释放前是否完全清除，须核查配置或系统设计文档"
HOST_LEFT = "应用、数据库、登录程序对口令与令牌所在内存、缓存的清除，须核查系统设计文档或厂商说明"
WINDOWS_LEFT = "鉴别信息所在内存、缓存和文件在释放前是否完全清除，须核查产品说明或设计文档"
DATABASE_LEFT = (
    "鉴别信息在内存、客户端历史文件（.psql_history、.mysql_history、.pgpass 等）中的清除，"
    "须核查运维终端与厂商说明"
)

_TRACES: Final = "host.traces"
# What tells a login screen not to show users, by manager, and whether silence shows them.
_HIDING: Final = {
    "gdm": ("disable-user-list=true", False),
    "gdm3": ("disable-user-list=true", False),
    "sddm": ("rememberlastuser=false", False),
    "lightdm": ("greeter-hide-users=true", None),
}


@check("residual.session", half=WEB_LEFT)
def web_session_is_cleared_by_logout(seen: WebLogout) -> Judgement:
    """Judge that nothing of the session can be used again after the logout.

    Source: GB/T 22239-2019 8.1.4.10 a).
    """
    criteria = endings(seen)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{sight(seen, criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=logout_proofs(seen),
    )


@check("residual.session", half=HOST_LEFT)
def host_leaves_no_credentials_behind(
    traces: HostTraces, policy: HostPolicy | None, sshd: HostSshd | None, services: HostServices | None
) -> Judgement:
    """Judge that no credential stays behind in histories, files of homes, copies of shadow or login screens.

    The kernel itself clears memory before another process gets it.

    Source: GB/T 22239-2019 8.1.4.10 a).
    """
    criteria = (_histories(traces), _saved(traces), _copies(traces), *_screens(traces, services))
    size = policy.history_size if policy is not None else None
    notes = f"历史命令保留 {size} 条（HISTSIZE）" if size is not None else "未见历史命令条数设置（HISTSIZE）"
    if sshd is not None and sshd.value("permituserenvironment") not in ("", "no"):
        notes += f"；sshd 允许用户自带环境变量（PermitUserEnvironment {sshd.value('permituserenvironment')}）"
    return Judgement(
        criteria=criteria,
        statement=f"经核查，查看账户主目录 {traces.homes} 个：{told(criteria)}；{notes}；"
        "Linux 内核在重新分配内存页前将其清零。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _unseen(traces: HostTraces) -> str:
    return f"账户 {listing(traces.unseen)} 的主目录未能查看"


def _histories(traces: HostTraces) -> Criterion:
    question = "历史命令中是否未留下口令"
    found = [f"{one.account}（{one.suspects} 行）" for one in traces.histories if one.suspects]
    unread = [one.path for one in traces.histories if one.suspects is None]
    if found:
        seen = f"历史命令中疑似含口令的：{listing(found)}"
        return ask("histories", question, False, seen, _TRACES)
    if unread or traces.unseen:
        seen = f"历史命令文件 {listing(unread)} 未能查看" if unread else _unseen(traces)
        return ask("histories", question, None, seen, _TRACES)
    seen = f"历史命令文件 {len(traces.histories)} 个，未见口令"
    return ask("histories", question, True, seen, _TRACES)


def _saved(traces: HostTraces) -> Criterion:
    """Return whether no file keeps a password; one that only its owner reads may have a reason."""
    question = "主目录中是否未以文件留存口令、令牌"
    named = [f"{one.path}（{one.mode} {one.owner}）" for one in traces.files]
    shown = [one for one in traces.files if int(one.mode, 8) & 0o044]
    if shown:
        seen = f"留存口令、令牌且其他用户可读的文件：{listing(f'{one.path}（{one.mode}）' for one in shown)}"
        return ask("saved", question, False, seen, _TRACES)
    if named:
        seen = f"留存口令、令牌的文件：{listing(named)}，仅属主可读，用途须人工确认"
        return ask("saved", question, None, seen, _TRACES)
    if traces.unseen:
        return ask("saved", question, None, _unseen(traces), _TRACES)
    return ask("saved", question, True, "未见留存口令、令牌的文件（.netrc、.pgpass、.my.cnf 等）", _TRACES)


def _copies(traces: HostTraces) -> Criterion:
    question = "口令文件的副本是否未向其他用户开放"
    shown = [
        one
        for one in traces.copies
        if int(one.mode, 8) & 0o004 or (int(one.mode, 8) & 0o040 and one.group not in ("root", "shadow"))
    ]
    seen = f"口令文件副本 {len(traces.copies)} 个" if traces.copies else "未见口令文件副本"
    if shown:
        seen = f"其他用户可读的口令文件副本：{modes(shown)}"
    elif traces.copies:
        seen += f"（{listing(one.path for one in traces.copies)}），均不对其他用户开放"
    return ask("copies", question, not shown, seen, _TRACES, decisive=True)


def _screens(traces: HostTraces, services: HostServices | None) -> tuple[Criterion, ...]:
    """Return whether each graphical login in use hides who logged in last."""
    question = "登录界面是否不显示上次登录的用户"
    if not traces.greeters:
        return (ask("screen", question, True, "未安装图形登录界面，字符登录不显示上次用户", _TRACES),)
    active = services.active if services is not None else None
    running = [
        one
        for one in traces.greeters
        if active is None or {f"{one}.service", "display-manager.service"} & set(active)
    ]
    if not running:
        return (ask("screen", question, True, f"图形登录（{listing(traces.greeters)}）未运行", _TRACES),)
    lines = {"".join(one.text.lower().split()) for one in traces.greeter_lines}
    answers = [_hides(one, lines) for one in running]
    met = False if False in answers else None if None in answers else True
    how = {True: "不显示用户列表", False: "显示上次用户或用户列表", None: "是否显示用户未能确认"}[met]
    return (ask("screen", question, met, f"图形登录（{listing(running)}）{how}", _TRACES),)


def _hides(greeter: str, lines: set[str]) -> bool | None:
    wanted, silent = _HIDING.get(greeter, ("", None))
    return True if wanted in lines else False if wanted.replace("true", "false") in lines else silent


@check("residual.session", half=WINDOWS_LEFT)
def windows_credentials_do_not_stay_behind(
    settings: WindowsSettings, policy: WindowsPolicy, identity: WindowsIdentity
) -> Judgement:
    """Judge that login names and passwords are not left for the next one.

    Source: GB/T 22239-2019 8.1.4.10 a).
    """
    criteria = win_system.credentials(settings, policy, identity)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("residual.session", half=DATABASE_LEFT)
def database_logs_keep_no_passwords(residue: DatabaseResidue) -> Judgement:
    """Judge that no log keeps statements with the passwords typed into them.

    A log that does so proves only that a password may stand in it; only where taking them out was
    switched off on purpose is that wrong by itself.

    Source: GB/T 22239-2019 8.1.4.10 a).
    """
    criteria = (db_system.no_passwords_logged(residue),)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )
