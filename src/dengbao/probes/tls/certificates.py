"""Certificates in DER → plain values; a strange certificate is described as far as it can be read."""

from __future__ import annotations

import hashlib
import warnings
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from ...errors import ProtocolMismatch
from .der import curve_of
from .facts import Certificate

# GM/T 0006: cryptography cannot load a key on this curve; its size is fixed.
_SM2_CURVE = "1.2.156.10197.1.301"
_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
_SIGNATURES = {
    "1.2.156.10197.1.501": ("sm2-with-sm3", "sm3"),
}


def describe(der: bytes) -> Certificate:
    """Return a certificate as a value.

    Raises:
        ProtocolMismatch: the bytes are not a certificate that can be read.

    """
    try:
        # Old serial numbers and the like are the endpoint's affair, not a warning to our users.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return _describe(x509.load_der_x509_certificate(der), der)
    except (ValueError, UnicodeError) as exc:
        raise ProtocolMismatch(f"证书无法解析（{exc}）", cure="以 openssl x509 -text 人工查看该证书") from exc


def _describe(cert: x509.Certificate, der: bytes) -> Certificate:
    curve = curve_of(cert.tbs_certificate_bytes)
    kind, bits = ("SM2", 256) if curve == _SM2_CURVE else _key(cert)
    signature, digest = _signature(cert)
    return Certificate(
        subject=cert.subject.rfc4514_string(),
        issuer=cert.issuer.rfc4514_string(),
        serial=format(cert.serial_number, "x"),
        not_before=_iso(cert.not_valid_before_utc),
        not_after=_iso(cert.not_valid_after_utc),
        key_kind=kind,
        key_bits=bits,
        signature=signature,
        signature_hash=digest,
        names=_names(cert),
        self_issued=cert.subject == cert.issuer,
        sha256=hashlib.sha256(der).hexdigest(),
        curve=curve,
        key_usage=_key_usage(cert),
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _key(cert: x509.Certificate) -> tuple[str, int | None]:
    try:
        key = cert.public_key()
    except (UnsupportedAlgorithm, ValueError):
        key = None
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, (dsa.DSAPublicKey, ec.EllipticCurvePublicKey)):
        return "DSA" if isinstance(key, dsa.DSAPublicKey) else "EC", key.key_size
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", 256
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448", 448
    return cert.public_key_algorithm_oid.dotted_string, None


def _signature(cert: x509.Certificate) -> tuple[str, str]:
    oid = cert.signature_algorithm_oid
    if oid.dotted_string in _SIGNATURES:
        return _SIGNATURES[oid.dotted_string]
    try:
        digest = cert.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return oid.dotted_string, ""
    name = getattr(oid, "_name", oid.dotted_string)
    return str(name), digest.name if digest else ""


def _names(cert: x509.Certificate) -> tuple[str, ...]:
    """Return DNS names and addresses; the common names only where there is no such extension."""
    try:
        found = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return tuple(str(one.value) for one in cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    return tuple(str(one.value) for one in found if isinstance(one, (x509.DNSName, x509.IPAddress)))


def _key_usage(cert: x509.Certificate) -> tuple[str, ...] | None:
    try:
        found = cert.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    except (ValueError, x509.DuplicateExtension):
        return None
    return tuple(name for key, name in _USAGES.items() if getattr(found, key))
