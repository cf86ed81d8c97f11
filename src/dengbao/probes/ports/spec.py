"""Which probes there are of kind ports."""

from __future__ import annotations

from ..base import ProbeSpec

SPECS: tuple[ProbeSpec, ...] = ()
