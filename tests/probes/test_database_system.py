"""What servers tell of their records, modules and copies, and how values of a user table look."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping

import pytest

from dengbao.errors import NoPermission, ProbeError
from dengbao.hash_shapes import kind_of_hash
from dengbao.model import DatabaseAsset, SensitiveColumn
from dengbao.probes.database import (
    my_accounts,
    my_grants,
    my_policy,
    my_system,
    pg_accounts,
    pg_logs,
    pg_policy,
    pg_system,
)
from dengbao.probes.database.facts import HashCount
from dengbao.probes.database.hashes import hashes_of, repeats

from .test_database import ASSET, Canned, user, variables

Rows = Iterable[Mapping[str, object]] | ProbeError


# --- names of log files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("postgresql-%Y-%m-%d_%H%M%S.log", None), ("postgresql.log", None), ("pg-%s.log", None),
        ("postgresql-%a.log", 7), ("postgresql-%A-%H.log", 7), ("postgresql-%d.log", 28),
        ("postgresql-%m-%d.log", 365), ("postgresql-%j.log", 365), ("postgresql-%H.log", 1),
        ("postgresql-%b.log", 334), ("postgresql-%F.log", None), ("100%%-%u.log", 7), ("pg-%-d.log", 28),
    ],
)  # fmt: skip
def test_after_how_many_days_a_log_file_comes_again(name: str, days: int | None) -> None:
    assert pg_logs.cycle_days(name) == days


def pg(**values: str) -> list[dict[str, object]]:
    return [
        {"name": name.replace("__", "."), "setting": value, "source": "default", "boot_val": ""}
        for name, value in values.items()
    ]


LOGGING = {"logging_collector": "on", "log_destination": "stderr", "log_file_mode": "0600",
           "log_directory": "log"}  # fmt: skip


DAILY = {"log_truncate_on_rotation": "on", "log_rotation_age": "1440"}


def pg_session(rows: list[dict[str, object]], **more: Rows) -> Canned:
    common: dict[str, Rows] = {
        "FROM pg_settings": rows, "extract(epoch FROM now()))::bigint AS now_s": [{"now_s": 1_000}],
        "pg_parameter_acl": (), "pg_ls_logdir": NoPermission("x"),
    }  # fmt: skip
    return Canned({**common, **more})


@pytest.mark.parametrize(
    ("values", "overwrites", "days"),
    [
        ({"log_filename": "pg-%a.log", **DAILY}, True, 7),
        ({"log_filename": "pg-%a.log", "log_truncate_on_rotation": "off"}, False, None),
        # Files that change by size only are appended to, whatever their name.
        ({"log_filename": "pg-%a.log", **DAILY, "log_rotation_age": "0"}, False, None),
        ({"log_filename": "pg-%F.log", **DAILY}, False, None),
        ({**DAILY}, None, None),
    ],
)  # fmt: skip
def test_what_becomes_of_old_log_files(
    values: dict[str, str], overwrites: bool | None, days: int | None
) -> None:
    (place,) = pg_logs.logs(pg_session(pg(**LOGGING, **values)), ASSET).places
    assert (place.overwrites, place.keeps_days, place.mode) == (overwrites, days, "0600")
    assert place.oldest_s is None


def test_log_places_of_postgresql() -> None:
    both = pg(**{**LOGGING, "log_destination": "csvlog,syslog"}, log_filename="x.log")
    assert [one.kind for one in pg_logs.logs(pg_session(both), ASSET).places] == ["file", "syslog"]
    loose = pg(logging_collector="off", log_destination="stderr")
    found = pg_logs.logs(pg_session(loose, pg_parameter_acl=NoPermission("x")), ASSET)
    assert [one.kind for one in found.places] == ["stderr"]
    assert found.parameter_rights is None
    assert found.settings_known is False


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"log_statement": "none", "log_min_error_statement": "panic"}, 0),
        ({"log_statement": "ddl", "log_min_error_statement": "fatal"}, 1),
        ({"log_statement": "none"}, 1),
        ({"log_statement": "none", "log_min_error_statement": "panic", "log_min_duration_statement": "0"}, 1),
        ({"log_min_error_statement": "panic", "pg_stat_statements__track_utility": "on"}, 1),
    ],
)
def test_what_keeps_statements_as_typed(values: dict[str, str], kept: int) -> None:
    found = pg_logs.residue(pg_session(pg(**values), pg_stat_user_tables=[{"dead": 5}]), ASSET)
    assert len(found.statement_logs) == kept
    assert (found.rewriting, found.dead_rows, found.vacuum_on) == (False, 5, None)
    assert found.settings_known is False


def test_version_12_lacks_what_came_later() -> None:
    """As its catalogue was: no idle time-out for sessions (14), no rights on settings (15)."""
    session = pg_session(pg(**LOGGING, log_filename="x.log", idle_in_transaction_session_timeout="60000"))
    session.answers = {
        "pg_db_role_setting": (),
        **{part: rows for part, rows in session.answers.items() if part != "pg_parameter_acl"},
    }
    assert pg_policy.policy(session, ASSET).idle_timeouts == ()
    assert pg_logs.logs(session, ASSET).parameter_rights == ()


# --- labels and copies of PostgreSQL ----------------------------------------------------------------------

LABEL = [{"provider": "selinux", "kind": "table", "number": 3}]


@pytest.mark.parametrize(
    ("rows", "labels", "engine", "enforced"),
    [
        (pg(shared_preload_libraries="sepgsql", sepgsql__permissive="off"), LABEL, "sepgsql", True),
        (pg(shared_preload_libraries="sepgsql", sepgsql__permissive="on"), LABEL, "sepgsql", False),
        (pg(shared_preload_libraries=""), [], "", None),
        # Which modules are loaded is hidden, but a module's settings are not.
        (pg(sepgsql__permissive="off"), LABEL, "sepgsql", True),
        (pg(port="5432"), LABEL, None, None),
        (pg(port="5432"), [], "", None),
    ],
)
def test_label_engines(
    rows: list[dict[str, object]], labels: Rows, engine: str | None, enforced: bool | None
) -> None:
    found = pg_system.labels(pg_session(rows, pg_seclabels=labels), ASSET)
    assert (found.engine, found.enforced) == (engine, enforced)


@pytest.mark.parametrize(
    ("values", "archiving", "program"),
    [
        ({"archive_mode": "off", "archive_command": "(disabled)"}, False, ""),
        ({"archive_mode": "on", "archive_command": ""}, False, ""),
        ({"archive_mode": "on", "archive_command": "/usr/bin/pgbackrest --stanza=his --key=S3cret push %p"},
         True, "pgbackrest"),
        ({"archive_mode": "always", "archive_command": "", "archive_library": "basic_archive"}, True,
         "basic_archive"),
        ({}, None, ""),
    ],
)  # fmt: skip
def test_archiving(values: dict[str, str], archiving: bool | None, program: str) -> None:
    session = pg_session(
        pg(wal_level="replica", **values),
        pg_is_in_recovery=[{"standby": False}],
        pg_stat_archiver=[{"archived_age_s": 60, "failed_count": 1, "failed_age_s": 90}],
        pg_replication_slots=[{"name": "s1", "active": False}],
    )
    found = pg_system.replication(session, ASSET)
    assert (found.archiving, found.archive_program) == (archiving, program)
    assert (found.archived_age_s, found.archive_failures, found.changes_logged) == (60, 1, True)
    assert "S3cret" not in repr(found)


@pytest.mark.parametrize(
    ("rows", "known"),
    [
        ([], 0),
        ([{"name": "b", "address": "10.2.0.1", "state": "streaming", "lag_bytes": 16}], 1),
        ([{"name": "b", "address": None, "state": None, "sync_state": None, "lag_bytes": None}], None),
    ],
)  # fmt: skip
def test_replicas_whose_state_is_hidden_are_not_none(rows: Rows, known: int | None) -> None:
    session = Canned({
        "FROM pg_stat_replication": rows, "pg_is_in_recovery() AS standby": [{"standby": False}],
        "FROM pg_settings": pg(wal_level="minimal"),
    })  # fmt: skip
    found = pg_system.replication(session, ASSET)
    assert (None if found.replicas is None else len(found.replicas)) == known
    assert found.changes_logged is False


# --- MariaDB and MySQL ------------------------------------------------------------------------------------


def my_session(plugins: tuple[str, ...] = (), option: str = "ON", **values: str) -> Canned:
    rows = [{"name": one, "status": "ACTIVE", "option_": option, "version": "1.4"} for one in plugins]
    return Canned({
        "SHOW GLOBAL VARIABLES": variables(**{"version": "10.11.6-MariaDB", **values}),
        "UNIX_TIMESTAMP() AS now_s": [{"now_s": 1_000}], "FROM mysql.general_log": [{"oldest_s": 10}],
        "information_schema.PLUGINS": rows,
    })  # fmt: skip


def test_log_places_of_mariadb() -> None:
    session = my_session(
        ("SERVER_AUDIT",), "FORCE_PLUS_PERMANENT", general_log="ON", log_output="FILE,TABLE",
        server_audit_logging="ON", server_audit_output_type="file", server_audit_file_rotate_size="1000000",
        server_audit_file_rotations="9", general_log_file="g.log",
    )  # fmt: skip
    found = my_system.logs(session, ASSET)
    assert [(one.channel, one.kind, one.oldest_s) for one in found.places] == [
        ("general_log", "file", None), ("general_log", "table", 10), ("server_audit", "file", None),
    ]  # fmt: skip
    assert found.places[2].keeps_bytes == 10_000_000
    assert [(one.name, one.permanent) for one in found.modules] == [("server_audit", True)]


@pytest.mark.parametrize(
    ("values", "overwrites", "days"),
    [
        ({"audit_log_prune_seconds": str(30 * 86400), "audit_log_max_size": "0"}, True, 30),
        ({"audit_log_prune_seconds": "0", "audit_log_max_size": "1073741824"}, True, None),
        ({"audit_log_prune_seconds": "0", "audit_log_max_size": "0"}, False, None),
        ({}, None, None),
    ],
)
def test_files_of_the_enterprise_audit(
    values: dict[str, str], overwrites: bool | None, days: int | None
) -> None:
    session = my_session(("audit_log",), version="8.0.36", audit_log_policy="ALL", **values)
    (place,) = my_system.logs(session, ASSET).places
    assert (place.overwrites, place.keeps_days) == (overwrites, days)


@pytest.mark.parametrize(
    ("values", "rewriting", "kept"),
    [
        ({"version": "8.0.36", "general_log": "ON", "log_output": "FILE", "log_raw": "OFF"}, True, 1),
        ({"version": "8.0.36", "general_log": "ON", "log_output": "FILE", "log_raw": "ON"}, False, 1),
        ({"version": "8.0.36", "general_log": "ON", "log_output": "FILE"}, None, 1),
        # MariaDB has no such setting and writes what was typed.
        ({"general_log": "ON", "log_output": "FILE"}, False, 1),
        ({"general_log": "ON", "log_output": "NONE"}, False, 0),
    ],
)
def test_passwords_in_logs_of_mysql(values: dict[str, str], rewriting: bool | None, kept: int) -> None:
    found = my_system.residue(my_session((), "ON", **values), ASSET)
    assert (found.rewriting, len(found.statement_logs)) == (rewriting, kept)


@pytest.mark.parametrize(
    ("rights", "complete"),
    [(("USAGE",), False), (("SHOW DATABASES",), True), (("SELECT",), True), ((), False)],
)
def test_databases_that_may_be_hidden(rights: tuple[str, ...], complete: bool) -> None:
    session = Canned({
        "USER_PRIVILEGES": [{"name": one} for one in rights], "SCHEMATA": [{"name": "his"}],
        "information_schema.PLUGINS": [{"name": "HandlerSocket", "status": "ACTIVE"}],
        "mysql.component": [{"name": "file://component_validate_password"}],
    })  # fmt: skip
    found = my_system.components(session, ASSET)
    assert found.databases_complete is complete
    assert [one.name for one in found.components] == ["handlersocket", "component_validate_password"]


@pytest.mark.parametrize(
    ("version", "asked", "row", "source"),
    [
        ("10.11.6-MariaDB", "SHOW ALL SLAVES STATUS",
         {"Master_Host": "10.2.0.1", "Slave_IO_Running": "Yes", "Slave_SQL_Running": "Yes",
          "Seconds_Behind_Master": 3}, ("10.2.0.1", True, 3)),
        ("8.4.0", "SHOW REPLICA STATUS",
         {"Source_Host": "10.2.0.1", "Replica_IO_Running": "Connecting", "Replica_SQL_Running": "Yes",
          "Seconds_Behind_Source": None}, ("10.2.0.1", False, None)),
        ("5.7.44", "SHOW SLAVE STATUS", {}, ("", None, None)),
    ],
)  # fmt: skip
def test_where_mysql_copies_from(
    version: str, asked: str, row: dict[str, object], source: tuple[object, ...]
) -> None:
    session = Canned({
        "SHOW GLOBAL VARIABLES": variables(
            version=version, log_bin="ON", binlog_format="ROW", expire_logs_days="7.5"
        ),
        asked: [row] if row else [],
    })  # fmt: skip
    found = my_system.replication(session, ASSET)
    assert (found.source, found.source_running, found.source_lag_s) == source
    assert (found.changes_logged, found.log_format, found.log_kept_s) == (True, "ROW", 648_000)
    assert found.replicas is None


@pytest.mark.parametrize(
    "more",
    [
        {}, {"check_user_name": "ON"}, {"check_user_name": "ON", "changed_characters_percentage": "0"},
        {"dictionary_file": "", "check_user_name": "ON", "changed_characters_percentage": "0", "more": "1"},
    ],
)  # fmt: skip
def test_how_many_variables_a_password_component_has_says_nothing(more: dict[str, str]) -> None:
    named = {
        f"validate_password__{name}": value
        for name, value in {
            "policy": "1", "length": "10", "mixed_case_count": "1", "number_count": "1",
            "special_char_count": "1", **more,
        }.items()
    }  # fmt: skip
    (module,) = my_policy.policy(my_session((), "ON", version="8.0.36", **named), ASSET).complexity
    assert (module.min_length, module.min_lower, module.min_special) == (10, 1, 1)


def with_users(rows: Rows, more: Mapping[str, Rows] = {}, **values: str) -> Canned:
    return Canned({
        **more, "information_schema.COLUMNS": [{"name": "Host"}],
        "SHOW GLOBAL VARIABLES": variables(version="8.0.36", **values),
        **dict.fromkeys(("mysql.role_edges", "mysql.global_grants", "mysql.db", "tables_priv", "columns_priv",
                         "information_schema.TABLES"), ()),
        "FROM mysql": rows,
    })  # fmt: skip


def test_roles_that_everybody_has() -> None:
    rows = [user("his_app", "10.1.2.%"), user("plain")]
    edges = {"mysql.role_edges": [{"role": "deep@%", "member": "his_all@%", "admin": "N"}]}
    session = with_users(rows, mandatory_roles="`everyone`@`%`, his_all")
    session.answers = {**edges, **{one: found for one, found in session.answers.items() if one not in edges}}
    found = {one.name: one for one in my_accounts.accounts(session, ASSET).accounts}
    assert found["plain"].member_of == ("deep@%", "everyone@%", "his_all@%")


def test_partial_revokes_keep_readers_out() -> None:
    told = '[{"Database": "his", "Privileges": ["SELECT"]}]'
    rows = [user("narrow", Select_priv="Y", restrictions=told), user("wide", Select_priv="Y")]
    column = SensitiveColumn(table="patient", column="id_no", holds="id_card")
    asset = DatabaseAsset(id="d", name="库", platform="mysql", database="his", sensitive=(column,))
    found = my_grants.grants(with_users(rows, {"COUNT(*) AS number": [{"number": 1}]}), asset)
    assert [(one.grantee, one.object) for one in found.revokes] == [("narrow", "his")]
    assert found.readers[0].accounts == ("wide@%",)


def test_factors_and_certificates_of_mysql_accounts() -> None:
    rows = [
        user("mfa", factors='["authentication_webauthn"]'), user("x509", ssl_type="X509"),
        user("socket", plugin="auth_socket", kept_0="empty"), user("tls", ssl_type="ANY"),
    ]  # fmt: skip
    session = with_users(rows)
    kept = {one.name: one for one in my_accounts.passwords(session, ASSET).passwords}
    found = {one.name: one for one in my_accounts.accounts(session, ASSET).accounts}
    assert kept["mfa"].more_factors == ("authentication_webauthn",)
    assert [one.client_certificate for one in found.values()] == [False, True, False, False]
    assert [one.takes_password for one in found.values()] == [True, True, False, True]


@pytest.mark.parametrize(
    ("told", "builder"),
    [
        ("15.20 (Debian 15.20-0+deb12u1)", "Debian"),
        ("PostgreSQL 13.3 gcc (GCC) 7.3.0 (openEuler)", "openEuler"),
        ("PostgreSQL 16.1 on x86_64, compiled by Visual C++", ""),
        ("compiled by gcc (GCC) 8.5.0 20210514 (Red Hat 8.5.0-4)", "Red Hat"),
    ],
)  # fmt: skip
def test_who_built_the_server(told: str, builder: str) -> None:
    assert pg_accounts.builder_of(told) == builder


@pytest.mark.parametrize(
    ("build", "builder"),
    [
        ("PostgreSQL 15.8 on x86_64-pc-linux-gnu, compiled by gcc", ""),
        ("PostgreSQL 15.8 (Debian 15.8-1) on x86_64", "Debian"),
        ("HighGo Security Enterprise 4.5 (PostgreSQL 12.4)", "HighGo"),
        ("(openGauss 3.0.0 build 02c14696) compiled", "openGauss"),
        ("", ""),
    ],
)
def test_servers_grown_from_postgresql_are_their_makers(build: str, builder: str) -> None:
    assert pg_accounts._builder("12.4", build) == builder


@pytest.mark.parametrize(
    ("version", "comment", "builder"),
    [
        ("8.0.36", "MySQL Community Server - GPL", ""),
        ("5.7.44-log", "MySQL Enterprise Server - Commercial", ""),
        ("5.7.25-TiDB-v7.1.0", "TiDB Server (Apache License 2.0)", "TiDB Server"),
        ("5.7.25-OceanBase-v4.2.1", "OceanBase_CE 4.2.1.0 (r100)", "OceanBase_CE 4.2.1.0"),
        ("5.7.44-48", "Percona Server (GPL), Release 48", "Percona Server"),
        ("10.11.14-MariaDB", "mariadb.org binary distribution", ""),
        ("10.6.14-9-MariaDB-enterprise-log", "MariaDB Enterprise Server", "MariaDB Enterprise"),
        ("8.0.36", "Source distribution", "source"),
    ],
)
def test_servers_that_speak_as_mysql_does_are_their_makers(version: str, comment: str, builder: str) -> None:
    assert my_accounts._builder({"version": version, "comment": comment, "os": "Linux"}) == builder


@pytest.mark.parametrize(
    ("values", "encrypted"),
    [
        ({"innodb_encrypt_tables": "ON", "innodb_encryption_threads": "4"}, ()),
        ({"innodb_encrypt_tables": "FORCE", "innodb_encryption_threads": "0"}, ()),
        (
            {"innodb_encrypt_tables": "FORCE", "innodb_encryption_threads": "4"},
            ("innodb_encrypt_tables=FORCE",),
        ),
        ({"default_table_encryption": "ON"}, ()),
    ],
)
def test_what_encrypts_new_tables_does_not_encrypt_old_ones(
    values: dict[str, str], encrypted: tuple[str, ...]
) -> None:
    assert my_system.residue(my_session((), "ON", **values), ASSET).encrypted == encrypted


# --- shapes of stored passwords ---------------------------------------------------------------------------

_DIGEST = hashlib.sha256(b"x").digest()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("$2b$12$" + "a" * 53, "bcrypt"), ("{bcrypt}$2a$10$" + "B" * 53, "bcrypt"),
        ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2g", "argon2"),
        ("pbkdf2_sha256$260000$salt$" + "A" * 44, "pbkdf2"),
        ("pbkdf2:sha256:600000$salt$" + "ab" * 32, "pbkdf2"),
        ("scrypt:32768:8:1$salt$" + "ab" * 64, "scrypt"), ("$6$saltsalt$" + "x" * 86, "sha_crypt"),
        ("$1$saltsalt$" + "x" * 22, "md5_crypt"), ("$P$B" + "x" * 30, "md5_crypt"),
        ("e10adc3949ba59abbe56e057f20f883e", "md5"), ("{MD5}4QrcOUm6Wau+VuBX8g+IPg==", "md5"),
        ("*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9", "sha1"),
        ("f7c3bc1d808e04732adf679965ccc34ca7ae3441", "sha1"),
        ("{SSHA}" + base64.b64encode(b"x" * 24).decode(), "ssha"),
        ("{SSHA512}" + base64.b64encode(b"x" * 72).decode(), "ssha2"),
        (_DIGEST.hex(), "hex_64"), (_DIGEST.hex().upper(), "hex_64"), ("{SM3}" + _DIGEST.hex(), "sm3"),
        ("sm3$a1b2c3d4$" + _DIGEST.hex(), "sm3_salted"), ("ENC(abcdefghijklmnop)", "reversible"),
        ("{sm4}0123456789abcdef0123456789abcdef", "reversible"), ("123456", "clear"), ("Admin@2024", "clear"),
        ("MTIzNDU2", "clear"), ("", "empty"), (None, "empty"), ("!", "empty"), (_DIGEST, "hex_64"),
        (_DIGEST[:16], "md5"), (b"$2b$12$" + b"a" * 53, "bcrypt"), ("49ba59abbe56e057", "hex_short"),
        (base64.b64encode(_DIGEST).decode(), "hex_64"),
    ],
)  # fmt: skip
def test_shapes_of_stored_passwords(value: str | bytes | None, kind: str) -> None:
    assert kind_of_hash(value) == kind


def test_counts_hold_no_value() -> None:
    values = ["123456", "123456", "", None, "$2b$12$" + "a" * 53]
    assert hashes_of(values) == (
        HashCount(kind="bcrypt", count=1), HashCount(kind="clear", count=2), HashCount(kind="empty", count=2),
    )  # fmt: skip
    assert repeats(values) == 2
