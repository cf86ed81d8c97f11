"""A restore held against the server that the backup was taken from; verdicts were written down before."""

from __future__ import annotations

import gzip
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from dengbao.engines import find_engines
from dengbao.errors import Reason
from dengbao.model import Account, BackupAsset, BackupPolicy, DatabaseAsset
from dengbao.probes.backup.facts import BackupLive

from ..servers.backups import PG_DUMP, put
from ..servers.mariadb import MariaDB, mariadb
from ..servers.postgres import ADMIN, ADMIN_PASSWORD, Postgres, newest_bin, postgres
from ..servers.replication import wait_until
from .harness import Sight, look

PASSWORD = "Look-only-2024!"


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PW", PASSWORD)


@pytest.fixture(scope="module")
def pg() -> Iterator[Postgres]:
    """Run a server with two databases' worth of tables and accounts that see all, some and nothing of it."""
    with postgres() as server:
        server.run("CREATE DATABASE his")
        server.run(
            'CREATE TABLE "Visit 100%" (id int PRIMARY KEY)',
            'INSERT INTO "Visit 100%" SELECT generate_series(1, 3000)',
            "CREATE TABLE patient (id int PRIMARY KEY)",
            "INSERT INTO patient SELECT generate_series(1, 40)",
            f"CREATE ROLE looker LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_data",
            f"CREATE ROLE stranger LOGIN PASSWORD '{PASSWORD}'",
            "GRANT SELECT ON patient TO stranger",
            database="his",
        )
        yield server


def dump(server: Postgres) -> bytes:
    place = ["-h", str(server.socket_dir), "-p", str(server.port), "-U", ADMIN]
    return subprocess.run(
        [newest_bin() / "pg_dump", "-Fc", *place, "his"],
        env={"PGPASSWORD": ADMIN_PASSWORD}, check=True, capture_output=True,
    ).stdout  # fmt: skip


def see(
    folder: Path,
    platform: str,
    address: str,
    *,
    username: str = "looker",
    base: str = "his",
    path: str = "",
    rows_within: float | None = None,
    restore: bool = True,
) -> Sight:
    backup = BackupAsset(
        id="backup", name="本地备份", path=str(folder), restore=restore, database="his-db",
        rows_within=rows_within, policy=BackupPolicy(every_h=24, keep=1),
    )  # fmt: skip
    database = DatabaseAsset(
        id="his-db", name="业务库", platform=platform, address=address, database=base, account="looker",
        accounts=(Account(id="looker", username=username, secret="${ENV:DB_PW}"),), path=path,
    )  # fmt: skip
    return look(
        backup,
        engines=find_engines(),
        others=(database,),
        only=("backup.folder", "backup.restore", "backup.live"),
    )


def verdict(sight: Sight) -> str:
    outcome = sight.judge("backup.restorable")
    return (outcome.verdict or outcome.status).value


def live(sight: Sight) -> BackupLive:
    facts = sight.facts["backup.live"]
    assert isinstance(facts, BackupLive)
    return facts


def test_a_backup_with_all_rows_of_postgres(pg: Postgres, tmp_path: Path) -> None:
    put(tmp_path, "his.dump", dump(pg), 2)
    sight = see(tmp_path, "postgresql", pg.address)
    assert {one.name: (one.rows, one.counted) for one in live(sight).tables} == {
        "public.Visit 100%": (3000, True), "public.patient": (40, True),
    }  # fmt: skip
    assert live(sight).complete
    assert verdict(sight) == "conform"
    assert "2 张表恢复 3040 行、在用 3040 行" in sight.judge("backup.restorable").statement


def test_an_account_without_rights_counts_what_it_may(pg: Postgres, tmp_path: Path) -> None:
    put(tmp_path, "his.dump", dump(pg), 2)
    sight = see(tmp_path, "postgresql", pg.address, username="stranger")
    assert {one.name for one in live(sight).tables if one.counted} == {"public.patient"}
    assert verdict(sight) == "conform"
    assert "public.Visit 100% 未能清点，未作比对" in sight.judge("backup.restorable").remainder
    refused = see(tmp_path, "postgresql", pg.address, username="nobody")
    assert refused.missing["backup.live"].reason is Reason.LOGIN_REFUSED
    assert "行数未与应有数量比对" in refused.judge("backup.restorable").remainder


def test_a_backup_that_lacks_rows_of_postgres(tmp_path: Path) -> None:
    with postgres() as server:
        server.run("CREATE DATABASE his")
        server.run("CREATE TABLE visit AS SELECT generate_series(1, 100) AS id", database="his")
        put(tmp_path, "his.dump", dump(server), 2)
        server.run(
            "INSERT INTO visit SELECT generate_series(1, 900)",
            "CREATE TABLE payment AS SELECT 1 AS id",
            f"CREATE ROLE looker LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_data",
            database="his",
        )
        sight = see(tmp_path, "postgresql", server.address)
        assert verdict(sight) == "undetermined"  # all of it may have come in since
        told = sight.judge("backup.restorable").statement
        assert "2 张表中 1 张恢复后没有（public.payment 1 行）" in told
        assert "public.visit 恢复 100 行、在用 1000 行，少于在用超过 10%" in told
        assert verdict(see(tmp_path, "postgresql", server.address, rows_within=10)) == "nonconform"
        server.run("ALTER TABLE visit ENABLE ROW LEVEL SECURITY", database="his")
        hidden = see(tmp_path, "postgresql", server.address, rows_within=10)
        assert [one.name for one in live(hidden).tables if one.counted] == ["public.payment"]
        server.run(
            "ALTER TABLE visit DISABLE ROW LEVEL SECURITY",
            "DROP TABLE payment",
            "UPDATE pg_class SET reltuples = 90000000 WHERE relname = 'visit'",
            'CREATE TABLE "odd""; DROP TABLE visit; --" (id int)',
            database="his",
        )
        large = see(tmp_path, "postgresql", server.address, rows_within=10)
        tables = {one.name: (one.rows, one.counted) for one in live(large).tables}
        assert tables == {
            "public.visit": (90000000, False), 'public.odd"; DROP TABLE visit; --': (0, True),
        }  # fmt: skip
        assert verdict(large) == "undetermined"  # one table is younger than the backup
        assert "约 90000000 行）" in large.judge("backup.restorable").remainder


def my_dump(server: MariaDB) -> bytes:
    command = ["mariadb-dump", "--no-defaults", "-S", str(server.socket_file), "-uroot", "his"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_mariadb_and_what_its_account_is_not_shown(tmp_path: Path) -> None:
    with mariadb() as server:
        server.run(
            "CREATE DATABASE his CHARACTER SET utf8mb4",
            "USE his",
            "CREATE TABLE his.`Visit 100%` (id int PRIMARY KEY)",
            "INSERT INTO his.`Visit 100%` SELECT seq FROM seq_1_to_3000",
            "CREATE TABLE his.patient (id int PRIMARY KEY)",
            f"CREATE USER looker@'%' IDENTIFIED BY '{PASSWORD}'",
            "GRANT SELECT ON his.* TO looker@'%'",
            f"CREATE USER stranger@'%' IDENTIFIED BY '{PASSWORD}'",
            "GRANT SELECT ON his.patient TO stranger@'%'",
        )
        put(tmp_path, "his.sql", my_dump(server), 2)
        sight = see(tmp_path, "mariadb", server.address)
        assert verdict(sight) == "conform"
        assert live(sight).complete
        assert "2 张表恢复 3000 行、在用 3000 行" in sight.judge("backup.restorable").statement
        stranger = see(tmp_path, "mariadb", server.address, username="stranger")
        assert not live(stranger).complete
        assert "账户看不到的表未作比对" in stranger.judge("backup.restorable").remainder
        server.run("DELETE FROM his.`Visit 100%` WHERE id > 100")
        assert verdict(see(tmp_path, "mariadb", server.address)) == "undetermined"
        unnamed = see(tmp_path, "mariadb", server.address, base="")
        assert unnamed.missing["backup.live"].reason is Reason.NOT_DECLARED


def test_a_sqlite_file_and_its_copy(tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    folder.mkdir()
    source = tmp_path / "his.db"
    with closing(sqlite3.connect(source)) as base:
        base.execute("CREATE TABLE visit (id int)")
        base.executemany("INSERT INTO visit VALUES (?)", [(one,) for one in range(300)])
        base.commit()
        put(folder, "his.db", source.read_bytes(), 2)
        assert verdict(see(folder, "sqlite", "", path=str(source))) == "conform"
        base.executemany("INSERT INTO visit VALUES (?)", [(one,) for one in range(34)])
        base.commit()
        assert verdict(see(folder, "sqlite", "", path=str(source))) == "conform"
        base.execute("INSERT INTO visit VALUES (1)")
        base.execute("DELETE FROM visit")
        base.executemany("INSERT INTO visit VALUES (?)", [(one,) for one in range(336)])
        base.commit()
        assert verdict(see(folder, "sqlite", "", path=str(source))) == "undetermined"


@pytest.mark.parametrize(("command", "expected"), [("true", "conform"), ("false", "nonconform")])
def test_an_archive_of_wal(command: str, expected: str, tmp_path: Path) -> None:
    settings = {"archive_mode": "on", "archive_command": command, "wal_level": "replica"}
    with postgres(settings=settings) as server:
        server.run(
            f"CREATE ROLE looker LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor",
            "CREATE TABLE visit AS SELECT 1 AS id",
            "SELECT pg_switch_wal()",
        )
        wait_until(lambda: tried(server, command))
        put(tmp_path, "his.sql.gz", gzip.compress(PG_DUMP.encode()), 2)
        sight = see(tmp_path, "postgresql", server.address, base="", restore=False)
        outcome = sight.judge("backup.performed")
        assert outcome.verdict == expected
        assert "数据库 his-db 日志归档" in outcome.statement
        assert sight.missing["backup.live"].reason is Reason.NOT_DECLARED


def tried(server: Postgres, command: str) -> bool:
    place = f"host={server.socket_dir} port={server.port} user={ADMIN} password={ADMIN_PASSWORD}"
    with psycopg.connect(place) as conn:
        row = conn.execute("SELECT archived_count, failed_count FROM pg_stat_archiver").fetchone()
    return row is not None and (row[0] > 0 if command == "true" else row[1] >= 3)
