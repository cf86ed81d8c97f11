"""What lines of `ACL LIST` allow, as the server itself would decide."""

from __future__ import annotations

import pytest

from dengbao.probes.database import redis, redis_acl
from dengbao.probes.database.facts import PasswordState
from dengbao.probes.database.redis_wire import Reply

HASH = "#" + "ab" * 32


def user(rules: str) -> redis_acl.AclUser:
    [found] = redis_acl.read_users([f"user app {rules}"])
    return found


@pytest.mark.parametrize(
    ("rules", "held"),
    [
        ("on ~* +@all", True),
        ("on ~* allcommands", True),
        ("on ~* +@all -@admin", False),
        ("on ~* +@all -@dangerous", False),
        ("on ~* +@all -@dangerous +config", True),
        ("on ~* +config -@admin", False),
        ("on ~* -@all +@read", False),
        ("on ~* +@all -@all", False),
        ("on ~* -@admin +@all", True),  # the last rule that fits decides
        ("on ~* +config|get", False),
        ("on ~his:* -@all +@read (~* +config|set)", True),
    ],
)
def test_who_may_change_settings(rules: str, held: bool) -> None:
    assert ("CONFIG SET" in redis_acl.account(user(rules), frozenset()).rights) is held


def test_a_command_that_was_renamed_is_in_nobodys_hands() -> None:
    rights = redis_acl.account(user("on ~* +@all"), frozenset({"config", "flushall"})).rights
    assert "CONFIG SET" not in rights
    assert "FLUSHALL" not in rights
    assert "ACL SETUSER" in rights


@pytest.mark.parametrize(
    ("rules", "state", "able"),
    [
        (f"on {HASH} ~* +@all", PasswordState.SET, True),
        ("on nopass ~* +@all", PasswordState.EMPTY, True),
        ("off nopass ~* +@all", PasswordState.EMPTY, False),
        ("on ~* +@all", PasswordState.NONE, True),
    ],
)
def test_states_of_passwords(rules: str, state: PasswordState, able: bool) -> None:
    found = user(rules)
    assert redis_acl.password(found).state is state
    assert redis_acl.account(found, frozenset()).can_login is able


def test_hashes_are_counted_and_never_kept() -> None:
    line = f"user app on {HASH} {HASH} ~* +@all"
    assert "abab" not in redis_acl.masked(line)
    [found] = redis_acl.read_users([line])
    assert found.hashes == 2
    assert "abab" not in repr(found)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("on ~his:* +@read", [("keys", "his:*", ("READ",))]),
        ("on %R~his:* +@all", [("keys", "his:*", ("READ",))]),
        ("on %W~his:* ~* +@all", [("keys", "his:*", ("WRITE",)), ("global", "*", ("READ", "WRITE"))]),
        ("on resetkeys +@all", []),
        ("on ~his:* -@all +ping", [("keys", "his:*", ("READ", "WRITE"))]),
        ("on ~a:* +@read (~b:* +@write)", [("keys", "a:*", ("READ",)), ("keys", "b:*", ("WRITE",))]),
    ],
)
def test_keys_that_are_granted(rules: str, expected: list[tuple[str, str, tuple[str, ...]]]) -> None:
    found = redis_acl.grants([user(rules)])
    assert [(one.level, one.object, one.rights) for one in found] == expected


def test_the_default_user_without_a_password_is_everybody() -> None:
    [found] = redis_acl.read_users(["user default on nopass ~* &* +@all"])
    assert {one.grantee for one in redis_acl.grants([found])} == {"default", "PUBLIC"}
    assert redis_acl.account(found, frozenset()).default


def test_lines_that_are_no_users_are_left_out() -> None:
    assert redis_acl.read_users(["", "user", "usr app on"]) == ()


class Told(redis.Seen):
    """Answers from a table, as a server of some version does."""

    def __init__(
        self, version: str, bind: str, protected: str = "yes", rules: str = "on nopass ~* +@all"
    ) -> None:
        self.version, self.values = version, {"bind": bind, "protected-mode": protected}
        self.rules = rules

    def answer(self, *words: str) -> Reply:
        """Return the answer."""
        if words[:2] == ("CONFIG", "GET"):
            return (words[2], self.values[words[2]])
        return f"redis_version:{self.version}\r\n" if words[0] == "INFO" else (f"user default {self.rules}",)


@pytest.mark.parametrize(
    ("seen", "remote"),
    [
        (Told("7.0.15", "* -::*"), False),
        (Told("6.2.7", ""), False),
        (Told("6.2.7", "0.0.0.0"), True),  # before 7 an address that is set ends the protection
        (Told("", "0.0.0.0"), None),
        (Told("7.0.15", "*", protected="no"), True),
        (Told("7.0.15", "*", rules=f"on {HASH} ~* +@all"), True),
        (Told("6.2.7", "127.0.0.1"), False),
    ],
)
def test_what_protected_mode_keeps_out(seen: Told, remote: bool | None) -> None:
    listens = tuple(one.lstrip("-") for one in seen.values["bind"].split()) or ("*",)
    assert redis._remote(seen, listens) is remote
