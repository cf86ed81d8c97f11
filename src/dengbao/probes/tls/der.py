"""Just enough DER to name the curve of a public key that no library loads."""

from __future__ import annotations

from typing import Final

_SEQUENCE: Final = 0x30
_OID: Final = 0x06
_VERSION: Final = 0xA0
_EC_KEY: Final = bytes.fromhex("2a8648ce3d0201")
# serialNumber, signature, issuer, validity, subject come before the key (RFC 5280, 4.1).
_BEFORE_KEY: Final = 5


def curve_of(tbs: bytes) -> str:
    """Return the OID of the named curve in a TBSCertificate, empty where the key is on none."""
    fields = _elements(_only(tbs))
    if fields and fields[0][0] == _VERSION:
        fields = fields[1:]
    if len(fields) <= _BEFORE_KEY:
        return ""
    key = _elements(fields[_BEFORE_KEY][1])
    algorithm = _elements(key[0][1]) if key else []
    if len(algorithm) < 2 or algorithm[0] != (_OID, _EC_KEY) or algorithm[1][0] != _OID:
        return ""
    return _dotted(algorithm[1][1])


def _only(data: bytes) -> bytes:
    found = _elements(data)
    return found[0][1] if found and found[0][0] == _SEQUENCE else b""


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """Return tag and content of the elements one after the other, as far as they are whole."""
    found = []
    at = 0
    while at + 2 <= len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            break
        found.append((tag, data[at : at + length]))
        at += length
    return found


def _dotted(data: bytes) -> str:
    arcs: list[int] = []
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    if not arcs:
        return ""
    first = min(arcs[0] // 40, 2)
    return ".".join(str(one) for one in (first, arcs[0] - 40 * first, *arcs[1:]))
