# ruff: noqa: E501 - hostile texts are read whole
"""Files made to harm: bombs, lies, noise. Each ends soon, in bounded memory, and is named as unread."""

from __future__ import annotations

import gzip
import io
import random
import tracemalloc
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dengbao.scanning import Kind, Limits, PlainEngine, Scanner
from dengbao.scanning.tally import Distinct

from .documents import letter, pdf, sheet
from .test_files import LINE, MYSQL, PHONE, scan, tarred, zipped

MIB = 1024 * 1024


class Zeros:
    """A stream of as many bytes as asked for, never ending by itself."""

    def __init__(self, size: int, text: bytes = b"\0") -> None:
        self.left = size
        self.text = text

    def read(self, size: int, /) -> bytes:
        size = min(size, self.left)
        self.left -= size
        return (self.text * (size // len(self.text) + 1))[:size]


def bomb(size: int) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as packer:
        for _ in range(size // MIB):
            packer.write(bytes(MIB))
    return out.getvalue()


@pytest.fixture(scope="module")
def packed() -> bytes:
    return bomb(80 * MIB)


def test_bomb_is_stopped(packed: bytes) -> None:
    report = scan("a.gz", packed)
    assert [one.reason for one in report.unread] == ["压缩比异常，疑为压缩炸弹"]
    assert report.text_bytes <= 80 * MIB


def test_bomb_in_a_zip_stops_itself_alone(packed: bytes) -> None:
    report = scan("a.zip", zipped({"bomb": bytes(80 * MIB), "b.log": LINE.encode()}))
    assert [(one.member, one.reason) for one in report.unread] == [("bomb", "压缩比异常，疑为压缩炸弹")]
    assert report.count(Kind.ID_CARD) == 1


def test_data_time_and_member_bounds() -> None:
    small = Limits(text_bytes=MIB)
    scanner = Scanner(limits=small)
    scanner.stream(Zeros(50 * MIB, b"ok\n"), "a")
    assert "数据量上限" in scanner.report().unread[0].reason
    late = scan("a.log", LINE.encode(), Limits(seconds=-1.0))
    assert "时间上限" in late.unread[0].reason
    many = scan("a.zip", zipped({f"{one}.log": b"x" for one in range(20)}), Limits(members=5))
    assert many.unread[-1].reason == "压缩包内文件过多"


def test_depth_is_bounded() -> None:
    data = LINE.encode()
    for _ in range(12):
        data = gzip.compress(data)
    report = scan("a.gz", data)
    assert report.unread[0].reason == "压缩包嵌套超过 5 层"


def test_large_archive_inside_an_archive_is_not_held() -> None:
    inner = zipped({"a.bin": random.Random(1).randbytes(2 * MIB)})
    report = scan("a.tar", tarred({"in.zip": inner, "b.log": LINE.encode()}), Limits(held_bytes=MIB))
    assert [one.member for one in report.unread] == ["in.zip"]
    assert report.count(Kind.ID_CARD) == 1


def test_encrypted_member_is_named() -> None:
    data = bytearray(zipped({"a.log": LINE.encode()}))
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + at] |= 1
    report = scan("a.zip", bytes(data))
    assert [(one.member, one.reason) for one in report.unread] == [("a.log", "已加密")]


def test_entities_of_xml_are_not_followed() -> None:
    out = io.BytesIO()
    laughs = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + one)} "{f"&{chr(97 + one)};" * 10}">' for one in range(9)
    )
    with zipfile.ZipFile(out, "w") as book:
        book.writestr("xl/workbook.xml", "<x/>")
        main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        book.writestr(
            "xl/worksheets/sheet1.xml",
            laughs
            + f']><worksheet xmlns="{main}"><row r="9999999999"><c r="ZZZ1" t="inlineStr"><is><t>&j;{PHONE}</t></is></c>'
            "</row></worksheet>",
        )
    report = scan("a.xlsx", out.getvalue())
    assert report.text_bytes < MIB


def test_memory_is_bounded() -> None:
    tracemalloc.start()
    try:
        scanner = Scanner(engine=PlainEngine())
        scanner.stream(Zeros(4 * MIB, b"1"), "one.log")  # one line, one number
        scanner.stream(Zeros(MIB // 4, f"a@b.example.cn,{PHONE},".encode()), "hits.csv")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert scanner.report().count(Kind.PHONE) > 9_000
    assert peak < 60 * MIB


def test_distinct_values_are_counted_in_bounded_memory() -> None:
    counter = Distinct(b"k" * 32)
    for number in range(60_000):
        counter.add([str(number % 50_000).encode()])
    assert not counter.exact
    assert 0.95 < counter.count / 50_000 < 1.05
    few = Distinct(b"k" * 32)
    for number in range(9000):
        few.add([str(number % 500).encode()])
    assert (few.count, few.exact) == (500, True)


GOOD = [
    ("a.zip", zipped({"a.csv": b"xm,tel\n", "b.log": LINE.encode()})),
    ("a.tar", tarred({"a.sql": MYSQL.encode()})),
    ("a.gz", gzip.compress(LINE.encode())),
    ("a.xlsx", sheet([["姓名"], ["张伟"]])),
    ("a.docx", letter([LINE])),
    ("a.pdf", pdf([PHONE])),
    ("a.sql", MYSQL.encode()),
]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(GOOD), st.integers(0, 100_000), st.binary(min_size=1, max_size=30), st.booleans())
def test_damage_never_breaks_the_scan(good: tuple[str, bytes], at: int, noise: bytes, cut: bool) -> None:
    name, data = good
    at %= len(data)
    broken = data[:at] + noise + (b"" if cut else data[at + len(noise) :])
    report = scan(name, broken)
    assert report.files == 1


@pytest.mark.parametrize(
    "text",
    [
        b"(" * 400_000,
        b"INSERT INTO t VALUES " + b"(1,'" * 100_000,
        b"INSERT INTO t VALUES (" + b"'a'," * 100_000,
        b"COPY t (a,b) FROM stdin;\n" + b"\t" * 400_000,
        b'a,b\n"' + b'""' * 200_000,
        b"password=" * 40_000,
        "姓名：".encode() * 40_000,
        b"@" * 400_000,
        b"a@" * 200_000,
        b"a." * 200_000 + b"@b.cn",
        b"1 " * 200_000,
        b"138-0013-" * 50_000,
        b"A" * 400_000,
        b"\\u0031" * 60_000,
        b"insert into " * 40_000,
        b"create table " * 40_000,
    ],
    ids=range(16),
)
@pytest.mark.parametrize("name", ["a.sql", "a.csv", "a.log"])
def test_no_text_takes_long(name: str, text: bytes) -> None:
    report = scan(name, text, Limits(seconds=20.0))
    assert report.complete
