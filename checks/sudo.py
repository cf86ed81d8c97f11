"""Who may act as root through sudo, and how far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.host.facts import HostAccounts, HostPam
from dengbao.probes.host.identity_facts import HostLoginRules
from dengbao.probes.host.system_facts import HostPrivilege, SudoRule

from .hosts import ask, local_only
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
    for rule in in_force(privilege):
        if not _as_root(rule):
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
    return tuple(
        one for one in in_force(privilege) if "ALL" in one.who and is_unlimited(one) and _as_root(one)
    )


def in_force(privilege: HostPrivilege) -> tuple[SudoRule, ...]:
    """Return the rules that give anybody anything of his own.

    Without sudo there are none; a rule for everybody that asks for root's password gives no more than su.
    """
    if not privilege.installed:
        return ()
    if asks_for_another_password(privilege):
        return tuple(one for one in privilege.rules if "ALL" not in one.who)
    return privilege.rules


def _as_root(rule: SudoRule) -> bool:
    return not rule.run_as or bool({"root", "ALL", "#0", ""} & set(rule.run_as))


def asks_for_another_password(privilege: HostPrivilege) -> str:
    """Return the setting by which sudo asks for another's password than one's own, empty if there is none."""
    for name in ("targetpw", "rootpw", "runaspw"):
        setting = privilege.setting(name)
        if setting is not None and setting.on:
            return name
    return ""


def habits(privilege: HostPrivilege) -> str:
    """Return how sudo records and asks again, which only informs."""
    if privilege.defaults is None or not privilege.installed:
        return ""
    log, pty, lasts = (privilege.setting(name) for name in ("logfile", "use_pty", "timestamp_timeout"))
    words = ["use_pty 已设" if pty is not None and pty.on else "use_pty 未设"]
    words.append(f"日志 {log.value}" if log is not None and log.value else "日志由 syslog 记录")
    words.append(
        f"口令缓存 {lasts.value} 分钟" if lasts is not None and lasts.value else "口令缓存为默认时长"
    )
    return f"；sudo 设置：{'，'.join(words)}"


def _members(rule: SudoRule, accounts: HostAccounts) -> Iterator[str]:
    for one in accounts.accounts:
        if one.name == "root" or not one.can_log_in:
            continue
        names = {one.name, "ALL", f"#{one.uid}", f"%#{one.gid}", *(f"%{group}" for group in one.groups)}
        if _named(rule.who, names):
            yield one.name


def _named(who: tuple[str, ...], names: set[str]) -> bool:
    """Tell whether a list of users names one of these; of several entries the last one counts."""
    found = False
    for entry in who:
        if entry.lstrip("!") in names:
            found = not entry.startswith("!")
    return found


def rules_all_read(privilege: HostPrivilege, rules: HostLoginRules | None = None) -> tuple[Criterion, ...]:
    """Return an open criterion where sudo reads what we could not, or doas gives rights too; else none."""
    words = [f"sudo 另引用 {listing(privilege.unread)}，未能查看"] if privilege.unread else []
    if by_doas(rules):
        words.append(f"另有 doas 规则 {by_doas(rules)} 条，须人工核查")
    if not words:
        return ()
    seen = "；".join(words)
    return (ask("unread", "sudo 配置是否全部查看", None, seen, "host.privilege"),)


def by_doas(rules: HostLoginRules | None) -> int:
    """Return how many rules doas has."""
    return len(rules.doas or ()) if rules is not None else 0


def all_known(privilege: HostPrivilege, accounts: HostAccounts, rules: HostLoginRules | None) -> bool:
    """Tell whether nobody else can have rights: no directory, no file unread, no other tool than sudo."""
    return not rules_all_read(privilege, rules) and not local_only(accounts)


def su_limits(pam: HostPam | None) -> str:
    """Return who may use su, by pam_wheel in its stack; only informs, for su asks for a password too."""
    rules = pam.stack("su", "auth") if pam is not None else None
    if rules is None:
        return ""
    wheel = [
        one for one in rules if one.module == "pam_wheel.so" and one.control in ("required", "requisite")
    ]
    limiting = [one for one in wheel if not {"deny", "trust"} & set(one.args) and one.present is not False]
    if not limiting:
        return "；su 未限于特定组（pam_wheel 未启用）"
    group = next(
        (arg.partition("=")[2] for arg in limiting[0].args if arg.startswith("group=")), "wheel（或 root）"
    )
    return f"；su 限于 {group} 组（pam_wheel）"
