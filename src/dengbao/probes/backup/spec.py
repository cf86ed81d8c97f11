"""Which probes there are of kind backup."""

from __future__ import annotations

from ..base import ProbeSpec

SPECS: tuple[ProbeSpec, ...] = ()
