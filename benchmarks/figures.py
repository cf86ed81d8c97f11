"""What one figure is: a name, a measured value, its limit, and how it was taken."""

from __future__ import annotations

from dataclasses import dataclass


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
