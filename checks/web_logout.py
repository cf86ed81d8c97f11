"""Whether the logout ended the session: shared by the questions about sessions and residual information."""

from __future__ import annotations

from dengbao.model import Criterion, Exchange
from dengbao.probes.web.facts import ALIKE_PERCENT, Replay, WebLogout

from . import proofs

FACT = "web.logout"
_CARRIERS = {"cookie": "会话 Cookie", "bearer": "访问令牌", "": "会话凭据"}
_BY = {"old": "退出前的{}", "browser": "退出后的浏览器状态"}


def took_effect(seen: WebLogout) -> bool:
    """Tell whether the declared logout was a logout: answered, without error, unlike any other path."""
    answer = seen.answer
    if not answer.answered or answer.status is None or seen.confirm_form:
        return False
    if answer.status >= 400:
        return False
    alike = answer.like_unknown_path_percent
    same_status = answer.unknown_status == answer.final_status
    return not (same_status and alike is not None and alike >= ALIKE_PERCENT and not answer.moved)


def endings(seen: WebLogout) -> tuple[Criterion, ...]:
    """Return one criterion for each page that was asked for again, and one for the browser."""
    works = took_effect(seen)
    return tuple(
        Criterion(
            name=f"ended:{one.by}:{one.before.path}",
            question=f"退出后以{_what(seen, one)}访问 {one.before.path} 是否被拒绝",
            met=one.ended if works else None,
            measured=f"以{_what(seen, one)}访问 {one.before.path} {_after(one)}",
            fact=FACT,
            decisive=True,
        )
        for one in seen.replays
    )


def logout_proofs(seen: WebLogout) -> tuple[Exchange, ...]:
    """Return the logout, and the pages that could still be seen after it."""
    alive = [one for one in seen.replays if one.ended is False] if took_effect(seen) else []
    if not alive:
        return ()
    done = Exchange(
        request=f"{seen.method} {seen.answer.path}（退出）",
        answer=f"返回 {seen.answer.status}",
        at=seen.answer.at,
    )
    return (*(proofs.page(one.after, _after(one), how=f"以{_what(seen, one)}") for one in alive), done)


def sight(seen: WebLogout, criteria: tuple[Criterion, ...]) -> str:
    """Return in Chinese what the logout and the replays brought."""
    status = f"返回 {seen.answer.status}" if seen.answer.answered else f"无应答（{seen.answer.problem}）"
    if seen.confirm_form:
        status += "，要求再次确认"
    elif not took_effect(seen):
        status += "，未见退出生效，请核对登记的退出地址与方式"
    cleared = f"，清除 Cookie {'、'.join(seen.cookies_cleared)}" if seen.cookies_cleared else ""
    told = "；".join(one.measured for one in criteria)
    return f"登录后执行退出（{seen.method} {seen.answer.path}）{status}{cleared}；{told}"


def _what(seen: WebLogout, replay: Replay) -> str:
    return _BY[replay.by].format(_CARRIERS[seen.carrier])


def _after(replay: Replay) -> str:
    if replay.ended:
        return f"返回 {replay.after.status}，会话已失效"
    if replay.ended is False:
        return f"返回 {replay.after.status}，仍可访问"
    return "无应答" if not replay.after.answered else f"返回 {replay.after.status}，无法判断会话是否失效"
