"""Digests that rows carry, on real databases: recomputed, and challenged without leaving a trace."""

# ruff: noqa: S608 - the statements fill throw-away databases of these tests

from __future__ import annotations

import hashlib
import hmac
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs

from dengbao.errors import Reason
from dengbao.model import Account, DatabaseAsset, Level, RowIntegrity, Scope, SensitiveColumn
from dengbao.probes.database.row_facts import DatabaseRowChallenge, DatabaseRows, RowChallenge, RowDigests
from tests.servers.mariadb import MariaDB, mariadb
from tests.servers.postgres import Postgres, postgres

from .harness import Sight, look

PASSWORD = "Rows-2026!x"
KEY = "row-key-2026"
NAME = "王小明"
CHECKS = ("integrity.rows", "integrity.rows_altered")
PROBES = ("database.rows", "database.row_challenge")
RECIPE = RowIntegrity(
    table="patient", row="id", digest="mac", algorithm="hmac-sm3", over=("id", "name", "amount"),
    key="${ENV:DENGBAO_TEST_ROW_KEY}", alter=True, account="tester",
)  # fmt: skip
PLAIN = structs.replace(RECIPE, algorithm="sha256", key="")


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DENGBAO_TEST_DB", PASSWORD)
    monkeypatch.setenv("DENGBAO_TEST_ROW_KEY", KEY)


def mac(number: int, name: str = NAME, *, plain: bool = False) -> str:
    text = f"id={number}&name={name}&amount={number}.50".encode()
    return hashlib.sha256(text).hexdigest() if plain else hmac.new(KEY.encode(), text, "sm3").hexdigest()


def rows(*, plain: bool = False) -> str:
    """Return the values of three rows with digests that hold."""
    return ", ".join(f"({n}, '{NAME}', {n}.50, '{mac(n, plain=plain)}')" for n in (1, 2, 3))


def seen(sight: Sight) -> tuple[RowDigests, RowChallenge | None]:
    """Return what the two probes saw, after looking for what they must not tell."""
    told = b"".join(sight.raw.values()) + repr(sight.facts).encode() + repr(sight.missing).encode()
    for secret in (PASSWORD, KEY, NAME, mac(1)):
        assert secret.encode() not in told
    digests, challenge = sight.facts["database.rows"], sight.facts.get("database.row_challenge")
    assert isinstance(digests, DatabaseRows)
    if challenge is None:
        return digests.tables[0], None
    assert isinstance(challenge, DatabaseRowChallenge)
    return digests.tables[0], challenge.tables[0]


def server_asset(platform: str, address: str, recipe: RowIntegrity, database: str) -> DatabaseAsset:
    return DatabaseAsset(
        id="his-db", name="HIS 数据库", platform=platform, address=address, database=database, account="look",
        accounts=(
            Account(id="look", username="looker", secret="${ENV:DENGBAO_TEST_DB}"),
            Account(id="tester", username="tester", secret="${ENV:DENGBAO_TEST_DB}"),
        ),
        sensitive=(SensitiveColumn(table=recipe.table, column="name", holds="name"),),
        integrity=(recipe,),
    )  # fmt: skip


# What stands in each table, and what must come out: verdicts, state, whether a digest was written anew.
SITUATIONS = {
    "patient": (RECIPE, ("conform", "conform"), "altered", False),
    "unkeyed": (PLAIN, ("partial", "partial"), "altered", False),
    "resigned": (PLAIN, ("partial", "nonconform"), "altered", True),
    "guarded": (RECIPE, ("conform", "conform"), "refused", None),
    "tampered": (RECIPE, ("partial", "conform"), "altered", False),
    "unsigned": (RECIPE, ("nonconform", "undetermined"), "no_row", None),
    "constant": (RECIPE, ("nonconform", "undetermined"), "no_row", None),
    "alien": (RECIPE, ("undetermined", "undetermined"), "no_row", None),
    "empty": (RECIPE, ("undetermined", "undetermined"), "no_row", None),
    "bare": (RECIPE, ("nonconform", "undetermined"), "not_found", None),
    "absent": (RECIPE, ("undetermined", "undetermined"), "not_found", None),
}
COLUMNS = "(id int PRIMARY KEY, name varchar(40) NOT NULL, amount numeric(10,2) NOT NULL, mac varchar(80))"


def tables(schema: str, tail: str = "") -> list[str]:
    """Return the statements that fill the tables of all situations, in words all products know."""
    found = []
    for name in SITUATIONS:
        if name not in ("bare", "absent"):
            found.append(f"CREATE TABLE {schema}{name} {COLUMNS}{tail}")
        if name not in ("bare", "absent", "empty"):
            found.append(f"INSERT INTO {schema}{name} VALUES {rows(plain=name in ('unkeyed', 'resigned'))}")
    return [
        *found,
        f"CREATE TABLE {schema}bare (id int PRIMARY KEY, name varchar(40), amount numeric(10,2))",
        f"UPDATE {schema}tampered SET amount = 99.50 WHERE id = 3",
        f"UPDATE {schema}unsigned SET mac = NULL",
        f"UPDATE {schema}constant SET mac = '{'0' * 64}'",
        f"UPDATE {schema}alien SET mac = 'f' || substr(mac, 2)" if not tail else
        f"UPDATE {schema}alien SET mac = CONCAT('zz', mac)",
    ]  # fmt: skip


def hold(sight: Sight, name: str) -> None:
    """Assert what must come out of one situation."""
    _recipe, verdicts, state, resigned = SITUATIONS[name]
    got = sight.verdicts(CHECKS)
    assert tuple(got[one] for one in CHECKS) == verdicts, [sight.judge(one).statement for one in CHECKS]
    _digests, challenge = seen(sight)
    assert challenge is not None
    assert (challenge.state, challenge.resigned) == (state, resigned)
    assert challenge.restored is (True if state in ("altered", "refused") else None)
    assert len(sight.announced) == (1 if state in ("altered", "refused") else 0)


# --- PostgreSQL -------------------------------------------------------------------------------------------

PG_TRIGGERS = (
    (
        "CREATE FUNCTION his.sign() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.mac := encode(sha256("
        "convert_to('id=' || NEW.id || '&name=' || NEW.name || '&amount=' || NEW.amount, 'UTF8')), 'hex');"
        " RETURN NEW; END $$"
    ),
    "CREATE TRIGGER sign BEFORE UPDATE ON his.resigned FOR EACH ROW EXECUTE FUNCTION his.sign()",
    (
        "CREATE FUNCTION his.guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'no changes past the application: %', OLD.name; END $$"
    ),
    "CREATE TRIGGER guard BEFORE UPDATE ON his.guarded FOR EACH ROW EXECUTE FUNCTION his.guard()",
)


@pytest.fixture(scope="module")
def pg() -> Iterator[Postgres]:
    with postgres() as server:
        server.run(
            "CREATE SCHEMA his",
            *tables("his."),
            *PG_TRIGGERS,
            f"CREATE ROLE looker LOGIN PASSWORD '{PASSWORD}'",
            f"CREATE ROLE tester LOGIN PASSWORD '{PASSWORD}'",
            "GRANT USAGE ON SCHEMA his TO looker, tester",
            "GRANT SELECT ON ALL TABLES IN SCHEMA his TO looker, tester",
            "GRANT UPDATE ON ALL TABLES IN SCHEMA his TO tester",
        )
        yield server


def pg_look(server: Postgres, recipe: RowIntegrity, scope: Scope | None = None) -> Sight:
    given = server_asset("postgresql", server.address, structs.replace(recipe, schema="his"), "postgres")
    return look(given, only=PROBES, scope=scope)


@pytest.mark.parametrize("name", SITUATIONS)
def test_postgres(pg: Postgres, name: str) -> None:
    hold(pg_look(pg, structs.replace(SITUATIONS[name][0], table=name)), name)


def test_an_account_that_may_only_read_challenges_nothing(pg: Postgres) -> None:
    sight = pg_look(pg, structs.replace(RECIPE, account="look"))
    assert seen(sight)[1] is not None
    assert sight.verdicts(CHECKS) == {"integrity.rows": "conform", "integrity.rows_altered": "undetermined"}
    assert "账户无权修改" in sight.judge("integrity.rows_altered").statement


def test_below_its_level_no_row_is_altered(pg: Postgres) -> None:
    scope = Scope(level=Level.LOGIN, addresses=("127.0.0.0/8",))
    sight = pg_look(pg, RECIPE, scope=scope)
    assert sight.missing["database.row_challenge"].reason is Reason.NOT_AUTHORISED
    assert not sight.announced
    assert sight.verdicts(CHECKS)["integrity.rows"] == "conform"


def test_a_table_that_must_cover_more_is_partial(pg: Postgres) -> None:
    sight = pg_look(pg, structs.replace(RECIPE, important=("amount", "insurance_no")))
    assert sight.verdicts(CHECKS)["integrity.rows"] == "partial"
    assert seen(sight)[0].uncovered == ("insurance_no",)


def test_a_key_that_is_not_there_decides_nothing(pg: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DENGBAO_TEST_ROW_KEY")
    sight = pg_look(pg, RECIPE)
    assert set(sight.verdicts(CHECKS).values()) == {"undetermined"}
    assert seen(sight)[0].state == "no_key"


# --- MariaDB ----------------------------------------------------------------------------------------------

MY_TRIGGERS = (
    (
        "CREATE TRIGGER his.sign BEFORE UPDATE ON his.resigned FOR EACH ROW SET NEW.mac ="
        " SHA2(CONCAT('id=', NEW.id, '&name=', NEW.name, '&amount=', NEW.amount), 256)"
    ),
    (
        "CREATE TRIGGER his.guard BEFORE UPDATE ON his.guarded FOR EACH ROW"
        f" SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no changes to {NAME}'"
    ),
)


@pytest.fixture(scope="module")
def my() -> Iterator[MariaDB]:
    with mariadb("--character-set-server=utf8mb4") as server:
        server.run(
            "CREATE DATABASE his", "CREATE DATABASE old", *tables("his.", " ENGINE=InnoDB"), *MY_TRIGGERS,
            f"CREATE TABLE old.patient {COLUMNS} ENGINE=MyISAM", f"INSERT INTO old.patient VALUES {rows()}",
            f"CREATE USER looker@'%' IDENTIFIED BY '{PASSWORD}'",
            f"CREATE USER tester@'%' IDENTIFIED BY '{PASSWORD}'",
            "GRANT SELECT ON his.* TO looker@'%'", "GRANT SELECT ON old.* TO looker@'%'",
            "GRANT SELECT, UPDATE, TRIGGER ON his.* TO tester@'%'",
        )  # fmt: skip
        yield server


@pytest.mark.parametrize("name", SITUATIONS)
def test_mariadb(my: MariaDB, name: str) -> None:
    recipe = structs.replace(SITUATIONS[name][0], table=name)
    hold(look(server_asset("mariadb", my.address, recipe, "his"), only=PROBES), name)


def test_tables_that_do_not_roll_back_are_left_alone(my: MariaDB) -> None:
    my.run("GRANT SELECT, UPDATE, TRIGGER ON old.* TO tester@'%'")
    try:
        sight = look(server_asset("mariadb", my.address, RECIPE, "old"), only=PROBES)
        assert sight.verdicts(CHECKS) == {
            "integrity.rows": "conform",
            "integrity.rows_altered": "undetermined",
        }
        challenge = seen(sight)[1]
        assert challenge is not None
        assert challenge.state == "not_transactional"
        # A trigger might write into that table, which would stay.
        resigned = structs.replace(PLAIN, table="resigned")
        sight = look(server_asset("mariadb", my.address, resigned, "his"), only=PROBES)
        assert sight.verdicts(CHECKS)["integrity.rows_altered"] == "undetermined"
        assert not sight.announced
    finally:
        my.run("REVOKE SELECT, UPDATE, TRIGGER ON old.* FROM tester@'%'")


# --- SQLite -----------------------------------------------------------------------------------------------

LITE_TRIGGERS = (
    "CREATE TRIGGER guard BEFORE UPDATE ON guarded BEGIN SELECT RAISE(ABORT, 'no changes'); END",
    (
        "CREATE TRIGGER sign AFTER UPDATE OF name ON resigned BEGIN UPDATE resigned SET mac ="
        f" '{mac(1, NAME[:-1] + '1', plain=True)}' WHERE id = NEW.id; END"
    ),
)


@pytest.fixture
def lite(tmp_path: Path) -> Path:
    path = tmp_path / "his.db"
    with closing(sqlite3.connect(path)) as file:
        for one in (*tables(""), *LITE_TRIGGERS):
            # SQLite keeps 1.50 as the number 1.5, but not in a column for text.
            as_text = re.sub(r"(\d+\.50)", r"'\1'", one.replace("amount numeric(10,2)", "amount text"))
            file.execute(as_text)
        file.commit()
    return path


def lite_asset(path: Path, recipe: RowIntegrity) -> DatabaseAsset:
    return DatabaseAsset(
        id="his-db", name="HIS 数据库", platform="sqlite", path=str(path),
        integrity=(structs.replace(recipe, account=""),),
    )  # fmt: skip


@pytest.mark.parametrize("name", SITUATIONS)
def test_sqlite(lite: Path, name: str) -> None:
    before = lite.read_bytes()
    recipe = structs.replace(SITUATIONS[name][0], table=name)
    hold(look(lite_asset(lite, recipe), only=PROBES, folder=lite.parent), name)
    assert lite.read_bytes() == before
    assert [one.name for one in lite.parent.iterdir()] == ["his.db"]


_CUT_OFF = """
import os, signal, sys
from pathlib import Path
import sqlalchemy
from dengbao.model import DatabaseAsset
from dengbao.probes.database import row_altering
from tests.live.test_rows import RECIPE, lite_asset, PROBES
from tests.live.harness import look

row_altering._undo = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
path = Path(sys.argv[1])
look(lite_asset(path, RECIPE), only=PROBES, folder=path.parent)
"""


def test_a_killed_challenge_leaves_the_file_as_it_was(lite: Path) -> None:
    before = lite.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", _CUT_OFF, str(lite)], check=False, env=dict(os.environ),
        cwd=Path(__file__).parents[2], timeout=60,
    )  # fmt: skip
    assert done.returncode == -9
    assert lite.read_bytes() == before
    assert [one.name for one in lite.parent.iterdir()] == ["his.db"]
