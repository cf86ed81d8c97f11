"""Names of cipher suites; `suites.txt` holds number and name of each.

Source: IANA, Transport Layer Security (TLS) Parameters, TLS Cipher Suites; the historic
56-bit suites 0x0060–0x0065 by the names their draft gave them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Final

from .hello import PLAIN_TLS13_SUITES, SM_SUITES, STANDARD_TLS13_SUITES, TLS13, USUAL_SUITES

TLS13_SUITES: Final = (*STANDARD_TLS13_SUITES, *SM_SUITES, *PLAIN_TLS13_SUITES)
_SIGNALS: Final = (0x00FF,)
# Old servers give up on a hello with very many suites.
_AT_ONCE: Final = 100


@cache
def _names() -> dict[int, str]:
    text = files(__package__).joinpath("suites.txt").read_text(encoding="ascii")
    return {int(number, 16): name for number, name in (line.split() for line in text.splitlines())}


def suite_name(number: int) -> str:
    """Return the registered name of a suite, or its number where it has none."""
    return _names().get(number, f"0x{number:04X}")


def suite_names(numbers: Iterable[int]) -> tuple[str, ...]:
    """Return the names, sorted."""
    return tuple(sorted(suite_name(one) for one in numbers))


def suite_rounds(version: int) -> tuple[tuple[int, ...], ...]:
    """Return the suites to try for a version, in sets that are offered one after the other."""
    if version == TLS13:
        return (TLS13_SUITES,)
    usual = tuple(one for one in USUAL_SUITES if one not in _SIGNALS)
    rest = [one for one in _names() if one not in {*usual, *TLS13_SUITES}]
    return (usual, *(tuple(rest[at : at + _AT_ONCE]) for at in range(0, len(rest), _AT_ONCE)))
