"""How old the passwords of an application's accounts are, and whether old ones still let anybody in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from dengbao.model import Criterion, WebAsset
from dengbao.probes.web.facts import WebSession
from dengbao.probes.web.facts_access import UserSeen, WebUsers

from .app_users import FACT, usable
from .hosts import ask
from .wording import listing

QUESTION: Final = "可用账户的口令是否均在期限内更换，逾期的是否不能继续使用"
CURE: Final = (
    "用户列表中没有口令修改时间，口令是否定期更换未能确认（可登记 app.users.table.columns.password_changed）"
)
# Days are whole and clocks may lie a zone apart, so that two days less one may be none.
_MARGIN_DAYS: Final = 1


@dataclass(frozen=True)
class Ages:
    """Usable accounts by what their password's age says.

    `used`: the password was overdue at the last login, beyond doubt. `idle`: it is overdue, and nobody has
    logged in with it since. `unsure`: a time is missing, or only the toolkit may have logged in.
    """

    within: tuple[UserSeen, ...]
    used: tuple[UserSeen, ...]
    idle: tuple[UserSeen, ...]
    unsure: tuple[UserSeen, ...]


def ages(users: WebUsers, asset: WebAsset, session: WebSession | None, limit_days: int) -> Ages:
    """Sort the usable accounts; a login of the toolkit's own counts only if it reached a protected page."""
    ours = {one.username.casefold(): one.id for one in asset.accounts}
    inside = session.account if session is not None and _inside(session) else ""
    sorted_out: Mapping[str, list[UserSeen]] = {"within": [], "used": [], "idle": [], "unsure": []}
    for one in usable(users):
        kind = _kind(one, limit_days)
        if kind == "used" and ours.get(one.username.casefold(), inside) != inside:
            kind = "unsure"  # it may have been shown nothing but the page to change the password
        sorted_out[kind].append(one)
    return Ages(**{kind: tuple(many) for kind, many in sorted_out.items()})


def _inside(session: WebSession) -> bool:
    return session.login.accepted is True and session.login.page_reached is True


def _kind(one: UserSeen, limit_days: int) -> str:
    if one.password_days is None:
        return "unsure"
    if one.password_days <= limit_days:
        return "within"
    if one.never_logged_in:
        return "idle"
    if one.last_login_days is None:
        return "unsure"
    return "used" if one.password_days - one.last_login_days > limit_days + _MARGIN_DAYS else "idle"


def forced(asset: WebAsset, session: WebSession | None) -> bool:
    """Tell whether the test account's login led to the declared page where passwords are changed."""
    change = asset.app.password_change if asset.app is not None else None
    if change is None or session is None or not session.login.location:
        return False
    led_to = urlsplit(session.login.location).path.rstrip("/")
    return bool(led_to) and led_to in {one.split("?")[0].rstrip("/") for one in (change.path, change.page)}


def changed_in_time(
    users: WebUsers, asset: WebAsset, session: WebSession | None, limit_days: int
) -> Criterion:
    """Return whether usable accounts have passwords that are young enough, and overdue ones let nobody in.

    One that was seen to lead to the page where passwords are changed speaks for the others, so that what
    their dates say is left to people.
    """
    if "password_changed" not in users.columns:
        return ask("ageing", QUESTION, None, CURE, FACT)
    found = ages(users, asset, session, limit_days)
    leads = forced(asset, session)
    met: bool | None = True
    if found.used:
        met = None if leads else False
    elif found.unsure or not found.within:
        met = None
    seen = f"可用账户 {len(usable(users))} 个，口令在 {limit_days} 天内更换过的 {len(found.within)} 个"
    if found.used:
        seen += f"；口令逾期后仍登录过的 {len(found.used)} 个（{_told(found.used, asset)}）"
    if found.idle:
        seen += f"；口令逾期、此后未登录的 {len(found.idle)} 个"
    if found.unsure:
        seen += f"；修改时间或登录情况不明的 {len(found.unsure)} 个"
    if leads:
        seen += "；测试账户登录后被转到修改口令页面"
    return ask("ageing", QUESTION, met, seen, FACT, decisive=True)


def _told(many: Iterable[UserSeen], asset: WebAsset) -> str:
    """Return ages, and the names of those that the engagement names anyway."""
    known = {one.username.casefold() for one in asset.accounts}
    known |= {one.casefold() for one in (asset.app.roster if asset.app is not None else ())}
    oldest = sorted(many, key=lambda one: -(one.password_days or 0))
    return listing(
        (f"{one.username} " if one.username.casefold() in known else "")
        + f"口令已用 {one.password_days} 天、{one.last_login_days} 天前登录"
        for one in oldest[:5]
    )
