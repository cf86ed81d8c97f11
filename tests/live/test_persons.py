"""What applications show of persons: real pages, the JSON behind them, and exports."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from dengbao.model import Level, Scope
from dengbao.probes.web.facts_persons import WebExports, WebPersons

from ..servers.persons import ID_CARD, PASSWORD, PHONE, VARIABLE, Shows, showing
from .harness import Sight, look

C, P, N, U = "conform", "partial", "nonconform", "undetermined"
CHECKS = ("privacy.masking", "privacy.necessary_fields", "privacy.export_rights")
SITUATIONS: Mapping[str, tuple[Shows, tuple[str, str, str]]] = {
    "no more than it should": (Shows(), (C, C, C)),
    "page in full": (Shows(page_full=True), (P, C, C)),
    "full value in a hidden field": (Shows(hidden_full=True), (P, C, C)),
    "full value in the JSON behind a masked page": (Shows(json_full=True), (P, C, C)),
    "everything in full": (Shows(page_full=True, json_full=True, export_full=True), (N, C, C)),
    "interface behind the page fails": (Shows(json_fails=True), (U, C, C)),
    "export in full": (Shows(export_full=True), (P, C, C)),
    "export for another role": (Shows(export_for=("doctor", "cashier")), (C, C, N)),
    "export for everybody": (Shows(export_open=True), (C, C, N)),
    "export for nobody": (Shows(export_for=()), (U, C, U)),
    "a label nobody declared": (Shows(more_label="宗教信仰"), (C, U, C)),
    "a label that is not personal": (Shows(more_label="病历号"), (C, C, C)),
}


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)


def see(shows: Shows, level: Level = Level.INTRUDE) -> Sight:
    scope = Scope(level=level, addresses=("127.0.0.0/8",), connections_per_s=2000)
    with showing(shows) as asset:
        return look(asset, scope=scope, only=("web.persons", "web.exports"))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_verdicts_are_those_written_down(situation: str) -> None:
    shows, expected = SITUATIONS[situation]
    sight = see(shows)
    got = sight.verdicts(CHECKS)
    assert got == dict(zip(CHECKS, expected, strict=True)), {
        one: sight.judge(one).statement for one in CHECKS
    }


def test_no_value_of_a_person_is_kept() -> None:
    sight = see(Shows(page_full=True, hidden_full=True, json_full=True, export_full=True, export_open=True))
    kept = b"".join([*sight.raw.values(), *(msgspec.json.encode(one) for one in sight.facts.values())])
    told = "".join(sight.judge(one).statement for one in CHECKS).encode()
    for value in (ID_CARD, PHONE, "张三", PASSWORD):
        assert value.encode() not in kept + told


def test_only_requests_of_those_who_may_not_are_announced() -> None:
    sight = see(Shows())
    sent = [request for _, request in sight.announced]
    assert sum("/export" in one for one in sent) == 2  # the cashier and a stranger
    assert all("/export" in one or "/login" in one for one in sent)  # the stranger was sent to the login
    assert {purpose.clause for purpose, _ in sight.announced} == {"10.b.1"}


def test_at_login_level_exports_are_left_alone() -> None:
    sight = see(Shows(), Level.LOGIN)
    assert isinstance(sight.facts["web.persons"], WebPersons)
    assert "web.exports" not in sight.facts
    assert sight.announced == []
    assert sight.verdicts(CHECKS)["privacy.export_rights"] == U


def test_a_finding_can_be_seen_again() -> None:
    sight = see(Shows(json_full=True, export_open=True))
    proof = sight.judge("privacy.masking").proofs[0]
    assert (proof.request, proof.role) == ("GET /patient", "医生")
    assert "接口 /api/patient" in proof.answer
    export = sight.judge("privacy.export_rights").proofs[0]
    assert export.request.endswith("/export")
    assert export.role == ""
    assert "text/csv" in export.answer
    facts = sight.facts["web.exports"]
    assert isinstance(facts, WebExports)
    assert [one.got for one in facts.exports[0].tries] == [True, False, True]
