"""9.b.1: does sensitive data stay behind in the browser?"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Exchange, Judgement, WebAsset
from dengbao.probes.web.facts import SessionPage, WebSession
from dengbao.probes.web.facts_persons import ViewSeen, WebPersons

from .. import proofs

# What the facts cannot show and people must add.
LEFT = "服务端敏感数据所在的存储空间释放前是否完全清除，须核查配置或系统设计文档"


@check("residual.cache_headers", half=LEFT)
def web_pages_are_not_cached(asset: WebAsset, session: WebSession, persons: WebPersons | None) -> Judgement:
    """Judge that protected pages, and those that show persons, forbid the browser to store them.

    `no-cache` alone does not. The back button and the disk show what was stored: also answers of interfaces.

    Source: GB/T 22239-2019 8.1.4.10 b).
    """
    telling = [one for one in session.pages if one.tells_apart]
    if not telling:
        raise Undetermined("经测试验证，未登记受保护页面，或登录前后应答无差别，无从查看其缓存设置")
    views = persons.views if persons else ()
    own = tuple(_criterion(one) for one in telling)
    criteria = (*own, *(one for view in views for one in _of_view(view)), *_unseen(asset, persons))
    if not any(one.met for one in criteria):
        # Where not one answer forbids it, those that were not seen cannot make it better than that.
        criteria = tuple(msgspec.structs.replace(one, decisive=True) for one in criteria)
    told = "；".join(one.measured for one in criteria)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，登录后查看 {len(criteria)} 个受保护页面与接口的缓存设置：{told}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
        proofs=tuple(
            proofs.page(page.during, f"返回 {page.during.status}，{one.measured}", role=session.account)
            for page, one in zip(telling, own, strict=True)
            if one.met is False
        )
        + tuple(one for view in views for one in _view_proofs(view)),
    )


def _of_view(view: ViewSeen) -> Iterator[Criterion]:
    """Yield for a page that shows persons, and for each interface behind it, whether it may be stored."""
    for place, given in (view.caching or {}).items() if view.shown else ():
        path = view.path if place == "page" else place
        yield _asked(f"view:{path}", path, given, "web.persons")
    for path in [*([] if view.shown else [view.path]), *view.unread]:
        yield Criterion(
            name=f"view:{path}", question=f"{path} 是否禁止浏览器留存", met=None, measured=f"{path} 未取得",
            fact="web.persons",
        )  # fmt: skip


def _unseen(asset: WebAsset, persons: WebPersons | None) -> Iterator[Criterion]:
    if asset.app is not None and asset.app.patients and persons is None:
        yield Criterion(
            name="views", question="展示个人信息的页面是否禁止浏览器留存", met=None,
            measured="登记的展示个人信息的页面未能查看", fact="web.persons",
        )  # fmt: skip


def _view_proofs(view: ViewSeen) -> Iterator[Exchange]:
    for one in _of_view(view):
        if one.met is False:
            path = one.name.removeprefix("view:")
            yield Exchange(
                request=f"GET {path}",
                answer=f"返回 {view.status}，{one.measured}",
                at=view.at,
                role=view.role,
            )


def _criterion(page: SessionPage) -> Criterion:
    path = page.during.path
    return _asked(f"no_store:{path}", path, page.during.cache_control or "", "web.session")


def _asked(name: str, path: str, given: str, fact: str) -> Criterion:
    directives = {one.strip().casefold() for one in given.split(",")}
    return Criterion(
        name=name,
        question=f"{path} 是否禁止浏览器留存",
        met="no-store" in directives,
        measured=f"{path} {f'Cache-Control 为“{given[:80]}”' if given else '未设 Cache-Control'}",
        fact=fact,
    )
