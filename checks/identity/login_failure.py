"""1.b.1: are failed logins handled?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabasePolicy
from dengbao.probes.host.facts import HostPam, HostSshd
from dengbao.probes.web.facts_identity import WebFailures, WebLockout
from dengbao.probes.windows.facts import WindowsIdentity, WindowsPolicy

from .. import databases, db_policy, web_lockout, win_policy, windows
from ..hosts import PAM, ask, told, uses_pam
from ..lockout import lockout
from ..wording import listing


@check("identity.login_failure")
def host_handles_failed_logins(pam: HostPam, sshd: HostSshd) -> Judgement:
    """Judge that failed logins are counted and refused, over SSH and at the console.

    sshd must use PAM for that; MaxAuthTries only ends one session.

    Source: GB/T 22239-2019 8.1.4.1 b).
    """
    console = _handled(pam, "login", "本地控制台登录", decisive=not sshd.running)
    criteria: tuple[Criterion, ...] = (console,)
    note = "未开启 SSH 远程登录"
    if sshd.running:
        criteria = (_handled(pam, "sshd", "SSH 登录", decisive=True), uses_pam(sshd), console)
        note = f"每次 SSH 会话最多尝试 {sshd.value('maxauthtries') or '未知'} 次（MaxAuthTries）"
    return Judgement(criteria=criteria, statement=f"经核查，{told(criteria)}；{note}。")


def _handled(pam: HostPam, service: str, title: str, *, decisive: bool) -> Criterion:
    found = lockout(pam, service)
    met = found.effective if found is not None else None
    if found is None:
        seen = "的失败处理未能确认"
    elif not found.module:
        other = f"，另有 {listing(found.strangers)}，其作用须人工核查" if found.strangers else ""
        seen = f"未配置失败处理模块（pam_faillock、pam_tally2）{other}"
    else:
        state = {True: "已启用", False: "已配置但不生效", None: "已配置，是否生效未能确认"}[met]
        seen = f"的失败处理模块 {found.module} {state}（{found.where}）"
    return ask(
        f"{service}_handled", f"{title}是否启用失败处理", met, f"{title}{seen}", PAM, decisive=decisive
    )


@check("identity.login_failure")
def database_reacts_to_failed_logins(policy: DatabasePolicy, accounts: DatabaseAccounts | None) -> Judgement:
    """Judge that failed logins lock or slow down.

    Source: GB/T 22239-2019 8.1.4.1 b).
    """
    criteria = db_policy.reacts(policy, accounts)
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("identity.login_failure")
def windows_handles_failed_logins(policy: WindowsPolicy, identity: WindowsIdentity) -> Judgement:
    """Judge that failed logins are counted and locked; a threshold of 0 switches it off.

    Source: GB/T 22239-2019 8.1.4.1 b).
    """
    criteria = win_policy.locks(policy, identity)
    return Judgement(criteria=criteria, statement=windows.sentence(criteria))


@check("identity.login_failure")
def web_handles_failed_logins(seen: WebFailures, lockout: WebLockout | None) -> Judgement:
    """Judge that failed logins are refused, tell nothing of which accounts exist, and are acted upon.

    Source: GB/T 22239-2019 8.1.4.1 b).
    """
    criteria = (web_lockout.refused(seen), web_lockout.alike(seen), web_lockout.handled(lockout))
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{web_lockout.sentence(criteria)}。",
        proofs=web_lockout.failure_proofs(seen, lockout),
    )
