"""What failed logins brought: shared by the questions about failure handling and locking."""

from __future__ import annotations

import re
from typing import Final

from dengbao.model import Criterion, Exchange
from dengbao.probes.web.facts import LoginSeen
from dengbao.probes.web.facts_identity import FailureSeen, WebFailures, WebLockout

LOCKOUT: Final = "web.lockout"
FAILURES: Final = "web.failures"
_MARGIN_S: Final = 5.0
_NUMBER: Final = re.compile(r"\d+")


def locked(seen: WebLockout) -> bool | None:
    """Tell whether the account was locked: its right password, accepted before, was refused afterwards."""
    if seen.right_before.accepted is not True:
        return None
    if any(one.accepted for one in seen.wrong):
        return False
    after = seen.right_after
    if after is None or after.accepted is None:
        return None
    if after.accepted:
        # Time that passed, or an attempt that did not arrive, may be why it was not locked.
        whole = not seen.resumed and not seen.unknown and all(_counted(one) for one in seen.wrong)
        return False if whole else None
    return None if after.captcha_words or _failing(after) else True


def _failing(one: LoginSeen) -> bool:
    """Tell whether the server could not serve just then, so that a refusal says nothing of the account."""
    return one.status is None or one.status >= 500


def _counted(one: LoginSeen) -> bool:
    """Tell whether a wrong password was looked at and refused, not turned away before."""
    return one.accepted is False and not _failing(one) and one.status != 429


def count(seen: WebLockout) -> int:
    """Return after how many wrong passwords the right one was refused, at the latest."""
    return seen.told_at or len(seen.wrong)


def enabled(seen: WebLockout) -> Criterion:
    """Return whether a number of failed logins locks the account."""
    return Criterion(
        name="enabled", question="连续登录失败后正确口令是否也被拒绝", met=locked(seen),
        measured=_lock_told(seen), fact=LOCKOUT, decisive=True,
    )  # fmt: skip


def _lock_told(seen: WebLockout) -> str:
    passed = next((number for number, one in enumerate(seen.wrong, 1) if one.accepted), None)
    if passed is not None:
        return f"第 {passed} 次错误口令即登录成功"
    if seen.captcha_at is not None:
        return f"第 {seen.captcha_at} 次失败后要求验证码，其后是否锁定未能确认"
    tried = f"连续输错口令 {len(seen.wrong)} 次"
    if seen.told_at is not None:
        tried += f"（第 {seen.told_at} 次提示锁定）"
    if seen.unknown:
        tried += f"（其中 {seen.unknown} 次结果未知）"
    after = seen.right_after
    if after is None or after.accepted is None or _failing(after):
        return f"{tried}后以正确口令登录，{_why(after)}"
    if after.captcha_words:
        return f"{tried}后要求验证码，是否锁定未能确认"
    if not after.accepted:
        return f"{tried}后以正确口令登录被服务端拒绝（返回 {after.status}）"
    only = "，锁定只见于提示" if seen.told_at is not None else "，未见锁定"
    return f"{tried}后以正确口令仍可登录{only}"


def _why(after: LoginSeen | None) -> str:
    if after is not None and after.status is not None and after.status >= 500:
        return f"返回 {after.status}，服务异常，未能判断"
    return after.problem if after is not None and after.problem else "应答不足以判断"


def uncounted(seen: WebLockout, failures: WebFailures | None) -> int:
    """Return how many earlier failures may have been counted, too, where a login does not begin anew.

    Where nobody knows there may have been one, unless it is known that none was sent. Those with other names
    count only where the address is locked, or may be.
    """
    none = failures is not None and failures.account == seen.account and failures.wrong.login.status is None
    own = seen.earlier if seen.earlier is not None else int(not none)
    other = seen.other_after
    if other is not None and other.accepted is True:
        return own
    return own + (seen.strangers if seen.strangers is not None else 1)


def threshold(seen: WebLockout, most: int, failures: WebFailures | None = None) -> Criterion:
    """Return whether the number of failures that lock is small enough; only of a lock that was seen."""
    number, more = count(seen), uncounted(seen, failures)
    met = False if number > most else True if number + more <= most else None
    told = f"不多于 {number} 次即锁定"
    if more:
        told = (
            f"{number} 至 {number + more} 次失败后锁定（此前另有 {more} 次失败，登录成功后是否重新计数未知）"
        )
    return Criterion(
        name="threshold", question=f"锁定的失败次数是否不多于 {most} 次", met=met,
        measured=f"{told}（要求 1–{most} 次）", fact=LOCKOUT,
    )  # fmt: skip


def duration(seen: WebLockout, least: int) -> tuple[Criterion, ...]:
    """Return whether the lock lasts long enough, nothing where that was not waited for."""
    later, waited = seen.right_later, seen.waited_s
    if later is None or waited is None:
        return ()
    if later.accepted is None or later.captcha_words:
        met, told = None, f"{waited:.0f} 秒后以正确口令复查，{_why(later)}"
    elif later.accepted:
        # Unlocked before the time asked for, or not known to be: what was waited may be the whole of it.
        met = False if waited < least else None
        told = f"锁定 {waited:.0f} 秒后以正确口令可登录（要求不少于 {least} 秒）"
    else:
        met = True if waited >= least - _MARGIN_S else None
        told = f"锁定 {waited:.0f} 秒后以正确口令仍被拒绝（要求不少于 {least} 秒）"
    return (
        Criterion(
            name="duration", question=f"锁定时长是否不少于 {least} 秒", met=met, measured=told, fact=LOCKOUT
        ),
    )


def by_whom(seen: WebLockout) -> str:
    """Return in Chinese whether the account or the address is locked, empty where it was not seen."""
    other = seen.other_after
    if other is None or other.accepted is None:
        return ""
    if other.accepted:
        return "同一地址的另一账户可登录，按账户锁定"
    return "同一地址的另一账户也被拒绝，按来源地址锁定"


def remainder(seen: WebLockout) -> str:
    """Return in Chinese what people must add, empty where all was seen."""
    left: list[str] = []
    if seen.right_later is None:
        left.append(f"锁定时长（授权等待 {seen.wait_allowed_s:g} 秒，未等至复查）")
    other = seen.other_after
    if other is None or other.accepted is not True:
        left.append("换来源地址、换账户时是否同样锁定")
    return "、".join(left) + "，须人工核查" if left else ""


def lock_proofs(seen: WebLockout) -> tuple[Exchange, ...]:
    """Return the steps by which the finding can be seen again."""
    role = f"可锁定测试账户 {seen.account}"
    found = [
        Exchange(request=f"以错误口令登录（第 {number} 次）", answer=_answer(one), at=one.at, role=role)
        for number, one in enumerate(seen.wrong, 1)
    ]
    if seen.right_after is not None:
        last = seen.right_after
        found.append(Exchange(request="以正确口令登录", answer=_answer(last), at=last.at, role=role))
    return tuple(found)


def failure_proofs(seen: WebFailures, lockout: WebLockout | None) -> tuple[Exchange, ...]:
    """Return the two failed logins that are compared, and those that led to no lock."""
    names = (
        ("以不存在的账户登录", seen.unknown, ""),
        ("以错误口令登录", seen.wrong, f"可锁定测试账户 {seen.account}"),
    )
    found = tuple(
        Exchange(
            request=request,
            answer=_answer(one.login) + (f"，提示“{one.said}”" if one.said else ""),
            at=one.login.at,
            role=role,
        )
        for request, one, role in names
    )
    return (*found, *(lock_proofs(lockout) if lockout is not None else ()))


def _answer(one: LoginSeen) -> str:
    words = f"，提示“{'、'.join(one.locked_words)}”" if one.locked_words else ""
    if one.status is None:
        return one.problem or "无应答"
    return (
        f"返回 {one.status}{words}，"
        + {True: "登录成功", False: "登录被拒绝", None: "未能判断"}[one.accepted]
    )


def refused(seen: WebFailures) -> Criterion:
    """Return whether a wrong password is refused, while the right one is accepted."""
    logins = (seen.wrong.login, seen.unknown.login)
    accepted = [None if _failing(one) else one.accepted for one in logins]
    met = False if True in accepted else (None if None in accepted else True)
    if met and not seen.right.accepted:
        met = None
    told = {True: "均被拒绝", False: "登录成功", None: "应答不足以判断"}[met]
    return Criterion(
        name="refused", question="错误口令、不存在的账户是否被拒绝登录", met=met,
        measured=f"以错误口令和不存在的账户各登录一次，{told}", fact=FAILURES, decisive=True,
    )  # fmt: skip


def alike(seen: WebFailures) -> Criterion:
    """Return whether a stranger's name and a wrong password are answered alike; times are not compared."""
    unknown, wrong = seen.unknown, seen.wrong
    problem = unknown.login.problem or wrong.login.problem
    odd = any(one.login.locked_words or one.login.captcha_words for one in (unknown, wrong))
    if problem or odd or _failing(unknown.login) or _failing(wrong.login):
        met, told = None, problem or "应答提示锁定、验证码或服务异常，未能比较"
    else:
        met = _shape(unknown) == _shape(wrong)
        told = _compared(unknown, wrong, same=met)
    return Criterion(
        name="alike", question="账户不存在与口令错误的应答是否相同", met=met, measured=told, fact=FAILURES
    )


def _shape(one: FailureSeen) -> tuple[object, ...]:
    return one.login.status, _NUMBER.sub("#", one.login.location), _NUMBER.sub("#", one.said)


def _compared(unknown: FailureSeen, wrong: FailureSeen, *, same: bool) -> str:
    one, two = (f"{one.login.status}“{one.said or '无提示'}”" for one in (unknown, wrong))
    if same:
        return f"账户不存在与口令错误均返回 {two}"
    return f"账户不存在返回 {one}，口令错误返回 {two}，可据以猜测账户"


def handled(seen: WebLockout | None) -> Criterion:
    """Return whether failures are counted and acted upon: by a lock or a captcha."""
    if seen is None:
        met, told = None, "是否对连续失败采取动作未测"
    else:
        met, told = True if seen.captcha_at is not None else locked(seen), _lock_told(seen)
    return Criterion(
        name="handled", question="连续失败后是否采取动作", met=met, measured=told, fact=LOCKOUT, decisive=True
    )


def sentence(criteria: tuple[Criterion, ...]) -> str:
    """Return what was seen, in one sentence."""
    return "；".join(one.measured for one in criteria)
