"""金仓 as its manuals describe it; no real server was at hand."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import sqlalchemy

from dengbao.errors import NotSupported
from dengbao.model import DatabaseAsset
from dengbao.probes.database import pg_accounts, pg_policy
from dengbao.probes.database.kingbase import KingbaseSession, respelled, version_of

from .test_database import Canned

ASSET = DatabaseAsset(id="d", name="库", platform="kingbase")
SETTINGS: Mapping[str, str] = {
    "shared_preload_libraries": "passwordcheck, sys_audlog, identity_pwdexp, sysaudit, sepapower",
    "passwordcheck.enable": "on", "passwordcheck.password_length": "8",
    "passwordcheck.password_condition_letter": "2", "passwordcheck.password_condition_digit": "1",
    "passwordcheck.password_condition_punct": "1", "sys_audlog.error_user_connect_times": "5",
    "sys_audlog.error_user_connect_interval": "30", "identity_pwdexp.password_change_interval": "90",
    "sysaudit.enable": "on", "log_destination": "stderr", "logging_collector": "on",
}  # fmt: skip


def session(**more: str) -> Canned:
    values = {**SETTINGS, **{name.replace("__", "."): value for name, value in more.items()}}
    rows = [{"name": name, "setting": value, "source": "default"} for name, value in values.items()]
    return Canned({"FROM pg_settings": rows, "pg_db_role_setting": ()})


def test_password_rules_and_lock() -> None:
    found = pg_policy.policy(session(), ASSET)
    (module,) = found.complexity
    # Letters are asked for, but whether of both cases no setting says.
    assert (module.min_length, module.min_upper, module.min_digits, module.min_special) == (8, None, 1, 1)
    assert [(one.module, one.attempts, one.duration_s) for one in found.failures] == [("sys_audlog", 5, 1800)]
    assert found.default_lifetime_days == 90
    unloaded = pg_policy.policy(session(shared_preload_libraries="passwordcheck"), ASSET)
    assert unloaded.default_lifetime_days is None


@pytest.mark.parametrize(
    ("more", "complexity", "failures"),
    [
        ({"passwordcheck__enable": "off"}, 0, [1800]),
        ({"sys_audlog__error_user_connect_times": "0"}, 1, []),
        ({"sys_audlog__error_user_connect_interval": "0"}, 1, [-1]),
    ],
)
def test_what_is_switched_off(more: dict[str, str], complexity: int, failures: list[int]) -> None:
    found = pg_policy.policy(session(**more), ASSET)
    assert len(found.complexity) == complexity
    assert [one.duration_s for one in found.failures] == failures


@pytest.mark.parametrize(("enable", "active"), [("on", None), ("off", False)])
def test_its_own_audit_shows_no_rules(enable: str, active: bool | None) -> None:
    channel = pg_policy.audit(session(sysaudit__enable=enable), ASSET).channels[1]
    assert (channel.name, channel.active, channel.events) == ("sysaudit", active, ())


def test_three_administrators() -> None:
    row = {"rolcanlogin": True, "rolsuper": False, "valid_for_days": None}
    rows = [{**row, "rolname": one} for one in ("sao", "sso", "sys_monitor")]
    rows.append({**row, "rolname": "system", "rolsuper": True})
    asked = Canned({"FROM pg_roles ORDER": rows, "pg_auth_members": ()})
    found = {one.name: one for one in pg_accounts.accounts(asked, ASSET).accounts}
    assert [found[one].default for one in ("system", "sso", "sao")] == [True] * 3
    assert [found[one].fixed for one in ("system", "sso", "sao")] == [False, True, True]
    assert found["sys_monitor"].system


def test_product_and_version() -> None:
    build = "KingbaseES V008R006C008B0014 on x86_64-pc-linux-gnu, compiled by gcc"
    asked = Canned({
        "version() AS build": [{"version": "12.1", "build": build, "usr": "system", "database": "test"}],
        "pg_stat_ssl": (),
    })  # fmt: skip
    found = pg_accounts.server(asked, ASSET)
    assert (found.product, found.version) == ("kingbase", "V008R006C008B0014")
    assert version_of("PostgreSQL 15.4 on x86_64") == ""


def test_names_are_respelled_where_the_server_knows_only_its_own() -> None:
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE sys_settings (name text)")
        connection.exec_driver_sql("INSERT INTO sys_settings VALUES ('pg_like')")
        connection.commit()
        asked = KingbaseSession(connection, lambda: None)
        assert asked.one("SELECT name FROM pg_settings") == {"name": "pg_like"}
        assert asked.own_spelling
        assert asked.one("SELECT name FROM pg_settings WHERE name <> 'x'") == {"name": "pg_like"}
        with pytest.raises(NotSupported):
            asked.ask("SELECT * FROM pg_nowhere")
    engine.dispose()
    assert respelled("SELECT pg_ls_logdir() FROM pg_catalog.pg_class") == (
        "SELECT sys_ls_logdir() FROM sys_catalog.sys_class"
    )
