"""Backup folders and jobs of prepared hosts behind a real sshd; verdicts were written down before."""

from __future__ import annotations

import gzip
import hashlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import asyncssh
import pytest

from dengbao.errors import Reason
from dengbao.model import Account, BackupAsset, BackupPolicy, HostAsset, Level, Scope
from dengbao.probes.backup.facts import (
    BackupFiles,
    BackupIntegrity,
    BackupRestore,
    BackupSchedule,
    RestoredTable,
)
from dengbao.probes.backup.throwaway import PREFIX
from tests.servers import host_trees
from tests.servers.sshd import Prepared, Server, running

from ..servers.backups import cut, put
from .harness import Sight, agree, look

FOLDER = "/var/lib/his-backup"
CHECKS = ("backup.performed", "backup.policy", "backup.matches_policy", "backup.readable")
GOOD = dict.fromkeys(CHECKS, "conform")
UNSEEN = dict.fromkeys(CHECKS, "undetermined")
# The newest breaks off, the next is nine days old; the job runs on Sundays and is told to keep one copy.
WEAK = {
    "backup.performed": "nonconform", "backup.policy": "partial", "backup.matches_policy": "nonconform",
    "backup.readable": "nonconform",
}  # fmt: skip
SECRETS = ("Sup3r-Secret", "An0ther-Secret", "Th1rd-Secret")
SCRIPT = f"""#!/bin/sh
export PGPASSWORD={SECRETS[1]}
pg_dump -Fc his | gzip > {FOLDER}/his-$(date +%F).db.gz
"""


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a private key file and its public line."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    path = tmp_path_factory.mktemp("keys") / "id"
    path.write_bytes(made.export_private_key())
    return path, made.export_public_key().decode()


@pytest.fixture(scope="module")
def database() -> bytes:
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("CREATE TABLE visit (id INTEGER PRIMARY KEY, note TEXT)")
        base.executemany(
            "INSERT INTO visit (note) VALUES (?)", [(os.urandom(40).hex(),) for _ in range(3000)]
        )
        base.commit()
        return base.serialize()


def prepare(root: Path, public_key: str) -> Prepared:
    host = Prepared(root)
    host.folder("")
    host_trees.hardened(host)
    for name, uid in (("inspector", 1004), ("viewer", 1005)):
        host_trees.authorize(host, name, uid, public_key)
    host.folder(FOLDER, 0o750)
    host.folder("var/spool/cron/crontabs", 0o730)
    return host


@pytest.fixture(scope="module")
def well_kept(
    tmp_path_factory: pytest.TempPathFactory, key: tuple[Path, str], database: bytes
) -> Iterator[Server]:
    """Run a host that makes a copy each night, seven kept."""
    host = prepare(tmp_path_factory.mktemp("well-kept"), key[1])
    folder = host.folder(FOLDER, 0o750)
    for number in range(7):
        put(folder, f"his-{number}.db.gz", gzip.compress(database, mtime=0), 2 + 24 * number)
    put(folder, "备份 一\n.db.gz", gzip.compress(database), 26)
    put(folder, "his-0.db.gz.sha256", b"0" * 64, 1)
    (folder / "latest.db.gz").symlink_to("his-0.db.gz")
    host.file("usr/local/sbin/his-backup", SCRIPT, 0o700)
    host.file(
        "etc/cron.d/his",
        f"PATH=/usr/bin\n# 0 1 * * * root rm -rf {FOLDER}\n"
        "0 2 * * * root /usr/local/sbin/his-backup\n"
        f"0 * * * * root find {FOLDER} -mtime +7 -delete\n0 4 * * * root pg_dump lis > {FOLDER}2/lis.sql\n"
        f"*/5 * * * * root mysqldump -p{SECRETS[0]} lis >/dev/null\n",
    )
    host.file(
        "var/spool/cron/crontabs/keeper", f"@daily curl -u ops:{SECRETS[2]} https://dog.test/ping\n", 0o600
    )
    host.file(
        "etc/anacrontab",
        "SHELL=/bin/sh\n# 1 5 off pg_dump his\nSTART_HOURS_RANGE=3-22\n"
        f"@weekly 10 full nice pg_dump -Fc his -f {FOLDER}/week.dump\n7 25 short\n",
    )
    host.daemon("cron")
    with running(host) as server:
        yield server


@pytest.fixture(scope="module")
def weak(
    tmp_path_factory: pytest.TempPathFactory, key: tuple[Path, str], database: bytes
) -> Iterator[Server]:
    """Run a host whose timer comes once a week, and whose newest copy broke off."""
    host = prepare(tmp_path_factory.mktemp("weak"), key[1])
    folder = host.folder(FOLDER, 0o750)
    put(folder, "new.db.gz", cut(gzip.compress(database)), 2)
    put(folder, "old.db.gz", gzip.compress(database), 9 * 24)
    with (folder / "huge.sql").open("wb") as out:
        out.truncate(5 * 1024**3)
    host.file("etc/systemd/system/his.timer", "[Timer]\nOnCalendar=Sun *-*-* 02:00:00\n")
    host.file("etc/systemd/system/his.service", f"[Service]\nExecStart=/bin/tar -cf {FOLDER}/x.tar /srv\n")
    host.folder("etc/systemd/system/timers.target.wants")
    (host.root / "etc/systemd/system/timers.target.wants/his.timer").symlink_to("../his.timer")
    with running(host) as server:
        yield server


def see(
    server: Server,
    username: str,
    key_file: Path,
    *,
    pattern: str = "*",
    path: str = FOLDER,
    scope: Scope | None = None,
    offsite: bool = False,
    restore: bool = False,
) -> Sight:
    account = Account(id="collector", username=username, key_file=str(key_file), secret="${ENV:HOST_PW}")
    host = HostAsset(
        id="app", name="应用服务器", address=server.address, host_key=server.host_key, account="collector",
        sudo="nopasswd" if username == "inspector" else "none",
        accounts=(account,),
    )  # fmt: skip
    asset = BackupAsset(
        id="backup", name="本地备份", path=path, pattern=pattern, host="app", offsite=offsite,
        restore=restore, expect={"visit": 3000} if restore else {}, policy=BackupPolicy(every_h=24, keep=7),
    )  # fmt: skip
    return look(asset, scope=scope, others=(host,))


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_PW", host_trees.PASSWORD)


def test_a_well_kept_folder_of_a_host_conforms(well_kept: Server, key: tuple[Path, str]) -> None:
    sight = see(well_kept, "inspector", key[0])
    agree("host folder, well kept", sight, GOOD)
    files, integrity = sight.facts["backup.files"], sight.facts["backup.integrity"]
    schedule = sight.facts["backup.schedule"]
    assert isinstance(files, BackupFiles)
    assert isinstance(integrity, BackupIntegrity)
    assert isinstance(schedule, BackupSchedule)
    assert {one.name for one in files.files} >= {"his-0.db.gz", "备份 一\\x0a.db.gz", "his-0.db.gz.sha256"}
    assert [(one.name, one.why) for one in files.skipped] == [("latest.db.gz", "symlink")]
    assert [one.intact for one in integrity.readings] == [True] * 7
    assert {one.layers for one in integrity.readings} == {("gzip", "sqlite")}
    # The timers are partly those of the machine that runs the test; prepared hosts have the jobs of cron.
    jobs = {one.schedule: one for one in schedule.jobs if not one.source.endswith(".timer")}
    assert set(jobs) == {"0 2 * * *", "*/5 * * * *", "0 * * * *", "0 4 * * *", "anacron @weekly"}
    weekly = jobs["anacron @weekly"]
    assert (weekly.tools, weekly.names_folder, weekly.longest_gap_h) == (("pg_dump",), True, 168.0)
    its_own = {one for one, job in jobs.items() if job.names_folder and job.tools}
    assert its_own == {"0 2 * * *", "anacron @weekly"}
    assert jobs["0 2 * * *"].names_folder
    assert (jobs["0 2 * * *"].tools, jobs["0 2 * * *"].longest_gap_h) == (("pg_dump",), 24.0)
    assert not jobs["*/5 * * * *"].names_folder
    told = b"".join(sight.raw.values())
    assert not [one for one in SECRETS if one.encode() in told]
    assert "任务 /etc/cron.d/his（0 2 * * *，用户 root，pg_dump）" in sight.judge("backup.policy").statement


def test_a_weekly_timer_and_a_broken_copy_do_not(weak: Server, key: tuple[Path, str]) -> None:
    sight = see(weak, "inspector", key[0], pattern="*.db.gz")
    agree("host folder, weak", sight, WEAK)
    assert "最长间隔 168 小时，长于策略的 24 小时" in sight.judge("backup.policy").statement


def test_without_rights_nothing_is_claimed(well_kept: Server, key: tuple[Path, str]) -> None:
    sight = see(well_kept, "viewer", key[0])
    agree("host folder, no rights", sight, UNSEEN)
    assert sight.missing["backup.files"].reason is Reason.NO_PERMISSION
    schedule = sight.facts["backup.schedule"]
    assert isinstance(schedule, BackupSchedule)
    assert schedule.denied == ("/var/spool/cron/crontabs",)


def test_a_folder_that_is_not_there_and_a_level_that_forbids_login(
    well_kept: Server, key: tuple[Path, str]
) -> None:
    sight = see(well_kept, "inspector", key[0], path="/var/lib/none")
    agree("host folder, absent", sight, UNSEEN)
    assert sight.missing["backup.files"].reason is Reason.UNREACHABLE
    scope = Scope(level=Level.OBSERVE, addresses=("127.0.0.0/8",))
    began = time.monotonic()
    sight = see(well_kept, "inspector", key[0], scope=scope)
    assert sight.missing["backup.files"].reason is Reason.NOT_AUTHORISED
    assert time.monotonic() - began < 20
    assert not sight.contacts


def restored(sight: Sight) -> BackupRestore:
    facts = sight.facts["backup.restore"]
    assert isinstance(facts, BackupRestore)
    return facts


def nothing_left() -> bool:
    """Tell whether this process has no folder left; others may be restoring at the same time."""
    owners = Path(tempfile.gettempdir()).glob(f"{PREFIX}*/owner")
    return not [one for one in owners if one.read_text().startswith(f"{os.getpid()} ")]


def test_the_newest_backup_of_a_host_comes_back(
    well_kept: Server, key: tuple[Path, str], database: bytes
) -> None:
    sight = see(well_kept, "inspector", key[0], restore=True)
    agree("restore from a host", sight, {**GOOD, "backup.restorable": "conform"})
    seen = restored(sight)
    assert (seen.file, seen.tables) == ("his-0.db.gz", (RestoredTable(name="visit", rows=3000),))
    assert seen.sha256 == hashlib.sha256(gzip.compress(database, mtime=0)).hexdigest()
    assert nothing_left()


def test_a_damaged_backup_of_a_host_and_one_not_to_be_read(
    weak: Server, well_kept: Server, key: tuple[Path, str]
) -> None:
    sight = see(weak, "inspector", key[0], pattern="*.db.gz", restore=True)
    agree("restore from a host, damaged", sight, {**WEAK, "backup.restorable": "nonconform"})
    assert restored(sight).outcome == "damaged"
    blind = see(well_kept, "viewer", key[0], restore=True)
    agree("restore from a host, no rights", blind, {**UNSEEN, "backup.restorable": "undetermined"})
    assert blind.missing["backup.restore"].reason is Reason.NO_PERMISSION
    scope = Scope(level=Level.OBSERVE, addresses=("127.0.0.0/8",))
    forbidden = see(well_kept, "inspector", key[0], restore=True, scope=scope)
    assert forbidden.missing["backup.restore"].reason is Reason.NOT_AUTHORISED
    assert nothing_left()


def test_a_file_too_large_for_this_machine_is_not_fetched(weak: Server, key: tuple[Path, str]) -> None:
    sight = see(weak, "inspector", key[0], pattern="huge.sql", restore=True)
    assert restored(sight).outcome == "stopped"
    assert "超过可取回到测评机的上限" in sight.judge("backup.restorable").statement
    assert sight.judge("backup.restorable").status == "undetermined"
    assert nothing_left()


def test_a_copy_each_night_is_no_copy_in_real_time(well_kept: Server, key: tuple[Path, str]) -> None:
    sight = see(well_kept, "inspector", key[0], offsite=True)
    agree("off-site folder, nightly", sight, {**GOOD, "backup.offsite": "nonconform"})
    assert "位于 127.0.0.1；最新文件 his-0.db.gz" in sight.judge("backup.offsite").statement
    blind = see(well_kept, "viewer", key[0], offsite=True)
    agree("off-site folder, no rights", blind, {**UNSEEN, "backup.offsite": "undetermined"})
