"""What the scan passes over is named as unread: a place of which a part was not seen is never clean."""

from __future__ import annotations

import base64
import io
import lzma
import zipfile
from pathlib import Path

import pytest

from dengbao.scanning import Kind, PlainEngine, Report, scan_paths

from .test_files import LINE, scan, tarred

CARD = "11010519491231002X"


def book(**parts: str | bytes) -> bytes:
    """Return a workbook of one cell and these further parts."""
    out = io.BytesIO()
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        cell = '<c r="A1" t="inlineStr"><is><t>hi</t></is></c>'
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet xmlns="{main}"><sheetData><row r="1">{cell}</row></sheetData></worksheet>',
        )
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def test_a_linked_folder_is_not_silently_left_out(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "app.log").write_text(LINE, "utf-8")
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "a.txt").write_text("nothing\n", "utf-8")
    (tmp_path / "near" / "uploads").symlink_to(tmp_path / "far")
    report = scan_paths((tmp_path / "near",), engine=PlainEngine())
    assert [(one.file, one.reason) for one in report.unread] == [("uploads", "指向目录的链接，未进入")]


def test_streams_of_xz_behind_one_another_are_all_read() -> None:
    two = lzma.compress(b"hello\n") + b"\0\0\0\0" + lzma.compress(LINE.encode())
    report = scan("a.xz", two)
    assert report.count(Kind.ID_CARD) == 1
    assert report.complete
    assert not scan("a.xz", two + b"garbage").complete


@pytest.mark.parametrize("cut", [None, 1024])
def test_a_tar_that_goes_on_or_breaks_off_between_members_is_not_whole(cut: int | None) -> None:
    first = tarred({"a.log": b"hello\n"})
    whole = first[:cut] if cut else first + tarred({"b.log": LINE.encode()})
    report = scan("a.tar", whole)
    assert [one.reason for one in report.unread] == ["文件已损坏或格式不受支持（ReadError）"]
    assert scan("a.tar", first).complete


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        (LINE.encode("utf-16-le"), "文本中夹有二进制内容或另一种编码，只查找了其中的文本"),
        (
            b"\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(LINE.encode()),
            "邮件的 base64 附件，未解码",
        ),
    ],
    ids=["two encodings", "mail"],
)
def test_what_a_text_holds_further_on_is_named_where_it_cannot_be_seen(later: bytes, reason: str) -> None:
    report = scan("a.log", b"INFO nothing to see\n" * 1000 + later)
    assert [one.reason for one in report.unread] == [reason]


@pytest.mark.parametrize("part", ["xl/comments1.xml", "xl/pivotCache/pivotCacheRecords1.xml"])
def test_comments_and_caches_of_a_workbook_are_read(part: str) -> None:
    assert scan("a.xlsx", book(**{part: f"<t>{CARD}</t>"})).count(Kind.ID_CARD) == 1
    pictured = scan("a.xlsx", book(**{"xl/media/a.png": b"\x89PNG"}))
    assert [(one.member, one.reason) for one in pictured.unread] == [("xl/media/a.png", "图片，未扫描内容")]
    assert scan("a.xlsx", book()).complete


def names(report: Report) -> str:
    return "".join(f"{one.file}{one.member}{one.table}{one.column}" for one in report.findings)


def test_names_of_tables_carry_no_person_and_no_control_character() -> None:
    told = f"INSERT INTO `\x1b]0;x\x07\u202e{CARD}` (`password`) VALUES ('abc12345');\n"  # noqa: S608 - text
    shown = names(scan("a.sql", told.encode()))
    assert CARD not in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert "password" in shown


@pytest.mark.parametrize(
    "message", ["must be at least 8 characters", "incorrect", "changeme", "your_password_here", "$PGPASS"]
)
def test_a_bare_word_behind_password_may_be_a_message(message: str) -> None:
    report = scan("a.json", f'{{"password":"{message}"}}\n'.encode())
    assert (report.count(Kind.PASSWORD), report.count(Kind.PASSWORD_OTHER)) == (0, 1)


def test_serial_numbers_that_look_like_ids_are_told_by_those_that_fail() -> None:
    serials = "".join(f"64010020240315{number:04d},12.50\n" for number in range(200))
    report = scan("a.csv", f"no,amount\n{serials}".encode())
    assert report.count(Kind.ID_CARD) == report.alike_held == 18
    assert report.alike_failed == 182
    assert scan("b.csv", f"sfzh\n{CARD}\n".encode()).alike_failed == 0


def test_switches_and_days_in_a_column_of_passwords_are_of_no_known_form() -> None:
    report = scan("a.csv", b"id,pwd\n1,0\n2,Y\n3,2024-01-01\n4,abc123\n")
    assert (report.count(Kind.PASSWORD), report.count(Kind.PASSWORD_OTHER)) == (1, 3)
