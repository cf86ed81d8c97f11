# ruff: noqa: E501, S608 - dumps are text here, no statement is run
"""Files of every make: what is found, in which place, and what is said of what cannot be read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import zstandard

from dengbao.scanning import Kind, Limits, Report, Scanner, Stopped, scan_paths

from .documents import letter, pdf, sheet

ID = "11010519491231002X"
PHONE = "13800138000"
LINE = f"患者姓名：张伟，证件 {ID}，电话 {PHONE}\n"


def scan(name: str, data: bytes, limits: Limits | None = None, window: int = 1 << 21) -> Report:
    scanner = Scanner(limits=limits, window=window)
    scanner.file(io.BytesIO(data), name)
    return scanner.report()


def places(report: Report) -> set[tuple[Kind, str, str, str, int]]:
    return {(one.kind, one.member, one.table, one.column, one.count) for one in report.findings}


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]
)
@pytest.mark.parametrize("before", [1, 40_000])
def test_encodings(encoding: str, before: int) -> None:
    report = scan("a.log", ("ok\n" * before + LINE * 3).encode(encoding), window=50_000)
    assert places(report) == {
        (Kind.NAME, "", "", "", 3),
        (Kind.ID_CARD, "", "", "", 3),
        (Kind.PHONE, "", "", "", 3),
    }
    assert {one.samples[0].line for one in report.findings} == {before + 1}
    assert {one.samples[0].masked for one in report.findings} == {"张*", "11" + "*" * 15 + "X", "138******00"}
    assert {(one.kind, one.distinct) for one in report.totals} == {
        (Kind.NAME, 1),
        (Kind.ID_CARD, 1),
        (Kind.PHONE, 1),
    }
    assert report.complete


def test_digits_of_gb18030_are_no_digits_of_a_number() -> None:
    text = "䶮㐀" * 20  # four bytes each, of which two are digits
    assert any(0x30 <= one <= 0x39 for one in text.encode("gb18030"))
    report = scan("a.log", (text + LINE).encode("gb18030"))
    assert report.count(Kind.ID_CARD) == 1


MYSQL = f"""-- MySQL dump 10.13
CREATE TABLE `t_patient` (
  `id` int NOT NULL,
  `name` varchar(40) DEFAULT NULL COMMENT '姓名',
  `certno` char(18),
  `pwd` varchar(64),
  `memo` text,
  PRIMARY KEY (`id`)
);
INSERT INTO `t_patient` VALUES (1,'张伟','{ID}','abc123',''),(2,'李娜','110105491231002','$2b$12${"a" * 53}','it\\'s (a), ''x'' {PHONE}'),
(3,'O''Neil','x',NULL,'13900139000 to_char');
INSERT INTO t_log (id, at, msg) VALUES (1, to_date('2026-11-22','yyyy-mm-dd'), '{PHONE}');
"""


def test_mysql_dump() -> None:
    found = places(scan("his.sql", MYSQL.encode()))
    assert found == {
        (Kind.NAME, "", "t_patient", "name", 2),
        (Kind.ID_CARD, "", "t_patient", "certno", 1),
        (Kind.ID_CARD_15, "", "t_patient", "certno", 1),
        (Kind.PASSWORD, "", "t_patient", "pwd", 1),
        (Kind.PASSWORD_HASH, "", "t_patient", "pwd", 1),
        (Kind.PHONE, "", "t_patient", "memo", 2),
        (Kind.PHONE, "", "t_log", "msg", 1),
    }


POSTGRES = f"""--
-- PostgreSQL database dump
--
COPY public.patient (id, real_name, tel, card_no) FROM stdin;
1\t张伟\t{PHONE}\t6123451234567893
2\t\\N\t13900139000\t\\N
3\t王芳\t\\N\tx
\\.

COPY public.drug (id, name, memo) FROM stdin;
1\t张氏丸\t{ID}
\\.

INSERT INTO public.users VALUES (1, '{PHONE}');
"""


@pytest.mark.parametrize("window", [40, 300, 1 << 20])
def test_postgres_dump(window: int) -> None:
    assert places(scan("his.sql", POSTGRES.encode(), window=window)) == {
        (Kind.NAME, "", "public.patient", "real_name", 2),
        (Kind.PHONE, "", "public.patient", "tel", 2),
        (Kind.BANK_CARD, "", "public.patient", "card_no", 1),
        (Kind.ID_CARD, "", "public.drug", "memo", 1),
        (Kind.PHONE, "", "public.users", "", 1),
    }


def test_csv_with_titles() -> None:
    text = f'序号,姓名,身份证号,备注\r\n1,张伟,{ID},"a, b ""c"" {PHONE}"\r\n2,"李娜",110105491231002,高\r\n'
    assert places(scan("a.csv", text.encode("gbk"))) == {
        (Kind.NAME, "", "", "姓名", 2),
        (Kind.ID_CARD, "", "", "身份证号", 1),
        (Kind.ID_CARD_15, "", "", "身份证号", 1),
        (Kind.PHONE, "", "", "备注", 1),
    }


def test_csv_without_titles_names_nobody() -> None:
    report = scan("a.csv", f"张伟,{PHONE}\n李娜,13900139000\n".encode())
    assert places(report) == {(Kind.PHONE, "", "", "", 2)}
    report = scan("a.csv", f"id,张伟\n1,{PHONE}\n".encode())
    assert places(report) == {(Kind.PHONE, "", "", "第2列", 1)}


def test_json_lines() -> None:
    line = f'{{"psn_name":"张伟","certno":"{ID}","mobile":"{PHONE}","user":{{"password":"abc123"}}}}\n'
    assert places(scan("a.jsonl", (line * 4).encode())) == {
        (Kind.NAME, "", "", "psn_name", 4),
        (Kind.ID_CARD, "", "", "certno", 4),
        (Kind.PHONE, "", "", "mobile", 4),
        (Kind.PASSWORD, "", "", "password", 4),
    }


@pytest.mark.parametrize("shared", [True, False])
def test_sheet(shared: bool) -> None:
    data = sheet(
        [["姓名", "手机", "证件号"], ["张伟", 1.3800138e10, ID], ["李娜", 13900139000, "x\ty"]], shared=shared
    )
    report = scan("病人.xlsx", data)
    assert places(report) == {
        (Kind.NAME, "sheet1", "sheet1", "姓名", 2),
        (Kind.PHONE, "sheet1", "sheet1", "手机", 2),
        (Kind.ID_CARD, "sheet1", "sheet1", "证件号", 1),
    }
    cells = {one.kind: [sample.cell for sample in one.samples] for one in report.findings}
    assert cells == {Kind.NAME: ["A2", "A4"], Kind.PHONE: ["B2", "B4"], Kind.ID_CARD: ["C2"]}


def test_letter() -> None:
    report = scan("a.docx", letter([f"姓名：张伟 {ID[:6]}", PHONE], [["姓名：", "李娜"], ["身份证", ID]]))
    assert {(one.kind, one.member, one.count) for one in report.findings} == {
        (Kind.NAME, "document", 1 + 1),
        (Kind.PHONE, "document", 1),
        (Kind.ID_CARD, "document", 1),
    }


def test_pdf() -> None:
    report = scan("a.pdf", pdf(["hello", f"id {ID} tel {PHONE}"]))
    assert {(one.kind, one.member) for one in report.findings} == {
        (Kind.ID_CARD, "第2页"),
        (Kind.PHONE, "第2页"),
    }
    assert report.complete
    assert not scan("a.pdf", pdf([ID], password="s3cret-pass")).complete
    assert not scan("a.pdf", pdf([""])).complete  # no text: perhaps a picture of one
    assert not scan("a.pdf", pdf([ID])[:400]).complete


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("packer", PACKERS)
def test_packed_streams(packer: str) -> None:
    data = PACKERS[packer](MYSQL.encode())
    assert places(scan(f"his.sql.{packer}", data)) == places(scan("his.sql", MYSQL.encode()))
    cut = scan(f"his.sql.{packer}", data[:-20])
    assert not cut.complete


def test_archives_in_archives() -> None:
    inner = zipped(
        {"a/名单.csv": f"姓名,电话\n张伟,{PHONE}\n".encode(), "b.log.gz": gzip.compress(LINE.encode())}
    )
    outer = gzip.compress(
        tarred({"x.zip": inner, "y.xlsx": sheet([["xm"], ["李娜"]]), "z.txt": LINE.encode()})
    )
    report = scan("all.tar.gz", outer)
    assert report.complete
    assert {(one.kind, one.member) for one in report.findings} == {
        (Kind.NAME, "x.zip!a/名单.csv"),
        (Kind.PHONE, "x.zip!a/名单.csv"),
        (Kind.NAME, "x.zip!b.log.gz"),
        (Kind.ID_CARD, "x.zip!b.log.gz"),
        (Kind.PHONE, "x.zip!b.log.gz"),
        (Kind.NAME, "y.xlsx!sheet1"),
        (Kind.NAME, "z.txt"),
        (Kind.ID_CARD, "z.txt"),
        (Kind.PHONE, "z.txt"),
    }


def test_folder_is_walked_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.log").write_text(LINE, encoding="utf-8")
    (tmp_path / f"{ID}.log").write_text(LINE, encoding="utf-8")
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    report = scan_paths([tmp_path])
    assert report.files == 2
    assert {(one.file, one.reason) for one in report.unread} == {
        ("link", "不是普通文件"),
        ("pipe", "不是普通文件"),
    }
    assert ID not in repr(report)
    missing = scan_paths([tmp_path / "none"])
    assert not missing.complete


def test_no_value_stays_in_the_report() -> None:
    report = scan("his.sql", MYSQL.encode())
    for value in (ID, PHONE, "张伟", "abc123", "a" * 53):
        assert value not in repr(report)


def test_shares_find_what_one_process_finds(tmp_path: Path) -> None:
    (tmp_path / "his.sql").write_text(MYSQL + POSTGRES, encoding="utf-8")
    (tmp_path / "a.zip").write_bytes(zipped({"b.log": (LINE * 400).encode(), "c.rar": b"Rar!"}))
    (tmp_path / "list.csv").write_text(
        "xm,tel\n" + f"张伟,{PHONE}\n李娜,13900139000\n" * 300, encoding="utf-8"
    )
    key = b"k" * 32
    alone = scan_paths([tmp_path], key=key, window=700)
    assert scan_paths([tmp_path], key=key, window=700, workers=3) == alone
    assert len(alone.findings) > 15
    assert len(alone.unread) == 1


def test_a_scan_that_is_stopped_ends_its_processes(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(LINE * 2000, encoding="utf-8")
    before = set(psutil.Process().children())  # servers of other tests may still stand

    def started() -> set[psutil.Process]:
        return set(psutil.Process().children()) - before

    def stop(_file: str, _walked: int) -> None:
        assert len(started()) == 1
        raise Stopped

    with pytest.raises(Stopped):
        scan_paths([tmp_path], window=4000, workers=2, progress=stop)
    assert started() == set()


def test_regions_that_were_not_given_are_counted() -> None:
    scanner = Scanner(regions=("110105",))
    scanner.file(io.BytesIO(f"{ID} 119999199912196874 {ID}".encode()), "a.log")
    assert (scanner.report().outside, scanner.report().count(Kind.ID_CARD)) == (1, 3)


def test_what_looks_like_no_text_is_named() -> None:
    odd = scan("a.bak", bytes(range(256)) * 40 + LINE.encode())
    assert [one.reason for one in odd.unread] == ["不认识的二进制格式，只查找了其中的文本"]
    assert odd.count(Kind.ID_CARD) == 1
    assert scan("a.log", (LINE * 200).encode("gbk")[:-1]).complete
