"""9.a.1: is a session dead that was opened with a password which is no longer valid?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.web.facts_identity import WebPasswordChange

from .. import proofs

# What the facts cannot show and people must add.
LEFT = "由管理员重置口令、停用账户后，已有会话与令牌是否失效，须人工实测"

_FACT = "web.password_change"


@check("residual.password_change", half=LEFT)
def web_sessions_end_with_their_password(seen: WebPasswordChange) -> Judgement:
    """Judge that another session of the account is refused as soon as the password was changed.

    It was alive just before the change, and nobody logged in between.

    Source: GB/T 22239-2019 8.1.4.10 a).
    """
    replay = seen.earlier_session
    changed = any(one.accepted for one in seen.tries if one.kind != "same")
    if replay is None or not changed:
        why = "口令未能改成" if not changed else "应用不允许同一账户有另一会话，或改密前后未能取得受保护页面"
        raise Undetermined(f"经测试验证，{why}，无从查看改密后此前的会话是否失效")
    ended = replay.ended
    told = {
        True: "被拒绝，会话已失效", False: "仍可访问", None: "无法判断会话是否失效"
    }[ended]  # fmt: skip
    status = f"返回 {replay.after.status}" if replay.after.answered else "无应答"
    measured = f"改密前另行登录的会话在改密后访问 {replay.after.path} {status}，{told}"
    criterion = Criterion(
        name="earlier_session", question="改密后此前的会话与令牌是否失效", met=ended, measured=measured,
        fact=_FACT,
    )  # fmt: skip
    return Judgement(
        criteria=(criterion,),
        statement=f"经测试验证，以账户 {seen.account} 改密（{seen.method} {seen.path}），{measured}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
        proofs=()
        if ended is not False
        else (proofs.page(replay.after, f"{status}，{told}", how="以改密前另行登录的会话"),),
    )
