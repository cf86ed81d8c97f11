# ruff: noqa: E501 - samples stand side by side
"""Dumps of every make come out the same by both engines, wherever windows are cut and whoever takes part."""

from __future__ import annotations

import io
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dengbao.scanning import FastEngine, Kind, PlainEngine, Report, Scanner, scan_paths
from dengbao.scanning.engines import Engine
from dengbao.scanning.heads import FastHeads, PlainHeads
from dengbao.scanning.windows import Decoder, Window, windows

ID = "11010519491231002X"
KEY = b"k" * 32
PLAIN, FAST = PlainEngine(), FastEngine()
HEADS = st.sampled_from(
    ["INSERT INTO", "insert into", "Insert Into", "INSERT IGNORE INTO", "replace into", "insert中 into"]
)
TABLES = st.sampled_from(["t_patient", "`t``x`", '"HIS"."USERS"', "[dbo].[brxx]", "病人"])
COLUMNS = st.sampled_from(
    ["", " (id,xm,sfzh,dh,memo)", "(`id`,`pwd`,`sfzh`,`dh`,`bz`)", "(a,b,c,d,e)", " (\nid,\nxm\n)"]
)
FIELDS = st.sampled_from(
    [
        "1", "NULL", f"'{ID}'", f"N'{ID}'", "'13800138000'", "13800138000", "'130503670401001'", "'张伟'", "'it''s'",
        r"'a\'b),(c'", r"'a\\'", "'(x)'", "'a;\nb'", "to_date('2026-01-01','YYYY')", "'Abc12345'", f"'{'长' * 300}'",
        f"'证件{ID}，电话138-0013-8000'", "'INSERT INTO t VALUES'", "'6123451234567893'", "'a@b.example.cn'", "X'00'",
    ]
)  # fmt: skip
BETWEEN = st.sampled_from([",", ",\n", "\n,", " , "])


@st.composite
def inserts(draw: st.DrawFn) -> str:
    rows = draw(st.lists(st.lists(FIELDS, min_size=1, max_size=6).map(",".join), min_size=1, max_size=5))
    end = draw(st.sampled_from([";\n", ";", "\n"]))
    body = draw(BETWEEN).join(f"({one})" for one in rows)
    return f"{draw(HEADS)} {draw(TABLES)}{draw(COLUMNS)} VALUES\n{body}{end}"


@st.composite
def copies(draw: st.DrawFn) -> str:
    lines = draw(st.lists(st.lists(FIELDS.map(lambda one: one.replace("\n", "\\n")), max_size=6), max_size=5))
    body = "".join("\t".join(one).replace("'", "") + "\n" for one in lines)
    head = draw(st.sampled_from(["\nCOPY", "\ncopy", "copy"]))
    return f"{head} public.patients (id, xm, sfzh, dh, memo) FROM stdin;\n{body}\\.\n"


CREATES = st.sampled_from(
    [
        "CREATE TABLE `t_patient` (\n  `id` int,\n  `xm` varchar(20),\n  `sfzh` char(18)\n);\n",
        "create table x (id int);",
    ]
)
LOGS = st.sampled_from(
    [f"2026-11-22 INFO 证件{ID}，已受理\n", "-- a comment\n", "\n", "x" * 600, "姓名：张伟\n"]
)
DUMPS = st.lists(st.one_of(inserts(), copies(), CREATES, LOGS), max_size=8).map("".join)


def report(data: bytes, engine: Engine, window: int) -> Report:
    scanner = Scanner(engine=engine, window=window, key=KEY)
    scanner.stream(io.BytesIO(data), "his.sql")
    return scanner.report()


@settings(max_examples=150, deadline=None)
@given(DUMPS, st.integers(1, 900))
def test_both_engines_report_the_same_of_a_dump(text: str, window: int) -> None:
    data = text.encode()
    plain, fast = report(data, PLAIN, window), report(data, FAST, window)
    assert (plain.findings, plain.totals) == (fast.findings, fast.totals)
    whole = report(data, FAST, 1 << 22)
    assert {one.kind: one.count for one in whole.totals if one.kind is Kind.ID_CARD} == {
        one.kind: one.count for one in plain.totals if one.kind is Kind.ID_CARD
    }


@settings(max_examples=100, deadline=None)
@given(DUMPS, st.integers(1, 900))
def test_both_find_the_same_statements(text: str, size: int) -> None:
    plain, fast = PlainHeads(), FastHeads()
    for window in windows(io.BytesIO(text.encode()), Decoder(), size):
        assert plain.places(window) == fast.places(window)
        assert plain.has_old(window) == fast.has_old(window)


def test_a_statement_is_found_in_any_case_and_behind_the_end_of_a_line() -> None:
    data = b"Insert Into a values (1);\nCoPy b from stdin;\n\\.\nCREATE TABLE c (\ninsert into d values (2);"
    window = Window(data, 0, len(data), 0, 1, last=True)
    expected = [data.index(one) for one in (b"Insert", b"CoPy", b"CREATE", b"insert into d")]
    assert PlainHeads().places(window) == expected
    later = Window(data, 26, len(data), 0, 2, last=True)
    assert PlainHeads().places(later) == FastHeads().places(later) == expected[1:]


def test_several_processes_report_the_same_of_a_dump(tmp_path: Path) -> None:
    rows = ",\n".join(f"({number},'张伟','{ID}','13800138000','(x)\\'')" for number in range(400))
    text = f"CREATE TABLE t_patient (\nid int,\nxm text,\nsfzh text,\ndh text,\nbz text\n);\nINSERT INTO t_patient VALUES\n{rows};\n"
    (tmp_path / "his.sql").write_text(text, encoding="utf-8")
    alone = scan_paths([tmp_path], key=KEY, window=4000, engine=PLAIN)
    assert {(one.kind, one.column, one.count) for one in alone.findings} == {
        (Kind.ID_CARD, "sfzh", 400), (Kind.PHONE, "dh", 400), (Kind.NAME, "xm", 400),
    }  # fmt: skip
    for engine in (PLAIN, FAST):
        shared = scan_paths([tmp_path], key=KEY, window=4000, workers=2, engine=engine)
        assert (shared.findings, shared.totals) == (alone.findings, alone.totals)
