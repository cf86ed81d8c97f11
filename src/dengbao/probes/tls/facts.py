"""What was seen of TLS at one address: versions, suites, known defects, certificates."""

from __future__ import annotations

from datetime import datetime

from ...model import Facts, Value


class TlsVersion(Value):
    """One protocol version as two sources saw it.

    `accepted` is None where a source could not tell or the two disagree; `own` is our hand-made
    ClientHello, `engine` is sslyze. A version counts as refused only where both saw the refusal.
    `suites` are those sslyze completed and those our own hello saw chosen that sslyze does not know;
    `suites_tried` is False where sslyze could not try them all, or one source contradicts the other.
    `own_suites` are all that our own hello saw chosen, `own_suites_tried` whether it came to its end;
    `suites_differ` are those that one source saw accepted and the other refused, None where not compared.
    `plain_chosen`: our own hello with nothing but NULL, anonymous and export suites was taken up.
    """

    name: str
    accepted: bool | None
    own: bool | None = None
    engine: bool | None = None
    own_note: str = ""
    engine_note: str = ""
    suites: tuple[str, ...] = ()
    suites_tried: bool = False
    plain_chosen: bool | None = None
    own_suites: tuple[str, ...] = ()
    own_suites_tried: bool = False
    suites_differ: tuple[str, ...] | None = None


class TlsVersions(Facts, tag="tls.versions"):
    """Protocol versions and cipher suites that an endpoint accepts.

    `scheme` is that of the URL under test (`https`, `http`), empty for assets of kind tls.
    `spoken` says what answered a ClientHello: `tls`, `tlcp` (GB/T 38636), `sm_tls` (TLS 1.3 with
    RFC 8998 suites only), `http` (clear text), `closed` (hangs up) or
    `other`. `finished`: whether a
    handshake of Python's own library ran to its end, with `negotiated_version` and
    `negotiated_suite`. `tlcp_suite` is what a server that speaks nothing else chose; `tlcp_suites` are
    all it takes, also beside TLS: None where not asked or not answered to the end, () where it speaks no
    TLCP. `sm_suites` are those of RFC 8998 it takes with TLS 1.3, None where not known; `sm_group`: it
    chose the group curveSM2 when no other was offered. `client_certificate` is sslyze's
    `DISABLED`, `OPTIONAL`, `REQUIRED` or empty.
    """

    address: str
    port: int
    server_name: str
    scheme: str
    spoken: str
    finished: bool
    versions: tuple[TlsVersion, ...]
    negotiated_version: str = ""
    negotiated_suite: str = ""
    not_finished_because: str = ""
    tlcp_suite: str = ""
    client_certificate: str = ""
    engine: str = ""
    engine_note: str = ""
    tlcp_suites: tuple[str, ...] | None = None
    sm_suites: tuple[str, ...] | None = None
    sm_group: bool | None = None
    at: datetime | None = None


class TlsEndpoint(Facts, tag="tls.endpoint"):
    """What a declared 通信端点 answered; only assets of kind tls bring it."""

    address: str
    port: int
    server_name: str
    spoken: str


class Unanswered(Value):
    """A question that sslyze could not answer, and why."""

    question: str
    reason: str


class TlsWeaknesses(Facts, tag="tls.weaknesses"):
    """Known defects of TLS implementations, each seen, not seen or unknown (None).

    `heartbleed`: answered a heartbeat longer than its payload. `ccs_injection`: accepted an early
    ChangeCipherSpec. `robot`: told bad RSA padding from good. `compression`: DEFLATE is negotiated.
    `secure_renegotiation`: RFC 5746 is supported. `client_renegotiation`: the client may renegotiate
    again and again. `fallback_scsv`: RFC 7507 is honoured.
    """

    address: str
    port: int
    server_name: str
    engine: str
    heartbleed: bool | None = None
    ccs_injection: bool | None = None
    robot: bool | None = None
    compression: bool | None = None
    secure_renegotiation: bool | None = None
    client_renegotiation: bool | None = None
    fallback_scsv: bool | None = None
    unanswered: tuple[Unanswered, ...] = ()
    at: datetime | None = None


class Certificate(Value):
    """One certificate as the endpoint sent it; times are ISO 8601 in UTC.

    `key_kind` is `RSA`, `EC`, `SM2`, `Ed25519`, `Ed448`, `DSA` or an OID; `key_bits` is None where it
    is not known. `signature` is the name of the signature algorithm, or its OID; `signature_hash`
    is its digest where it has one. `curve` is the OID of the curve of an EC or SM2 key (SM2:
    1.2.156.10197.1.301). `key_usage` are the usages by their names in RFC 5280, () where the certificate
    does not limit them, None where not known.
    """

    subject: str
    issuer: str
    serial: str
    not_before: str
    not_after: str
    key_kind: str
    key_bits: int | None
    signature: str
    signature_hash: str
    names: tuple[str, ...]
    self_issued: bool
    sha256: str
    curve: str = ""
    key_usage: tuple[str, ...] | None = None


class TlsCertificate(Facts, tag="tls.certificate"):
    """The certificates of an endpoint, leaf first, and what OpenSSL says of them.

    The codes are OpenSSL verify codes, 0 is good, None is not known. `verify_code` is what a client
    meets first that trusts `store` (`system`, or `declared`: the asset's own CA file); `trust_code`
    judges the chain without regard to dates and name, `name_code` only whether the leaf names
    `server_name`. `looked_at` is ISO 8601 in UTC: dates are judged by it, also years later.
    `whole_chain` is False where only the leaf could be had. The chain is empty only where a URL is
    `http` and clear text was seen: then there is no certificate.
    """

    address: str
    port: int
    server_name: str
    looked_at: str
    store: str
    store_empty: bool
    chain: tuple[Certificate, ...]
    whole_chain: bool
    verify_code: int | None
    verify_message: str
    trust_code: int | None
    trust_message: str
    name_code: int | None
    name_message: str
    protocol: str = ""
