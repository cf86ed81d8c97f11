"""Two real servers that replicate over loopback: what the one and the other tell of the off-site copy."""

from __future__ import annotations

import psycopg
import pymysql
import pytest

from dengbao.errors import Reason
from dengbao.model import Account, DatabaseAsset
from dengbao.probes.backup.facts import BackupPeers

from ..servers.mariadb import MariaDB, mariadb
from ..servers.postgres import ADMIN_PASSWORD, Postgres, postgres
from ..servers.replication import PRIMARY, REPLICATION_PASSWORD, replica, standby, wait_until
from .harness import Sight, look

PASSWORD = "Look-only-2024!"
OFFSITE = ("127.0.0.1/32",)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PW", PASSWORD)


def see(platform: str, address: str, username: str = "looker", offsite: tuple[str, ...] = OFFSITE) -> Sight:
    asset = DatabaseAsset(
        id="his-db", name="业务库", platform=platform, address=address, account="looker", offsite=offsite,
        accounts=(Account(id="looker", username=username, secret="${ENV:DB_PW}"),),
    )  # fmt: skip
    return look(asset, only=("backup.peers",))


def verdict(sight: Sight) -> str:
    outcome = sight.judge("backup.offsite")
    return (outcome.verdict or outcome.status).value


def peers(sight: Sight) -> BackupPeers:
    facts = sight.facts["backup.peers"]
    assert isinstance(facts, BackupPeers)
    return facts


def streams(server: Postgres) -> bool:
    """Tell whether the standby copies and has caught up: until then nobody knows how far it is behind."""
    with psycopg.connect(
        host=str(server.socket_dir), port=server.port, user=server.superuser, password=ADMIN_PASSWORD
    ) as conn:
        row = conn.execute(
            "SELECT count(*) FROM pg_stat_replication"
            " WHERE state = 'streaming' AND replay_lsn = pg_current_wal_lsn()"
        ).fetchone()
    return row == (1,)


def test_postgres_and_its_standby() -> None:
    with postgres(
        settings={"listen_addresses": PRIMARY, "wal_keep_size": "64MB"},
        hba=("host all,replication all 127.0.0.0/8 scram-sha-256",),
    ) as primary:
        address = f"{PRIMARY}:{primary.port}"
        primary.run(
            f"CREATE ROLE repl LOGIN REPLICATION PASSWORD '{REPLICATION_PASSWORD}'",
            f"CREATE ROLE looker LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor",
            f"CREATE ROLE stranger LOGIN PASSWORD '{PASSWORD}'",
        )
        alone = see("postgresql", address)
        assert verdict(alone) == "nonconform"
        assert "所见复制：无" in alone.judge("backup.offsite").statement
        with standby(primary) as copy:
            wait_until(lambda: streams(primary))
            seen = see("postgresql", address)
            assert [(one.role, one.address, one.connected) for one in peers(seen).peers] == [
                ("replica", "127.0.0.1", True)
            ]
            assert verdict(seen) == "conform"
            assert seen.judge("backup.offsite").coverage.value == "partial"
            other = see("postgresql", copy.address)
            assert [(one.role, one.address) for one in peers(other).peers] == [("source", PRIMARY)]
            assert verdict(other) == "conform"
            assert verdict(see("postgresql", address, offsite=("10.9.0.0/16",))) == "nonconform"
            stranger = see("postgresql", address, "stranger")
            assert verdict(stranger) == "undetermined"
            assert stranger.missing["backup.peers"].reason is Reason.NO_PERMISSION
        wait_until(lambda: not streams(primary))
        assert verdict(see("postgresql", address)) == "nonconform"


def copies(server: MariaDB, *, running: bool) -> bool:
    with (
        pymysql.connect(unix_socket=str(server.socket_file), user="root") as conn,
        conn.cursor(pymysql.cursors.DictCursor) as cursor,
    ):
        cursor.execute("SHOW SLAVE STATUS")
        row = cursor.fetchone()
        assert row is not None
        states = {row["Slave_IO_Running"], row["Slave_SQL_Running"]}
    return states == {"Yes"} if running else "Yes" not in states


def test_mariadb_and_its_replica() -> None:
    options = ("--log-bin=bin", "--server-id=1", f"--bind-address={PRIMARY}", "--skip-name-resolve")
    with mariadb(*options) as primary:
        address = f"{PRIMARY}:{primary.port}"
        primary.run(
            f"CREATE USER repl@'%' IDENTIFIED BY '{REPLICATION_PASSWORD}'",
            "GRANT REPLICATION SLAVE ON *.* TO repl@'%'",
            f"CREATE USER looker@'%' IDENTIFIED BY '{PASSWORD}'",
            "GRANT PROCESS, BINLOG MONITOR, SLAVE MONITOR ON *.* TO looker@'%'",
            f"CREATE USER stranger@'%' IDENTIFIED BY '{PASSWORD}'",
        )
        assert verdict(see("mariadb", address)) == "nonconform"
        with replica(primary) as copy:
            wait_until(lambda: copies(copy, running=True))
            seen = see("mariadb", address)
            assert [(one.role, one.address) for one in peers(seen).peers] == [("replica", "127.0.0.1")]
            assert verdict(seen) == "undetermined"
            assert "须把从库也登记为测评对象" in seen.judge("backup.offsite").statement
            other = see("mariadb", copy.address)
            assert verdict(other) == "conform"
            stranger = see("mariadb", address, "stranger")
            assert stranger.missing["backup.peers"].reason is Reason.NO_PERMISSION
            copy.run("STOP SLAVE")
            wait_until(lambda: copies(copy, running=False))
            stopped = see("mariadb", copy.address)
            assert verdict(stopped) == "nonconform"
            assert "复制已停止" in stopped.judge("backup.offsite").statement
