"""9.a.1: is authentication information cleared?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.web.facts import WebLogout

from ..web_logout import endings, sight


@check("residual.session")
def web_session_is_cleared_by_logout(seen: WebLogout) -> Judgement:
    """Judge that nothing of the session can be used again after the logout.

    Source: GB/T 22239-2019 8.1.4.10 a).
    """
    criteria = endings(seen)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{sight(seen, criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder="鉴别信息所在内存、缓存和文件在释放前是否完全清除，须核查配置或系统设计文档",
    )
