"""Reads security advisories that dnf or yum left on the disk, and which of them are not installed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ...vulns.versions import compare
from .frames import Section
from .system_facts import Package


def rpm_security(section: Section, packages: Iterable[Package]) -> tuple[str, ...] | None:
    """Return the packages that a security advisory on the disk would replace; None where that is unknown.

    Of several versions side by side (kernels) the newest counts. Packages of modules exist in streams that
    an advisory does not name, so one that looks old leaves the question open.
    """
    if _number(section, "advised") is None:
        return None
    offered: dict[str, list[str]] = defaultdict(list)
    for one in section.marks("advisory"):
        words = one.split()
        if len(words) == 4:
            offered[words[0]].append(f"{words[1]}:{words[2]}-{words[3]}")
    held: dict[str, list[str]] = defaultdict(list)
    for package in packages:
        held[package.name].append(f"{package.epoch or 0}:{package.version}")
    old = {name for name, versions in held.items() if any(_older(versions, one) for one in offered[name])}
    streams = {name for name in old if any(".module" in one for one in (*held[name], *offered[name]))}
    sure = tuple(sorted(old - streams))
    unclear = bool(streams) or bool(section.marks("unreadable"))
    return sure if sure or not unclear else None


def _older(versions: Iterable[str], offered: str) -> bool:
    """Tell whether every installed version is older than what is offered."""
    return all((compare("rpm", one, offered) or 0) < 0 for one in versions)


def advised_at_s(section: Section) -> int | None:
    """Return when the advisories were fetched."""
    return _number(section, "advised")


def _number(section: Section, word: str) -> int | None:
    found = [int(one) for one in section.marks(word) if one.isdecimal()]
    return max(found, default=None)
