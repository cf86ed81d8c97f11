"""Who may act as root through sudo, and how far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from dengbao.probes.host.facts import HostAccounts
from dengbao.probes.host.system_facts import HostPrivilege, SudoRule

# Programs that give a shell, so that whoever may run them may run everything.
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ksh", "zsh", "su", "sudo", "env", "vi", "vim", "visudo"})


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
    names = {command.split()[0].rsplit("/", 1)[-1] for command in rule.commands if command.split()}
    return rule.unlimited or bool(names & _SHELLS)


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
