"""Asks a database with whom it replicates at this moment; for databases that declare an off-site network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final

from ...errors import NoPermission, NotSupported, ProbeError
from ...model import Asset, DatabaseAsset
from ..base import Context, Observed
from ..database.connect import open_mysql, open_postgres
from ..database.session import Row, Session, flag, number, text
from .facts import BackupPeers, Peer

_PG_REPLICAS: Final = """
SELECT host(client_addr) AS address, state, sync_state, pid IS NOT NULL AS there,
  extract(epoch FROM replay_lag) AS lag_s,
  CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) END AS behind
FROM pg_stat_replication LIMIT 200
"""
_PG_SOURCE: Final = """
SELECT sender_host AS address, status, pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AS even,
  extract(epoch FROM now() - pg_last_xact_replay_timestamp()) AS lag_s,
  extract(epoch FROM now() - last_msg_receipt_time) AS silent_s
FROM pg_stat_wal_receiver
"""
_MY_REPLICAS: Final = (
    "SELECT host AS address, command FROM information_schema.processlist"
    " WHERE command LIKE 'Binlog Dump%' LIMIT 200"
)
_MY_RIGHTS: Final = "SELECT privilege_type AS name FROM information_schema.user_privileges LIMIT 500"
_MY_SEMI: Final = "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_%'"
_MY_SOURCE: Final = ("SHOW ALL SLAVES STATUS", "SHOW REPLICA STATUS", "SHOW SLAVE STATUS")


async def probe(asset: Asset, context: Context) -> Observed:
    """Return the other ends of a database's replication.

    Sends: one login with the account given and a handful of questions.
    Changes: nothing; the session is read only. The server's log notes the login.
    Level: login.

    Raises:
        NotSupported: a platform without a reader here.
        NoPermission: the account sees nothing of replication.
        NotDeclared, OutOfScope, Unreachable, TimedOut, LoginRefused, ProtocolMismatch: nothing was seen.

    """
    if not isinstance(asset, DatabaseAsset):
        raise NotSupported("不是数据库测评对象")
    return await asyncio.to_thread(_look, asset, context)


def _look(asset: DatabaseAsset, context: Context) -> Observed:
    known = _READERS.get(asset.platform)
    if known is None:
        raise NotSupported(
            f"暂不能读取数据库平台“{asset.platform}”的复制状态", cure="以人工佐证补充复制状态与备份场地"
        )
    opened, read = known
    with opened(asset, context) as session:
        facts = read(session)
        context.keep("backup-peers.txt", session.transcript.data())
    return Observed(facts=(facts,))


def _postgres(session: Session) -> BackupPeers:
    replicas = session.ask(_PG_REPLICAS)
    hidden = any(one.get("state") is None for one in replicas)
    peers = [_pg_replica(one) for one in replicas if one.get("state") is not None]
    sources = session.ask(_PG_SOURCE)
    hidden = hidden or any(one.get("status") is None for one in sources)
    peers += [_pg_source(one) for one in sources if one.get("status") is not None]
    if hidden and not peers:
        raise NoPermission("账户无权查看复制状态", cure="授予 pg_monitor 后重测，或以人工佐证补充")
    return BackupPeers(peers=tuple(peers), complete=not hidden)


def _pg_replica(row: Row) -> Peer:
    lag = _seconds(row, "lag_s")
    if lag is None and number(row, "behind") == 0:
        lag = 0.0  # nothing was written lately, and all of it is there
    return Peer(
        role="replica", address=text(row, "address"), connected=text(row, "state") == "streaming", lag_s=lag,
        synchronous=text(row, "sync_state") in ("sync", "quorum"),
    )  # fmt: skip


def _pg_source(row: Row) -> Peer:
    """Return the server we copy from; what it has not sent yet shows only in its silence."""
    lag = _seconds(row, "silent_s") if flag(row, "even") else _seconds(row, "lag_s")
    return Peer(
        role="source", address=text(row, "address"), connected=text(row, "status") == "streaming", lag_s=lag
    )


def _mysql(session: Session) -> BackupPeers:
    rows = session.ask(_MY_REPLICAS)
    rights = {text(one, "name").upper() for one in session.ask(_MY_RIGHTS)}
    semi = {text(one, "Variable_name").lower(): text(one, "Value") for one in session.ask(_MY_SEMI)}
    peers = [
        Peer(role="replica", address=text(one, "address").rpartition(":")[0], connected=True) for one in rows
    ]
    sources = _first_answer(session, _MY_SOURCE)
    for one in sources or ():
        running = all(
            _either(one, f"Slave_{name}_Running", f"Replica_{name}_Running") == "Yes"
            for name in ("IO", "SQL")
        )
        lag = _seconds(one, "Seconds_Behind_Master")
        peers.append(
            Peer(
                role="source", address=_either(one, "Master_Host", "Source_Host"), connected=running,
                lag_s=_seconds(one, "Seconds_Behind_Source") if lag is None else lag,
            )
        )  # fmt: skip
    complete = "PROCESS" in rights and sources is not None
    if not complete and not peers:
        raise NoPermission(
            "账户无权查看复制状态", cure="授予 PROCESS 与 REPLICATION CLIENT 后重测，或以人工佐证补充"
        )
    return BackupPeers(peers=tuple(peers), complete=complete, semi_synchronous=_semi(semi))


def _semi(status: Mapping[str, str]) -> bool | None:
    on = status.get("rpl_semi_sync_master_status") or status.get("rpl_semi_sync_source_status")
    clients = status.get("rpl_semi_sync_master_clients") or status.get("rpl_semi_sync_source_clients") or "0"
    return None if on is None else on == "ON" and clients.isdecimal() and int(clients) > 0


def _first_answer(session: Session, questions: tuple[str, ...]) -> list[dict[str, object]] | None:
    for one in questions:
        try:
            return session.ask(one, quiet=True)
        except ProbeError:
            continue
    return None


def _either(row: Row, *names: str) -> str:
    return next((found for one in names if (found := text(row, one))), "")


def _seconds(row: Row, name: str) -> float | None:
    try:
        return max(float(str(row[name])), 0.0) if row.get(name) is not None else None
    except ValueError:
        return None


_READERS: Final[
    Mapping[
        str,
        tuple[
            Callable[[DatabaseAsset, Context], AbstractContextManager[Session]],
            Callable[[Session], BackupPeers],
        ],
    ]
] = {
    "postgresql": (open_postgres, _postgres),
    "mariadb": (open_mysql, _mysql),
    "mysql": (open_mysql, _mysql),
}
