"""People to call; who acts in the test is `engagement.Person`."""

from __future__ import annotations

from .base import Value


class Contact(Value):
    """A person to call."""

    name: str = ""
    phone: str = ""
