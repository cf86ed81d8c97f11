"""YAML as people write it, and every message of the converter in Chinese."""

from __future__ import annotations

import enum
import re
import time
import uuid
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dengbao.errors import UsageError
from dengbao.reading import read_value, suggest, translate
from dengbao.yamlfile import MAX_BYTES, Problem, YamlValue, parse, read_yaml


class Colour(enum.Enum):
    RED = "red"


class Inner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    number: int
    rate: float = 1.0
    flag: bool = False


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    when: datetime | None = None
    day: date | None = None
    inner: Inner | None = None
    colour: Colour = Colour.RED
    pair: tuple[int, int] | None = None
    table: dict[str, int] = {}
    names: tuple[str, ...] = ()


class Circle(msgspec.Struct, tag="circle"):
    r: int


class Square(msgspec.Struct, tag="square"):
    a: int


# Every form of message of msgspec 0.22, each brought about by the converter itself.
FORMS: list[tuple[object, object]] = [
    (int, "x"), (str, 5), (bool, "yes"), (float, "x"), (list[int], {}), (dict[str, int], []), (type(None), 1),
    (int | None, "x"), (datetime, 5), (date, []), (bytes, 5),
    (datetime, "yesterday"), (date, "2026-13-01"), (clock, "25:00"), (timedelta, "1 day"), (uuid.UUID, "x"),
    (Decimal, "x"), (bytes, "*"),
    (Inner, {}), (Inner, {"number": 1, "nmuber": 2}), (Inner, 5), (Colour, "blue"), (Colour, 5),
    (Literal["a"], "b"), (Literal[1], 2), (Circle | Square, {"type": "line"}), (Circle | Square, {}),
    (Annotated[int, msgspec.Meta(ge=0)], -1), (Annotated[int, msgspec.Meta(gt=0)], 0),
    (Annotated[int, msgspec.Meta(le=0)], 1), (Annotated[int, msgspec.Meta(lt=0)], 1),
    (Annotated[int, msgspec.Meta(multiple_of=2)], 1), (Annotated[float, msgspec.Meta(ge=0.5)], 0.1),
    (Annotated[str, msgspec.Meta(min_length=2)], "a"), (Annotated[str, msgspec.Meta(max_length=2)], "abc"),
    (Annotated[str, msgspec.Meta(pattern="^a$")], "b"),
    (Annotated[list[int], msgspec.Meta(min_length=2)], [1]),
    (Annotated[list[int], msgspec.Meta(max_length=0)], [1]),
    (Annotated[dict[str, int], msgspec.Meta(min_length=2)], {}),
    (Annotated[datetime, msgspec.Meta(tz=True)], "2026-03-01T09:30:00"),
    (Annotated[datetime, msgspec.Meta(tz=False)], "2026-03-01T09:30:00Z"),
    (tuple[int, int], [1]), (tuple[int, int], [1, 2, 3]), (list[Inner], [{"number": "x"}]),
    (dict[int, int], {"x": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "value"), FORMS)
def test_every_message_of_the_converter_is_translated(shape: object, value: object) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, shape)
    message, cure = translate(str(caught.value))
    assert message != "写法不对", str(caught.value)
    assert re.search(r"[\u4e00-\u9fff]", message)
    assert not re.search(r"Expected|Invalid|Object|field|got|length", message + cure)


def test_an_unknown_message_is_still_chinese() -> None:
    assert translate("Something new in a later version - at `$.x`") == ("写法不对", "对照示例文件填写")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("name: 5", 1, "应为文字，得到整数"),
        ("name: a\nnaem: b", 2, "没有“naem”这个键"),
        ("when: 2026-03-01T09:30:00+08:00", 1, "缺少键“name”"),
        ("name: ''", 1, "不能为空"),
        ("name: a\nwhen: 2026-03-01T09:30:00", 2, "缺少时区"),
        ("name: a\nwhen: 昨天", 2, "不是有效的日期时间"),
        ("name: a\nday: 2026-02-30", 2, "不是有效的日期"),
        ("name: a\ninner: 5", 2, "应为“键: 值”，得到整数"),
        ("name: a\ninner:\n  number: x", 3, "inner.number 应为整数，得到文字"),
        ("name: a\ninner:\n  number: 1\n  rate: x", 4, "应为数字，得到文字"),
        ("name: a\ninner:\n  number: 1\n  flag: yes", 4, "应为真假值（true 或 false），得到文字"),
        ("name: a\ncolour: blue", 2, "不认识的值“blue”"),
        ("name: a\ncolour: 5", 2, "应为文字，得到整数"),
        ("name: a\npair: 5", 2, "应为有 2 项的列表"),
        ("name: a\npair: [1]", 2, "应有 2 项，现有 1 项"),
        ("name: a\npair: [1,\n  x]", 3, "pair第2项 应为整数"),
        ("name: a\ntable: [1]", 2, "应为“键: 值”，得到列表"),
        ("name: a\ntable:\n  x: y", 3, "table.x 应为整数"),
        ("name: a\nnames: b", 2, "应为列表，得到文字"),
        ("name: a\nnames:\n  - b\n  - 5", 4, "names第2项 应为文字"),
        ("name: a\nnames:\n  - b\n  - ~", 4, "应为文字，得到空值"),
    ],
)
def test_a_mistake_has_its_line_and_a_cure(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_value(read_yaml(path, UsageError), Shape, UsageError)
    assert caught.value.where == f"{path}:{line}"
    assert message in caught.value.message
    assert caught.value.cure


def test_all_mistakes_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("names: 5\nname: 5\ntable: {a: b,\n c: d}\nx: 1\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_value(read_yaml(path, UsageError), Shape, UsageError)
    lines = [one.where.rpartition(":")[2] for one in (caught.value, *caught.value.also)]
    assert lines == ["1", "2", "3", "4", "5"]
    assert str(caught.value).count("处理：") == 5


def test_a_flood_of_mistakes_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("name: a\nnames:\n" + "  - 5\n" * 100, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_value(read_yaml(path, UsageError), Shape, UsageError)
    assert "另有 80 处错误" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 5", 5), ("a: -5", -5), ("a: 0", 0), ("a: 1.5", 1.5), ("a: true", True), ("a: false", False),
        ("a: null", None), ("a: ~", None), ("a:", None), ("a: []", []), ("a: {}", {}), ("a: '5'", "5"),
        # What YAML 1.1 would guess at stays what was written.
        ("a: yes", "yes"), ("a: Off", "Off"), ("a: 027", "027"), ("a: 22:30", "22:30"), ("a: 0x1f", "0x1f"),
        ("a: 1_000", "1_000"), ("a: 2026-03-01", "2026-03-01"), ("a: .inf", ".inf"), ("a: .nan", ".nan"),
        ("a: 1e999", "1e999"), ("a: =", "="), ("a: 1.a", "1.a"), ("a: True", "True"),
        ("a: 12345678901234567890123", "12345678901234567890123"),
        ("a: |\n  x\n  y\n", "x\ny\n"), ("a: >-\n  x\n  y\n", "x y"), ('a: "\\u4e2d"', "中"),
        ("a: &x [1]\n", [1]),
    ],
)  # fmt: skip
def test_plain_values(text: str, value: object) -> None:
    found, lines = parse(text)
    assert found == {"a": value}
    assert lines["a",] == 1


def test_an_anchor_may_be_used_again() -> None:
    value, lines = parse("a: &one {x: 1}\nb: *one\nc:\n  - *one\n")
    assert value == {"a": {"x": 1}, "b": {"x": 1}, "c": [{"x": 1}]}
    assert lines["b",] == 2
    assert lines["c", 0] == 4


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("\ufeffname: 甲\r\nnames: [乙]\r\n".encode())
    assert read_value(read_yaml(path, UsageError), Shape, UsageError) == Shape(name="甲", names=("乙",))


def outcome(text: str) -> YamlValue | Problem:
    try:
        return parse(text)[0]
    except Problem as exc:
        return exc


@given(st.text(max_size=60))
def test_whatever_our_writer_writes_is_read_back(text: str) -> None:
    found = outcome(yaml.safe_dump({"a": text, "b": [text]}, allow_unicode=True, width=100))
    if isinstance(found, Problem):
        assert "控制字符" in found.message or "不允许" in found.message
    else:
        assert found == {"a": text, "b": [text]}


@given(st.binary(max_size=400))
def test_no_bytes_bring_the_reader_down(data: bytes) -> None:
    found = outcome(data.decode("utf-8", errors="replace"))
    if isinstance(found, Problem):
        assert found.message
        assert found.cure
    else:
        assert found is None or isinstance(found, (str, int, float, bool, list, dict))


def laughs() -> str:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for one, before in zip("bcdefghijklmnop", "abcdefghijklmno", strict=True):
        lines.append(f"{one}: &{one} [{', '.join(['*' + before] * 10)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 500_000, id="lists"),
        pytest.param("{a: " * 200_000, id="mappings"),
        pytest.param("- " * 500_000, id="dashes"),
        pytest.param("? " * 100_000, id="keys"),
        pytest.param("a: " + "x" * 1_900_000, id="a long text"),
        pytest.param("a: " + "9" * 1_900_000, id="a long number"),
        pytest.param(laughs(), id="a billion laughs"),
        pytest.param("a: &a [*a]", id="a list in itself"),
        pytest.param("".join(f"k{n}: v\n" for n in range(150_000)), id="many keys"),
        pytest.param("&x " * 50_000, id="anchors"),
        pytest.param("!" * 500_000, id="tags"),
        pytest.param('"' + "\\" * 500_001, id="escapes"),
    ],
)
def test_a_hostile_text_is_dealt_with_quickly(text: str) -> None:
    assert len(text) <= MAX_BYTES
    begun = time.process_time()
    found = outcome(text)
    assert time.process_time() - begun < 5.0
    if isinstance(found, Problem):
        assert found.cure
    else:
        assert found == {"a": text.removeprefix("a: ")}


@pytest.mark.parametrize(
    ("word", "known", "cure"),
    [
        ("scpoe", ["scope", "suite"], "是不是“scope”？可用：scope、suite"),
        ("zzz", ["scope"], "可用：scope"),
        ("x", [], ""),
        (
            "zzz",
            [f"w{one}" for one in range(13)],
            "可用：w0、w1、w2、w3、w4、w5、w6、w7、w8、w9、w10、w11等 13 个",
        ),
        ("scpoe", ["scope", *(f"w{one}" for one in range(13))], "是不是“scope”？"),
    ],
)
def test_suggest(word: str, known: list[str], cure: str) -> None:
    assert suggest(word, known) == cure


def test_times_keep_their_zone(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("name: a\nwhen: 2026-03-01 09:30:00+08:00\n", encoding="utf-8")
    shape = read_value(read_yaml(path, UsageError), Shape, UsageError)
    assert shape.when is not None
    assert shape.when.astimezone(UTC) == datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
