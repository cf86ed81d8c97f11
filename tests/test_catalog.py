"""Suites, engagements and plans: what is read, what is planned, what the schemas say."""

from __future__ import annotations

import json
import time
from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml

from dengbao import catalog
from dengbao.checking import FactNeed, Registry, Variant, load
from dengbao.errors import ContentError, UsageError
from dengbao.model import (
    Asset,
    Case,
    Criterion,
    Engagement,
    Facts,
    HostAsset,
    Judgement,
    Kind,
    Level,
    Plan,
    Suite,
    WebAsset,
)
from dengbao.probes.base import ProbeSpec

from .builders import CHAPTER, CHAPTER_TWO, ENGAGEMENT, PROFILE, SUITE, write_engagement, write_suite

ROOT = Path(__file__).parents[1]


class Login(Facts, tag="small.login"):
    accepted: bool


class Banner(Facts, tag="small.banner"):
    text: str


class Page(Facts, tag="small.page"):
    status: int


def spec(name: str, facts: type[Facts], kind: type) -> ProbeSpec:
    return ProbeSpec(
        name=name, title=name, facts=(facts,), level=Level.OBSERVE, run="nowhere:probe",
        applies=lambda asset: isinstance(asset, kind),
    )  # fmt: skip


SPECS = (
    spec("small.login", Login, HostAsset),
    spec("small.banner", Banner, HostAsset),
    spec("small.page", Page, WebAsset),
)


def offers(asset: Asset) -> tuple[ProbeSpec, ...]:
    return tuple(one for one in SPECS if one.applies(asset))


def judge(**_facts: object) -> Judgement:
    """Judge nothing."""
    seen = Criterion(name="x", question="？", met=True, measured="是", fact="small.login")
    return Judgement(criteria=(seen,), statement="经核查，是。")


def variant(check: str, *facts: type[Facts], optional: tuple[type[Facts], ...] = ()) -> Variant:
    needs = tuple(FactNeed(one.__name__, one, optional=False) for one in facts)
    maybe = tuple(FactNeed(one.__name__, one, optional=True) for one in optional)
    return Variant(check, judge, (*needs, *maybe), None, "", "", Path(__file__))


def registry(*variants: Variant) -> Registry:
    found = Registry()
    for one in variants:
        found.variants.setdefault(one.check, []).append(one)
    return found


CHECKS = registry(variant("demo.login", Login), variant("demo.login", Page), variant("demo.length", Login))


@pytest.fixture(name="suite")
def small_suite(tmp_path: Path) -> Suite:
    return catalog.load_suite(write_suite(tmp_path))


@pytest.fixture(name="engagement")
def small_engagement(tmp_path: Path) -> Engagement:
    return catalog.load_engagement(write_engagement(tmp_path / "hospital"))


# ---- suites --------------------------------------------------------------------------------------


def test_a_suite_is_merged_from_its_files(suite: Suite) -> None:
    assert [one.id for one in suite.items()] == ["M.1", "1.a.1", "1.a.2", "2.a.1"]
    assert [one.number for one in suite.chapters] == [1, 2]
    assert suite.profile["password_min_length"].value == 8
    assert suite.profile["tls_versions"].value == ("TLSv1.2", "TLSv1.3")
    assert suite.anomalies == ("原文如此",)
    assert len(suite.sha256) == 64


@pytest.mark.parametrize("name", ["suite", "profile", "01_identity", "02_backup"])
def test_every_byte_of_every_file_counts_in_the_digest(tmp_path: Path, suite: Suite, name: str) -> None:
    original = (tmp_path / "small" / f"{name}.yaml").read_text(encoding="utf-8")
    again = catalog.load_suite(write_suite(tmp_path / "again"))
    changed = catalog.load_suite(write_suite(tmp_path / "changed", **{name: original + "# x\n"}))
    assert again.sha256 == suite.sha256
    assert changed.sha256 != suite.sha256


def test_the_shipped_suite_is_complete() -> None:
    suite = catalog.load_suite(ROOT / "suites" / "annex3-2023")
    assert (len(suite.mandatory), len(suite.chapters)) == (6, 10)
    assert (len(list(suite.clauses())), len(list(suite.items())) - 6) == (32, 68)


def test_a_check_that_does_not_exist_is_named_with_its_nearest_neighbour(tmp_path: Path) -> None:
    known = registry(variant("demo.logon", Login), variant("demo.length", Login))
    with pytest.raises(ContentError, match="没有检查“demo") as caught:
        catalog.load_suite(write_suite(tmp_path), known)
    assert caught.value.where == f"{tmp_path / 'small' / '01_identity.yaml'}:16"
    assert "demo.logon" in caught.value.cure
    # Told at once: the sibling takes no parameters, and another item names the same check.
    assert [one.where.rpartition(":")[2] for one in caught.value.also] == ["17", "25"]


def test_mistakes_of_all_files_are_told_together(tmp_path: Path) -> None:
    folder = write_suite(
        tmp_path, suite=SUITE.replace("title:", "titel:"), **{"01_identity": CHAPTER.replace("web", "wbe")}
    )
    with pytest.raises(ContentError) as caught:
        catalog.load_suite(folder)
    places = [one.where.rpartition("/")[2] for one in (caught.value, *caught.value.also)]
    assert places == ["suite.yaml:1", "suite.yaml:2", "01_identity.yaml:14"]
    assert "是不是“title”" in caught.value.also[0].cure


# ---- engagements ---------------------------------------------------------------------------------


def test_the_system_stands_at_the_end_of_the_assets(engagement: Engagement) -> None:
    assert [one.id for one in engagement.assets] == ["his-web", "his-app", "system"]
    assert engagement.assets[-1].kind is Kind.SYSTEM
    assert engagement.assets[-1].name == "HIS"


def test_folder_and_file_give_the_same_engagement(tmp_path: Path, engagement: Engagement) -> None:
    assert catalog.load_engagement(tmp_path / "hospital" / "engagement.yaml") == engagement


def test_paths_are_meant_from_the_folder(tmp_path: Path, engagement: Engagement) -> None:
    asset = catalog.with_paths(engagement, tmp_path / "hospital").asset("his-app")
    assert asset is not None
    assert asset.accounts[0].key_file == str((tmp_path / "hospital" / "keys" / "id_ed25519").resolve())
    assert asset.accounts[0].secret == "${ENV:APP_PASSWORD}"


def test_home_and_absolute_paths_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    text = ENGAGEMENT.replace("keys/id_ed25519", "~/.ssh/id").replace(
        "url: https", "ca_file: /etc/ca.pem\n    url: https"
    )
    loaded = catalog.load_engagement(write_engagement(tmp_path, text))
    web, host = catalog.with_paths(loaded, tmp_path).assets[:2]
    assert isinstance(web, WebAsset)
    assert (web.ca_file, host.accounts[0].key_file) == ("/etc/ca.pem", "/home/somebody/.ssh/id")


def test_the_loaded_engagement_does_not_depend_on_where_its_folder_lies(tmp_path: Path) -> None:
    here = catalog.load_engagement(write_engagement(tmp_path / "here"))
    there = catalog.load_engagement(write_engagement(tmp_path / "there"))
    assert here == there


def test_the_shipped_suite_and_the_shipped_checks_fit() -> None:
    suite = catalog.load_suite(ROOT / "suites" / "annex3-2023", load(ROOT / "checks"))
    assert suite.id == "annex3-2023"


def test_yaml_guesses_nothing(tmp_path: Path) -> None:
    text = ENGAGEMENT.replace("name: 业务系统", "name: off").replace("name: 应用服务器", "name: 2026-03-01")
    loaded = catalog.load_engagement(write_engagement(tmp_path, text))
    assert [one.name for one in loaded.assets] == ["off", "2026-03-01", "HIS"]


def test_the_starter_engagement_loads() -> None:
    loaded = catalog.load_engagement(ROOT / "templates" / "engagement")
    assert {one.kind for one in loaded.assets} == set(Kind)
    secrets = [account.secret for asset in loaded.assets for account in asset.accounts]
    assert secrets
    assert all(one.startswith("${ENV:") for one in secrets)


# ---- plans ---------------------------------------------------------------------------------------


def plan_of(suite: Suite, engagement: Engagement, checks: Registry = CHECKS) -> Plan:
    return catalog.make_plan(suite, engagement, checks, offers=offers)


def test_plan_has_items_times_assets_times_fitting_checks_in_official_order(
    suite: Suite, engagement: Engagement
) -> None:
    plan = plan_of(suite, engagement)
    assert [one.id for one in plan.cases] == [
        "M.1@system/by_hand",
        "1.a.1@his-web/demo.login",
        "1.a.1@his-app/demo.login",
        "1.a.1@his-app/demo.length",
        "1.a.2@his-app/demo.login",
        # No asset of the item's kind: the system answers for it, so that it does not vanish.
        "2.a.1@system/by_hand",
    ]
    assert (plan.suite, plan.suite_sha256) == (suite.id, suite.sha256)


def test_plan_has_only_the_probes_that_are_needed(suite: Suite, engagement: Engagement) -> None:
    plan = plan_of(suite, engagement)
    assert [(one.asset, one.probe) for one in plan.probes] == [
        ("his-web", "small.page"),
        ("his-app", "small.login"),
    ]


def test_probes_of_optional_facts_are_planned_too(suite: Suite, engagement: Engagement) -> None:
    checks = registry(variant("demo.login", Login, optional=(Banner,)), variant("demo.length", Login))
    probes = [(one.asset, one.probe) for one in plan_of(suite, engagement, checks).probes]
    assert probes == [("his-app", "small.login"), ("his-app", "small.banner")]


def test_an_asset_that_no_check_fits_is_one_case_by_hand(suite: Suite, engagement: Engagement) -> None:
    checks = registry(variant("demo.login", Banner), variant("demo.length", Banner))
    cases = plan_of(suite, engagement, checks).cases
    assert [one for one in cases if one.asset == "his-web"] == [Case(item="1.a.1", asset="his-web")]


def test_an_item_answered_for_the_system_is_not_asked_by_hand_of_the_parts(
    suite: Suite, engagement: Engagement
) -> None:
    chapter = suite.chapters[0]
    clause = chapter.clauses[0]
    item = msgspec.structs.replace(clause.items[0], kinds=(*clause.items[0].kinds, Kind.SYSTEM))
    clause = msgspec.structs.replace(clause, items=(item,))
    chapter = msgspec.structs.replace(chapter, clauses=(clause,))
    asked_once = msgspec.structs.replace(suite, mandatory=(), chapters=(chapter,))
    checks = registry(variant("demo.login", Banner), variant("demo.length", Banner))
    plan = plan_of(asked_once, msgspec.structs.replace(engagement, not_applicable=()), checks)
    assert [one.id for one in plan.cases] == [
        "1.a.1@his-app/demo.login",
        "1.a.1@his-app/demo.length",
        "1.a.1@system/by_hand",
    ]


def test_an_item_without_checks_is_by_hand(suite: Suite, engagement: Engagement) -> None:
    cases = plan_of(suite, engagement).cases
    assert [one.check for one in cases if one.item == "M.1"] == [""]


def test_a_plan_does_not_go_on_without_a_check_that_is_named(suite: Suite, engagement: Engagement) -> None:
    with pytest.raises(ContentError, match="没有检查") as caught:
        plan_of(suite, engagement, registry(variant("demo.login", Login)))
    assert "demo.login" in caught.value.cure


def test_two_variants_for_one_asset_are_refused(engagement: Engagement) -> None:
    host = engagement.assets[1]
    both = registry(variant("demo.login", Login), variant("demo.login", Banner))
    with pytest.raises(ContentError, match="多个判定函数") as caught:
        catalog.variant_for(both, "demo.login", host, offers=offers)
    assert caught.value.cure


def test_the_variant_that_fits_an_asset_is_found(engagement: Engagement) -> None:
    web, host, system = engagement.assets
    assert catalog.variant_for(CHECKS, "demo.login", web, offers=offers).needs[0].facts is Page
    assert catalog.variant_for(CHECKS, "demo.login", host, offers=offers).needs[0].facts is Login
    with pytest.raises(ContentError, match="没有适用于"):
        catalog.variant_for(CHECKS, "demo.login", system, offers=offers)
    with pytest.raises(ContentError, match="没有检查"):
        catalog.variant_for(CHECKS, "demo.lgoin", host, offers=offers)


@pytest.mark.parametrize(
    ("old", "new", "message"), [("2.a.1", "2.a.9", "没有测评项"), ("2.a.1", "1.a.2", "本来就不针对")]
)
def test_a_declaration_must_speak_of_a_planned_case(
    tmp_path: Path, suite: Suite, old: str, new: str, message: str
) -> None:
    loaded = catalog.load_engagement(write_engagement(tmp_path, ENGAGEMENT.replace(old, new)))
    with pytest.raises(UsageError, match=message) as caught:
        plan_of(suite, loaded)
    assert caught.value.where
    assert caught.value.cure


def test_two_hundred_assets_are_planned_in_a_second(engagement: Engagement) -> None:
    suite = catalog.load_suite(ROOT / "suites" / "annex3-2023")
    host = engagement.assets[1]
    hosts = [msgspec.structs.replace(host, id=f"host-{number}") for number in range(200)]
    big = msgspec.structs.replace(engagement, assets=(*hosts, engagement.assets[-1]), not_applicable=())
    names = {use.use for item in suite.items() for use in item.checks}
    checks = registry(*(variant(one, Login) for one in names))
    begun = time.process_time()
    plan = plan_of(suite, big, checks)
    assert time.process_time() - begun < 1.0
    assert len(plan.cases) > 200 * 30
    assert len(plan.probes) == 200


# ---- schemas -------------------------------------------------------------------------------------


def test_the_schemas_in_the_tree_are_the_generated_ones(tmp_path: Path) -> None:
    for name, text in catalog.schemas().items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, "run dengbao.catalog.write_schemas"
        (tmp_path / name).parent.mkdir(parents=True)
    catalog.write_schemas(tmp_path)
    assert json.loads((tmp_path / "suites" / "schema.json").read_text(encoding="utf-8"))["$defs"]


def test_what_the_schemas_say_of_the_shipped_files() -> None:
    schemas = {name: json.loads(text) for name, text in catalog.schemas().items()}
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    suite = jsonschema.Draft202012Validator(schemas["suites/schema.json"])
    for path in sorted((ROOT / "suites" / "annex3-2023").glob("*.yaml")):
        suite.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    for text in (SUITE, PROFILE, CHAPTER, CHAPTER_TWO):
        suite.validate(yaml.safe_load(text))
    engagement = jsonschema.Draft202012Validator(schemas["templates/engagement.schema.json"])
    plain = yaml.load(ENGAGEMENT, Loader=yaml.BaseLoader)  # noqa: S506 - every scalar as text
    assert {one.validator for one in engagement.iter_errors({**plain, "extra": 1})} >= {
        "additionalProperties"
    }
