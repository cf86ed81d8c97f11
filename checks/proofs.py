"""The exchanges by which a finding can be seen again: what to send, what came back, when, as whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from dengbao.model import Criterion, Exchange
from dengbao.probes.tls.facts import TlsCertificate, TlsVersions
from dengbao.probes.web.facts import HeadersSeen, PageSeen

_MOST = 6
_VERSION_OPTIONS = {
    "SSLv2": "-ssl2", "SSLv3": "-ssl3", "TLSv1.0": "-tls1", "TLSv1.1": "-tls1_1", "TLSv1.2": "-tls1_2",
    "TLSv1.3": "-tls1_3",
}  # fmt: skip


def findings(
    criteria: Iterable[Criterion],
    request: Callable[[Criterion], str],
    *,
    at: datetime | None = None,
    role: str = "",
) -> tuple[Exchange, ...]:
    """Return an exchange for each criterion that failed, with what was measured as its answer."""
    failed = [one for one in criteria if one.met is False]
    return tuple(
        Exchange(request=request(one), answer=one.measured, at=at, role=role) for one in failed[:_MOST]
    )


def page(seen: PageSeen, answer: str, *, role: str = "", how: str = "") -> Exchange:
    """Return the request for a page; `how` is Chinese and says with which credential it is sent."""
    how = how or ("" if role else "未登录")
    return Exchange(
        request=f"GET {seen.path}{f'（{how}）' if how else ''}", answer=answer, at=seen.at, role=role
    )


def answer(seen: HeadersSeen, lacking: Iterable[str]) -> Exchange:
    """Return the request whose answer lacks or tells something."""
    told = "；".join(lacking)
    return Exchange(request=f"GET {seen.path}（未登录）", answer=f"返回 {seen.status}，{told}", at=seen.at)


def channel(seen: TlsVersions, criteria: Iterable[Criterion]) -> tuple[Exchange, ...]:
    """Return the handshakes by which findings on versions and suites can be seen again."""
    where = _client(seen.address, seen.port, seen.server_name)
    if seen.spoken == "http":
        return findings(criteria, lambda _one: f"GET http://{_host(seen.address)}:{seen.port}/", at=seen.at)
    taken = [_VERSION_OPTIONS[one.name] for one in seen.versions if one.accepted]
    version = f"（逐一加 {'、'.join(taken)}）" if taken else ""
    requests = {
        "no_plain_suite": f"{where} -cipher 'NULL:aNULL:EXPORT:@SECLEVEL=0'",
        "no_anonymous_suite": f"{where} -cipher 'aNULL:@SECLEVEL=0'",
        "no_weak_suite": f"{where} -cipher 'RC4:3DES:DES:MD5:@SECLEVEL=0'",
        "no_ssl": f"{where}（ClientHello 仅含 SSLv2、SSLv3）",
        "secure_renegotiation": f"{where}（看 Secure Renegotiation）",
        "no_downgrade": f"{where} -fallback_scsv -tls1_1",
    }
    return findings(criteria, lambda one: requests.get(one.name, where + version), at=seen.at)


def certificate(seen: TlsCertificate, criteria: Iterable[Criterion]) -> tuple[Exchange, ...]:
    """Return the handshake by which findings on certificates can be seen again."""
    where = _client(seen.address, seen.port, seen.server_name)
    request = f"{where} -showcerts" if seen.chain else f"GET http://{_host(seen.address)}:{seen.port}/"
    return findings(criteria, lambda _one: request, at=datetime.fromisoformat(seen.looked_at))


def _client(address: str, port: int, name: str) -> str:
    return f"openssl s_client -connect {_host(address)}:{port} -servername {name}"


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
