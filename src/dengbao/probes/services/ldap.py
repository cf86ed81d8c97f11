"""One LDAP question: a base search without a bind (RFC 4511), and the answer to it."""

from __future__ import annotations

from dataclasses import dataclass, field

_SEARCH, _ENTRY, _DONE = 0x63, 0x64, 0x65


@dataclass
class Answer:
    """The result code, whether an entry came, and its values by lower-case name."""

    code: int | None = None
    found: bool = False
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)


def search(number: int, base: str, attributes: tuple[str, ...]) -> bytes:
    """Return a search of one entry, at most one, at most three seconds."""
    body = (
        _tlv(0x04, base.encode())
        + _tlv(0x0A, b"\0") + _tlv(0x0A, b"\0") + _tlv(0x02, b"\1") + _tlv(0x02, b"\3") + _tlv(0x01, b"\0")
        + _tlv(0x87, b"objectClass")
        + _tlv(0x30, b"".join(_tlv(0x04, one.encode()) for one in attributes))
    )  # fmt: skip
    return _tlv(0x30, _tlv(0x02, bytes([number])) + _tlv(_SEARCH, body))


def entry(data: bytes) -> Answer | None:
    """Return what an answer says, None if it is not LDAP."""
    answer = Answer()
    known = False
    for tag, message in _each(data):
        parts = list(_each(message))
        if tag != 0x30 or len(parts) < 2 or parts[0][0] != 0x02:
            break
        kind, body = parts[1]
        if kind == _ENTRY:
            known = answer.found = True
            answer.values |= _values(body)
        elif kind == _DONE:
            known = True
            codes = [int.from_bytes(value) for tag_, value in _each(body) if tag_ == 0x0A]
            answer.code = codes[0] if codes else None
        elif kind == 0x78:  # an unsolicited notice: the server is LDAP and ends the connection
            known = True
    return answer if known else None


def _values(body: bytes) -> dict[str, tuple[str, ...]]:
    parts = list(_each(body))
    if len(parts) < 2:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for _, attribute in _each(parts[1][1]):
        pair = list(_each(attribute))
        if len(pair) == 2:
            name = pair[0][1].decode("utf-8", "replace").lower()[:60]
            texts = [value.decode("utf-8", "replace")[:200] for _, value in _each(pair[1][1])]
            found[name] = tuple(texts[:20])
    return found


def _tlv(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < 0x80:
        return bytes((tag, size)) + value
    octets = size.to_bytes(2, "big")
    return bytes((tag, 0x82)) + octets + value


def _each(data: bytes) -> list[tuple[int, bytes]]:
    """Return the elements that are whole; what is cut off or longer than the data is left out."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 2 <= len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            octets = size & 0x7F
            if not 1 <= octets <= 4 or at + octets > len(data):
                break
            size = int.from_bytes(data[at : at + octets])
            at += octets
        if at + size > len(data):
            break
        found.append((tag, data[at : at + size]))
        at += size
    return found
