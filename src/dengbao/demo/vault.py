"""Seals the columns that hold personal data: in clear before 整改, AES-256-GCM after."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_PREFIX: Final = "aes:v1:"


class Vault:
    """Seals and opens single values; the key lies in a file of its own, beside no data.

    `seal` binds a value to its column, so that a ciphertext moved elsewhere does not open.
    `index` is a keyed digest by which an exact value is found without opening all of them, `row_mac` one of a
    whole row under the key that testers are told.
    """

    def __init__(self, key_file: Path, *, encrypts: bool, row_key: str = "") -> None:
        self.encrypts = encrypts
        self._row_key = row_key.encode()
        key = _load_or_make(key_file) if encrypts else b""
        self._aead = AESGCM(key[:32]) if encrypts else None
        self._index_key = key[32:]

    def seal(self, column: str, value: str) -> str:
        """Return what is written to the column."""
        if self._aead is None:
            return value
        nonce = os.urandom(12)
        sealed = self._aead.encrypt(nonce, value.encode(), column.encode())
        return _PREFIX + base64.b64encode(nonce + sealed).decode()

    def open(self, column: str, stored: str) -> str:
        """Return the value behind what is written in the column.

        Raises:
            cryptography.exceptions.InvalidTag: the stored text was altered or moved.

        """
        if self._aead is None:
            return stored
        data = base64.b64decode(stored.removeprefix(_PREFIX))
        return self._aead.decrypt(data[:12], data[12:], column.encode()).decode()

    def index(self, column: str, value: str) -> str:
        """Return the search key of a value."""
        if self._aead is None:
            return value
        return hmac.new(self._index_key, f"{column}\0{value}".encode(), hashlib.sha256).hexdigest()

    def row_mac(self, text: str) -> str:
        """Return the keyed digest of a row."""
        return hmac.new(self._row_key, text.encode(), hashlib.sha256).hexdigest()


def _load_or_make(key_file: Path) -> bytes:
    if not key_file.is_file():
        key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(os.urandom(64))
    return key_file.read_bytes()
