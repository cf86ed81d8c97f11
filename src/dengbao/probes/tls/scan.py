"""Looks at versions, suites and certificates of one endpoint, from two sources."""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import asdict
from datetime import UTC, datetime

from ...errors import ProbeError, ProtocolMismatch
from ...model import Asset, Facts, Missing
from ..base import Context, Observed, missing
from .certificates import describe
from .facts import TlsCertificate, TlsEndpoint, TlsVersions
from .flight import ask_flight, ask_tlcp
from .greeting import Greeting, greet
from .handshake import Finished, lenient_context, name_context, read_store, shake, verifying_context
from .hello import TLS13, VERSION_NAMES
from .line import Line, converse
from .sslyze import Sslyze, loading_sslyze
from .target import Target, line_to, target_of
from .versions import WHY_NOT, versions_of


async def probe_endpoint(asset: Asset, context: Context) -> Observed:
    """Look at an asset of kind tls.

    Sends: some five ClientHellos for each version and one for each suite it takes, one to three of TLCP
        and one for each suite it takes there, one to four whole handshakes, and through sslyze some 540
        handshakes, one for each version and suite; no application data.
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
    async with loading_sslyze(context, early=target.scheme != "http") as sslyze:
        return await _look(line, target, sslyze, declared=probe == "tls.endpoint")


async def _look(line: Line, target: Target, sslyze: Sslyze, *, declared: bool) -> Observed:
    """Bring all facts; `declared`: the asset is an endpoint, not a web application."""
    context = line.context
    greeting = await greet(line)
    spoken = greeting.spoken
    if spoken not in ("tls", "sm_tls", "tlcp") and target.scheme == "http" and await _is_clear_text(line):
        spoken = "http"
    if greeting.tlcp is None:
        # A port may speak TLCP beside TLS.
        greeting.tlcp = await ask_tlcp(line)
    context.keep("tls-greeting.json", _transcript(greeting))
    finished = Finished(error=WHY_NOT[spoken]) if spoken in WHY_NOT else await shake(line, lenient_context())
    facts: list[Facts] = []
    lacking: list[Missing] = []
    if declared:
        at = line.endpoint
        facts.append(
            TlsEndpoint(address=at.address, port=at.port, server_name=line.server_name, spoken=spoken)
        )
    # The certificate comes first: sslyze is still loading.
    try:
        facts.append(await _certificate(line, target, greeting, spoken, finished))
    except ProbeError as exc:
        lacking.append(missing(TlsCertificate, exc, exc.reason))
    try:
        facts.append(await versions_of(line, target, greeting, spoken, finished, sslyze))
    except ProbeError as exc:
        lacking.append(missing(TlsVersions, exc, exc.reason))
    return Observed(facts=tuple(facts), missing=tuple(lacking), privilege="网络")


def _transcript(greeting: Greeting) -> bytes:
    answers = {VERSION_NAMES[version]: asdict(one) for version, one in greeting.answers.items()}
    plain = {f"{VERSION_NAMES[version]} plain": asdict(one) for version, one in greeting.plain.items()}
    tlcp = {"TLCP": asdict(greeting.tlcp.answer)} if greeting.tlcp else {}
    return json.dumps({**answers, **plain, **tlcp}, indent=1).encode()


async def _is_clear_text(line: Line) -> bool:
    request = f"HEAD / HTTP/1.1\r\nHost: {line.server_name}\r\nConnection: close\r\n\r\n".encode()
    found, _ = await converse(
        line, request, lambda data: data.startswith(b"HTTP/") if len(data) > 4 else None
    )
    return bool(found)


async def _certificate(
    line: Line, target: Target, greeting: Greeting, spoken: str, finished: Finished
) -> TlsCertificate:
    if not finished.chain:
        finished = await _sent_in_clear(line, greeting, spoken, finished.error)
    if not finished.chain and not (spoken == "http" and target.scheme == "http"):
        raise ProtocolMismatch(
            f"未能取得服务端证书：{finished.error or '服务端未出示证书'}", cure="人工查看并留存证书截图"
        )
    store = await asyncio.to_thread(read_store, target.ca_file)
    whole = trust = name = Finished(message=finished.error)
    if finished.chain and not finished.error:
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
        protocol=("TLCP" if spoken == "tlcp" else "TLS") if finished.chain else "",
    )


async def _sent_in_clear(line: Line, greeting: Greeting, spoken: str, why: str) -> Finished:
    """Return the certificates of a handshake that our library cannot finish, where they came in clear."""
    chain: tuple[bytes, ...] = ()
    if spoken == "tlcp" and greeting.tlcp:
        chain, why = greeting.tlcp.certificates, "国密 TLCP 证书链，本机 TLS 库不能验证"
    elif spoken == "tls":
        for version, answer in greeting.answers.items():
            if version < TLS13 and answer.is_hello_of(version):
                chain = (await ask_flight(line, version, (answer.suite,), line.server_name)).certificates
                break
    return Finished(error=why, chain=chain, whole_chain=bool(chain))


async def _name(line: Line, leaf: bytes) -> Finished:
    try:
        context = name_context(leaf)
    except ssl.SSLError as exc:
        return Finished(error=f"证书无法载入（{exc.reason or exc.strerror}）")
    return await shake(line, context)
