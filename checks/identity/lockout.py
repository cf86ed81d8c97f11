"""1.b.2: are accounts locked after a number of failed logins?"""

from __future__ import annotations

from dengbao.checking import Params, check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabasePolicy
from dengbao.probes.host.facts import HostAccounts, HostPam, HostSshd
from dengbao.probes.web.facts_identity import WebFailures, WebLockout
from dengbao.probes.windows.facts import WindowsIdentity, WindowsPolicy

from .. import databases, db_policy, web_lockout, win_policy, windows
from ..hosts import PAM, ask, told, uses_pam
from ..lockout import Lockout, lockout
from ..wording import listing


class LockoutParams(Params):
    """Failed logins that lock at the latest, and seconds the lock must last at least."""

    lockout_max_attempts: int
    lockout_min_duration_s: int


@check("identity.lockout")
def host_locks_accounts(
    pam: HostPam, sshd: HostSshd, accounts: HostAccounts | None, params: LockoutParams
) -> Judgement:
    """Judge threshold and duration of the lock; a threshold of 0 is no lock, a duration of 0 the longest.

    The two rules of pam_faillock have settings of their own: the one that refuses decides.

    Source: GB/T 22239-2019 8.1.4.1 b).
    """
    title = "SSH 登录" if sshd.running else "本地控制台登录"
    found = lockout(pam, "sshd" if sshd.running else "login")
    criteria = (
        _enabled(found, title),
        *((_threshold(found, params), _duration(found, params)) if found and found.module else ()),
        *((uses_pam(sshd), _console(lockout(pam, "login"), params)) if sshd.running else ()),
        *_directory(found, accounts),
    )
    root = "" if sshd.running else "；未开启 SSH 远程登录"
    if found is not None and found.module:
        root += "；root 同样锁定" if found.root else "；root 不受锁定（even_deny_root 未设）"
    return Judgement(criteria=criteria, statement=f"经核查，{told(criteria)}{root}。")


def _enabled(found: Lockout | None, title: str) -> Criterion:
    met = found.effective if found is not None else None
    if found is None:
        seen = f"{title}的锁定设置未能确认"
    elif not found.module:
        other = f"，另有 {listing(found.strangers)}，其作用须人工核查" if found.strangers else ""
        seen = f"{title}未配置锁定模块（pam_faillock、pam_tally2）{other}"
    elif found.deny == 0:
        seen = f"{title}锁定模块 {found.module} 的失败次数为 0，即未启用"
    else:
        why = found.conflict or "规则次序或模块有误"
        state = {True: "生效", False: f"不生效（{why}）", None: "是否生效未能确认"}[met]
        seen = f"{title}锁定模块 {found.module} {state}"
    return ask("enabled", "是否启用登录失败锁定", met, seen, PAM, decisive=True)


def _threshold(found: Lockout, params: LockoutParams) -> Criterion:
    most = params.lockout_max_attempts
    met = None if found.deny is None else 0 < found.deny <= most
    seen = "失败次数未能确认" if found.deny is None else f"失败 {found.deny} 次锁定（要求 1–{most} 次）"
    return ask("threshold", f"锁定的失败次数是否不多于 {most} 次", met, seen, PAM)


def _duration(found: Lockout, params: LockoutParams) -> Criterion:
    least = params.lockout_min_duration_s
    met = None if found.unlock_s is None else found.unlock_s == 0 or found.unlock_s >= least
    if found.unlock_s is None:
        seen = "锁定时长未能确认"
    elif found.unlock_s == 0:
        seen = "锁定后须管理员解锁"
    else:
        seen = f"锁定 {found.unlock_s} 秒（要求不少于 {least} 秒）"
    if found.window_s:
        seen += f"，{found.window_s} 秒内的失败累计"
    return ask("duration", f"锁定时长是否不少于 {least} 秒", met, seen, PAM)


def _directory(found: Lockout | None, accounts: HostAccounts | None) -> tuple[Criterion, ...]:
    """Return an open criterion where accounts of a directory are in use and the module leaves them out."""
    if found is None or not found.local_only or accounts is None or accounts.directories == ():
        return ()
    others = listing(accounts.directories or ("其他来源",))
    seen = f"锁定只及本机账户（local_users_only），{others} 的账户须另行核查"
    return (ask("directory", "目录账户是否同样锁定", None, seen, PAM),)


def _console(found: Lockout | None, params: LockoutParams) -> Criterion:
    if found is None or found.effective is None:
        return ask("console", "本地控制台登录是否同样锁定", None, "本地控制台的锁定未能确认", PAM)
    good = found.effective and found.deny is not None and 0 < found.deny <= params.lockout_max_attempts
    seen = f"本地控制台登录失败 {found.deny} 次锁定" if found.effective else "本地控制台登录未启用锁定"
    return ask("console", "本地控制台登录是否同样锁定", good, seen, PAM)


@check("identity.lockout")
def database_locks_accounts(
    policy: DatabasePolicy, accounts: DatabaseAccounts | None, params: LockoutParams
) -> Judgement:
    """Judge threshold and duration; a delay that grows with failures is no lock.

    Source: GB/T 22239-2019 8.1.4.1 b).
    """
    criteria = db_policy.locks(policy, accounts, params.lockout_max_attempts, params.lockout_min_duration_s)
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("identity.lockout")
def windows_locks_accounts(
    policy: WindowsPolicy, identity: WindowsIdentity, params: LockoutParams
) -> Judgement:
    """Judge threshold and duration; 0 is no lock, a duration of -1 or 0 the longest.

    Source: GB/T 22239-2019 8.1.4.1 b).
    """
    criteria = win_policy.lockout(
        policy, identity, params.lockout_max_attempts, params.lockout_min_duration_s
    )
    return Judgement(
        criteria=criteria, statement=windows.sentence(criteria, win_policy.administrator_note(policy))
    )


@check("identity.lockout", half="锁定时长、按来源地址或按账户锁定中未实测的部分")
def web_locks_accounts(seen: WebLockout, failures: WebFailures | None, params: LockoutParams) -> Judgement:
    """Judge that the right password of the sacrificial account is refused after a number of wrong ones.

    Failures that came before may be counted, too: then the number is a range, and the whole of it decides.
    What only the page says is no lock: each attempt was a new visitor's, and the right password decides.

    Source: GB/T 22239-2019 8.1.4.1 b).
    """
    lock = web_lockout.enabled(seen)
    criteria: tuple[Criterion, ...] = (lock,)
    if lock.met:
        criteria += (web_lockout.threshold(seen, params.lockout_max_attempts, failures),)
        criteria += web_lockout.duration(seen, params.lockout_min_duration_s)
    told = web_lockout.sentence(criteria)
    whom = web_lockout.by_whom(seen)
    left = web_lockout.remainder(seen)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，以可锁定测试账户 {seen.account} {told}{'；' + whom if whom else ''}。",
        coverage=Coverage.PARTIAL if left else Coverage.FULL,
        remainder=left,
        proofs=web_lockout.lock_proofs(seen),
    )
