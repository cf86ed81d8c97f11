"""The suite says what the regulation says, and holds together."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
import yaml

from dengbao import checking
from dengbao.catalog import load_suite
from dengbao.catalog.coverage import SORTS
from dengbao.catalog.plan import fitting, offered
from dengbao.model import Clause, Evidence, EvidenceKind, Item, Kind, Method, Polarity, Suite
from dengbao.probes.registry import probes_for

from .official import FILE, Annex, join, read_annex

ROOT = Path(__file__).parents[1]
SUITE: Suite = load_suite(ROOT / "suites" / "annex3-2023")
ANNEX: Annex = read_annex(FILE.read_text(encoding="utf-8"))
ITEMS: Mapping[str, Item] = {one.id: one for one in SUITE.items()}
CLAUSES: Mapping[str, Clause] = {one.id: one for one in SUITE.clauses()}

W, T, H, D, B = Kind.WEB, Kind.TLS, Kind.HOST, Kind.DATABASE, Kind.BACKUP
# Every check an item may name, with the kinds of assets it answers.
CHECKS: Mapping[str, tuple[Kind, ...]] = {
    "identity.login_required": (W, H, D),
    "identity.unique_accounts": (W, H, D),
    "identity.empty_password": (W, H, D),
    "identity.password_complexity": (W, H, D),
    "identity.password_ageing": (W, H, D),
    "identity.login_failure": (W, H, D),
    "identity.lockout": (W, H, D),
    "identity.idle_timeout": (W, H, D),
    "identity.logout_ends_session": (W,),
    "identity.remote_admin_encrypted": (W, H, D, T),
    "identity.session_cookie": (W,),
    "identity.captured_admin": (W, H, D),
    "identity.two_factor": (W, H, D),
    "identity.crypto_factor": (W, H, D),
    "identity.cleartext_admin": (H,),
    "identity.ssh_algorithms": (H,),
    "access.accounts_assigned": (W, H, D),
    "access.anonymous_disabled": (W, H, D),
    "access.default_account_renamed": (W, H, D),
    "access.default_password": (W, H, D),
    "access.stale_accounts": (W, H, D),
    "access.stale_disabled": (W, H, D),
    "access.roles_defined": (W, H, D),
    "access.privilege_separation": (W, H, D),
    "access.least_privilege": (W, H, D),
    "access.rules_configured": (W, H, D),
    "access.no_overreach": (W, H, D),
    "access.granularity": (W, H, D),
    "access.security_labels": (H, D),
    "access.mandatory_control": (H, D),
    "audit.enabled": (W, H, D),
    "audit.covers_users": (W, H, D),
    "audit.covers_events": (W, H, D),
    "audit.record_fields": (W, H, D),
    "audit.log_protection": (W, H, D),
    "audit.log_retention": (H, D),
    "audit.process_protection": (H, D),
    "audit.stop_refused": (H,),
    "intrusion.minimal_install": (H, D),
    "intrusion.unneeded_packages": (H, D),
    "intrusion.listening_programs": (H,),
    "intrusion.services": (H,),
    "intrusion.open_ports": (H,),
    "intrusion.exposed_services": (H,),
    "intrusion.smb_shares": (H,),
    "intrusion.admin_sources": (H, D),
    "intrusion.admin_sources_tried": (H,),
    "intrusion.tls_weaknesses": (W, T),
    "intrusion.web_headers": (W,),
    "intrusion.api_schema": (W,),
    "intrusion.input_validation": (W,),
    "intrusion.pending_updates": (H, D),
    "intrusion.known_holes": (H,),
    "intrusion.detection": (H,),
    "trusted.alarm": (H,),
    "trusted.boot": (H,),
    "trusted.runtime": (H,),
    "integrity.captured_flows": (W,),
    "integrity.transport": (W, T),
    "integrity.storage": (H, D),
    "integrity.rows": (D,),
    "integrity.rows_altered": (D,),
    "integrity.tampering": (W,),
    "confidentiality.captured_flows": (W, D),
    "confidentiality.transport": (W, D, T),
    "confidentiality.certificate": (W, T),
    "confidentiality.cleartext_login": (W,),
    "confidentiality.sensitive_columns": (D,),
    "confidentiality.stored_files": (W, H, D),
    "confidentiality.password_hash": (H, D),
    "backup.performed": (B,),
    "backup.policy": (B,),
    "backup.matches_policy": (B,),
    "backup.readable": (B,),
    "backup.restorable": (B,),
    "backup.offsite": (D, B),
    "residual.memory": (H, D),
    "residual.session": (W, H, D),
    "residual.password_change": (W,),
    "residual.cache_headers": (W,),
    "residual.export_files": (W,),
    "privacy.restricted_access": (W, D),
    "privacy.real_data_in_test": (W, D),
    "privacy.export_rights": (W,),
    "privacy.access_logged": (W,),
    "privacy.masking": (W,),
    "privacy.necessary_fields": (W,),
}
# The platforms whose guidance an item needs for each of its kinds.
PLATFORMS: Mapping[Kind, frozenset[str]] = {
    Kind.WEB: frozenset({"web"}),
    Kind.TLS: frozenset({"tls"}),
    Kind.HOST: frozenset({"linux", "windows-server"}),
    Kind.DATABASE: frozenset({"mysql-mariadb", "postgresql-kingbase", "oracle", "sqlserver", "dameng"}),
    Kind.BACKUP: frozenset({"backup"}),
    Kind.SYSTEM: frozenset({"system"}),
}
EXTRA_PLATFORMS = frozenset({"kylin-openeuler"})
POLARITY: Mapping[str, Polarity] = {
    "1.a.3": Polarity.NEGATIVE,
    "2.c.1": Polarity.MIXED,
    "2.e.3": Polarity.NEGATIVE,
    "4.b.2": Polarity.NEGATIVE,
}
HIGH_RISK: Mapping[str, str] = {
    "1.a": "6.4.1.1",
    "1.c": "6.4.1.2",
    "1.d": "6.4.1.3",
    "2.b": "6.4.2.1",
    "2.e": "6.4.2.2",
    "4.b": "6.4.3.1",
    "4.d": "6.4.3.3",
    "4.e": "6.4.3.2",
    "7.a": "6.4.5.1",
    "7.b": "6.4.5.2",
    "8.a": "6.4.6.1",
    "10.a": "6.4.7.1",
    "10.b": "6.4.7.2",
}


def test_the_annex_holds_six_mandatory_items_ten_chapters_32_clauses_and_68_items() -> None:
    clauses = [one for chapter in ANNEX.chapters for one in chapter.clauses]
    counted = (
        len(ANNEX.mandatory),
        len(ANNEX.chapters),
        len(clauses),
        sum(len(one.items) for one in clauses),
    )
    assert counted == (6, 10, 32, 68)
    assert (len(SUITE.mandatory), len(SUITE.chapters), len(CLAUSES), len(ITEMS)) == (6, 10, 32, 74)


def test_only_the_four_known_places_needed_mending() -> None:
    assert ANNEX.mended == ["2.c.1", "4.f", "6.a.2", "7.b.2"]


@pytest.mark.parametrize(
    ("head", "tail", "whole"),
    [
        ("在发生严重入侵事件时", "提供报警。", "在发生严重入侵事件时提供报警。"),
        ("是否一一对应。", "应；", "是否一一对应；"),
    ],
)
def test_a_cut_sentence_is_joined(head: str, tail: str, whole: str) -> None:
    assert join(head, tail) == whole


def test_a_line_that_continues_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="does not continue"):
        join("应核查是否进行角色划分；", "另行规定。")


def test_mandatory_items_are_verbatim_and_asked_of_the_system() -> None:
    assert [one.text for one in SUITE.mandatory] == ANNEX.mandatory
    assert [one.id for one in SUITE.mandatory] == [f"M.{number}" for number in range(1, 7)]
    assert {one.kinds for one in SUITE.mandatory} == {(Kind.SYSTEM,)}


@pytest.mark.parametrize("index", range(10), ids=lambda index: f"chapter_{index + 1}")
def test_chapters_clauses_and_items_are_verbatim(index: int) -> None:
    official, ours = ANNEX.chapters[index], SUITE.chapters[index]
    assert (ours.number, ours.title) == (official.number, official.title)
    assert [(one.letter, one.text) for one in ours.clauses] == [
        (one.letter, one.text) for one in official.clauses
    ]
    for clause, printed in zip(ours.clauses, official.clauses, strict=True):
        assert clause.id == f"{ours.number}.{clause.letter}"
        assert [(one.id, one.text) for one in clause.items] == [
            (f"{clause.id}.{number}", text) for number, text in enumerate(printed.items, 1)
        ]


def test_units_and_sources_follow_the_standard_in_order() -> None:
    # The standard has no unit 16; the annex leaves out 23 (malicious code) and 31 (hot standby).
    units = [f"L3-CES1-{number:02d}" for number in range(1, 36) if number not in (16, 23, 31)]
    assert [one.unit for one in SUITE.clauses()] == units
    for chapter in SUITE.chapters:
        control = chapter.number if chapter.number <= 4 else chapter.number + 1
        for clause in chapter.clauses:
            letter = "" if chapter.number == 5 else f" {clause.letter})"
            assert clause.source == f"GB/T 22239-2019 8.1.4.{control}{letter}"


def test_polarity_is_positive_but_for_the_four_known_items() -> None:
    others = {one.id: one.polarity for one in SUITE.items() if one.polarity is not Polarity.POSITIVE}
    assert others == POLARITY


def test_the_mixed_item_alone_holds_two_questions() -> None:
    asked = {one.id: one.questions for one in SUITE.items() if one.questions}
    assert list(asked) == ["2.c.1"]
    first, second = asked["2.c.1"]
    assert "“否”为符合" in first
    assert "“是”为符合" in second


def test_methods_follow_the_verbs_of_the_items() -> None:
    for clause in SUITE.clauses():
        for item in clause.items:
            expected = {
                Method.INTERVIEW: "访谈" in item.text,
                Method.EXAMINE: re.match("应(访谈并)?核查", item.text) is not None,
                Method.TEST: any(word in item.text for word in ("测试验证", "嗅探", "渗透测试")),
            }
            assert set(item.methods) == {one for one, used in expected.items() if used}, item.id


def test_anomalies_are_listed_where_they_stand() -> None:
    noted = {one.id for one in SUITE.items() if one.anomaly}
    assert noted == {
        *POLARITY, "4.a.2", "4.e.1", "6.b.1", "6.b.2", "6.b.3", "10.a.2", "10.b.2",
    }  # fmt: skip
    assert {one.id for one in SUITE.clauses() if one.anomaly} == {"1.a", "1.b", "1.c", "5.a", "6.b"}


def test_the_suite_names_what_the_annex_leaves_out_and_repeats() -> None:
    whole = "\n".join(SUITE.anomalies)
    for word in ("L3-CES1-23", "L3-CES1-31", "第三章", "2.c.1", "1.a.3", "4.b.2", "2.e.3", "6.b", "10.b.2"):
        assert word in whole, word


def test_the_copied_texts_are_copies() -> None:
    stored = [one.text for one in CLAUSES["7.b"].items]
    assert [one.text for one in CLAUSES["6.b"].items] == stored
    assert ITEMS["10.a.2"].text == ITEMS["10.b.2"].text


def test_high_risk_cases_stand_at_their_clauses() -> None:
    found = {one.id: one.high_risk.case for one in SUITE.clauses() if one.high_risk}
    assert found == HIGH_RISK


def test_items_name_known_checks_that_answer_one_of_their_kinds() -> None:
    for item in SUITE.items():
        for use in item.checks:
            assert set(CHECKS[use.use]) & set(item.kinds), f"{item.id} {use.use}"


def test_every_check_is_used_and_all_its_kinds_are_asked() -> None:
    asked: dict[str, set[Kind]] = {}
    for item in SUITE.items():
        for use in item.checks:
            asked.setdefault(use.use, set()).update(item.kinds)
    assert set(asked) == set(CHECKS)
    assert {check for check, kinds in CHECKS.items() if not set(kinds) <= asked[check]} == set()


def test_the_table_names_every_kind_that_a_check_answers() -> None:
    registry = checking.load(ROOT / "checks")
    asked: dict[str, set[Kind]] = {}
    for item in SUITE.items():
        for use in item.checks:
            asked.setdefault(use.use, set()).update(item.kinds)
    answers = {
        check: {
            asset.kind
            for _, asset in SORTS
            if asset.kind in asked[check] and fitting(registry, check, offered(probes_for(asset)))
        }
        for check in registry.ids()
    }
    assert answers == {check: set(kinds) for check, kinds in CHECKS.items()}


def test_tls_endpoints_are_asked_only_where_a_check_answers() -> None:
    for item in SUITE.items():
        answered = any(Kind.TLS in CHECKS[use.use] for use in item.checks)
        assert (Kind.TLS in item.kinds) == answered, item.id


@pytest.mark.parametrize("item_id", ITEMS)
def test_guidance_covers_every_kind_and_says_what_to_expect(item_id: str) -> None:
    item = ITEMS[item_id]
    given = [one.platform for one in item.by_hand.how]
    needed = frozenset[str]().union(*(PLATFORMS[kind] for kind in item.kinds))
    known = EXTRA_PLATFORMS.union(*PLATFORMS.values())
    assert needed <= set(given) <= known
    assert len(given) == len(set(given))
    assert all(one.steps.strip() and one.expect.strip() for one in item.by_hand.how)
    assert item.by_hand.ask
    assert item.advice
    assert item.by_hand.keep
    assert set(item.by_hand.keep) <= {one.value for one in EvidenceKind}


def test_the_profile_has_a_value_for_every_parameter_of_the_checks() -> None:
    # Read, not imported: the harness loads every check, and this test is about data alone.
    source = (ROOT / "tests" / "live" / "harness.py").read_text(encoding="utf-8")
    [node] = [
        one
        for one in ast.walk(ast.parse(source))
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and one.target.id == "PROFILE"
    ]
    assert node.value is not None
    used: dict[str, object] = ast.literal_eval(node.value)
    assert set(SUITE.profile) == set(used)
    assert {name: type(one.value) for name, one in SUITE.profile.items()} == {
        name: type(value) for name, value in used.items()
    }


def test_only_article_13_binds() -> None:
    binding = {name: one.value for name, one in SUITE.profile.items() if one.certainty == "binding"}
    assert binding == {"password_min_length": 8, "password_classes": 4, "password_max_age_days": 90}
    assert {SUITE.profile[name].source for name in binding} == {"宁医保办发〔2023〕72号 第十三条"}
    assert all(one.source for one in SUITE.profile.values())


def test_the_sample_evidence_is_whole() -> None:
    folder = ROOT / "evidence" / "sample"
    raw = yaml.safe_load((folder / "EV-0001.yaml").read_text(encoding="utf-8"))
    evidence = msgspec.convert(raw, Evidence)
    assert set(evidence.items) <= set(ITEMS)
    assert evidence.reviewed is not None
    assert not evidence.collected_by.same_as(evidence.reviewed.by)
    [file] = evidence.files
    data = (folder / file.name).read_bytes()
    assert (file.size_bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    # Not every build of OpenSSL has SM3; the digest itself must be there.
    assert len(file.sm3) == 64
    if "sm3" in hashlib.algorithms_available:
        assert file.sm3 == hashlib.new("sm3", data).hexdigest()
    assert {one.name for one in folder.iterdir()} == {"EV-0001.yaml", "EV-0001.png"}
