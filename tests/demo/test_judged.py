"""The toolkit sees what each state of the demo is there to show."""

from __future__ import annotations

from pathlib import Path

import pytest

from dengbao.catalog import load_engagement, with_paths
from dengbao.demo import engagement
from dengbao.engines import find_engines
from tests.live.harness import agree, look

from .conftest import PASSWORD, Hospital

WEB_BEFORE = {
    "access.accounts_assigned": "nonconform",
    "access.anonymous_disabled": "nonconform",
    "access.default_account_renamed": "nonconform",
    "access.default_password": "nonconform",
    "access.granularity": "undetermined",
    "access.least_privilege": "nonconform",
    "access.no_overreach": "nonconform",
    "access.privilege_separation": "nonconform",
    "access.roles_defined": "nonconform",
    "access.rules_configured": "nonconform",
    "access.stale_accounts": "nonconform",
    "access.stale_disabled": "nonconform",
    # Successful logins are recorded, and nothing else; no request deletes or changes a record.
    "audit.covers_events": "partial",
    "audit.covers_users": "conform",
    "audit.enabled": "conform",
    "audit.log_protection": "undetermined",
    "audit.record_fields": "conform",
    "confidentiality.certificate": "conform",
    "confidentiality.cleartext_login": "nonconform",
    "confidentiality.transport": "nonconform",
    "identity.empty_password": "nonconform",
    # Nobody may wait here until a session would end.
    "identity.idle_timeout": "undetermined",
    "identity.lockout": "nonconform",
    "identity.login_failure": "nonconform",
    "identity.login_required": "nonconform",
    "identity.logout_ends_session": "nonconform",
    # One password is overdue, and the list does not tell whether it was used since.
    "identity.password_ageing": "undetermined",
    "identity.password_complexity": "nonconform",
    "identity.remote_admin_encrypted": "nonconform",
    "identity.session_cookie": "nonconform",
    # A name in other letters is another user.
    "identity.unique_accounts": "partial",
    "integrity.tampering": "partial",
    "integrity.transport": "nonconform",
    # Only the page looks at what is typed.
    "intrusion.input_validation": "nonconform",
    "intrusion.tls_weaknesses": "nonconform",
    "intrusion.web_headers": "partial",
    "privacy.access_logged": "nonconform",
    "privacy.export_rights": "nonconform",
    "privacy.masking": "nonconform",
    "privacy.necessary_fields": "conform",
    "privacy.restricted_access": "nonconform",
    "residual.cache_headers": "nonconform",
    # Its export is the answer itself; no file with an address of its own is left.
    "residual.export_files": "undetermined",
    "residual.password_change": "nonconform",
    "residual.session": "nonconform",
}
BACKUP_BEFORE = {
    "backup.matches_policy": "nonconform",
    "backup.performed": "nonconform",
    "backup.policy": "partial",
    "backup.readable": "nonconform",
}
# SQLite has neither accounts nor an audit trail of its own; what it lacks is never taken for good.
DATABASE_UNKNOWN = dict.fromkeys(
    (
        "access.accounts_assigned", "access.anonymous_disabled", "access.default_account_renamed",
        "access.default_password", "access.mandatory_control", "access.security_labels",
        "access.stale_disabled", "audit.log_protection", "audit.log_retention", "audit.process_protection",
        "identity.crypto_factor", "identity.two_factor", "intrusion.minimal_install",
        "intrusion.pending_updates", "intrusion.unneeded_packages", "residual.memory", "residual.session",
        "access.granularity", "access.least_privilege", "access.no_overreach",
        "access.privilege_separation", "access.roles_defined", "access.rules_configured",
        "access.stale_accounts", "audit.covers_events", "audit.covers_users", "audit.enabled",
        "audit.record_fields", "confidentiality.password_hash", "confidentiality.transport",
        "identity.empty_password", "identity.idle_timeout", "identity.lockout", "identity.login_failure",
        "identity.login_required", "identity.password_ageing", "identity.password_complexity",
        "identity.remote_admin_encrypted", "identity.unique_accounts", "intrusion.admin_sources",
        "privacy.restricted_access",
    ),
    "undetermined",
)  # fmt: skip
DATABASE_BEFORE = {
    **DATABASE_UNKNOWN,
    "confidentiality.sensitive_columns": "nonconform",
    "integrity.storage": "nonconform",
    "integrity.rows": "nonconform",
    "integrity.rows_altered": "undetermined",
}
BEFORE = {"his-web": WEB_BEFORE, "his-db": DATABASE_BEFORE, "backup": BACKUP_BEFORE}
AFTER = {
    # No patient belongs to one account alone, and no request touches the log: nothing to try there.
    "his-web": {
        **dict.fromkeys(WEB_BEFORE, "conform"),
        "access.granularity": "undetermined",
        "audit.log_protection": "undetermined",
        "identity.idle_timeout": "undetermined",
        "residual.export_files": "undetermined",
    },
    # 整改 did not reach the pages of the file: they carry no checksums.
    "his-db": {
        **DATABASE_BEFORE,
        "confidentiality.sensitive_columns": "conform",
        "integrity.rows": "conform",
        "integrity.rows_altered": "conform",
    },
    "backup": dict.fromkeys(BACKUP_BEFORE, "conform"),
}


@pytest.mark.slow
@pytest.mark.parametrize("asset_id", sorted(BEFORE))
@pytest.mark.parametrize("state", ["before", "after"])
def test_state_is_judged_as_it_was_built(
    state: str, asset_id: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital: Hospital = request.getfixturevalue(state)
    monkeypatch.setenv("DENGBAO_DEMO_PASSWORD", PASSWORD)
    engagement.write(tmp_path, port=hospital.running.port)
    engagement.hospital_of(tmp_path).symlink_to(hospital.places.folder)
    found = with_paths(load_engagement(tmp_path), tmp_path)
    asset = found.asset(asset_id)
    assert asset is not None
    sight = look(asset, scope=found.scope, engines=find_engines(), folder=tmp_path)
    expected = BEFORE if state == "before" else AFTER
    agree(f"demo-{state}-{asset_id}", sight, expected[asset_id])
    assert not any("127.0.0.66" in one.address for one in sight.contacts if one.admitted)
