"""How logins are locked after failures: which module counts, and whether it really can refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dengbao.probes.host.facts import HostPam, PamRule

from .pam import BODY_MODULES, LOCKOUT_MODULES, PASSWORD_MODULES, is_counter, reaches, strangers, succeeds

# What the modules do where nobody sets anything.
_FAILLOCK_DENY = 3
_FAILLOCK_UNLOCK_S = 600
_FAILLOCK_WINDOW_S = 900


@dataclass(frozen=True)
class Lockout:
    """Lockout of one service.

    `module` is empty where none is in the stack. `counts`: failures are counted; `refuses`: a locked
    account is refused even with the right password; None where that hangs on what was not seen.
    `deny` 0 switches it off; `unlock_s` 0 means until an administrator unlocks; failures further apart than
    `window_s` do not add up. `local_only`: accounts of a directory are not counted. `strangers` are modules
    of other vendors in a stack without one we know; `conflict` says why the rules never lock.
    """

    service: str
    module: str = ""
    counts: bool | None = None
    refuses: bool | None = None
    deny: int | None = None
    unlock_s: int | None = None
    window_s: int | None = None
    root: bool = False
    local_only: bool = False
    where: str = ""
    strangers: tuple[str, ...] = ()
    conflict: str = ""

    @property
    def effective(self) -> bool | None:
        """Tell whether failures lock the account; a module of another vendor may do so unseen."""
        if not self.module:
            return None if self.strangers else False
        if self.deny == 0 or self.counts is False or self.refuses is False:
            return False
        return None if None in (self.counts, self.refuses, self.deny) else True


def lockout(pam: HostPam, service: str) -> Lockout | None:
    """Return the lockout of a service, None where its stack is not known."""
    rules = pam.stack(service, "auth")
    if rules is None:
        return None
    rule = next((one for one in rules if one.module in LOCKOUT_MODULES), None)
    if rule is None:
        return Lockout(service, strangers=strangers(rules))
    if rule.present is False:
        return Lockout(service, rule.module, counts=False, refuses=False, where=_where(rule))
    wrong = dict.fromkeys(PASSWORD_MODULES | BODY_MODULES, "auth_err")
    counts = reaches(rules, wrong, is_counter)
    passes = succeeds(rules, {rule.module: "auth_err"})
    refusing, counting = _both(rules, rule)
    settings, counted = (_settings(one, pam.faillock) for one in (refusing, counting))
    deny, unlock = _numbers(settings, rule.module)
    conflict = _conflict(deny, _numbers(counted, rule.module)[0])
    return Lockout(
        service,
        rule.module,
        where=_where(rule),
        deny=deny,
        unlock_s=unlock,
        window_s=_number((settings or {}).get("fail_interval"), _FAILLOCK_WINDOW_S)
        if is_faillock(rule)
        else None,
        counts=counts,
        refuses=False if conflict else None if passes is None else not passes,
        root=settings is not None and "even_deny_root" in settings,
        local_only=settings is not None and "local_users_only" in settings,
        conflict=conflict,
    )


def is_faillock(rule: PamRule) -> bool:
    """Tell whether the rule is one of pam_faillock."""
    return rule.module == "pam_faillock.so"


def _both(rules: tuple[PamRule, ...], first: PamRule) -> tuple[PamRule, PamRule]:
    """Return the rule that refuses locked accounts and the one that counts failures."""
    if not is_faillock(first):
        return first, first
    all_of_it = [one for one in rules if is_faillock(one)]
    refusing = next((one for one in all_of_it if "authfail" not in one.args), first)
    return refusing, next((one for one in all_of_it if "authfail" in one.args), refusing)


def _conflict(deny: int | None, counted: int | None) -> str:
    """Return why the two rules of pam_faillock never lock together, empty if they do.

    The counting rule writes nothing more once its own threshold is reached; a higher one is never met.
    """
    if deny is None or counted is None or not 0 < counted < deny:
        return ""
    return f"计数规则 deny={counted} 小于拒绝规则 deny={deny}，计数到不了后者"


def _where(rule: PamRule) -> str:
    return f"{rule.file} 第 {rule.line} 行"


def _settings(rule: PamRule, file: Mapping[str, str] | None) -> dict[str, str] | None:
    """Return the settings in effect for a rule: faillock.conf, then the rule's own arguments over it."""
    if is_faillock(rule) and (file is None or any(arg.startswith("conf=") for arg in rule.args)):
        return None  # `conf=` names another file than the one that was read
    found = dict(file or {}) if is_faillock(rule) else {}
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
