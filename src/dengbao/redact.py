"""Takes secrets and personal data out of bytes before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MASK: Final = "［已隐去］"
_ID_CARD: Final = re.compile(
    rb"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dXx](?![0-9A-Za-z])"
)


class Redactor:
    """Replaces known secrets and personal identifiers; secrets shorter than 4 characters are skipped."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: list[bytes] = []
        for one in secrets:
            self.add(one)

    def add(self, secret: str) -> None:
        """Learn a secret that must never be written."""
        if len(secret) >= 4:
            self._secrets.append(secret.encode())
            self._secrets.sort(key=len, reverse=True)

    def data(self, data: bytes) -> bytes:
        """Return `data` with secrets and personal identifiers masked."""
        mask = MASK.encode()
        for secret in self._secrets:
            data = data.replace(secret, mask)
        return _ID_CARD.sub(mask, data)

    def text(self, text: str) -> str:
        """Return `text` with secrets and personal identifiers masked."""
        return self.data(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
