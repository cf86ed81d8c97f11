"""The hospital's database: accounts, patients, visits, sessions and the audit trail, in SQLite."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from . import passwords, row_macs
from .measures import Measures
from .people import Patient, Role, Staff
from .vault import Vault

_SCHEMA: Final = Path(__file__).with_name("schema.sql")
_APPEND_ONLY: Final = """
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
"""
_PATIENT_COLUMNS: Final = "id, record_no, name, id_card, phone, insurance_type"
# Before 整改 the audit trail knows of nothing but successful logins.
_ALWAYS_AUDITED: Final = ("登录", True)


@dataclass(frozen=True)
class User:
    """A row of `users`."""

    username: str
    display_name: str
    role: Role
    password: str
    password_changed_at: float
    enabled: bool
    failed_count: int
    locked_until: float
    last_login_at: float | None


@dataclass(frozen=True)
class PatientRow:
    """A row of `patients`, opened."""

    id: int
    record_no: str
    name: str
    id_card: str
    phone: str
    insurance_type: str


@dataclass(frozen=True)
class VisitRow:
    """A row of `visits`; money in fen."""

    id: int
    patient_id: int
    visited_on: str
    department: str
    diagnosis: str
    total_fen: int
    fund_fen: int
    settled_at: float | None
    settled_by: str | None

    @property
    def cash_fen(self) -> int:
        """Return what the patient pays."""
        return self.total_fen - self.fund_fen


@dataclass(frozen=True)
class Session:
    """A live session; `username` is None before login. `sid` is the cookie's value."""

    sid: str
    username: str | None
    csrf: str


@dataclass(frozen=True)
class AuditRow:
    """A row of `audit`."""

    id: int
    at: str
    username: str
    source: str
    event: str
    object: str
    success: int
    detail: str


class Store:
    """Reads and writes one database file; safe to use from several threads."""

    def __init__(
        self, path: Path, measures: Measures, vault: Vault, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.path = path
        self.measures = measures
        self._vault = vault
        self.now_s = clock

    @contextmanager
    def _db(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=10)) as db:
            db.execute("PRAGMA secure_delete = ON")
            with db:
                yield db

    def create(self) -> None:
        """Write an empty database, over any that is there."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self.path.touch(mode=0o600 if self.measures.columns_encrypted else 0o644)
        with self._db() as db:
            db.executescript(_SCHEMA.read_text(encoding="utf-8"))
            row_macs.prepare(db, self._vault)
            if self.measures.audit_complete:
                db.executescript(_APPEND_ONLY)

    # -- accounts ---------------------------------------------------------------------------------

    def add_user(self, staff: Staff, password: str, *, changed_days_ago: float = 0.0) -> None:
        """Add an account.

        Raises:
            sqlite3.IntegrityError: the name is taken.

        """
        stored = passwords.store(password, slow=self.measures.slow_password_hash)
        changed = self.now_s() - changed_days_ago * 86400
        with self._db() as db:
            db.execute(
                "INSERT INTO users (username, display_name, role, password, password_changed_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (staff.username, staff.display_name, staff.role.value, stored, changed),
            )

    def user(self, username: str) -> User | None:
        """Return the account of that name, or None."""
        with self._db() as db:
            row = db.execute("SELECT * FROM users WHERE username = ?", (username,)).fetchone()
        return _user(row) if row else None

    def users(self) -> tuple[User, ...]:
        """Return all accounts by name."""
        with self._db() as db:
            rows = db.execute("SELECT * FROM users ORDER BY username").fetchall()
        return tuple(_user(row) for row in rows)

    def set_password(self, username: str, password: str, *, session: str) -> None:
        """Store a new password and, after 整改, end the user's other sessions."""
        stored = passwords.store(password, slow=self.measures.slow_password_hash)
        with self._db() as db:
            db.execute(
                "UPDATE users SET password = ?, password_changed_at = ? WHERE username = ?",
                (stored, self.now_s(), username),
            )
            if self.measures.logout_ends_session:
                own = self._key(session)
                db.execute("DELETE FROM sessions WHERE username = ? AND sid <> ?", (username, own))

    def set_enabled(self, username: str, *, enabled: bool) -> None:
        """Enable an account and lift its lock, or disable it and, after 整改, end its sessions."""
        with self._db() as db:
            db.execute(
                "UPDATE users SET enabled = ?, failed_count = 0, locked_until = 0 WHERE username = ?",
                (enabled, username),
            )
            if not enabled and self.measures.disabled_refused:
                db.execute("DELETE FROM sessions WHERE username = ?", (username,))

    def remove_user(self, username: str) -> None:
        """Remove an account and its sessions; what it did stays in the audit trail."""
        with self._db() as db:
            db.execute("DELETE FROM sessions WHERE username = ?", (username,))
            db.execute("DELETE FROM users WHERE username = ?", (username,))

    def note_success(self, username: str) -> None:
        """Forget failed attempts and remember the login."""
        with self._db() as db:
            db.execute(
                "UPDATE users SET failed_count = 0, locked_until = 0, last_login_at = ? WHERE username = ?",
                (self.now_s(), username),
            )

    def note_failure(self, username: str) -> bool:
        """Count a failed attempt; return True when it locked the account."""
        limit = self.measures.lockout_attempts
        if limit is None:
            return False
        with self._db() as db:
            db.execute("UPDATE users SET failed_count = failed_count + 1 WHERE username = ?", (username,))
            row = db.execute("SELECT failed_count FROM users WHERE username = ?", (username,)).fetchone()
            if row is None or row[0] < limit:
                return False
            db.execute(
                "UPDATE users SET failed_count = 0, locked_until = ? WHERE username = ?",
                (self.now_s() + self.measures.lockout_s, username),
            )
        return True

    def password_expired(self, user: User) -> bool:
        """Tell whether the password is older than the rules allow."""
        limit = self.measures.password_max_age_days
        return limit is not None and self.now_s() - user.password_changed_at > limit * 86400

    # -- patients ---------------------------------------------------------------------------------

    def add_patients(self, patients: Iterable[Patient]) -> None:
        """Add patients with all visits; visits of more than two days ago are settled."""
        with self._db() as db:
            for one in patients:
                self._add_patient(db, one)

    def _insert(self, db: sqlite3.Connection, patient: Patient | PatientRow) -> int:
        seal, index = self._vault.seal, self._vault.index
        row = db.execute(
            "INSERT INTO patients (record_no, name, id_card, phone, insurance_type, name_index,"
            " id_card_index) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                patient.record_no, seal("name", patient.name), seal("id_card", patient.id_card),
                seal("phone", patient.phone), patient.insurance_type,
                index("name", patient.name), index("id_card", patient.id_card),
            ),
        )  # fmt: skip
        return row_macs.sign(db, row.lastrowid or 0, self._vault)

    def _add_patient(self, db: sqlite3.Connection, patient: Patient) -> None:
        patient_id = self._insert(db, patient)
        for one in patient.visits:
            at = datetime.fromtimestamp(self.now_s(), UTC) - timedelta(days=one.days_ago)
            settled = (at.timestamp() + 3600, "sf001") if one.days_ago > 2 else (None, None)
            db.execute(
                "INSERT INTO visits (patient_id, visited_on, department, diagnosis, total_fen,"
                " fund_fen, settled_at, settled_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    patient_id, f"{at:%Y-%m-%d}", one.department, one.diagnosis,
                    one.total_fen, one.fund_fen, *settled,
                ),
            )  # fmt: skip

    def register(self, given: PatientRow) -> PatientRow:
        """Add a patient who has not been here before; return the row with its number."""
        named = replace(given, record_no=f"DJ{secrets.token_hex(4).upper()}")
        with self._db() as db:
            return replace(named, id=self._insert(db, named))

    def take_back(self, patient_id: int) -> bool:
        """Remove a patient without visits; return False if there are any."""
        text = "DELETE FROM patients WHERE id = ? AND id NOT IN (SELECT patient_id FROM visits)"
        with self._db() as db:
            return db.execute(text, (patient_id,)).rowcount == 1

    def find_patients(self, text: str = "", limit: int = 50) -> tuple[PatientRow, ...]:
        """Return patients by start of record number, exact name or exact id number; all if empty."""
        where = ""
        values: tuple[str, ...] = ()
        if text:
            where = "WHERE record_no LIKE ? OR name_index = ? OR id_card_index = ?"
            values = (f"{text}%", self._vault.index("name", text), self._vault.index("id_card", text.upper()))
        with self._db() as db:
            rows = db.execute(
                f"SELECT {_PATIENT_COLUMNS} FROM patients {where} ORDER BY id LIMIT ?",  # noqa: S608 - constants
                (*values, limit),
            ).fetchall()
        return tuple(self._patient(row) for row in rows)

    def patient(self, patient_id: int) -> PatientRow | None:
        """Return one patient, or None."""
        with self._db() as db:
            row = db.execute(
                f"SELECT {_PATIENT_COLUMNS} FROM patients WHERE id = ?",  # noqa: S608 - constant
                (patient_id,),
            ).fetchone()
        return self._patient(row) if row else None

    def _patient(self, row: tuple[int, str, str, str, str, str]) -> PatientRow:
        key, record_no, name, id_card, phone, insurance_type = row
        unseal = self._vault.open
        return PatientRow(
            key, record_no, unseal("name", name), unseal("id_card", id_card), unseal("phone", phone),
            insurance_type,
        )  # fmt: skip

    def visits(self, patient_id: int) -> tuple[VisitRow, ...]:
        """Return the visits of a patient, newest first."""
        with self._db() as db:
            rows = db.execute(
                "SELECT * FROM visits WHERE patient_id = ? ORDER BY visited_on DESC, id", (patient_id,)
            ).fetchall()
        return tuple(VisitRow(*row) for row in rows)

    def unsettled(self) -> tuple[VisitRow, ...]:
        """Return the visits that wait for settlement, oldest first."""
        with self._db() as db:
            rows = db.execute("SELECT * FROM visits WHERE settled_at IS NULL ORDER BY visited_on, id")
            return tuple(VisitRow(*row) for row in rows)

    def settle(self, visit_id: int, username: str) -> bool:
        """Settle a visit; return False if there is none that waits."""
        with self._db() as db:
            done = db.execute(
                "UPDATE visits SET settled_at = ?, settled_by = ? WHERE id = ? AND settled_at IS NULL",
                (self.now_s(), username, visit_id),
            )
        return done.rowcount == 1

    # -- sessions ---------------------------------------------------------------------------------

    def _key(self, sid: str) -> str:
        """Return how a session is named in the table: after 整改 a stolen table opens no session."""
        if not self.measures.session_renewed_at_login:
            return sid
        return hashlib.sha256(sid.encode()).hexdigest()

    def open_session(self, username: str | None = None) -> Session:
        """Start a session."""
        session = Session(secrets.token_urlsafe(32), username, secrets.token_urlsafe(24))
        now = self.now_s()
        with self._db() as db:
            db.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)",
                (self._key(session.sid), username, session.csrf, now, now),
            )
        return session

    def session(self, sid: str) -> Session | None:
        """Return a live session and note that it was used; one that idled too long is ended."""
        limit, key = self.measures.idle_timeout_s, self._key(sid)
        with self._db() as db:
            row = db.execute("SELECT * FROM sessions WHERE sid = ?", (key,)).fetchone()
            if row is None:
                return None
            if limit is not None and self.now_s() - row[4] > limit:
                db.execute("DELETE FROM sessions WHERE sid = ?", (key,))
                return None
            db.execute("UPDATE sessions SET last_seen_at = ? WHERE sid = ?", (self.now_s(), key))
        return Session(sid, row[1], row[2])

    def log_in(self, session: Session, username: str) -> Session:
        """Give the session a user; after 整改 under a new id, so that a planted id is worthless."""
        if self.measures.session_renewed_at_login:
            self.end_session(session.sid)
            return self.open_session(username)
        with self._db() as db:
            db.execute("UPDATE sessions SET username = ? WHERE sid = ?", (username, session.sid))
        return Session(session.sid, username, session.csrf)

    def end_session(self, sid: str) -> None:
        """Forget a session."""
        with self._db() as db:
            db.execute("DELETE FROM sessions WHERE sid = ?", (self._key(sid),))

    # -- audit ------------------------------------------------------------------------------------

    def audit(
        self,
        event: str,
        *,
        username: str,
        source: str,
        about: str = "",
        success: bool = True,
        detail: str = "",
    ) -> None:
        """Write an audit record, as far as this state writes any."""
        if not self.measures.audit_complete and (event, success) != _ALWAYS_AUDITED:
            return
        at = datetime.fromtimestamp(self.now_s()).astimezone().isoformat(timespec="milliseconds")
        with self._db() as db:
            db.execute(
                "INSERT INTO audit (at, username, source, event, object, success, detail)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (at, username, source, event, about, success, detail),
            )

    def audit_trail(self, limit: int = 200) -> tuple[AuditRow, ...]:
        """Return the newest audit records, newest first."""
        with self._db() as db:
            rows = db.execute("SELECT * FROM audit ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
        return tuple(AuditRow(*row) for row in rows)


def _user(row: tuple[str, str, str, str, float, int, int, float, float | None]) -> User:
    return User(
        username=row[0], display_name=row[1], role=Role(row[2]), password=row[3],
        password_changed_at=row[4], enabled=bool(row[5]), failed_count=row[6], locked_until=row[7],
        last_login_at=row[8],
    )  # fmt: skip
