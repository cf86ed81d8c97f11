"""What an application's list of users says: who is on the roster, who is idle, who has a default name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dengbao.model import Criterion, Exchange, WebAsset
from dengbao.probes.web.facts_access import UserSeen, WebUsers

from . import proofs
from .hosts import ask
from .wording import listing

FACT: Final = "web.users"
_DEFAULT: Final = re.compile(
    r"^(?:admin|administrator|root|sysadmin|system|superadmin|super|manager|guest|test|demo|user|anonymous|public"
    r"|sa|sys|operator|supervisor|管理员|超级管理员|系统管理员|测试|游客)\d{0,3}$",
    re.IGNORECASE,
)


def usable(users: WebUsers) -> list[UserSeen]:
    """Return the accounts that are not known to be disabled."""
    return [one for one in users.users if one.enabled is not False]


def source(users: WebUsers) -> str:
    """Return in Chinese where the accounts were read and how many there are."""
    off = sum(one.enabled is False for one in users.users)
    where = f"用户列表 {users.path}" if users.source == "page" else f"用户表 {users.path}"
    return f"{where}共 {len(users.users)} 个账户，其中停用 {off} 个"


def list_proofs(users: WebUsers, criteria: Iterable[Criterion]) -> tuple[Exchange, ...]:
    """Return where the accounts that should not be there can be seen again."""
    request = f"GET {users.path}（用户列表）" if users.source == "page" else f"查询用户表 {users.path}"
    return proofs.findings(criteria, lambda _one: request, at=users.at)


def whole(users: WebUsers) -> tuple[Criterion, ...]:
    """Return an unknown criterion where the list may hold more than was read."""
    if users.complete:
        return ()
    seen = "用户列表有多页或总数未知，只读到第一页" if users.complete is None else "用户列表只读到一部分"
    return (ask("whole", "是否读到全部账户", None, seen, FACT),)


def rostered(users: WebUsers, asset: WebAsset) -> Criterion:
    """Return whether every usable account stands on the declared roster."""
    question = "可用账户是否均在登记的人员账户清单内"
    roster = {one.strip().casefold() for one in asset.app.roster} if asset.app is not None else set()
    if not roster:
        return ask("roster", question, None, "未登记人员账户清单（app.roster）", FACT)
    extra = [one.username for one in usable(users) if one.username.strip().casefold() not in roster]
    seen = f"不在登记的人员账户清单内的账户：{listing(extra) or '无'}"
    return ask("roster", question, not extra, seen, FACT)


def idle(users: WebUsers, days: int) -> tuple[Criterion, ...]:
    """Return whether usable accounts were used lately; nothing where no column tells."""
    if "last_login" not in users.columns:
        return ()
    old = [one.username for one in usable(users) if (one.last_login_days or 0) > days]
    never = [one.username for one in usable(users) if one.never_logged_in]
    unknown = [
        one.username for one in usable(users) if one.last_login_days is None and not one.never_logged_in
    ]
    met = False if old else None if never or unknown else True
    seen = f"超过 {days} 天未登录的可用账户：{listing(old) or '无'}"
    seen += f"；从未登录的：{listing(never)}" if never else ""
    seen += f"；最近登录时间不明的：{listing(unknown)}" if unknown else ""
    return (ask("idle", f"可用账户是否均在 {days} 天内登录过", met, seen, FACT),)


def defaults(users: WebUsers) -> Criterion:
    """Return whether accounts with a default name are gone or disabled."""
    left = [one for one in usable(users) if _DEFAULT.match(one.username)]
    unsure = [one for one in left if one.enabled is None]
    met = None if left and len(unsure) == len(left) else not left
    off = [one.username for one in users.users if one.enabled is False and _DEFAULT.match(one.username)]
    seen = f"以常见默认名命名且未停用的账户：{listing(one.username for one in left) or '无'}"
    seen += "（状态不明）" if met is None else ""
    seen += f"；已停用的：{listing(off)}" if off else ""
    return ask("default_names", "默认账户是否已重命名、删除或停用", met, seen, FACT, decisive=True)
