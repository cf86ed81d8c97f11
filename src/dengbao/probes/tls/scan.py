"""Looks at versions, suites and certificates of one endpoint, from two sources."""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from ...errors import ProbeError, ProbeIncapable, ProtocolMismatch
from ...model import Asset, Facts, Missing
from ..base import Context, Observed, missing
from .certificates import describe
from .facts import TlsCertificate, TlsEndpoint, TlsVersion, TlsVersions
from .greeting import OFFERED, Greeting, greet
from .handshake import Finished, lenient_context, name_context, read_store, shake, verifying_context
from .hello import TLCP_SUITES, VERSION_NAMES
from .line import Line, converse
from .sslyze import (
    VERSION_QUESTIONS,
    Report,
    accepted_suites,
    ask_sslyze,
    find_sslyze,
    flag,
)
from .target import Target, line_to, target_of

# sslyze makes some 540 connections; they are paced like all others.
_CONNECTIONS: Final = 560
_WORK_S: Final = 60.0
_MOST_S: Final = 200.0
_OWN_NAMES: Final = {VERSION_NAMES[one]: one for one in OFFERED}


async def probe_endpoint(asset: Asset, context: Context) -> Observed:
    """Look at an asset of kind tls.

    Sends: one to two ClientHellos for each version, one to four whole handshakes, and through sslyze
        some 540 handshakes, one for each version and suite; no application data.
    Changes: nothing on the asset but its own log.
    Level: observe.

    Raises:
        Unreachable, TimedOut, OutOfScope, NotAuthorised, NotDeclared: nothing could be seen.

    """
    return await _probe(asset, context, "tls.endpoint")


async def probe_web(asset: Asset, context: Context) -> Observed:
    """Look at the host of a web asset's URL.

    Sends: what `probe_endpoint` sends; to an `http` URL that does not speak TLS, one HEAD request.
    Changes: nothing on the asset but its own log.
    Level: observe.

    Raises:
        Unreachable, TimedOut, OutOfScope, NotAuthorised, NotDeclared: nothing could be seen.

    """
    return await _probe(asset, context, "tls.web")


async def _probe(asset: Asset, context: Context, probe: str) -> Observed:
    target = target_of(asset)
    line = await line_to(asset, target, context, probe=probe)
    greeting = await greet(line)
    spoken = greeting.spoken
    if spoken not in ("tls", "sm_tls", "tlcp") and target.scheme == "http" and await _is_clear_text(line):
        spoken = "http"
    context.keep("tls-greeting.json", _transcript(greeting))
    finished = (
        Finished(error=_WHY_NOT[spoken]) if spoken in _WHY_NOT else await shake(line, lenient_context())
    )
    facts: list[Facts] = []
    lacking: list[Missing] = []
    if probe == "tls.endpoint":
        at = line.endpoint
        facts.append(
            TlsEndpoint(address=at.address, port=at.port, server_name=line.server_name, spoken=spoken)
        )
    try:
        facts.append(await _versions(line, target, greeting, spoken, finished))
    except ProbeError as exc:
        lacking.append(missing(TlsVersions, exc, exc.reason))
    try:
        facts.append(await _certificate(line, target, spoken, finished))
    except ProbeError as exc:
        lacking.append(missing(TlsCertificate, exc, exc.reason))
    return Observed(facts=tuple(facts), missing=tuple(lacking), privilege="网络")


_WHY_NOT: Final = {
    "http": "该端口以明文 HTTP 应答",
    "tlcp": "该端口只提供国密 TLCP，本机 TLS 库不能完成握手",
    "sm_tls": "该端口只提供国密 TLS 1.3 套件，本机 TLS 库不能完成握手",
}


def _transcript(greeting: Greeting) -> bytes:
    answers = {VERSION_NAMES[version]: asdict(one) for version, one in greeting.answers.items()}
    plain = {f"{VERSION_NAMES[version]} plain": asdict(one) for version, one in greeting.plain.items()}
    return json.dumps({**answers, **plain, "TLCP": asdict(greeting.tlcp)}, indent=1).encode()


async def _is_clear_text(line: Line) -> bool:
    request = f"HEAD / HTTP/1.1\r\nHost: {line.server_name}\r\nConnection: close\r\n\r\n".encode()
    found, _ = await converse(
        line, request, lambda data: data.startswith(b"HTTP/") if len(data) > 4 else None
    )
    return bool(found)


async def _versions(
    line: Line, target: Target, greeting: Greeting, spoken: str, finished: Finished
) -> TlsVersions:
    find_sslyze(line.context)
    report, note = await _second_opinion(line, spoken)
    return TlsVersions(
        address=line.endpoint.address,
        port=line.endpoint.port,
        server_name=line.server_name,
        scheme=target.scheme,
        spoken=spoken,
        finished=not finished.error,
        versions=tuple(_version(name, greeting, finished, report, note) for name in VERSION_QUESTIONS),
        negotiated_version=finished.version,
        negotiated_suite=finished.suite,
        not_finished_because=finished.error,
        tlcp_suite=TLCP_SUITES.get(greeting.tlcp.suite, ""),
        client_certificate=report.client_certificate if report else "",
        engine=f"sslyze {report.version}" if report else "",
        engine_note=note,
    )


async def _second_opinion(line: Line, spoken: str) -> tuple[Report | None, str]:
    """Return sslyze's report, or None and why there is none; a missing engine is raised."""
    if spoken in _WHY_NOT:
        return None, _WHY_NOT[spoken]
    line.context.say("以 sslyze 逐个尝试 TLS 版本与套件")
    deadline_s = min(_MOST_S, _WORK_S + _CONNECTIONS / line.context.guard.scope.connections_per_s)
    questions = tuple(option for option, _ in VERSION_QUESTIONS.values())
    try:
        report = await ask_sslyze(line, questions, deadline_s=deadline_s)
    except ProbeIncapable:
        raise
    except ProbeError as exc:
        return None, exc.message
    line.context.keep("sslyze-versions.json", report.raw)
    return report, "" if report.connected else "sslyze 未能与该端口完成任何 TLS 握手"


def _version(
    name: str, greeting: Greeting, finished: Finished, report: Report | None, note: str
) -> TlsVersion:
    own, own_note, plain = None, "未探测（仅由 sslyze 探测）", None
    if name in _OWN_NAMES:
        own, own_note = greeting.accepts(_OWN_NAMES[name])
        plain = greeting.accepts_plain(_OWN_NAMES[name])
    if name == finished.version and not own:
        # Some servers choose a version only from a list of several.
        own, own_note = True, f"单独提供时{own_note}，整次握手协商到该版本"
    result, why = report.result(VERSION_QUESTIONS[name][1]) if report else (None, note)
    engine = flag(result, "is_tls_version_supported") if result is not None else None
    suites = accepted_suites(result) if result is not None else None
    told = f"接受 {len(suites)} 个套件" if suites is not None else "sslyze 的结果未列出套件"
    return TlsVersion(
        name=name,
        accepted=agreed(own, engine) if name in _OWN_NAMES else engine,
        own=own,
        engine=engine,
        own_note=own_note,
        engine_note=why or told,
        suites=suites or (),
        suites_tried=suites is not None,
        plain_chosen=plain,
    )


def agreed(own: bool | None, engine: bool | None) -> bool | None:
    """Return what two sources say together.

    One that saw the version chosen is enough where the other saw nothing; a refusal needs both, and
    where they contradict each other nothing is known.
    """
    if own is None or engine is None:
        return True if own or engine else None
    return own if own is engine else None


async def _certificate(line: Line, target: Target, spoken: str, finished: Finished) -> TlsCertificate:
    if not finished.chain and not (spoken == "http" and target.scheme == "http"):
        raise ProtocolMismatch(
            f"未能取得服务端证书：{finished.error or '服务端未出示证书'}", cure="人工查看并留存证书截图"
        )
    store = await asyncio.to_thread(read_store, target.ca_file)
    whole = trust = name = Finished(message=finished.error)
    if finished.chain:
        whole = trust = name = await shake(line, verifying_context(store))
        if whole.code != 0:
            trust = await shake(line, verifying_context(store, dates_and_name=False))
            name = await _name(line, finished.chain[0])
    context = line.context
    for number, der in enumerate(finished.chain):
        context.keep(f"certificate-{number}.pem", ssl.DER_cert_to_PEM_cert(der).encode())
    return TlsCertificate(
        address=line.endpoint.address,
        port=line.endpoint.port,
        server_name=line.server_name,
        looked_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        store=store.kind,
        store_empty=store.empty,
        chain=tuple(describe(der) for der in finished.chain),
        whole_chain=finished.whole_chain,
        verify_code=whole.code,
        verify_message=whole.message or whole.error,
        trust_code=trust.code,
        trust_message=trust.message or trust.error,
        name_code=name.code,
        name_message=name.message or name.error,
    )


async def _name(line: Line, leaf: bytes) -> Finished:
    try:
        context = name_context(leaf)
    except ssl.SSLError as exc:
        return Finished(error=f"证书无法载入（{exc.reason or exc.strerror}）")
    return await shake(line, context)
