"""The second opinion: sslyze as its own process in its own environment, its JSON read as values."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...errors import ProbeIncapable, ProtocolMismatch
from ..base import Context
from ..process import Engine, Ran, started_engine
from .line import Line
from .tunnel import tunnel

# What we ask and how sslyze calls it.
VERSION_QUESTIONS: Final = {
    "TLSv1.3": "tls_1_3_cipher_suites",
    "TLSv1.2": "tls_1_2_cipher_suites",
    "TLSv1.1": "tls_1_1_cipher_suites",
    "TLSv1.0": "tls_1_0_cipher_suites",
    "SSLv3": "ssl_3_0_cipher_suites",
    "SSLv2": "ssl_2_0_cipher_suites",
}
WEAKNESS_QUESTIONS: Final = (
    "heartbleed",
    "openssl_ccs_injection",
    "robot",
    "tls_compression",
    "session_renegotiation",
    "tls_fallback_scsv",
)
_SERVER: Final = Path(__file__).with_name("sslyze_server.py")
# As many as sslyze opens at once when nobody tells it otherwise.
_MOST_AT_ONCE: Final = 5
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


class Sslyze:
    """sslyze, already loading or to be started when it is asked; `ask` may be called once."""

    def __init__(self, context: Context, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._python = ""
        self._engine: Engine | None = None
        self._lack: ProbeIncapable | None = None
        try:
            self._python = find_sslyze(context)
        except ProbeIncapable as exc:
            self._lack = exc

    def require(self) -> None:
        """Go on only where sslyze is installed and, if it was started, did start.

        Raises:
            ProbeIncapable: it is not installed or does not start.

        """
        if self._lack is not None:
            raise self._lack

    async def start(self) -> None:
        """Start it, once; where that cannot be, `require` says so."""
        if self._engine is not None or self._lack is not None:
            return
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="dengbao-sslyze-")))
        command = (self._python, "-I", str(_SERVER))
        try:
            started = started_engine("sslyze", command, folder=folder)
            self._engine = await self._stack.enter_async_context(started)
        except ProbeIncapable as exc:
            self._lack = exc

    async def ask(self, line: Line, questions: Iterable[str], *, deadline_s: float) -> Report:
        """Have the endpoint asked; `questions` are sslyze's names of its scan commands.

        Raises:
            ProbeIncapable: not installed or broken.
            TimedOut: it did not end within `deadline_s` seconds; it is killed when its block ends.
            ProtocolMismatch: its output cannot be read.

        """
        await self.start()
        self.require()
        engine = self._engine
        if engine is None:
            raise ProbeIncapable("检测程序 sslyze 未启动")
        async with tunnel(line) as made:
            order = {
                "host": line.server_name or line.endpoint.host,
                "place": {"ip_address": line.endpoint.address, "port": line.endpoint.port},
                "tunnel": made.port,
                "at_once": min(_MOST_AT_ONCE, line.context.guard.scope.connections_at_once),
                "commands": list(questions),
            }
            ran = await engine.finish(json.dumps(order).encode() + b"\n", deadline_s=deadline_s)
        if made.broken is not None:
            raise made.broken
        return read_report(_output(ran))


@asynccontextmanager
async def loading_sslyze(context: Context, *, early: bool = True) -> AsyncIterator[Sslyze]:
    """Start sslyze's Python, which takes half a second to load; nothing is sent before it is asked.

    Where it may not be asked at all it is not started early, but when it is asked. Where it is missing,
    asking says so.
    """
    async with AsyncExitStack() as stack:
        sslyze = Sslyze(context, stack)
        if early:
            await sslyze.start()
        yield sslyze


def _output(ran: Ran) -> bytes:
    if ran.code or not ran.out:
        told = ran.err.decode("utf-8", "replace").strip().splitlines()
        raise ProbeIncapable(
            f"检测程序 sslyze 未产生结果（退出码 {ran.code}{'：' + told[-1][:200] if told else ''}）",
            cure="运行 dengbao doctor 查看 sslyze 的安装情况",
        )
    return ran.out[:_MOST_JSON]


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
    return _suites(result, "rejected_cipher_suites", without=_silent) or ()


def unanswered(result: Json) -> bool:
    """Tell whether sslyze counts among the refusals handshakes that nobody answered in time."""
    found = result.get("rejected_cipher_suites")
    return isinstance(found, list) and any(map(_silent, found))


def _silent(one: object) -> bool:
    return "timed out" in str(_object(one).get("error_message", "")).lower()


def _suites(
    result: Json, key: str, *, without: Callable[[object], bool] = lambda _one: False
) -> tuple[str, ...] | None:
    found = result.get(key)
    if not isinstance(found, list):
        return None
    found = [one for one in found if not without(one)]
    names = {str(_object(_object(one).get("cipher_suite")).get("name", "")) for one in found}
    return None if "" in names else tuple(sorted(names))


def flag(result: Json, key: str) -> bool | None:
    """Return a truth value of a result, None where it is neither true nor false."""
    value = result.get(key)
    return value if isinstance(value, bool) else None


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}
