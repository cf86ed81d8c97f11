"""Touching a YAML text: only the value changes, and whatever is not sure is left to others."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dengbao.catalog.editing import Edit, edited
from dengbao.catalog.touching import Read, Unsure, shown, touched
from dengbao.yamlfile import Place, Problem, YamlValue, parse

SHIPPED = Path("templates/engagement/engagement.yaml").read_text(encoding="utf-8")
TEXT = """\
# 头
name: 甲  # 尾
empty:
quoted: "一"
flow: {a: 1, b: {c: 二}}
days: [2026-03-02, 2026-03-13]
block:
  - {item: "1.a.1", why: 无}   # 甲
  - item: 1.a.2
    why: 乙  # 乙
  # 尾注
deep:
    one: 1
    two: 2
# 末
long: |
  一
  二
"""
READ = Read(TEXT, *parse(TEXT))


@pytest.mark.parametrize(
    ("place", "value", "old", "new"),
    [
        (("name",), "乙", "name: 甲  # 尾", "name: 乙  # 尾"),
        (("name",), "a: #b", "name: 甲  # 尾", 'name: "a: #b"  # 尾'),
        (("name",), "yes", "name: 甲  # 尾", 'name: "yes"  # 尾'),
        (("name",), "007", "name: 甲  # 尾", 'name: "007"  # 尾'),
        (("name",), True, "name: 甲  # 尾", "name: true  # 尾"),
        (("empty",), "乙", "empty:\n", "empty: 乙\n"),
        (("quoted",), "一,}", 'quoted: "一"', 'quoted: "一,}"'),
        (("flow", "b", "c"), "三", "c: 二", "c: 三"),
        (("flow", "d"), 4, "{c: 二}}", "{c: 二}, d: 4}"),
        (("flow", "b", "d"), "四", "{c: 二}", "{c: 二, d: 四}"),
        (("days", 1), "2026-04-01", "2026-03-13", "2026-04-01"),
        (("block", 1, "why"), "丙", "why: 乙  # 乙", "why: 丙  # 乙"),
        (("block", 1, "who"), "丙", "why: 乙  # 乙\n", "why: 乙  # 乙\n    who: 丙\n"),
        (
            ("deep", "three"),
            [1, {"a": None}],
            "two: 2\n",
            "two: 2\n    three:\n      - 1\n      - {a: null}\n",
        ),
    ],
)
def test_only_the_value_is_another(place: Place, value: YamlValue, old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    assert touched(READ, [(place, value)]) == TEXT.replace(old, new)


def test_entries_are_put_behind_those_that_stand() -> None:
    root = parse(TEXT)[0]
    assert isinstance(root, dict)
    block, days = root["block"], root["days"]
    assert isinstance(block, list)
    assert isinstance(days, list)
    more: list[YamlValue] = [{"item": "3.b.1", "by": {"name": "李工", "org": ""}}]
    made = touched(READ, [(("block",), [*block, *more]), (("days",), [*days, "2026-05-01"])])
    assert parse(made)[0] == {**root, "block": [*block, *more], "days": [*days, "2026-05-01"]}
    assert '  - {item: "3.b.1", by: {name: 李工, org: ""}}\n  # 尾注\n' in made
    assert [one for one in TEXT.splitlines() if one not in made.splitlines()] == [
        "days: [2026-03-02, 2026-03-13]"
    ]


def test_an_entry_of_a_list_is_put_in_the_place_of_another() -> None:
    first: YamlValue = {"item": "3.b.1", "by": {"name": "李工"}}
    second: YamlValue = {"item": "1.a.2", "why": "乙"}
    made = touched(READ, [(("block",), [first, second])])
    assert made == TEXT.replace('{item: "1.a.1", why: 无}', '{item: "3.b.1", by: {name: 李工}}')
    made = touched(READ, [(("block",), [{"item": "1.a.1", "why": "无"}, first])])
    assert made == TEXT.replace("item: 1.a.2\n    why: 乙", '{item: "3.b.1", by: {name: 李工}}')
    commented = TEXT.replace("item: 1.a.2", "item: 1.a.2 # 丙")
    with pytest.raises(Unsure):  # the comment within would be lost
        touched(Read(commented, *parse(commented)), [(("block",), [second, first])])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("name",), None), (("name",), ["甲"]), (("name", "more"), "乙"), (("flow",), "一"),
        (("flow",), {"a": 1}),
        (("long",), "一"), (("more",), "后"), (("days",), ["2026-03-02"]), (("days", 5), "2026-03-02"),
        (("block",), [{"item": "1.a.9"}]), (("no", "way"), 1),
    ],
)  # fmt: skip
def test_what_is_not_sure_is_not_done(place: Place, value: YamlValue) -> None:
    with pytest.raises(Unsure):
        touched(READ, [(place, value)])


def test_two_changes_at_one_place_and_what_is_no_yaml_are_not_done() -> None:
    with pytest.raises(Unsure):
        touched(READ, [(("deep", "three"), 3), (("deep", "four"), 4)])
    with pytest.raises(Unsure):
        touched(Read("a: [", {}, {}), [(("a",), 1)])
    with pytest.raises(Unsure):
        touched(Read("a: 1", {"a": 1}, {("a",): 1}), [(("b",), 1)])  # no line ends here


@settings(deadline=None)
@given(value=st.text(max_size=20) | st.integers(-(10**9), 10**9) | st.booleans())
def test_whatever_is_shown_is_read_back_in_braces_too(value: str | int | bool) -> None:
    text = f"a: {shown(value)}\nb: {{c: {shown(value)}, d: [{shown(value)}]}}\n"
    try:
        found = parse(text)[0]
    except Problem as exc:
        assert "控制字符" in exc.message  # noqa: PT017 - what our files may not hold at all
        return
    assert found == {"a": value, "b": {"c": value, "d": [value]}}


LISTS = (
    "a:\n  - 1\n  - 2\nb: 3\n", "a:\n- 1\n- 2\n# 注\nb: 3\n", "a: [1, 2]\nb: 3\n", "{a: [1, 2], b: 3}\n",
    "b: 3\na:\n  - 1\n\n  # 注\n  - 2  # 尾\n", "{a: [1,\n 2],\n b: 3}\n", "a:\n  - 1\n  -\n    2\nb: 3\n",
    "a: [1,\n 2]\nb: 3\n", "'a':\n  - 1\n  - 2\n'b': 3\n", "a:\n  - 1\n  - 2",
    "# 头\na:\n - &x 1\n - 2\nb: 3\n",
)  # fmt: skip


@pytest.mark.parametrize("text", LISTS)
def test_a_list_is_made_longer_however_it_is_written(text: str, tmp_path: Path) -> None:
    assert parse(text)[0] == {"a": [1, 2], "b": 3} or "b" not in text
    longer: list[YamlValue] = [1, 2, {"c": "四"}]
    made = edited(tmp_path, text, [Edit(("a",), longer)])
    assert parse(made)[0] == {**_mapping(text), "a": longer}
    remarks = [one for one in text.splitlines() if "#" in one]
    assert [one for one in made.splitlines() if "#" in one] == remarks


def test_the_rest_of_a_long_text_is_not_even_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    many = "a:\n" + "".join(f"  - {{n: {number}}}\n" for number in range(900)) + "b: 1\n"
    read = Read(many, *parse(many))
    seen: list[str] = []
    compose = yaml.compose

    def watched(text: str, Loader: type[yaml.SafeLoader]) -> object:  # noqa: N803 - the library's name
        seen.append(text)
        return compose(text, Loader=Loader)

    monkeypatch.setattr(yaml, "compose", watched)
    assert isinstance(read.value, dict)
    old = read.value["a"]
    assert isinstance(old, list)
    assert touched(read, [(("a",), [*old, 5])]) == many.replace("b: 1", "  - 5\nb: 1")
    assert touched(read, [(("b",), 2)]) == many.replace("b: 1", "b: 2")
    assert seen == ["  - {n: 899}\n", "b: 1\n"]


def test_an_anchor_that_would_change_elsewhere_is_left_to_the_careful_way(tmp_path: Path) -> None:
    text = "a: &x 1\nb: *x\n"
    made = edited(tmp_path, text, [Edit(("b",), 2)])
    assert parse(made)[0] == {"a": 1, "b": 2}


@settings(deadline=None)
@given(data=st.data())
def test_of_the_shipped_file_nothing_but_the_values_changes(data: st.DataObject) -> None:
    root, places = parse(SHIPPED)
    single = [one for one in sorted(places, key=str) if not isinstance(_at(root, one), (dict, list))]
    chosen = data.draw(st.lists(st.sampled_from(single), min_size=1, max_size=4, unique=True))
    values = data.draw(st.lists(st.text("甲乙a1 :#'\"-", max_size=8), min_size=4, max_size=4))
    wanted = copy.deepcopy(root)
    edits: list[tuple[Place, YamlValue]] = [*zip(chosen, values, strict=False)]
    for place, value in edits:
        around = _at(wanted, place[:-1])
        assert isinstance(around, (dict, list))
        around[place[-1]] = value  # type: ignore[index]
    made = touched(Read(SHIPPED, *parse(SHIPPED)), edits)
    assert parse(made)[0] == wanted
    assert len(made.splitlines()) == len(SHIPPED.splitlines())
    assert [one.partition(" #")[2] for one in made.splitlines() if one.startswith("#")] == [
        one.partition(" #")[2] for one in SHIPPED.splitlines() if one.startswith("#")
    ]


def _mapping(text: str) -> dict[str, YamlValue]:
    value = parse(text)[0]
    assert isinstance(value, dict)
    return value


def _at(value: YamlValue, place: Place) -> YamlValue:
    for step in place:
        value = value[step]  # type: ignore[index]
    return value
