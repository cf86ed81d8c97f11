"""How logins are locked after failures: which module counts, and whether it really can refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dengbao.probes.host.facts import HostPam, PamRule

from .pam import BODY_MODULES, LOCKOUT_MODULES, PASSWORD_MODULES, is_counter, reaches, succeeds

# What the modules do where nobody sets anything.
_FAILLOCK_DENY = 3
_FAILLOCK_UNLOCK_S = 600


@dataclass(frozen=True)
class Lockout:
    """Lockout of one service.

    `module` is empty where none is in the stack. `counts`: failures are counted; `refuses`: a locked
    account is refused even with the right password; None where that hangs on what was not seen.
    `deny` 0 switches it off; `unlock_s` 0 means until an administrator unlocks.
    """

    service: str
    module: str = ""
    counts: bool | None = None
    refuses: bool | None = None
    deny: int | None = None
    unlock_s: int | None = None
    root: bool = False
    where: str = ""

    @property
    def effective(self) -> bool | None:
        """Tell whether failures lock the account."""
        if not self.module or self.deny == 0 or self.counts is False or self.refuses is False:
            return False
        return None if None in (self.counts, self.refuses, self.deny) else True


def lockout(pam: HostPam, service: str) -> Lockout | None:
    """Return the lockout of a service, None where its stack is not known."""
    rules = pam.stack(service, "auth")
    if rules is None:
        return None
    rule = next((one for one in rules if one.module in LOCKOUT_MODULES), None)
    if rule is None:
        return Lockout(service)
    if rule.present is False:
        return Lockout(service, rule.module, counts=False, refuses=False, where=_where(rule))
    wrong = dict.fromkeys(PASSWORD_MODULES | BODY_MODULES, "auth_err")
    counts = reaches(rules, wrong, is_counter)
    passes = succeeds(rules, {rule.module: "auth_err"})
    settings = _settings(rules, rule.module, pam.faillock)
    deny, unlock = _numbers(settings, rule.module)
    return Lockout(
        service,
        rule.module,
        where=_where(rule),
        deny=deny,
        unlock_s=unlock,
        counts=counts,
        refuses=None if passes is None else not passes,
        root=settings is not None and "even_deny_root" in settings,
    )


def _where(rule: PamRule) -> str:
    return f"{rule.file} 第 {rule.line} 行"


def _settings(
    rules: tuple[PamRule, ...], module: str, file: Mapping[str, str] | None
) -> dict[str, str] | None:
    """Return the settings in effect: the file, then the arguments of every rule of the module over it."""
    if module == "pam_faillock.so" and file is None:
        return None
    found = dict(file or {}) if module == "pam_faillock.so" else {}
    for rule in rules:
        if rule.module == module:
            found.update({arg.partition("=")[0]: arg.partition("=")[2] for arg in rule.args})
    return found


def _numbers(settings: Mapping[str, str] | None, module: str) -> tuple[int | None, int | None]:
    """Return deny and unlock time; pam_tally2 locks nobody without `deny` and for ever without a time."""
    if settings is None:
        return None, None
    faillock = module == "pam_faillock.so"
    deny = _number(settings.get("deny"), _FAILLOCK_DENY if faillock else 0)
    unlock = _number(settings.get("unlock_time"), _FAILLOCK_UNLOCK_S if faillock else 0)
    return deny, unlock


def _number(text: str | None, default: int) -> int | None:
    if text is None:
        return default
    if text == "never":
        return 0
    return int(text) if text.isdecimal() else None
