"""1.b.3: does a session end?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.web.facts import WebLogout

from ..web_logout import endings, logout_proofs, sight

# What the facts cannot show and people must add.
LEFT = "未实测静置超时的，其时长与效果；移动端、接口等其他入口的退出与超时，须人工实测并留存截图"


@check("identity.logout_ends_session", half=LEFT)
def web_logout_ends_the_session(seen: WebLogout) -> Judgement:
    """Judge that the session's cookies or token are refused after the logout.

    Source: GB/T 22239-2019 8.1.4.1 b).
    """
    criteria = endings(seen)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{sight(seen, criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
        proofs=logout_proofs(seen),
    )
