"""What common default accounts brought: shared by the questions about default accounts and passwords."""

from __future__ import annotations

from dengbao.model import Criterion, Exchange
from dengbao.probes.web.facts import ControlSeen, DefaultTry, WebDefaultAccounts

from .web_logins import believed, sight

FACT = "web.default_accounts"


def default_logins(seen: WebDefaultAccounts) -> tuple[Criterion, ...]:
    """Return one decisive criterion for each entry of the list; one that was not sent is unknown."""
    return tuple(_criterion(one, seen.control) for one in seen.tries)


def _criterion(one: DefaultTry, control: ControlSeen) -> Criterion:
    accepted = believed(one.attempt, control) if one.attempt is not None else None
    detail = sight(one.attempt) if one.attempt is not None else f"未尝试（{one.skipped}）"
    return Criterion(
        name=f"default:{one.entry}",
        question=f"默认账户 {one.username}（口令表第 {one.entry} 条）是否不能登录",
        met=None if accepted is None else not accepted,
        measured=f"{one.username}（第 {one.entry} 条）{detail}",
        fact=FACT,
        decisive=True,
    )


def default_proofs(seen: WebDefaultAccounts) -> tuple[Exchange, ...]:
    """Return the logins by which default accounts that work can be seen again; never a password."""
    return tuple(
        Exchange(
            request=f"以 {one.username}（口令表第 {one.entry} 条）登录",
            answer=sight(one.attempt),
            at=one.attempt.at,
            role=one.username,
        )
        for one in seen.tries
        if one.attempt is not None and believed(one.attempt, seen.control)
    )


def told(seen: WebDefaultAccounts, criteria: tuple[Criterion, ...]) -> str:
    """Return in Chinese how many entries were tried, and each that was not plainly refused."""
    accepted = [one.measured for one in criteria if one.met is False]
    unclear = [one.measured for one in criteria if one.met is None]
    refused = sum(one.met is True for one in criteria)
    parts = [f"以 {len(seen.tries)} 条常见默认账户口令各尝试登录至多一次，{refused} 条被拒绝"]
    if accepted:
        parts.append(f"{len(accepted)} 条登录成功：{'；'.join(accepted)}")
    if unclear:
        parts.append(f"{len(unclear)} 条未能判断：{'；'.join(unclear)}")
    return "，".join(parts)
