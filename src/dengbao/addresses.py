"""What an address is: parsing of scope entries, the forms an address hides behind, and resolving."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from .errors import Unreachable, UsageError

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Iterable[str]]

_ALL_PORTS: Final = ((1, 65535),)
_ADDRESS_CURE: Final = "写成 10.0.0.5:22、10.0.0.0/24、[fd00::5]:443 或 his.test:443"
_PORTS_CURE: Final = "写成 22、80-443 或 22,443"
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_NUMERIC_LABEL: Final = re.compile(r"\d[\d-]*|0x[0-9a-f]*")
_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
# Prefixes behind which the last 32 bits are an IPv4 address: compatible, NAT64 (RFC 6052, RFC 8215).
_EMBEDDING: Final = tuple(ipaddress.IPv6Network(one) for one in ("::/96", "64:ff9b::/96", "64:ff9b:1::/48"))
_ISATAP: Final = frozenset((0x0000_5EFE, 0x0200_5EFE))


@dataclass(frozen=True)
class Rule:
    """One entry of `addresses` or `production`: networks, perhaps a name, and port ranges."""

    text: str
    name: str
    networks: tuple[IpNetwork, ...]
    ports: tuple[tuple[int, int], ...]

    def has_address(self, address: IpAddress) -> bool:
        """Tell whether the address lies in one of the rule's networks."""
        return any(address.version == net.version and address in net for net in self.networks)

    def covers(self, address: IpAddress, port: int) -> bool:
        """Tell whether the rule speaks of this address and port."""
        return self.has_address(address) and any(low <= port <= high for low, high in self.ports)


def parse_ports(text: str, *, where: str = "") -> tuple[tuple[int, int], ...]:
    """Return the ranges of `22`, `80-443` or a comma list.

    Raises:
        UsageError: not numbers from 1 to 65535 in rising ranges.

    """
    ranges: list[tuple[int, int]] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()):
            raise UsageError(f"端口写法不对：{text}", where=where, cure=_PORTS_CURE)
        begin, end = int(low), int(high or low)
        if not 1 <= begin <= end <= 65535:
            raise UsageError(f"端口超出 1–65535 或次序颠倒：{text}", where=where, cure=_PORTS_CURE)
        ranges.append((begin, end))
    return tuple(ranges)


def compact_ports(ports: Iterable[int]) -> str:
    """Return sorted ports as text with ranges: `22,80-82`."""
    parts: list[str] = []
    begin = end = -1
    for port in sorted(set(ports)):
        if port == end + 1:
            end = port
            continue
        if begin > 0:
            parts.append(f"{begin}-{end}" if end > begin else str(begin))
        begin = end = port
    if begin > 0:
        parts.append(f"{begin}-{end}" if end > begin else str(begin))
    return ",".join(parts)


def ports_named(rules: Iterable[Rule], ports: Iterable[int]) -> frozenset[int]:
    """Return those of `ports` that any of the rules speaks of; quick for all ports of a host."""
    left = set(ports)
    found: set[int] = set()
    ranges = {one for rule in rules for one in rule.ports}
    for low, high in sorted(ranges, key=lambda one: one[0] - one[1]):
        inside = {port for port in left if low <= port <= high}
        found |= inside
        left -= inside
    return frozenset(found)


def split_host_ports(text: str) -> tuple[str, str]:
    """Return host (or CIDR) and the port text of `host[:ports]`, `[v6]:ports` or a bare IPv6."""
    text = text.strip()
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    if text.count(":") > 1:
        return text, ""
    host, _, ports = text.partition(":")
    return host, ports


def canonical(address: str) -> IpAddress:
    """Return the address as the kernel would reach it: v4-mapped unwrapped, unspecified as loopback."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_unspecified:
        return ipaddress.ip_address("127.0.0.1" if ip.version == 4 else "::1")
    return ip


def disguises(address: IpAddress) -> tuple[IpAddress, ...]:
    """Return the address and every IPv4 address a translator on the way may turn it into."""
    if isinstance(address, ipaddress.IPv4Address) or address.is_loopback:
        return (address,)
    found: list[IpAddress] = [address]
    low = int(address) & 0xFFFF_FFFF
    if any(address in net for net in _EMBEDDING) or (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        found.append(ipaddress.IPv4Address(low))
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found.extend(address.teredo)
    return tuple(found)


def plain_name(host: str) -> str:
    """Return a host name in the one form names are compared in: ASCII, lower case, no final dot."""
    name = host.strip().rstrip(".。").casefold()
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def system_resolve(host: str, port: int) -> tuple[str, ...]:
    """Return every address the system knows for a host.

    Raises:
        Unreachable: the name does not resolve.

    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError) as exc:
        raise Unreachable(
            f"无法解析主机名 {host}", cure="检查 engagement.yaml 中的地址与本机 DNS、hosts"
        ) from exc
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


def parse_rule(text: str, resolve: Resolve, *, where: str = "") -> Rule:
    """Return the rule that an entry of the scope means; names are resolved now.

    An entry whose name does not resolve still forbids (or allows) by name.

    Raises:
        UsageError: an entry that could silently mean nothing, such as a wildcard, a URL, a range of
            addresses, a full-width colon or an address with leading zeros.

    """
    host, ports = split_host_ports(text)
    if not host or text.strip().endswith(":") or text.count("[") != text.count("]"):
        raise UsageError(f"地址写法不对：{text}", where=where, cure=_ADDRESS_CURE)
    ranges = parse_ports(ports, where=where) if ports else _ALL_PORTS
    try:
        network: IpNetwork = ipaddress.ip_network(host, strict=False)
    except ValueError:
        return _named_rule(text, host, ranges, resolve, where)
    if network.num_addresses == 1 and network.network_address.is_unspecified:
        raise UsageError(
            f"{text} 不是一个可登记的地址", where=where, cure="写具体地址；确指全部地址的，写成 0.0.0.0/0"
        )
    return Rule(text, "", (_unmapped(network),), ranges)


def _named_rule(
    text: str, host: str, ranges: tuple[tuple[int, int], ...], resolve: Resolve, where: str
) -> Rule:
    name = plain_name(host)
    labels = name.split(".")
    if not all(_LABEL.fullmatch(one) for one in labels) or _NUMERIC_LABEL.fullmatch(labels[-1]):
        raise UsageError(f"地址写法不对：{text}", where=where, cure=_ADDRESS_CURE)
    try:
        networks = tuple(_unmapped(ipaddress.ip_network(str(canonical(one)))) for one in resolve(host, 0))
    except Unreachable:
        networks = ()
    return Rule(text, name, networks, ranges)


def _unmapped(network: IpNetwork) -> IpNetwork:
    """Return a network of v4-mapped addresses as the IPv4 network that packets go to."""
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        low = int(network.network_address) & 0xFFFF_FFFF
        return ipaddress.IPv4Network((low, network.prefixlen - 96))
    return network
