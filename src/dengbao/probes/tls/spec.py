"""Which probes there are of kind tls."""

from __future__ import annotations

from ...model import Asset, Level, TlsAsset, WebAsset
from ..base import ProbeSpec
from .facts import TlsCertificate, TlsEndpoint, TlsVersions, TlsWeaknesses


def _is_tls(asset: Asset) -> bool:
    return isinstance(asset, TlsAsset)


def _is_web(asset: Asset) -> bool:
    return isinstance(asset, WebAsset)


SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="tls.endpoint",
        title="TLS 版本、套件与证书",
        facts=(TlsEndpoint, TlsVersions, TlsCertificate),
        level=Level.OBSERVE,
        applies=_is_tls,
        run="dengbao.probes.tls.scan:probe_endpoint",
        timeout_s=180.0,
    ),
    ProbeSpec(
        name="tls.web",
        title="TLS 版本、套件与证书",
        facts=(TlsVersions, TlsCertificate),
        level=Level.OBSERVE,
        applies=_is_web,
        run="dengbao.probes.tls.scan:probe_web",
        timeout_s=180.0,
    ),
    ProbeSpec(
        name="tls.weaknesses",
        title="TLS 已知缺陷",
        facts=(TlsWeaknesses,),
        level=Level.INTRUDE,
        clause="4.e.1",
        applies=lambda asset: _is_tls(asset) or _is_web(asset),
        run="dengbao.probes.tls.weaknesses:probe",
        timeout_s=120.0,
    ),
)
