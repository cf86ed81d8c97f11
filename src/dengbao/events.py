"""The event log of a round: every contact, every probe, begin and end, one JSON line each."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from .files import Journal
from .redact import Redactor
from .scope import Contact


class EventLog:
    """Appends events; safe to call from probes' threads. Nothing secret passes: lines are redacted."""

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self._journal = Journal(path)
        self._redactor = redactor
        self._lock = threading.Lock()

    def contact(self, contact: Contact) -> None:
        """Note a contact that the guard admitted or refused."""
        line = msgspec.json.decode(msgspec.json.encode(contact), type=dict[str, object])
        self._write({"event": "contact", **line})

    def note(self, event: str, **details: str | int | float | None) -> None:
        """Note anything else that happened in the run."""
        self._write({"event": event, "at": datetime.now(UTC).isoformat(), **details})

    def _write(self, line: dict[str, object]) -> None:
        data = self._redactor.data(msgspec.json.encode(line))
        with self._lock:
            self._journal.append(data)

    def close(self) -> None:
        """Flush to disk and close."""
        self._journal.close()
