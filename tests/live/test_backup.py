"""Real folders with real backups: every verdict was written down before the first run."""

from __future__ import annotations

import gzip
import importlib
import json
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from dengbao.demo import backups as demo_backups
from dengbao.demo.measures import AFTER, BEFORE
from dengbao.errors import Reason
from dengbao.facts import as_stored
from dengbao.model import BackupAsset, BackupPolicy, Level, Scope
from dengbao.probes.backup.databases import look_at_sqlite
from dengbao.probes.backup.facts import BackupFiles, BackupIntegrity, BackupReading
from dengbao.probes.backup.streams import Budget, Limits, Undecided

from ..servers.backups import (
    BROKEN,
    LAYERS,
    MAKERS,
    UNREAD,
    cut,
    damaged,
    encrypted_zip,
    put,
)
from .harness import Sight, agree, look

CHECKS = ("backup.performed", "backup.policy", "backup.matches_policy", "backup.readable")
OUTSIDE = Scope(level=Level.OBSERVE)


def verdicts(performed: str, policy: str, matches: str, readable: str) -> dict[str, str]:
    return dict(zip(CHECKS, (performed, policy, matches, readable), strict=True))


ALL_GOOD = verdicts("conform", "conform", "conform", "conform")
NOTHING_SEEN = verdicts(*["undetermined"] * 4)
# Of two copies asked for one is damaged; the other is 26 hours old, which the tolerance allows.
NEWEST_BROKEN = verdicts("conform", "conform", "nonconform", "nonconform")
# Both are there in time; only whether they can be read is open.
NOT_TO_BE_READ = verdicts("conform", "conform", "conform", "undetermined")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a SQLite database of some hundred pages."""
    path = tmp_path_factory.mktemp("source") / "his.db"
    with closing(sqlite3.connect(path)) as base:
        base.execute("CREATE TABLE visit (id INTEGER PRIMARY KEY, number TEXT, note TEXT)")
        base.execute("CREATE INDEX visit_number ON visit (number)")
        base.executemany(
            "INSERT INTO visit (number, note) VALUES (?, ?)",
            [(f"V{one:06}", os.urandom(40).hex()) for one in range(4000)],
        )
        base.commit()
    return path.read_bytes()


def see(
    folder: Path, pattern: str = "*", *, keep: int = 2, archive: str = "auto", scope: Scope | None = None
) -> Sight:
    asset = BackupAsset(
        id="backup", name="本地备份", path=str(folder), pattern=pattern, archive=archive,
        policy=BackupPolicy(every_h=24, keep=keep),
    )  # fmt: skip
    return look(asset, scope=scope)


def readings(sight: Sight) -> tuple[BackupReading, ...]:
    facts = sight.facts["backup.integrity"]
    assert isinstance(facts, BackupIntegrity)
    return facts.readings


def listed(sight: Sight) -> BackupFiles:
    facts = sight.facts["backup.files"]
    assert isinstance(facts, BackupFiles)
    return facts


@pytest.mark.parametrize("name", MAKERS)
def test_good_copies_of_each_format_conform(name: str, tmp_path: Path, database: bytes) -> None:
    data = MAKERS[name](database)
    put(tmp_path, f"new-{name}", data, 2)
    put(tmp_path, f"old-{name}", data, 26)
    sight = see(tmp_path)
    agree(f"good {name}", sight, ALL_GOOD)
    assert [one.layers for one in readings(sight)] == [LAYERS[name]] * 2
    assert sight.judge("backup.readable").coverage.value == "partial"
    assert "距检测 2.0 小时" in sight.judge("backup.performed").statement


@pytest.mark.parametrize("spoil", [damaged, cut])
@pytest.mark.parametrize(
    "name", ["his.db.gz", "his.db.bz2", "his.db.xz", "his.db.zst", "his.db.zip", "his.tar.gz", "his.db"]
)
def test_a_newest_copy_that_is_damaged_does_not_conform(
    name: str, spoil: Callable[[bytes], bytes], tmp_path: Path, database: bytes
) -> None:
    data = MAKERS[name](database)
    put(tmp_path, f"new-{name}", spoil(data), 2)
    put(tmp_path, f"old-{name}", data, 26)
    sight = see(tmp_path)
    agree(f"{spoil.__name__} {name}", sight, NEWEST_BROKEN)
    assert f"new-{name} 已损坏" in sight.judge("backup.performed").statement


@pytest.mark.parametrize("what", BROKEN)
def test_what_looks_like_a_backup_and_is_none(what: str, tmp_path: Path, database: bytes) -> None:
    put(tmp_path, "new.bak", BROKEN[what](database), 2)
    put(tmp_path, "old.bak", gzip.compress(database), 26)
    sight = see(tmp_path)
    agree(what, sight, NEWEST_BROKEN)
    assert [one.intact for one in readings(sight)] == [False, True]


@pytest.mark.parametrize("what", UNREAD)
def test_what_cannot_be_read_to_the_end_is_not_judged_readable(
    what: str, tmp_path: Path, database: bytes
) -> None:
    make, cause = UNREAD[what]
    data = make(database)
    put(tmp_path, "new.bak", data, 2)
    put(tmp_path, "old.bak", data, 26)
    began = time.monotonic()
    sight = see(tmp_path)
    agree(what, sight, NOT_TO_BE_READ)
    assert {one.cause for one in readings(sight)} == {cause}
    assert time.monotonic() - began < 20


def test_an_encrypted_zip_was_made_in_time_but_cannot_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    data = encrypted_zip(tmp_path)
    put(folder, "new.zip", data, 2)
    put(folder, "old.zip", data, 26)
    sight = see(folder)
    agree("encrypted zip", sight, NOT_TO_BE_READ)
    assert "已加密" in sight.judge("backup.readable").statement
    assert sight.judge("backup.performed").coverage.value == "partial"


def test_unknown_content_proves_nothing(tmp_path: Path) -> None:
    """Random bytes may be an encrypted backup or rubbish."""
    put(tmp_path, "new.db.gz", os.urandom(9000), 2)
    put(tmp_path, "old.db.gz", os.urandom(9000), 26)
    agree("unknown content", see(tmp_path), NOTHING_SEEN)
    agree(
        "declared as gzip and is none",
        see(tmp_path, archive="gz"),
        verdicts("nonconform", "nonconform", "nonconform", "nonconform"),
    )


def test_huge_sparse_files_are_bounded(tmp_path: Path, database: bytes) -> None:
    for name, head, hours in (("new.gz", gzip.compress(database), 2), ("old.db", database, 26)):
        path = put(tmp_path, name, head, hours)
        made = path.stat().st_mtime
        os.truncate(path, 2**40)
        os.utime(path, (made, made))
    began = time.monotonic()
    sight = see(tmp_path)
    agree("sparse", sight, NOT_TO_BE_READ)
    assert [one.cause for one in readings(sight)] == ["format", "limit"]
    assert time.monotonic() - began < 20


def test_the_demo_before_and_after(tmp_path: Path, database: bytes) -> None:
    source = tmp_path / "his.db"
    source.write_bytes(database)
    folder = tmp_path / "backups"
    demo_backups.write(source, folder, BEFORE)
    before = see(folder, "his-*.db.gz", keep=demo_backups.KEEP)
    agree("demo before", before, verdicts("nonconform", "partial", "nonconform", "nonconform"))
    assert "10.0 天" in before.judge("backup.performed").statement
    demo_backups.write(source, folder, AFTER)
    after = see(folder, "his-*.db.gz", keep=demo_backups.KEEP)
    agree("demo after", after, ALL_GOOD)
    assert after.judge("backup.performed").statement.startswith("经核查，备份目录共 8 个文件，最新 his-")
    assert len(readings(after)) == demo_backups.KEEP
    for facts in after.facts.values():
        assert msgspec.convert(as_stored(facts), type(facts)) == facts


def test_one_older_copy_damaged_is_met_in_part(tmp_path: Path, database: bytes) -> None:
    data = gzip.compress(database)
    put(tmp_path, "a.gz", data, 2)
    put(tmp_path, "b.gz", damaged(data), 26)
    put(tmp_path, "c.gz", data, 30)
    sight = see(tmp_path)
    agree("older damaged", sight, verdicts("conform", "conform", "conform", "partial"))


def test_an_empty_folder_and_a_wrong_name(tmp_path: Path) -> None:
    agree("empty folder", see(tmp_path), verdicts(*["nonconform"] * 4))
    put(tmp_path, "lis-2026.bak", b"x", 2)
    agree("wrong name", see(tmp_path, "his-*.gz"), NOTHING_SEEN)


def test_links_are_named_and_not_followed(tmp_path: Path, database: bytes) -> None:
    elsewhere = put(tmp_path, "elsewhere.db", database, 1)
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "latest.db").symlink_to(elsewhere)
    (folder / "dir.db").mkdir()
    sight = see(folder)
    agree("only links", sight, NOTHING_SEEN)
    assert {(one.name, one.why) for one in listed(sight).skipped} == {
        ("latest.db", "symlink"), ("dir.db", "folder"),
    }  # fmt: skip
    assert "latest.db" in sight.judge("backup.performed").statement


def test_a_time_in_the_future_decides_nothing_about_age(tmp_path: Path, database: bytes) -> None:
    put(tmp_path, "new.gz", gzip.compress(database), -48)
    put(tmp_path, "old.gz", gzip.compress(database), 2)
    agree("future", see(tmp_path), verdicts("undetermined", "undetermined", "undetermined", "conform"))


def test_names_in_old_encodings_and_sub_folders(tmp_path: Path, database: bytes) -> None:
    """File names in GBK, with a line feed, two folders deep; checksum files beside them do not count."""
    deep = tmp_path / "2026" / "06"
    deep.mkdir(parents=True)
    data = gzip.compress(database)
    named = os.fsencode(deep) + b"/" + "备份".encode("gbk") + b"\n1.gz"
    fresh = put(deep, "plain.gz", data, 2)
    os.link(fresh, named)
    put(deep, "plain.gz.sha256", b"0" * 64, 0.5)
    put(deep, "old.gz", data, 26)
    sight = see(tmp_path, "**/*.gz*")
    agree("deep", sight, ALL_GOOD)
    assert {one.name for one in listed(sight).files} == {
        "2026/06/备份\\x0a1.gz", "2026/06/plain.gz", "2026/06/old.gz", "2026/06/plain.gz.sha256",
    }  # fmt: skip
    assert len(readings(sight)) == 3


def states(folder: Path) -> dict[str, tuple[bytes, int, int, int]]:
    """Return content and times; SQLite may set the time of last access of a plain database."""
    found = {one: one.stat() for one in folder.iterdir()}
    return {
        one.name: (one.read_bytes(), now.st_mtime_ns, now.st_ctime_ns, now.st_mode)
        for one, now in found.items()
    }


def test_looking_changes_nothing(tmp_path: Path, database: bytes) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    put(folder, "new.db", database, 2)
    put(folder, "old.db.gz", gzip.compress(database), 26)
    before = states(folder)
    temporary = set(Path(tempfile.gettempdir()).glob("dengbao-backup-*"))
    agree("unchanged", see(folder), ALL_GOOD)
    assert states(folder) == before
    assert set(Path(tempfile.gettempdir()).glob("dengbao-backup-*")) <= temporary


def test_outside_the_engagement_needs_local_scope(tmp_path: Path, database: bytes) -> None:
    inside = tmp_path / "engagement"
    outside = tmp_path / "outside"
    for folder in (inside / "backups", outside):
        folder.mkdir(parents=True)
        put(folder, "new.db", database, 2)
        put(folder, "old.db", database, 26)
    (inside / "link").symlink_to(outside)
    expected = {"backups": ALL_GOOD, "link": NOTHING_SEEN, "../outside": NOTHING_SEEN}
    for path, verdict in expected.items():
        asset = BackupAsset(id="b", name="备份", path=path, policy=BackupPolicy(every_h=24, keep=2))
        sight = look(asset, scope=OUTSIDE, folder=inside)
        agree(f"inside {path}", sight, verdict)
        if verdict is NOTHING_SEEN:
            assert sight.missing["backup.files"].reason is Reason.OUT_OF_SCOPE
    local = Scope(level=Level.OBSERVE, local=True)
    agree("outside, this machine in scope", see(outside, scope=local), ALL_GOOD)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path / "missing", Reason.UNREACHABLE),
        (lambda path: put(path, "file", b"x", 1), Reason.NOT_DECLARED),
    ],
)
def test_no_folder_there(make: Callable[[Path], Path], reason: Reason, tmp_path: Path) -> None:
    sight = see(make(tmp_path))
    agree("no folder", sight, NOTHING_SEEN)
    assert {one.reason for one in sight.missing.values()} == {reason}
    assert all("处理：" in one.message for one in sight.missing.values())


@pytest.mark.parametrize(("pattern", "archive"), [("../*", "auto"), ("/etc/*", "auto"), ("*", "magic")])
def test_what_cannot_be_understood_is_not_guessed(pattern: str, archive: str, tmp_path: Path) -> None:
    sight = see(tmp_path, pattern, archive=archive)
    agree("not understood", sight, NOTHING_SEEN)
    assert {one.reason for one in sight.missing.values()} == {Reason.NOT_DECLARED}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Yield a folder that everybody may enter; pytest's own are private."""
    folder = Path(tempfile.mkdtemp(prefix="backup-test-"))
    folder.chmod(0o755)
    yield folder
    for one in (folder, *folder.rglob("*")):
        one.chmod(0o755)
    shutil.rmtree(folder)


def without_rights(folder: Path, pattern: str = "*") -> tuple[dict[str, str], set[str]]:
    """Look as a user who owns nothing; return verdicts and the reasons of undetermined checks.

    Root may read everything, so a child process gives its rights up before it looks.
    """
    if os.geteuid() != 0:
        return _summary(see(folder, pattern))
    importlib.import_module("dengbao.probes.backup.folder")  # the child may not be able to read it
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            found, reasons = _summary(see(folder, pattern))
            os.write(send, json.dumps([found, sorted(reasons)]).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        told = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    found, reasons = json.loads(told)
    return found, set(reasons)


def _summary(sight: Sight) -> tuple[dict[str, str], set[str]]:
    outcomes = [sight.judge(one) for one in CHECKS]
    return sight.verdicts(), {one.reason.value for one in outcomes if one.reason}


def test_a_folder_that_may_not_be_listed(open_folder: Path, database: bytes) -> None:
    folder = open_folder / "backups"
    folder.mkdir()
    put(folder, "new.db", database, 2)
    folder.chmod(0)
    assert without_rights(folder) == (NOTHING_SEEN, {"no_permission"})


def test_files_that_may_not_be_read(open_folder: Path, database: bytes) -> None:
    for name, hours in (("new.db", 2), ("old.db", 26)):
        put(open_folder, name, database, hours).chmod(0)
    found, reasons = without_rights(open_folder)
    assert found == NOTHING_SEEN
    assert "no_permission" in reasons


def test_a_newest_file_that_may_not_be_read(open_folder: Path, database: bytes) -> None:
    """The next one proves that backups are made; whether the newest can be restored stays open."""
    put(open_folder, "new.db", database, 2).chmod(0)
    put(open_folder, "old.db", database, 26)
    found, reasons = without_rights(open_folder)
    assert found == verdicts("conform", "conform", "undetermined", "undetermined")
    assert "no_permission" in reasons


def test_a_sub_folder_that_may_not_be_listed(open_folder: Path, database: bytes) -> None:
    """What is seen is too old, but there may be newer ones where we may not look."""
    put(open_folder, "old.db", database, 26 * 24)
    closed = open_folder / "2026"
    closed.mkdir()
    closed.chmod(0)
    found, _ = without_rights(open_folder, "**/*")
    assert found == NOTHING_SEEN


def test_a_database_that_is_swapped_for_another_is_not_judged(tmp_path: Path, database: bytes) -> None:
    """SQLite opens by name; between our look and its own somebody may put another file there."""
    asked, other = put(tmp_path, "asked.db", database, 1), put(tmp_path, "other.db", database, 1)
    budget = Budget(Limits(), time.monotonic() + 20)
    with asked.open("rb") as file:
        assert look_at_sqlite(asked, budget, same_as=file.fileno()).intact
        asked.unlink()
        asked.symlink_to(other)
        with pytest.raises(Undecided, match="被换成了另一个"):
            look_at_sqlite(asked, budget, same_as=file.fileno())
