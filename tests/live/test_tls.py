"""Live endpoints: every verdict was written down before the first run."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NoReturn

import psutil
import pytest

from dengbao.engines import find_engines
from dengbao.errors import ProbeIncapable, Reason, TimedOut, Unreachable
from dengbao.model import Level, Scope, TlsAsset, WebAsset
from dengbao.probes.base import Context
from dengbao.probes.tls.facts import TlsCertificate, TlsVersions, TlsWeaknesses
from dengbao.probes.tls.line import Line
from dengbao.probes.tls.sslyze import VERSION_QUESTIONS, loading_sslyze
from dengbao.probes.tls.target import line_to, target_of
from dengbao.probes.tls.tunnel import tunnel
from dengbao.redact import Redactor
from dengbao.scope import Guard
from dengbao.secrets import Secrets

from ..servers import tls as servers
from .harness import MemoryLedger, Sight, agree, look

ENGINES = find_engines()
FAST = Scope(
    level=Level.INTRUDE,
    addresses=("127.0.0.0/8",),
    connections_per_s=20_000,
    connections_at_once=8,
)
CHECKS = (
    "confidentiality.certificate",
    "confidentiality.transport",
    "identity.remote_admin_encrypted",
    "integrity.transport",
    "intrusion.tls_weaknesses",
)


def verdicts(certificate: str, transport: str, admin: str, integrity: str, weaknesses: str) -> dict[str, str]:
    return dict(zip(CHECKS, (certificate, transport, admin, integrity, weaknesses), strict=True))


NOTHING_SEEN = verdicts(*["undetermined"] * 5)


@pytest.fixture(scope="module")
def sites() -> Iterator[servers.Nginx]:
    with servers.nginx() as running:
        yield running


def endpoint(port: int, ca_file: str = "") -> TlsAsset:
    return TlsAsset(
        id="tls", name="前置机", address=f"127.0.0.1:{port}", server_name=servers.NAME, ca_file=ca_file
    )


def see(asset: TlsAsset | WebAsset, *, scope: Scope = FAST, engines: dict[str, str] = ENGINES) -> Sight:
    only = ("tls.endpoint", "tls.web", "tls.weaknesses")
    return look(asset, scope=scope, engines=engines, only=only)


def versions_of(sight: Sight) -> dict[str, bool | None]:
    facts = sight.facts["tls.versions"]
    assert isinstance(facts, TlsVersions)
    return {one.name: one.accepted for one in facts.versions}


def test_sslyze_is_there() -> None:
    """Without it the rest would pass for the wrong reason."""
    assert "sslyze" in ENGINES


def test_a_good_endpoint_conforms(sites: servers.Nginx) -> None:
    sight = see(endpoint(sites.ports["good"], sites.ca_file))
    agree("good", sight, verdicts(*["conform"] * 5))
    assert versions_of(sight) == {
        "TLSv1.3": True, "TLSv1.2": True, "TLSv1.1": False, "TLSv1.0": False, "SSLv3": False, "SSLv2": False,
    }  # fmt: skip
    assert {"tls-greeting.json", "sslyze-versions.json", "certificate-0.pem"} <= set(sight.raw)
    assert [one.admitted for one in sight.contacts] == [True, True]


def test_null_and_anonymous_suites_do_not_conform(sites: servers.Nginx) -> None:
    """TLS 1.0 to 1.2 with suites that protect nothing, and an RSA key of 1024 bits."""
    sight = see(endpoint(sites.ports["weak"], sites.ca_file))
    agree("weak", sight, verdicts("partial", "nonconform", "nonconform", "nonconform", "nonconform"))
    assert versions_of(sight)["TLSv1.0"] is True
    assert "1024" in sight.judge("confidentiality.certificate").statement
    assert "NULL" in sight.judge("confidentiality.transport").statement
    assert "anon" in sight.judge("integrity.transport").statement


def test_old_versions_left_on_conform_in_part(sites: servers.Nginx) -> None:
    sight = see(endpoint(sites.ports["old_left_on"], sites.ca_file))
    agree("old_left_on", sight, verdicts("conform", "partial", "partial", "partial", "conform"))
    assert "TLSv1.1、TLSv1.0" in sight.judge("confidentiality.transport").statement


def test_nothing_but_tls10_does_not_conform(sites: servers.Nginx) -> None:
    """Our own library's policy refuses TLS 1.0; that must not read as the server's refusal."""
    sight = see(endpoint(sites.ports["tls10_only"], sites.ca_file))
    agree("tls10_only", sight, verdicts("conform", "nonconform", "nonconform", "nonconform", "conform"))
    facts = sight.facts["tls.versions"]
    assert isinstance(facts, TlsVersions)
    assert (facts.finished, facts.negotiated_version) == (True, "TLSv1.0")


@pytest.mark.parametrize(
    ("site", "declared", "expected", "code"),
    [
        ("expired", True, "nonconform", 10),
        ("self_signed", True, "nonconform", 18),
        ("wrong_host", True, "nonconform", 62),
        ("good", False, "undetermined", 20),
        ("self_signed", False, "nonconform", 18),
        ("good", True, "conform", 0),
    ],
)
def test_certificates_are_judged_without_sslyze(
    sites: servers.Nginx, site: str, declared: bool, expected: str, code: int
) -> None:
    """The engine is missing: what needs it is undetermined and names it, the certificate is judged."""
    asset = endpoint(sites.ports[site], sites.ca_file if declared else "")
    sight = see(asset, engines={})
    agree(f"certificate_{site}", sight, verdicts(expected, *["undetermined"] * 4))
    facts = sight.facts["tls.certificate"]
    assert isinstance(facts, TlsCertificate)
    assert facts.verify_code == code
    for check in CHECKS[1:]:
        outcome = sight.judge(check)
        assert outcome.reason is Reason.ENGINE_MISSING
        assert "sslyze" in outcome.statement


def test_a_self_signed_certificate_that_is_declared_is_trusted(sites: servers.Nginx) -> None:
    asset = endpoint(sites.ports["self_signed"], sites.files["self_signed"])
    assert see(asset, engines={}).verdicts(CHECKS[:1]) == {CHECKS[0]: "conform"}


def test_a_missing_ca_file_leaves_the_certificate_open(sites: servers.Nginx) -> None:
    outcome = see(endpoint(sites.ports["good"], "/nowhere/ca.pem"), engines={}).judge(CHECKS[0])
    assert outcome.reason is Reason.NOT_DECLARED


def test_below_the_level_defects_are_not_looked_for(sites: servers.Nginx) -> None:
    scope = Scope(level=Level.OBSERVE, addresses=("127.0.0.1",), connections_per_s=20_000)
    outcome = see(endpoint(sites.ports["good"]), scope=scope, engines={}).judge(CHECKS[4])
    assert outcome.reason is Reason.ENGINE_MISSING  # versions come first among the facts it needs
    sight = see(endpoint(sites.ports["good"]), scope=scope, engines={})
    assert sight.missing["tls.weaknesses"].reason is Reason.NOT_AUTHORISED


def test_production_is_never_contacted(sites: servers.Nginx) -> None:
    scope = Scope(
        level=Level.INTRUDE,
        addresses=("127.0.0.0/8",),
        production=(f"127.0.0.1:{sites.ports['good']}",),
    )
    sight = see(endpoint(sites.ports["good"]), scope=scope)
    agree("production", sight, NOTHING_SEEN)
    assert {one.reason for one in sight.missing.values()} == {Reason.OUT_OF_SCOPE}
    assert not any(one.admitted for one in sight.contacts)


def test_a_plain_port_is_undetermined(sites: servers.Nginx) -> None:
    """A declared endpoint that answers in clear may still have encryption in front of or above it."""
    sight = see(endpoint(sites.plain))
    agree("plain_http", sight, NOTHING_SEEN)
    assert "明文 HTTP" in sight.judge("confidentiality.transport").statement


def test_ports_that_finish_no_handshake_are_undetermined() -> None:
    talks = {
        "dropping": (servers.hang_up, "国密 TLCP"),
        "tlcp": (servers.speak_tlcp, "ECC_SM4_CBC_SM3"),
        "sm_tls13": (servers.speak_sm_tls13, "国密 TLS 1.3"),
    }
    for situation, (answer, says) in talks.items():
        with servers.answering(answer) as port:
            sight = see(endpoint(port))
        agree(situation, sight, NOTHING_SEEN)
        assert says in sight.judge("integrity.transport").statement, situation


def test_a_closed_port_is_unreachable() -> None:
    sight = see(endpoint(servers.free_ports(1)[0]))
    agree("closed", sight, NOTHING_SEEN)
    assert {one.reason for one in sight.missing.values()} == {Reason.UNREACHABLE}


def test_a_single_threaded_server_is_seen_too(sites: servers.Nginx) -> None:
    with servers.s_server(sites.files["good"], "-www", "-no_tls1_3") as port:
        sight = see(endpoint(port, sites.ca_file))
    agree("s_server", sight, verdicts(*["conform"] * 5))
    facts = sight.facts["tls.weaknesses"]
    assert isinstance(facts, TlsWeaknesses)
    assert (facts.heartbleed, facts.robot, facts.unanswered) == (False, False, ())


def ask_hanging_sslyze(port: int, deadline_s: float) -> None:
    """Ask sslyze for versions only, under a short deadline of our own."""

    async def ask() -> None:
        line = await line_of(port)
        async with loading_sslyze(line.context) as sslyze:
            await sslyze.ask(line, VERSION_QUESTIONS.values(), deadline_s=deadline_s)

    asyncio.run(ask())


def test_sslyze_that_hangs_is_killed_at_our_deadline() -> None:
    before = {one.pid for one in psutil.Process().children(recursive=True)}
    with servers.silent() as port:
        begin = time.monotonic()
        with pytest.raises(TimedOut, match="sslyze"):
            ask_hanging_sslyze(port, 2.0)
        assert time.monotonic() - begin < 20
    assert {one.pid for one in psutil.Process().children(recursive=True)} <= before


def test_a_server_that_waits_for_a_client_certificate_cannot_hold_us(sites: servers.Nginx) -> None:
    """`s_server -Verify` serves one client at a time and once held sslyze for minutes."""
    before = {one.pid for one in psutil.Process().children(recursive=True)}
    with servers.s_server(sites.files["good"], "-Verify", "1", "-www") as port:
        begin = time.monotonic()
        with suppress(TimedOut):
            ask_hanging_sslyze(port, 3.0)
        assert time.monotonic() - begin < 20
    assert {one.pid for one in psutil.Process().children(recursive=True)} <= before


def context_of(scope: Scope) -> Context:
    return Context(
        guard=Guard(scope, log=lambda _contact: None),
        secrets=Secrets(Redactor()),
        keep=lambda name, data: pytest.fail(f"{name} of {len(data)} bytes"),
        ledger=MemoryLedger(),
        engines=ENGINES,
    )


async def line_of(port: int, scope: Scope = FAST) -> Line:
    asset = endpoint(port)
    return await line_to(asset, target_of(asset), context_of(scope), probe="tls.endpoint")


def test_the_tunnel_carries_more_than_buffers_hold() -> None:
    """The far end sends all it has at once, the near end reads late."""
    sent = bytes(range(256)) * 15_000

    def fetch(port: int, begun: threading.Event) -> bytes:
        with socket.socket() as near:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            near.settimeout(10)
            near.connect(("127.0.0.1", port))
            begun.wait(10)
            with near.makefile("rb") as stream:
                return stream.read()

    async def through(port: int, begun: threading.Event) -> bytes:
        async with tunnel(await line_of(port)) as made:
            return await asyncio.to_thread(fetch, made.port, begun)

    begun = threading.Event()

    def send(client: socket.socket) -> None:
        half = len(sent) // 2
        client.sendall(sent[:half])
        begun.set()
        client.sendall(sent[half:])

    with servers.answering(send) as port:
        assert asyncio.run(through(port, begun)) == sent


def test_a_connection_that_did_not_come_about_is_told_apart_from_a_refusal() -> None:
    """Whoever connects to the tunnel sees both alike."""
    (nobody,) = servers.free_ports(1)

    async def through(port: int) -> type[object]:
        async with tunnel(await line_of(port)) as made:
            reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
            writer.write(bytes(16))
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
            return type(made.broken)

    assert asyncio.run(through(nobody)) is Unreachable
    with servers.answering(servers.hang_up) as port:
        assert asyncio.run(through(port)) is type(None)


class BlindLoop(asyncio.SelectorEventLoop):
    """A loop that watches no sockets for us, like the usual one on Windows."""

    def add_reader(self, *_args: object) -> NoReturn:
        raise NotImplementedError


def test_where_there_can_be_no_tunnel_the_engine_counts_as_missing() -> None:
    async def dig() -> None:
        async with tunnel(await line_of(servers.free_ports(1)[0])):
            pytest.fail("a tunnel without anybody at its end")

    with asyncio.Runner(loop_factory=BlindLoop) as runner, pytest.raises(ProbeIncapable, match="sslyze"):
        runner.run(dig())


def test_what_sslyze_calls_refused_is_not_believed_where_a_connection_failed() -> None:
    """Nobody listens: no version and no suite may count as refused."""

    async def ask(port: int) -> None:
        line = await line_of(port)
        async with loading_sslyze(line.context) as sslyze:
            await sslyze.ask(line, VERSION_QUESTIONS.values(), deadline_s=10)

    with pytest.raises(Unreachable):
        asyncio.run(ask(servers.free_ports(1)[0]))


def test_one_connection_at_a_time_is_enough_for_sslyze(sites: servers.Nginx) -> None:
    scope = Scope(
        level=Level.OBSERVE, addresses=("127.0.0.1",), connections_per_s=20_000, connections_at_once=1
    )
    sight = look(endpoint(sites.ports["tls13_only"]), scope=scope, engines=ENGINES, only=("tls.endpoint",))
    facts = sight.facts["tls.versions"]
    assert isinstance(facts, TlsVersions)
    assert {one.name for one in facts.versions if one.engine} == {"TLSv1.3"}
    assert all(one.engine is not None and one.suites_tried for one in facts.versions)
    where = json.loads(sight.raw["sslyze-versions.json"])["server_scan_results"][0]["server_location"]
    assert (where["ip_address"], where["port"]) == ("127.0.0.1", sites.ports["tls13_only"])


def test_a_web_asset_brings_the_same_facts(sites: servers.Nginx) -> None:
    asset = WebAsset(id="web", name="HIS", url=f"https://127.0.0.1:{sites.ports['wrong_host']}/login")
    checks = [one for one in CHECKS if not one.startswith("identity")]
    assert see(asset, engines={}).verdicts(checks) == {
        "confidentiality.certificate": "nonconform",
        "confidentiality.transport": "undetermined",
        "integrity.transport": "undetermined",
        "intrusion.tls_weaknesses": "undetermined",
    }


def test_a_web_asset_in_clear_text_does_not_conform(sites: servers.Nginx) -> None:
    sight = see(WebAsset(id="web", name="HIS", url=f"http://127.0.0.1:{sites.plain}/"))
    checks = [one for one in CHECKS if not one.startswith("identity")]
    assert sight.verdicts(checks) == {
        "confidentiality.certificate": "nonconform",
        "confidentiality.transport": "nonconform",
        "integrity.transport": "nonconform",
        "intrusion.tls_weaknesses": "undetermined",
    }
    assert json.loads(sight.raw["tls-greeting.json"])["TLSv1.2"]["kind"] == "http"
