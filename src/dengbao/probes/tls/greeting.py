"""Our own look: offers each version once and notes what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ...errors import TimedOut
from .flight import Flight, ask_tlcp
from .hello import (
    GROUPS,
    OLD_SUITE_ROUNDS,
    PLAIN_SUITES,
    PLAIN_TLS13_SUITES,
    SM_SUITES,
    SSL3,
    STANDARD_TLS13_SUITES,
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    VERSION_NAMES,
    Answer,
    client_hello,
    read_answer,
)
from .line import Line, converse

OFFERED: Final = (TLS13, TLS12, TLS11, TLS10, SSL3)
_ALERTS: Final = {
    40: "握手失败",
    47: "参数不合法",
    50: "无法解码",
    70: "协议版本不支持",
    71: "安全强度不足",
    80: "内部错误",
}
# close_notify, user_canceled, unrecognized_name, no_application_protocol: not about the version.
_ABOUT_OTHER_THINGS: Final = (0, 90, 112, 120)
_WORDS: Final = {
    "closed": "服务端直接断开", "silent": "未应答", "short": "应答不完整", "http": "以明文 HTTP 应答",
    "other": "应答不是 TLS",
}  # fmt: skip


@dataclass
class Greeting:
    """What came back for each version that was offered, and for TLCP where that was offered (else None).

    `plain` holds the answers of accepted versions to a hello with nothing but suites that do not
    encrypt, do not authenticate, or are of export strength.
    """

    answers: dict[int, Answer] = field(default_factory=dict)
    plain: dict[int, Answer] = field(default_factory=dict)
    tlcp: Flight | None = None

    @property
    def spoken(self) -> str:
        """Return what the endpoint speaks, in the words of `TlsVersions.spoken`."""
        hellos = [one for one in self.answers.values() if one.kind == "hello"]
        if hellos:
            return "sm_tls" if all(one.suite in SM_SUITES for one in hellos) else "tls"
        if self.tlcp and self.tlcp.answer.kind == "hello":
            return "tlcp"
        kinds = {one.kind for one in self.answers.values()}
        return next((one for one in ("http", "closed") if one in kinds), "other")

    def accepts(self, version: int) -> tuple[bool | None, str]:
        """Return whether the version was chosen (None: cannot tell) and in Chinese what came back."""
        answer = self.answers.get(version, Answer("silent"))
        if answer.kind == "hello":
            return self._chosen(version, answer)
        # A refusal is one of this version only where the same server answers another one: OpenSSL 3
        # says "internal error" to TLS 1.0, others hang up.
        refused = False if self.spoken in ("tls", "sm_tls") else None
        if answer.kind == "alert":
            note = f"告警 {answer.alert}（{_ALERTS.get(answer.alert, '其他')}）"
            return (None if answer.alert in _ABOUT_OTHER_THINGS else refused), note
        return (refused if answer.kind == "closed" else None), _WORDS[answer.kind]

    def accepts_plain(self, version: int) -> bool | None:
        """Return whether a suite that protects nothing was chosen; None where that is not known."""
        answer = self.plain.get(version)
        if answer is None:
            return None
        if answer.kind == "hello":
            return answer.version == version
        return False if is_refusal(answer) else None

    @staticmethod
    def _chosen(version: int, answer: Answer) -> tuple[bool, str]:
        if answer.version == version:
            return True, f"选定套件 0x{answer.suite:04X}"
        return False, f"改选 {VERSION_NAMES.get(answer.version, hex(answer.version))}"


def is_refusal(answer: Answer) -> bool:
    """Tell whether an answer refuses what was offered, rather than something else about the hello."""
    return answer.kind == "closed" or (answer.kind == "alert" and answer.alert not in _ABOUT_OTHER_THINGS)


async def greet(line: Line) -> Greeting:
    """Offer every version we know, newest first; where none is spoken, offer TLCP.

    Raises:
        TimedOut: connected, but two hellos of different versions got no answer at all.
        Unreachable: no connection.

    """
    greeting = Greeting()
    for version in OFFERED:
        greeting.answers[version] = await _offer(line, version)
        if len(greeting.answers) == 2 and {one.kind for one in greeting.answers.values()} == {"silent"}:
            break
    for version, answer in greeting.answers.items():
        if answer.kind == "hello" and answer.version == version:
            suites = PLAIN_TLS13_SUITES if version == TLS13 else PLAIN_SUITES
            greeting.plain[version] = await ask(line, version, suites)
    if not any(one.kind == "hello" for one in greeting.answers.values()):
        greeting.tlcp = await ask_tlcp(line)
        if {one.kind for one in (*greeting.answers.values(), greeting.tlcp.answer)} == {"silent"}:
            raise TimedOut(
                f"{line.endpoint.host}:{line.endpoint.port} 可以连接，但对 TLS 与 TLCP 握手均无应答",
                cure="核对端口是否为加密服务；确认后以人工佐证补充",
            )
    return greeting


async def _offer(line: Line, version: int) -> Answer:
    if version == TLS13:
        return await ask(line, version, (*STANDARD_TLS13_SUITES, *SM_SUITES))
    answer = Answer("silent")
    for suites in OLD_SUITE_ROUNDS:
        answer = await ask(line, version, suites)
        if answer.kind != "closed" and answer.alert != 40:
            break
    return answer


async def ask(
    line: Line,
    version: int,
    suites: tuple[int, ...],
    *,
    named: bool = True,
    groups: tuple[int, ...] = GROUPS,
) -> Answer:
    """Offer one version with these suites; `named`: the hello tells the server's name where it can."""
    hello = client_hello(version, suites, line.server_name if named else "", groups)
    found, instead = await converse(line, hello, read_answer)
    return found or Answer(instead)
