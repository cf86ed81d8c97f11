"""What carried-in outputs tell of records, components, labels, copies and residue; and what they do not."""

from __future__ import annotations

from typing import TypeVar

import pytest

from dengbao.errors import Reason
from dengbao.model import Facts, Missing
from dengbao.probes.database.collected import observed
from dengbao.probes.database.collected_sql import read_sql
from dengbao.probes.database.system_facts import (
    DatabaseComponents,
    DatabaseLabels,
    DatabaseLogs,
    DatabaseReplication,
    DatabaseResidue,
)

from . import sql_samples as samples
from .sql_files import ERRORS, dump

_DAY_S = 86400
F = TypeVar("F", bound=Facts)


def facts(kind: type[F], platform: str, **sections: list[str]) -> F:
    """Return one kind of facts from the hardened sample with some sections replaced."""
    file = read_sql(dump(platform, samples.changed(platform, **sections)).encode(), where="x")
    found = next(one for one in observed(file).facts if isinstance(one, kind))
    assert isinstance(found, kind)
    return found


def lack(kind: str, platform: str, *, errors: dict[str, str], **sections: list[str]) -> Missing:
    """Return why a kind is missing."""
    text = dump(platform, samples.changed(platform, **sections), errors=errors)
    return next(one for one in observed(read_sql(text.encode(), where="x")).missing if one.fact == kind)


def _parameters(platform: str, **values: str) -> list[str]:
    """Return the sample's parameters with some set anew."""
    section = "settings" if platform == "sqlserver" else "parameters"
    kept = [one for one in samples.SAMPLES[platform][section] if one.partition("|")[0].lower() not in values]
    return [*kept, *(f"{name}|{value}" for name, value in values.items())]


# --- Oracle -----------------------------------------------------------------------------------------------


def test_oracle_record_tells_how_far_the_trail_reaches() -> None:
    logs = facts(DatabaseLogs, "oracle")
    trail = next(one for one in logs.places if one.path == "UNIFIED_AUDIT_TRAIL")
    assert logs.clock_s is not None
    assert trail.oldest_s == logs.clock_s - 200 * _DAY_S
    assert trail.overwrites is False


@pytest.mark.parametrize(
    ("job", "overwrites"),
    [
        ("J|ENABLED|UNIFIED AUDIT TRAIL", True), ("J|DISABLED|UNIFIED AUDIT TRAIL", False),
        ("J|ENABLED|STANDARD AUDIT TRAIL", False), ("J|ENABLED|ALL AUDIT TRAILS", True),
    ],
)  # fmt: skip
def test_oracle_job_cleans_its_own_trail(job: str, overwrites: bool) -> None:
    logs = facts(DatabaseLogs, "oracle", audit_cleanup=[job])
    assert next(one for one in logs.places if one.kind == "table").overwrites is overwrites


@pytest.mark.parametrize(
    ("trail", "kind", "path"),
    [("DB", "table", "SYS.AUD$"), ("DB, EXTENDED", "table", "SYS.AUD$"), ("XML", "file", "/u01/adump")],
)
def test_oracle_traditional_trail_has_a_place_of_its_own(trail: str, kind: str, path: str) -> None:
    logs = facts(
        DatabaseLogs, "oracle", unified_mode=["FALSE"], audit_record_traditional=["30"],
        parameters=_parameters("oracle", audit_trail=trail, audit_file_dest="/u01/adump"),
        audit_statements=["|CREATE SESSION|BY ACCESS|BY ACCESS"],
    )  # fmt: skip
    first = logs.places[0]
    assert (first.kind, first.path) == (kind, path)
    assert (first.oldest_s is not None) is (kind == "table")


def test_oracle_rights_to_stop_auditing_follow_the_trail_in_use() -> None:
    rights = ["HIS_APP|ALTER SYSTEM|NO", "GUARD|AUDIT SYSTEM|NO"]
    unified = facts(DatabaseLogs, "oracle", system_rights=rights)
    assert {one.right for one in unified.parameter_rights or ()} == {"AUDIT SYSTEM"}
    both = facts(
        DatabaseLogs, "oracle", system_rights=rights, unified_mode=["FALSE"],
        parameters=_parameters("oracle", audit_trail="DB"),
        audit_statements=["|CREATE SESSION|BY ACCESS|BY ACCESS"],
    )  # fmt: skip
    assert {one.right for one in both.parameter_rights or ()} == {"AUDIT SYSTEM", "ALTER SYSTEM"}


def test_oracle_reading_records_is_not_changing_them() -> None:
    rows = ["HIS_APP|AUD$|SELECT", "GUARD|AUD$|DELETE"]
    logs = facts(DatabaseLogs, "oracle", audit_rights=rows, audit_cleaners=["GUARD|EXECUTE"])
    assert {(one.account, one.right) for one in logs.record_rights or ()} == {
        ("GUARD", "DELETE"), ("GUARD", "EXECUTE DBMS_AUDIT_MGMT"),
    }  # fmt: skip


@pytest.mark.parametrize(("open_dictionary", "count"), [("TRUE", 1), ("FALSE", 0)])
def test_oracle_delete_any_table_reaches_the_dictionary_where_it_is_open(
    open_dictionary: str, count: int
) -> None:
    logs = facts(
        DatabaseLogs, "oracle", system_rights=["HIS_APP|DELETE ANY TABLE|NO"], audit_cleaners=[],
        parameters=_parameters("oracle", o7_dictionary_accessibility=open_dictionary),
    )  # fmt: skip
    assert len(logs.record_rights or ()) == count


@pytest.mark.parametrize("section", ["audit_rights", "audit_cleaners", "system_rights"])
def test_oracle_rights_that_were_refused_are_not_taken_for_none(section: str) -> None:
    found = lack("database.logs", "oracle", errors={section: ERRORS["oracle"]})
    assert found.reason is Reason.NO_PERMISSION


def test_oracle_libraries_of_the_product_are_left_out() -> None:
    components = facts(DatabaseComponents, "oracle", libraries=["SYS|A", "MDSYS|B", "HIS|SHELL_LIB"])
    assert [one.name for one in components.components if one.kind == "library"] == ["HIS.SHELL_LIB"]


@pytest.mark.parametrize(
    ("rows", "encrypted"), [(["YES|2"], True), (["YES|2", "NO|1"], False), (["NO|1"], False), ([], False)]
)
def test_oracle_one_plain_tablespace_is_enough(rows: list[str], encrypted: bool) -> None:
    residue = facts(DatabaseResidue, "oracle", tablespaces=rows)
    assert bool(residue.encrypted) is encrypted


@pytest.mark.parametrize(("reads", "enforced"), [("3", True), ("2", None), ("0", None)])
def test_oracle_labels_refuse_reading_where_every_table_has_it(reads: str, enforced: bool | None) -> None:
    labels = facts(DatabaseLabels, "oracle", label_tables=[f"HIS_LEVELS|3|{reads}"])
    assert labels.enforced is enforced
    assert labels.labels[0].count == 3


def test_oracle_labels_without_an_answer_are_not_taken_for_none() -> None:
    assert lack("database.labels", "oracle", errors={}, label_option=[]).reason is Reason.NOT_SUPPORTED
    refused = lack("database.labels", "oracle", errors={"label_tables": ERRORS["oracle"]})
    assert refused.reason is Reason.NO_PERMISSION


def test_oracle_standby_is_named() -> None:
    found = facts(DatabaseReplication, "oracle")
    assert (found.changes_logged, found.archiving, found.standby) == (True, True, False)
    assert [(one.name, one.state) for one in found.replicas or ()] == [("dest_2", "VALID")]


# --- SQL Server -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "kind", "overwrites", "keeps"),
    [
        ("A|FILE|1|STARTED|100|50", "file", True, 100 * 50 * 1024 * 1024),
        ("A|FILE|1|STARTED|100|2147483647", "file", False, None),
        ("A|FILE|1|STARTED|100|0", "file", False, None),
        ("A|FILE|1|STARTED|0|5", "file", True, None),
        ("A|FILE|1|STARTED||", "file", None, None),
        ("A|SECURITY LOG|1|STARTED||", "eventlog", None, None),
    ],
)
def test_sqlserver_files_of_audits(row: str, kind: str, overwrites: bool | None, keeps: int | None) -> None:
    logs = facts(DatabaseLogs, "sqlserver", audits=[row], audit_actions=["A|S|1|SUCCESSFUL_LOGIN_GROUP||"])
    place = logs.places[0]
    assert (place.kind, place.overwrites, place.keeps_bytes) == (kind, overwrites, keeps)


def test_sqlserver_settings_stop_no_audit_but_traces() -> None:
    rights = ["ops|ALTER SETTINGS|GRANT", "boss|SHUTDOWN|GRANT", "no|SHUTDOWN|DENY"]
    audited = facts(DatabaseLogs, "sqlserver", server_rights=rights)
    assert {one.account for one in audited.parameter_rights or ()} == {"boss"}
    traced = facts(DatabaseLogs, "sqlserver", server_rights=rights, audits=[], audit_actions=[])
    assert {one.account for one in traced.parameter_rights or ()} == {"boss", "ops"}


def test_sqlserver_owner_of_the_database_reaches_its_own_specification_only() -> None:
    roles = ["his_app|db_owner|1"]
    alone = facts(DatabaseLogs, "sqlserver", db_roles=roles)
    assert "db_owner" not in {one.right for one in alone.parameter_rights or ()}
    used = facts(
        DatabaseLogs, "sqlserver", db_roles=roles,
        db_audit_actions=["HIS_AUDIT|DB|1|SCHEMA_OBJECT_ACCESS_GROUP||public"],
    )  # fmt: skip
    assert ("his_app", "db_owner") in {(one.account, one.right) for one in used.parameter_rights or ()}


def test_sqlserver_features_links_and_samples_are_kept_apart() -> None:
    found = facts(
        DatabaseComponents, "sqlserver",
        settings=[
            "xp_cmdshell|1", "Ole Automation Procedures|0", "Ad Hoc Distributed Queries|1",
            "external scripts enabled|1",
        ],
        linked_servers=["LIS|SQL Server"],
        databases=["HIS|ONLINE|FULL|CHECKSUM|1|0|0|sa", "Pubs|ONLINE|FULL|CHECKSUM|1|0|0|sa"],
    )  # fmt: skip
    assert [(one.name, one.kind) for one in found.components] == [
        ("xp_cmdshell", "feature"), ("Ad Hoc Distributed Queries", "feature"),
        ("external scripts enabled", "feature"), ("LIS", "link"),
    ]  # fmt: skip
    assert found.samples == ("Pubs",)


def test_sqlserver_without_its_settings_is_not_taken_for_closed() -> None:
    found = lack("database.components", "sqlserver", errors={}, settings=["c2 audit mode|0"])
    assert "xp_cmdshell" in found.message


@pytest.mark.parametrize(("other", "encrypted"), [("1", True), ("0", False)])
def test_sqlserver_one_plain_database_is_enough(other: str, encrypted: bool) -> None:
    databases = [
        "HIS|ONLINE|FULL|CHECKSUM|1|0|0|sa", f"LIS|ONLINE|FULL|CHECKSUM|{other}|0|0|sa",
        "master|ONLINE|SIMPLE|CHECKSUM|0|0|0|sa", "tempdb|ONLINE|SIMPLE|CHECKSUM|0|0|0|sa",
    ]  # fmt: skip
    assert bool(facts(DatabaseResidue, "sqlserver", databases=databases).encrypted) is encrypted


def test_sqlserver_replicas_and_log_backups() -> None:
    found = facts(
        DatabaseReplication, "sqlserver",
        replicas=[
            "DB02|SYNCHRONOUS_COMMIT|PRIMARY|HEALTHY|CONNECTED",
            "DB03|ASYNCHRONOUS_COMMIT|SECONDARY|NOT_HEALTHY|DISCONNECTED",
        ],
        backups=["HIS|D|30|1", "HIS|L|2|1", "LIS|L|1|1"],
    )  # fmt: skip
    assert (found.changes_logged, found.archived_age_s) == (True, 7200)
    assert [(one.name, one.synchronous) for one in found.replicas or ()] == [("DB03", False)]


# --- 达梦 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "space", "overwrites", "keeps"),
    [("1", "8192", True, 8192 * 1024 * 1024), ("1", "0", False, None), ("2", "8192", False, None),
     ("", "", None, None)],
)  # fmt: skip
def test_dm_files_of_records(mode: str, space: str, overwrites: bool | None, keeps: int | None) -> None:
    parameters = _parameters("dm", audit_file_full_mode=mode, audit_space_limit=space)
    place = facts(DatabaseLogs, "dm", parameters=parameters).places[0]
    assert (place.overwrites, place.keeps_bytes) == (overwrites, keeps)


def test_dm_external_calls_that_were_not_read_are_not_taken_for_off() -> None:
    parameters = [one for one in samples.DM["parameters"] if "EXTERNAL" not in one]
    assert "外部函数" in lack("database.components", "dm", errors={}, parameters=parameters).message


@pytest.mark.parametrize(("policies", "engine"), [("0", ""), ("2", "强制访问控制策略 2 个")])
def test_dm_policies_count(policies: str, engine: str) -> None:
    assert facts(DatabaseLabels, "dm", labels=[policies]).engine == engine


def test_dm_policies_of_the_security_officer_are_not_taken_for_none() -> None:
    errors = {"labels": ERRORS["dm"]}
    assert lack("database.labels", "dm", errors=errors, labels=[]).reason is Reason.NO_PERMISSION
    assert lack("database.labels", "dm", errors={}, labels=[]).reason is Reason.NOT_SUPPORTED


def test_dm_statements_are_kept_by_the_log_and_by_records() -> None:
    on = facts(DatabaseResidue, "dm", parameters=_parameters("dm", svr_log="1"))
    assert on.statement_logs == ("SQL 日志（SVR_LOG）", "审计记录")
    off = facts(DatabaseResidue, "dm", parameters=_parameters("dm", svr_log="0", enable_audit="0"))
    assert (off.statement_logs, off.settings_known) == ((), True)
    unknown = [one for one in samples.DM["parameters"] if "SVR_LOG" not in one]
    assert facts(DatabaseResidue, "dm", parameters=unknown).settings_known is False


def test_dm_archives_that_lead_elsewhere_are_replicas() -> None:
    found = facts(DatabaseReplication, "dm")
    assert found.archiving is True
    assert [(one.name, one.synchronous) for one in found.replicas or ()] == [("REALTIME", True)]


def test_dm_run_that_sees_fewer_rows_takes_nothing_away() -> None:
    first = dump("dm", samples.DM, errors={"labels": ERRORS["dm"], "label_tables": ERRORS["dm"]})
    officer = [samples.DM["server"][0].replace("|SYSDBA", "|SYSSSO")]
    second = dump("dm", samples.changed("dm", server=officer, users=["SYSSSO|OPEN|60"]))
    file = read_sql((first + second).encode(), where="x")
    assert (file.server["user"], len(file.rows("users"))) == ("SYSDBA", len(samples.DM["users"]))
    labels = next(one for one in observed(file).facts if isinstance(one, DatabaseLabels))
    assert labels.labels[0].count == 4
