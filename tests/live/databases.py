"""What the live tests of databases share: the asset, its verdicts, and what must never be told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from dengbao.model import Account, DatabaseAsset, SensitiveColumn
from dengbao.probes.database.facts import DatabaseSensitive

from .harness import Sight

PASSWORD = "Looker-2026!x"
ID = "11010519491231002X"
HIDDEN = hashlib.sha256(ID.encode()).hexdigest()
TWO_ROWS = "INSERT INTO his.patient VALUES (1, '@'), (2, '@')"
# A bcrypt hash of nothing in particular.
BCRYPT = "$2b$12$" + "abcdefghij" * 5 + "klm"
MD5 = hashlib.md5(ID.encode(), usedforsecurity=False).hexdigest()
TWO_USERS = "INSERT INTO his.sys_user VALUES (1, '@'), (2, '@')"
SENSITIVE = (
    SensitiveColumn(schema="his", table="patient", column="id_no", holds="id_card"),
    SensitiveColumn(schema="his", table="sys_user", column="pwd", holds="password"),
)

CHECKS = (
    "identity.login_required", "identity.unique_accounts", "identity.empty_password",
    "identity.password_complexity", "identity.password_ageing", "identity.login_failure", "identity.lockout",
    "identity.idle_timeout", "identity.remote_admin_encrypted", "identity.two_factor",
    "identity.crypto_factor", "access.accounts_assigned", "access.anonymous_disabled",
    "access.default_account_renamed", "access.default_password", "access.stale_accounts",
    "access.stale_disabled", "access.roles_defined", "access.privilege_separation", "access.least_privilege",
    "access.rules_configured", "access.no_overreach", "access.granularity", "access.security_labels",
    "access.mandatory_control", "audit.enabled", "audit.covers_users", "audit.covers_events",
    "audit.record_fields", "audit.log_protection", "audit.log_retention", "audit.process_protection",
    "intrusion.minimal_install", "intrusion.unneeded_packages", "intrusion.pending_updates",
    "intrusion.admin_sources", "integrity.storage", "confidentiality.transport",
    "confidentiality.sensitive_columns", "confidentiality.password_hash", "residual.session",
    "residual.memory", "privacy.restricted_access",
)  # fmt: skip


def expect(common: str, **others: str) -> Mapping[str, str]:
    """Return the verdict of every check: `common`, but for the questions named by their last word."""
    names = {one.replace(".", "_"): one for one in CHECKS}
    return {**dict.fromkeys(CHECKS, common), **{names[name]: verdict for name, verdict in others.items()}}


def asset(
    platform: str,
    address: str,
    user: str,
    *,
    database: str = "",
    ca_file: str = "",
    roster: tuple[str, ...] = (),
    sensitive: tuple[SensitiveColumn, ...] = SENSITIVE,
) -> DatabaseAsset:
    """Return an asset whose account's password stands in the environment."""
    return DatabaseAsset(
        id="his-db", name="HIS 数据库", platform=platform, address=address, database=database, account="look",
        accounts=(Account(id="look", username=user, secret="${ENV:DENGBAO_TEST_DB}"),), ca_file=ca_file,
        sensitive=sensitive, roster=roster,
    )  # fmt: skip


def nothing_leaks(sight: Sight) -> None:
    """Assert that neither what was kept nor what was told holds a secret or a sampled value."""
    told = b"".join(sight.raw.values()) + repr(sight.facts).encode()
    for secret in (PASSWORD, ID, HIDDEN, BCRYPT, MD5, "Old-only", "Third-only"):
        assert secret.encode() not in told
    assert b"SCRAM-SHA-256$4096" not in told
    sample = sight.facts.get("database.sensitive")
    assert isinstance(sample, DatabaseSensitive)
    assert sample.columns[0].rows >= 2
