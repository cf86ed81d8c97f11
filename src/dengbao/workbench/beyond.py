"""Beyond the loopback: only over TLS, and only for people who were each given an address of their own."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ..errors import UsageError
from ..model import Person

_DAYS: Final = 30


@dataclass(frozen=True)
class Beyond:
    """Where the page is served beyond this machine: address, names people use, certificate, people."""

    host: str
    names: tuple[str, ...]
    chain: Path
    key: Path
    people: tuple[Person, ...]


def is_loopback(host: str) -> bool:
    """Tell whether an address can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def agreed(
    host: str, names: Sequence[str], chain: Path | None, key: Path | None, people: Sequence[Person]
) -> Beyond:
    """Return where to serve, or say what is lacking: no TLS, no names, nobody who could be told apart.

    Raises:
        UsageError: with the next step.

    """
    if chain is None or key is None:
        raise UsageError(
            f"监听 {host} 须启用 TLS", where="--host",
            cure="加 --certificate 证书.pem --key 私钥.pem；没有的加 --self-signed 目录",
        )  # fmt: skip
    told = tuple(names) or (() if ipaddress.ip_address(host).is_unspecified else (_bracketed(host),))
    if not told:
        raise UsageError(
            f"监听 {host} 时须写明浏览器所用的主机名或地址", where="--name", cure="如 --name 192.0.2.5"
        )
    distinct: list[Person] = []
    for one in people:
        if not any(one.same_as(known) for known in distinct):
            distinct.append(one)
    if not distinct:
        raise UsageError(
            "监听本机以外的地址须逐人登录，但没有登记人员", where="engagement.yaml 的 people",
            cure="在 people 登记姓名与单位，或加 --person 姓名/单位",
        )  # fmt: skip
    _try(chain, key)
    return Beyond(host, told, chain, key, tuple(distinct))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _try(chain: Path, key: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key, password=lambda: b"")
    except (OSError, ssl.SSLError, ValueError) as exc:
        raise UsageError(
            "证书与私钥无法使用", where=f"{chain}、{key}", cure="核对是否为一对 PEM 文件，私钥不带口令"
        ) from exc


def fingerprint(chain: Path) -> str:
    """Return the SHA-256 of a certificate as browsers show it."""
    digest = x509.load_pem_x509_certificates(chain.read_bytes())[0].fingerprint(hashes.SHA256()).hex().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def self_signed(folder: Path, names: Sequence[str]) -> tuple[Path, Path]:
    """Write a certificate for these names, signed by itself, and its key; return both files.

    Changes: `workbench.pem` and `workbench.key` in the folder, the key readable by its owner alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dengbao")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(list(_names(names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )  # fmt: skip
    chain, key = folder / "workbench.pem", folder / "workbench.key"
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(
            private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return chain, key


def _names(names: Sequence[str]) -> Iterator[x509.GeneralName]:
    for one in names:
        try:
            yield x509.IPAddress(ipaddress.ip_address(one.strip("[]")))
        except ValueError:
            yield x509.DNSName(one)
