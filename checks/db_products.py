"""Words and habits of the database products that are neither PostgreSQL nor MySQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.database.facts import DatabaseAccess

from .databases import ACCESS
from .hosts import ask

REDIS: Final = "redis"
# Products that keep neither rules like pg_hba.conf nor host patterns with every account.
OTHERS: Final = frozenset({REDIS, "oracle", "sqlserver", "dm"})
NAMES: Final[Mapping[str, str]] = {
    REDIS: "Redis",
    "oracle": "Oracle",
    "sqlserver": "SQL Server",
    "dm": "达梦",
}
# Server-wide rights and the products' own roles that reach beyond data, into the server or other accounts.
STRONG: Final = frozenset(
    {
        "CONFIG SET", "ACL SETUSER", "MODULE LOAD", "DEBUG", "REPLICAOF", "MONITOR", "FLUSHALL",
        "SYSDBA", "SYSOPER", "ALTER SYSTEM", "ALTER DATABASE", "GRANT ANY PRIVILEGE", "GRANT ANY ROLE",
        "BECOME USER", "CREATE ANY PROCEDURE", "EXECUTE ANY PROCEDURE", "CREATE LIBRARY",
        "CREATE EXTERNAL JOB",
        "EXEMPT ACCESS POLICY", "IMP_FULL_DATABASE", "DATAPUMP_IMP_FULL_DATABASE",
        "serveradmin", "setupadmin", "processadmin", "bulkadmin", "diskadmin", "dbcreator", "CONTROL SERVER",
        "ALTER SETTINGS", "ALTER SERVER STATE", "UNSAFE ASSEMBLY", "EXTERNAL ACCESS ASSEMBLY",
        "ALTER ANY DATABASE", "IMPERSONATE ANY LOGIN",
    }
)  # fmt: skip
ALL_DATA: Final = frozenset(
    {
        "allkeys", "SELECT ANY TABLE", "INSERT ANY TABLE", "UPDATE ANY TABLE", "DELETE ANY TABLE",
        "EXP_FULL_DATABASE", "DATAPUMP_EXP_FULL_DATABASE", "db_owner", "SELECT ALL USER SECURABLES",
        "CONNECT ANY DATABASE",
    }
)  # fmt: skip
# Who manages accounts, and who sees what was recorded, besides superusers.
GUARDS: Final = frozenset({"ACL SETUSER", "securityadmin", "ALTER ANY LOGIN", "DB_POLICY_ADMIN"})
AUDITORS: Final = frozenset(
    {
        "ACL LOG", "AUDIT_VIEWER", "AUDIT SYSTEM", "ALTER ANY SERVER AUDIT", "VIEW SERVER SECURITY AUDIT",
        "DB_AUDIT_ADMIN", "DB_AUDIT_OPER", "DB_AUDIT_VTI", "DB_AUDIT_PUBLIC",
    }
)  # fmt: skip
# Where the product keeps the lifetime that new accounts get.
LIFETIMES: Final[Mapping[str, str]] = {"oracle": "概要文件 DEFAULT 的 PASSWORD_LIFE_TIME"}
_OFF: Final[Mapping[str, str]] = {
    REDIS: "默认用户免口令",
    "oracle": "remote_os_authent 为 TRUE，信任远程操作系统的鉴别结果",
    "dm": "ENABLE_REMOTE_OSAUTH 为 1，信任远程操作系统的鉴别结果",
}
_ON: Final[Mapping[str, str]] = {
    REDIS: "未登录时不执行命令",
    "oracle": "remote_os_authent 为 FALSE，不信任远程操作系统的鉴别结果",
    "sqlserver": "登录须经 Windows 或 SQL Server 鉴别",
    "dm": "登录须经数据库鉴别",
}
# What refuses connections without TLS, where the server says that it does and that it does not.
_TLS_ONLY: Final[Mapping[str, tuple[str, str]]] = {
    REDIS: ("未加密端口已关闭（port 0）", "未加密端口仍开放（port 不为 0）"),
    "oracle": ("已强制加密", "未强制加密"),
    "sqlserver": ("强制加密（Force Encryption）已启用", "强制加密（Force Encryption）未启用"),
    "dm": ("ENABLE_ENCRYPT 为强制加密", "ENABLE_ENCRYPT 未要求加密"),
}


def name_of(platform: str) -> str:
    """Return the product's name for a statement."""
    return NAMES.get(platform, "数据库")


def asks_everybody(platform: str, access: DatabaseAccess) -> Criterion:
    """Return whether the server does nothing for those who have not logged in; a test outweighs settings."""
    question = "是否要求登录用户鉴别身份"
    if access.anonymous is not None:
        seen = "经测试，未登录即可执行命令" if access.anonymous else "经测试，未登录时命令被拒绝"
        return ask("asked", question, not access.anonymous, seen, ACCESS, decisive=True)
    off = access.authentication_off
    words = {True: _OFF, False: _ON}.get(off, {}) if off is not None else {}
    told = {True: "未要求鉴别", False: "已要求鉴别", None: "是否要求鉴别未能确认"}[off]
    return ask(
        "asked", question, None if off is None else not off, words.get(platform, told), ACCESS, decisive=True
    )


def refuses_plain(platform: str, access: DatabaseAccess) -> Criterion:
    """Return whether connections without TLS are refused; one open session without it shows they are not.

    That all sessions there are happen to be encrypted does not show that others would be refused.
    """
    question = "是否拒绝未加密的远程连接"
    told = f"；当前网络会话 {access.sessions} 个，其中未加密 {access.plain_sessions} 个"
    seen = told if access.sessions is not None and access.plain_sessions is not None else ""
    if access.plain_sessions:
        return ask("plain_refused", question, False, seen.lstrip("；"), ACCESS, decisive=True)
    required = access.tls_required
    only, open_too = _TLS_ONLY[platform]
    state = {True: only, False: open_too, None: "是否强制加密未能得知"}[required]
    return ask("plain_refused", question, required, state + seen, ACCESS, decisive=True)
