"""Changes of `engagement.yaml`: what people wrote around them stays, and nothing wrong is ever written."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dengbao.catalog import load_engagement
from dengbao.catalog.blocks import blocks_of, with_block, without_block
from dengbao.catalog.editing import (
    Edit,
    change,
    declare_not_applicable,
    edited,
    examine_text,
    masked,
    read_text,
    save_text,
)
from dengbao.errors import UsageError
from dengbao.model import NotApplicable, Person
from dengbao.yamlfile import Place, YamlValue

SHIPPED = Path("templates/engagement/engagement.yaml").read_text(encoding="utf-8")
LI, WANG = Person(name="李工", org="示范医疗软件有限公司"), Person(name="王主任", org="示范市第一人民医院")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "engagement.yaml").write_text(SHIPPED, encoding="utf-8")
    (tmp_path / "ca.pem").write_text("x", encoding="utf-8")
    return tmp_path


def differing(before: str, after: str) -> list[str]:
    old = set(before.splitlines())
    return [one for one in after.splitlines() if one not in old]


def test_nothing_changed_is_nothing_written_otherwise(folder: Path) -> None:
    assert edited(folder, SHIPPED, []) == SHIPPED


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("institution", "name"), "甲医院 # 乙院区"),
        (("institution", "contact", "phone"), "0951"),
        (("scope", "level"), "observe"),
        (("scope", "authorised", "at"), "2026-04-01"),
        (("system", "version"), "true"),
        (("system", "version"), "007"),
        (("scope", "addresses"), ["192.0.2.10:443", "192.0.2.20", "192.0.2.30:5432", "192.0.2.40"]),
        (("scope", "addresses"), ["192.0.2.10:443"]),
        (("forms", "docking_vendor", "name"), "对接厂商"),
        (("report_number",), None),
    ],
)
def test_only_the_value_changes(folder: Path, place: Place, value: YamlValue) -> None:
    change(folder, [Edit(place, value)])
    text = (folder / "engagement.yaml").read_text(encoding="utf-8")
    assert len(differing(SHIPPED, text)) <= 2
    assert len(differing(text, SHIPPED)) <= 2
    assert sum(one.lstrip().startswith("#") for one in text.splitlines()) == sum(
        one.lstrip().startswith("#") for one in SHIPPED.splitlines()
    )
    load_engagement(folder)


def test_what_would_be_wrong_is_told_and_not_written(folder: Path) -> None:
    wrong = [Edit(("scope", "level"), "everything"), Edit(("scope", "addresses"), ["not an address!"])]
    with pytest.raises(UsageError) as caught:
        change(folder, wrong)
    assert "engagement.yaml:" in str(caught.value)
    assert (folder / "engagement.yaml").read_text(encoding="utf-8") == SHIPPED


def test_a_change_on_an_old_text_is_refused(folder: Path) -> None:
    base = read_text(folder).sha256
    change(folder, [Edit(("institution", "name"), "甲")])
    with pytest.raises(UsageError, match="别处"):
        save_text(folder, SHIPPED, base)
    assert load_engagement(folder).institution.name == "甲"


def test_every_mistake_of_a_text_has_its_line(folder: Path) -> None:
    text = SHIPPED.replace("level: login", "level: logn").replace("kind: tls", "kind: tsl")
    engagement, errors = examine_text(folder, text)
    assert engagement is None
    wrong = [number for number, line in enumerate(text.splitlines(), 1) if "logn" in line or "tsl" in line]
    told = [int(one.where.rpartition(":")[2]) for one in errors]
    assert all(any(abs(one - line) <= 1 for one in told) for line in wrong)


@pytest.mark.parametrize(
    "text", ["", "a: [", "- 1", "a: 1\na: 2", "\tx: 1", "a: &b 1", "x" * (3 << 20), "a: !!python/x 1"]
)
def test_what_is_no_engagement_is_told(folder: Path, text: str) -> None:
    engagement, errors = examine_text(folder, text)
    assert engagement is None
    assert errors


def test_a_secret_in_clear_is_covered_and_a_reference_is_not() -> None:
    clear = "b: {secret: hunter2, role: x}\nc:\n  secret: \"p w\"\n  otp: 'JBSWY3DP'\n"
    shown = masked('a: {secret: "${ENV:A}"}\n' + clear + "d: {secret: prompt:}")
    for word in ("hunter2", "p w", "JBSWY3DP"):
        assert word not in shown
    assert "${ENV:A}" in shown
    assert "prompt:}" in shown
    assert "role: x" in shown
    assert masked(SHIPPED) == SHIPPED


def declared(
    item: str, asset: str = "system", why: str = "本系统不含该功能", agreed: Person = WANG
) -> NotApplicable:
    return NotApplicable(item=item, asset=asset, why=why, by=LI, agreed=agreed)


def test_what_does_not_apply_is_declared_in_bulk_and_once(folder: Path) -> None:
    declare_not_applicable(folder, [declared("8.b.1"), declared("9.a.1", "his-web")])
    declare_not_applicable(folder, [declared("8.b.1", why="改写后的理由"), declared("10.a.1", "his-web")])
    found = load_engagement(folder).not_applicable
    assert [(one.item, one.asset) for one in found] == [
        ("8.b.1", "system"), ("9.a.1", "his-web"), ("10.a.1", "his-web")
    ]  # fmt: skip
    assert found[0].why == "改写后的理由"
    assert "# 测评对象。" in (folder / "engagement.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "one", [declared("8.b.1", agreed=LI), declared("8.b.1", why=""), declared("8.b.1", "nowhere")]
)
def test_a_declaration_that_does_not_hold_is_refused(folder: Path, one: NotApplicable) -> None:
    with pytest.raises(UsageError):
        declare_not_applicable(folder, [declared("9.a.1", "his-web"), one])
    assert (folder / "engagement.yaml").read_text(encoding="utf-8") == SHIPPED


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=60))
def test_any_text_comes_back_as_it_was_given_or_is_refused(text: str) -> None:
    folder = Path()
    try:
        made = edited(folder, SHIPPED, [Edit(("institution", "address"), text)])
    except UsageError:
        return  # what a YAML file cannot hold
    engagement, errors = examine_text(folder, made)
    assert engagement is not None, errors
    assert engagement.institution.address == text


def _declare(folder: Path, item: str) -> None:
    declare_not_applicable(folder, [declared(item, "his-web")])


def test_two_writers_lose_nothing(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    items = ("9.a.1", "10.a.1", "10.b.1")
    writers = [context.Process(target=_declare, args=(folder, one)) for one in items]
    for one in writers:
        one.start()
    for one in writers:
        one.join(120)
    assert {one.item for one in load_engagement(folder).not_applicable} == set(items)


def test_the_assets_are_blocks_that_can_be_put_together_again(folder: Path) -> None:
    found = blocks_of(folder, SHIPPED)
    assert [one.asset for one in found] == ["his-web", "his-api", "his-app", "his-db", "his-backup"]
    assert found[0].text.startswith("# 业务应用系统")
    assert found[-1].text.endswith("示范市云灾备中心}   # 备份策略：每几小时一次、保留几份、异地位置")
    for one in found:
        assert with_block(folder, SHIPPED, one.text, instead_of=one.asset) == SHIPPED


def test_a_block_is_added_and_taken_away(folder: Path) -> None:
    new = "- kind: tls\n  id: second\n  name: 第二端口\n  address: 192.0.2.20:9443\n"
    text = with_block(folder, SHIPPED, new)
    engagement, errors = examine_text(folder, text)
    assert engagement is not None, errors
    assert [one.id for one in engagement.assets][-1] == "second"
    assert without_block(folder, text, "second").split() == SHIPPED.split()
    assert "his-api" not in without_block(folder, text, "his-api")
    with pytest.raises(UsageError):
        without_block(folder, text, "../x")


def test_assets_in_one_line_are_left_to_the_editor_of_text(folder: Path) -> None:
    text = "schema: 1\nassets: [{kind: tls, id: a}, {kind: tls, id: b}]\n"
    assert blocks_of(folder, text) == ()
    with pytest.raises(UsageError, match="文本"):
        with_block(folder, text, "- x")
