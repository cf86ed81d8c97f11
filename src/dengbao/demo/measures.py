"""The two states of the demo hospital: which protective measures are in force, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """整改前 or 整改后."""

    BEFORE = "before"
    AFTER = "after"

    @property
    def zh(self) -> str:
        """Return the Chinese word."""
        return {"before": "整改前", "after": "整改后"}[self.value]


@dataclass(frozen=True)
class Measures:
    """What the hospital does to protect itself; every weakness of the demo is one field here.

    `idle_timeout_s`, `lockout_attempts` and `password_max_age_days` are None where there is no limit.
    """

    plain_http: bool
    old_tls: bool
    default_account: bool
    blank_password_passes: bool
    open_print_page: bool
    disabled_refused: bool
    roles_enforced: bool
    cookie_flags: bool
    session_renewed_at_login: bool
    logout_ends_session: bool
    idle_timeout_s: int | None
    lockout_attempts: int | None
    lockout_s: int
    password_rules: bool
    names_folded: bool
    password_max_age_days: int | None
    slow_password_hash: bool
    columns_encrypted: bool
    masking: bool
    security_headers: bool
    no_store: bool
    audit_complete: bool
    messages_checked: bool
    input_checked: bool
    backups_kept: int
    backups_newest_age_h: float
    backups_damaged: int


BEFORE = Measures(
    plain_http=True,
    old_tls=True,
    default_account=True,
    blank_password_passes=True,
    open_print_page=True,
    disabled_refused=False,
    roles_enforced=False,
    cookie_flags=False,
    session_renewed_at_login=False,
    logout_ends_session=False,
    idle_timeout_s=None,
    lockout_attempts=None,
    lockout_s=0,
    password_rules=False,
    names_folded=False,
    password_max_age_days=None,
    slow_password_hash=False,
    columns_encrypted=False,
    masking=False,
    security_headers=False,
    no_store=False,
    audit_complete=False,
    messages_checked=False,
    input_checked=False,
    backups_kept=2,
    backups_newest_age_h=9 * 24.0,
    backups_damaged=1,
)

AFTER = Measures(
    plain_http=False,
    old_tls=False,
    default_account=False,
    blank_password_passes=False,
    open_print_page=False,
    disabled_refused=True,
    roles_enforced=True,
    cookie_flags=True,
    session_renewed_at_login=True,
    logout_ends_session=True,
    idle_timeout_s=600,
    lockout_attempts=5,
    lockout_s=900,
    password_rules=True,
    names_folded=True,
    password_max_age_days=90,
    slow_password_hash=True,
    columns_encrypted=True,
    masking=True,
    security_headers=True,
    no_store=True,
    audit_complete=True,
    messages_checked=True,
    input_checked=True,
    backups_kept=8,
    backups_newest_age_h=2.0,
    backups_damaged=0,
)


def measures_of(state: State) -> Measures:
    """Return the measures in force in a state."""
    return BEFORE if state is State.BEFORE else AFTER
