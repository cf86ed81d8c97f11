"""Keeps what is needed to mend a fault of ours, without secrets or personal data."""

from __future__ import annotations

import tempfile
import traceback
from typing import Final

from .redact import Redactor

# Taken once: a server moves its temporary files into a folder that goes with it, and this has to outlive it.
_PLACE: Final = tempfile.gettempdir()


def keep_trace(error: BaseException) -> str:
    """Write the traceback to a file, with passwords and personal data masked, and return its name."""
    text = Redactor().text("".join(traceback.format_exception(error)))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="dengbao-error-", suffix=".txt", dir=_PLACE, delete=False, encoding="utf-8"
        ) as out:
            out.write(text)
    except OSError:
        return f"以下内容\n{text}"
    return out.name
