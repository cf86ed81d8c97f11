"""What a form's own HTML would not let pass: limits of the interface, which a server may lack."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .reading import Document, Field

# Matching a repeated group may take for ever, and the pattern is somebody else's.
_REPEATED: Final = re.compile(r"\)[*+{?]")


def field_limits(document: Document, names: set[str]) -> dict[str, Field]:
    """Return the fields of the form on a page that holds most of the names."""
    best = max(document.forms, key=lambda one: len(names & {each.name for each in one.fields}), default=None)
    found = {one.name: one for one in best.fields} if best is not None else {}
    return {name: one for name, one in found.items() if name in names}


def page_refuses(field: Field | None, text: str) -> bool | None:
    """Tell whether a browser would refuse to send a value; None where the page does not show the field."""
    if field is None:
        return None
    if not text:
        return "required" in field.limits
    if field.type in ("select", "radio", "date", "datetime-local", "month"):
        return True  # one chooses there, and cannot type what is not offered
    return _typed(field.type, text) or _bounded(field.limits, text)


def _typed(kind: str, text: str) -> bool:
    if kind not in ("number", "range"):
        return False
    try:
        return abs(float(text)) == float("inf")
    except ValueError:
        return True


def _bounded(limits: Mapping[str, str], text: str) -> bool:
    most, least = limits.get("maxlength", ""), limits.get("minlength", "")
    if (most.isdigit() and len(text) > int(most)) or (least.isdigit() and len(text) < int(least)):
        return True
    if _beyond(limits, text):
        return True
    pattern = limits.get("pattern", "")
    if not pattern or len(pattern) > 200 or _REPEATED.search(pattern):
        return False
    try:
        return len(text) <= 1000 and re.fullmatch(pattern, text) is None
    except re.error:  # a pattern of JavaScript's that Python does not know
        return False


def _beyond(limits: Mapping[str, str], text: str) -> bool:
    try:
        value = float(text)
        low = float(limits["min"]) if limits.get("min") else value
        high = float(limits["max"]) if limits.get("max") else value
    except ValueError:
        return False
    return not low <= value <= high
