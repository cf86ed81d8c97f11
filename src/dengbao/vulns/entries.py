"""What the readers of vulnerability data hand to the store, and the names both sides agree on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

import msgspec

from ..model import Value

UNKNOWN, LOW, MEDIUM, HIGH, CRITICAL = range(5)
LEVELS: Final = ("", "low", "medium", "high", "critical")
_WORDS: Final = {
    "critical": CRITICAL, "high": HIGH, "important": HIGH, "medium": MEDIUM, "moderate": MEDIUM,
    "low": LOW, "negligible": LOW, "unimportant": LOW, "minor": LOW,
}  # fmt: skip
_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,10}")
_SAFE: Final = re.compile(r"[!-~]{1,200}")
# Debian's own data speak of names, everything else of numbers.
DEBIAN_RELEASES: Final = {
    "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14", "duke": "15",
}  # fmt: skip


class Entry(Value):
    """A package of a distribution is affected from `introduced` on, before `fixed` or up to `last`.

    Empty `introduced` means from the first version; empty `fixed` and `last`: no version mends it yet.
    """

    distribution: str
    package: str
    id: str
    introduced: str = ""
    fixed: str = ""
    last: str = ""

    @property
    def sound(self) -> bool:
        """Tell whether its words are what such words look like."""
        needed = (self.distribution, self.package, self.id)
        optional = (self.introduced, self.fixed, self.last)
        return all(map(_SAFE.fullmatch, needed)) and all(not one or _SAFE.fullmatch(one) for one in optional)


class Batch(Value):
    """Entries of one record, and how grave each id is."""

    entries: tuple[Entry, ...] = ()
    levels: dict[str, int] = msgspec.field(default_factory=dict)
    modified: date | None = None


class DataSource(Value):
    """One imported file: `kind` is `debian-tracker` or `osv`, `day` the day its data are of (ISO)."""

    kind: str
    file: str
    sha256: str
    day: str
    entries: int
    imported_at: str


def level_of(word: str) -> int:
    """Return the level that a word of some distribution means, `UNKNOWN` if none."""
    return _WORDS.get(word.strip().rstrip("*").lower(), UNKNOWN)


def plain_id(own: str, others: Iterable[str]) -> str:
    """Return the CVE number an advisory speaks of where it is one, else the advisory's own id."""
    if _CVE.fullmatch(own):
        return own
    if (inside := _CVE.search(own)) is not None:  # DEBIAN-CVE-…, UBUNTU-CVE-…
        return inside.group()
    numbers = {one for one in others if _CVE.fullmatch(one)}
    return numbers.pop() if len(numbers) == 1 else own


def distribution_of_ecosystem(name: str) -> str:
    """Return our name for an OSV ecosystem, empty where hosts of it are not compared."""
    family, _, version = name.partition(":")
    match family:
        case "Debian" if version.isdecimal():
            return f"debian:{version}"
        case "Ubuntu" if re.fullmatch(r"\d\d\.\d\d(:LTS)?", version):
            return f"ubuntu:{version[:5]}"
        case "Rocky Linux" | "AlmaLinux" if version.isdecimal():
            return f"{'rocky' if family.startswith('R') else 'almalinux'}:{version}"
        case "openEuler" if version:
            return f"openeuler:{version.lower()}"
        case "Red Hat" if (found := re.match(r"enterprise_linux:(\d+)(::|$)", version)) is not None:
            return f"rhel:{found.group(1)}"
        case _:
            return ""


def distribution_of_host(name: str, version: str, title: str) -> str:
    """Return our name for the system of a host by os-release, empty where no data speak of it.

    Derived systems (统信、麒麟、CentOS) have packages of their own and are never taken for another's.
    """
    major = version.partition(".")[0]
    match name.lower():
        case "debian" if version:
            return f"debian:{major}"
        case "ubuntu" if version:
            return f"ubuntu:{version}"
        case "rocky" | "almalinux" | "rhel" if version:
            return f"{name.lower()}:{major}"
        case "openeuler":
            found = re.search(r"(\d\d\.\d\d)[ (-]*(LTS)?[ -]*(SP\d+)?", title)
            return "openeuler:" + "-".join(one.lower() for one in found.groups() if one) if found else ""
        case _:
            return ""
