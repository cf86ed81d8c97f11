"""Keeps what is needed to mend a fault of ours, without secrets or personal data."""

from __future__ import annotations

import tempfile
import traceback

from .redact import Redactor

# What a server sets that moves its temporary files into a folder that goes with it: a trace outlives it.
_place: str | None = None


def keep_traces_in(place: str) -> None:
    """Keep traces in a folder from now on, wherever temporary files go."""
    global _place
    _place = place


def keep_trace(error: BaseException) -> str:
    """Write the traceback to a file, with passwords and personal data masked, and return its name."""
    text = Redactor().text("".join(traceback.format_exception(error)))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="dengbao-error-", suffix=".txt", dir=_place, delete=False, encoding="utf-8"
        ) as out:
            out.write(text)
    except OSError:
        return f"以下内容\n{text}"
    return out.name
