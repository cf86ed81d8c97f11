"""Whether idle sessions end, and whether a second factor is asked for: 1.b.3, 1.d."""

from __future__ import annotations

from typing import Final

from dengbao.model import Criterion, Exchange
from dengbao.probes.web.facts_identity import WebIdle, WebSecondFactor

from . import proofs

IDLE: Final = "web.idle"
FACTOR: Final = "web.second_factor"
_SLACK_S: Final = 15.0
_CLOCKS_S: Final = 60.0  # servers leave that much to clocks that differ
_FACTORS: Final = {
    "totp": "动态口令（TOTP）", "sms": "短信验证码", "ukey": "UKey", "certificate": "数字证书",
    "biometric": "生物特征",
}  # fmt: skip


def idle(seen: WebIdle, limit: int) -> Criterion:
    """Return whether a session that was left alone ended, while another one of the account went on."""
    met, told = _idle(seen, limit)
    return Criterion(
        name="idle",
        question=f"空闲会话是否在 {limit} 秒内失效",
        met=met,
        measured=told,
        fact=IDLE,
        decisive=True,
    )


def _idle(seen: WebIdle, limit: int) -> tuple[bool | None, str]:
    if seen.concurrent is not True:
        return None, "同一账户再次登录后先前的会话即失效或未能确认，无从对照空闲超时"
    if seen.shared:
        return None, "同一账户再次登录取得同一会话凭据，静置的会话无从与活动的会话分开"
    if seen.idle is None or seen.awake is None or seen.waited_s is None:
        return None, f"授权等待 {seen.wait_allowed_s:g} 秒，未静置会话实测"
    waited = f"会话静置 {seen.waited_s:.0f} 秒后访问 {seen.path}"
    ended = seen.idle.ended
    if ended is None:
        return None, f"{waited}，应答不足以判断会话是否失效"
    if ended:
        return _ended(seen, limit, waited)
    enough = seen.waited_s >= limit
    more = "" if enough else f"，未等至 {limit} 秒"
    return (False if enough else None), f"{waited} 返回 {seen.idle.after.status}，会话仍有效{more}"


def _ended(seen: WebIdle, limit: int, waited: str) -> tuple[bool | None, str]:
    """Tell whether it was for being idle that a session ended: nothing else may explain it."""
    if seen.idle is None or seen.awake is None or seen.awake.ended is not False:
        return None, f"{waited} 已失效，但同时保持活动的会话也失效或未能确认，不能归于空闲超时"
    if seen.others != 0 and seen.crowded is not False:
        more = "次数未知的" if seen.others is None else f" {seen.others} 次"
        return None, f"{waited} 已失效，但其间同一账户另有{more}登录，可能超出会话数量，不能归于空闲超时"
    told = f"{waited} 返回 {seen.idle.after.status}，会话已失效；同时保持活动的会话仍有效"
    return (True if seen.waited_s is not None and seen.waited_s <= limit + _SLACK_S else None), told


def idle_remarks(seen: WebIdle) -> str:
    """Return in Chinese what the credentials themselves say of their lifetime."""
    parts: list[str] = []
    if seen.concurrent is not None:
        parts.append("允许同一账户同时存在多个会话" if seen.concurrent else "同一账户只保留最新会话")
    if seen.cookie_lifetime_s is not None:
        parts.append(f"会话 Cookie 有效期 {seen.cookie_lifetime_s} 秒")
    elif seen.carrier == "cookie":
        parts.append("会话 Cookie 随浏览器关闭失效")
    if seen.token_lifetime_s is not None:
        parts.append(f"令牌有效期 {seen.token_lifetime_s} 秒")
    return "；".join((*parts, *_absolute(seen)))


def _absolute(seen: WebIdle) -> tuple[str, ...]:
    """Return in Chinese what the session that was kept awake shows of a lifetime whatever one does.

    No requirement names one; a token that goes on beyond its own claims is told, for a session of the
    server's may stand behind it.
    """
    if seen.awake is None or seen.awake_s is None:
        return ()
    if seen.awake.ended:
        return (f"持续操作的会话登录 {seen.awake_s:.0f} 秒时仍有效，其后失效，或设有绝对有效期",)
    if seen.awake.ended is None:
        return ()
    told = [f"持续操作的会话登录 {seen.awake_s:.0f} 秒后仍有效，未见绝对有效期"]
    claimed = seen.token_lifetime_s
    if claimed is not None and seen.awake_kept and seen.awake_s > claimed + _CLOCKS_S:
        told.append(f"其令牌自称的有效期（{claimed} 秒）已过仍被接受，服务端未以此为准")
    return tuple(told)


def idle_proofs(seen: WebIdle, criterion: Criterion) -> tuple[Exchange, ...]:
    """Return the request by which a session that outlives its time can be seen again."""
    if seen.idle is None:
        return ()
    how = f"GET {seen.path}（登录后静置 {seen.waited_s or 0:.0f} 秒）"
    return proofs.findings((criterion,), lambda _one: how, at=seen.idle.after.at, role=seen.account)


def factor_proofs(seen: WebSecondFactor, criteria: tuple[Criterion, ...]) -> tuple[Exchange, ...]:
    """Return the logins and pages by which a missing or loose second factor can be seen again."""
    open_page = next((one for one in seen.skipped if one.reached), None)
    requests = {
        "demanded": ("以用户名、口令登录", seen.first.at),
        "skipped": (f"GET {open_page.path if open_page else '/'}（口令通过后不输入第二因素）",
                    open_page.at if open_page else None),
        "wrong": ("以用户名、口令和错误的第二因素登录", seen.wrong.at if seen.wrong else None),
        "cryptographic": ("以用户名、口令登录，查看第二因素", seen.first.at),
    }  # fmt: skip
    failed = [one for one in criteria if one.met is False]
    return tuple(
        Exchange(
            request=requests[one.name][0], answer=one.measured, at=requests[one.name][1], role=seen.account
        )
        for one in failed
    )


def demanded(seen: WebSecondFactor) -> tuple[Criterion, ...]:
    """Return whether the password alone gets in, or going on without the factor, or a wrong code."""
    if not seen.prompted:
        met = False if seen.first.accepted else None
        told = "仅以用户名、口令即登录成功，未要求第二因素" if met is False else "口令登录的应答不足以判断"
        return (_ask("demanded", "登录是否要求第二种鉴别因素", met, told),)
    name = _FACTORS.get(seen.factor, seen.factor) or "第二因素"
    found = [
        _ask("demanded", "登录是否要求第二种鉴别因素", True, f"口令通过后要求{name}"),
        _skipped(seen),
    ]
    wrong = seen.wrong
    if wrong is not None:
        met = None if wrong.page_reached is None else not wrong.page_reached
        if met and not (seen.right is not None and seen.right.accepted):
            met = None
        state = {True: "被拒绝", False: "登录成功", None: wrong.problem or "应答不足以判断"}[met]
        found.append(_ask("wrong", "错误的第二因素是否被拒绝", met, f"以错误动态口令登录一次，{state}"))
    return tuple(found)


def _skipped(seen: WebSecondFactor) -> Criterion:
    reached = [one.path for one in seen.skipped if one.reached]
    silent = [one for one in seen.skipped if one.reached is None]
    question = "不经第二因素能否拒绝访问受保护页面"
    if reached:
        return _ask("skipped", question, False, f"仅凭口令继续访问 {'、'.join(reached)}，可以访问")
    if not seen.skipped or silent:
        return _ask("skipped", question, None, "仅凭口令继续访问受保护页面，应答不足以判断")
    pages = "、".join(f"{one.path} 返回 {one.status}" for one in seen.skipped)
    return _ask("skipped", question, True, f"仅凭口令继续访问 {pages}，均被拒绝")


def cryptographic(seen: WebSecondFactor) -> Criterion:
    """Return whether a factor that rests on cryptography is really asked for.

    A one-time password of RFC 6238 is an HMAC; that ours was accepted shows it. Text messages and
    biometrics are none; tokens and certificates are believed only as far as they were seen.
    """
    question = "是否至少一种鉴别技术使用密码技术"
    if not seen.prompted:
        met = False if seen.first.accepted else None
        told = "仅以口令登录成功，口令不属于密码技术" if met is False else "口令登录的应答不足以判断"
        return _ask("cryptographic", question, met, told)
    name = _FACTORS.get(seen.factor, "第二因素（未登记种类）")
    if any(one.met is False for one in demanded(seen)):
        return _ask("cryptographic", question, False, f"{name}可被绕过，实际仅以口令鉴别")
    if seen.factor in ("sms", "biometric"):
        return _ask("cryptographic", question, False, f"第二因素为{name}，不属于密码技术")
    proven = all(one.met for one in demanded(seen)) and seen.right is not None and seen.right.accepted
    if seen.factor == "totp" and proven:
        return _ask("cryptographic", question, True, f"第二因素为{name}，以种子计算的动态口令登录成功")
    return _ask("cryptographic", question, None, f"第二因素登记为{name}，未能以其登录验证")


def _ask(name: str, question: str, met: bool | None, told: str) -> Criterion:
    return Criterion(name=name, question=question, met=met, measured=told, fact=FACTOR, decisive=True)
