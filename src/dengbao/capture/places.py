"""Who may be at one end of a declared flow: an address or a network, with or without a port."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from ..errors import UsageError

_CURE: Final = "写作“地址:端口”，如 10.0.0.2:443；IPv6 地址加方括号；网段写 10.0.0.0/24；端口不限时不写"


@dataclass(frozen=True)
class Place:
    """An end of a flow; no network stands for anybody, port 0 for any port."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None
    port: int = 0

    @property
    def is_one(self) -> bool:
        """Tell whether it is a single address."""
        return self.network is not None and self.network.num_addresses == 1

    @property
    def address(self) -> str:
        """Return the single address, or the network."""
        if self.network is None:
            return ""
        return str(self.network.network_address if self.is_one else self.network)

    def holds(self, address: str, port: int) -> bool:
        """Tell whether an address as it stands in a flow, and its port, are meant."""
        if self.port not in {0, port}:
            return False
        if self.network is None:
            return True
        if self.is_one:
            return str(self.network.network_address) == address
        return ipaddress.ip_address(address) in self.network


def parse_place(text: str, where: str = "") -> Place:
    """Return what `address:port`, `[v6]:port`, `network:port`, or one of these without port, means.

    Raises:
        UsageError: it means nothing.

    """
    host, port = text.strip(), ""
    if not host:
        return Place(None)
    if host.startswith("["):
        host, _, rest = host[1:].partition("]")
        port = rest.removeprefix(":")
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    try:
        network = ipaddress.ip_network(host, strict=False)
        number = int(port) if port else 0
    except ValueError:
        raise UsageError(f"“{text}”不是地址与端口", where=where, cure=_CURE) from None
    if not 0 <= number <= 65535:
        raise UsageError(f"“{text}”的端口超出范围", where=where, cure=_CURE)
    return Place(network, number)
