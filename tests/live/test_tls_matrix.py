"""The TLS matrix: facts and verdicts of every server were written down before the first run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from dengbao.errors import Reason
from dengbao.model import Level, Scope
from dengbao.probes.tls.facts import TlsCertificate, TlsVersions

from ..servers import tls as servers
from ..servers.tls_matrix import NAMES, Place, matrix
from .harness import Sight, agree
from .test_tls import CHECKS, endpoint, see

# At this level only `tls.endpoint` looks; what needs the look for defects stays open.
OBSERVE: Final = Scope(
    level=Level.OBSERVE, addresses=("127.0.0.0/8",), connections_per_s=20_000, connections_at_once=8
)
MODERN: Final = ("TLSv1.2", "TLSv1.3")
OPEN: Final = "undetermined"


@dataclass(frozen=True)
class Expected:
    """What is expected of one server.

    `verdicts` are those of certificate, transport, remote administration and integrity; `key` is kind and
    bits of the leaf, `codes` the OpenSSL codes of the whole verification, of trust and of the name, where
    the certificate can be had. `plain` are versions under which a suite that protects nothing is chosen.
    """

    spoken: str
    accepted: tuple[str, ...]
    verdicts: tuple[str, str, str, str]
    key: tuple[str, int] | None = None
    codes: tuple[int | None, int | None, int | None] = (None, None, None)
    digest: str = "sha256"
    plain: tuple[str, ...] = ()
    tlcp: tuple[str, ...] | None = ()
    sm: tuple[str, ...] | None = ()


RSA: Final = ("RSA", 2048)
SM2: Final = ("SM2", 256)
GOOD: Final = (0, 0, 0)
CONFORM: Final = ("conform",) * 4
UNKNOWN: Final = (OPEN,) * 4
OLD: Final = ("TLSv1.0", "TLSv1.1", "TLSv1.2")
NO_TLS: Final = ("nonconform",) * 3
ALL_TLCP: Final = ("ECC_SM4_CBC_SM3", "ECC_SM4_GCM_SM3", "ECDHE_SM4_CBC_SM3", "ECDHE_SM4_GCM_SM3")

TABLE: Final = {
    "good": Expected("tls", MODERN, CONFORM, RSA, GOOD),
    "tls13_only": Expected("tls", ("TLSv1.3",), CONFORM, RSA, GOOD),
    "old_left_on": Expected("tls", OLD, ("conform", "partial", "partial", "partial"), RSA, GOOD),
    "tls10_only": Expected("tls", ("TLSv1.0",), ("conform", *NO_TLS), RSA, GOOD),
    "weak": Expected("tls", OLD, ("partial", *NO_TLS), ("RSA", 1024), GOOD, plain=OLD),
    "expired": Expected("tls", MODERN, ("nonconform", *CONFORM[1:]), ("EC", 256), (10, 0, 0)),
    "self_signed": Expected("tls", MODERN, ("nonconform", *CONFORM[1:]), RSA, (18, 18, 0)),
    "wrong_host": Expected("tls", MODERN, ("nonconform", *CONFORM[1:]), ("EC", 256), (62, 0, 62)),
    "sha1": Expected("tls", MODERN, ("partial", *CONFORM[1:]), RSA, GOOD, digest="sha1"),
    "client_certificate": Expected("tls", MODERN, CONFORM, RSA, GOOD),
    "chained": Expected("tls", MODERN, CONFORM, ("EC", 256), GOOD),
    # Whoever knows the root alone cannot get from it to the leaf.
    "chain_not_sent": Expected("tls", MODERN, ("nonconform", *CONFORM[1:]), ("EC", 256), (20, 20, 0)),
    # No certificate is sent with an anonymous suite, and our library refuses to finish one.
    "anonymous": Expected("tls", ("TLSv1.2",), (OPEN, *NO_TLS), plain=("TLSv1.2",)),
    "single": Expected("tls", ("TLSv1.2",), CONFORM, RSA, GOOD),
    "tlcp": Expected("tlcp", (), UNKNOWN, SM2, digest="sm3", tlcp=ALL_TLCP, sm=None),
    "tlcp_expired": Expected(
        "tlcp", (), ("nonconform", *UNKNOWN[1:]), SM2, digest="sm3", tlcp=ALL_TLCP, sm=None
    ),
    "sm_tls": Expected("sm_tls", ("TLSv1.3",), UNKNOWN, sm=("TLS_SM4_GCM_SM3",)),
    "both": Expected("tls", ("TLSv1.3",), UNKNOWN, sm=("TLS_SM4_GCM_SM3",)),
    # The certificate is read from the hello's answer; OpenSSL 3 knows no RC4 to finish with.
    "old": Expected("tls", ("SSLv3", "TLSv1.0"), (OPEN, *NO_TLS), RSA),
    "plain": Expected("http", (), UNKNOWN, tlcp=None, sm=None),
    "dropping": Expected("closed", (), UNKNOWN, sm=None),
    "half": Expected("other", (), UNKNOWN, tlcp=None, sm=None),
}
NOT_SEEN: Final = {"silent": Reason.TIMED_OUT, "closed": Reason.UNREACHABLE}


@pytest.fixture(scope="module")
def places() -> Iterator[dict[str, Place]]:
    with matrix() as running:
        yield running


class Sights:
    """Looks at each server once."""

    def __init__(self, places: dict[str, Place]) -> None:
        self.places = places
        self.seen: dict[str, Sight] = {}

    def __getitem__(self, name: str) -> Sight:
        if name not in self.seen:
            place = self.places[name]
            self.seen[name] = see(endpoint(place.port, place.ca_file), scope=OBSERVE)
        return self.seen[name]

    def versions(self, name: str) -> TlsVersions:
        facts = self[name].facts["tls.versions"]
        assert isinstance(facts, TlsVersions)
        return facts

    def certificate(self, name: str) -> TlsCertificate:
        facts = self[name].facts["tls.certificate"]
        assert isinstance(facts, TlsCertificate)
        return facts


@pytest.fixture(scope="module")
def sights(places: dict[str, Place]) -> Sights:
    return Sights(places)


def test_every_server_is_expected() -> None:
    assert {*TABLE, *NOT_SEEN} == set(NAMES)
    assert len(NAMES) >= 12


def agree_with(name: str, sight: Sight, four: tuple[str, ...]) -> None:
    agree(f"tls_{name}", sight, dict(zip(CHECKS, (*four, OPEN), strict=True)))


@pytest.mark.parametrize("name", TABLE)
def test_a_server_is_seen_for_what_it_is(sights: Sights, name: str) -> None:
    expected, seen = TABLE[name], sights.versions(name)
    assert seen.spoken == expected.spoken
    assert tuple(sorted(one.name for one in seen.versions if one.accepted)) == expected.accepted
    assert tuple(sorted(one.name for one in seen.versions if one.plain_chosen)) == expected.plain
    assert (seen.tlcp_suites, seen.sm_suites) == (expected.tlcp, expected.sm)
    # Both engines agree, version by version and suite by suite, wherever both could look.
    assert [one.name for one in seen.versions if one.suites_differ] == []
    assert all(one.accepted is one.own for one in seen.versions if None not in (one.own, one.engine))
    agree_with(name, sights[name], expected.verdicts)
    _certificate_agrees(sights, name, expected)


def _certificate_agrees(sights: Sights, name: str, expected: Expected) -> None:
    if expected.key is None:
        assert sights[name].missing["tls.certificate"].reason is Reason.PROTOCOL
        return
    seen = sights.certificate(name)
    leaf = seen.chain[0]
    assert (leaf.key_kind, leaf.key_bits) == expected.key
    assert leaf.signature_hash == expected.digest
    assert (seen.verify_code, seen.trust_code, seen.name_code) == expected.codes


@pytest.mark.parametrize("name", NOT_SEEN)
def test_a_server_that_is_not_seen_is_no_finding(sights: Sights, name: str) -> None:
    """One that never answers is given up soon."""
    begin = time.monotonic()
    assert sights[name].missing["tls.versions"].reason is NOT_SEEN[name]
    assert time.monotonic() - begin < 25
    agree_with(name, sights[name], UNKNOWN)


def test_both_certificates_of_tlcp_are_read(sights: Sights) -> None:
    seen = sights.certificate("tlcp")
    assert seen.protocol == "TLCP"
    sign, enc = seen.chain
    assert sign.key_usage == ("digitalSignature", "nonRepudiation")
    assert enc.key_usage == ("keyEncipherment", "dataEncipherment", "keyAgreement")
    for one in (sign, enc):
        assert (one.curve, one.signature) == ("1.2.156.10197.1.301", "sm2-with-sm3")
        assert one.names == (servers.NAME,)
        assert one.not_before < seen.looked_at < one.not_after
    assert sign.sha256 != enc.sha256


def test_the_group_of_rfc_8998_is_seen(sights: Sights) -> None:
    """curveSM2 is chosen when nothing else is offered by the 国密 server, refused by a standard one."""
    found = {name: sights.versions(name).sm_group for name in ("sm_tls", "good", "tlcp")}
    assert found == {"sm_tls": True, "good": False, "tlcp": None}


def test_the_chain_is_seen_as_it_was_sent(sights: Sights) -> None:
    sent = {name: len(sights.certificate(name).chain) for name in ("chained", "chain_not_sent")}
    assert sent == {"chained": 2, "chain_not_sent": 1}


def test_rc4_and_3des_are_seen_in_sslv3(sights: Sights) -> None:
    ssl3 = next(one for one in sights.versions("old").versions if one.name == "SSLv3")
    assert {"TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"} <= set(ssl3.suites)
    assert ssl3.own_suites == ssl3.suites
