"""RDP up to the negotiation ([MS-RDPBCGR] 2.2.1.1): which security protocols the server takes."""

from __future__ import annotations

import struct
from typing import Final

from ...errors import ProbeError
from .facts import Service
from .wire import Place, talk

# requested protocol → our word; NLA is CredSSP inside TLS.
_PROTOCOLS: Final = {0: "rdp", 1: "tls", 3: "nla"}
_SELECTED: Final = {0: "rdp", 1: "tls", 2: "nla", 8: "nla"}
_RESPONSE, _FAILURE = 2, 3


def request(protocols: int) -> bytes:
    """Return an X.224 connection request with an RDP negotiation request; no user, no cookie."""
    negotiation = struct.pack("<BBHI", 1, 0, 8, protocols)
    return struct.pack(">BBHBBHHB", 3, 0, 19, 14, 0xE0, 0, 0, 0) + negotiation


def answer(data: bytes) -> tuple[bool, str] | None:
    """Return whether the server took a protocol, and which; None if this is no RDP.

    An answer without a negotiation part is that of an old server, which knows only its own encryption.
    """
    if len(data) < 11 or data[0] != 3 or data[5] & 0xF0 != 0xD0:
        return None
    if len(data) < 19:
        return True, "rdp"
    kind, _, _, value = struct.unpack("<BBHI", data[11:19])
    if kind == _RESPONSE:
        return True, _SELECTED.get(value, f"protocol-{value}")
    return (False, str(value)) if kind == _FAILURE else None


async def rdp(place: Place) -> Service | None:
    """Ask for each security protocol alone."""
    taken: list[str] = []
    refused: list[str] = []
    for protocols, name in _PROTOCOLS.items():
        try:
            async with talk(place) as talking:
                found = answer(await talking.ask(request(protocols)))
        except ProbeError:
            found = None
        if found is None:
            if not taken and not refused:
                return None
            continue
        (taken if found[0] else refused).append(found[1] if found[0] else f"{name}:{found[1]}")
    taken = list(dict.fromkeys(taken))
    return Service(
        port=place.port, protocol="rdp", how="reply", options=tuple(taken),
        # TLS and NLA encrypt everything; the old encryption of RDP itself may be as weak as RC4 of 40 bits.
        encrypted=None if not taken else "rdp" not in taken,
        offers_encryption=bool({"tls", "nla"} & set(taken)),
        evidence=f"taken {', '.join(taken) or '-'}; refused {', '.join(refused) or '-'}",
    )  # fmt: skip
