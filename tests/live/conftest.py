"""Servers that several live tests use: hardened databases, a hardened host and a careless one."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from tests.servers import host_trees
from tests.servers.mariadb import MariaDB, mariadb
from tests.servers.postgres import Postgres, own, postgres
from tests.servers.sshd import Prepared, Server, running

from .databases import BCRYPT, HIDDEN, PASSWORD, TWO_ROWS, TWO_USERS
from .hosts import make_hardened

# "127.1" is a name to the tool, which cannot know where it leads: the rules are judged, not the address.
PG_HARDENED = {
    "listen_addresses": "127.1", "idle_session_timeout": "5min", "logging_collector": "on",
    "log_connections": "on", "log_disconnections": "on", "log_statement": "all",
    "log_line_prefix": "%m [%p] %u@%d %h ", "password_encryption": "scram-sha-256",
    "shared_preload_libraries": "passwordcheck,auth_delay", "auth_delay.milliseconds": "500",
}  # fmt: skip
PG_RULES = (
    "hostnossl all all all reject",
    "hostssl his his_app 10.1.2.0/24 scram-sha-256",
    "hostssl all all 127.0.0.1/32 scram-sha-256",
    "host all all 0.0.0.0/0 reject",
)
PG_LOOKER = (
    f"CREATE ROLE looker LOGIN PASSWORD '{PASSWORD}'",
    "GRANT pg_monitor TO looker",
    "GRANT EXECUTE ON FUNCTION pg_stat_file(text) TO looker",
    "GRANT SELECT ON pg_authid, pg_hba_file_rules TO looker",
    "GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO looker",
    "GRANT USAGE ON SCHEMA his TO looker",
    "GRANT SELECT (id_no) ON his.patient TO looker",
    "GRANT SELECT (pwd) ON his.sys_user TO looker",
)
PG_ACCOUNTS = (
    "CREATE SCHEMA his",
    "CREATE TABLE his.patient (id int PRIMARY KEY, id_no text)",
    "INSERT INTO his.patient SELECT n, encode(sha256(n::text::bytea), 'hex') FROM generate_series(1, 500) n",
    "CREATE TABLE his.sys_user (id int PRIMARY KEY, pwd text)",
    TWO_USERS.replace("@", BCRYPT),
    "CREATE ROLE his_reader",
    "GRANT USAGE ON SCHEMA his TO his_reader",
    "GRANT SELECT ON his.patient TO his_reader",
    "CREATE ROLE his_app LOGIN PASSWORD 'App-only-2026!'",
    "GRANT his_reader TO his_app",
    "CREATE ROLE his_guard LOGIN CREATEROLE PASSWORD 'Guard-only-2026!'",
    "CREATE ROLE his_auditor LOGIN IN ROLE pg_monitor PASSWORD 'Audit-only-2026!'",
    f"CREATE ROLE nobody_much LOGIN PASSWORD '{PASSWORD}'",
    "GRANT CONNECT ON DATABASE postgres TO nobody_much",
)
PG_DATES = tuple(
    f"ALTER ROLE {one} VALID UNTIL '{{}}'"
    for one in ("hisdba", "his_app", "his_guard", "his_auditor", "looker", "nobody_much")
)
OLD_S = 200 * 86400


@pytest.fixture(scope="session")
def pg_hardened() -> Iterator[Postgres]:
    with postgres(settings=PG_HARDENED, hba=PG_RULES, checksums=True, tls=True, superuser="hisdba") as server:
        until = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 60 * 86400))
        server.run(*PG_ACCOUNTS, *PG_LOOKER, *(one.format(until) for one in PG_DATES))
        # Records go back further than the six months asked for.
        old = server.socket_dir / "data" / "log" / "postgresql-2026-01-01_000000.log"
        old.write_text("")
        own(old)
        os.utime(old, (time.time() - OLD_S,) * 2)
        yield server


MY_HARDENED = (
    "--plugin-load-add=auth_ed25519", "--plugin-load-add=simple_password_check",
    "--plugin-load-add=server_audit", "--server-audit=FORCE_PLUS_PERMANENT", "--server-audit-logging=ON",
    "--innodb-immediate-scrub-data-uncompressed=ON",
    "--default-password-lifetime=90", "--max-password-errors=5", "--wait-timeout=600",
    "--interactive-timeout=600", "--require-secure-transport=ON", "--skip-name-resolve",
    "--bind-address=127.1",
)  # fmt: skip
MY_ACCOUNTS = (
    # A lifetime for all makes an account that never set a password an expired one.
    "SET PASSWORD = PASSWORD('Admin-only-2026!')",
    "CREATE DATABASE his",
    "CREATE TABLE his.patient (id int PRIMARY KEY, id_no varchar(64))",
    TWO_ROWS.replace("@", HIDDEN),
    "CREATE TABLE his.sys_user (id int PRIMARY KEY, pwd varchar(100))",
    TWO_USERS.replace("@", BCRYPT),
    "CREATE ROLE his_reader",
    "GRANT SELECT ON his.patient TO his_reader",
    "CREATE USER his_app@'10.1.2.%' IDENTIFIED BY 'App-only-2026!'",
    "GRANT his_reader TO his_app@'10.1.2.%'",
    "CREATE USER his_guard@'10.1.2.3' IDENTIFIED BY 'Guard-only-2026!'",
    "GRANT CREATE USER ON *.* TO his_guard@'10.1.2.3'",
    "CREATE USER his_auditor@'10.1.2.4' IDENTIFIED BY 'Audit-only-2026!'",
    "GRANT PROCESS ON *.* TO his_auditor@'10.1.2.4'",
    f"CREATE USER looker@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
    "GRANT SELECT ON mysql.* TO looker@'127.0.0.1'",
    "GRANT SHOW DATABASES ON *.* TO looker@'127.0.0.1'",
    "GRANT SELECT (id_no) ON his.patient TO looker@'127.0.0.1'",
    "GRANT SELECT (pwd) ON his.sys_user TO looker@'127.0.0.1'",
    f"CREATE USER nobody_much@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
    f"CREATE USER modern@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD('{PASSWORD}')",
    f"DROP USER IF EXISTS root@'127.0.0.1', root@'::1', root@'{socket.gethostname()}'",
    "RENAME USER root@localhost TO hisdba@localhost",
)


@pytest.fixture(scope="session")
def my_hardened() -> Iterator[MariaDB]:
    with mariadb(*MY_HARDENED, tls=True) as server:
        server.run(*MY_ACCOUNTS)
        yield server


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a private key file and its public line."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    path = tmp_path_factory.mktemp("keys") / "id"
    path.write_bytes(made.export_private_key())
    return path, made.export_public_key().decode()


@pytest.fixture(scope="module")
def hardened(tmp_path_factory: pytest.TempPathFactory, key: tuple[Path, str]) -> Iterator[Server]:
    """Run the hardened host."""
    prepared = make_hardened(tmp_path_factory.mktemp("hardened"), key[1])
    with running(prepared) as server:
        yield server


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the careless host."""
    prepared = Prepared(tmp_path_factory.mktemp("weak"))
    host_trees.weak(prepared)
    with running(prepared) as server:
        yield server
