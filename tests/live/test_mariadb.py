"""Real MariaDB servers, hardened, weak, seen without rights: every verdict written beforehand."""

from __future__ import annotations

import pytest

from dengbao.errors import Reason
from dengbao.probes.database.facts import DatabaseServer
from tests.servers.mariadb import MariaDB, mariadb

from .databases import ID, MD5, PASSWORD, TWO_ROWS, TWO_USERS, asset, expect, nothing_leaks
from .harness import agree, claims_no_more, look

MY_ROSTER = ("hisdba", "his_app", "his_guard", "his_auditor", "looker", "nobody_much", "modern")


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DENGBAO_TEST_DB", PASSWORD)


def test_mariadb_hardened(my_hardened: MariaDB) -> None:
    sight = look(
        asset("mariadb", my_hardened.address, "looker", ca_file=str(my_hardened.ca_file), roster=MY_ROSTER)
    )
    assert not sight.missing
    server = sight.facts["database.server"]
    assert isinstance(server, DatabaseServer)
    assert (server.product, server.encrypted, server.certificate_checked) == ("mariadb", True, True)
    agree(
        "mariadb_hardened",
        sight,
        expect(
            "conform",
            access_accounts_assigned="partial",  # two accounts without any rights
            confidentiality_password_hash="partial",  # SHA-1 twice, without salt
            identity_two_factor="nonconform",
            identity_crypto_factor="nonconform",
            access_security_labels="nonconform",
            access_mandatory_control="nonconform",
            audit_log_retention="undetermined",  # ten megabytes, whatever time they last
        ),
    )


def test_mariadb_without_rights(my_hardened: MariaDB) -> None:
    sight = look(asset("mariadb", my_hardened.address, "nobody_much", roster=MY_ROSTER))
    assert {name: lack.reason for name, lack in sight.missing.items()} == dict.fromkeys(
        ("database.accounts", "database.passwords", "database.grants", "database.sensitive"),
        Reason.NO_PERMISSION,
    )
    agree(
        "mariadb_without_rights",
        sight,
        expect(
            "undetermined",
            # Server variables and plugins are shown to everyone.
            identity_password_complexity="conform",
            identity_login_failure="conform",
            identity_lockout="conform",
            identity_idle_timeout="conform",
            identity_remote_admin_encrypted="conform",
            confidentiality_transport="conform",
            audit_enabled="conform",
            audit_covers_users="conform",
            audit_covers_events="conform",
            audit_record_fields="conform",
            integrity_storage="conform",
            access_security_labels="nonconform",
            access_mandatory_control="nonconform",
            intrusion_unneeded_packages="conform",
            intrusion_pending_updates="conform",
            residual_session="conform",
            residual_memory="conform",
        ),
    )
    full = look(asset("mariadb", my_hardened.address, "looker", roster=MY_ROSTER))
    claims_no_more(full.verdicts(), sight.verdicts())


def test_mariadb_login_method_that_we_lack(my_hardened: MariaDB) -> None:
    sight = look(asset("mariadb", my_hardened.address, "modern"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.ENGINE_MISSING}
    assert "PyNaCl" in sight.missing["database.server"].message


def test_mariadb_weak() -> None:
    # The general log is on, and goes nowhere.
    options = (
        "--general-log=ON",
        "--log-output=NONE",
        "--bind-address=127.1",
        "--skip-name-resolve",
        "--plugin-load-add=ha_federatedx",
    )
    with mariadb(*options, test_database=True) as server:
        server.run(
            "CREATE DATABASE his",
            "CREATE TABLE his.patient (id int PRIMARY KEY, id_no varchar(64))",
            TWO_ROWS.replace("@", ID),
            "CREATE TABLE his.sys_user (id int PRIMARY KEY, pwd varchar(100))",
            TWO_USERS.replace("@", MD5),
            f"CREATE USER looker@'%' IDENTIFIED BY '{PASSWORD}'",
            "GRANT ALL ON *.* TO looker@'%'",
            "CREATE USER root@'%'",
            "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION",
            "CREATE USER IF NOT EXISTS ''@localhost",
            "CREATE USER third@'%' IDENTIFIED BY 'Third-only-2026!'",
            "GRANT ALL ON *.* TO third@'%'",
            "CREATE USER fourth@'%' IDENTIFIED BY 'Fourth-only-2026!'",
        )
        sight = look(asset("mariadb", server.address, "looker", database="his", roster=("root", "looker")))
    assert not sight.missing
    agree(
        "mariadb_weak",
        sight,
        expect(
            "nonconform",
            access_accounts_assigned="partial",
            access_least_privilege="partial",
            integrity_storage="conform",  # page checksums cannot be turned off in this version
            confidentiality_password_hash="partial",
            privacy_restricted_access="conform",
            intrusion_minimal_install="partial",  # a test database and a plugin, but no languages
            intrusion_pending_updates="conform",
            residual_session="conform",  # what is logged goes nowhere
            residual_memory="undetermined",
        ),
    )
    nothing_leaks(sight)


def test_mariadb_rights_through_a_role_count() -> None:
    with mariadb() as server:
        server.run(
            f"CREATE USER looker@'%' IDENTIFIED BY '{PASSWORD}'",
            "GRANT SELECT ON mysql.* TO looker@'%'",
            "CREATE ROLE ops",
            "GRANT FILE, SHUTDOWN ON *.* TO ops",
            "CREATE USER his_ops@'%' IDENTIFIED BY 'Third-only-2026!'",
            "GRANT ops TO his_ops@'%'",
        )
        sight = look(asset("mariadb", server.address, "looker", database="mysql"))
    assert sight.verdicts(["access.least_privilege"]) == {"access.least_privilege": "partial"}
