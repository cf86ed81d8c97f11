"""What one figure is: a name, a measured value, its limit, and how it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One row of the table; `value` must not be above `limit`."""

    name: str
    value: float
    limit: float
    unit: str
    how: str

    @property
    def holds(self) -> bool:
        """Tell whether the limit is kept."""
        return self.value <= self.limit


def peak_mib() -> float:
    """Return the peak memory of this process itself in MiB.

    `ru_maxrss` will not do: there a process weighs as much as the one it was started from.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
