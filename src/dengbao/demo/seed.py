"""Lays out the hospital's folder for one state: certificates, key, filled database, backups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from . import backups, passwords, people
from .certificates import Certificates, mint
from .measures import State, measures_of
from .store import Store
from .vault import Vault


@dataclass(frozen=True)
class Places:
    """Where things lie below the hospital's folder."""

    folder: Path

    @property
    def certificates(self) -> Path:
        """Return the folder of the CA and the server certificate."""
        return self.folder / "tls"

    @property
    def key_file(self) -> Path:
        """Return the key that seals columns."""
        return self.folder / "keys" / "columns.key"

    @property
    def database(self) -> Path:
        """Return the SQLite file."""
        return self.folder / "data" / "his.db"

    @property
    def backups(self) -> Path:
        """Return the folder of backups."""
        return self.folder / "backups"


def lay_out(folder: Path, state: State, password: str) -> tuple[Store, Certificates]:
    """Write everything the hospital needs, over what an earlier state left.

    `password` is the test account's; the other accounts' follow from it (`people.staff_password`).
    """
    measures, places = measures_of(state), Places(folder)
    certificates = mint(places.certificates)
    # For the demonstration the test account's password is the key of the rows, too.
    vault = Vault(places.key_file, encrypts=measures.columns_encrypted, row_key=password)
    store = Store(places.database, measures, vault)
    store.create()
    for staff in people.STAFF:
        store.add_user(staff, people.staff_password(password, staff), changed_days_ago=7)
    if measures.default_account:
        store.add_user(people.DEFAULT_ADMIN, people.DEFAULT_ADMIN.username, changed_days_ago=900)
    store.add_patients(people.patients())
    backups.write(places.database, places.backups, measures)
    return store, certificates


def new_password() -> str:
    """Return a password for the test account that satisfies the rules."""
    return passwords.random_password()
