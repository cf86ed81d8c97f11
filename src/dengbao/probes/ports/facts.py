"""What was seen of TCP ports from where the toolkit runs."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ...model import Facts, Value


class OpenPort(Value):
    """A port that took a connection; the words are nmap's, empty where it was not asked or not sure.

    `tunnel` is `ssl` where the service was recognised inside TLS.
    """

    port: int
    service: str = ""
    product: str = ""
    version: str = ""
    tunnel: str = ""


class PortsOpen(Facts, tag="ports.open"):
    """TCP ports of one address, each asked once by a connection of its own.

    Texts such as `22,80-443` name ports. `vantage` is `remote`, or `loopback` where the machine looks
    at itself and also sees what nobody else can reach. Of `asked`, the guard left out `refused`; the
    rest is open, closed (refused the connection), `filtered` (no answer, or an answer that something on
    the way gave), `failed` (our machine could not ask) or `unscanned` (cut off, for `cut_because`).
    `engine` is empty where services were not named, for `engine_note`.
    """

    address: str
    vantage: str
    asked: str
    refused: str
    open: tuple[OpenPort, ...]
    closed_count: int
    filtered: str
    failed: str
    unscanned: str
    seconds: float
    cut_because: str = ""
    engine: str = ""
    engine_note: str = ""

    def called(self, names: Mapping[int, str]) -> PortsOpen:
        """Return the same with other words for the services of some ports."""
        named = (replace(one, service=names.get(one.port, one.service)) for one in self.open)
        return replace(self, open=tuple(named))


def ports_in(text: str) -> frozenset[int]:
    """Return the ports that a text such as `22,80-443` names.

    Raises:
        ValueError: not such a text.

    """
    found: set[int] = set()
    for part in filter(None, (one.strip() for one in text.split(","))):
        low, _, high = part.partition("-")
        begin, end = int(low), int(high or low)
        if not 1 <= begin <= end <= 65535:
            raise ValueError(f"not a range of ports: {part}")
        found.update(range(begin, end + 1))
    return frozenset(found)
