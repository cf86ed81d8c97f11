"""Telnet: refuses every option, and reads what the other side asks for first."""

from __future__ import annotations

import re
from typing import Final

from .facts import Service
from .wire import Conversation, Place, clip

_IAC, _DONT, _DO, _WONT, _WILL, _SB, _SE = 255, 254, 253, 252, 251, 250, 240
_ENCRYPTING: Final = frozenset({38, 46})  # ENCRYPT, START_TLS
_LOGIN: Final = re.compile(
    rb"(?i)(?:login|user ?name|user|account|password|passcode|\xe7\x94\xa8\xe6\x88\xb7\xe5\x90\x8d"
    rb"|\xe5\x8f\xa3\xe4\xbb\xa4|\xe5\xaf\x86\xe7\xa0\x81)\s*(?::|\xef\xbc\x9a)\s*\Z"
)
_SHELL: Final = re.compile(rb"[\w~\])/-][#$>%] ?\Z")
_ROUNDS: Final = 12


async def telnet(place: Place, talking: Conversation, greeting: bytes) -> Service:
    """Negotiate nothing and read on until a prompt; nothing is typed."""
    text, options, rest = b"", set[int](), greeting
    for _ in range(_ROUNDS):
        said, answer, offered, rest = parse(rest)
        text += said
        options |= offered
        if answer:
            await talking.say(answer)
        if _LOGIN.search(text) or _SHELL.search(text):
            break
        more = await talking.hear()
        if not more:
            break
        rest += more
    login, shell = bool(_LOGIN.search(text)), bool(_SHELL.search(text))
    return Service(
        port=place.port, protocol="telnet", how="banner", encrypted=False,
        offers_encryption=bool(options & _ENCRYPTING),
        without_login=False if login else True if shell else None,
        evidence=clip(text[-200:]),
    )  # fmt: skip


def parse(data: bytes) -> tuple[bytes, bytes, set[int], bytes]:
    """Return the text, our refusals, the options the peer spoke of, and a command that is not whole yet."""
    text, answer, options = bytearray(), bytearray(), set[int]()
    at = 0
    while at < len(data):
        if data[at] != _IAC:
            text.append(data[at])
            at += 1
            continue
        command = data[at + 1] if at + 1 < len(data) else None
        if command in (_DO, _DONT, _WILL, _WONT) and at + 2 < len(data):
            options.add(data[at + 2])
            if command in (_DO, _WILL):
                answer += bytes((_IAC, _WONT if command == _DO else _DONT, data[at + 2]))
            at += 3
        elif command == _SB:
            end = data.find(bytes((_IAC, _SE)), at)
            if end < 0:
                return bytes(text), bytes(answer), options, data[at : at + 512]
            at = end + 2
        elif command is None or command in (_DO, _DONT, _WILL, _WONT):
            return bytes(text), bytes(answer), options, data[at:]
        else:
            at += 2
    return bytes(text), bytes(answer), options, b""
