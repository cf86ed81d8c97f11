"""The parts of the TLS probes that need no server: hellos, answers, reports, certificates."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from dengbao.errors import NotDeclared, ProtocolMismatch
from dengbao.model import HostAsset, TlsAsset, WebAsset
from dengbao.probes.tls.certificates import describe
from dengbao.probes.tls.der import curve_of
from dengbao.probes.tls.flight import read_flight
from dengbao.probes.tls.greeting import Greeting
from dengbao.probes.tls.handshake import Finished
from dengbao.probes.tls.hello import (
    OLD_SUITE_ROUNDS,
    SSL3,
    TLCP,
    TLCP_SUITES,
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    Answer,
    client_hello,
    read_answer,
)
from dengbao.probes.tls.sslyze import VERSION_QUESTIONS, Report, accepted_suites, read_report, rejected_suites
from dengbao.probes.tls.suites import suite_names, suite_rounds
from dengbao.probes.tls.target import target_of
from dengbao.probes.tls.versions import Own, agreed, version_of
from dengbao.probes.tls.weaknesses import _renegotiates

# ---------------------------------------------------------------- hellos and answers


def test_the_tlcp_hello_is_the_minimal_one_of_the_standard() -> None:
    hello = client_hello(TLCP, tuple(TLCP_SUITES)[:8], "")
    assert len(hello) == 64
    assert hello[:5].hex() == "160101003b"
    assert hello[5:11].hex() == "010000370101"
    assert hello[43:].hex() == "000010e053e051e013e011e059e019e05ae01c0100"


def test_a_tlcp_hello_names_the_server_only_where_it_is_told_to() -> None:
    assert client_hello(TLCP, (0xE013,), "his.test")[-17:] == b"\x00\x00\x00\x0d\x00\x0b\x00\x00\x08his.test"
    assert client_hello(TLCP, (0xE013,), "10.0.0.5")[-4:] == b"\x01\x00\x00\x00"


def test_every_suite_is_offered_once_for_older_versions_and_for_tls13() -> None:
    rounds = suite_rounds(TLS12)
    offered = [one for many in rounds for one in many]
    assert len(offered) == len(set(offered)) > 300
    assert max(map(len, rounds)) <= 100
    assert not {0x1301, 0x00C6, 0xC0B4} & set(offered)
    assert suite_rounds(TLS13) == ((0x1301, 0x1302, 0x1303, 0x1304, 0x1305, 0x00C6, 0x00C7, 0xC0B4, 0xC0B5),)
    assert suite_names((0x00C6, 0x0005, 0xFAFA)) == ("0xFAFA", "TLS_RSA_WITH_RC4_128_SHA", "TLS_SM4_GCM_SM3")


def flight(*messages: bytes) -> bytes:
    """Return TLCP handshake messages, each in a record of its own."""
    return b"".join(b"\x16\x01\x01" + len(one).to_bytes(2, "big") + one for one in messages)


SERVER_HELLO = b"\x02\x00\x00\x26\x01\x01" + bytes(32) + b"\x00\xe0\x13\x00"


def test_a_tlcp_flight_is_read_as_far_as_its_certificates() -> None:
    certificates = b"\x0b\x00\x00\x0d\x00\x00\x0a\x00\x00\x03abc\x00\x00\x01d"
    whole = flight(SERVER_HELLO, certificates)
    read = read_flight(whole)
    assert read is not None
    assert (read.answer.suite, read.certificates) == (0xE013, (b"abc", b"d"))
    assert all(read_flight(whole[:length]) is None for length in range(len(whole)))
    split = flight(SERVER_HELLO, certificates[:7], certificates[7:])
    assert read_flight(split) == read
    without = read_flight(flight(SERVER_HELLO, b"\x0e\x00\x00\x00"))
    assert without is not None
    assert without.certificates == ()


@given(st.binary(max_size=120))
def test_no_tlcp_flight_breaks_the_reader(tail: bytes) -> None:
    read = read_flight(flight(SERVER_HELLO) + tail)
    assert read is None or read.answer.suite == 0xE013


@given(st.binary(max_size=120))
def test_no_key_breaks_the_reader_of_curves(data: bytes) -> None:
    assert curve_of(data) == ""


@pytest.mark.parametrize("version", [SSL3, TLS10, TLS11, TLS12])
def test_a_hello_is_understood_by_openssl(version: int) -> None:
    """OpenSSL parses the message: it answers with an alert of the protocol, not with a decoding error."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(client_hello(version, OLD_SUITE_ROUNDS[0], "his.test"))
    with pytest.raises(ssl.SSLError) as caught:
        server.do_handshake()
    assert caught.value.reason in ("NO_SHARED_CIPHER", "UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW"), version
    answer = read_answer(outgoing.read())
    assert answer is not None
    assert answer.kind == "alert"


def test_addresses_are_not_sent_as_names() -> None:
    assert b"his.test" in client_hello(TLS12, (0xC02F,), "HIS.test.")
    assert b"127.0.0.1" not in client_hello(TLS12, (0xC02F,), "127.0.0.1")
    assert b"xn--ekrs67m" in client_hello(TLS13, (0x1301,), "医院.test")


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", Answer("http")),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Answer("other")),
        (b"\x15\x03\x01\x00\x02\x02\x46", Answer("alert", alert=70)),
        (b"\x15\x03\x01\x00\x02\x02", None),
        (b"\x15\x03\x01\x00\x02\x01\x70", None),
        (b"\x15\x03\x01\x00\x02\x01\x70\x15\x03\x01\x00\x02\x02\x28", Answer("alert", alert=40)),
        (b"\x16\x03\x03", None),
        (b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00", Answer("other")),
    ],
)
def test_answers_are_told_apart(data: bytes, answer: Answer | None) -> None:
    assert read_answer(data) == answer


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"\x16\x03\x03\x00\x60\x02" + tail))
def test_no_answer_breaks_the_reader(data: bytes) -> None:
    answer = read_answer(data)
    assert answer is None or answer.kind in ("hello", "alert", "http", "other")


def greeting(**kinds: Answer) -> Greeting:
    versions = {"tls13": TLS13, "tls12": TLS12, "tls11": TLS11, "tls10": TLS10, "ssl3": SSL3}
    return Greeting({versions[name]: answer for name, answer in kinds.items()})


def test_hanging_up_refuses_a_version_only_beside_one_that_is_spoken() -> None:
    spoken = Answer("hello", version=TLS12, suite=0xC02F)
    assert greeting(tls12=spoken, tls10=Answer("closed")).accepts(TLS10)[0] is False
    assert greeting(tls12=Answer("closed"), tls10=Answer("closed")).accepts(TLS10)[0] is None
    assert greeting(tls12=Answer("alert", alert=70)).accepts(TLS12)[0] is None


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (Answer("hello", version=TLS10, suite=0x2F), True),
        (Answer("hello", version=TLS12, suite=0x2F), False),
        (Answer("alert", alert=70), False),
        (Answer("alert", alert=80), False),
        (Answer("alert", alert=112), None),
        (Answer("silent"), None),
        (Answer("short"), None),
        (Answer("other"), None),
    ],
)
def test_only_an_answer_about_the_version_counts(answer: Answer, accepted: bool | None) -> None:
    seen = greeting(tls12=Answer("hello", version=TLS12, suite=0xC02F), tls10=answer)
    assert seen.accepts(TLS10)[0] is accepted


def test_a_version_that_was_not_offered_is_unknown() -> None:
    assert greeting().accepts(TLS12)[0] is None
    assert greeting().accepts_plain(TLS12) is None
    assert greeting().spoken == "other"


@pytest.mark.parametrize(
    ("own", "engine", "together"),
    [
        (True, True, True), (False, False, False), (True, False, None), (False, True, None),
        (True, None, True), (None, True, True), (False, None, None), (None, False, None), (None, None, None),
    ],
)  # fmt: skip
def test_a_refusal_needs_both_sources(own: bool | None, engine: bool | None, together: bool | None) -> None:
    assert agreed(own, engine) is together


# ---------------------------------------------------------------- what sslyze may say


def report(**server: object) -> bytes:
    return json.dumps({"sslyze_version": "6.3.1", "server_scan_results": [server]}).encode()


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"null", b'{"server_scan_results": []}', b"\xff"])
def test_a_document_that_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolMismatch):
        read_report(data)


def test_a_command_that_failed_has_no_result() -> None:
    data = report(
        connectivity_status="COMPLETED",
        scan_result={
            "robot": {"status": "ERROR", "error_reason": "CLIENT_CERTIFICATE_NEEDED", "result": None},
            "heartbleed": {"status": "COMPLETED", "result": {"is_vulnerable_to_heartbleed": False}},
        },
    )
    found = read_report(data)
    assert found.result("robot") == (None, "服务端要求客户端证书")
    assert found.result("heartbleed") == ({"is_vulnerable_to_heartbleed": False}, "")
    assert found.result("tls_compression")[0] is None


@pytest.mark.parametrize(
    ("vulnerable", "count", "answer"),
    [(True, 10, True), (False, 0, False), (False, 9, None), (False, 1, None), (False, None, None)],
)
def test_a_renegotiation_that_worked_in_part_is_no_answer(
    vulnerable: bool, count: int | None, answer: bool | None
) -> None:
    """Sslyze says "not vulnerable" as soon as one of ten fails."""
    result: dict[str, object] = {"is_vulnerable_to_client_renegotiation_dos": vulnerable}
    if count is not None:
        result["client_renegotiations_success_count"] = count
    scan = {"session_renegotiation": {"status": "COMPLETED", "result": result}}
    found = read_report(report(connectivity_status="COMPLETED", scan_result=scan))
    assert _renegotiates(found) is answer


def test_no_connectivity_is_no_refusal() -> None:
    """Sslyze says the same of plain text, TLCP and silence: nothing is known."""
    data = report(connectivity_status="ERROR", scan_result=None)
    assert read_report(data).result("tls_1_0_cipher_suites")[0] is None


@pytest.mark.parametrize(
    ("result", "suites"),
    [
        (
            {"is_tls_version_supported": True, "accepted_cipher_suites": [{"cipher_suite": {"name": "A"}}]},
            ("A",),
        ),
        ({"is_tls_version_supported": False, "accepted_cipher_suites": []}, ()),
        ({"is_tls_version_supported": True}, None),
        ({"is_tls_version_supported": True, "accepted_suites": [{"name": "A"}]}, None),
        ({"is_tls_version_supported": True, "accepted_cipher_suites": [{"name": "A"}]}, None),
        ({"is_tls_version_supported": True, "accepted_cipher_suites": []}, None),
        (
            {"is_tls_version_supported": False, "accepted_cipher_suites": [{"cipher_suite": {"name": "A"}}]},
            None,
        ),
    ],
)
def test_suites_that_are_not_listed_as_we_know_are_unknown(
    result: dict[str, object], suites: tuple[str, ...] | None
) -> None:
    """No list of suites is not an empty list: nothing weak was ruled out."""
    assert accepted_suites(result) == suites


def test_suites_that_sslyze_refused_are_read() -> None:
    refused = [{"cipher_suite": {"name": "B"}}, {"cipher_suite": {"name": "A"}}]
    assert rejected_suites({"rejected_cipher_suites": refused}) == ("A", "B")
    assert rejected_suites({"rejected_cipher_suites": [{}]}) == ()
    assert rejected_suites({}) == ()


@pytest.mark.parametrize(
    ("messages", "engine", "tried"),
    [
        (("alert", "alert"), False, True),
        (("alert", "Connection to server timed out during the TLS handshake"), None, False),
    ],
)
def test_silence_that_sslyze_calls_a_refusal_is_none(
    messages: tuple[str, ...], engine: bool | None, tried: bool
) -> None:
    rejected = [
        {"cipher_suite": {"name": name}, "error_message": told}
        for name, told in zip("AB", messages, strict=True)
    ]
    result: dict[str, object] = {
        "is_tls_version_supported": False, "accepted_cipher_suites": [], "rejected_cipher_suites": rejected,
    }  # fmt: skip
    commands = {VERSION_QUESTIONS["SSLv2"]: {"status": "COMPLETED", "result": result}}
    report = Report(version="6", connected=True, client_certificate="", raw=b"", commands=dict(commands))
    seen = version_of("SSLv2", Own(Greeting()), Finished(error="-"), report, "")
    assert (seen.accepted, seen.engine, seen.suites_tried) == (engine, engine, tried)
    assert rejected_suites(result) == (("A", "B") if tried else ("A",))


# ---------------------------------------------------------------- certificates


def der_of(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, *, san: bool = True) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cn.test")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(31)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=10))
    )
    if san:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName("san.test")]), critical=False
        )
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(serialization.Encoding.DER)


def test_a_certificate_is_described() -> None:
    found = describe(der_of(ec.generate_private_key(ec.SECP384R1())))
    assert (found.key_kind, found.key_bits, found.signature_hash) == ("EC", 384, "sha256")
    assert (found.names, found.self_issued, found.serial) == (("san.test",), True, "1f")
    assert (found.not_before, found.not_after) == ("2026-01-01T00:00:00Z", "2026-01-11T00:00:00Z")


def test_edwards_keys_have_no_digest_of_their_own() -> None:
    found = describe(der_of(ed25519.Ed25519PrivateKey.generate()))
    assert (found.key_kind, found.signature.casefold(), found.signature_hash) == ("Ed25519", "ed25519", "")


def test_the_common_name_stands_in_where_there_is_no_other() -> None:
    assert describe(der_of(ec.generate_private_key(ec.SECP256R1()), san=False)).names == ("cn.test",)


def test_sm2_certificates_are_recognised(tmp_path: Path) -> None:
    """The library cannot load the key; kind and size are known all the same."""
    key, pem = tmp_path / "k.pem", tmp_path / "c.pem"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", str(key)],
        check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run(
        ["openssl", "req", "-x509", "-key", str(key), "-sm3", "-sigopt", "distid:1234567812345678",
         "-subj", "/CN=sm.test", "-days", "9", "-out", str(pem)],
        check=True, capture_output=True,
    )  # fmt: skip
    found = describe(ssl.PEM_cert_to_DER_cert(pem.read_text()))
    assert (found.key_kind, found.key_bits) == ("SM2", 256)
    assert (found.signature, found.signature_hash) == ("sm2-with-sm3", "sm3")


def test_bytes_that_are_no_certificate_are_refused() -> None:
    with pytest.raises(ProtocolMismatch):
        describe(b"\x30\x03\x02\x01\x01")


# ---------------------------------------------------------------- where to look


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("10.0.0.5:443", ("10.0.0.5", 443)),
        ("[fd00::5]:8443", ("fd00::5", 8443)),
        ("his.test:443", ("his.test", 443)),
    ],
)
def test_an_endpoint_is_where_it_says(address: str, place: tuple[str, int]) -> None:
    target = target_of(TlsAsset(id="a", name="a", address=address))
    assert (target.host, target.port) == place
    assert target.server_name == place[0]


@pytest.mark.parametrize(
    "address", ["his.test", "his.test:", "his.test:443,444", "his.test:1-9", ":443", "fd00::5"]
)
def test_an_endpoint_without_one_port_is_not_declared(address: str) -> None:
    with pytest.raises(NotDeclared):
        target_of(TlsAsset(id="a", name="a", address=address))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://his.test/login", ("his.test", 443, "https")),
        ("https://his.test:8443", ("his.test", 8443, "https")),
        ("http://[fd00::5]/", ("fd00::5", 80, "http")),
    ],
)
def test_a_url_is_where_it_says(url: str, place: tuple[str, int, str]) -> None:
    target = target_of(WebAsset(id="a", name="a", url=url))
    assert (target.host, target.port, target.scheme) == place


@pytest.mark.parametrize("url", ["", "his.test", "ftp://his.test", "https://", "https://his.test:99999/"])
def test_a_url_without_a_host_is_not_declared(url: str) -> None:
    with pytest.raises(NotDeclared):
        target_of(WebAsset(id="a", name="a", url=url))


def test_other_kinds_are_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError):
        target_of(HostAsset(id="a", name="a", address="10.0.0.5:22"))
