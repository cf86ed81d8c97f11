"""Reads the accounts of an application, from its list of users or from its table."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from ...errors import LoginRefused, NotDeclared
from ...model import Asset, UserAdmin, WebAsset
from ..base import Context, Observed
from .browser import Chain, opened
from .entering import as_web
from .facts_access import UserSeen, WebUsers
from .leaving import leave
from .login import turn
from .lookup import table_rows
from .parties import LIMITS, admit, described
from .reading import find_json
from .rows import MAX_ROWS, Row, headings_beside, mismatch, rows_of, when
from .states import STATES, enabled, meaning_of

# How lists call what the engagement gives no column for; the first heading that fits is taken.
_HEADINGS: Final = {
    "role": re.compile(r"^(?:用户)?角色|role|岗位|权限组", re.IGNORECASE),
    **STATES,
    "last_login": re.compile(r"(?:最近|最后|上次).{0,2}登[录陆]|last_?log(?:in|on)", re.IGNORECASE),
    "password_changed": re.compile(
        r"(?:口令|密码).{0,4}(?:修改|更新|变更|更换)(?!人)|(?:修改|更新|变更|更换)(?:口令|密码)(?:时间|日期)"
        r"|(?:password|pwd)_?(?:last_?)?(?:changed?|set|updated?|modified)|last_?(?:password|pwd)_?(?:change|set)",
        re.IGNORECASE,
    ),
}
_DATE: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_OLDEST_DAYS: Final = 20 * 366  # columns that were never filled hold 1970 or 1900
_MORE: Final = re.compile(r"下一页|next page|[?&](?:page|pageNum|pageNo|p)=\d+", re.IGNORECASE)
_TOTAL: Final = re.compile(r"共\s*(\d+)\s*(?:条|个|人|名|项|位)")
_TOTALS: Final = (
    "total",
    "totalCount",
    "count",
    "data.total",
    "data.totalCount",
    "data.count",
    "result.total",
)


async def probe(asset: Asset, context: Context) -> Observed:
    """Read the accounts of the application; nothing is kept but names, roles and what tells of their use.

    Sends: one login and the list of users, or one SELECT on the declared table.
    Changes: one session of the declared account begins and ends.
    Level: login.

    Raises:
        NotDeclared, LoginRefused, ProtocolMismatch and what a visit or a database raises.

    """
    web = as_web(asset)
    admin = described(web).users
    if admin is None or not (admin.table or admin.list_path):
        raise NotDeclared("未登记用户列表", where=f"测评对象 {web.id}", cure="登记 app.users")
    if admin.table is not None and "username" in admin.table.columns:
        rows = await table_rows(web, context, admin.table)
        if meaning_of(admin.table.columns.get("enabled", "")) == "state":
            rows = [{"state" if key == "enabled" else key: text for key, text in one.items()} for one in rows]
        return Observed((_facts("table", admin.table.table, rows, complete=len(rows) < MAX_ROWS),))
    return await _by_page(web, context, admin)


async def _by_page(web: WebAsset, context: Context, admin: UserAdmin) -> Observed:
    if not admin.usernames:
        raise NotDeclared(
            "未登记用户列表中的用户名列", where=f"测评对象 {web.id}", cure="填写 app.users.usernames"
        )
    async with turn(web), opened(web, context, probe="web.users", limits=LIMITS) as browser:
        party = await admit(browser, web, context, context.account(web, admin.account))
        if not party.present:
            raise LoginRefused(
                f"账户 {admin.account} 未能登录：{party.problem}", cure="核对 app.users.account"
            )
        try:
            chain = await party.visitor.visit(admin.list_path)
        finally:
            await leave(party.visitor, web)
    columns = {"username": admin.usernames, **_guessed(chain, admin.usernames)}
    rows = rows_of(chain, columns)
    if rows is None or not any(one.get("username") for one in rows):
        raise mismatch(admin.list_path)
    facts = _facts("page", admin.list_path, rows, complete=complete(chain, len(rows)))
    return Observed((facts,), (), f"账户 {admin.account}")


def _guessed(chain: Chain, usernames: str) -> dict[str, str]:
    """Return headings or keys that tell of role, state and last login, by their names."""
    document = chain.last.document
    names: list[str] = []
    if document.is_json:
        rows = rows_of(chain, {"username": usernames}) or []
        names = _keys(document.data, usernames) if rows else []
    else:
        names = headings_beside(document.source, usernames)
    found: dict[str, str] = {}
    for meaning, pattern in _HEADINGS.items():
        several = [one for one in names if one != usernames and pattern.search(one)]
        if meaning in STATES:
            several = [one for one in several if meaning_of(one) == meaning]
        fits = next(iter(several), None)
        if fits is not None:
            found[meaning] = fits
    return found


def _keys(data: object, usernames: str) -> list[str]:
    stack = [data]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if usernames in one:
                return [str(key) for key in one]
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one[:5])
    return []


def complete(chain: Chain, count: int) -> bool | None:
    """Tell whether a list shows everybody: by the total it tells, or because it has no further pages."""
    document = chain.last.document
    if document.is_json:
        totals = [found for one in _TOTALS if isinstance(found := find_json(document.data, one), int)]
        return count >= max(totals) if totals else None
    told = [int(one) for one in _TOTAL.findall(document.text)]
    if told:
        return count >= max(told)
    return None if leads_on(document.source) or document.scripts else True


def leads_on(source: str) -> bool:
    """Tell whether a page leads to further pages of its list."""
    return _MORE.search(source) is not None


def states_of(chain: Chain, usernames: str) -> dict[str, bool | None]:
    """Return name → enabled, for every user a list shows; None where no column tells."""
    rows = rows_of(chain, {"username": usernames, **_guessed(chain, usernames)}) or []
    return {one["username"].strip(): enabled(one) for one in rows if one.get("username")}


def _facts(source: str, path: str, rows: list[Row], *, complete: bool | None) -> WebUsers:
    users = tuple(_user(one) for one in rows if one.get("username"))
    meanings = tuple(dict.fromkeys(key for one in rows for key in one if key != "*"))
    return WebUsers(
        source=source, path=path, users=users, complete=complete, columns=meanings,
        at=datetime.now().astimezone(),
    )  # fmt: skip


def _user(row: Row) -> UserSeen:
    last = row.get("last_login")
    days = _days(last or "")
    return UserSeen(
        username=row["username"].strip()[:64], role=row.get("role", "").strip()[:32],
        enabled=enabled(row),
        last_login_days=None if days is None else max(days, 0),
        never_logged_in=None if last is None else not last.strip(),
        password_days=_password_days(row.get("password_changed", "")),
    )  # fmt: skip


def _days(text: str) -> int | None:
    """Return how many whole days ago a time or date was, negative if it is to come."""
    at = when(text, None)
    if at is None and (found := _DATE.fullmatch(text.strip())):
        at = when(f"{found[1]}-{found[2]}-{found[3]} 00:00", None)
    return (datetime.now().astimezone() - at).days if at is not None else None


def _password_days(text: str) -> int | None:
    """Return a password's age; a time to come, or older than any application, tells something else."""
    days = _days(text)
    return max(days, 0) if days is not None and -1 <= days <= _OLDEST_DAYS else None
