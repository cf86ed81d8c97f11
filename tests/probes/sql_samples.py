"""Whole outputs of the three scripts, hardened and weak, in the shapes of the products' documentation."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone

NOW = datetime.now(timezone(timedelta(hours=8))).replace(microsecond=0).isoformat()
Sections = dict[str, list[str]]

_GOOD_PROFILE = {
    "FAILED_LOGIN_ATTEMPTS": "5", "PASSWORD_LOCK_TIME": ".0209", "PASSWORD_LIFE_TIME": "90",
    "PASSWORD_VERIFY_FUNCTION": "HIS_VERIFY", "IDLE_TIME": "10",
}  # fmt: skip
_FACTORY_PROFILE = {
    "FAILED_LOGIN_ATTEMPTS": "10", "PASSWORD_LOCK_TIME": "1", "PASSWORD_LIFE_TIME": "180",
    "PASSWORD_VERIFY_FUNCTION": "NULL", "IDLE_TIME": "UNLIMITED",
}  # fmt: skip


def profile(name: str, limits: dict[str, str]) -> list[str]:
    """Return the rows of one profile."""
    return [f"{name}|{resource}|{limit}" for resource, limit in limits.items()]


ORACLE: Sections = {
    "server": [f"{NOW}|db01|his|HIS|ARCHIVELOG|PRIMARY|19.0.0.0.0|SYS|TRUE|"],
    "parameters": [
        "audit_trail|NONE", "audit_sys_operations|TRUE", "resource_limit|TRUE", "remote_os_authent|FALSE",
        "max_idle_time|0", "db_block_checksum|TYPICAL", "remote_login_passwordfile|EXCLUSIVE",
    ],
    "users": [
        "SYS|OPEN|DEFAULT|PASSWORD|12C|60|900",
        "SYSTEM|OPEN|DEFAULT|PASSWORD|12C|60|900",
        "DBSNMP|EXPIRED & LOCKED|DEFAULT|PASSWORD|12C|-100|900",
        "SCOTT|EXPIRED & LOCKED|DEFAULT|PASSWORD|12C|-100|900",
        "XS$NULL|EXPIRED & LOCKED|DEFAULT|EXTERNAL||-100|900",
        "AUDITOR|OPEN|HIS_APP|PASSWORD|12C|60|100",
        "GUARD|OPEN|HIS_APP|PASSWORD|12C|60|100",
        "HIS_APP|OPEN|HIS_APP|PASSWORD|12C|60|100",
    ],
    "users_12c": [
        "SYS|Y|YES|0", "SYSTEM|Y|YES|", "DBSNMP|Y|YES|", "SCOTT|N|NO|", "XS$NULL|Y|YES|",
        "AUDITOR|N|NO|1", "GUARD|N|NO|1", "HIS_APP|N|NO|0",
    ],
    "password_age": ["SYS|10", "SYSTEM|10", "HIS_APP|30"],
    "default_passwords": [],
    "profiles": [
        *profile("DEFAULT", _GOOD_PROFILE), *profile("HIS_APP", dict.fromkeys(_GOOD_PROFILE, "DEFAULT")),
    ],
    "verify_source": [
        "HIS_VERIFY|5|-- ora_complexity_check(password, chars => 1)",
        "HIS_VERIFY|9|if not ora_complexity_check(password, chars => 8, upper => 1, lower => 1,",
        "HIS_VERIFY|10|digit => 1, special => 1) then",
    ],
    "roles": ["DBA", "CONNECT", "HIS_READER"],
    "roles_12c": ["DBA|Y", "CONNECT|Y", "AUDIT_VIEWER|Y", "HIS_READER|N"],
    "role_members": [
        "SYS|DBA|YES", "SYSTEM|DBA|NO", "AUDITOR|AUDIT_VIEWER|NO", "HIS_APP|HIS_READER|NO",
        "GUARD|CONNECT|NO",
    ],
    "system_rights": [
        "HIS_APP|CREATE SESSION|NO", "GUARD|CREATE USER|NO", "GUARD|ALTER USER|NO",
        "AUDITOR|CREATE SESSION|NO",
    ],
    "password_file": ["SYS|TRUE|TRUE"],
    "owners": ["HIS|120"],
    "object_rights": [
        "HIS_READER|HIS|PATIENT|SELECT|NO", "HIS_APP|HIS|VISIT|SELECT|NO", "HIS_APP|HIS|VISIT|INSERT|NO",
        "GUARD|HIS|CONFIG|SELECT|NO", "AUDITOR|HIS|LOG|SELECT|NO",
    ],
    "unified_mode": ["TRUE"],
    "unified_enabled": [
        "HIS_ALL|BY USER|ALL USERS|YES|YES", "ORA_LOGON_FAILURES|BY USER|ALL USERS|NO|YES",
    ],
    "unified_options": [
        *(
            f"HIS_ALL|{one}|STANDARD ACTION"
            for one in (
                "LOGON", "CREATE USER", "ALTER USER", "DROP USER", "GRANT", "REVOKE", "CREATE TABLE",
                "ALTER TABLE", "DROP TABLE", "INSERT", "UPDATE", "DELETE",
            )
        ),
        "ORA_LOGON_FAILURES|LOGON|STANDARD ACTION",
    ],
    "sessions": ["12|0"],
    "encrypted": ["tablespace|1", "column|0"],
    "audit_rights": ["AUDIT_ADMIN|AUD$|SELECT"],
    "audit_cleaners": ["AUDIT_ADMIN|EXECUTE", "SYS|EXECUTE"],
    "audit_record_unified": ["200"],
    "components": ["Oracle Database Catalog Views|19.0.0.0.0|VALID", "Oracle XML Database|19.0.0.0.0|VALID"],
    "libraries": ["SYS|DBMS_SUMADV_LIB", "XDB|XMLTYPE_LIB"],
    "label_option": ["TRUE"],
    "labels": ["HIS_LEVELS|ENABLED"],
    "label_tables": ["HIS_LEVELS|3|3"],
    "tablespaces": ["YES|2"],
    "archive_destinations": ["1|VALID|PRIMARY", "2|VALID|STANDBY"],
}  # fmt: skip

ORACLE_WEAK: Sections = {
    **ORACLE,
    "parameters": [
        "audit_trail|NONE", "audit_sys_operations|FALSE", "resource_limit|FALSE", "remote_os_authent|TRUE",
        "db_block_checksum|OFF",
    ],
    "users": [
        "SYS|OPEN|DEFAULT|PASSWORD|10G 11G|60|900",
        "SYSTEM|OPEN|DEFAULT|PASSWORD|10G 11G|60|900",
        "SCOTT|OPEN|DEFAULT|PASSWORD|10G 11G|60|900",
        "DBSNMP|OPEN|DEFAULT|PASSWORD|10G 11G|60|900",
        "HIS|EXPIRED(GRACE)|DEFAULT|PASSWORD|10G 11G|-3|900",
        "OLD|LOCKED(TIMED)|DEFAULT|PASSWORD|10G 11G|30|900",
    ],
    "users_12c": [],
    "default_passwords": ["SCOTT", "DBSNMP"],
    "profiles": profile("DEFAULT", _FACTORY_PROFILE | {"FAILED_LOGIN_ATTEMPTS": "UNLIMITED"}),
    "verify_source": [],
    "roles_12c": [],
    "roles": ["DBA", "CONNECT", "RESOURCE"],
    "role_members": ["SYS|DBA|YES", "SYSTEM|DBA|NO", "HIS|DBA|NO", "OLD|CONNECT|NO"],
    "system_rights": ["HIS|UNLIMITED TABLESPACE|NO", "OLD|SELECT ANY TABLE|NO"],
    "object_rights": ["PUBLIC|HIS|PATIENT|SELECT|NO"],
    "public_packages": ["UTL_FILE|EXECUTE"],
    "unified_mode": [],
    "unified_enabled": [],
    "unified_options": [],
    "sessions": ["40|40"],
    "encrypted": ["tablespace|0", "column|0"],
    "components": [
        "Oracle Database Catalog Views|11.2.0.4.0|VALID", "Oracle Application Express|3.2.1.00.12|VALID",
    ],
    "libraries": ["SYS|DBMS_SUMADV_LIB", "HIS|SHELL_LIB"],
    "sample_schemas": ["SCOTT"],
    "label_option": ["FALSE"],
    "labels": [],
    "label_tables": [],
    "tablespaces": ["NO|5", "YES|1"],
    "archive_destinations": [],
}  # fmt: skip

_SQL_LOGIN = "{name}|{id}|S|0|{policy}|{expiration}|{state}|0|sha512-salted|{left}|{age}|0|0|0"


def login(
    name: str, number: int, *, policy: int = 1, expiration: int = 1, state: str = "set", left: int | str = 60
) -> str:
    """Return one SQL login."""
    return _SQL_LOGIN.format(
        name=name, id=number, policy=policy, expiration=expiration, state=state, left=left, age=20
    )


def windows(name: str, number: int) -> str:
    """Return one Windows login."""
    return f"{name}|{number}|U|0|||external|||||||"


MSSQL: Sections = {
    "server": [
        f"{NOW}|DB02|MSSQLSERVER|HIS|15.0.4198.2|Standard Edition (64-bit)|RTM|HOSP\\dba|1|0"
    ],
    "settings": [
        "c2 audit mode|0", "default trace enabled|1", "remote login timeout (s)|10",
        "remote query timeout (s)|600", "xp_cmdshell|0", "Ole Automation Procedures|0",
        "Ad Hoc Distributed Queries|0", "common criteria compliance enabled|1",
    ],
    "logins": [
        "hisroot|1|S|0|1|1|set|0|sha512-salted|60|20|0|0|0",  # sa, renamed
        login("his_app", 260), login("his_guard", 261), login("his_audit", 262),
        "##MS_PolicyEventProcessingLogin##|256|S|1|1|0|set|0|sha512-salted||900|0|0|0",
        "NT SERVICE\\MSSQLSERVER|259|U|0|||external|||||||",
    ],
    "server_roles": [
        "hisroot|sysadmin", "NT SERVICE\\MSSQLSERVER|sysadmin", "his_guard|securityadmin",
    ],
    "server_rights": [
        "his_app|CONNECT SQL|GRANT", "his_audit|ALTER ANY SERVER AUDIT|GRANT",
        "public|VIEW ANY DATABASE|GRANT",
    ],
    "registry": ["ForceEncryption|1", "Certificate|yes"],
    "connections": ["TCP|TRUE|20", "Shared memory|FALSE|2"],
    "listeners": ["0.0.0.0|1433|TSQL|ONLINE", "127.0.0.1|1434|TSQL|ONLINE"],
    "databases": ["HIS|ONLINE|FULL|CHECKSUM|1|0|0|hisroot", "tempdb|ONLINE|SIMPLE|NONE|0|0|0|hisroot"],
    "db_users": ["dbo|S|hisroot", "his_app|S|his_app", "his_guard|S|his_guard", "his_audit|S|his_audit"],
    "db_roles": ["his_app|his_reader|0", "|db_owner|1"],
    "db_rights": [
        "his_app|DATABASE||||CONNECT|GRANT", "his_reader|OBJECT_OR_COLUMN|dbo|patient||SELECT|GRANT",
        "his_guard|OBJECT_OR_COLUMN|dbo|config||SELECT|GRANT",
        "his_audit|OBJECT_OR_COLUMN|dbo|log||SELECT|GRANT",
    ],
    "db_tables": ["dbo|80"],
    "audits": ["HIS_AUDIT|FILE|1|STARTED|100|50"],
    "audit_actions": [
        f"HIS_AUDIT|SPEC|1|{one}||"
        for one in (
            "SUCCESSFUL_LOGIN_GROUP", "FAILED_LOGIN_GROUP", "SERVER_PRINCIPAL_CHANGE_GROUP",
            "SERVER_ROLE_MEMBER_CHANGE_GROUP", "DATABASE_OBJECT_CHANGE_GROUP", "SCHEMA_OBJECT_ACCESS_GROUP",
        )
    ],
    "traces": ["1|1|1|20|5"],
}  # fmt: skip

MSSQL_WEAK: Sections = {
    **MSSQL,
    "settings": [
        "c2 audit mode|0",
        "default trace enabled|1",
        "remote login timeout (s)|10",
        "remote query timeout (s)|600",
        "xp_cmdshell|1",
        "Ole Automation Procedures|1",
        "Ad Hoc Distributed Queries|0",
    ],
    "linked_servers": ["LIS|SQL Server"],
    "logins": [
        "sa|1|S|0|0|0|set|1|sha1-salted||900|0|0|0",
        login("his", 260, policy=0, expiration=0, state="empty", left=""),
        login("old", 261, policy=0, expiration=0, left=""),
    ],
    "server_roles": ["sa|sysadmin", "his|sysadmin"],
    "server_rights": ["old|ALTER ANY LOGIN|GRANT"],
    "registry": ["ForceEncryption|0"],
    "connections": ["TCP|FALSE|35"],
    "databases": [
        "HIS|ONLINE|SIMPLE|TORN_PAGE_DETECTION|0|1|0|sa",
        "AdventureWorks2019|ONLINE|SIMPLE|CHECKSUM|0|0|0|sa",
    ],
    "db_users": ["dbo|S|sa", "his|S|his", "guest|S|"],
    "db_roles": ["|db_owner|1"],
    "db_rights": ["guest|DATABASE||||CONNECT|GRANT", "public|OBJECT_OR_COLUMN|dbo|patient||SELECT|GRANT"],
    "audits": ["HIS_AUDIT|FILE|0|STOPPED|100|50"],
    "traces": ["1|1|0|20|5"],
}

DM: Sections = {
    "server": [f"{NOW[:19]}|db03|DMSERVER|DM Database Server x64 V8|Y|SYSDBA"],
    "parameters": [
        "PWD_POLICY|31", "PWD_MIN_LEN|9", "COMPATIBLE_MODE|0", "ENABLE_ENCRYPT|1", "COMM_ENCRYPT_NAME|",
        "ENABLE_AUDIT|1", "AUDIT_FILE_FULL_MODE|2", "AUDIT_SPACE_LIMIT|8192", "SVR_LOG|0",
        "ENABLE_EXTERNAL_CALL|0", "ENABLE_OBJ_REUSE|1", "FAST_LOGIN|2",
        "ENABLE_REMOTE_OSAUTH|0", "ENABLE_LOCAL_OSAUTH|0",
    ],
    "users": ["SYS|OPEN|", "SYSDBA|OPEN|60", "SYSAUDITOR|OPEN|60", "SYSSSO|OPEN|60", "HIS_APP|OPEN|60"],
    "limits": [
        "SYS|3|1|0|0|1|none",
        *(f"{one}|5|30|90|10|1|set" for one in ("SYSDBA", "SYSAUDITOR", "SYSSSO", "HIS_APP")),
    ],
    "addresses": [
        "SYS||", *(f'{one}|"10.1.2.*","10.1.3.4"|' for one in ("SYSDBA", "SYSAUDITOR", "SYSSSO", "HIS_APP")),
    ],
    "roles": ["DBA", "DB_AUDIT_ADMIN", "DB_POLICY_ADMIN", "HIS_READER"],
    "role_members": [
        "SYSDBA|DBA|Y", "SYSAUDITOR|DB_AUDIT_ADMIN|Y", "SYSSSO|DB_POLICY_ADMIN|Y", "HIS_APP|HIS_READER|N",
    ],
    "system_rights": ["HIS_APP|CREATE SESSION|NO"],
    "owners": ["HIS|90"],
    "object_rights": ["HIS_READER|HIS|PATIENT|SELECT|N"],
    "audit_rules": ["1|-1|-1|0|3"],
    "labels": ["1"],
    "label_tables": ["4"],
    "archive_destinations": ["LOCAL|Y", "REALTIME|Y"],
}  # fmt: skip

DM_WEAK: Sections = {
    **DM,
    "parameters": [
        "PWD_POLICY|31", "PWD_MIN_LEN|9", "COMPATIBLE_MODE|1", "ENABLE_ENCRYPT|0", "COMM_ENCRYPT_NAME|",
        "ENABLE_AUDIT|0", "SVR_LOG|1", "ENABLE_EXTERNAL_CALL|1", "ENABLE_OBJ_REUSE|0", "FAST_LOGIN|1",
        "ENABLE_REMOTE_OSAUTH|1",
    ],
    "users": ["SYS|OPEN|", "SYSDBA|OPEN|", "SYSAUDITOR|OPEN|", "HIS|OPEN|-5"],
    "limits": ["SYS|3|1|0|0|1|none", *(f"{one}|5|30|0|0|1|set" for one in ("SYSDBA", "SYSAUDITOR", "HIS"))],
    "addresses": ["SYSDBA||", "SYSAUDITOR||", "HIS||"],
    "roles": ["DBA"],
    "role_members": ["SYSDBA|DBA|Y", "HIS|DBA|N"],
    "object_rights": ["PUBLIC|HIS|PATIENT|SELECT|N"],
    "audit_rules": [],
    "labels": ["0"],
    "label_tables": ["0"],
    "sample_schemas": ["DMHR"],
}  # fmt: skip

SAMPLES = {"oracle": ORACLE, "sqlserver": MSSQL, "dm": DM}


def changed(platform: str, **sections: list[str]) -> Sections:
    """Return the hardened output with some sections replaced."""
    found = copy.deepcopy(SAMPLES[platform])
    found.update(sections)
    return found
