"""What protected pages show to a stranger: shared by the questions about login, anonymity and privacy."""

from __future__ import annotations

from dengbao.model import Criterion, Exchange
from dengbao.probes.web.facts import UNLIKE_PERCENT, PageSeen, SessionPage, WebPages, WebSession

from . import proofs
from .wording import listing

FACT = "web.pages"
SHOWN_PERCENT = 50
"""From this share of a page's own text on, its content counts as shown."""


def refused(page: PageSeen, session: WebSession | None) -> bool | None:
    """Tell whether a page is kept from strangers; None where the answers do not show it.

    What the page shows with a session is the control: text that was shown before counts as shown,
    whatever status or form came with it; a page that nobody can reach proves nothing.
    """
    return kept_out(page, session.page(page.path) if session is not None else None)


def kept_out(page: PageSeen, pair: SessionPage | None) -> bool | None:
    """Tell whether a page is kept from strangers; `pair` is what it shows with a session, if seen."""
    if pair is None or pair.during.reached is None:
        return page.login_demanded
    if pair.during.reached:
        return _against_content(page, pair)
    # With the session it is refused, too: for lack of rights it exists, else it may not. One that is
    # forbidden to everybody alike tells nothing of logins: a firewall or a list of addresses does that.
    lacks_rights = pair.during.final_status == 403 and page.final_status != 403
    return page.login_demanded if page.login_demanded is False or lacks_rights else None


def _against_content(page: PageSeen, pair: SessionPage) -> bool | None:
    """Tell whether a page is kept from strangers, knowing its text as seen with a session."""
    shown = pair.before_shown_percent
    in_place = page.password_field and not page.moved and page.final_status == 200
    if shown is not None and shown >= (UNLIKE_PERCENT if in_place else SHOWN_PERCENT):
        # Below a login form in place the common text may be a menu: that is not decided by its share.
        return None if in_place else False
    if page.login_demanded is None:
        return True if pair.tells_apart else None
    if page.login_demanded is False and shown is not None and shown < UNLIKE_PERCENT:
        return None
    return page.login_demanded


def refusals(pages: WebPages, session: WebSession | None) -> tuple[Criterion, ...]:
    """Return one decisive criterion for each protected page."""
    return tuple(
        Criterion(
            name=f"refused:{one.path}",
            question=f"未登录时 {one.path} 是否不可访问",
            met=refused(one, session),
            measured=sight(one, session),
            fact=FACT,
            decisive=True,
        )
        for one in pages.pages
    )


def refusal_proofs(pages: WebPages, session: WebSession | None) -> tuple[Exchange, ...]:
    """Return the requests by which pages that strangers are shown can be seen again."""
    return tuple(
        proofs.page(one, sight(one, session)) for one in pages.pages if refused(one, session) is False
    )


def summary(pages: WebPages, criteria: tuple[Criterion, ...]) -> str:
    """Return in Chinese what the pages answered, and how many of them refused."""
    counts = [sum(one.met is answer for one in criteria) for answer in (True, False, None)]
    words = ("要求登录后访问", "未登录即可访问", "无法判断是否要求登录")
    told = "，".join(f"{count} 个{word}" for count, word in zip(counts, words, strict=True) if count)
    seen = "；".join(
        f"{page.path} {one.measured}" for page, one in zip(pages.pages[:8], criteria, strict=False)
    )
    more = f"；等 {len(pages.pages)} 个" if len(pages.pages) > 8 else ""
    return f"未登录直接访问 {len(pages.pages)} 个登记的受保护页面（{seen}{more}），{told}"


def sight(page: PageSeen, session: WebSession | None) -> str:
    """Return in Chinese how one page answered, and how much of its content came with that."""
    return told(page, session.page(page.path) if session is not None else None)


def told(page: PageSeen, pair: SessionPage | None) -> str:
    """Return in Chinese how one page answered beside what it shows with a session."""
    shown = pair.before_shown_percent if pair is not None else None
    more = f"，应答中含登录后页面内容的 {shown}%" if shown is not None and shown >= SHOWN_PERCENT else ""
    return _answer(page) + more


def _answer(page: PageSeen) -> str:
    if not page.answered:
        return f"无应答（{page.problem}）"
    if page.stopped:
        return f"返回 {page.status}，{page.stopped}"
    if page.moved:
        goes_to_login = page.password_field or page.at_login_page
        return f"返回 {page.status} 并转到{'登录页' if goes_to_login else '另一页面'}"
    if page.json:
        words = f"，提示“{listing(page.login_words)}”" if page.login_words else ""
        code = f"，JSON 代码 {page.json_code}" if page.json_code is not None else "，JSON 数据"
        return f"返回 {page.final_status}{code}{words}"
    return f"返回 {page.final_status}{_content(page)}"


def _content(page: PageSeen) -> str:
    if page.final_status is None or not 200 <= page.final_status < 300:
        return ""
    if page.password_field:
        return "，页面为登录表单"
    if page.login_words:
        return f"，提示“{listing(page.login_words)}”"
    if page.shell:
        return "，页面内容由脚本生成" if page.scripts else "，页面没有文字"
    if page.login_demanded is None:
        return "，与不存在的路径应答相同"
    return f"，直接显示页面内容（{page.size_bytes} 字节）"
