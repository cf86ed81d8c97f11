"""Signs each patient's row after 整改, so that a change past the application can be told: HMAC-SHA256."""

from __future__ import annotations

import sqlite3
from typing import Final

from .vault import Vault

# In this order, `name=value` joined by `&`: what the engagement declares.
_COVERED: Final = ("id", "record_no", "name", "id_card", "phone", "insurance_type")


def prepare(db: sqlite3.Connection, vault: Vault) -> None:
    """Add the column; before 整改 there is none."""
    if vault.encrypts:
        db.execute("ALTER TABLE patients ADD COLUMN row_mac TEXT")


def sign(db: sqlite3.Connection, patient_id: int, vault: Vault) -> int:
    """Write the digest of a row that was just written; return its id."""
    if vault.encrypts:
        query = f"SELECT {', '.join(_COVERED)} FROM patients WHERE id = ?"  # noqa: S608 - constants
        row = db.execute(query, (patient_id,)).fetchone()
        text = "&".join(f"{name}={value}" for name, value in zip(_COVERED, row, strict=True))
        db.execute("UPDATE patients SET row_mac = ? WHERE id = ?", (vault.row_mac(text), patient_id))
    return patient_id
