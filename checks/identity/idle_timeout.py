"""1.b.3: do idle sessions end?"""

from __future__ import annotations

import re
from typing import Final

from dengbao.checking import Params, check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabasePolicy
from dengbao.probes.host.facts import HostAccounts, HostPolicy, HostSshd
from dengbao.probes.web.facts_identity import WebIdle
from dengbao.probes.windows.facts import WindowsSettings

from .. import databases, db_policy, web_sessions, win_channels, windows
from ..hosts import ACCOUNTS, POLICY, SSHD, ask, told, under_match
from ..wording import listing

# Shells that end a session by TMOUT; the others take no notice of it.
_TIMED_SHELLS: Final = frozenset({"bash", "rbash", "ksh", "ksh93", "mksh", "zsh", "ash", "busybox"})
# Files that PAM reads, or that reach a login shell only through the files of a user's own home.
_BY_OTHERS: Final = ("/etc/environment", "/etc/bashrc", "/etc/bash.bashrc")
_UNITS_S: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class IdleParams(Params):
    """Seconds after which an idle session must end at the latest."""

    idle_timeout_max_s: int


@check("identity.idle_timeout")
def host_ends_idle_sessions(
    accounts: HostAccounts, policy: HostPolicy, sshd: HostSshd | None, params: IdleParams
) -> Judgement:
    """Judge TMOUT as a fresh login shell has it, and that users cannot unset it; or sshd's ChannelTimeout.

    ClientAliveInterval finds dead connections, it does not end idle ones.

    Source: GB/T 22239-2019 8.1.4.1 b).
    """
    limit = params.idle_timeout_max_s
    channel = _channel(sshd, limit)
    criteria = (channel,) if channel is not None and channel.met else _shell(accounts, policy, limit)
    lines = "；".join(f"{one.file} 第 {one.number} 行：{one.text}" for one in policy.tmout_lines[:4])
    found = f"（{lines}）" if lines else ""
    return Judgement(criteria=criteria, statement=f"经核查，{told(criteria)}{found}{_alive(sshd)}。")


def _alive(sshd: HostSshd | None) -> str:
    """Return a remark on ClientAliveInterval, which is often taken for an idle timeout."""
    seconds = sshd.value("clientaliveinterval") if sshd is not None else ""
    return (
        ""
        if seconds in ("", "0")
        else f"；sshd ClientAliveInterval 为 {seconds} 秒，只探测断线，不结束空闲会话"
    )


def _channel(sshd: HostSshd | None, limit: int) -> Criterion | None:
    """Return whether sshd itself ends idle sessions, None if it is not told to."""
    seconds = _channel_s(sshd) if sshd is not None else None
    if sshd is None or seconds is None:
        return None
    met, note = under_match(sshd, lambda one: 0 < (_channel_s(one) or 0) <= limit, "channeltimeout")
    return ask(
        "channel",
        "SSH 空闲会话是否由 sshd 结束",
        met,
        f"sshd 在会话空闲 {seconds} 秒后断开（ChannelTimeout，要求不大于 {limit} 秒）{note}",
        SSHD,
    )


def _channel_s(sshd: HostSshd) -> int | None:
    texts = " ".join((sshd.options or {}).get("channeltimeout", ()))
    found = re.search(r"(?:^|\s)(?:session|\*)=(\d+)([smhdw]?)(?:\s|$)", texts)
    return int(found.group(1)) * _UNITS_S[found.group(2)] if found else None


def _shell(accounts: HostAccounts, policy: HostPolicy, limit: int) -> tuple[Criterion, ...]:
    value = policy.tmout_s
    if not policy.shell:
        seen = "未能启动登录 shell 查看 TMOUT 的实际值"
        return (ask("timeout", "是否设置空闲超时", None, seen, POLICY, decisive=True),)
    elsewhere = [one.file for one in policy.tmout_lines if one.file in _BY_OTHERS]
    if not value and elsewhere:
        seen = f"TMOUT 写在 {elsewhere[0]}，登录后是否生效未能确认"
        return (ask("timeout", "是否设置空闲超时", None, seen, POLICY, decisive=True),)
    if not value:
        seen = f"登录 shell（{policy.shell}）中 TMOUT {'为 0' if value == 0 else '未设置'}，空闲会话不会退出"
        return (ask("timeout", "是否设置空闲超时", False, seen, POLICY, decisive=True),)
    fixed = policy.tmout_readonly
    return (
        ask(
            "timeout",
            f"空闲超时是否不大于 {limit} 秒",
            value <= limit,
            f"登录 shell（{policy.shell}）中 TMOUT 实际为 {value} 秒（要求不大于 {limit} 秒）",
            POLICY,
        ),
        ask(
            "fixed",
            "用户是否不能取消空闲超时",
            fixed,
            {True: "已设为只读", False: "未设为只读，用户可自行取消", None: "是否只读未能确认"}[fixed],
            POLICY,
        ),
        *_other_shells(accounts, policy.sh),
        *_unseen_shells(accounts, policy.shell),
    )


def _unseen_shells(accounts: HostAccounts, shown: str) -> tuple[Criterion, ...]:
    """Return an open criterion where somebody's zsh reads other files than the shell that was started."""
    found = [one.name for one in accounts.accounts if one.can_log_in and one.shell.endswith("/zsh")]
    if not found or shown == "zsh":
        return ()
    seen = f"账户 {listing(found)} 使用 zsh，其 TMOUT 未能查看"
    return (ask("zsh", "空闲超时是否作用于使用 zsh 的账户", None, seen, ACCOUNTS),)


def _other_shells(accounts: HostAccounts, sh: str) -> tuple[Criterion, ...]:
    """Return an unmet criterion where somebody's shell takes no notice of TMOUT."""
    deaf: list[str] = []
    for one in accounts.accounts:
        name = one.shell.rsplit("/", 1)[-1] or "sh"
        if one.can_log_in and (sh if name == "sh" else name) not in _TIMED_SHELLS:
            deaf.append(f"{one.name}（{one.shell or '/bin/sh'}）")
    if not deaf:
        return ()
    seen = f"账户 {listing(deaf)} 的 shell 不执行 TMOUT"
    return (ask("shells", "空闲超时是否作用于全部可登录账户", False, seen, ACCOUNTS),)


@check("identity.idle_timeout")
def database_ends_idle_sessions(policy: DatabasePolicy, params: IdleParams) -> Judgement:
    """Judge that idle sessions end in time, for every account.

    Source: GB/T 22239-2019 8.1.4.1 b).
    """
    criteria = db_policy.idle(policy, params.idle_timeout_max_s)
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("identity.idle_timeout", half="采集时未登录的其他用户的屏幕保护设置")
def windows_sessions_time_out(settings: WindowsSettings, params: IdleParams) -> Judgement:
    """Judge that idle sessions end or lock, over Remote Desktop and at the console.

    Source: GB/T 22239-2019 8.1.4.1 b).
    """
    criteria = win_channels.idle(settings, params.idle_timeout_max_s)
    partial = win_channels.by_screen_saver(settings, params.idle_timeout_max_s)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL if partial else Coverage.FULL,
        remainder="采集时未登录的其他用户的屏幕保护设置，须逐一核查" if partial else "",
    )


@check("identity.idle_timeout")
def web_ends_idle_sessions(seen: WebIdle, params: IdleParams) -> Judgement:
    """Judge by a session that was left alone, beside one of the same account that was not.

    What a cookie or token says of its own lifetime is told, but proves nothing about idle sessions.

    Source: GB/T 22239-2019 8.1.4.1 b).
    """
    criterion = web_sessions.idle(seen, params.idle_timeout_max_s)
    more = web_sessions.idle_remarks(seen)
    return Judgement(
        criteria=(criterion,),
        statement=f"经测试验证，{criterion.measured}{'；' + more if more else ''}。",
        proofs=web_sessions.idle_proofs(seen, criterion),
    )
