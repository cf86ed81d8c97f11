"""One attempt as a stranger at each service where strangers are commonly let in; each is in the ledger."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from ...errors import Interrupted, ProbeError
from ...model import Level
from ..base import Context
from . import snmp
from .facts import GuestTry, Service, ServicesExposed, ServicesGuests
from .smb_guest import stranger
from .udp import exchange
from .wire import Conversation, Place, clip, talk

_SNMP_PORT: Final = 161
_NAMES: Final = {"ftp": ("anonymous",), "smb": ("anonymous", "guest")}
_OUTCOME: Final = {True: "accepted", False: "refused", None: "unclear"}
_ACCEPTED: Final = {"accepted": True, "refused": False}


async def try_as_stranger(
    context: Context, asset: str, exposed: ServicesExposed, snmp_port: int = _SNMP_PORT
) -> ServicesGuests:
    """Try FTP as `anonymous`, SMB without a name and as `guest`, SNMP as `public`: each once.

    Sends: at most one login for each service and name; nothing is written, no file is opened.
    Changes: nothing on the asset but its own log, where the attempts show.
    Level: intrude.

    Raises:
        NotAuthorised: below that level, or outside the window.

    """
    context.guard.require(Level.INTRUDE, what="匿名、来宾与默认团体名试连")
    attempts = [
        await _once(Place(context, asset, "ports.tcp", exposed.address, service.port), service, name)
        for service in exposed.of("ftp", "smb")
        for name in _NAMES[service.protocol]
    ]
    attempts.append(await _public(context, asset, exposed.address, snmp_port))
    return ServicesGuests(address=exposed.address, vantage=exposed.vantage, attempts=tuple(attempts))


async def _once(place: Place, service: Service, name: str) -> GuestTry:
    key = f"{service.protocol}:{place.port}:{name}"
    unknown = GuestTry(port=place.port, protocol=service.protocol, as_whom=name, accepted=None)
    try:
        before = place.context.ledger.begin(key)
    except Interrupted as exc:
        return _with(unknown, evidence=exc.message)
    if before is not None:
        return _with(unknown, accepted=_ACCEPTED.get(before), evidence="此前已尝试")
    try:
        tried = await (_ftp(place) if service.protocol == "ftp" else _smb(place, service, name))
    except ProbeError as exc:
        tried = _with(unknown, evidence=exc.message)
    place.context.ledger.end(key, _OUTCOME[tried.accepted])
    return tried


def _with(one: GuestTry, *, accepted: bool | None = None, evidence: str) -> GuestTry:
    return GuestTry(
        port=one.port, protocol=one.protocol, as_whom=one.as_whom, accepted=accepted,
        transport=one.transport, evidence=evidence,
    )  # fmt: skip


async def _ftp(place: Place) -> GuestTry:
    async with talk(place) as talking:
        await talking.until(b"\n")
        reply = await _said(talking, b"USER anonymous\r\n")
        if reply.startswith(b"331"):
            reply = await _said(talking, b"PASS anonymous@\r\n")
        await talking.say(b"QUIT\r\n")
    code = reply[:1]
    accepted = True if reply.startswith((b"230", b"232")) else False if code in (b"4", b"5") else None
    return GuestTry(
        port=place.port, protocol="ftp", as_whom="anonymous", accepted=accepted,
        demands_encryption=bool(re.search(rb"(?i)encrypt|ssl|tls", reply)) if accepted is False else None,
        evidence=clip(reply),
    )  # fmt: skip


async def _said(talking: Conversation, line: bytes) -> bytes:
    """Return the last line of the answer, which bears its code."""
    await talking.say(line)
    lines = [one for one in (await talking.until(b"\n", 5.0)).split(b"\r\n") if re.match(rb"\d{3} ", one)]
    return lines[-1] if lines else b""


async def _smb(place: Place, service: Service, name: str) -> GuestTry:
    let = await stranger(place, "" if name == "anonymous" else name, service.options)
    # A session in the name of nobody opens by design; what it may see is what counts.
    accepted = let.accepted if name == "guest" or let.accepted is False else _worth(let.accepted, let.shares)
    return GuestTry(
        port=place.port, protocol="smb", as_whom=name, accepted=accepted, shares=let.shares,
        evidence=clip(let.evidence),
    )  # fmt: skip


def _worth(accepted: bool | None, shares: tuple[str, ...] | None) -> bool | None:
    if accepted is None:
        return None
    return shares is not None


async def _public(context: Context, asset: str, address: str, port: int) -> GuestTry:
    key = f"snmp:{port}:public"
    tried = GuestTry(port=port, protocol="snmp", as_whom="community public", accepted=None, transport="udp")
    try:
        endpoint = context.guard.admit(address, port, asset=asset, probe="ports.tcp")
        before = context.ledger.begin(key)
    except ProbeError as exc:
        return _with(tried, evidence=exc.message)
    if before is not None:
        return _with(tried, accepted=_ACCEPTED.get(before), evidence="此前已尝试")
    state, told = await asyncio.to_thread(
        exchange, endpoint.address, port, snmp.question("public"), snmp.answered, 1
    )
    # A wrong community is met with silence, as is a shut port: only an answer or a refusal decides.
    known = state == "answered" and told in snmp.ANSWERS
    accepted = True if known else False if state == "closed" else None
    context.ledger.end(key, _OUTCOME[accepted])
    return _with(tried, accepted=accepted, evidence=told or state)
