"""What became of a user that was disabled and removed: shared by the question about accounts nobody needs."""

from __future__ import annotations

from typing import Final

from dengbao.model import Criterion, Exchange
from dengbao.probes.web.facts import LoginSeen
from dengbao.probes.web.facts_closing import WebClosing

from .hosts import ask
from .web_logins import sight

FACT: Final = "web.closing"
SESSION_LEFT: Final = "停用账户后其已有会话是否失效，须人工测试"
_HASTE: Final = ("429", "频繁", "稍", "too many", "rate limit", "later")
_TESTER: Final = "检测时新建的测试用户"


def closed(seen: WebClosing) -> tuple[Criterion, ...]:
    """Return whether the user could still log in and go on after it was disabled, and after its removal."""
    found = [_disabled(seen)]
    session = seen.session.ended if seen.session is not None else None
    if session is not None and _was_disabled(seen):
        told = "停用前建立的会话随即失效" if session else "停用前建立的会话仍可继续使用"
        found.append(ask("session", "停用账户后其已有会话是否失效", session, told, FACT))
    if seen.removed is not None:
        refused = _refused(seen.removed, seen)
        told = f"删除后以原口令登录，{_told(seen.removed)}"
        found.append(ask("removed", "删除的账户是否不能登录", refused, told, FACT, decisive=True))
    return tuple(found)


def _disabled(seen: WebClosing) -> Criterion:
    question = "停用的账户是否不能登录"
    before, after = seen.before, seen.disabled
    if seen.created is not True:
        return ask("login", question, None, "未能新建测试用户，停用的账户能否登录未测", FACT)
    if before is None or before.accepted is not True or after is None:
        told = sight(before) if before is not None else "未取得应答"
        return ask("login", question, None, f"停用前以测试用户登录未成功（{told}），停用后能否登录未测", FACT)
    refused = _refused(after, seen)
    if refused is False and not _was_disabled(seen):
        return ask("login", question, None, "停用请求是否生效未能确认，其后仍可登录不足以说明问题", FACT)
    if refused and seen.disabling is not None and seen.disabling.carried_out is False:
        refused = None
    return ask("login", question, refused, f"停用后以原口令登录，{_told(after)}", FACT, decisive=True)


def _was_disabled(seen: WebClosing) -> bool:
    return seen.disabling is not None and seen.disabling.carried_out is True


def _refused(one: LoginSeen, seen: WebClosing) -> bool | None:
    """Tell whether a login was refused for the user's sake; None where something else may be the reason."""
    if one.accepted:
        other = seen.removed
        shown = one.page_reached or (other is not None and other is not one and other.accepted is False)
        return False if shown else None
    hasty = one.captcha_words or any(word in said for said in one.locked_words for word in _HASTE)
    failing = one.status is None or one.status >= 500 or one.status == 429
    if one.accepted is None or hasty or failing:
        return None
    return True if seen.control is not None and seen.control.accepted else None


def _told(one: LoginSeen) -> str:
    words = {True: "登录成功", False: "被拒绝", None: "能否登录未能确认"}[one.accepted]
    return f"{words}（{sight(one)}）"


def closing_proofs(seen: WebClosing) -> tuple[Exchange, ...]:
    """Return the steps by which the finding can be seen again."""
    steps = (
        ("以原口令登录（停用前）", seen.before), ("以原口令登录（停用后）", seen.disabled),
        ("以原口令登录（删除后）", seen.removed),
    )  # fmt: skip
    found = [
        Exchange(request=request, answer=_told(one), at=one.at, role=_TESTER)
        for request, one in steps
        if one is not None
    ]
    if seen.disabling is not None:
        step = seen.disabling
        found.insert(1, Exchange(request=step.request, answer=f"返回 {step.status}", role="用户管理员"))
    if seen.session is not None:
        after = seen.session.after
        found.append(
            Exchange(
                request=f"GET {after.path}（停用前建立的会话）", answer=f"返回 {after.status}", at=after.at,
                role=_TESTER,
            )
        )  # fmt: skip
    return tuple(found)


def left(seen: WebClosing) -> str:
    """Return in Chinese what people must add, empty where all was seen."""
    known = seen.session is not None and seen.session.ended is not None and _was_disabled(seen)
    return "" if known else SESSION_LEFT
