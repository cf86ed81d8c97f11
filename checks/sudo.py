"""Who may act as root through sudo, and how far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.host.facts import HostAccounts
from dengbao.probes.host.system_facts import HostPrivilege, SudoRule

from .hosts import ask
from .wording import listing

# Programs that give a shell, so that whoever may run them may run everything.
_SHELLS: Final = frozenset(
    {
        "sh", "bash", "dash", "ksh", "zsh", "csh", "tcsh", "fish", "su", "sudo", "env", "vi", "vim", "visudo",
        "*", "",  # the last two: every program of a folder
    }
)  # fmt: skip
# Programs that start others at the user's wish, unless the rule fixes their arguments.
_STARTERS: Final = frozenset(
    {
        "nano", "emacs", "ed", "less", "more", "man", "python", "python2", "python3", "perl", "ruby", "lua",
        "php", "awk", "gawk", "find", "xargs", "gdb", "strace", "nsenter", "chroot", "docker", "pkexec",
        "systemd-run",
    }
)  # fmt: skip


@dataclass
class Power:
    """What one account may do as root."""

    commands: set[str] = field(default_factory=set)
    unlimited: bool = False
    no_password: bool = False


def administrators(privilege: HostPrivilege, accounts: HostAccounts) -> dict[str, Power]:
    """Return the accounts besides root that can log in and may run something as root."""
    found: dict[str, Power] = {}
    for rule in privilege.rules:
        if rule.run_as and not {"root", "ALL", "#0", ""} & set(rule.run_as):
            continue
        for name in _members(rule, accounts):
            power = found.setdefault(name, Power())
            power.commands.update(rule.commands)
            power.unlimited = power.unlimited or is_unlimited(rule)
            power.no_password = power.no_password or rule.no_password
    return found


def is_unlimited(rule: SudoRule) -> bool:
    """Tell whether the rule gives every command, or a shell, which is the same."""
    given = [command.split() for command in rule.commands if not command.startswith("!")]
    return rule.unlimited or any(_gives_a_shell(words) for words in given if words)


def _gives_a_shell(words: list[str]) -> bool:
    name = words[0].rsplit("/", 1)[-1]
    return name in _SHELLS or (name in _STARTERS and len(words) == 1)


def for_everybody(privilege: HostPrivilege) -> tuple[SudoRule, ...]:
    """Return the rules that give every account everything."""
    return tuple(one for one in privilege.rules if "ALL" in one.who and is_unlimited(one))


def _members(rule: SudoRule, accounts: HostAccounts) -> Iterator[str]:
    left_out = {name[1:] for name in rule.who if name.startswith("!")}
    for one in accounts.accounts:
        if one.name == "root" or not one.can_log_in or one.name in left_out:
            continue
        names = {one.name, "ALL", f"#{one.uid}", f"%#{one.gid}", *(f"%{group}" for group in one.groups)}
        if names & set(rule.who):
            yield one.name


def rules_all_read(privilege: HostPrivilege) -> tuple[Criterion, ...]:
    """Return an open criterion where sudo reads files that we could not, none where all were read."""
    if not privilege.unread:
        return ()
    seen = f"sudo 另引用 {listing(privilege.unread)}，未能查看"
    return (ask("unread", "sudo 配置是否全部查看", None, seen, "host.privilege"),)
