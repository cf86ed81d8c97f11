"""Real Redis servers, hardened, weak, and seen by an account without rights: every verdict beforehand."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dengbao.errors import Reason
from dengbao.model import Account, DatabaseAsset, Level, Scope
from dengbao.probes.database.facts import DatabaseAccess, DatabaseAccounts, DatabaseServer
from tests.servers import hostile
from tests.servers.redis import Redis, redis

from .harness import Sight, agree, claims_no_more, look

PASSWORD = "Looker-2026!x"
# With an address that this machine does not have: by its settings, the server is reachable from afar.
FAR = "bind 127.0.0.1 -10.255.255.254"
CHECKS = (
    "identity.login_required", "identity.unique_accounts", "identity.empty_password",
    "identity.password_complexity", "identity.password_ageing", "identity.login_failure", "identity.lockout",
    "identity.idle_timeout", "identity.remote_admin_encrypted", "identity.two_factor",
    "identity.crypto_factor", "access.accounts_assigned", "access.anonymous_disabled",
    "access.default_account_renamed", "access.default_password", "access.stale_accounts",
    "access.stale_disabled", "intrusion.pending_updates",
    "access.roles_defined", "access.privilege_separation", "access.least_privilege",
    "access.rules_configured", "access.no_overreach", "access.granularity", "audit.enabled",
    "audit.covers_users", "audit.covers_events", "audit.record_fields", "intrusion.admin_sources",
    "integrity.storage", "confidentiality.transport", "confidentiality.sensitive_columns",
    "confidentiality.password_hash", "privacy.restricted_access", "access.security_labels",
    "access.mandatory_control", "audit.log_protection", "audit.log_retention", "audit.process_protection",
    "intrusion.minimal_install", "intrusion.unneeded_packages", "residual.session", "residual.memory",
)  # fmt: skip
ROSTER = ("looker", "his_app", "his_cache", "dba")
LOOKER = "+@read +@connection +info +config|get +acl|list +acl|whoami +acl|log +command +module|list -keys"


def expect(common: str, **others: str) -> Mapping[str, str]:
    """Return the verdict of every check: `common`, but for the questions named."""
    names = {one.replace(".", "_"): one for one in CHECKS}
    return {**dict.fromkeys(CHECKS, common), **{names[name]: verdict for name, verdict in others.items()}}


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DENGBAO_TEST_DB", PASSWORD)


def asset(
    address: str, user: str = "", *, ca_file: Path | None = None, roster: tuple[str, ...] = ()
) -> DatabaseAsset:
    accounts = (Account(id="look", username=user, secret="${ENV:DENGBAO_TEST_DB}"),) if user else ()
    return DatabaseAsset(
        id="cache", name="缓存", platform="redis", address=address, account="look" if user else "",
        accounts=accounts, ca_file=str(ca_file or ""), roster=roster,
    )  # fmt: skip


@pytest.fixture(scope="module")
def hardened() -> Iterator[Redis]:
    lines = (
        FAR, "protected-mode yes", "tls-auth-clients no", "timeout 300", 'save "3600 1"',
        "user default off", "user dba on >Admin-only-2026! ~* &* +@all",
        f"user looker on >{PASSWORD} resetkeys {LOOKER}",
        "user his_app on >App-only-2026! ~his:* -@all +@read +@write -@dangerous",
        "user his_cache on >Cache-only-2026! %R~his:* -@all +@read -@dangerous",
        f"user meek on >{PASSWORD} resetkeys -@all +ping",
    )  # fmt: skip
    with redis(*lines, tls=True, plain=False) as server:
        talk = (("AUTH", "dba", "Admin-only-2026!"), ("SET", "his:1", "x"), ("BGSAVE",))
        assert server.run(*talk)[0] == b"+OK\r\n"
        yield server


def test_redis_hardened(hardened: Redis) -> None:
    sight = look(asset(hardened.tls_address, "looker", ca_file=hardened.ca_file, roster=(*ROSTER, "meek")))
    assert {one: lack.reason for one, lack in sight.missing.items()} == {
        "database.sensitive": Reason.NOT_SUPPORTED
    }
    server = sight.facts["database.server"]
    assert isinstance(server, DatabaseServer)
    assert (server.product, server.encrypted, server.certificate_checked) == ("redis", True, True)
    assert server.tls_version == "TLSv1.3"
    assert server.superuser is False
    agree(
        "redis_hardened",
        sight,
        expect(
            "conform",
            # Redis has none of these functions, and no configuration brings them.
            identity_password_complexity="nonconform",
            identity_password_ageing="nonconform",
            identity_login_failure="nonconform",
            identity_lockout="nonconform",
            audit_enabled="nonconform",
            audit_covers_users="nonconform",
            audit_covers_events="nonconform",
            audit_record_fields="nonconform",
            audit_log_protection="nonconform",
            audit_log_retention="nonconform",
            audit_process_protection="nonconform",
            access_security_labels="nonconform",
            access_mandatory_control="nonconform",
            residual_memory="undetermined",  # nothing overwrites what was deleted
            access_accounts_assigned="partial",  # two accounts without any keys
            # Nobody but the superuser manages accounts, and none but ours sees what was refused.
            access_privilege_separation="undetermined",
            intrusion_admin_sources="undetermined",  # left to a firewall
            confidentiality_sensitive_columns="undetermined",
            confidentiality_password_hash="partial",  # SHA-256 without salt
            identity_two_factor="nonconform",
            identity_crypto_factor="nonconform",
            intrusion_pending_updates="undetermined",  # nothing is known of its versions
            privacy_restricted_access="undetermined",
        ),
    )
    _nothing_leaks(sight)


def test_redis_without_rights(hardened: Redis) -> None:
    sight = look(asset(hardened.tls_address, "meek", ca_file=hardened.ca_file, roster=ROSTER))
    reasons = {one: lack.reason for one, lack in sight.missing.items()}
    assert reasons.pop("database.sensitive") is Reason.NOT_SUPPORTED
    assert set(reasons.values()) == {Reason.NO_PERMISSION}
    agree("redis_without_rights", sight, expect("undetermined"))
    full = look(asset(hardened.tls_address, "looker", ca_file=hardened.ca_file, roster=(*ROSTER, "meek")))
    claims_no_more(full.verdicts(), sight.verdicts())


def test_redis_weak() -> None:
    with redis(FAR, "protected-mode no", 'save ""', "appendonly no") as server:
        server.run(
            ("SET", "his:1", "x"),
            ("ACL", "SETUSER", "app", "on", ">App-only-2026!", "~*", "+@all"),
            ("ACL", "SETUSER", "boss", "on", ">Boss-only-2026!", "~*", "+@all"),
        )
        before = server.run(("ACL", "LOG"), ("DBSIZE",), ("LASTSAVE",))
        sight = look(asset(server.address, roster=("default", "app")))
        assert server.run(("ACL", "LOG"), ("DBSIZE",), ("LASTSAVE",)) == before
    access = sight.facts["database.access"]
    assert isinstance(access, DatabaseAccess)
    assert access.anonymous is True
    agree(
        "redis_weak",
        sight,
        expect(
            "nonconform",
            identity_unique_accounts="conform",
            access_anonymous_disabled="nonconform",
            intrusion_pending_updates="undetermined",
            access_least_privilege="partial",  # three superusers, but nobody else with their rights
            intrusion_admin_sources="undetermined",
            # As it comes, no module is loaded, and debugging is closed to everybody.
            intrusion_minimal_install="conform",
            intrusion_unneeded_packages="conform",
            residual_session="conform",
            residual_memory="undetermined",
            integrity_storage="undetermined",  # nothing is written to disk
            confidentiality_sensitive_columns="undetermined",
            confidentiality_password_hash="partial",
            privacy_restricted_access="undetermined",
        ),
    )
    statement = sight.judge("identity.login_required").statement
    assert "未登录即可执行命令" in statement
    for check in CHECKS:
        told = sight.judge(check).statement
        assert not any(word in told for word in ("pg_hba", "require_secure", "default_password", "授权表"))


def test_redis_renamed_commands_are_told_and_config_denied_is_no_proof() -> None:
    lines = ('rename-command CONFIG ""', 'rename-command FLUSHALL ""', f"requirepass {PASSWORD}")
    with redis(*lines) as server:
        sight = look(asset(server.address, "default"))
    assert sight.missing["database.access"].reason is Reason.NOT_SUPPORTED
    assert sight.judge("identity.idle_timeout").status == "undetermined"
    accounts = sight.facts["database.accounts"]
    assert isinstance(accounts, DatabaseAccounts)
    assert not {"CONFIG SET", "FLUSHALL"} & set(accounts.accounts[0].rights)
    assert sight.judge("identity.empty_password").status == "undetermined"
    _nothing_leaks(sight)


def test_redis_that_wants_a_password_is_left_when_none_is_declared() -> None:
    with redis(f"requirepass {PASSWORD}") as server:
        sight = look(asset(server.address))
        assert b"*0" in server.run(("ACL", "LOG"), password=PASSWORD)[0]
    assert sight.missing["database.accounts"].reason is Reason.NOT_DECLARED
    assert sight.judge("identity.login_required").status == "undetermined"
    access = sight.facts["database.access"]
    assert isinstance(access, DatabaseAccess)
    assert access.anonymous is False


def test_redis_gets_a_wrong_password_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DENGBAO_TEST_DB", "not-the-password")
    with redis(f"requirepass {PASSWORD}") as server:
        sight = look(asset(server.address, "default"))
        log = server.run(("ACL", "LOG"), password=PASSWORD)[0]
    assert {lack.reason for lack in sight.missing.values()} == {Reason.LOGIN_REFUSED}
    assert "不要连续重试" in sight.missing["database.server"].message
    assert log.count(b"AUTH") == 1
    assert b"\r\ncount\r\n:1\r\n" in log


def test_redis_gets_no_password_over_an_open_network(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    def serve(conn: socket.socket) -> None:
        while data := conn.recv(4096):
            heard.append(data)
            conn.sendall(b"-NOAUTH Authentication required.\r\n")

    with hostile.hostile(serve) as address:
        port = address.rpartition(":")[2]
        # A name is not known to lead to this machine only.
        sight = look(
            asset(f"localhost:{port}", "looker"),
            scope=Scope(level=Level.LOGIN, addresses=("127.0.0.0/8", "localhost")),
        )
    assert sight.missing["database.accounts"].reason is Reason.PROTOCOL
    assert "已拒绝发送" in sight.missing["database.accounts"].message
    assert PASSWORD.encode() not in b"".join(heard)


def test_redis_port_that_speaks_tls_only_is_found_out(hardened: Redis) -> None:
    sight = look(asset(hardened.tls_address, "looker"))
    server = sight.facts["database.server"]
    assert isinstance(server, DatabaseServer)
    assert (server.encrypted, server.certificate_checked) == (True, False)


def test_redis_certificate_of_another_authority_ends_the_session(hardened: Redis, tmp_path: Path) -> None:
    with redis(tls=True) as other:
        sight = look(asset(hardened.tls_address, "looker", ca_file=other.ca_file))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.PROTOCOL}
    assert "证书" in sight.missing["database.server"].message


@pytest.mark.parametrize("serve", [hostile.closing, hostile.http, hostile.noise])
def test_what_is_no_redis_is_told_so(serve: hostile.Serve) -> None:
    with hostile.hostile(serve) as address:
        sight = look(asset(address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.PROTOCOL}


@pytest.mark.parametrize(
    "answer",
    [
        b"*1\r\n" * 100_000,
        b"$2000000000\r\n" + b"x" * 1000,
        b"*2000000000\r\n",
        b"+" + b"x" * 200_000,
        b":1x\r\n",
        b"$-x\r\n",
        b"$3\r\nab",
    ],
    ids=["nested", "bulk", "items", "line", "number", "size", "cut"],
)
def test_answers_that_are_too_much_are_refused(answer: bytes) -> None:
    def serve(conn: socket.socket) -> None:
        conn.recv(4096)
        conn.sendall(answer)

    begun = time.monotonic()
    with hostile.hostile(serve) as address:
        sight = look(asset(address, "looker"))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.PROTOCOL}
    assert time.monotonic() - begun < 15


def test_redis_out_of_scope_is_not_contacted() -> None:
    touched: list[str] = []
    with hostile.hostile(lambda _conn: touched.append("contact")) as address:
        sight = look(asset(address), scope=Scope(level=Level.LOGIN, addresses=("127.0.0.1:1",)))
    assert {lack.reason for lack in sight.missing.values()} == {Reason.OUT_OF_SCOPE}
    assert not touched


def _nothing_leaks(sight: Sight) -> None:
    told = b"".join(sight.raw.values()) + repr(sight.facts).encode() + repr(sight.missing).encode()
    for secret in (PASSWORD, "Admin-only", "App-only"):
        assert secret.encode() not in told
    assert b"#***" in b"".join(sight.raw.values())
