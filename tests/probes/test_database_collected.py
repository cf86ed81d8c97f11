"""What a DBA's tools wrote: read whole or not at all, judged as written down beforehand."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from dengbao.carrying import import_facts
from dengbao.catalog import load_engagement
from dengbao.errors import Damaged, EvidenceError, Reason
from dengbao.evidence import load_carried
from dengbao.model import DatabaseAsset, Level, Person, Scope
from dengbao.probes.database.collected import envelope_of, observed, recognise
from dengbao.probes.database.collected_sql import LIMIT_BYTES, read_sql
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseAudit, DatabasePasswords, DatabasePolicy
from tests.builders import ENGAGEMENT, write_engagement
from tests.live.harness import Sight, agree, look

from . import sql_samples as samples
from .sql_files import ERRORS, NAMES, SCRIPTS, columns, dump

WEAK = {"oracle": samples.ORACLE_WEAK, "sqlserver": samples.MSSQL_WEAK, "dm": samples.DM_WEAK}
READERS = Path(__file__).parents[2] / "src" / "dengbao" / "probes" / "database"
OLD_ORACLE = dict.fromkeys(
    ("users_12c", "roles_12c", "unified_mode", "unified_options"), ERRORS["oracle_old"]
)
CHECKS = (
    "identity.login_required", "identity.unique_accounts", "identity.empty_password",
    "identity.password_complexity", "identity.password_ageing", "identity.login_failure", "identity.lockout",
    "identity.idle_timeout", "identity.remote_admin_encrypted", "identity.two_factor",
    "identity.crypto_factor", "access.accounts_assigned", "access.anonymous_disabled",
    "access.default_account_renamed", "access.default_password", "access.stale_accounts",
    "access.stale_disabled", "access.roles_defined", "access.privilege_separation",
    "access.least_privilege", "access.rules_configured", "access.no_overreach", "access.granularity",
    "audit.enabled", "audit.covers_users", "audit.covers_events", "audit.record_fields",
    "intrusion.admin_sources", "intrusion.pending_updates", "integrity.storage",
    "confidentiality.transport", "confidentiality.sensitive_columns", "confidentiality.password_hash",
    "privacy.restricted_access", "access.security_labels", "access.mandatory_control", "audit.log_protection",
    "audit.log_retention", "audit.process_protection", "intrusion.minimal_install",
    "intrusion.unneeded_packages", "residual.session", "residual.memory",
)  # fmt: skip
# Nothing that SQL could tell: a firewall, sampled data, the maker's list of fixes, one factor only.
ALWAYS = {
    "confidentiality.sensitive_columns": "undetermined", "privacy.restricted_access": "undetermined",
    "intrusion.pending_updates": "undetermined", "intrusion.admin_sources": "undetermined",
    "identity.two_factor": "nonconform", "identity.crypto_factor": "nonconform",
}  # fmt: skip


def expect(common: str, **others: str) -> Mapping[str, str]:
    """Return the verdict of every check: `common`, but for what is always so and what is named."""
    names = {one.replace(".", "_"): one for one in CHECKS}
    named = {names[name]: verdict for name, verdict in others.items()}
    return {**dict.fromkeys(CHECKS, common), **ALWAYS, **named}


def seen(tmp_path: Path, platform: str, text: str | bytes, *, roster: tuple[str, ...] = ()) -> Sight:
    folder = tmp_path / "evidence" / "collected"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "db.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    asset = DatabaseAsset(
        id="db", name="库", platform=platform, collected="evidence/collected/db.txt", roster=roster
    )
    return look(asset, scope=Scope(level=Level.OBSERVE), folder=tmp_path)


# --- verdicts ---------------------------------------------------------------------------------------------


def test_oracle_hardened(tmp_path: Path) -> None:
    roster = ("SYS", "SYSTEM", "AUDITOR", "GUARD", "HIS_APP")
    sight = seen(tmp_path, "oracle", dump("oracle", samples.ORACLE), roster=roster)
    assert set(sight.missing) == {"database.sensitive"}
    assert not sight.contacts
    agree(
        "oracle_hardened",
        sight,
        expect(
            "conform",
            access_anonymous_disabled="undetermined",  # whether SYS can log in from afar is not in SQL
            identity_remote_admin_encrypted="undetermined",  # sqlnet.ora is not seen
            confidentiality_transport="undetermined",
            residual_session="undetermined",  # records keep statements; whether with passwords, is not told
        ),
    )


def test_oracle_weak(tmp_path: Path) -> None:
    sight = seen(tmp_path, "oracle", dump("oracle", samples.ORACLE_WEAK, errors=OLD_ORACLE))
    agree(
        "oracle_weak",
        sight,
        expect(
            "nonconform",
            identity_unique_accounts="conform",
            identity_empty_password="conform",  # Oracle knows no empty passwords
            access_accounts_assigned="partial",
            access_anonymous_disabled="undetermined",
            access_default_account_renamed="undetermined",  # SCOTT is open; from where, is not in SQL
            access_least_privilege="partial",
            access_stale_accounts="undetermined",  # no roster; HIS is in its days of grace, and in use
            access_stale_disabled="undetermined",
            confidentiality_password_hash="partial",
            residual_session="undetermined",
            residual_memory="undetermined",
        ),
    )


def test_sqlserver_hardened(tmp_path: Path) -> None:
    roster = ("hisroot", "his_app", "his_guard", "his_audit")
    sight = seen(tmp_path, "sqlserver", dump("sqlserver", samples.MSSQL), roster=roster)
    agree(
        "mssql_hardened",
        sight,
        expect(
            "conform",
            # What Windows demands and locks is not seen here.
            identity_password_complexity="undetermined",
            identity_login_failure="undetermined",
            identity_lockout="undetermined",
            identity_idle_timeout="nonconform",  # SQL Server has none
            identity_remote_admin_encrypted="undetermined",  # versions of TLS belong to Windows
            confidentiality_transport="undetermined",
            # Whether his_audit is the auditor by office is not in the database.
            audit_log_protection="undetermined",
            audit_process_protection="undetermined",
            audit_log_retention="undetermined",  # files go round by size
            access_security_labels="nonconform",  # the product has none
            access_mandatory_control="nonconform",
        ),
    )


def test_sqlserver_weak(tmp_path: Path) -> None:
    old = {"encrypted_columns": ERRORS["sqlserver_old"], "row_security": ERRORS["sqlserver_old"]}
    sight = seen(tmp_path, "sqlserver", dump("sqlserver", samples.MSSQL_WEAK, errors=old), roster=("sa",))
    agree(
        "mssql_weak",
        sight,
        expect(
            "nonconform",
            identity_unique_accounts="conform",
            access_accounts_assigned="partial",
            access_anonymous_disabled="partial",
            access_privilege_separation="partial",  # one account may manage logins
            access_least_privilege="conform",  # two superusers, as many as allowed
            confidentiality_password_hash="partial",
            residual_session="conform",  # nothing that would keep statements is on
            residual_memory="undetermined",
        ),
    )
    assert "remote login timeout" in sight.judge("identity.idle_timeout").statement


def test_dm_hardened(tmp_path: Path) -> None:
    sight = seen(tmp_path, "dm", dump("dm", samples.DM), roster=("SYSDBA", "SYSAUDITOR", "SYSSSO", "HIS_APP"))
    agree(
        "dm_hardened",
        sight,
        expect(
            "conform",
            identity_password_complexity="partial",  # no bit demands small letters
            identity_remote_admin_encrypted="undetermined",
            access_anonymous_disabled="undetermined",
            access_default_password="undetermined",
            # The rules are numbers whose meaning is not documented well enough to judge by.
            audit_enabled="undetermined",
            audit_covers_users="undetermined",
            audit_covers_events="undetermined",
            audit_record_fields="undetermined",
            audit_log_protection="undetermined",
            audit_log_retention="undetermined",
            audit_process_protection="undetermined",
            access_mandatory_control="undetermined",  # that tables are under a policy is all that is told
            residual_session="undetermined",
            intrusion_admin_sources="conform",
            integrity_storage="undetermined",
            confidentiality_transport="undetermined",
            confidentiality_password_hash="undetermined",
        ),
    )


def test_dm_weak(tmp_path: Path) -> None:
    old = {"profiles": ERRORS["dm_old"], "user_profiles": ERRORS["dm_old"]}
    sight = seen(tmp_path, "dm", dump("dm", samples.DM_WEAK, errors=old))
    agree(
        "dm_weak",
        sight,
        expect(
            "nonconform",
            identity_unique_accounts="conform",
            identity_empty_password="conform",
            access_accounts_assigned="partial",
            access_anonymous_disabled="undetermined",
            access_default_account_renamed="conform",  # they cannot be renamed
            access_default_password="undetermined",
            access_least_privilege="conform",
            access_stale_accounts="undetermined",  # no roster; an expired password is not an expired account
            access_stale_disabled="undetermined",
            integrity_storage="undetermined",
            confidentiality_password_hash="undetermined",
            residual_session="undetermined",
            residual_memory="undetermined",
        ),
    )


@pytest.mark.parametrize("platform", sorted(NAMES))
def test_without_rights_nothing_is_claimed(platform: str, tmp_path: Path) -> None:
    errors = {name: ERRORS[platform] for name in columns(platform) if name != "server"}
    sight = seen(
        tmp_path, platform, dump(platform, {"server": samples.SAMPLES[platform]["server"]}, errors=errors)
    )
    assert {lack.reason for name, lack in sight.missing.items() if name != "database.sensitive"} == {
        Reason.NO_PERMISSION
    }
    # That SQL Server has no labels is so whoever looks.
    by_product = {"access.security_labels", "access.mandatory_control"} if platform == "sqlserver" else set()
    verdicts = sight.verdicts()
    assert {one for one, verdict in verdicts.items() if verdict == "nonconform"} == by_product
    assert {verdict for one, verdict in verdicts.items() if one not in by_product} == {"undetermined"}


def test_sqlserver_account_that_sees_a_part_proves_nothing(tmp_path: Path) -> None:
    server = [samples.MSSQL["server"][0].replace("|1|0", "|0|0")]
    sight = seen(tmp_path, "sqlserver", dump("sqlserver", samples.changed("sqlserver", server=server)))
    assert "不是 sysadmin" in sight.missing["database.accounts"].message
    assert set(sight.verdicts().values()) == {"undetermined", "nonconform"}
    assert {one for one, verdict in sight.verdicts().items() if verdict == "nonconform"} == {
        "access.security_labels", "access.mandatory_control",
    }  # fmt: skip


# --- traps ------------------------------------------------------------------------------------------------


def _judged(tmp_path: Path, check: str, platform: str, **sections: list[str]) -> str:
    sight = seen(tmp_path, platform, dump(platform, samples.changed(platform, **sections)))
    return sight.verdicts([check])[check]


def test_oracle_limits_follow_the_default_profile(tmp_path: Path) -> None:
    default = samples.profile("DEFAULT", {
        "FAILED_LOGIN_ATTEMPTS": "UNLIMITED", "PASSWORD_LOCK_TIME": "1", "PASSWORD_LIFE_TIME": "180",
        "PASSWORD_VERIFY_FUNCTION": "NULL", "IDLE_TIME": "UNLIMITED",
    })  # fmt: skip
    own = samples.profile("HIS_APP", {
        "FAILED_LOGIN_ATTEMPTS": "DEFAULT", "PASSWORD_LOCK_TIME": "DEFAULT", "PASSWORD_LIFE_TIME": "DEFAULT",
        "PASSWORD_VERIFY_FUNCTION": "DEFAULT", "IDLE_TIME": "DEFAULT",
    })  # fmt: skip
    file = read_sql(dump("oracle", samples.changed("oracle", profiles=[*default, *own])).encode(), where="x")
    facts = observed(file).facts
    accounts = next(one for one in facts if isinstance(one, DatabaseAccounts))
    passwords = next(one for one in facts if isinstance(one, DatabasePasswords))
    policy = next(one for one in facts if isinstance(one, DatabasePolicy))
    app = next(one for one in accounts.accounts if one.name == "HIS_APP")
    assert (app.failed_attempts, app.lock_s) == (0, 86400)
    assert {one.lifetime_days for one in passwords.passwords} == {180}
    assert policy.complexity == ()
    assert {one.value for one in policy.idle_timeouts} == {"0"}


@pytest.mark.parametrize(
    ("status", "able", "expired"),
    [
        ("OPEN", True, False), ("LOCKED", False, False), ("LOCKED(TIMED)", True, False),
        ("EXPIRED", True, True), ("EXPIRED(GRACE)", True, False), ("EXPIRED & LOCKED", False, True),
        ("EXPIRED & LOCKED(TIMED)", True, True),
    ],
)  # fmt: skip
def test_oracle_states_of_accounts(status: str, able: bool, expired: bool) -> None:
    users = [f"HIS|{status}|DEFAULT|PASSWORD|12C|30|10"]
    file = read_sql(dump("oracle", samples.changed("oracle", users=users)).encode(), where="x")
    accounts = next(one for one in observed(file).facts if isinstance(one, DatabaseAccounts))
    assert (accounts.accounts[0].can_login, accounts.accounts[0].password_expired) == (able, expired)


def test_oracle_function_that_only_one_account_passes_is_not_everybodys(tmp_path: Path) -> None:
    free = [
        one.replace("|HIS_VERIFY", "|NULL") if one.startswith("HIS_APP|") else one
        for one in samples.ORACLE["profiles"]
    ]
    own = [one for one in free if not one.startswith("HIS_APP|PASSWORD_VERIFY")]
    own.append("HIS_APP|PASSWORD_VERIFY_FUNCTION|NULL")
    assert _judged(tmp_path, "identity.password_complexity", "oracle", profiles=own) == "partial"


def test_oracle_function_that_is_not_read_is_not_believed_by_its_name(tmp_path: Path) -> None:
    profiles = [
        one.replace("HIS_VERIFY", "ORA12C_STRONG_VERIFY_FUNCTION") for one in samples.ORACLE["profiles"]
    ]
    got = _judged(tmp_path, "identity.password_complexity", "oracle", profiles=profiles, verify_source=[])
    assert got == "undetermined"


def test_oracle_mixed_mode_counts_both_trails() -> None:
    parameters = [one.replace("audit_trail|NONE", "audit_trail|DB") for one in samples.ORACLE["parameters"]]
    for pure, active in (("TRUE", False), ("FALSE", True)):
        sections = samples.changed(
            "oracle", parameters=parameters, unified_mode=[pure],
            audit_statements=["|CREATE SESSION|BY ACCESS|BY ACCESS", "HIS|TABLE|BY ACCESS|BY ACCESS"],
        )  # fmt: skip
        file = read_sql(dump("oracle", sections).encode(), where="x")
        audit = next(one for one in observed(file).facts if isinstance(one, DatabaseAudit))
        first = audit.channels[0]
        assert first.active is active
        if active:
            assert first.events == ("connect", "failed_login")
            assert audit.channels[1].only_users == ("HIS",)


def test_sqlserver_first_login_is_known_by_its_number(tmp_path: Path) -> None:
    check = "access.default_account_renamed"
    disabled = ["sa|1|S|1|1|1|set|0|sha512-salted|60|20|0|0|0", samples.login("his", 260)]
    open_sa = ["sa|1|S|0|1|1|set|0|sha512-salted|60|20|0|0|0", samples.login("his", 260)]
    false_sa = [*samples.MSSQL["logins"], samples.login("sa", 270)]
    assert _judged(tmp_path, check, "sqlserver", logins=disabled) == "conform"
    assert _judged(tmp_path, check, "sqlserver", logins=open_sa) == "nonconform"
    assert _judged(tmp_path, check, "sqlserver", logins=false_sa) == "conform"


def test_sqlserver_rights_reach_through_roles_somebody_made(tmp_path: Path) -> None:
    roles = [*samples.MSSQL["server_roles"], "his_app|ops"]
    for right in ("ALTER ANY DATABASE", "CONTROL SERVER"):
        rights = [*samples.MSSQL["server_rights"], f"ops|{right}|GRANT"]
        sections = samples.changed("sqlserver", server_roles=roles, server_rights=rights)
        facts = observed(read_sql(dump("sqlserver", sections).encode(), where="x")).facts
        accounts = next(one for one in facts if isinstance(one, DatabaseAccounts)).accounts
        [ops] = [one for one in accounts if one.name == "ops"]
        assert (ops.rights, ops.superuser) == ((right,), right == "CONTROL SERVER")
    check = "access.least_privilege"
    assert _judged(tmp_path, check, "sqlserver") == "conform"
    rights = [*samples.MSSQL["server_rights"], "ops|ALTER ANY DATABASE|GRANT"]
    assert _judged(tmp_path, check, "sqlserver", server_roles=roles, server_rights=rights) == "partial"


def test_sqlserver_groups_of_everybody_are_no_part_of_the_product() -> None:
    everybody = samples.windows("NT AUTHORITY\\Authenticated Users", 281).replace("|U|", "|G|")
    sections = samples.changed("sqlserver", logins=[*samples.MSSQL["logins"], everybody])
    facts = observed(read_sql(dump("sqlserver", sections).encode(), where="x")).facts
    accounts = next(one for one in facts if isinstance(one, DatabaseAccounts)).accounts
    names = {one.name: one.system for one in accounts}
    assert names["NT AUTHORITY\\Authenticated Users"] is False
    assert names["NT SERVICE\\MSSQLSERVER"] is True


def test_sqlserver_accounts_of_windows_are_not_judged_here(tmp_path: Path) -> None:
    logins = [*samples.MSSQL["logins"], samples.windows("HOSP\\zhang", 280)]
    for check in ("identity.empty_password", "identity.password_ageing"):
        assert _judged(tmp_path, check, "sqlserver", logins=logins) == "undetermined"
    known_bad = [*logins, samples.login("never", 281, expiration=0, left="")]
    assert _judged(tmp_path, "identity.password_ageing", "sqlserver", logins=known_bad) == "nonconform"


def test_sqlserver_login_without_policy_is_never_conform(tmp_path: Path) -> None:
    logins = [*samples.MSSQL["logins"], samples.login("free", 281, policy=0)]
    for check in ("identity.password_complexity", "identity.lockout", "identity.login_failure"):
        assert _judged(tmp_path, check, "sqlserver", logins=logins) == "undetermined"


def test_sqlserver_forced_encryption_is_not_guessed_from_sessions(tmp_path: Path) -> None:
    check = "confidentiality.transport"
    assert _judged(tmp_path, check, "sqlserver", registry=[]) == "undetermined"
    plain = ["TCP|TRUE|20", "TCP|FALSE|1"]
    assert _judged(tmp_path, check, "sqlserver", registry=[], connections=plain) == "nonconform"


@pytest.mark.parametrize(
    ("bits", "mode", "verdict"),
    [
        ("0", "0", "nonconform"), ("1", "0", "nonconform"), ("2", "0", "partial"), ("31", "0", "partial"),
        ("31", "1", "nonconform"), ("63", "0", "undetermined"),
    ],
)  # fmt: skip
def test_dm_policy_bits(bits: str, mode: str, verdict: str, tmp_path: Path) -> None:
    parameters = [f"PWD_POLICY|{bits}", "PWD_MIN_LEN|9", f"COMPATIBLE_MODE|{mode}"]
    assert _judged(tmp_path, "identity.password_complexity", "dm", parameters=parameters) == verdict


@pytest.mark.parametrize(("minutes", "verdict"), [("5", "conform"), ("4", "partial"), ("0", "conform")])
def test_dm_locks_count_in_minutes(minutes: str, verdict: str, tmp_path: Path) -> None:
    names = ("SYSDBA", "SYSAUDITOR", "SYSSSO", "HIS_APP")
    limits = ["SYS|3|1|0|0|1|none", *(f"{one}|5|{minutes}|90|10|1|set" for one in names)]
    assert _judged(tmp_path, "identity.lockout", "dm", limits=limits) == verdict


def test_dm_failures_that_are_not_noted_lock_nobody(tmp_path: Path) -> None:
    parameters = [one.replace("FAST_LOGIN|2", "FAST_LOGIN|1") for one in samples.DM["parameters"]]
    assert _judged(tmp_path, "identity.lockout", "dm", parameters=parameters) == "nonconform"


def test_dm_profiles_outweigh_the_accounts_own_limits(tmp_path: Path) -> None:
    sections = {
        "user_profiles": ["HIS_APP|P1"],
        "profiles": ["P1|FAILED_LOGIN_ATTEMPS|UNLIMITED", "P1|PASSWORD_LOCK_TIME|DEFAULT"],
    }
    assert _judged(tmp_path, "identity.lockout", "dm", **sections) == "nonconform"


def test_dm_run_of_the_auditor_is_put_behind_the_first(tmp_path: Path) -> None:
    first = dump("dm", samples.changed("dm", audit_rules=[]), errors={"audit_rules": ERRORS["dm"]})
    denied = dict.fromkeys(("limits", "role_members", "object_rights"), ERRORS["dm"])
    second = dump("dm", samples.changed("dm", audit_rules=[]), errors=denied)
    alone = seen(tmp_path, "dm", first)
    assert alone.verdicts(["audit.enabled"]) == {"audit.enabled": "undetermined"}
    both = seen(tmp_path, "dm", first + second)
    assert both.verdicts(["audit.enabled"]) == {"audit.enabled": "nonconform"}  # switched on, without rules
    assert both.verdicts(["identity.lockout"]) == {"identity.lockout": "conform"}


# --- what tools do to files -------------------------------------------------------------------------------


def _facts(raw: bytes) -> object:
    return observed(read_sql(raw, where="x")).facts


@pytest.mark.parametrize("platform", sorted(NAMES))
def test_clients_of_every_language_and_system_give_the_same_facts(platform: str) -> None:
    text = dump(platform, samples.SAMPLES[platform])
    plain = _facts(text.encode())
    assert _facts(text.replace("\n", "\r\n").encode("utf-16")) == plain
    assert _facts(b"\xef\xbb\xbf" + text.encode()) == plain
    assert _facts(text.encode("gb18030")) == plain
    assert _facts(("已连接。\nSQL> " + text).replace("\nR|", "\nSQL> R|").encode("gb18030")) == plain
    assert _facts(text.replace("\nR|", "\n1          R|").encode()) == plain
    assert _facts(("\x0c\n" + text.replace("\n", "   \n")).encode()) == plain


@pytest.mark.parametrize(("platform", "error"), [("oracle", "oracle_zh"), ("sqlserver", "sqlserver_zh")])
def test_refusals_in_chinese_are_understood(platform: str, error: str, tmp_path: Path) -> None:
    section = "users" if platform == "oracle" else "logins"
    text = dump(platform, samples.SAMPLES[platform], errors={section: ERRORS[error]})
    sight = seen(tmp_path, platform, text.encode("gb18030"))
    assert sight.missing["database.accounts"].reason is Reason.NO_PERMISSION


def test_chinese_names_and_odd_ones_arrive_as_they_are() -> None:
    users = ["张三|OPEN|DEFAULT|PASSWORD|12C|30|10", "A\u2028B'\"<x>|OPEN|DEFAULT|PASSWORD|12C|30|10"]
    text = dump("oracle", samples.changed("oracle", users=users))
    for raw in (text.encode(), text.encode("utf-16"), text.encode("gb18030")):
        accounts = next(
            one for one in observed(read_sql(raw, where="x")).facts if isinstance(one, DatabaseAccounts)
        )
        assert [one.name for one in accounts.accounts[:2]] == ["张三", "A\u2028B'\"<x>"]


def _section_lost(tmp_path: Path, text: str) -> None:
    sight = seen(tmp_path, "oracle", text)
    assert sight.missing["database.accounts"].reason is Reason.DAMAGED
    assert sight.verdicts(["access.least_privilege"]) == {"access.least_privilege": "undetermined"}
    assert "database.storage" in sight.facts


def test_a_wrapped_line_loses_its_section_only(tmp_path: Path) -> None:
    _section_lost(
        tmp_path, dump("oracle", samples.ORACLE).replace("HIS_APP|OPEN|HIS_APP", "HIS_APP|OPEN\n|HIS_APP")
    )


def test_a_line_that_is_gone_loses_its_section(tmp_path: Path) -> None:
    text = dump("oracle", samples.ORACLE)
    _section_lost(tmp_path, re.sub(r"R\|4\|8\|SCOTT[^\n]*\n", "", text))


def test_a_bar_inside_a_name_loses_its_section(tmp_path: Path) -> None:
    _section_lost(tmp_path, dump("oracle", samples.ORACLE).replace("|GUARD|OPEN", "|GU|ARD|OPEN"))


def test_lines_that_are_gone_from_the_end_leave_it_open(tmp_path: Path) -> None:
    text = re.sub(r"R\|8\|8\|HIS_APP[^\n]*\n", "", dump("oracle", samples.ORACLE))
    sight = seen(tmp_path, "oracle", text)
    assert sight.verdicts(["access.least_privilege"]) == {"access.least_privilege": "undetermined"}


@pytest.mark.parametrize("platform", sorted(NAMES))
def test_a_cut_file_is_refused_as_a_whole(platform: str, tmp_path: Path) -> None:
    text = dump(platform, samples.SAMPLES[platform])
    for cut in (text[: len(text) // 2], text.removesuffix("==dengbao done==\n"), "==dengbao", ""):
        sight = seen(tmp_path, platform, cut)
        assert {lack.reason for lack in sight.missing.values()} == {Reason.DAMAGED}
        assert not sight.facts


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "evidence" / "collected"
    folder.mkdir(parents=True)
    with (folder / "db.txt").open("wb") as file:
        file.truncate(1024**3)
    asset = DatabaseAsset(id="db", name="库", platform="oracle", collected="evidence/collected/db.txt")
    sight = look(asset, scope=Scope(level=Level.OBSERVE), folder=tmp_path)
    assert {lack.reason for lack in sight.missing.values()} == {Reason.DAMAGED}
    with pytest.raises(Damaged, match="MiB"):
        read_sql(b"x" * (LIMIT_BYTES + 1), where="x")


def test_files_of_several_servers_or_scripts_are_refused() -> None:
    other = samples.changed("oracle", server=[samples.ORACLE["server"][0].replace("|db01|", "|db99|")])
    with pytest.raises(Damaged, match="几个数据库实例"):
        read_sql((dump("oracle", samples.ORACLE) + dump("oracle", other)).encode(), where="x")
    with pytest.raises(Damaged, match="几种脚本"):
        read_sql((dump("oracle", samples.ORACLE) + dump("dm", samples.DM)).encode(), where="x")


def test_a_file_of_another_product_or_an_old_one_is_refused(tmp_path: Path) -> None:
    sight = seen(tmp_path, "dm", dump("oracle", samples.ORACLE))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.DAMAGED}
    early = samples.changed(
        "oracle", server=[re.sub(r"^[^|]+", "2020-01-01T00:00:00+08:00", samples.ORACLE["server"][0])]
    )
    sight = seen(tmp_path, "oracle", dump("oracle", early))
    assert "距今" in sight.missing["database.server"].message


def test_outside_the_folder_nothing_is_read(tmp_path: Path) -> None:
    (tmp_path / "db.txt").write_text(dump("oracle", samples.ORACLE), encoding="utf-8")
    inside = tmp_path / "engagement"
    inside.mkdir()
    asset = DatabaseAsset(id="db", name="库", platform="oracle", collected="../db.txt")
    sight = look(asset, scope=Scope(level=Level.OBSERVE), folder=inside)
    assert {lack.reason for lack in sight.missing.values()} == {Reason.OUT_OF_SCOPE}


# --- the scripts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", sorted(NAMES))
def test_scripts_only_select(platform: str) -> None:
    text = (SCRIPTS / NAMES[platform]).read_text(encoding="utf-8")
    assert "未在真实" in text
    allowed = ("SELECT ", "SET ", "PROMPT ", "SPOOL ", "GO", "EXIT", "--")
    lines = [one for one in text.splitlines() if one.strip()]
    assert not [one for one in lines if not one.startswith(allowed)]
    told = re.sub(r"'[^']*'", "''", text)
    assert not re.search(
        r"\b(INSERT|UPDATE|DELETE|MERGE|ALTER|DROP|GRANT|EXEC|INTO|CALL)\s", told.split("\n", 12)[-1]
    )


def test_scripts_carry_no_hash_away() -> None:
    for name in NAMES.values():
        text = (SCRIPTS / name).read_text(encoding="utf-8").lower()
        assert "spare4" not in text
        # The hash itself is only looked at inside functions that answer yes, no or a kind.
        bare = re.sub(
            r"pwdcompare\([^)]*\)|substring\(l\.password_hash, 1, 2\)|\w\.password(_hash)? is null", "", text
        )
        assert "password_hash" not in bare
        assert not re.search(r"\b[su]\.password\b", bare)


@pytest.mark.parametrize("platform", sorted(NAMES))
def test_readers_ask_for_sections_that_scripts_write(platform: str) -> None:
    text = "".join(one.read_text(encoding="utf-8") for one in READERS.glob(f"collected_{platform}*.py"))
    if "grants_of" in text:
        text += (READERS / "collected_roles.py").read_text(encoding="utf-8")
    calls = re.findall(r"file\.(?:rows|some|has|pairs|cut)\(([^)]*)\)", text)
    asked = {name for call in calls for name in re.findall(r'"(\w+)"', call)}
    optional = {"public_packages"}
    assert asked - set(columns(platform)) <= optional


def test_files_are_recognised_by_their_first_bytes() -> None:
    for platform in NAMES:
        text = dump(platform, samples.SAMPLES[platform])
        assert recognise(text.encode()) == platform
        assert recognise(text.encode("utf-16")) == platform
        assert recognise(("已连接到:\n" + text).encode("gb18030")) == platform
        file = envelope_of(read_sql(text.encode(), where="x"))
        assert (file.platform, file.privilege) == (platform, "administrator")
        assert file.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert not recognise(b"dengbao-collect 1\nplatform: linux\n")
    assert not recognise(b"\xff\xfe\x00")


def test_a_file_is_registered_for_its_database(tmp_path: Path) -> None:
    declared = (
        "  - {kind: database, id: his-ora, name: 库, platform: oracle, "
        "collected: evidence/collected/his-ora.txt}\n"
    )
    folder = write_engagement(
        tmp_path / "hospital", ENGAGEMENT.replace("not_applicable:", declared + "not_applicable:")
    )
    source = tmp_path / "dengbao-oracle.txt"
    source.write_bytes(dump("oracle", samples.ORACLE).encode("gb18030"))

    def take(asset: str) -> str:
        return import_facts(
            folder, source, asset_id=asset, by=Person(name="张三", org="某某科技"),
            at=datetime.fromisoformat("2026-03-02T09:00:00+08:00"),
            engagement=load_engagement(folder), profile={},
        ).line  # fmt: skip

    assert take("his-ora") == "collected: evidence/collected/his-ora.txt"
    [record] = load_carried(folder)
    assert (record.host, record.collector) == ("db01/his", "collect-oracle.sql-1.0")
    with pytest.raises(EvidenceError, match="数据库采集脚本"):
        take("his-app")
    source.write_bytes(dump("oracle", samples.ORACLE, done=False).encode())
    with pytest.raises(EvidenceError, match="不完整"):
        take("his-ora")
