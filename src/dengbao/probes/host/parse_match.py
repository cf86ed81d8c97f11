"""Reads what sshd itself says of each user and address that Match blocks tell apart."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ...errors import ProbeError
from .facts import ELSEWHERE, SshdCase, SshdMatch
from .frames import Transcript
from .parse_accounts import read_accounts

# Conditions that the questions put to sshd cover; by name of host or by routing they cannot be asked.
_ASKED: Final = frozenset({"user", "group", "address", "localport"})
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_cases(
    transcript: Transcript, matches: tuple[SshdMatch, ...] | None, options: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[SshdCase, ...] | None, bool]:
    """Return the cases with the options in which they differ, and whether they stand for every login.

    None where nothing was asked.
    """
    section = transcript.optional("sshd_match")
    if section is None or section.code == 3:
        return None, False
    cases = tuple(_cases(section.text.splitlines(), section.nonce, options))
    whole = (
        matches is not None
        and section.mark("many") is None
        and all(_understood(one.condition) for one in matches)
        and len(cases) == len(section.marks("case"))
        and bool(cases or not matches)
        and _addresses_are_told_apart(_values(matches, "address"))
        and (not _by_name(matches) or _all_accounts_local(transcript))
    )
    return cases, whole


def _cases(lines: Iterable[str], nonce: str, options: Mapping[str, tuple[str, ...]]) -> Iterator[SshdCase]:
    """Yield each case whose answer came; `failed` or nothing behind its mark is no answer."""
    asked: list[str] = []
    found: dict[str, tuple[str, ...]] = {}
    for line in (*lines, f"{nonce} case"):
        if line.startswith(f"{nonce} case"):
            if asked and found:
                differs = {name: value for name, value in found.items() if value != options.get(name)}
                yield SshdCase(user=asked[0], address=asked[1], port=int(asked[2]), options=differs)
            asked, found = line.split(" ")[2:5], {}
            continue
        name, _, value = line.partition(" ")
        if re.fullmatch(r"[a-z0-9]+", name) and name != nonce:
            found[name] = (*found.get(name, ()), value.strip())


def _pairs(condition: str) -> Iterator[tuple[str, str]]:
    words = condition.replace("=", " ").split()
    while words:
        key = words.pop(0).lower()
        yield key, "" if key == "all" or not words else words.pop(0)


def _understood(condition: str) -> bool:
    return all(key == "all" or key in _ASKED for key, _ in _pairs(condition))


def _values(matches: Iterable[SshdMatch], wanted: str) -> list[str]:
    return [
        value.lstrip("!")
        for one in matches
        for key, text in _pairs(one.condition)
        if key == wanted
        for value in text.split(",")
    ]


def _by_name(matches: Iterable[SshdMatch]) -> bool:
    return any(key in ("user", "group") for one in matches for key, _ in _pairs(one.condition))


def _all_accounts_local(transcript: Transcript) -> bool:
    """Tell whether the accounts asked for are all there are; users of a directory were not."""
    try:
        return read_accounts(transcript).directories == ()
    except ProbeError:
        return False


def _addresses_are_told_apart(patterns: Iterable[str]) -> bool:
    """Tell whether the first address of every pattern, and the one elsewhere, stand for all addresses.

    They do not where a net begins with a smaller one, or where a pattern covers everything or is odd.
    """
    nets = {_network(one) for one in patterns}
    if None in nets:
        return False
    known = [one for one in nets if one is not None]
    elsewhere = ipaddress.ip_address(ELSEWHERE)
    return not any(one.prefixlen == 0 or elsewhere in one for one in known) and not any(
        small != big and small.version == big.version and big.network_address in small and _inside(small, big)
        for small in known
        for big in known
    )


def _inside(small: _Network, big: _Network) -> bool:
    return small.prefixlen > big.prefixlen


def _network(pattern: str) -> _Network | None:
    """Return the net that a pattern names: an address, CIDR, or `10.0.*`; None for anything else."""
    stars = re.fullmatch(r"((?:\d+\.){1,3})\*", pattern)
    if stars:
        parts = stars.group(1).split(".")[:-1]
        pattern = ".".join([*parts, *["0"] * (4 - len(parts))]) + f"/{8 * len(parts)}"
    try:
        return ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return None
