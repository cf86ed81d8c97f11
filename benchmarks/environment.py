"""What the benchmarks set in their own process."""

from __future__ import annotations

import os


def set_password(password: str) -> None:
    """Give the secret that the engagements of the benchmarks refer to."""
    os.environ["RUNS_PASSWORD"] = password
