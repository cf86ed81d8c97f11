"""Real PostgreSQL servers, hardened, weak, seen without rights: every verdict written beforehand."""

from __future__ import annotations

import pytest

from dengbao.errors import Reason
from dengbao.probes.database.facts import DatabaseServer
from tests.servers.postgres import Postgres, postgres

from .databases import ID, PASSWORD, TWO_ROWS, TWO_USERS, asset, expect, nothing_leaks
from .harness import agree, claims_no_more, look

PG_ROSTER = ("hisdba", "his_app", "his_guard", "his_auditor", "looker", "nobody_much")
HARDENED = expect(
    "conform",
    # passwordcheck's rules are compiled in, and auth_delay limits no number of failures.
    identity_password_complexity="undetermined",
    identity_lockout="nonconform",
    identity_two_factor="nonconform",
    identity_crypto_factor="nonconform",
    access_security_labels="nonconform",  # sepgsql is not loaded
    access_mandatory_control="nonconform",
    residual_session="undetermined",  # statements are logged as typed
    residual_memory="undetermined",  # freed space is not overwritten
)


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DENGBAO_TEST_DB", PASSWORD)


def test_pg_hardened(pg_hardened: Postgres) -> None:
    sight = look(
        asset("postgresql", pg_hardened.address, "looker", ca_file=str(pg_hardened.ca_file), roster=PG_ROSTER)
    )
    assert not sight.missing
    server = sight.facts["database.server"]
    assert isinstance(server, DatabaseServer)
    assert (server.encrypted, server.certificate_checked, server.superuser) == (True, True, False)
    agree("pg_hardened", sight, HARDENED)


def test_pg_by_the_words_of_kingbase(pg_hardened: Postgres) -> None:
    """No real KingbaseES was at hand: the same questions, asked of the server it grew from."""
    sight = look(
        asset("kingbase", pg_hardened.address, "looker", ca_file=str(pg_hardened.ca_file), roster=PG_ROSTER)
    )
    assert not sight.missing
    agree("kingbase_on_postgresql", sight, HARDENED)


def test_pg_without_rights(pg_hardened: Postgres) -> None:
    sight = look(asset("postgresql", pg_hardened.address, "nobody_much", roster=PG_ROSTER))
    assert {name: lack.reason for name, lack in sight.missing.items()} == dict.fromkeys(
        ("database.passwords", "database.access", "database.sensitive"), Reason.NO_PERMISSION
    )
    agree(
        "pg_without_rights",
        sight,
        expect(
            "conform",  # of what the catalogue shows to everyone: roles, grants, most settings
            identity_login_required="undetermined",
            identity_empty_password="undetermined",
            identity_password_complexity="undetermined",
            identity_lockout="nonconform",
            identity_remote_admin_encrypted="undetermined",
            access_anonymous_disabled="undetermined",
            intrusion_admin_sources="undetermined",
            confidentiality_transport="undetermined",
            confidentiality_sensitive_columns="undetermined",
            confidentiality_password_hash="undetermined",
            identity_two_factor="undetermined",
            identity_crypto_factor="undetermined",
            access_default_password="undetermined",
            access_security_labels="nonconform",
            access_mandatory_control="nonconform",
            audit_log_retention="undetermined",  # the folder of the log may not be listed
            residual_session="undetermined",
            residual_memory="undetermined",
        ),
    )
    full = look(asset("postgresql", pg_hardened.address, "looker", roster=PG_ROSTER))
    claims_no_more(full.verdicts(), sight.verdicts())


def test_pg_settings_of_our_own_account() -> None:
    with postgres(settings={"logging_collector": "on", "log_connections": "on"}) as server:
        server.run(
            f"CREATE ROLE looker LOGIN SUPERUSER PASSWORD '{PASSWORD}'",
            f"CREATE ROLE meek LOGIN PASSWORD '{PASSWORD}'",
            *(f"ALTER ROLE {one} SET log_statement = 'all'" for one in ("looker", "meek")),
        )
        mighty = look(asset("postgresql", server.address, "looker"))
        meek = look(asset("postgresql", server.address, "meek"))
    assert mighty.judge("audit.enabled").verdict == "partial"  # logins, but not what others do
    assert meek.judge("audit.enabled").status == "undetermined"


PG_WEAK = {
    "listen_addresses": "127.1", "password_encryption": "md5", "logging_collector": "on", "autovacuum": "off",
}  # fmt: skip
PG_WEAK_RULES = ("host all app 0.0.0.0/0 trust", "host all all 0.0.0.0/0 md5")


def test_pg_weak() -> None:
    with postgres(settings=PG_WEAK, hba=PG_WEAK_RULES) as server:
        server.run(
            "CREATE SCHEMA his",
            "CREATE TABLE his.patient (id int PRIMARY KEY, id_no text)",
            TWO_ROWS.replace("@", ID),
            "CREATE TABLE his.sys_user (id int PRIMARY KEY, pwd text)",
            TWO_USERS.replace("@", "Wonder-1"),
            "GRANT USAGE, CREATE ON SCHEMA his TO PUBLIC",
            "GRANT SELECT ON his.patient TO PUBLIC",
            f"CREATE ROLE looker LOGIN SUPERUSER PASSWORD '{PASSWORD}'",
            "CREATE ROLE app LOGIN SUPERUSER",
            "CREATE ROLE old LOGIN PASSWORD 'Old-only-2024!' VALID UNTIL '2024-01-01'",
            "CREATE EXTENSION dblink",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA his GRANT SELECT ON TABLES TO PUBLIC",
            "CREATE DATABASE test",
            "CREATE LANGUAGE wild HANDLER plpgsql_call_handler",
            "ALTER ROLE postgres PASSWORD 'postgres'",
        )
        sight = look(asset("postgresql", server.address, "looker"))
    assert not sight.missing
    assert "新建的表自动授予所有人：SELECT 于 his" in sight.judge("access.no_overreach").statement
    agree(
        "pg_weak",
        sight,
        expect(
            "nonconform",
            identity_unique_accounts="conform",
            access_accounts_assigned="partial",  # one ordinary account, with no rights of its own
            access_least_privilege="partial",  # three superusers, but nobody else with their rights
            intrusion_pending_updates="conform",
            residual_session="undetermined",  # statements that fail are logged
            access_stale_accounts="undetermined",  # no roster; that a password ran out proves nothing
            access_stale_disabled="undetermined",
        ),
    )
    nothing_leaks(sight)
