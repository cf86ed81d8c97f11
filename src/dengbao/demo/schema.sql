CREATE TABLE users (
    username            TEXT PRIMARY KEY,
    display_name        TEXT NOT NULL,
    role                TEXT NOT NULL,
    password            TEXT NOT NULL,
    password_changed_at REAL NOT NULL,
    enabled             INTEGER NOT NULL DEFAULT 1,
    failed_count        INTEGER NOT NULL DEFAULT 0,
    locked_until        REAL NOT NULL DEFAULT 0,
    last_login_at       REAL
);
CREATE TABLE patients (
    id             INTEGER PRIMARY KEY,
    record_no      TEXT NOT NULL UNIQUE,
    name           TEXT NOT NULL,
    id_card        TEXT NOT NULL,
    phone          TEXT NOT NULL,
    insurance_type TEXT NOT NULL,
    name_index     TEXT NOT NULL,
    id_card_index  TEXT NOT NULL
);
CREATE INDEX patients_by_name ON patients (name_index);
CREATE INDEX patients_by_id_card ON patients (id_card_index);
CREATE TABLE visits (
    id         INTEGER PRIMARY KEY,
    patient_id INTEGER NOT NULL REFERENCES patients (id),
    visited_on TEXT NOT NULL,
    department TEXT NOT NULL,
    diagnosis  TEXT NOT NULL,
    total_fen  INTEGER NOT NULL,
    fund_fen   INTEGER NOT NULL,
    settled_at REAL,
    settled_by TEXT REFERENCES users (username)
);
CREATE TABLE sessions (
    sid          TEXT PRIMARY KEY,
    username     TEXT REFERENCES users (username),
    csrf         TEXT NOT NULL,
    created_at   REAL NOT NULL,
    last_seen_at REAL NOT NULL
);
CREATE TABLE audit (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       TEXT NOT NULL,
    username TEXT NOT NULL,
    source   TEXT NOT NULL,
    event    TEXT NOT NULL,
    object   TEXT NOT NULL,
    success  INTEGER NOT NULL,
    detail   TEXT NOT NULL DEFAULT ''
);
