"""All probes, listed by hand: what is not here does not run."""

from __future__ import annotations

from ..model import Asset, Facts, kind_of
from .backup.spec import SPECS as BACKUP
from .base import ProbeSpec
from .capture.spec import SPECS as CAPTURE
from .data.spec import SPECS as DATA
from .database.spec import SPECS as DATABASE
from .host.spec import SPECS as HOST
from .ports.spec import SPECS as PORTS
from .services.spec import SPECS as SERVICES
from .tls.spec import SPECS as TLS
from .web.spec import SPECS as WEB
from .windows.spec import SPECS as WINDOWS

PROBES: tuple[ProbeSpec, ...] = (
    *WEB,
    *TLS,
    *PORTS,
    *SERVICES,
    *HOST,
    *WINDOWS,
    *DATABASE,
    *BACKUP,
    *DATA,
    *CAPTURE,
)


def probes_for(asset: Asset) -> tuple[ProbeSpec, ...]:
    """Return the probes that can look at this asset."""
    return tuple(spec for spec in PROBES if spec.applies(asset))


def facts_types() -> dict[str, type[Facts]]:
    """Return every kind of facts by its permanent name."""
    return {kind_of(one): one for spec in PROBES for one in spec.facts}


def probe_of(asset: Asset, fact: str) -> ProbeSpec | None:
    """Return the probe that brings this kind of facts from this asset."""
    return next((spec for spec in probes_for(asset) if fact in spec.fact_kinds), None)
