"""What servers that cannot be started here answer, and what must not be written, opened or waited for."""

from __future__ import annotations

import hashlib
import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path

import psycopg
import pymysql
import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st

from dengbao.errors import (
    LoginRefused,
    NoPermission,
    NotSupported,
    ProbeError,
    ProtocolMismatch,
    Reason,
    TimedOut,
)
from dengbao.model import DatabaseAsset, SensitiveColumn
from dengbao.probes.database import my_accounts, my_grants, my_policy, pg_access, pg_accounts, pg_policy
from dengbao.probes.database.facts import DatabaseSensitive, Grant, PasswordState
from dengbao.probes.database.session import Session, flag, map_error, number, parts, text, words
from dengbao.probes.database.wire import Meter, Watch, metered
from tests.live.harness import look

ASSET = DatabaseAsset(id="d", name="库", platform="mysql", database="his")


class Canned(Session):
    """Answers from a table of what each question begins with or names; anything else is not there."""

    def __init__(self, answers: Mapping[str, Iterable[Mapping[str, object]] | ProbeError]) -> None:
        super().__init__(sqlalchemy.create_engine("sqlite://").connect(), lambda: None)
        self.connection.close()
        self.answers = answers

    def ask(self, question: object, **_bounds: object) -> list[dict[str, object]]:
        """Return the canned rows."""
        asked = str(question)
        for part, rows in self.answers.items():
            if part in asked:
                if isinstance(rows, ProbeError):
                    raise rows
                return [dict(one) for one in rows]
        raise NotSupported(f"not canned: {asked}")


def variables(**values: str) -> list[dict[str, object]]:
    return [{"Variable_name": name.replace("__", "."), "Value": value} for name, value in values.items()]


def user(name: str, host: str = "%", **values: object) -> dict[str, object]:
    row: dict[str, object] = {
        "User": name, "Host": host, "plugin": "caching_sha2_password", "kept_0": "$A$005$", "ssl_type": "",
        "account_locked": "N", "password_expired": "N", "password_lifetime": None, "age_days": 3,
        "now_s": 1_700_000_000, "locking": None, "Select_priv": "N", "Super_priv": "N", "Grant_priv": "N",
        "Create_user_priv": "N",
    }  # fmt: skip
    return {**row, **values}


MYSQL8: Mapping[str, Iterable[Mapping[str, object]]] = {
    "information_schema.COLUMNS": [{"name": "Host"}, {"name": "User"}],
    "SHOW GLOBAL VARIABLES": variables(version="8.0.36", default_password_lifetime="90"),
    "FROM mysql": [
        user("root", "localhost", Super_priv="Y"),
        user("his_app", "10.1.2.%", password_lifetime=0, age_days=700),
        user("old", password_lifetime=30, age_days=31),
        user("new", password_expired="Y"),
        user("careful", locking='{"failed_login_attempts": 4, "password_lock_time_days": 2}'),
        user("forever", locking='{"failed_login_attempts": 4, "password_lock_time_days": -1}'),
        user("bare", kept_0="empty"),
        user("socket", plugin="auth_socket", kept_0="empty"),
        user("socket_old", plugin="auth_socket", kept_0="empty", password_lifetime=30, age_days=900),
        user("nologin", plugin="mysql_no_login", kept_0="empty"),
        user("ldap", plugin="authentication_ldap_simple", kept_0="length 12"),
        user("his_reader", kept_0="empty", account_locked="Y", password_expired="Y"),
        user("mysql.sys", "localhost", account_locked="Y"),
        user("maker", Create_user_priv="Y", Grant_priv="Y"),
        user("tls", ssl_type="ANY"),
    ],
    "mysql.role_edges": [{"role": "his_reader@%", "member": "his_app@10.1.2.%", "admin": "N"}],
    "mysql.global_grants": [{"user": "maker", "host": "%", "priv": "AUDIT_ADMIN"}],
}  # fmt: skip


def mysql8(**more: Iterable[Mapping[str, object]] | ProbeError) -> Canned:
    # The narrower question comes first: every question about accounts names the schema.
    narrow = {name: MYSQL8[name] for name in ("mysql.role_edges", "mysql.global_grants")}
    return Canned({**more, **narrow, **MYSQL8})


def test_mysql_8_accounts() -> None:
    found = {one.name: one for one in my_accounts.accounts(mysql8(), ASSET).accounts}
    assert found["root"].superuser
    assert found["root"].default
    assert found["maker"].superuser  # who makes accounts and grants everything is one
    assert "AUDIT_ADMIN" in found["maker"].rights
    assert found["his_app"].member_of == ("his_reader@%",)
    assert found["his_reader"].is_role
    assert found["his_reader"].can_login is False
    assert (found["careful"].failed_attempts, found["careful"].lock_s) == (4, 2 * 86400)
    assert found["forever"].lock_s == -1
    assert found["old"].password_expired is True
    assert found["new"].password_expired is None
    assert found["socket_old"].password_expired is False  # no password that could grow old
    assert found["nologin"].can_login is False
    assert found["socket"].can_login is True
    assert found["mysql.sys"].system
    assert found["tls"].tls_required is True


def test_mysql_8_passwords() -> None:
    found = {one.name: one for one in my_accounts.passwords(mysql8(), ASSET).passwords}
    assert (found["root"].state, found["root"].scheme) == (PasswordState.SET, "caching_sha2")
    assert found["bare"].state is PasswordState.EMPTY
    assert found["socket"].state is PasswordState.NONE
    assert found["ldap"].state is PasswordState.UNKNOWN
    assert "his_reader" not in found
    # NULL is the default, 0 is never.
    assert (found["root"].lifetime_days, found["his_app"].lifetime_days) == (90, 0)


COLUMN = "his.patient.id_no"
INVALID_OR_SOCKET = (
    '{"plugin":"mysql_native_password","authentication_string":"invalid",'
    '"auth_or":[{},{"plugin":"unix_socket"}]}'
)
ED25519_OR = (
    '{{"plugin":"ed25519","authentication_string":"…",'
    '"auth_or":[{{"plugin":"mysql_native_password","authentication_string":"{}"}},{{}}]}}'
)


@pytest.mark.parametrize(
    ("priv", "state", "scheme", "can_login"),
    [
        ('{"plugin":"mysql_native_password","authentication_string":"*…"}', "set", "mysql_native", True),
        ('{"plugin":"mysql_native_password","authentication_string":"invalid"}', "none", "", False),
        ('{"plugin":"mysql_native_password","authentication_string":""}', "empty", "", True),
        ('{"access":1}', "empty", "", True),
        ('{"plugin":"ed25519","authentication_string":"…","account_locked":true}', "set", "ed25519", False),
        ('{"plugin":"unix_socket"}', "none", "", True),
        ('{"plugin":"pam","authentication_string":"mysql"}', "unknown", "", True),
        (INVALID_OR_SOCKET, "none", "", True),
        (ED25519_OR.format(""), "empty", "ed25519", True),
        (ED25519_OR.format("*…"), "set", "mysql_native、ed25519", True),
    ],
)  # fmt: skip
def test_mariadb_login_methods(priv: str, state: str, scheme: str, can_login: bool) -> None:
    row = {"User": "u", "Host": "%", "plugin": "", "kept_0": "empty", "is_role": "N", "now_s": 1_700_000_000}
    session = Canned(
        {
            "information_schema.COLUMNS": [{"name": "Host"}],
            "SHOW GLOBAL VARIABLES": variables(version="10.11.6-MariaDB"),
            "mysql.global_priv": [{"user": "u", "host": "%", "priv": priv}],
            "mysql.roles_mapping": [],
            "FROM mysql": [row],
        }
    )
    password = my_accounts.passwords(session, ASSET).passwords[0]
    assert (password.state.value, password.scheme) == (state, scheme)
    assert my_accounts.accounts(session, ASSET).accounts[0].can_login is can_login


def test_mariadb_without_its_own_description_is_not_believed() -> None:
    session = Canned(
        {
            "information_schema.COLUMNS": [{"name": "Host"}],
            "SHOW GLOBAL VARIABLES": variables(version="10.11.6-MariaDB"),
            "mysql.global_priv": NoPermission("SELECT command denied"),
            "FROM mysql": [],
        }
    )
    with pytest.raises(NoPermission, match="授权表"):
        my_accounts.passwords(session, ASSET)


def test_accounts_that_are_not_shown_are_not_none() -> None:
    with pytest.raises(NoPermission, match=r"mysql\.user"):
        my_accounts.accounts(Canned({"information_schema.COLUMNS": []}), ASSET)


def policy_of(plugins: tuple[str, ...] = (), **values: str) -> Canned:
    rows = [{"name": one, "status": "ACTIVE"} for one in plugins]
    rows += (
        [{"name": "validate_password", "status": "DISABLED"}] if "validate_password" not in plugins else []
    )
    return Canned(
        {"SHOW GLOBAL VARIABLES": variables(version="8.0.36", **values), "information_schema.PLUGINS": rows}
    )


def test_validate_password_by_either_name() -> None:
    for plugins, mark in ((("validate_password",), "_"), ((), "__")):
        named = {
            f"validate_password{mark}{name}": value
            for name, value in {
                "policy": "MEDIUM", "length": "8", "mixed_case_count": "1", "number_count": "1",
                "special_char_count": "1", "check_user_name": "ON",
            }.items()
        }  # fmt: skip
        (module,) = my_policy.policy(policy_of(plugins, **named), ASSET).complexity
        assert (module.min_length, module.min_upper, module.min_special) == (8, 1, 1)
        low = {**named, f"validate_password{mark}policy": "LOW"}
        (module,) = my_policy.policy(policy_of(plugins, **low), ASSET).complexity
        assert (module.min_length, module.min_upper, module.min_special) == (8, 0, 0)


def test_a_plugin_that_is_not_active_checks_nothing() -> None:
    found = my_policy.policy(
        policy_of(validate_password_policy="MEDIUM", validate_password_length="8"), ASSET
    )
    assert found.complexity == ()


def test_connection_control_and_password_errors() -> None:
    found = my_policy.policy(
        policy_of(
            ("CONNECTION_CONTROL",),
            connection_control_failed_connections_threshold="3",
            connection_control_min_connection_delay="1500",
            max_password_errors="4294967295",
        ),
        ASSET,
    )
    assert [(one.module, one.effect, one.attempts, one.duration_s) for one in found.failures] == [
        ("connection_control", "delay", 3, 2)
    ]
    found = my_policy.policy(
        policy_of(max_password_errors="5", connection_control_failed_connections_threshold="3"), ASSET
    )
    assert [(one.module, one.duration_s) for one in found.failures] == [("max_password_errors", -1)]


@pytest.mark.parametrize(
    ("values", "remote", "off"),
    [
        ({"bind_address": "*"}, True, False),
        ({"bind_address": ""}, True, False),
        ({"bind_address": "127.0.0.1,::1"}, False, False),
        ({"bind_address": "127.0.0.1,10.1.2.3"}, True, False),
        ({"bind_address": "db.test"}, None, False),
        ({"bind_address": "127.0.0.1", "mysqlx_bind_address": "*"}, True, False),
        ({"bind_address": "127.0.0.1", "mysqlx_bind_address": "127.0.0.1"}, False, False),
        ({"bind_address": "*", "skip_networking": "ON"}, False, False),
        ({"bind_address": "127.0.0.1", "skip_grant_tables": "ON"}, False, True),
    ],
)
def test_listening(values: dict[str, str], remote: bool | None, off: bool) -> None:
    session = Canned(
        {
            "SHOW GLOBAL VARIABLES": variables(version="8.0.36", have_ssl="YES", **values),
            "CURRENT_USER": [{"usr": "a@%"}],
        }
    )
    found = my_policy.access(session, ASSET)
    assert (found.remote, found.authentication_off) == (remote, off)


def test_a_server_without_grant_tables_gives_itself_away() -> None:
    for name in ("@", "skip-grants user@skip-grants host"):
        session = Canned(
            {
                "SHOW GLOBAL VARIABLES": variables(version="8.4.0"),
                "CURRENT_USER": [{"usr": name}],
                "Ssl_cipher": [{"Value": ""}],
            }
        )
        found = my_policy.access(session, ASSET)
        assert found.authentication_off is True
        assert found.tls_enabled is None  # 8.4 has no have_ssl, and an open session proves nothing


@pytest.mark.parametrize(
    ("events", "recorded"),
    [
        ("", ("connect", "failed_login", "ddl", "dcl", "write", "read")),
        ("CONNECT", ("connect", "failed_login")),
        (
            "connect,query_ddl,query_dcl,query_dml_no_select",
            ("connect", "failed_login", "ddl", "dcl", "write"),
        ),
        ("QUERY", ("ddl", "dcl", "write", "read")),
    ],
)
def test_server_audit_events(events: str, recorded: tuple[str, ...]) -> None:
    session = policy_of(
        ("SERVER_AUDIT",), server_audit_logging="ON", server_audit_events=events, general_log="OFF"
    )
    channel = my_policy.audit(session, ASSET).channels[1]
    assert (channel.active, channel.events) == (True, recorded)


@pytest.mark.parametrize(("rule", "active"), [("ALL", True), ("LOGINS", True), ("NONE", False), ("", None)])
def test_enterprise_audit(rule: str, active: bool | None) -> None:
    found = my_policy.audit(policy_of(("audit_log",), audit_log_policy=rule), ASSET)
    assert found.channels[1].active is active


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("audit_log_filter_id", "0"),  # with filters, which without one for an account record nothing
        ("audit_log_statement_policy", "NONE"),
        ("audit_log_connection_policy", "ERRORS"),
    ],
)
def test_enterprise_audit_by_more_than_its_policy(name: str, value: str) -> None:
    found = my_policy.audit(policy_of(("audit_log",), audit_log_policy="ALL", **{name: value}), ASSET)
    assert (found.channels[1].active, found.channels[1].events) == (None, ())


def test_enterprise_audit_of_some_commands_only() -> None:
    session = Canned(
        {
            "SHOW GLOBAL VARIABLES": variables(
                version="8.0.36", audit_log_policy="ALL", audit_log_exclude_commands="grant"
            ),
            "PLUGINS": [{"name": "audit_log", "status": "ACTIVE"}],
        }
    )
    assert [(one.active, one.events) for one in my_policy.audit(session, ASSET).channels][1] == (None, ())


def test_general_log_needs_somewhere_to_go() -> None:
    for sink, active in (("FILE", True), ("TABLE,FILE", True), ("NONE", False), ("", False)):
        channel = my_policy.audit(policy_of(general_log="ON", log_output=sink), ASSET).channels[0]
        assert channel.active is active
        assert "result" not in channel.fields


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("his", "his", True), ("HIS", "his", True), ("his%", "his2", True), ("test\\_%", "test_a", True),
        ("test\\_%", "testa", False), ("t_st", "test", True), ("his", "his2", False), ("%", "any", True),
    ],
)  # fmt: skip
def test_database_patterns(pattern: str, name: str, fits: bool) -> None:
    assert my_grants._like(pattern, name) is fits


def test_readers_are_added_up_over_all_levels_and_roles() -> None:
    known = my_accounts.accounts(mysql8(), ASSET).accounts
    found = my_grants._readers(
        "his", "patient", "id_no", known,
        (
            Grant(grantee="his_reader", host="%", level="column", object=COLUMN, rights=("SELECT",)),
            Grant(grantee="careful", host="%", level="database", object="h%", rights=("SELECT",)),
            Grant(grantee="forever", host="%", level="table", object="his.patient", rights=("INSERT",)),
            Grant(grantee="tls", host="%", level="table", object="his.other", rights=("SELECT",)),
            Grant(grantee="root", host="localhost", level="global", object="*.*", rights=("SELECT",)),
        ),
    )  # fmt: skip
    assert found.accounts == ("root@localhost", "his_app@10.1.2.%", "careful@%")
    assert found.public is False
    everyone = my_grants._readers(
        "his", "patient", "id_no", known,
        (Grant(grantee="PUBLIC", level="database", object="his", rights=("SELECT",)),),
    )  # fmt: skip
    assert everyone.public is True
    assert "bare@%" in everyone.accounts


@pytest.mark.parametrize(("there", "readers"), [(1, 1), (0, 0)])
def test_a_misspelt_column_is_not_one_without_readers(there: int, readers: int) -> None:
    column = SensitiveColumn(table="patient", column="id_no", holds="id_card")
    nothing = dict.fromkeys(("mysql.db", "mysql.tables_priv", "mysql.columns_priv"), ())
    session = mysql8(COUNT=[{"number": there}], **{"information_schema.TABLES": ()}, **nothing)
    asset = DatabaseAsset(id="d", name="库", platform="mysql", database="his", sensitive=(column,))
    assert len(my_grants.grants(session, asset).readers) == readers


def test_roles_of_roles() -> None:
    found = pg_accounts.roles_of([("top", "mid"), ("mid", "low"), ("low", "top"), ("other", "x")])
    assert found["low"] == ("low", "mid", "top")  # a ring ends
    assert found["x"] == ("other",)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("5min", "300"), ("300s", "300"), ("1h", "3600"), ("1500", "2"), ("1500ms", "2"), ("0", "0"),
     ("1d", "86400"),
     ("often", "often")],
)  # fmt: skip
def test_overrides_of_time_outs_in_any_unit(value: str, seconds: str) -> None:
    assert pg_policy._override_value("idle_session_timeout", value) == seconds


OWN = (
    {"name": "log_statement", "setting": "all", "boot_val": "none", "source": "user"},
    {"name": "idle_session_timeout", "setting": "60000", "boot_val": "0", "source": "database user"},
    {"name": "log_connections", "setting": "on", "boot_val": "off", "source": "configuration file"},
)


@pytest.mark.parametrize(
    ("files", "statement", "idle"),
    [
        ((), "none", "0"),
        (({"name": "log_statement", "setting": "ddl"},), "ddl", "0"),
        (({"name": "idle_session_timeout", "setting": "10min"},), "none", "600000"),
    ],
)
def test_settings_of_our_own_account_are_not_those_of_all(
    files: tuple[dict[str, str], ...], statement: str, idle: str
) -> None:
    known = pg_policy.settings(Canned({"FROM pg_settings": OWN, "pg_file_settings": files}))
    assert (known["log_statement"], known["idle_session_timeout"]) == (statement, idle)
    assert known["log_connections"] == "on"


def test_settings_of_our_own_account_hide_those_of_all() -> None:
    session = Canned({"FROM pg_settings": OWN, "pg_file_settings": NoPermission("x")})
    with pytest.raises(NoPermission, match="log_statement"):
        pg_policy.settings(session)


def test_a_setting_without_its_module_counts_for_nothing() -> None:
    # In a file anyone may write credcheck.password_min_length; pg_settings lists it only where it is loaded.
    assert pg_policy.loaded_modules({"shared_preload_libraries": ""}) == set()
    assert pg_policy.loaded_modules({"shared_preload_libraries": "$libdir/passwordcheck.so, pgaudit"}) == {
        "passwordcheck", "pgaudit",
    }  # fmt: skip
    assert pg_policy.loaded_modules({"auth_delay.milliseconds": "500"}) == {"auth_delay"}


def test_credcheck_as_it_is_set() -> None:
    known = {
        "shared_preload_libraries": "credcheck",
        "credcheck.password_min_length": "8",
        "credcheck.password_min_upper": "1",
        "credcheck.whitelist": "his_app,old",
        "credcheck.encrypted_password_allowed": "off",
        "credcheck.max_auth_failure": "5",
        "credcheck.whitelist_auth_failure": "his_app",
    }
    (module,) = pg_policy._complexity(known)
    assert (module.min_length, module.min_upper, module.min_lower) == (8, 1, None)
    assert (module.exempt, module.takes_hashes) == (("his_app", "old"), False)
    (failure,) = pg_policy._failures(known)
    assert (failure.effect, failure.attempts, failure.duration_s) == ("lock", 5, -1)
    assert failure.exempt == ("his_app",)
    assert not list(pg_policy._failures({**known, "credcheck.max_auth_failure": "0"}))


@pytest.mark.parametrize(
    ("value", "events", "active"),
    [
        ("none", (), False),
        ("ddl, role", ("ddl", "dcl"), True),
        ("all", ("ddl", "dcl", "write", "read"), True),
        ("all, -read", ("ddl", "dcl", "write"), True),
        ("misc", (), False),
        ("read,write", ("write", "read"), True),
    ],
)  # fmt: skip
def test_pgaudit_classes(value: str, events: tuple[str, ...], active: bool) -> None:
    known = {"pgaudit.log": value, "logging_collector": "on", "log_destination": "stderr"}
    channel = pg_policy._pgaudit(known, pg_policy._server_log(known))
    assert (channel.events, channel.active) == (events, active)


@pytest.mark.parametrize(
    ("known", "active", "fields"),
    [
        ({"logging_collector": "on", "log_destination": "stderr", "log_line_prefix": "%m [%p] "}, True,
         ("time", "type", "result", "object")),
        ({"logging_collector": "on", "log_destination": "csvlog", "log_line_prefix": ""}, True,
         ("time", "user", "source", "type", "result", "object")),
        ({"logging_collector": "off", "log_destination": "csvlog"}, False,
         ("time", "user", "source", "type", "result", "object")),
        ({"logging_collector": "off", "log_destination": "stderr", "log_line_prefix": "%t %q%u@%d %r "}, None,
         ("time", "user", "source", "type", "result", "object")),
        ({"logging_collector": "off", "log_destination": "syslog", "log_line_prefix": "%-10u"}, True,
         ("time", "user", "type", "result", "object")),
        ({"logging_collector": "on", "log_destination": "stderr", "log_line_prefix": "%u",
          "log_min_messages": "panic"},
         True, ("user", "type", "object")),
    ],
)  # fmt: skip
def test_server_log(known: dict[str, str], active: bool | None, fields: tuple[str, ...]) -> None:
    channel = pg_policy._server_log(known)
    assert (channel.active, channel.fields) == (active, fields)


@pytest.mark.parametrize(
    ("level", "events", "pgaudit"),
    [
        ("warning", ("connect", "failed_login", "ddl", "dcl"), True),
        ("error", ("connect", "failed_login", "ddl", "dcl"), True),
        ("log", ("connect", "failed_login", "ddl", "dcl"), True),
        ("fatal", ("failed_login",), False),
        ("panic", (), False),
    ],
)
def test_a_log_that_takes_only_the_gravest_records_no_deeds(
    level: str, events: tuple[str, ...], pgaudit: bool
) -> None:
    known = {
        "logging_collector": "on", "log_destination": "stderr", "log_connections": "on",
        "log_statement": "ddl", "log_min_messages": level, "pgaudit.log": "all",
    }  # fmt: skip
    log = pg_policy._server_log(known)
    assert (log.active, log.events) == (True, events)
    assert pg_policy._pgaudit(known, log).active is pgaudit


@pytest.mark.parametrize(
    ("sent", "least", "written"),
    [
        ("notice", "warning", False),
        ("warning", "warning", True),
        ("warning", "log", False),
        ("odd", "info", False),
    ],
)
def test_pgaudit_at_a_level_of_its_own(sent: str, least: str, written: bool) -> None:
    known = {"pgaudit.log_level": sent, "log_min_messages": least}
    assert pg_policy._writes_pgaudit(known) is written


@pytest.mark.parametrize(
    ("low", "high", "versions"),
    [
        ("TLSv1.2", "", ("TLSv1.2", "TLSv1.3")), ("TLSv1", "TLSv1.2", ("TLSv1", "TLSv1.1", "TLSv1.2")),
        ("", "", ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")), (None, "", None), ("TLSv9", "", None),
    ],
)  # fmt: skip
def test_tls_versions(low: str | None, high: str, versions: tuple[str, ...] | None) -> None:
    known = {"ssl_max_protocol_version": high} | ({} if low is None else {"ssl_min_protocol_version": low})
    assert pg_access._tls_versions(known) == versions


def test_networks_of_rules() -> None:
    assert pg_access._network("10.1.2.0", "255.255.255.0") == "10.1.2.0/24"
    assert pg_access._network("fd00::", "ffff::") == "fd00::/16"
    assert pg_access._network("all", "") == "all"
    assert pg_access._network("", "") == ""


def test_declared_names_cannot_leave_their_literal() -> None:
    assert pg_access._literal("a'; DROP TABLE x; --") == "E'a\\'; DROP TABLE x; --'"
    assert pg_access._literal("a\\") == "E'a\\\\'"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.InsufficientPrivilege(), NoPermission),
        (psycopg.errors.QueryCanceled(), TimedOut),
        (psycopg.errors.UndefinedTable(), NotSupported),
        (psycopg.OperationalError("server closed the connection"), ProtocolMismatch),
        (pymysql.err.OperationalError(1142, "SELECT command denied"), NoPermission),
        (pymysql.err.OperationalError(1045, "Access denied"), LoginRefused),
        (pymysql.err.OperationalError(1969, "max_statement_time exceeded"), TimedOut),
        (pymysql.err.OperationalError(2013, "Lost connection"), ProtocolMismatch),
        (pymysql.err.OperationalError(1290, "option"), NotSupported),
        (sqlite3.OperationalError("interrupted"), TimedOut),
        (sqlite3.OperationalError("no such table: x"), NotSupported),
        (sqlite3.DatabaseError("file is not a database"), ProtocolMismatch),
        (TimeoutError(), TimedOut),
    ],
)
def test_errors_are_told_apart(error: Exception, kind: type[ProbeError]) -> None:
    assert type(map_error(error)) is kind


def test_reading_cells() -> None:
    row = {
        "n": "12",
        "f": "YES",
        "o": "OFF",
        "x": "maybe",
        "none": None,
        "b": b"\xe4\xb8\xad",
        "l": ["a", "b"],
    }
    assert (number(row, "n"), number(row, "x"), number(row, "none")) == (12, None, None)
    assert (flag(row, "f"), flag(row, "o"), flag(row, "x"), flag(row, "none")) == (True, False, None, None)
    assert (text(row, "b"), text(row, "none"), text(row, "absent")) == ("中", "", "")
    assert parts(row, "l") == ("a", "b")
    assert parts(row, "n") == ()
    assert words(" \"a\", b ,, 'c' ") == ("a", "b", "c")


# --- bounds of the wire -----------------------------------------------------------------------------------


@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_a_meter_stops_at_its_bound(first: int, second: int) -> None:
    meter = Meter(max_bytes=100_000)
    if first + second <= 100_000:
        meter.spend(first)
        meter.spend(second)
        assert meter.why is None
    else:
        meter.spend(first)
        with pytest.raises(OSError, match="MB"):
            meter.spend(second)
        assert meter.why is not None
        assert meter.why.reason is Reason.PROTOCOL


def test_a_socket_refuses_to_read_when_the_time_is_over() -> None:
    left, right = socket.socketpair()
    with closing(right), closing(metered(left, Meter(seconds=-1), 1.0)) as sock:
        right.sendall(b"x")
        with pytest.raises(OSError, match="秒"):
            sock.recv_into(bytearray(4))


def test_a_watched_connection_is_shut_down_when_its_time_is_over() -> None:
    left, right = socket.socketpair()
    with closing(left), closing(right):
        meter = Meter(seconds=0.1)
        begun = time.monotonic()
        with Watch(left.fileno(), meter):
            assert left.recv(4) == b""  # would wait for ever
        assert time.monotonic() - begun < 20
        assert meter.why is not None
        assert meter.why.reason is Reason.TIMED_OUT


# --- SQLite files -----------------------------------------------------------------------------------------


def lite(path: Path, *columns: SensitiveColumn) -> DatabaseAsset:
    return DatabaseAsset(id="d", name="库", platform="sqlite", path=str(path), sensitive=columns)


def reason_of(path: Path) -> Reason:
    (reason,) = {lack.reason for lack in look(lite(path)).missing.values()}
    return reason


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(4096))


def empty(path: Path) -> None:
    path.touch()


def folder(path: Path) -> None:
    path.mkdir()


def loop(path: Path) -> None:
    path.symlink_to(path)


def pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [(garbage, Reason.PROTOCOL), (empty, Reason.PROTOCOL), (folder, Reason.PROTOCOL), (pipe, Reason.PROTOCOL),
     (loop, Reason.UNREACHABLE), (lambda _path: None, Reason.NOT_DECLARED)],
    ids=["garbage", "empty", "folder", "pipe", "loop", "absent"],
)  # fmt: skip
def test_what_is_no_sqlite_file(tmp_path: Path, make: Callable[[Path], None], reason: Reason) -> None:
    make(tmp_path / "his.db")
    assert reason_of(tmp_path / "his.db") is reason


def test_a_log_that_was_not_merged_is_not_overlooked(tmp_path: Path) -> None:
    path = tmp_path / "his.db"
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("CREATE TABLE t (v)")
        file.commit()
        kept = path.with_name("his.db-wal").read_bytes()
    path.with_name("his.db-wal").write_bytes(kept)
    assert reason_of(path) is Reason.PROTOCOL
    assert sorted(one.name for one in tmp_path.iterdir()) == ["his.db", "his.db-wal"]


def test_damaged_pages_end_one_question_not_the_look(tmp_path: Path) -> None:
    path = tmp_path / "his.db"
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE t (v)")
        file.executemany("INSERT INTO t VALUES (?)", [("x" * 3000,)] * 50)
        file.commit()
    data = bytearray(path.read_bytes())
    data[4096:8192] = os.urandom(4096)
    path.write_bytes(data)
    sight = look(lite(path, SensitiveColumn(table="t", column="v", holds="phone")))
    sample = sight.facts["database.sensitive"]
    assert isinstance(sample, DatabaseSensitive)
    assert sample.columns[0].state == "failed"


def test_columns_of_every_kind_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "his.db"
    clear = "11010519491231002X"
    with closing(sqlite3.connect(path)) as file:
        file.execute('CREATE TABLE "病人 信息" ("姓 名" text, "id""no" blob, tel integer)')
        file.executemany(
            'INSERT INTO "病人 信息" VALUES (?, ?, ?)',
            [("张三", clear.encode(), 13800138000), ("李*", hashlib.sha256(b"x").digest(), None)] * 3,
        )
        file.commit()
    sight = look(
        lite(
            path,
            SensitiveColumn(table="病人 信息", column="姓 名", holds="name"),
            SensitiveColumn(table="病人 信息", column='id"no', holds="id_card"),
            SensitiveColumn(table="病人 信息", column="tel", holds="phone"),
            SensitiveColumn(table="病人 信息", column="no such", holds="phone"),
            SensitiveColumn(table="no such", column="x", holds="phone"),
        )
    )
    sample = sight.facts["database.sensitive"]
    assert isinstance(sample, DatabaseSensitive)
    name, number_, phone, no_column, no_table = sample.columns
    assert (name.clear, name.masked) == (3, 3)
    assert (number_.clear, number_.cipher_or_hash) == (3, 3)
    assert (phone.clear, phone.empty) == (3, 3)
    assert no_table.state == "not_found"
    assert no_column.state == "not_found"
    told = b"".join(sight.raw.values())
    assert clear.encode() not in told
    assert b"13800138000" not in told
    assert "张三".encode() not in told


def test_the_end_of_a_table_is_looked_at_too(tmp_path: Path) -> None:
    path = tmp_path / "his.db"
    hidden = hashlib.sha256(b"x").hexdigest()
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE t (id integer PRIMARY KEY, v text)")
        file.executemany("INSERT INTO t (v) VALUES (?)", [(hidden,)] * 1000 + [("13800138000",)] * 5)
        file.commit()
    sample = look(lite(path, SensitiveColumn(table="t", column="v", holds="phone"))).facts[
        "database.sensitive"
    ]
    assert isinstance(sample, DatabaseSensitive)
    assert (sample.columns[0].clear, sample.columns[0].cipher_or_hash) == (5, 395)
