"""Altered on the way: our own TLS records and business messages against real servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
import pytest

from dengbao.errors import ProbeError
from dengbao.model import Level, Scope
from dengbao.probes.web import messages
from dengbao.probes.web.facts_tampering import WebMessages, WebTampering
from dengbao.probes.web.messages import altered_text

from ..servers.messages import KEY, KEY_VARIABLE, Gateway, gateway
from ..servers.web import Certificates, mint
from .harness import MemoryLedger, Sight, agree, look

C, P, N, U = "conform", "partial", "nonconform", "undetermined"
PROBES = ("web.tampering", "web.messages")
# What the others look at was not asked for here.
ELSEWHERE = (
    "access.anonymous_disabled", "access.default_password", "confidentiality.certificate",
    "confidentiality.cleartext_login", "confidentiality.transport", "identity.empty_password",
    "identity.idle_timeout", "identity.lockout", "identity.login_failure", "identity.login_required",
    "identity.logout_ends_session", "identity.remote_admin_encrypted", "identity.session_cookie",
    "integrity.transport", "intrusion.tls_weaknesses", "intrusion.web_headers",
    "privacy.restricted_access", "residual.cache_headers", "residual.session",
)  # fmt: skip
SITUATIONS: Mapping[str, tuple[Gateway, str]] = {
    "every protection": (Gateway(), C),
    "signature in a header, over the body": (Gateway(in_header=True), C),
    "signature not looked at": (Gateway(signature=False), P),
    "amount not covered by the signature": (Gateway(covers=("visit", "timestamp", "nonce")), P),
    "the same answer to everything": (Gateway(says_yes=True), U),
    "signature may be left away": (Gateway(demands_signature=False), P),
    "replayed message taken": (Gateway(once=False), P),
    "stale message taken": (Gateway(fresh_s=None), P),
    "clear text, every protection": (Gateway(tls=False), P),
    "clear text, nothing looked at": (Gateway(tls=False, signature=False, once=False, fresh_s=None), N),
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return mint(tmp_path_factory.mktemp("messages"))


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)


def see(
    conduct: Gateway,
    certificates: Certificates,
    *,
    level: Level = Level.INTRUDE,
    ledger: MemoryLedger | None = None,
) -> Sight:
    scope = Scope(level=level, addresses=("127.0.0.0/8",), connections_per_s=2000)
    with gateway(conduct, certificates) as url:
        asset = conduct.asset(url, certificates.ca_file)
        return look(asset, scope=scope, only=PROBES, ledger=ledger)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_verdicts_are_those_written_down(situation: str, certificates: Certificates) -> None:
    conduct, expected = SITUATIONS[situation]
    ledger = MemoryLedger()
    sight = see(conduct, certificates, ledger=ledger)
    agree(f"messages: {situation}", sight, {**dict.fromkeys(ELSEWHERE, U), "integrity.tampering": expected})
    # What was carried out was taken back, wrong messages included.
    assert conduct.kept == []
    assert ledger.owed == {}


def test_what_passed_is_told_so_that_it_can_be_repeated(certificates: Certificates) -> None:
    outcome = see(Gateway(covers=("visit", "timestamp", "nonce")), certificates).judge("integrity.tampering")
    assert "改动字段：接受 1 次（amount）" in outcome.statement
    assert [one.request.rpartition("（")[2] for one in outcome.proofs] == ["改动字段“amount”）"]
    assert all(one.at is not None and one.answer == "200，接受" for one in outcome.proofs)
    assert KEY not in msgspec.json.encode(outcome).decode()


def test_every_request_is_announced_with_purpose_and_item(certificates: Certificates) -> None:
    conduct = Gateway()
    sight = see(conduct, certificates)
    sent = [request for purpose, request in sight.announced if purpose.clause == "6.a.2"]
    assert sum("/settle" in one for one in sent) == conduct.received
    assert any("加密记录翻转一位" in one for one in sent)
    assert all(KEY not in one for one in sent)


def test_below_the_level_nothing_is_sent(certificates: Certificates) -> None:
    conduct = Gateway()
    sight = see(conduct, certificates, level=Level.LOGIN)
    assert conduct.received == 0
    assert {one.reason.value for one in sight.missing.values()} == {"not_authorised"}


def test_a_flipped_bit_ends_the_connection_of_a_real_server(certificates: Certificates) -> None:
    facts = see(Gateway(), certificates).facts["web.tampering"]
    assert isinstance(facts, WebTampering)
    assert [one.ended for one in facts.tries] == ["answered", facts.tries[1].ended, "answered"]
    assert facts.tries[1].ended in ("alert", "closed")
    assert facts.noticed is True


def test_clear_text_without_declared_messages_decides_nothing(certificates: Certificates) -> None:
    conduct = Gateway(tls=False)
    with gateway(conduct, certificates) as url:
        asset = msgspec.structs.replace(conduct.asset(url, certificates.ca_file), app=None)
        scope = Scope(level=Level.INTRUDE, addresses=("127.0.0.0/8",))
        outcome = look(asset, scope=scope, only=PROBES).judge("integrity.tampering")
    assert outcome.verdict is None
    assert "须在 app.messages 登记" in outcome.statement


def test_a_wrong_key_of_ours_proves_nothing(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "another")
    conduct = Gateway()
    sight = see(conduct, certificates)
    facts = sight.facts["web.messages"]
    assert isinstance(facts, WebMessages)
    assert [one.way for one in facts.messages[0].tries] == ["right"]
    assert sight.judge("integrity.tampering").verdict is None


@pytest.mark.parametrize(("owed", "kept", "left"), [(1, 0, 0), (1, 1, 0), (3, 3, 0), (1, 3, 2)])
def test_after_a_crash_as_many_are_taken_back_as_were_sent(
    certificates: Certificates, owed: int, kept: int, left: int
) -> None:
    conduct = Gateway()
    ledger = MemoryLedger()
    for number in range(owed):
        ledger.owe(f"settle/0123456789ab/{number}", "业务报文“结算”已发送，须撤销")
    conduct.kept.extend({"visit": "V1"} for _ in range(kept))
    with gateway(conduct, certificates) as url:
        asset = conduct.asset(url, certificates.ca_file)
        sight = look(asset, scope=Scope(level=Level.OBSERVE, addresses=("127.0.0.0/8",)), only=("none",))
        assert sight.facts == {}
        asyncio.run(messages.undo(asset, sight.context(ledger)))
    assert len(conduct.kept) == left
    assert ledger.owed == {}


def test_nothing_described_is_sent_in_clear_where_the_application_is_https(
    certificates: Certificates,
) -> None:
    conduct, plain = Gateway(), Gateway(tls=False, kept=[{"visit": "V1"}])
    ledger = MemoryLedger()
    ledger.owe("settle/0123456789ab/0", "业务报文“结算”已发送，须撤销")
    with gateway(conduct, certificates) as url, gateway(plain, certificates) as clear:
        asset = conduct.asset(url, certificates.ca_file)
        assert asset.app is not None
        message = asset.app.messages[0]
        assert message.undo is not None
        undo = msgspec.structs.replace(message.undo, path=f"{clear}/cancel")
        app = msgspec.structs.replace(asset.app, messages=(msgspec.structs.replace(message, undo=undo),))
        asset = msgspec.structs.replace(asset, app=app)
        sight = look(asset, scope=Scope(level=Level.OBSERVE, addresses=("127.0.0.0/8",)), only=("none",))
        with pytest.raises(ProbeError, match="明文"):
            asyncio.run(messages.undo(asset, sight.context(ledger)))
    assert plain.kept == [{"visit": "V1"}]
    assert ledger.owed


def test_what_cannot_be_taken_back_stays_owed(certificates: Certificates) -> None:
    conduct = Gateway()
    ledger = MemoryLedger()
    ledger.owe("settle/0123456789ab", "业务报文“结算”已发送，须撤销")
    with gateway(conduct, certificates) as url:
        asset = conduct.asset(url, certificates.ca_file, undo=False)
        sight = look(asset, scope=Scope(level=Level.OBSERVE, addresses=("127.0.0.0/8",)), only=("none",))
        with pytest.raises(ProbeError, match="未登记撤销方法"):
            asyncio.run(messages.undo(asset, sight.context(ledger)))
    assert ledger.owed


@pytest.mark.parametrize(
    ("text", "wanted"), [("128.50", "128.51"), ("V9", "V0"), ("ab", "aa"), ("患者", "患者1"), ("", "1")]
)
def test_an_altered_value_keeps_its_shape(text: str, wanted: str) -> None:
    assert altered_text(text) == wanted
