"""The second opinion: sslyze as its own process in its own environment, its JSON read as values."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...errors import ProbeIncapable, ProtocolMismatch
from ..base import Context
from ..process import Ran, run_engine
from .line import Line
from .tunnel import tunnel

VERSION_QUESTIONS: Final = {
    "TLSv1.3": ("--tlsv1_3", "tls_1_3_cipher_suites"),
    "TLSv1.2": ("--tlsv1_2", "tls_1_2_cipher_suites"),
    "TLSv1.1": ("--tlsv1_1", "tls_1_1_cipher_suites"),
    "TLSv1.0": ("--tlsv1", "tls_1_0_cipher_suites"),
    "SSLv3": ("--sslv3", "ssl_3_0_cipher_suites"),
    "SSLv2": ("--sslv2", "ssl_2_0_cipher_suites"),
}
WEAKNESS_QUESTIONS: Final = {
    "heartbleed": "--heartbleed",
    "openssl_ccs_injection": "--openssl_ccs",
    "robot": "--robot",
    "tls_compression": "--compression",
    "session_renegotiation": "--reneg",
    "tls_fallback_scsv": "--fallback",
}
# sslyze keeps five connections at once, or two when told to be slow; it knows no other number.
_USUAL_AT_ONCE: Final = 5
_SLOW_AT_ONCE: Final = 2
_MOST_JSON: Final = 16 * 1024 * 1024
_REASONS: Final = {
    "BUG_IN_SSLYZE": "sslyze 内部错误",
    "CLIENT_CERTIFICATE_NEEDED": "服务端要求客户端证书",
    "CONNECTIVITY_ISSUE": "连接不稳定",
    "WRONG_USAGE": "sslyze 调用方式有误",
}

Json = dict[str, object]


@dataclass(frozen=True)
class Report:
    """What sslyze says about one endpoint; `connected` is False where it found no TLS at all."""

    version: str
    connected: bool
    client_certificate: str
    raw: bytes
    commands: Json

    def result(self, command: str) -> tuple[Json | None, str]:
        """Return the result of a scan command, or None and in Chinese why there is none."""
        if not self.connected:
            return None, "sslyze 未能与该端口完成任何 TLS 握手"
        attempt = _object(self.commands.get(command))
        if attempt.get("status") != "COMPLETED":
            reason = str(attempt.get("error_reason") or "未执行")
            return None, _REASONS.get(reason, reason)
        return _object(attempt.get("result")), ""


def find_sslyze(context: Context) -> str:
    """Return the Python that can run sslyze.

    Raises:
        ProbeIncapable: sslyze is not installed.

    """
    python = context.engines.get("sslyze", "")
    if not python:
        raise ProbeIncapable(
            "缺少检测程序 sslyze，未能探测 TLS 版本、套件与已知缺陷",
            cure="执行 make engines，或运行离线包内 install.sh 安装 sslyze",
        )
    return python


async def ask_sslyze(line: Line, questions: tuple[str, ...], *, deadline_s: float) -> Report:
    """Run sslyze once against the endpoint; `questions` are its options.

    Raises:
        ProbeIncapable: not installed, broken, or unable to stay within the authorised concurrency.
        TimedOut: it did not end within `deadline_s` seconds and was killed.
        ProtocolMismatch: its output cannot be read.

    """
    python = find_sslyze(line.context)
    scope = line.context.guard.scope
    if scope.connections_at_once < _SLOW_AT_ONCE:
        raise ProbeIncapable(
            "sslyze 至少需要 2 个并发连接，超过 scope.connections_at_once",
            cure="经授权后将 connections_at_once 调至 2 以上",
        )
    slow = ("--slow_connection",) if scope.connections_at_once < _USUAL_AT_ONCE else ()
    with tempfile.TemporaryDirectory(prefix="dengbao-sslyze-") as name:
        folder = Path(name)
        async with tunnel(line) as port:
            command = (
                python, "-I", "-m", "sslyze", "--quiet", "--mozilla_config", "disable",
                "--https_tunnel", f"http://127.0.0.1:{port}", "--json_out", "report.json",
                *slow, *questions, *_where(line),
            )  # fmt: skip
            ran = await run_engine("sslyze", command, deadline_s=deadline_s, folder=folder)
        return read_report(_output(folder / "report.json", ran))


def _where(line: Line) -> tuple[str, ...]:
    # The tunnel decides where a connection goes; the host named here is only told to it.
    name = line.server_name or line.endpoint.host
    host = f"[{name}]" if ":" in name else name
    return ("--sni", name, "--", f"{host}:{line.endpoint.port}")


def _output(path: Path, ran: Ran) -> bytes:
    if not path.is_file():
        told = ran.err.decode("utf-8", "replace").strip().splitlines()
        raise ProbeIncapable(
            f"检测程序 sslyze 未产生结果（退出码 {ran.code}{'：' + told[-1][:200] if told else ''}）",
            cure="运行 dengbao doctor 查看 sslyze 的安装情况",
        )
    with path.open("rb") as file:
        return file.read(_MOST_JSON)


def read_report(data: bytes) -> Report:
    """Return sslyze's JSON document about one server as a value.

    Raises:
        ProtocolMismatch: not such a document.

    """
    try:
        document = _object(json.loads(data))
    except ValueError as exc:
        raise ProtocolMismatch("sslyze 的输出不是 JSON") from exc
    servers = document.get("server_scan_results")
    if not isinstance(servers, list) or len(servers) != 1:
        raise ProtocolMismatch("sslyze 的输出中没有该对象的结果")
    server = _object(servers[0])
    connected = server.get("connectivity_status") == "COMPLETED"
    return Report(
        version=str(document.get("sslyze_version", "")),
        connected=connected,
        client_certificate=str(_object(server.get("connectivity_result")).get("client_auth_requirement", "")),
        raw=data,
        commands=_object(server.get("scan_result")),
    )


def accepted_suites(result: Json) -> tuple[str, ...] | None:
    """Return the names of the suites that were accepted, sorted; None where the result does not name them."""
    names = _suites(result, "accepted_cipher_suites")
    if names is None or bool(names) is not flag(result, "is_tls_version_supported"):
        return None  # written otherwise than we know, or at odds with itself
    return names


def rejected_suites(result: Json) -> tuple[str, ...]:
    """Return the names of the suites that were tried and refused, sorted, as far as the result names them."""
    return _suites(result, "rejected_cipher_suites") or ()


def _suites(result: Json, key: str) -> tuple[str, ...] | None:
    found = result.get(key)
    if not isinstance(found, list):
        return None
    names = {str(_object(_object(one).get("cipher_suite")).get("name", "")) for one in found}
    return None if "" in names else tuple(sorted(names))


def flag(result: Json, key: str) -> bool | None:
    """Return a truth value of a result, None where it is neither true nor false."""
    value = result.get(key)
    return value if isinstance(value, bool) else None


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}
