"""Looks at a database: one read-only connection, one kind of facts after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final

from ...errors import NotSupported, ProbeError, ProbeIncapable
from ...model import Asset, DatabaseAsset, Facts, Missing, kind_of
from ..base import Context, Observed, missing
from . import (
    my_accounts,
    my_grants,
    my_policy,
    my_system,
    pg_access,
    pg_accounts,
    pg_logs,
    pg_policy,
    pg_system,
    sampling,
    sqlite,
)
from .connect import open_mysql, open_postgres
from .facts import (
    DatabaseAccess,
    DatabaseAccounts,
    DatabaseAudit,
    DatabaseGrants,
    DatabasePasswords,
    DatabasePolicy,
    DatabaseSensitive,
    DatabaseServer,
    DatabaseStorage,
)
from .session import Session
from .system_facts import (
    DatabaseComponents,
    DatabaseLabels,
    DatabaseLogs,
    DatabaseReplication,
    DatabaseResidue,
)

Open = Callable[[DatabaseAsset, Context], AbstractContextManager[Session]]
Read = Callable[[Session, DatabaseAsset], Facts]

_POSTGRES: Final[Mapping[type[Facts], Read]] = {
    DatabaseServer: pg_accounts.server,
    DatabaseAccounts: pg_accounts.accounts,
    DatabasePasswords: pg_accounts.passwords,
    DatabasePolicy: pg_policy.policy,
    DatabaseAccess: pg_access.access,
    DatabaseGrants: pg_access.grants,
    DatabaseAudit: pg_policy.audit,
    DatabaseSensitive: sampling.sensitive,
    DatabaseStorage: pg_policy.storage,
    DatabaseLogs: pg_logs.logs,
    DatabaseComponents: pg_system.components,
    DatabaseLabels: pg_system.labels,
    DatabaseReplication: pg_system.replication,
    DatabaseResidue: pg_logs.residue,
}
_MYSQL: Final[Mapping[type[Facts], Read]] = {
    DatabaseServer: my_accounts.server,
    DatabaseAccounts: my_accounts.accounts,
    DatabasePasswords: my_accounts.passwords,
    DatabasePolicy: my_policy.policy,
    DatabaseAccess: my_policy.access,
    DatabaseGrants: my_grants.grants,
    DatabaseAudit: my_policy.audit,
    DatabaseSensitive: sampling.sensitive,
    DatabaseStorage: my_policy.storage,
    DatabaseLogs: my_system.logs,
    DatabaseComponents: my_system.components,
    DatabaseLabels: my_system.labels,
    DatabaseReplication: my_system.replication,
    DatabaseResidue: my_system.residue,
}
_SQLITE: Final[Mapping[type[Facts], Read]] = {
    DatabaseServer: sqlite.server,
    DatabaseAccounts: sqlite.has_none("账户"),
    DatabasePasswords: sqlite.has_none("账户口令"),
    DatabasePolicy: sqlite.has_none("口令与登录策略"),
    DatabaseAccess: sqlite.has_none("网络访问控制"),
    DatabaseGrants: sqlite.has_none("授权"),
    DatabaseAudit: sqlite.has_none("审计"),
    DatabaseSensitive: sampling.sensitive,
    DatabaseStorage: sqlite.storage,
    DatabaseLogs: sqlite.has_none("审计记录"),
    DatabaseComponents: sqlite.has_none("可装卸的组件"),
    DatabaseLabels: sqlite.has_none("安全标记"),
    DatabaseReplication: sqlite.has_none("归档与复制"),
    DatabaseResidue: sqlite.has_none("可查看的清除设置（由写入它的程序决定）"),
}
_PLATFORMS: Final[Mapping[str, tuple[Open, Mapping[type[Facts], Read]]]] = {
    "postgresql": (open_postgres, _POSTGRES),
    "kingbase": (open_postgres, _POSTGRES),
    "mariadb": (open_mysql, _MYSQL),
    "mysql": (open_mysql, _MYSQL),
    "sqlite": (sqlite.open_file, _SQLITE),
}


async def probe(asset: Asset, context: Context) -> Observed:
    """Read accounts, policies, grants, audit settings and samples of declared columns.

    Sends: one login with the account given and some forty catalogue questions; for PostgreSQL servers
        that take no encrypted connections a second connection. SQLite: opens the file for reading.
    Changes: nothing; the session is read only. The server's log notes the login and the questions.
    Level: login.

    Raises:
        NotSupported: a platform without a reader here.
        NotDeclared, OutOfScope, Unreachable, TimedOut, LoginRefused, ProtocolMismatch: nothing was seen.

    """
    if not isinstance(asset, DatabaseAsset):
        raise NotSupported("不是数据库测评对象")
    return await asyncio.to_thread(_look, asset, context)


def _look(asset: DatabaseAsset, context: Context) -> Observed:
    platform = _PLATFORMS.get(asset.platform)
    if platform is None:
        raise NotSupported(
            f"暂不能读取数据库平台“{asset.platform or '（未填）'}”",
            cure=f"platform 可填 {'、'.join(_PLATFORMS)}；其他产品以人工佐证补充",
        )
    open_session, readers = platform
    try:
        with open_session(asset, context) as session:
            observed = _read_all(session, asset, readers)
            context.keep("database.txt", session.transcript.data())
    except UnicodeError as error:
        raise ProbeIncapable(f"本机无法编码连接参数（{error}）", cure="核对账户、口令与库名") from error
    return observed


def _read_all(session: Session, asset: DatabaseAsset, readers: Mapping[type[Facts], Read]) -> Observed:
    found: list[Facts] = []
    lacks: list[Missing] = []
    for kind, read in readers.items():
        session.transcript.question(f"-- {kind_of(kind)}")
        try:
            found.append(read(session, asset))
        except ProbeError as error:
            lacks.append(missing(kind, error, error.reason))
    seen = next((one for one in found if isinstance(one, DatabaseServer)), None)
    return Observed(facts=tuple(found), missing=tuple(lacks), privilege=_privilege(seen))


def _privilege(server: DatabaseServer | None) -> str:
    if server is None or not server.user:
        return ""
    return f"{server.user}（超级用户）" if server.superuser else server.user
