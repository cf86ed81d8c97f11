"""Interfaces asked by their own description, by schemathesis through our guard."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from dengbao.engines import find_engines
from dengbao.model import Level, Scope
from dengbao.probes.web.facts_openapi import WebApi
from dengbao.probes.web.openapi import reduced

from ..servers.api import PASSWORD, VARIABLE, Api, Conduct, serve
from .harness import Sight, look

C, P, N, U = "conform", "partial", "nonconform", "undetermined"
SITUATIONS: Mapping[str, tuple[Conduct, str]] = {
    "errors come with 200": (Conduct(soft=True), C),
    "wrong pages are taken": (Conduct(checks=False), P),
    "wrong pages are taken, and break it": (Conduct(checks=False, crashes=True), N),
    "the session ends in between": (Conduct(dies=3), U),
}


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)


def see(api: Api, *, level: Level = Level.INTRUDE, engines: Mapping[str, str] | None = None) -> Sight:
    scope = Scope(level=level, addresses=("127.0.0.0/8",), connections_per_s=2000)
    with serve(api) as url:
        found = find_engines() if engines is None else engines
        return look(api.asset(url), scope=scope, only=("web.api",), engines=found)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_verdicts_are_those_written_down(situation: str) -> None:
    conduct, expected = SITUATIONS[situation]
    api = Api(conduct)
    sight = see(api)
    outcome = sight.judge("intrusion.api_schema")
    assert (outcome.verdict or outcome.status).value == expected, outcome.statement
    # Whatever the description offers, nothing but GET is asked, and nothing that ends or removes. At first
    # the engine asks a path of its own, to learn which letters the server takes.
    others = {one for one in api.asked if "schemathesis-probe" not in one[1]}
    assert others == {("GET", "/api/patients")}
    assert {method for method, _ in api.asked} == {"GET"}
    facts = sight.facts["web.api"]
    assert isinstance(facts, WebApi)
    assert facts.left_out == (
        "POST /patients", "DELETE /patients", "GET /logout", "GET /records/{id}/delete",
    )  # fmt: skip
    if expected in (P, N):
        assert outcome.proofs[0].request.startswith("GET /patients")
        assert outcome.proofs[0].role == "接口用户"
    told = [request for purpose, request in sight.announced if purpose.clause == "4.d.2"]
    assert any("schemathesis 连接 127.0.0.1" in one for one in told)
    kept = msgspec.json.encode([outcome, facts]).decode() + b"".join(sight.raw.values()).decode()
    assert not any(one in kept for one in api.sessions)


def test_without_the_engine_its_name_is_told() -> None:
    sight = see(Api(), engines={})
    outcome = sight.judge("intrusion.api_schema")
    assert outcome.verdict is None
    assert "schemathesis" in outcome.statement


def test_below_the_level_nothing_is_asked() -> None:
    api = Api()
    sight = see(api, level=Level.LOGIN)
    assert api.asked == []
    assert {one.reason.value for one in sight.missing.values()} == {"not_authorised"}


def test_only_harmless_queries_are_kept() -> None:
    get = {"get": {"operationId": "exportAll"}}
    kept, left = reduced({"openapi": "3.0.3", "servers": [{"url": "https://other.test"}], "paths": {
        "/a": {"get": {}, "put": {}}, "/b": get, "/c": {"post": {}},
    }})  # fmt: skip
    assert kept == {"openapi": "3.0.3", "paths": {"/a": {"get": {}}}}
    assert left == ["PUT /a", "GET /b", "POST /c"]
