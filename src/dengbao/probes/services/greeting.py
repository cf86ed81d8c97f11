"""Services that speak first: what their greeting says, and a harmless question or two after it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from .facts import Service
from .telnet import telnet
from .wire import Conversation, Place, clip, talk

Greeted = Callable[[Place, Conversation, bytes], Awaitable[Service | None]]

# A name nobody has, and no password: that is no attempt to log in.
_FTP_NAME: Final = b"USER dengbao-test\r\n"
_ABOUT_TLS: Final = re.compile(rb"TLS|SSL|encrypt|cleartext|plain FTP|use AUTH", re.IGNORECASE)
_RSYNC: Final = b"@RSYNCD: 31.0\n"
_MOST_MODULES: Final = 20
_ASKED_MODULES: Final = 4
_SSL_CAPABILITY: Final = 0x0800
_RFB: Final = re.compile(rb"RFB (\d{3})\.(\d{3})\n")
_VNC_TYPES: Final = {
    1: "None", 2: "VncAuth", 5: "RA2", 6: "RA2ne", 16: "Tight", 18: "TLS", 19: "VeNCrypt", 30: "AppleDH",
    129: "RealVNC-129", 130: "RealVNC-130", 133: "RealVNC-133",
}  # fmt: skip
_VNC_CLEAR: Final = frozenset({"None", "VncAuth", "Tight", "RA2ne"})
_VNC_SEALED: Final = frozenset({"RA2", "TLS", "VeNCrypt", "RealVNC-129", "RealVNC-130", "RealVNC-133"})


async def greeted(place: Place, talking: Conversation, greeting: bytes) -> Service | None:
    """Return what the greeting and a few questions after it tell, None where it is not known."""
    for mark, answer in _GREETINGS:
        if mark.match(greeting):
            return await answer(place, talking, greeting)
    return None


async def _ftp_or_mail(place: Place, talking: Conversation, greeting: bytes) -> Service | None:
    """FTP and SMTP both greet with 220; only FTP knows FEAT."""
    said = greeting if b"\n" in greeting else greeting + await talking.until(b"\n")
    if re.search(rb"E?SMTP", said):
        return Service(port=place.port, protocol="smtp", how="banner", encrypted=False, evidence=clip(said))
    await talking.say(b"FEAT\r\n")
    features = await talking.until(b"\r\n211 ", 1.0)
    if not (re.search(rb"(?m)^(211|530)[ -]", features) or b"FTP" in said.upper()):
        return None
    offers: bool | None = True if re.search(rb"(?mi)^ ?AUTH .*(TLS|SSL)", features) else None
    demands: bool | None = None
    if offers:
        demands = _demands_tls(await talking.ask(_FTP_NAME))
    else:
        reply = await talking.ask(b"AUTH TLS\r\n")
        offers = True if reply.startswith(b"234") else False if reply[:1] in (b"4", b"5") else None
        talking.end()
        if offers:
            demands = await _ftp_name(place)
    return Service(
        port=place.port, protocol="ftp", how="banner", encrypted=False, offers_encryption=offers,
        demands_encryption=demands, version=clip(said[4:], 60), evidence=clip(said),
    )  # fmt: skip


async def _ftp_name(place: Place) -> bool | None:
    async with talk(place) as talking:
        await talking.until(b"\n")
        return _demands_tls(await talking.ask(_FTP_NAME))


def _demands_tls(reply: bytes) -> bool | None:
    """Tell whether a name was refused because the line is clear: by its code, or because the words say so."""
    if reply[:3] in (b"230", b"331", b"332"):
        return False
    refused = reply[:1] in (b"4", b"5")
    return True if refused and (reply[:3] == b"534" or _ABOUT_TLS.search(reply)) else None


async def _mail(place: Place, _talking: Conversation, greeting: bytes) -> Service:
    protocol = "pop3" if greeting.startswith(b"+OK") else "imap"
    return Service(port=place.port, protocol=protocol, how="banner", encrypted=False, evidence=clip(greeting))


async def _ssh(place: Place, _talking: Conversation, greeting: bytes) -> Service:
    banner = clip(greeting.split(b"\n", 1)[0])
    return Service(
        port=place.port, protocol="ssh", how="banner", encrypted=True, version=banner, evidence=banner
    )


async def _rsync(place: Place, talking: Conversation, greeting: bytes) -> Service:
    """List the modules and see whether the first few are handed out without a password."""
    await talking.say(_RSYNC + b"#list\n")
    listed = await talking.until(b"@RSYNCD: EXIT")
    modules = [clip(line.split(b"\t")[0], 60) for line in listed.split(b"\n") if b"\t" in line][
        :_MOST_MODULES
    ]
    talking.end()
    handed = [await _module(place, name) for name in modules[:_ASKED_MODULES]]
    without = True if True in handed else None if None in handed or len(modules) > len(handed) else False
    return Service(
        port=place.port, protocol="rsync", how="banner", encrypted=False, offers_encryption=False,
        without_login=without, shared=tuple(modules), evidence=clip(greeting),
    )  # fmt: skip


async def _module(place: Place, name: str) -> bool | None:
    """Tell whether a module opens without a password; nothing of it is read."""
    async with talk(place) as talking:
        await talking.until(b"\n")
        await talking.say(_RSYNC + name.encode() + b"\n")
        answer = await talking.until(b"@RSYNCD: OK", 1.0)
    if b"@RSYNCD: OK" in answer:
        return True
    return False if b"AUTHREQD" in answer or b"@ERROR" in answer else None


async def _vnc(place: Place, talking: Conversation, greeting: bytes) -> Service:
    version = _RFB.match(greeting)
    minor = int(version.group(2)) if version else 3
    types = await (_vnc_list if minor >= 7 else _vnc_single)(talking)
    names = tuple(_VNC_TYPES.get(one, f"type-{one}") for one in types or ())
    sealed = bool(_VNC_SEALED.intersection(names))
    return Service(
        port=place.port, protocol="vnc", how="banner", version=clip(greeting),
        encrypted=_sealed(names), offers_encryption=sealed if names else None,
        without_login=None if not names else "None" in names, options=names, evidence=clip(greeting),
    )  # fmt: skip


def _sealed(names: tuple[str, ...]) -> bool | None:
    """Tell whether every session is encrypted; a type that is not known may well encrypt."""
    if _VNC_CLEAR.intersection(names):
        return False
    return True if names and _VNC_SEALED.issuperset(names) else None


async def _vnc_list(talking: Conversation) -> bytes | None:
    await talking.say(b"RFB 003.008\n" if b"003.008" in talking.heard else b"RFB 003.007\n")
    count = (await talking.exactly(1))[0]
    return await talking.exactly(count) if count else None


async def _vnc_single(talking: Conversation) -> bytes | None:
    await talking.say(b"RFB 003.003\n")
    chosen = int.from_bytes(await talking.exactly(4), "big")
    return bytes([chosen]) if 0 < chosen < 256 else None


async def _mysql(place: Place, talking: Conversation, greeting: bytes) -> Service | None:
    size = int.from_bytes(greeting[:3], "little")
    whole = greeting if len(greeting) >= size + 4 else greeting + await talking.hear(0.5)
    body = whole[4 : 4 + size]
    if body[:1] == b"\xff":
        return Service(
            port=place.port, protocol="mysql", how="banner", encrypted=False, evidence=clip(body[3:])
        )
    version, end, rest = body[1:].partition(b"\0")
    if body[:1] != b"\x0a" or not end or not re.match(rb"[0-9]", version):
        return None
    # thread id 4, salt 8, filler 1, then the lower half of the capabilities
    lower = int.from_bytes(rest[13:15], "little")
    return Service(
        port=place.port, protocol="mysql", how="banner", version=clip(version, 60), encrypted=False,
        offers_encryption=bool(lower & _SSL_CAPABILITY), evidence=clip(version, 60),
    )  # fmt: skip


_GREETINGS: Final[tuple[tuple[re.Pattern[bytes], Greeted], ...]] = (
    (re.compile(rb"SSH-\d"), _ssh),
    (re.compile(rb"220[ -]"), _ftp_or_mail),
    (re.compile(rb"\+OK[ \r]|\* (?:OK|PREAUTH)"), _mail),
    (re.compile(rb"@RSYNCD:"), _rsync),
    (re.compile(rb"RFB \d{3}\.\d{3}\n"), _vnc),
    (re.compile(rb"\xff[\xfa-\xfe]"), telnet),
    (re.compile(rb"...\0[\x0a\xff]", re.DOTALL), _mysql),
)
