"""Asks sslyze for known defects of TLS implementations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from ...errors import ProtocolMismatch
from ...model import Asset
from ..base import Context, Observed
from .facts import TlsWeaknesses, Unanswered
from .greeting import greet
from .sslyze import WEAKNESS_QUESTIONS, Report, flag, loading_sslyze
from .target import line_to, target_of

_DEADLINE_S: Final = 60.0
_ROBOT: Final = {
    "VULNERABLE_WEAK_ORACLE": True,
    "VULNERABLE_STRONG_ORACLE": True,
    "NOT_VULNERABLE_NO_ORACLE": False,
    "NOT_VULNERABLE_RSA_NOT_SUPPORTED": False,
}


async def probe(asset: Asset, context: Context) -> Observed:
    """Look for Heartbleed, early ChangeCipherSpec, ROBOT, compression and renegotiation.

    Sends: up to eleven ClientHellos, then through sslyze some 30 handshakes, several of them with the
        malformed messages that these defects answer to; no application data.
    Changes: nothing on the asset but its own log.
    Level: intrude, for the malformed messages.

    Raises:
        ProbeIncapable: sslyze is missing or broken.
        ProtocolMismatch: no TLS is spoken there, or sslyze could not finish a handshake.
        Unreachable, TimedOut, OutOfScope, NotAuthorised, NotDeclared: nothing could be seen.

    """
    target = target_of(asset)
    async with loading_sslyze(context, early=target.scheme != "http") as sslyze:
        sslyze.require()
        line = await line_to(asset, target, context, probe="tls.weaknesses")
        spoken = (await greet(line)).spoken
        if spoken != "tls":
            raise ProtocolMismatch(
                f"{target.host}:{target.port} 未应答 TLS"
                "（可能为明文端口，或仅支持国密 TLCP），无法检测 TLS 缺陷",
                cure="人工核实该端口的加密方式，以漏洞扫描报告补充",
            )
        report = await sslyze.ask(line, WEAKNESS_QUESTIONS, deadline_s=_DEADLINE_S)
    context.keep("sslyze-weaknesses.json", report.raw)
    if not report.connected:
        raise ProtocolMismatch("sslyze 未能与该端口完成任何 TLS 握手", cure="以漏洞扫描报告补充")
    facts = TlsWeaknesses(
        address=line.endpoint.address,
        port=line.endpoint.port,
        server_name=line.server_name,
        engine=f"sslyze {report.version}",
        heartbleed=_flag(report, "heartbleed", "is_vulnerable_to_heartbleed"),
        ccs_injection=_flag(report, "openssl_ccs_injection", "is_vulnerable_to_ccs_injection"),
        robot=_robot(report),
        compression=_flag(report, "tls_compression", "supports_compression"),
        secure_renegotiation=_flag(report, "session_renegotiation", "supports_secure_renegotiation"),
        client_renegotiation=_renegotiates(report),
        fallback_scsv=_flag(report, "tls_fallback_scsv", "supports_fallback_scsv"),
        at=datetime.now(UTC),
        unanswered=tuple(_unanswered(report)),
    )
    return Observed(facts=(facts,), privilege="网络")


def _flag(report: Report, command: str, key: str) -> bool | None:
    result, _ = report.result(command)
    return None if result is None else flag(result, key)


def _renegotiates(report: Report) -> bool | None:
    """Tell whether the client may renegotiate at will.

    sslyze calls a server safe as soon as one of ten renegotiations fails, as one does on a slow line, too:
    where some worked, its no is no answer.
    """
    found = _flag(report, "session_renegotiation", "is_vulnerable_to_client_renegotiation_dos")
    result, _ = report.result("session_renegotiation")
    count = None if result is None else result.get("client_renegotiations_success_count")
    return None if found is False and count != 0 else found


def _robot(report: Report) -> bool | None:
    result, _ = report.result("robot")
    return None if result is None else _ROBOT.get(str(result.get("robot_result")))


def _unanswered(report: Report) -> list[Unanswered]:
    found = []
    for command in WEAKNESS_QUESTIONS:
        result, why = report.result(command)
        if result is None:
            found.append(Unanswered(question=command, reason=why))
    return found
