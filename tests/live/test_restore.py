"""Real dumps restored into real throw-away servers: every verdict was written down before the first run."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dengbao.engines import find_engines
from dengbao.errors import Reason
from dengbao.model import BackupAsset, BackupPolicy
from dengbao.probes.backup.facts import BackupFiles, BackupRestore
from dengbao.probes.backup.throwaway import PREFIX, sweep

from ..servers.backups import cut, put
from ..servers.mariadb import mariadb
from ..servers.postgres import ADMIN, ADMIN_PASSWORD, newest_bin, postgres
from .harness import Sight, agree, look

GOOD = dict.fromkeys(
    ("backup.performed", "backup.policy", "backup.matches_policy", "backup.readable", "backup.restorable"),
    "conform",
)
# Of an archive's own format only the newest is read, by restoring it; the one before stays open.
CUSTOM = GOOD | {"backup.readable": "undetermined"}
EXPECT = {"visit": 3000, "patient": 40}
# What somebody might slip into a dump that the tester restores: shell, files, other roles, endless work.
PG_HOSTILE = """
\\! touch {marks}/a
\\copy visit to program 'touch {marks}/b'
SELECT 1 \\! touch {marks}/c
;
COPY visit TO PROGRAM 'touch {marks}/d';
COPY visit TO '{marks}/e';
SELECT pg_read_file('/etc/passwd');
SELECT lo_export(lo_from_bytea(0, 'x'), '{marks}/f');
SET ROLE dengbao_admin;
DO $$ BEGIN EXECUTE 'SET ROLE dengbao_admin'; EXECUTE 'COPY visit TO PROGRAM ''touch {marks}/g'''; END $$;
CREATE EXTENSION dblink;
ALTER SYSTEM SET archive_command = 'touch {marks}/h';
SELECT g FROM generate_series(1, 300000) g;
"""
MY_HOSTILE = """
\\! touch {marks}/a
;
system touch {marks}/b;
source {marks}/none.sql;
SELECT 'x' INTO OUTFILE '{marks}/c';
SELECT 'x' INTO DUMPFILE '{marks}/d';
LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE visit;
LOAD DATA INFILE '/etc/passwd' INTO TABLE visit;
INSTALL SONAME 'ha_federatedx';
CREATE FUNCTION sys_exec RETURNS int SONAME 'udf.so';
UPDATE mysql.global_priv SET priv = '{{}}';
CREATE DEFINER=`root`@`localhost` PROCEDURE p() SQL SECURITY DEFINER SELECT 'x' INTO OUTFILE '{marks}/e';
CALL p();
USE mysql;
UPDATE global_priv SET priv = '{{}}';
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Yield a folder that everybody may write to: what a hostile dump leaves would be seen there."""
    with tempfile.TemporaryDirectory(prefix="marks-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


@pytest.fixture(scope="module")
def pg_dumps() -> dict[str, bytes]:
    """Return dumps of one database, by format."""
    with postgres() as server:
        server.run(
            "CREATE ROLE his LOGIN",
            "CREATE TABLE visit (id serial PRIMARY KEY, note text)",
            "INSERT INTO visit (note) SELECT E'a;b\\n\\\\.' || g FROM generate_series(1, 3000) g",
            "CREATE TABLE patient (id int PRIMARY KEY, visit int REFERENCES visit)",
            "INSERT INTO patient SELECT g, g FROM generate_series(1, 40) g",
            "ALTER TABLE visit OWNER TO his",
            "GRANT SELECT ON patient TO his",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $x$ SELECT 1; $x$",
            "CREATE VIEW late AS SELECT * FROM visit",
        )
        return {
            name: subprocess.run(
                [newest_bin() / tool, *options, "-h", server.socket_dir, "-p", str(server.port), "-U", ADMIN],
                env={"PGPASSWORD": ADMIN_PASSWORD}, check=True, capture_output=True,
            ).stdout
            for name, tool, options in (
                ("plain", "pg_dump", ["-Fp", "-C"]), ("custom", "pg_dump", ["-Fc"]),
                ("all", "pg_dumpall", []),
            )
        }  # fmt: skip


@pytest.fixture(scope="module")
def my_dumps() -> dict[str, bytes]:
    """Return dumps of one database, by the options of the tool."""
    with mariadb() as server:
        server.run(
            "CREATE DATABASE his CHARACTER SET utf8mb4",
            "USE his",
            "CREATE TABLE visit (id int PRIMARY KEY, note varchar(40))",
            "INSERT INTO visit SELECT seq, CONCAT('it''s; 就诊 \\\\', seq) FROM seq_1_to_3000",
            "CREATE TABLE patient (id int PRIMARY KEY, photo blob)",
            "INSERT INTO patient SELECT seq, x'00ff27225c0a3b' FROM seq_1_to_40",
            "CREATE TRIGGER late BEFORE INSERT ON visit FOR EACH ROW BEGIN SET NEW.note = 'x'; END",
            "CREATE VIEW late_view AS SELECT * FROM visit",
        )
        return {
            name: subprocess.run(
                ["mariadb-dump", "--no-defaults", "-S", server.socket_file, "-uroot", *options],
                check=True, capture_output=True,
            ).stdout
            for name, options in (("one", ["his"]), ("all", ["--all-databases", "--routines", "--events"]))
        }  # fmt: skip


def see(folder: Path, data: bytes, name: str, expect: dict[str, int] = EXPECT) -> Sight:
    put(folder, name, data, 2)
    put(folder, f"old-{name}", data, 26)
    asset = BackupAsset(
        id="backup", name="本地备份", path=str(folder), restore=True, expect=expect,
        policy=BackupPolicy(every_h=24, keep=2),
    )  # fmt: skip
    return look(asset, engines=find_engines())


def restored(sight: Sight) -> BackupRestore:
    facts = sight.facts["backup.restore"]
    assert isinstance(facts, BackupRestore)
    return facts


def rows(sight: Sight) -> dict[str, int]:
    return {one.name.rpartition(".")[2]: one.rows for one in restored(sight).tables}


def nothing_left() -> bool:
    return not list(Path(tempfile.gettempdir()).glob(f"{PREFIX}{os.getpid()}*")) and not sweep()


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [("plain", "his.sql.gz", GOOD), ("custom", "his.dump", CUSTOM), ("all", "all.sql", GOOD)],
)
def test_a_dump_of_postgres_comes_back(
    kind: str, name: str, expected: dict[str, str], tmp_path: Path, pg_dumps: dict[str, bytes]
) -> None:
    data = pg_dumps[kind]
    sight = see(tmp_path, gzip.compress(data) if name.endswith("gz") else data, name)
    agree(f"restore {kind}", sight, expected)
    assert rows(sight) == {"visit": 3000, "patient": 40}
    assert not restored(sight).errors
    assert "试恢复最新备份" in sight.judge("backup.restorable").statement
    assert sight.judge("backup.restorable").coverage.value == "partial"
    assert nothing_left()


@pytest.mark.parametrize("kind", ["one", "all"])
def test_a_dump_of_mariadb_comes_back(kind: str, tmp_path: Path, my_dumps: dict[str, bytes]) -> None:
    sight = see(tmp_path, my_dumps[kind], "his.sql")
    agree(f"restore mariadb {kind}", sight, GOOD)
    assert rows(sight) == {"visit": 3000, "patient": 40}
    assert not restored(sight).errors
    assert nothing_left()


@pytest.fixture(scope="module")
def pg_folder_dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dump in directory format, of two tables and an empty large object."""
    folder = tmp_path_factory.mktemp("dumps") / "dump"
    with postgres() as server:
        server.run(
            "CREATE TABLE visit AS SELECT g AS id FROM generate_series(1, 3000) g",
            "CREATE TABLE patient AS SELECT g AS id FROM generate_series(1, 40) g",
            "CREATE TABLE nothing (id int)",
            "SELECT lo_create(0)",
        )
        place = ["-h", str(server.socket_dir), "-p", str(server.port), "-U", ADMIN]
        subprocess.run(
            [newest_bin() / "pg_dump", "-Fd", "-f", folder, *place],
            env={"PGPASSWORD": ADMIN_PASSWORD}, check=True,
        )  # fmt: skip
    return folder


def put_folder(source: Path, target: Path, hours: float) -> Path:
    shutil.copytree(source, target)
    made_s = time.time() - hours * 3600
    os.utime(target / "toc.dat", (made_s, made_s))
    return target


def see_folders(folder: Path, pattern: str = "his-*") -> Sight:
    asset = BackupAsset(
        id="backup", name="本地备份", path=str(folder), pattern=pattern, restore=True, expect=EXPECT,
        policy=BackupPolicy(every_h=24, keep=2),
    )  # fmt: skip
    return look(asset, engines=find_engines())


@pytest.mark.parametrize("pattern", ["his-*", "**"])
def test_a_dump_that_is_a_folder_comes_back(pattern: str, tmp_path: Path, pg_folder_dump: Path) -> None:
    put_folder(pg_folder_dump, tmp_path / "his-2", 2)
    put_folder(pg_folder_dump, tmp_path / "his-1", 26)
    sight = see_folders(tmp_path, pattern)
    files = sight.facts["backup.files"]
    assert isinstance(files, BackupFiles)
    assert [(one.name, one.kind) for one in files.files] == [("his-2", "pg_dir"), ("his-1", "pg_dir")]
    # That all copies are whole, only restoring each could show.
    agree("restore of folders", sight, CUSTOM)
    assert rows(sight) == {"visit": 3000, "patient": 40, "nothing": 0}
    assert not restored(sight).errors
    assert nothing_left()


def test_a_dump_that_is_a_folder_and_damaged(tmp_path: Path, pg_folder_dump: Path) -> None:
    whole = put_folder(pg_folder_dump, tmp_path / "his-2", 2)
    largest = max(whole.glob("*.dat.gz"), key=lambda one: one.stat().st_size)
    largest.write_bytes(cut(largest.read_bytes()))
    sight = see_folders(tmp_path)
    assert sight.judge("backup.readable").verdict == "nonconform"
    assert largest.name in sight.judge("backup.readable").statement
    assert sight.judge("backup.restorable").verdict == "nonconform"
    largest.unlink()
    (whole / "1.dat").symlink_to("/etc/passwd")
    sight = see_folders(tmp_path)
    assert sight.judge("backup.readable").status == "undetermined"
    assert restored(sight).outcome == "damaged"
    (whole / "toc.dat").unlink()
    sight = see_folders(tmp_path)
    assert sight.judge("backup.performed").status == "undetermined"
    assert restored(sight).outcome == "none"


def test_a_sqlite_file_and_its_text_come_back(tmp_path: Path) -> None:
    source = tmp_path / "source.db"
    with closing(sqlite3.connect(source)) as base:
        base.executescript(
            "CREATE TABLE visit (id INTEGER PRIMARY KEY, note TEXT); CREATE TABLE patient (id int);"
            "CREATE TRIGGER late AFTER INSERT ON patient BEGIN UPDATE visit SET note = 'x;'; SELECT 1; END;"
        )
        base.executemany("INSERT INTO visit (note) VALUES (?)", [(f"a;b\n'{one}",) for one in range(3000)])
        base.executemany("INSERT INTO patient VALUES (?)", [(one,) for one in range(40)])
        base.commit()
        text = "\n".join(base.iterdump())
    dump = f"PRAGMA foreign_keys=OFF;\n{text}\nATTACH '{tmp_path / 'stolen'}' AS s;\n".encode()
    for name, data, errors in (("his.db.gz", gzip.compress(source.read_bytes()), 0), ("his.sql", dump, 1)):
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        sight = see(folder, data, name)
        assert rows(sight) == {"visit": 3000, "patient": 40}
        assert len(restored(sight).errors) == errors
    assert not (tmp_path / "stolen").exists()


def test_a_damaged_dump_does_not_conform(tmp_path: Path, pg_dumps: dict[str, bytes]) -> None:
    broken = {"backup.performed": "nonconform", "backup.policy": "nonconform"}
    broken |= {"backup.matches_policy": "nonconform", "backup.readable": "nonconform"}
    packed = tmp_path / "packed"
    packed.mkdir()
    sight = see(packed, cut(gzip.compress(pg_dumps["plain"])), "his.sql.gz")
    agree("restore of a dump that breaks off", sight, {**broken, "backup.restorable": "nonconform"})
    assert restored(sight).outcome == "damaged"
    archive = tmp_path / "archive"
    archive.mkdir()
    sight = see(archive, cut(pg_dumps["custom"]), "his.dump")
    assert sight.judge("backup.restorable").verdict == "nonconform"


def test_fewer_rows_than_declared_do_not_conform(tmp_path: Path) -> None:
    rows = "".join(f"INSERT INTO visit VALUES({one});\n" for one in range(3000))
    dump = f"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE visit (id int);\n{rows}COMMIT;\n"
    sight = see(tmp_path, dump.encode(), "his.sql", {"visit": 3001, "payment": 1})
    outcome = sight.judge("backup.restorable")
    assert outcome.verdict == "nonconform"
    assert "visit 3000 行（应不少于 3001 行）" in outcome.statement
    assert "没有表 payment" in outcome.statement


def test_a_hostile_dump_of_postgres_does_nothing(
    tmp_path: Path, open_folder: Path, pg_dumps: dict[str, bytes]
) -> None:
    said = PG_HOSTILE.format(marks=open_folder).encode()
    text = pg_dumps["plain"].replace(b"\nCOPY ", b"\nSELECT 'it''s';\n" + said + b"\nCOPY ", 1)
    text = text.replace(b"SELECT pg_catalog.set_config('search_path', '', false);\n", b"")
    sight = see(tmp_path, text, "his.sql")
    assert not list(open_folder.iterdir())
    assert restored(sight).refused == ("\\!", "\\copy")
    assert {"visit", "patient"} <= set(rows(sight))
    assert sight.judge("backup.restorable").verdict is None or (
        sight.judge("backup.restorable").verdict == "nonconform"
    )
    assert nothing_left()


def test_a_hostile_dump_of_mariadb_does_nothing(
    tmp_path: Path, open_folder: Path, my_dumps: dict[str, bytes]
) -> None:
    text = my_dumps["one"] + MY_HOSTILE.format(marks=open_folder).encode()
    sight = see(tmp_path, text, "his.sql")
    assert not list(open_folder.iterdir())
    assert rows(sight) == {"visit": 3000, "patient": 40}
    codes = {(one.statement, one.code) for one in restored(sight).errors}
    assert {("UPDATE", "1142"), ("INSTALL", "1142")} <= codes
    assert sight.judge("backup.restorable").verdict is None
    assert nothing_left()


def test_without_an_engine_nothing_is_claimed(tmp_path: Path, pg_dumps: dict[str, bytes]) -> None:
    put(tmp_path, "his.dump", pg_dumps["custom"], 2)
    asset = BackupAsset(id="b", name="备份", path=str(tmp_path), restore=True)
    sight = look(asset, only=("backup.restore",))
    assert sight.missing["backup.restore"].reason is Reason.ENGINE_MISSING
    assert "apt install postgresql" in sight.missing["backup.restore"].message


def test_a_folder_of_a_host_is_not_looked_for_on_this_machine(tmp_path: Path) -> None:
    put(tmp_path, "his.sql", b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCOMMIT;\n", 2)
    asset = BackupAsset(id="b", name="备份", path=str(tmp_path), host="app", restore=True)
    sight = look(asset, only=("backup.restore",))
    assert sight.missing["backup.restore"].reason is Reason.NOT_DECLARED


_KILLED = """
import subprocess, sys, time
from dengbao.probes.backup.throwaway import Bounds, throwaway
with throwaway(Bounds(time.monotonic() + 60)) as place:
    process = place.start(["/bin/sleep", "60"])
    print(place.folder, process.pid, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_run_left_is_swept_by_the_next() -> None:
    child = subprocess.Popen([sys.executable, "-c", _KILLED], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    name, pid = child.stdout.readline().split()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert Path(name).exists()
    assert sweep() >= 1
    assert not Path(name).exists()
    ends = time.monotonic() + 5
    while Path(f"/proc/{pid}/exe").exists() and time.monotonic() < ends:
        os.sched_yield()
    assert not Path(f"/proc/{pid}/exe").exists()
