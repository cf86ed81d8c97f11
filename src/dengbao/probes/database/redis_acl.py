"""Reads what `ACL LIST` says: who there is, with which password state, and what each one may do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from .facts import DatabaseAccount, Grant, LoginMethod, PasswordState, StoredPassword

_HASH: Final = re.compile(r"#[0-9a-fA-F]{8,}")
# What gives power over server, accounts or other people's data, and under which names a rule may give it.
_POWERS: Final[Mapping[str, frozenset[str]]] = {
    "ACL SETUSER": frozenset({"@admin", "@dangerous", "@slow", "acl", "acl|setuser"}),
    "CONFIG SET": frozenset({"@admin", "@dangerous", "@slow", "config", "config|set"}),
    "MODULE LOAD": frozenset({"@admin", "@dangerous", "@slow", "module", "module|load"}),
    "DEBUG": frozenset({"@admin", "@dangerous", "@slow", "debug"}),
    "SHUTDOWN": frozenset({"@admin", "@dangerous", "@slow", "shutdown"}),
    "REPLICAOF": frozenset({"@admin", "@dangerous", "@slow", "replicaof", "slaveof"}),
    "MONITOR": frozenset({"@admin", "@dangerous", "@slow", "monitor"}),
    "FLUSHALL": frozenset({"@keyspace", "@write", "@slow", "@dangerous", "flushall"}),
    "KEYS": frozenset({"@keyspace", "@read", "@slow", "@dangerous", "keys"}),
    "ACL LOG": frozenset({"@admin", "@dangerous", "@slow", "acl", "acl|log"}),
}
_READS: Final = frozenset({"@read", "@string", "@fast", "get"})
_WRITES: Final = frozenset({"@write", "@string", "@slow", "set"})
# Over accounts and settings one gets at everything else.
_OVER_ALL: Final = frozenset({"ACL SETUSER", "CONFIG SET"})


@dataclass
class Selector:
    """One set of rules: commands in order, key patterns as written."""

    commands: list[tuple[bool, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def take(self, token: str) -> None:
        """Take one rule."""
        low = token.lower()
        if low in ("allcommands", "+@all"):
            self.commands = [(True, "@all")]
        elif low in ("nocommands", "-@all"):
            self.commands = []
        elif low == "allkeys":
            self.keys = ["~*"]
        elif low in ("resetkeys", "reset"):
            self.keys = []
        elif token.startswith(("~", "%")):
            self.keys.append(token)
        elif low.startswith(("+", "-")):
            self.commands.append((low.startswith("+"), low[1:]))

    def may(self, names: frozenset[str]) -> bool:
        """Tell whether a command that goes by these names is allowed: the last rule that fits decides."""
        fitting = [allowed for allowed, name in self.commands if name == "@all" or name in names]
        return bool(fitting) and fitting[-1]


@dataclass
class AclUser:
    """One line of `ACL LIST`; the hashes of passwords are counted, not kept."""

    name: str
    on: bool = False
    nopass: bool = False
    hashes: int = 0
    selectors: list[Selector] = field(default_factory=lambda: [Selector()])

    def powers(self, gone: frozenset[str]) -> tuple[str, ...]:
        """Return what the account may do beyond using data; commands in `gone` exist for nobody."""
        return tuple(
            power
            for power, names in _POWERS.items()
            if power.partition(" ")[0].lower() not in gone and any(one.may(names) for one in self.selectors)
        )


def masked(line: str) -> str:
    """Return a line of `ACL LIST` without the hashes of passwords."""
    return _HASH.sub("#***", line)


def read_users(lines: Iterable[str]) -> tuple[AclUser, ...]:
    """Return the users of `ACL LIST`; lines that are none are left out."""
    split = (line.split() for line in lines)
    return tuple(_user(words[1], words[2:]) for words in split if len(words) > 1 and words[0] == "user")


def _user(name: str, tokens: list[str]) -> AclUser:
    user = AclUser(name)
    selector = user.selectors[0]
    for token in tokens:
        if token.startswith("("):
            selector = Selector()
            user.selectors.append(selector)
        plain = token.strip("()")
        if plain in ("on", "off"):
            user.on = plain == "on"
        elif plain == "nopass":
            user.nopass = True
        elif plain.startswith("#"):
            user.hashes += 1
        else:
            selector.take(plain)
        if token.endswith(")"):
            selector = user.selectors[0]
    return user


def account(user: AclUser, gone: frozenset[str]) -> DatabaseAccount:
    """Return an account; it is a superuser who may change accounts or settings of the server."""
    powers = user.powers(gone)
    everything = any(key.partition("~")[2] == "*" for one in user.selectors for key in one.keys)
    return DatabaseAccount(
        name=user.name,
        can_login=user.on,
        locked=not user.on,
        superuser=set(powers) >= _OVER_ALL,
        default=user.name == "default",
        rights=(*powers, *(("allkeys",) if everything else ())),
    )


def password(user: AclUser) -> StoredPassword:
    """Return the state of an account's password; Redis keeps SHA-256 without salt and knows no age."""
    if user.nopass:
        state, scheme = PasswordState.EMPTY, ""
    else:
        state = PasswordState.SET if user.hashes else PasswordState.NONE
        scheme = "sha256" if user.hashes else ""
    return StoredPassword(
        name=user.name,
        state=state,
        scheme=scheme,
        methods=(LoginMethod(plugin="acl", state=state, scheme=scheme),),
        lifetime_days=0,
    )


def grants(users: Iterable[AclUser]) -> tuple[Grant, ...]:
    """Return which keys each account may read or write; what needs no password is everyone's."""
    found: list[Grant] = []
    for user in users:
        names = [user.name, *(["PUBLIC"] if user.nopass and user.on and user.name == "default" else [])]
        for selector in user.selectors:
            for key in dict.fromkeys(selector.keys):
                rights = _rights(selector, key)
                if rights:
                    pattern = key.partition("~")[2]
                    level = "global" if pattern == "*" else "keys"
                    found += [Grant(grantee=one, level=level, object=pattern, rights=rights) for one in names]
    return tuple(found)


def _rights(selector: Selector, key: str) -> tuple[str, ...]:
    """Return READ and WRITE as commands and the pattern (`%R~`, `%W~`, `~`) allow both."""
    modes = key.partition("~")[0].upper() if key.startswith("%") else "%RW"
    return tuple(
        word
        for word, letter, names in (("READ", "R", _READS), ("WRITE", "W", _WRITES))
        if letter in modes and _some(selector, names)
    )


def _some(selector: Selector, names: frozenset[str]) -> bool:
    """Tell whether any command that reads (or writes) is allowed; single commands count too."""
    if selector.may(names):
        return True
    # Whether a command that is named alone reads or writes is not looked up: it counts as both.
    return any(allowed and not name.startswith("@") for allowed, name in selector.commands)
