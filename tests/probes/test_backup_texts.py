"""Schedules, mounts and dumps as they are written in practice, and as they might be written to mislead."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dengbao.probes.backup.calendar import longest_gap_h
from dengbao.probes.backup.formats import source_of
from dengbao.probes.backup.listing import fits
from dengbao.probes.backup.place import place_of
from dengbao.probes.backup.sqltext import (
    MARIADB,
    POSTGRES,
    SQLITE,
    ClientCommand,
    Dialect,
    Script,
    is_copy,
    verb,
)
from dengbao.probes.backup.streams import Stream


@pytest.mark.parametrize(
    ("schedules", "hours"),
    [
        (["0 2 * * *"], 24), (["*/15 * * * *"], 0.25), (["0 2 * * 1-5"], 72), (["0 3 1 * *"], 744),
        (["0 2 * * sun,WED"], 96), (["@daily"], 24), (["0 0 1,15 * 5"], 168), (["0 0 30 2 *"], None),
        (["0 2 * * 1-5", "0 3 * * 6,7"], 25), (["@reboot"], None), (["61 * * * *"], None),
        (["0 2 * *"], None),
        (["OnCalendar=daily"], 24), (["OnCalendar=Mon..Fri 02:00"], 72),
        (["OnCalendar=*-*-* 00/6:00:00"], 6),
        (["OnCalendar=Monday 03:00"], 168), (["OnCalendar=2026-01-01"], None),
        (["OnUnitActiveSec=1d 12h"], 36),
        (["anacron 1"], 24), (["anacron 7"], 168), (["anacron @monthly"], 744), (["anacron 0"], None),
        (["anacron x"], None),
        (["OnCalendar=*-*-* 2:00 Asia/Shanghai"], None), (["0 2 * * *", "@reboot"], None), ([], None),
    ],
)  # fmt: skip
def test_the_longest_time_that_a_schedule_leaves(schedules: list[str], hours: float | None) -> None:
    assert longest_gap_h(schedules) == hours


def statements(text: str, dialect: Dialect) -> list[str]:
    file = io.BytesIO(text.encode())
    script = Script(Stream(file.read, lambda _count: None), dialect)
    found: list[str] = []
    for one in script:
        if isinstance(one, ClientCommand):
            found.append(f"!{one.name}")
            continue
        found.append(one.decode())
        if is_copy(one):
            found.extend(row.decode() for row in script.copy_rows())
    return found


@pytest.mark.parametrize(
    ("dialect", "text", "expected"),
    [
        (POSTGRES, "SET x = 'a;b'; SELECT 1;", ["SET x = 'a;b'", "SELECT 1"]),
        (POSTGRES, r"SELECT E'it\';', ''''; SELECT 2;", [r"SELECT E'it\';', ''''", "SELECT 2"]),
        (POSTGRES, "DO $a$ x; $b$ y; $a$; SELECT $$;$$;", ["DO $a$ x; $b$ y; $a$", "SELECT $$;$$"]),
        (POSTGRES, '/* ; */ CREATE TABLE "a;b" (x int); -- ; end', ['CREATE TABLE "a;b" (x int)']),
        (
            POSTGRES,
            "COPY t (a) FROM stdin;\n1;'\n\\.\nSELECT 1;\n",
            ["COPY t (a) FROM stdin", "1;'\n", "SELECT 1"],
        ),
        (POSTGRES, "-- x\n\\! rm -rf /\nSELECT 1;", ["!!", "SELECT 1"]),
        (
            POSTGRES,
            "\\connect his\nSELECT 'a\n\\! no command in a text';",
            ["!connect", "SELECT 'a\n\\! no command in a text'"],
        ),
        (POSTGRES, "SELECT 'never closed; SELECT 2;", ["SELECT 'never closed; SELECT 2;"]),
        (
            MARIADB,
            "INSERT INTO `t;` VALUES ('it\\';', \"a;\");\n# c;\nSELECT 1;",
            ["INSERT INTO `t;` VALUES ('it\\';', \"a;\")", "SELECT 1"],
        ),
        (
            MARIADB,
            "DELIMITER ;;\nCREATE TRIGGER x BEGIN a; END;;\nDELIMITER ;\nSELECT 1;",
            ["CREATE TRIGGER x BEGIN a; END", "SELECT 1"],
        ),
        (
            MARIADB,
            "/*!40101 SET NAMES utf8 */;\n-- c\nSELECT 1--2;",
            ["/*!40101 SET NAMES utf8 */", "SELECT 1--2"],
        ),
        (
            SQLITE,
            "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END;COMMIT;",
            ["CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END", "COMMIT"],
        ),
    ],
)
def test_text_is_split_where_statements_end(dialect: Dialect, text: str, expected: list[str]) -> None:
    assert statements(text, dialect) == expected


def test_what_sort_a_statement_is_never_holds_words_of_the_dump() -> None:
    assert verb(b"CREATE OR REPLACE FUNCTION zhangsan()") == "CREATE FUNCTION"
    assert verb(b"/*!50001 CREATE ALGORITHM=UNDEFINED VIEW zhangsan AS SELECT 1 */") == "CREATE VIEW"
    assert verb(b"ZHANGSAN 1380000") == "?"


@pytest.mark.parametrize(
    ("head", "source"),
    [
        (b"-- PostgreSQL database dump\n-- Dumped from database version 16.2 (Debian)\n", "postgresql 16.2"),
        (b"-- MySQL dump 10.13  Distrib 8.0.36, for Linux\n-- Server version\t8.0.36\n", "mysql 8.0.36"),
        (b"/*M!999999\\- enable the sandbox mode */\n-- MariaDB dump 10\n-- Server version\t10.11.6-Maria\n",
         "mariadb 10.11.6"),
        (b"CREATE TABLE t (x int);\n-- Server version 1\n", ""),
    ],
)  # fmt: skip
def test_where_a_dump_was_taken(head: bytes, source: str) -> None:
    assert source_of(head) == source


def test_names_fit_a_pattern_as_a_walk_would_find_them() -> None:
    assert fits("a.gz", ("*.gz",))
    assert not fits("x/a.gz", ("*.gz",))
    assert fits("2026/06/a.gz", ("**", "*.gz"))
    assert fits("a.gz", ("**", "*.gz"))
    assert not fits(".old/a.gz", ("**", "*.gz"))
    assert fits("2026/a.gz", ("20*", "*.gz"))


_MOUNTS = (
    "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 22 0:50 / /mnt/dr\\040one rw - nfs4 10.9.0.7:/export rw\n"
    "41 22 0:51 / /mnt/win rw - cifs //dr-files/share rw\n"
    "42 22 0:52 / /mnt/ssh rw - fuse.sshfs op@10.9.0.8:/b rw\n"
)


def test_the_machine_that_a_mount_leads_to() -> None:
    found = {
        one: place_of(_MOUNTS, Path(one)) for one in ("/srv/b", "/mnt/dr one/x", "/mnt/win", "/mnt/ssh/a")
    }
    assert [(one.machine, one.mounted) for one in found.values()] == [
        ("", False), ("10.9.0.7", True), ("dr-files", True), ("10.9.0.8", True),
    ]  # fmt: skip
    assert found["/srv/b"].filesystem == "ext4"
