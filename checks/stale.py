"""Accounts that nobody seems to need any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dengbao.checking import Params
from dengbao.probes.host.facts import HostAccounts, HostLogins, HostPasswords

from .hosts import Seat, seats

_DAY_S: Final = 86400


class StaleParams(Params):
    """Days without a login after which an account counts as not needed."""

    inactive_account_days: int


@dataclass(frozen=True)
class Usage:
    """Accounts that can be used: all of them, the idle ones with a reason, those whose use is not known."""

    usable: tuple[str, ...]
    idle: tuple[str, ...]
    unknown: tuple[str, ...]
    disabled: tuple[str, ...]


def usage(accounts: HostAccounts, passwords: HostPasswords, logins: HostLogins, days: int) -> Usage:
    """Return which accounts can be used and which of them are idle; root always has a use."""
    last = {one.account: one.at_s for one in logins.entries}
    recorded = any(last.values())
    usable: list[str] = []
    idle: list[str] = []
    unknown: list[str] = []
    disabled: list[str] = []
    for seat in seats(accounts, passwords):
        if seat.enterable is False or seat.expired(passwords.today_day):
            disabled.append(seat.name)
            continue
        usable.append(seat.name)
        if seat.name == "root":
            continue
        since = _idle_days(seat, last, logins.clock_s, passwords.today_day)
        if not recorded or since is None:
            unknown.append(seat.name)
        elif since > days:
            how = f"{since} 天未登录" if last.get(seat.name) else f"设置口令 {since} 天以来从未登录"
            idle.append(f"{seat.name}（{how}）")
    return Usage(tuple(usable), tuple(idle), tuple(unknown), tuple(disabled))


def _idle_days(seat: Seat, last: dict[str, int | None], clock_s: int, today_day: int) -> int | None:
    """Return days since the last login, or since the password was set where there was none."""
    if seat.name not in last:
        return None
    at_s = last[seat.name]
    if at_s:
        return max(clock_s - at_s, 0) // _DAY_S
    changed = seat.password.last_change_day
    return None if not changed else max(today_day - changed, 0)


def outside(roster: Iterable[str], usable: Iterable[str]) -> tuple[str, ...]:
    """Return the usable accounts that the roster does not name; root needs no entry."""
    known = set(roster) | {"root"}
    return tuple(one for one in usable if one not in known)
