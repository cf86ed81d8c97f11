"""SQLite files, and what holds for every database: one attempt, no leak, no endless wait."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from dengbao.errors import Reason
from dengbao.model import BackupAsset, DatabaseAsset, Level, Scope, SensitiveColumn
from dengbao.probes.logins import Logins
from tests.servers import hostile
from tests.servers.mariadb import MariaDB
from tests.servers.postgres import Postgres, postgres

from .databases import HIDDEN, ID, PASSWORD, asset, expect, nothing_leaks
from .harness import Sight, agree, look


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DENGBAO_TEST_DB", PASSWORD)


# --- SQLite -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "verdict"), [(ID, "nonconform"), (HIDDEN, "conform")])
def test_sqlite(tmp_path: Path, value: str, verdict: str) -> None:
    path = tmp_path / "his.db"
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE patient (id integer PRIMARY KEY, id_no text)")
        file.executemany("INSERT INTO patient (id_no) VALUES (?)", [(value,)] * 3)
        file.commit()
    before = path.read_bytes()
    given = DatabaseAsset(
        id="his-db", name="HIS 数据库", platform="sqlite", path=str(path),
        sensitive=(SensitiveColumn(table="patient", column="id_no", holds="id_card"),),
    )  # fmt: skip
    sight = look(given, scope=Scope(level=Level.LOGIN), folder=tmp_path)
    expected = expect(
        "undetermined", confidentiality_sensitive_columns=verdict, integrity_storage="nonconform"
    )
    agree("sqlite", sight, expected)
    assert {lack.reason for lack in sight.missing.values()} == {Reason.NOT_SUPPORTED}
    assert [one.name for one in tmp_path.iterdir()] == ["his.db"]
    assert path.read_bytes() == before
    nothing_leaks(sight)


def test_sqlite_outside_the_scope_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "his.db"
    sqlite3.connect(path).close()
    inside = tmp_path / "engagement"
    inside.mkdir()
    (inside / "his.db").symlink_to(path)
    for given in (path, inside / "his.db"):
        one = DatabaseAsset(id="d", name="库", platform="sqlite", path=str(given))
        sight = look(one, scope=Scope(level=Level.LOGIN), folder=inside)
        assert {lack.reason for lack in sight.missing.values()} == {Reason.OUT_OF_SCOPE}


# --- one attempt, no leak, no endless wait ----------------------------------------------------------------


def test_a_wrong_password_is_sent_once(
    pg_hardened: Postgres, my_hardened: MariaDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DENGBAO_TEST_DB", "not-the-password")
    before = _refusals(pg_hardened)
    sight = look(asset("postgresql", pg_hardened.address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.LOGIN_REFUSED}
    deadline = time.monotonic() + 10
    while _refusals(pg_hardened) == before and time.monotonic() < deadline:
        time.sleep(0.02)  # the server's log goes through another process
    assert _refusals(pg_hardened) == before + 1
    sight = look(asset("mariadb", my_hardened.address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.LOGIN_REFUSED}
    assert "不要连续重试" in sight.missing["database.server"].message
    assert _refusals(pg_hardened) == before + 1


def test_a_wrong_password_is_sent_once_though_several_probes_need_it(
    pg_hardened: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DENGBAO_TEST_DB", "not-the-password")
    before = _refusals(pg_hardened)
    base = asset("postgresql", pg_hardened.address, "looker")
    kept = BackupAsset(id="bak", name="备份", path="dumps", database=base.id, restore=True)
    logins = Logins()
    look(base, logins=logins)
    sight = look(kept, only=("backup.live",), others=(base,), logins=logins)
    assert "本次运行不再以该账户尝试" in sight.missing["backup.live"].message
    deadline = time.monotonic() + 10
    while _refusals(pg_hardened) == before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert _refusals(pg_hardened) == before + 1


def _refusals(server: Postgres) -> int:
    logs = (server.socket_dir / "data" / "log").glob("*")
    return sum(one.read_text(errors="replace").count("password authentication failed") for one in logs)


def test_a_password_is_never_sent_in_clear() -> None:
    with postgres(hba=("host all all 127.0.0.1/32 password",)) as server:
        server.run(f"CREATE ROLE looker LOGIN PASSWORD '{PASSWORD}'")
        sight = look(asset("postgresql", server.address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.PROTOCOL}
    assert "明文发送口令" in sight.missing["database.server"].message


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog"])
def test_a_server_that_wants_the_password_in_clear_gets_nothing(plugin: bytes) -> None:
    heard: list[bytes] = []
    with hostile.hostile(hostile.asks_for_clear_password(plugin, heard)) as address:
        sight = look(asset("mysql", address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.PROTOCOL}
    assert "明文发送口令" in sight.missing["database.server"].message
    assert b"looker" in heard[0]
    assert PASSWORD.encode() not in b"".join(heard)


def test_a_certificate_of_another_authority_ends_the_session(
    pg_hardened: Postgres, my_hardened: MariaDB
) -> None:
    for platform, address, other in (
        ("postgresql", pg_hardened.address, my_hardened.ca_file),
        ("mariadb", my_hardened.address, pg_hardened.ca_file),
    ):
        sight = look(asset(platform, address, "looker", ca_file=str(other)))
        assert {lack.reason for lack in sight.missing.values()} == {Reason.PROTOCOL}
        assert "证书" in sight.missing["database.server"].message


@pytest.mark.parametrize("platform", ["postgresql", "mariadb"])
@pytest.mark.parametrize("serve", [hostile.closing, hostile.http, hostile.noise])
def test_what_is_no_database_is_told_so(platform: str, serve: hostile.Serve) -> None:
    with hostile.hostile(serve) as address:
        sight = look(asset(platform, address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.PROTOCOL}


@pytest.mark.parametrize(
    ("platform", "serve"),
    [("postgresql", hostile.postgres_then_noise), ("mariadb", hostile.mysql_then_noise)],
)
def test_an_endless_answer_is_cut_off(platform: str, serve: hostile.Serve) -> None:
    begun = time.monotonic()
    with hostile.hostile(serve) as address:
        sight = look(asset(platform, address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.PROTOCOL}
    assert "MB" in sight.missing["database.server"].message
    assert time.monotonic() - begun < 30


def test_a_silent_server_is_left() -> None:
    def seen(platform: str) -> Sight:
        with hostile.hostile(hostile.silent) as address:
            return look(asset(platform, address, "looker"))

    begun = time.monotonic()
    with ThreadPoolExecutor() as pool:
        sights = list(pool.map(seen, ("postgresql", "mariadb")))
    assert time.monotonic() - begun < 30
    for sight in sights:
        assert {lack.reason for lack in sight.missing.values()} == {Reason.TIMED_OUT}


def test_outside_the_scope_nothing_is_sent() -> None:
    touched: list[str] = []

    def serve(_conn: object) -> None:
        touched.append("contact")

    with hostile.hostile(serve) as address:
        for platform in ("postgresql", "mysql"):
            sight = look(
                asset(platform, address, "looker"), scope=Scope(level=Level.LOGIN, addresses=("127.0.0.1:1",))
            )
            assert {lack.reason for lack in sight.missing.values()} == {Reason.OUT_OF_SCOPE}
    assert not touched


@pytest.mark.parametrize("platform", ["", "oracle", "dm"])
def test_an_unknown_platform_is_not_supported(platform: str) -> None:
    sight = look(asset(platform, "127.0.0.1:1", "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.NOT_SUPPORTED}
    agree("unknown_platform", sight, expect("undetermined"))
