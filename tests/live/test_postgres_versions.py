"""PostgreSQL before and after the system's own version: the same questions, and what differs."""

from __future__ import annotations

import pytest

from dengbao.probes.database.facts import DatabasePolicy, DatabaseServer
from dengbao.probes.database.system_facts import DatabaseLogs, ParameterRight
from tests.servers.postgres import packaged, postgres

from .conftest import PG_ACCOUNTS, PG_LOOKER
from .databases import PASSWORD, asset, expect
from .harness import agree, look

SETTINGS = {
    "listen_addresses": "127.1", "logging_collector": "on", "log_connections": "on",
    "log_statement": "mod", "log_line_prefix": "%m [%p] %u@%d %h ", "idle_session_timeout": "5min",
    "log_filename": "postgresql-%a.log", "log_truncate_on_rotation": "on",
}  # fmt: skip
RULES = ("host his his_app 10.1.2.0/24 scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256")
EXPECTED = expect(
    "conform",
    identity_password_complexity="nonconform",  # the package brings no module for it
    identity_password_ageing="nonconform",
    identity_login_failure="nonconform",
    identity_lockout="nonconform",
    identity_remote_admin_encrypted="nonconform",
    identity_two_factor="nonconform",
    identity_crypto_factor="nonconform",
    access_default_account_renamed="partial",
    access_stale_accounts="undetermined",  # no roster
    access_stale_disabled="undetermined",
    access_security_labels="nonconform",
    access_mandatory_control="nonconform",
    audit_log_retention="nonconform",  # a ring of seven files
    audit_process_protection="nonconform",  # an ordinary account may set what is logged
    intrusion_pending_updates="undetermined",  # not in the tests' own table
    confidentiality_transport="nonconform",
    residual_session="undetermined",
    residual_memory="undetermined",
)


@pytest.mark.parametrize("major", [16, 18])
def test_other_versions(major: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DENGBAO_TEST_DB", PASSWORD)
    with postgres(settings=SETTINGS, hba=RULES, checksums=True, binaries=packaged()[major]) as server:
        server.run(*PG_ACCOUNTS, *PG_LOOKER, "GRANT SET ON PARAMETER log_statement TO his_app")
        sight = look(asset("postgresql", server.address, "looker"))
    assert not sight.missing
    seen, policy, logs = (sight.facts[f"database.{one}"] for one in ("server", "policy", "logs"))
    assert isinstance(seen, DatabaseServer)
    assert isinstance(policy, DatabasePolicy)
    assert isinstance(logs, DatabaseLogs)
    assert seen.version.startswith(f"{major}.")
    assert [one.value for one in policy.idle_timeouts] == ["300"]
    assert logs.parameter_rights == (ParameterRight(account="his_app", setting="log_statement", right="SET"),)
    assert (logs.places[0].overwrites, logs.places[0].keeps_days) == (True, 7)
    agree(f"pg_{major}", sight, EXPECTED)
