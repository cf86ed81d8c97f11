"""Versions and suites of one endpoint: what our own hellos saw, beside what sslyze says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from ...errors import ProbeError, ProbeIncapable
from .elimination import Taken, suites_of, takes_sm_group, tlcp_suites_of
from .facts import TlsVersion, TlsVersions
from .greeting import OFFERED, Greeting, is_refusal
from .handshake import Finished
from .hello import SM_SUITES, TLCP_SUITES, TLS13, VERSION_NAMES
from .line import Line
from .sslyze import (
    VERSION_QUESTIONS,
    Report,
    Sslyze,
    accepted_suites,
    flag,
    rejected_suites,
    unanswered,
)
from .suites import suite_names
from .target import Target

# sslyze makes some 540 connections; they are paced like all others.
_CONNECTIONS: Final = 560
_WORK_S: Final = 60.0
_MOST_S: Final = 200.0
_START_S: Final = 0.5
_OWN_NAMES: Final = {VERSION_NAMES[one]: one for one in OFFERED}
WHY_NOT: Final = {
    "http": "该端口以明文 HTTP 应答",
    "tlcp": "该端口只提供国密 TLCP，本机 TLS 库不能完成握手",
    "sm_tls": "该端口只提供国密 TLS 1.3 套件，本机 TLS 库不能完成握手",
}


@dataclass
class Own:
    """All that our own hellos saw; None where not known."""

    greeting: Greeting
    suites: dict[int, Taken] = field(default_factory=dict)
    tlcp: tuple[str, ...] | None = None
    sm_group: bool | None = None

    @property
    def sm_suites(self) -> tuple[str, ...] | None:
        """Return the suites of RFC 8998 that were chosen."""
        taken = self.suites.get(TLS13)
        if taken is None:
            return None if self.greeting.accepts(TLS13)[0] is None else ()
        chosen = [one for one in taken.suites if one in SM_SUITES]
        return suite_names(chosen) if chosen or taken.whole else None


async def versions_of(
    line: Line, target: Target, greeting: Greeting, spoken: str, finished: Finished, sslyze: Sslyze
) -> TlsVersions:
    """Return versions and suites from both sources, which look side by side.

    Raises:
        ProbeIncapable: sslyze is missing or broken.
        Unreachable, TimedOut: no connection any more.

    """
    sslyze.require()
    own, report, note = await _look_with_both(line, greeting, spoken, sslyze)
    chosen = greeting.tlcp.answer.suite if greeting.tlcp and spoken == "tlcp" else 0
    return TlsVersions(
        address=line.endpoint.address,
        port=line.endpoint.port,
        server_name=line.server_name,
        scheme=target.scheme,
        spoken=spoken,
        finished=not finished.error,
        versions=tuple(version_of(name, own, finished, report, note) for name in VERSION_QUESTIONS),
        negotiated_version=finished.version,
        negotiated_suite=finished.suite,
        not_finished_because=finished.error,
        tlcp_suite=TLCP_SUITES.get(chosen, ""),
        client_certificate=report.client_certificate if report else "",
        engine=f"sslyze {report.version}" if report else "",
        engine_note=note,
        tlcp_suites=own.tlcp,
        sm_suites=own.sm_suites,
        sm_group=own.sm_group,
        at=datetime.now(UTC),
    )


async def look_ourselves(line: Line, greeting: Greeting) -> Own:
    """Return what our own hellos see of suites, TLCP and curveSM2 after the greeting.

    Raises:
        Unreachable, TimedOut: no connection any more.

    """
    line.context.say("逐个尝试 TLS、TLCP 套件")
    own = Own(greeting, suites=await suites_of(line, greeting))
    if TLS13 in own.suites:
        own.sm_group = await takes_sm_group(line)
    flight = greeting.tlcp
    if flight is not None and flight.answer.kind == "hello":
        taken = await tlcp_suites_of(line, named=flight.named)
        names = tuple(sorted(TLCP_SUITES[one] for one in taken.suites))
        own.tlcp = names if taken.whole else None
    elif flight is not None and is_refusal(flight.answer):
        own.tlcp = ()
    return own


async def _look_with_both(
    line: Line, greeting: Greeting, spoken: str, sslyze: Sslyze
) -> tuple[Own, Report | None, str]:
    """Return what our own look and sslyze bring, side by side.

    Ours has a short start: on the usual network it is through before sslyze is loaded, and so a server
    that takes one client at a time does not keep our hellos waiting behind sslyze's.
    """
    looking = asyncio.create_task(look_ourselves(line, greeting))
    try:
        await asyncio.wait((looking,), timeout=_START_S)
        if looking.done():
            looking.result()  # where there is no connection any more, sslyze is not sent after it
        report, note = await _second_opinion(line, spoken, sslyze)
        return await looking, report, note
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _second_opinion(line: Line, spoken: str, sslyze: Sslyze) -> tuple[Report | None, str]:
    """Return sslyze's report, or None and why there is none; a missing engine is raised."""
    if spoken in WHY_NOT:
        return None, WHY_NOT[spoken]
    line.context.say("以 sslyze 逐个尝试 TLS 版本与套件")
    deadline_s = min(_MOST_S, _WORK_S + _CONNECTIONS / line.context.guard.scope.connections_per_s)
    try:
        report = await sslyze.ask(line, VERSION_QUESTIONS.values(), deadline_s=deadline_s)
    except ProbeIncapable:
        raise
    except ProbeError as exc:
        return None, exc.message
    line.context.keep("sslyze-versions.json", report.raw)
    return report, "" if report.connected else "sslyze 未能与该端口完成任何 TLS 握手"


def version_of(name: str, own: Own, finished: Finished, report: Report | None, note: str) -> TlsVersion:
    """Return what both sources say of one version."""
    number = _OWN_NAMES.get(name)
    accepted, own_note, plain = None, "未探测（仅由 sslyze 探测）", None
    if number is not None:
        accepted, own_note = own.greeting.accepts(number)
        plain = own.greeting.accepts_plain(number)
    if name == finished.version and not accepted:
        # Some servers choose a version only from a list of several.
        accepted, own_note = True, f"单独提供时{own_note}，整次握手协商到该版本"
    result, why = report.result(VERSION_QUESTIONS[name]) if report else (None, note)
    engine = flag(result, "is_tls_version_supported") if result is not None else None
    suites = accepted_suites(result) if result is not None else None
    told = f"接受 {len(suites)} 个套件" if suites is not None else "sslyze 的结果未列出套件"
    silent = result is not None and unanswered(result)
    if silent:
        # Silence is no refusal: the server may be slow, or something between may swallow what we ask.
        engine, told = engine or None, f"{told}，有握手超时未应答，不作拒绝"
    taken = own.suites.get(number) if number is not None else None
    seen = suite_names(taken.suites) if taken else ()
    refused = rejected_suites(result) if result is not None else ()
    differ = _differing(seen, taken, suites, refused)
    return TlsVersion(
        name=name,
        accepted=agreed(accepted, engine) if number is not None else engine,
        own=accepted,
        engine=engine,
        own_note=own_note,
        engine_note=why or told,
        suites=tuple(sorted({*(suites or ()), *(one for one in seen if one not in refused)})),
        suites_tried=suites is not None
        and not differ
        and (not silent or (taken is not None and taken.whole)),
        plain_chosen=plain,
        own_suites=seen,
        own_suites_tried=taken is not None and taken.whole,
        suites_differ=differ,
    )


def agreed(own: bool | None, engine: bool | None) -> bool | None:
    """Return what two sources say together.

    One that saw the version chosen is enough where the other saw nothing; a refusal needs both, and
    where they contradict each other nothing is known.
    """
    if own is None or engine is None:
        return True if own or engine else None
    return own if own is engine else None


def _differing(
    seen: tuple[str, ...],
    taken: Taken | None,
    suites: tuple[str, ...] | None,
    refused: tuple[str, ...],
) -> tuple[str, ...] | None:
    """Return the suites over which the sources contradict each other, None where they cannot be compared.

    What sslyze does not know it cannot refuse; what our hello did not come to it did not refuse.
    """
    if taken is None or suites is None:
        return None
    missed = set(suites) - set(seen) if taken.whole else set()
    return tuple(sorted(missed | (set(seen) & set(refused))))
