"""What applications show of persons: real pages, the JSON behind them, and exports."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import msgspec
import pytest

from dengbao.model import Export, Level, Scope
from dengbao.probes.web.collected import interfaces
from dengbao.probes.web.facts_persons import WebExports, WebPersons
from dengbao.probes.web.persons import labelled
from dengbao.probes.web.reading import read

from ..servers.persons import ID_CARD, PASSWORD, PHONE, VARIABLE, Shows, showing
from .harness import Sight, look

ESCAPED = "".join(f"\\u{ord(one):04x}" for one in ID_CARD)
LONG = "<p>本页仅供登记在册的医务人员于诊疗活动中查阅，查阅行为均留有记录，不得截屏、转发或用于其他用途</p>"
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
    "name masked everywhere": (Shows(name_masked=True, json_name="张*"), (C, C, C)),
    "whole name in the JSON under another key": (Shows(name_masked=True), (U, C, C)),
    "whole name in an attribute": (
        Shows(name_masked=True, json_name="张*", page_more='<i data-full="张三"></i>'),
        (U, C, C),
    ),
    "id escaped in the JSON": (Shows(behind=f'"{ESCAPED}"'), (P, C, C)),
    "id as entities in the source": (
        Shows(page_more=f"<i title='{''.join(f'&#{ord(one)};' for one in ID_CARD)}'></i>"),
        (P, C, C),
    ),
    "id in base64 behind the page": (
        Shows(behind=f'"{base64.b64encode(ID_CARD.encode()).decode()}"'),
        (P, C, C),
    ),
    "id without a right check digit behind the page": (
        Shows(
            page_more="<dl><dt>身份证号</dt><dd>110105********0021</dd></dl>",
            behind='{"no": "110105194912310021"}',
        ),
        (U, C, C),
    ),
    "one star is no mask": (
        Shows(page_more="<dl><dt>身份证号</dt><dd>11010519491231002*</dd></dl>"),
        (U, C, C),
    ),
    "a placeholder is no value": (Shows(page_more="<dl><dt>身份证号</dt><dd>--</dd></dl>"), (C, C, C)),
    "export of kinds nothing can be said of": (
        Shows(export_masked=("id_card", "address", "name")),
        (U, C, C),
    ),
    "export without persons": (Shows(export_rows="\r\n"), (U, C, C)),
    "export with the number in pieces": (
        Shows(export_rows=f"1,张三,{ID_CARD[:9]}<b>{ID_CARD[9:]}</b>\r\n"),
        (P, C, C),
    ),
    "export refused because of load": (Shows(export_busy=True, export_marker="序号"), (C, C, U)),
    "export refused because the session ended": (Shows(export_ends_session=True), (C, C, U)),
    "a label nobody declared": (Shows(more_label="宗教信仰"), (C, U, C)),
    "a form that asks for more": (
        Shows(page_more="<form><label for=m>民族</label><input id=m name=minzu></form>"),
        (C, U, C),
    ),
    "a form that asks for what is declared": (
        Shows(page_more="<form><td>手机号</td><td><input name=mobile></td><input name=q></form>"),
        (C, C, C),
    ),
    "more in the JSON than on the page": (Shows(behind='{"religion": "无", "bankCardNo": ""}'), (C, U, C)),
    "an interface nobody declared": (
        Shows(page_more=LONG + "<script>fetch('/api/patient/full').then(show)</script>"),
        (U, C, C),
    ),
    "the declared interface named in a script": (
        Shows(page_more=LONG + "<script>$.get('/api/patient', show)</script>"),
        (C, C, C),
    ),
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


@pytest.mark.parametrize(
    ("stored", "expected"), [((), C), (("/api/patient",), P), (("/patient", "/api/patient"), N)]
)
def test_what_shows_persons_must_not_be_stored_either(stored: tuple[str, ...], expected: str) -> None:
    scope = Scope(level=Level.LOGIN, addresses=("127.0.0.0/8",), connections_per_s=2000)
    with showing(Shows(stored=stored)) as asset:
        sight = look(asset, scope=scope, only=("web.session", "web.persons"))
        assert sight.verdicts(("residual.cache_headers",)) == {"residual.cache_headers": expected}
        # Where they could not be looked at, the others alone prove nothing of them.
        less = look(asset, scope=scope, only=("web.session",))
        assert less.verdicts(("residual.cache_headers",))["residual.cache_headers"] in (U, N, P)


def test_an_export_nobody_else_asked_for_is_not_kept_to_roles() -> None:
    scope = Scope(level=Level.INTRUDE, addresses=("127.0.0.0/8",), connections_per_s=2000)
    with showing(Shows()) as asset:
        alone = msgspec.structs.replace(asset, accounts=asset.accounts[:1])
        sight = look(alone, scope=scope, only=("web.exports",))
    outcome = sight.judge("privacy.export_rights")
    assert (outcome.verdict or outcome.status).value == U
    assert "没有以无权的角色请求过" in outcome.statement


@pytest.mark.parametrize(
    ("shows", "kept_s", "expected"),
    [
        (Shows(), 0.0, C),
        (Shows(), None, C),
        (Shows(file_kept=True), 0.0, P),
        (Shows(file_kept=True), 0.2, P),
        (Shows(file_kept=True), 60.0, U),
        (Shows(file_kept=True), None, U),
        (Shows(file_kept=True, file_open=True), None, N),
        (Shows(file_once=True, file_open=True), 0.0, N),
        (Shows(file_ends_session=True), 0.0, U),
        (Shows(export_for=()), 0.0, U),
    ],
)
def test_the_file_an_export_made_must_go(shows: Shows, kept_s: float | None, expected: str) -> None:
    scope = Scope(level=Level.INTRUDE, addresses=("127.0.0.0/8",), connections_per_s=2000, wait_s=0.3)
    with showing(shows) as asset:
        export = Export(
            path="/export/file", method="POST", account="doctor", name="清单", roles=("医生",),
            file_key="data.url", kept_s=kept_s,
        )  # fmt: skip
        assert asset.app is not None
        app = msgspec.structs.replace(asset.app, exports=(export,))
        sight = look(msgspec.structs.replace(asset, app=app), scope=scope, only=("web.exports",))
    outcome = sight.judge("residual.export_files")
    assert (outcome.verdict or outcome.status).value == expected, outcome.statement
    assert "张" not in outcome.statement
    assert not outcome.proofs or outcome.verdict is not None


def test_an_export_that_names_no_file_says_nothing_of_it() -> None:
    assert see(Shows()).verdicts(("residual.export_files",)) == {"residual.export_files": U}


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


def test_only_addresses_of_its_own_are_interfaces_a_page_draws_from() -> None:
    page = """<table data-url="/patients/list"></table><a href="/help">帮助</a><script src="/app.js"></script>
    <i data-src="https://example.com/x"></i><i data-url="//cdn.example.com/y"></i><script>
    fetch('/api/a?x=1'); axios.get("api/b"); $.ajax({url: '/api/c', type: 'GET'}); open('GET', '/d')
    </script>"""
    found = interfaces(read(page.encode(), "text/html"), ("/api/a",))
    assert found == ("/patients/list", "api/b", "/api/c")


def test_rows_of_nested_tables_are_read_once_and_below_their_own_headings() -> None:
    inner = "<table><tr><th>电话</th></tr><tr><td>138****0000</td></tr></table>"
    page = f"<table><tr><th>姓名</th></tr><tr><td>{inner}</td></tr><tr><td>张三</td></tr></table>"
    assert labelled(read(page.encode(), "text/html")) == {"姓名": ["张三"], "电话": ["138****0000"]}


def test_a_page_of_labels_within_labels_is_read_within_bounds() -> None:
    depth = 400
    page = "<table><tr><td>" * depth + "x" + "<label for=a>姓名" * depth + "<p id=a>张三"
    found = labelled(read(page.encode(), "text/html"))
    assert sum(map(len, found.values())) <= depth * 2
