"""9.b.1: does sensitive data stay behind in the browser?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.web.facts import SessionPage, WebSession

from .. import proofs

# What the facts cannot show and people must add.
LEFT = "服务端敏感数据所在的存储空间释放前是否完全清除，须核查配置或系统设计文档"


@check("residual.cache_headers", half=LEFT)
def web_pages_are_not_cached(session: WebSession) -> Judgement:
    """Judge that protected pages forbid the browser to store them; `no-cache` alone does not.

    Source: GB/T 22239-2019 8.1.4.10 b).
    """
    telling = [one for one in session.pages if one.tells_apart]
    if not telling:
        raise Undetermined("经测试验证，未登记受保护页面，或登录前后应答无差别，无从查看其缓存设置")
    criteria = tuple(_criterion(one) for one in telling)
    told = "；".join(one.measured for one in criteria)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，登录后查看 {len(telling)} 个受保护页面的缓存设置：{told}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
        proofs=tuple(
            proofs.page(page.during, f"返回 {page.during.status}，{one.measured}", role=session.account)
            for page, one in zip(telling, criteria, strict=True)
            if one.met is False
        ),
    )


def _criterion(page: SessionPage) -> Criterion:
    given = page.during.cache_control
    directives = {one.strip().casefold() for one in (given or "").split(",")}
    return Criterion(
        name=f"no_store:{page.during.path}",
        question=f"{page.during.path} 是否禁止浏览器留存",
        met="no-store" in directives,
        measured=f"{page.during.path} {f'Cache-Control 为“{given[:80]}”' if given else '未设 Cache-Control'}",
        fact="web.session",
    )
