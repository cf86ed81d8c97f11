"""What a PAM stack does: a small dispatcher with libpam's rules, run over the rules as resolved."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from dengbao.probes.host.facts import PamRule

# Modules that ask for something the user knows.
PASSWORD_MODULES: Final = frozenset(
    {"pam_unix.so", "pam_sss.so", "pam_ldap.so", "pam_krb5.so", "pam_winbind.so", "pam_userdb.so"}
)
# Modules that ask for something the user has: one-time passwords, tokens, cards, certificates.
TOKEN_MODULES: Final = frozenset(
    {
        "pam_google_authenticator.so", "pam_oath.so", "pam_radius_auth.so", "pam_yubico.so", "pam_u2f.so",
        "pam_pkcs11.so", "pam_p11.so", "pam_otpw.so",
    }
)  # fmt: skip
# Modules that ask for something the user is; nobody knows whether there is a reader, and a finger on it.
BODY_MODULES: Final = frozenset({"pam_fprintd.so", "pam_biometric.so"})
CREDENTIAL_MODULES: Final = PASSWORD_MODULES | TOKEN_MODULES | BODY_MODULES
LOCKOUT_MODULES: Final = ("pam_faillock.so", "pam_tally2.so", "pam_tally.so")
QUALITY_MODULES: Final = ("pam_pwquality.so", "pam_cracklib.so")

_CONTROLS: Final[Mapping[str, Mapping[str, str]]] = {
    "required": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "bad"},
    "requisite": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "die"},
    "sufficient": {"success": "done", "new_authtok_reqd": "done", "default": "ignore"},
    "optional": {"success": "ok", "new_authtok_reqd": "ok", "default": "ignore"},
}
# What modules answer that ask for no credential, for a regular local user whom nothing keeps out.
_NEUTRAL: Final[Mapping[str, str]] = {
    "pam_permit.so": "success", "pam_deny.so": "auth_err", "pam_env.so": "ignore",
    "pam_faildelay.so": "ignore", "pam_nologin.so": "ignore", "pam_cap.so": "ignore",
    "pam_group.so": "ignore", "pam_securetty.so": "success", "pam_localuser.so": "success",
    "pam_usertype.so": "success", "pam_rootok.so": "success", "pam_access.so": "success",
    "pam_time.so": "success", "pam_listfile.so": "success", "pam_shells.so": "success",
    "pam_gnome_keyring.so": "ignore", "pam_warn.so": "ignore", "pam_echo.so": "ignore",
    "pam_loginuid.so": "success", "pam_selinux.so": "success", "pam_sepermit.so": "success",
    "pam_lastlog.so": "success", "pam_limits.so": "success", "pam_pwhistory.so": "success",
    "pam_pwquality.so": "success", "pam_cracklib.so": "success", "pam_tally2.so": "success",
    "pam_tally.so": "success", "pam_reauthorize.so": "ignore", "pam_systemd.so": "success",
}  # fmt: skip
# Modules of password stacks that store or note passwords and judge none.
_PASSWORD_NEUTRAL: Final = frozenset(
    {
        "pam_ecryptfs.so",
        "pam_systemd_home.so",
        "pam_keyinit.so",
        "pam_mount.so",
        "pam_exec.so",
        "pam_unix_passwd.so",
    }
)
# A regular user's uid, to answer the comparisons of pam_succeed_if.
_REGULAR_UID: Final = 1001
_COMPARE: Final[Mapping[str, Callable[[int, int], bool]]] = {
    ">=": int.__ge__, ">": int.__gt__, "<=": int.__le__, "<": int.__lt__, "eq": int.__eq__,
    "ne": int.__ne__, "=": int.__eq__, "!=": int.__ne__,
}  # fmt: skip

Answers = Mapping[str, str]


def succeeds(rules: Sequence[PamRule], answers: Answers) -> bool | None:
    """Tell whether the stack lets the user pass; `answers` by module go before what modules answer by nature.

    None where it hangs on a module whose answer is not known.
    """
    found = {_run(rules, answers, unknown)[0] for unknown in ("success", "auth_err")}
    return found.pop() if len(found) == 1 else None


def reaches(rules: Sequence[PamRule], answers: Answers, wanted: Callable[[PamRule], bool]) -> bool | None:
    """Tell whether a rule that is `wanted` is executed with these answers; None where that is not sure."""
    found = {
        any(wanted(rules[at]) for at in _run(rules, answers, unknown)[1])
        for unknown in ("success", "auth_err")
    }
    return found.pop() if len(found) == 1 else None


def is_counter(rule: PamRule) -> bool:
    """Tell whether the rule counts a failed login."""
    if rule.module == "pam_faillock.so":
        return "authfail" in rule.args
    return rule.module in LOCKOUT_MODULES and rule.kind == "auth"


def strangers(rules: Sequence[PamRule]) -> tuple[str, ...]:
    """Return modules of other vendors, whose doing is not known; those that do not exist do nothing."""
    known = CREDENTIAL_MODULES | set(_NEUTRAL) | _PASSWORD_NEUTRAL | {*LOCKOUT_MODULES, "pam_succeed_if.so"}
    return tuple(
        dict.fromkeys(one.module for one in rules if one.present is not False and one.module not in known)
    )


def _run(rules: Sequence[PamRule], answers: Answers, unknown: str) -> tuple[bool, list[int]]:
    """Return whether the stack succeeds, and the places of the rules that were executed."""
    good: bool | None = None
    executed: list[int] = []
    at = 0
    while at < len(rules):
        rule = rules[at]
        executed.append(at)
        answer = _answer(rule, answers, unknown)
        action = _action(rule.control, answer)
        if action in ("ok", "done") or action.isdecimal():
            good = _passed(good, answer)
        elif action in ("bad", "die"):
            good = False
        elif action == "reset":
            good = None
        ends = action == "die" or (action == "done" and good is True)
        at = _skip_level(rules, at) if ends else _jump(rules, at, int(action) if action.isdecimal() else 0)
    return good is True, executed


def _passed(good: bool | None, answer: str) -> bool | None:
    """Return the impression after a rule: success raises it, anything else but ignore spoils it."""
    if good is False or answer == "ignore":
        return good
    return answer == "success"


def _answer(rule: PamRule, answers: Answers, unknown: str) -> str:
    if rule.present is False:
        return "module_unknown"
    if rule.module in answers:
        return answers[rule.module]
    if rule.module in CREDENTIAL_MODULES - BODY_MODULES:
        return "success"
    if rule.module == "pam_faillock.so":
        return "ignore" if "authfail" in rule.args else "success"
    if rule.module == "pam_succeed_if.so":
        return _succeed_if(rule.args, unknown)
    return _NEUTRAL.get(rule.module, unknown)


def _succeed_if(args: tuple[str, ...], unknown: str) -> str:
    for at, word in enumerate(args):
        if word == "uid" and len(args) > at + 2 and args[at + 1] in _COMPARE and args[at + 2].isdecimal():
            holds = _COMPARE[args[at + 1]](_REGULAR_UID, int(args[at + 2]))
            others = len({"user", "gid", "shell", "tty", "service", "rhost", "ruser", "home"} & set(args))
            return "auth_err" if not holds else unknown if others or args.count("uid") > 1 else "success"
    return unknown


def _action(control: str, answer: str) -> str:
    if control.startswith("["):
        table: Mapping[str, str] = dict(re.findall(r"(\w+)=(\w+)", control))
    else:
        table = _CONTROLS.get(control, _CONTROLS["required"])
    return table.get(answer, table.get("default", "bad"))


def _skip_level(rules: Sequence[PamRule], at: int) -> int:
    level = rules[at].level
    at += 1
    while at < len(rules) and rules[at].level >= level > 0:
        at += 1
    return at if level > 0 else len(rules)


def _jump(rules: Sequence[PamRule], at: int, count: int) -> int:
    """Return the place after `count` more rules of this level; a substack counts as one rule."""
    level = rules[at].level
    at += 1
    while count > 0 and at < len(rules) and rules[at].level >= level:
        inside = rules[at].level > level
        at += 1
        while inside and at < len(rules) and rules[at].level > level:
            at += 1
        count -= 1
    return at
