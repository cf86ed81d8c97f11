"""Real database servers, hardened, weak, and seen by an account without rights: every verdict beforehand."""

from __future__ import annotations

import hashlib
import socket
import sqlite3
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from dengbao.errors import Reason
from dengbao.model import Account, DatabaseAsset, Level, Scope, SensitiveColumn
from dengbao.probes.database.facts import DatabaseSensitive, DatabaseServer
from tests.servers import hostile
from tests.servers.mariadb import MariaDB, mariadb
from tests.servers.postgres import Postgres, postgres

from .harness import Sight, agree, claims_no_more, look

PASSWORD = "Looker-2026!x"
ID = "11010519491231002X"
HIDDEN = hashlib.sha256(ID.encode()).hexdigest()
TWO_ROWS = "INSERT INTO his.patient VALUES (1, '@'), (2, '@')"
SENSITIVE = (SensitiveColumn(schema="his", table="patient", column="id_no", holds="id_card"),)

CHECKS = (
    "identity.login_required", "identity.unique_accounts", "identity.empty_password",
    "identity.password_complexity", "identity.password_ageing", "identity.login_failure", "identity.lockout",
    "identity.idle_timeout", "identity.remote_admin_encrypted", "access.accounts_assigned",
    "access.anonymous_disabled", "access.default_account_renamed", "access.stale_accounts",
    "access.roles_defined", "access.privilege_separation", "access.least_privilege",
    "access.rules_configured", "access.no_overreach", "access.granularity", "audit.enabled",
    "audit.covers_users", "audit.covers_events", "audit.record_fields", "intrusion.admin_sources",
    "integrity.storage", "confidentiality.transport", "confidentiality.sensitive_columns",
    "confidentiality.password_hash", "privacy.restricted_access",
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
) -> DatabaseAsset:
    return DatabaseAsset(
        id="his-db", name="HIS 数据库", platform=platform, address=address, database=database, account="look",
        accounts=(Account(id="look", username=user, secret="${ENV:DENGBAO_TEST_DB}"),), ca_file=ca_file,
        sensitive=SENSITIVE, roster=roster,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DENGBAO_TEST_DB", PASSWORD)


# --- PostgreSQL -------------------------------------------------------------------------------------------

# "127.1" is a name to the tool, which cannot know where it leads: the rules are judged, not the address.
PG_HARDENED = {
    "listen_addresses": "127.1", "idle_session_timeout": "5min", "logging_collector": "on",
    "log_connections": "on", "log_disconnections": "on", "log_statement": "all",
    "log_line_prefix": "%m [%p] %u@%d %h ", "password_encryption": "scram-sha-256",
    "shared_preload_libraries": "passwordcheck,auth_delay", "auth_delay.milliseconds": "500",
}  # fmt: skip
PG_RULES = (
    "hostnossl all all all reject",
    "hostssl his his_app 10.1.2.0/24 scram-sha-256",
    "hostssl all all 127.0.0.1/32 scram-sha-256",
    "host all all 0.0.0.0/0 reject",
)
PG_LOOKER = (
    f"CREATE ROLE looker LOGIN PASSWORD '{PASSWORD}'",
    "GRANT pg_read_all_settings TO looker",
    "GRANT SELECT ON pg_authid, pg_hba_file_rules TO looker",
    "GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO looker",
    "GRANT USAGE ON SCHEMA his TO looker",
    "GRANT SELECT (id_no) ON his.patient TO looker",
)
PG_ACCOUNTS = (
    "CREATE SCHEMA his",
    "CREATE TABLE his.patient (id int PRIMARY KEY, id_no text)",
    "INSERT INTO his.patient SELECT n, encode(sha256(n::text::bytea), 'hex') FROM generate_series(1, 500) n",
    "CREATE ROLE his_reader",
    "GRANT USAGE ON SCHEMA his TO his_reader",
    "GRANT SELECT ON his.patient TO his_reader",
    "CREATE ROLE his_app LOGIN PASSWORD 'App-only-2026!'",
    "GRANT his_reader TO his_app",
    "CREATE ROLE his_guard LOGIN CREATEROLE PASSWORD 'Guard-only-2026!'",
    f"CREATE ROLE nobody_much LOGIN PASSWORD '{PASSWORD}'",
    "GRANT CONNECT ON DATABASE postgres TO nobody_much",
)
PG_DATES = tuple(
    f"ALTER ROLE {one} VALID UNTIL '{{}}'"
    for one in ("hisdba", "his_app", "his_guard", "looker", "nobody_much")
)
PG_ROSTER = ("hisdba", "his_app", "his_guard", "looker", "nobody_much")


@pytest.fixture(scope="module")
def pg_hardened() -> Iterator[Postgres]:
    with postgres(settings=PG_HARDENED, hba=PG_RULES, checksums=True, tls=True, superuser="hisdba") as server:
        until = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 60 * 86400))
        server.run(*PG_ACCOUNTS, *PG_LOOKER, *(one.format(until) for one in PG_DATES))
        yield server


def test_pg_hardened(pg_hardened: Postgres) -> None:
    sight = look(
        asset("postgresql", pg_hardened.address, "looker", ca_file=str(pg_hardened.ca_file), roster=PG_ROSTER)
    )
    assert not sight.missing
    server = sight.facts["database.server"]
    assert isinstance(server, DatabaseServer)
    assert (server.encrypted, server.certificate_checked, server.superuser) == (True, True, False)
    agree(
        "pg_hardened",
        sight,
        expect(
            "conform",
            # passwordcheck's rules are compiled in, and auth_delay limits no number of failures.
            identity_password_complexity="undetermined",
            identity_lockout="nonconform",
        ),
    )


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


PG_WEAK = {"listen_addresses": "127.1", "password_encryption": "md5", "logging_collector": "on"}
PG_WEAK_RULES = ("host all app 0.0.0.0/0 trust", "host all all 0.0.0.0/0 md5")


def test_pg_weak() -> None:
    with postgres(settings=PG_WEAK, hba=PG_WEAK_RULES) as server:
        server.run(
            "CREATE SCHEMA his",
            "CREATE TABLE his.patient (id int PRIMARY KEY, id_no text)",
            TWO_ROWS.replace("@", ID),
            "GRANT USAGE, CREATE ON SCHEMA his TO PUBLIC",
            "GRANT SELECT ON his.patient TO PUBLIC",
            f"CREATE ROLE looker LOGIN SUPERUSER PASSWORD '{PASSWORD}'",
            "CREATE ROLE app LOGIN SUPERUSER",
            "CREATE ROLE old LOGIN PASSWORD 'Old-only-2024!' VALID UNTIL '2024-01-01'",
        )
        sight = look(asset("postgresql", server.address, "looker"))
    assert not sight.missing
    agree(
        "pg_weak",
        sight,
        expect(
            "nonconform",
            identity_unique_accounts="conform",
            access_accounts_assigned="partial",  # one ordinary account, with no rights of its own
            access_least_privilege="partial",  # three superusers, but nobody else with their rights
            confidentiality_password_hash="partial",  # hashes, but MD5 salted by name only
        ),
    )
    _nothing_leaks(sight)


# --- MariaDB ----------------------------------------------------------------------------------------------

MY_HARDENED = (
    "--plugin-load-add=auth_ed25519", "--plugin-load-add=simple_password_check",
    "--plugin-load-add=server_audit", "--server-audit-logging=ON",
    "--default-password-lifetime=90", "--max-password-errors=5", "--wait-timeout=600",
    "--interactive-timeout=600", "--require-secure-transport=ON", "--skip-name-resolve",
    "--bind-address=127.1",
)  # fmt: skip
MY_ACCOUNTS = (
    # A lifetime for all makes an account that never set a password an expired one.
    "SET PASSWORD = PASSWORD('Admin-only-2026!')",
    "CREATE DATABASE his",
    "CREATE TABLE his.patient (id int PRIMARY KEY, id_no varchar(64))",
    TWO_ROWS.replace("@", HIDDEN),
    "CREATE ROLE his_reader",
    "GRANT SELECT ON his.patient TO his_reader",
    "CREATE USER his_app@'10.1.2.%' IDENTIFIED BY 'App-only-2026!'",
    "GRANT his_reader TO his_app@'10.1.2.%'",
    "CREATE USER his_guard@'10.1.2.3' IDENTIFIED BY 'Guard-only-2026!'",
    "GRANT CREATE USER ON *.* TO his_guard@'10.1.2.3'",
    f"CREATE USER looker@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
    "GRANT SELECT ON mysql.* TO looker@'127.0.0.1'",
    "GRANT SELECT (id_no) ON his.patient TO looker@'127.0.0.1'",
    f"CREATE USER nobody_much@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
    f"CREATE USER modern@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD('{PASSWORD}')",
    f"DROP USER IF EXISTS root@'127.0.0.1', root@'::1', root@'{socket.gethostname()}'",
    "RENAME USER root@localhost TO hisdba@localhost",
)
MY_ROSTER = ("hisdba", "his_app", "his_guard", "looker", "nobody_much", "modern")


@pytest.fixture(scope="module")
def my_hardened() -> Iterator[MariaDB]:
    with mariadb(*MY_HARDENED, tls=True) as server:
        server.run(*MY_ACCOUNTS)
        yield server


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
    options = ("--general-log=ON", "--log-output=NONE", "--bind-address=127.1", "--skip-name-resolve")
    with mariadb(*options, test_database=True) as server:
        server.run(
            "CREATE DATABASE his",
            "CREATE TABLE his.patient (id int PRIMARY KEY, id_no varchar(64))",
            TWO_ROWS.replace("@", ID),
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
        ),
    )
    _nothing_leaks(sight)


# --- SQLite -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "verdict"), [(ID, "nonconform"), (HIDDEN, "conform")])
def test_sqlite(tmp_path: Path, value: str, verdict: str) -> None:
    path = tmp_path / "his.db"
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE patient (id integer PRIMARY KEY, id_no text)")
        file.executemany("INSERT INTO patient (id_no) VALUES (?)", [(value,)] * 3)
        file.commit()
    before = path.read_bytes()
    given = DatabaseAsset(
        id="his-db", name="HIS 数据库", platform="sqlite", path=str(path),
        sensitive=(SensitiveColumn(table="patient", column="id_no", holds="id_card"),),
    )  # fmt: skip
    sight = look(given, scope=Scope(level=Level.LOGIN), folder=tmp_path)
    expected = expect(
        "undetermined", confidentiality_sensitive_columns=verdict, integrity_storage="nonconform"
    )
    agree("sqlite", sight, expected)
    assert {lack.reason for lack in sight.missing.values()} == {Reason.NOT_SUPPORTED}
    assert [one.name for one in tmp_path.iterdir()] == ["his.db"]
    assert path.read_bytes() == before
    _nothing_leaks(sight)


def test_sqlite_outside_the_scope_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "his.db"
    sqlite3.connect(path).close()
    inside = tmp_path / "engagement"
    inside.mkdir()
    (inside / "his.db").symlink_to(path)
    for given in (path, inside / "his.db"):
        one = DatabaseAsset(id="d", name="库", platform="sqlite", path=str(given))
        sight = look(one, scope=Scope(level=Level.LOGIN), folder=inside)
        assert {lack.reason for lack in sight.missing.values()} == {Reason.OUT_OF_SCOPE}


# --- one attempt, no leak, no endless wait ----------------------------------------------------------------


def _nothing_leaks(sight: Sight) -> None:
    told = b"".join(sight.raw.values()) + repr(sight.facts).encode()
    for secret in (PASSWORD, ID, HIDDEN, "Old-only", "Third-only"):
        assert secret.encode() not in told
    assert b"SCRAM-SHA-256$4096" not in told
    sample = sight.facts.get("database.sensitive")
    assert isinstance(sample, DatabaseSensitive)
    assert sample.columns[0].rows >= 2


def test_a_wrong_password_is_sent_once(
    pg_hardened: Postgres, my_hardened: MariaDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DENGBAO_TEST_DB", "not-the-password")
    before = _refusals(pg_hardened)
    sight = look(asset("postgresql", pg_hardened.address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.LOGIN_REFUSED}
    deadline = time.monotonic() + 10
    while _refusals(pg_hardened) == before and time.monotonic() < deadline:
        time.sleep(0.02)  # the server's log goes through another process
    assert _refusals(pg_hardened) == before + 1
    sight = look(asset("mariadb", my_hardened.address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.LOGIN_REFUSED}
    assert "不要连续重试" in sight.missing["database.server"].message
    assert _refusals(pg_hardened) == before + 1


def _refusals(server: Postgres) -> int:
    logs = (server.socket_dir / "data" / "log").glob("*")
    return sum(one.read_text(errors="replace").count("password authentication failed") for one in logs)


def test_a_password_is_never_sent_in_clear() -> None:
    with postgres(hba=("host all all 127.0.0.1/32 password",)) as server:
        server.run(f"CREATE ROLE looker LOGIN PASSWORD '{PASSWORD}'")
        sight = look(asset("postgresql", server.address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.PROTOCOL}
    assert "明文发送口令" in sight.missing["database.server"].message


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog"])
def test_a_server_that_wants_the_password_in_clear_gets_nothing(plugin: bytes) -> None:
    heard: list[bytes] = []
    with hostile.hostile(hostile.asks_for_clear_password(plugin, heard)) as address:
        sight = look(asset("mysql", address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.PROTOCOL}
    assert "明文发送口令" in sight.missing["database.server"].message
    assert b"looker" in heard[0]
    assert PASSWORD.encode() not in b"".join(heard)


def test_a_certificate_of_another_authority_ends_the_session(
    pg_hardened: Postgres, my_hardened: MariaDB
) -> None:
    for platform, address, other in (
        ("postgresql", pg_hardened.address, my_hardened.ca_file),
        ("mariadb", my_hardened.address, pg_hardened.ca_file),
    ):
        sight = look(asset(platform, address, "looker", ca_file=str(other)))
        assert {lack.reason for lack in sight.missing.values()} == {Reason.PROTOCOL}
        assert "证书" in sight.missing["database.server"].message


@pytest.mark.parametrize("platform", ["postgresql", "mariadb"])
@pytest.mark.parametrize("serve", [hostile.closing, hostile.http, hostile.noise])
def test_what_is_no_database_is_told_so(platform: str, serve: hostile.Serve) -> None:
    with hostile.hostile(serve) as address:
        sight = look(asset(platform, address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.PROTOCOL}


@pytest.mark.parametrize(
    ("platform", "serve"),
    [("postgresql", hostile.postgres_then_noise), ("mariadb", hostile.mysql_then_noise)],
)
def test_an_endless_answer_is_cut_off(platform: str, serve: hostile.Serve) -> None:
    begun = time.monotonic()
    with hostile.hostile(serve) as address:
        sight = look(asset(platform, address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.PROTOCOL}
    assert "MB" in sight.missing["database.server"].message
    assert time.monotonic() - begun < 30


def test_a_silent_server_is_left() -> None:
    def seen(platform: str) -> Sight:
        with hostile.hostile(hostile.silent) as address:
            return look(asset(platform, address, "looker"))

    begun = time.monotonic()
    with ThreadPoolExecutor() as pool:
        sights = list(pool.map(seen, ("postgresql", "mariadb")))
    assert time.monotonic() - begun < 30
    for sight in sights:
        assert {lack.reason for lack in sight.missing.values()} == {Reason.TIMED_OUT}


def test_outside_the_scope_nothing_is_sent() -> None:
    touched: list[str] = []

    def serve(_conn: object) -> None:
        touched.append("contact")

    with hostile.hostile(serve) as address:
        for platform in ("postgresql", "mysql"):
            sight = look(
                asset(platform, address, "looker"), scope=Scope(level=Level.LOGIN, addresses=("127.0.0.1:1",))
            )
            assert {lack.reason for lack in sight.missing.values()} == {Reason.OUT_OF_SCOPE}
    assert not touched


@pytest.mark.parametrize("platform", ["", "oracle", "dm"])
def test_an_unknown_platform_is_not_supported(platform: str) -> None:
    sight = look(asset(platform, "127.0.0.1:1", "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.NOT_SUPPORTED}
    agree("unknown_platform", sight, expect("undetermined"))
