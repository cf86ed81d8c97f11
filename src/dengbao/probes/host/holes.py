"""Holds a host's package list against the vulnerability data that were carried in; asks nobody."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from ...errors import NotDeclared, ProbeError
from ...model import Missing, kind_of
from ...vulns.entries import HIGH, LEVELS, DataSource, distribution_of_host
from ...vulns.store import Known, Store
from ..base import Context, Observed, missing
from .facts import HostIdentity
from .hole_facts import Hole, HoleData, HostHoles
from .system_facts import HostPackages, Package

_HOLES_MAX: Final = 5000
# Data of these systems name the package people install; those of all others name its source.
_BY_BINARY: Final = ("almalinux", "rhel")
_MANAGERS: Final = {"debian": "dpkg", "ubuntu": "dpkg"}
# Headers and tools are built from the kernel's source but hold none of its running code.
_DEB_KERNEL: Final = re.compile(r"linux-image-(?:unsigned-)?(\d.*)")
_DEB_BESIDE: Final = re.compile(
    r"linux-(?:.*-)?(?:headers|modules|tools|libc-dev|buildinfo|kbuild|compiler|doc|config|perf|source)(?:-.*)?"
)
_RPM_KERNELS: Final = ("kernel", "kernel-core", "kernel-modules", "kernel-modules-core")
_SIGNED: Final = re.compile(r"linux-signed(?:-(?:amd64|arm64|i386|armhf))?(-.*)?")


@dataclass(frozen=True)
class _Subject:
    """A package as the data name it, with the version they speak of."""

    shown: str
    name: str
    version: str


@dataclass
class _Found:
    holes: dict[tuple[str, str], Hole] = field(default_factory=dict)
    unmended: set[tuple[str, str]] = field(default_factory=set)
    grave: set[str] = field(default_factory=set)
    undecided: set[str] = field(default_factory=set)


async def with_holes(seen: Observed, context: Context) -> Observed:
    """Return what was seen of a host, and the known holes of its packages.

    Without a package list or with damaged data that is noted as missing; without data the facts say so.
    """
    packages = next((one for one in seen.facts if isinstance(one, HostPackages)), None)
    identity = next((one for one in seen.facts if isinstance(one, HostIdentity)), None)
    if packages is None or identity is None:
        lacks = next((one for one in seen.missing if one.fact == kind_of(HostPackages)), None)
        error = NotDeclared("没有软件包清单")
        note = missing(HostHoles, error, error.reason) if lacks is None else _same(lacks)
        return Observed(seen.facts, (*seen.missing, note), seen.privilege)
    today = datetime.now(UTC).date()
    try:
        found = await asyncio.to_thread(find_holes, packages, identity, context.vulnerabilities, today)
    except ProbeError as exc:
        return Observed(seen.facts, (*seen.missing, missing(HostHoles, exc, exc.reason)), seen.privilege)
    return Observed((*seen.facts, found), seen.missing, seen.privilege)


def _same(lacks: Missing) -> Missing:
    return Missing(fact=kind_of(HostHoles), reason=lacks.reason, message=lacks.message)


def find_holes(packages: HostPackages, identity: HostIdentity, path: Path | None, today: date) -> HostHoles:
    """Return the known holes of installed packages by the store at `path`.

    Raises:
        Damaged: the store is not one of ours any more.

    """
    distribution = distribution_of_host(identity.distribution, identity.version, identity.title)
    if path is None or not path.exists():
        return HostHoles(distribution=distribution, data=(), looked_on=today.isoformat())
    with Store(path) as store:
        sources = store.sources()
        covered = store.coverage().get(distribution, {})
        data = tuple(_data(sources[number], count) for number, count in covered.items() if number in sources)
        wanted = _MANAGERS.get(distribution.partition(":")[0], "rpm")
        if not data or packages.manager != wanted:
            return HostHoles(distribution=distribution, data=(), looked_on=today.isoformat())
        found = _Found()
        compared = 0
        for one in dict.fromkeys(_subjects(packages, identity, distribution, found)):
            compared += 1
            _hold(one, store.about(distribution, one.name), wanted, sources, found)
    listed = sorted(found.holes.values(), key=lambda one: (-LEVELS.index(one.severity), one.package, one.id))
    return HostHoles(
        distribution=distribution, data=data, looked_on=today.isoformat(), compared=compared,
        holes=tuple(listed[:_HOLES_MAX]), cut=len(listed) > _HOLES_MAX,
        unmended=len(found.unmended - set(found.holes)), unmended_grave=tuple(sorted(found.grave)),
        undecided=tuple(sorted(found.undecided)),
    )  # fmt: skip


def _data(source: DataSource, entries: int) -> HoleData:
    return HoleData(kind=source.kind, file=source.file, sha256=source.sha256, day=source.day, entries=entries)


def _subjects(
    packages: HostPackages, identity: HostIdentity, distribution: str, found: _Found
) -> Iterator[_Subject]:
    """Yield the packages that count, by the names of the data; note those that cannot be compared."""
    by_binary = distribution.startswith(_BY_BINARY)
    for one in packages.packages:
        if not _runs(one, identity.kernel, packages.manager):
            continue
        name, version = (one.name, one.version) if by_binary else (one.source, one.source_version)
        if (signed := _SIGNED.fullmatch(name)) is not None:  # signing has a version of its own
            name, version = f"linux{signed.group(1) or ''}", one.version
        # Streams of a module have versions of their own, which data of other streams do not concern.
        if not name or not version or ".module" in version:
            found.undecided.add(one.name)
            continue
        epoch = f"{one.epoch}:" if one.epoch else ""
        yield _Subject(one.name if by_binary else name, name, epoch + version)


def _runs(package: Package, running: str, manager: str) -> bool:
    """Tell whether a package can be what runs: of several kernels only the one that was booted counts."""
    if manager == "rpm":
        if not package.name.startswith("kernel"):
            return True
        return package.name in _RPM_KERNELS and (
            not running or f"{running}.".startswith(f"{package.version}.")
        )
    image = _DEB_KERNEL.fullmatch(package.name)
    if image is not None and package.source.startswith("linux"):
        return not running or image.group(1) == running
    ours = package.source == "linux" or _SIGNED.fullmatch(package.source) is not None
    return not ours and _DEB_BESIDE.fullmatch(package.name) is None


def _hold(
    one: _Subject, known: Iterable[Known], manager: str, sources: dict[int, DataSource], found: _Found
) -> None:
    """Note which entries concern the installed version."""
    from ...vulns.versions import affects  # noqa: PLC0415 - a quarter of a second that most runs do not need

    for entry in known:
        inside = affects(manager, one.version, entry.introduced, entry.fixed, entry.last)
        key = (one.name, entry.id)
        if inside is None:
            found.undecided.add(one.shown)
        elif inside and entry.fixed:
            source = sources[entry.source].file if entry.source in sources else ""
            found.holes.setdefault(
                key,
                Hole(
                    package=one.shown, installed=one.version, id=entry.id, fixed=entry.fixed,
                    severity=LEVELS[entry.level] if 0 <= entry.level < len(LEVELS) else "", source=source,
                ),
            )  # fmt: skip
        elif inside:
            found.unmended.add(key)
            if entry.level >= HIGH:
                found.grave.add(entry.id)
