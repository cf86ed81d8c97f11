"""Which probes there are of kind database."""

from __future__ import annotations

from ..base import ProbeSpec

SPECS: tuple[ProbeSpec, ...] = ()
