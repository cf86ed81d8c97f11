"""What reading one file, or one layer of it, showed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The layers from the outside in, whether they are whole, and in Chinese what was seen.

    `cause` says why `intact` is None, as in `BackupReading`.
    """

    layers: tuple[str, ...]
    intact: bool | None
    note: str
    cause: str = ""
