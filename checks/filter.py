"""From where a port can be reached through the host's packet filter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from dengbao.probes.host.system_facts import FirewallChain, FirewallRule, HostFirewall

_ANYWHERE: Final = frozenset({"0.0.0.0/0", "::/0", "any"})
# How a rule speaks of sources in words that we do not follow: sets by name, ranges.
_BY_SOURCE: Final = re.compile(r"\bsaddr\b|\bsrc\b|--src-range\b")
_NAMES: Final = {"ssh": 22, "telnet": 23, "http": 80, "https": 443}


@dataclass(frozen=True)
class Reach:
    """Whether anybody reaches a port, None where the rules do not tell; and the sources that are let in."""

    open: bool | None
    sources: tuple[str, ...] = ()


def reach(firewall: HostFirewall, port: int) -> Reach:
    """Return from where a TCP port can be reached; a packet must pass every chain of its family."""
    if firewall.chains is None:
        return Reach(None)
    families = ["ip", "ip6"] if firewall.ipv6_global else ["ip"]
    # Where no interface is known, a packet comes over one that no rule names.
    ways = firewall.interfaces or ("", *_named(firewall.chains))
    found = [_family(firewall.chains, family, port, way) for family in families for way in ways]
    sources = tuple(dict.fromkeys(source for one in found for source in one.sources))
    if any(one.open for one in found):
        return Reach(True, sources)
    return Reach(None if any(one.open is None for one in found) else False, sources)


def _named(chains: Iterable[FirewallChain]) -> tuple[str, ...]:
    """Return the interfaces that rules speak of."""
    return tuple(
        dict.fromkeys(
            name for chain in chains for rule in chain.rules for name in (*rule.interfaces, *rule.beyond)
        )
    )


def _family(chains: Iterable[FirewallChain], family: str, port: int, way: str) -> Reach:
    found = [_chain(one, port, way) for one in chains if one.family in (family, "inet")]
    closed = [one for one in found if one.open is False]
    if closed:
        return closed[0]
    return Reach(None if any(one.open is None for one in found) else True)


def _chain(chain: FirewallChain, port: int, way: str) -> Reach:
    """Walk the rules as a packet from an unnamed source would."""
    sources: list[str] = []
    doubt = perhaps_closed = False
    for rule in chain.rules:
        if not (_concerns(rule, port) and _comes_by(rule, way)):
            continue
        named = tuple(one for one in rule.sources if one not in _ANYWHERE)
        if rule.action == "other" or (not rule.certain and rule.action == "accept" and not named):
            doubt = True
        elif rule.action == "accept" and named:
            sources += named
        elif rule.action == "accept":  # with exceptions: all but those
            return Reach(None if perhaps_closed else True)
        elif rule.action == "drop" and not rule.certain and _BY_SOURCE.search(rule.text):
            perhaps_closed = True
        elif rule.action == "drop" and rule.certain and not named:
            sources += rule.excepted
            return Reach(None if doubt else False, tuple(sources))
    if chain.policy == "drop":
        return Reach(None if doubt else False, tuple(sources))
    return Reach(None if doubt or perhaps_closed else True)


def _concerns(rule: FirewallRule, port: int) -> bool:
    return not rule.ports or any(_covers(text, port) for text in rule.ports)


def _comes_by(rule: FirewallRule, way: str) -> bool:
    """Tell whether a packet over this interface meets the rule."""
    if rule.interfaces and not any(fnmatchcase(way, one) for one in rule.interfaces):
        return False
    return not any(fnmatchcase(way, one) for one in rule.beyond)


def _covers(text: str, port: int) -> bool:
    low, _, high = text.partition("-")
    begin, end = _NAMES.get(low, low), _NAMES.get(high, high) or low
    try:
        return int(begin) <= port <= int(_NAMES.get(str(end), end))
    except ValueError:
        return True
