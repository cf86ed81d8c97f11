"""The PAM dispatcher against what libpam does."""

from __future__ import annotations

import pytest

from dengbao import checking
from dengbao.probes.host.facts import HostPam, PamRule, PamService

from .test_scenarios import REGISTRY

# Checks are loaded under a name of their own; their helpers are found beside them.
PAM = __import__("sys").modules[next(iter(REGISTRY)).function.__module__.split(".")[0] + ".pam"]
LOCKOUT = __import__("sys").modules[PAM.__name__.rsplit(".", 1)[0] + ".lockout"]


def rules(*lines: str) -> tuple[PamRule, ...]:
    """Return rules from `control module args`, one level for each leading `>`."""
    found = []
    for line in lines:
        level = len(line) - len(line.lstrip(">"))
        text = line.lstrip("> ")
        control, rest = text.split("]", 1) if text.startswith("[") else text.split(" ", 1)
        words = rest.split()
        control = control + "]" if control.startswith("[") else control
        found.append(
            PamRule(kind="auth", control=control, module=f"{words[0]}.so", args=tuple(words[1:]), level=level)
        )
    return tuple(found)


WRONG = {"pam_unix.so": "auth_err"}


@pytest.mark.parametrize(
    ("stack", "answers", "passes"),
    [
        (("required pam_unix",), {}, True),
        (("required pam_unix",), WRONG, False),
        (("optional pam_unix",), {}, True),
        (("optional pam_unix",), WRONG, False),
        (("sufficient pam_unix", "required pam_permit"), WRONG, True),
        (("sufficient pam_unix", "required pam_deny"), {}, True),
        (("sufficient pam_unix", "required pam_deny"), WRONG, False),
        (("required pam_deny", "sufficient pam_unix"), {}, False),
        (("[success=1 default=ignore] pam_unix", "requisite pam_deny", "required pam_permit"), {}, True),
        (("[success=1 default=ignore] pam_unix", "requisite pam_deny", "required pam_permit"), WRONG, False),
        # a jump over more rules than there are ends the stack
        (("[success=9 default=ignore] pam_unix", "requisite pam_deny"), {}, True),
        # die inside a substack ends the substack only, but the failure stays
        ((">requisite pam_unix", ">required pam_permit", "required pam_permit"), WRONG, False),
        # done inside a substack skips only the rest of it
        ((">sufficient pam_unix", ">required pam_deny", "required pam_permit"), {}, True),
        ((">sufficient pam_unix", ">required pam_deny", "required pam_deny"), {}, False),
        # a substack counts as one rule for a jump
        (
            (
                "[success=1 default=ignore] pam_unix", ">required pam_deny", ">required pam_deny",
                "required pam_permit",
            ),
            {}, True,
        ),
        # nothing but ignored rules lets nobody pass
        (("required pam_env",), {}, False),
        (("[default=reset] pam_deny", "required pam_permit"), {}, True),
        (("required pam_succeed_if uid >= 1000", "required pam_unix"), {}, True),
        (("required pam_succeed_if uid < 1000", "required pam_unix"), {}, False),
        (("sufficient pam_vendor", "required pam_unix"), WRONG, None),
        (("optional pam_vendor", "required pam_unix"), WRONG, False),
    ],
)  # fmt: skip
def test_stack(stack: tuple[str, ...], answers: dict[str, str], passes: bool | None) -> None:
    assert PAM.succeeds(rules(*stack), answers) is passes


def test_module_that_does_not_exist_fails() -> None:
    (rule,) = rules("required pam_permit")
    gone = PamRule(kind=rule.kind, control=rule.control, module=rule.module, present=False)
    assert PAM.succeeds((gone,), {}) is False


@pytest.mark.parametrize(
    ("stack", "effective"),
    [
        (
            ("required pam_faillock preauth", "sufficient pam_unix", "[default=die] pam_faillock authfail"),
            True,
        ),
        (("sufficient pam_unix", "[default=die] pam_faillock authfail", "required pam_deny"), False),
        (
            ("required pam_faillock preauth", "requisite pam_unix", "[default=die] pam_faillock authfail"),
            False,
        ),
        (("required pam_faillock preauth", "required pam_unix"), False),
        (("required pam_tally2 deny=5", "required pam_unix"), True),
        (("required pam_unix",), False),
    ],
)
def test_lockout(stack: tuple[str, ...], effective: bool) -> None:
    pam = HostPam(services=(PamService(name="sshd", rules=rules(*stack)),), faillock={})
    assert LOCKOUT.lockout(pam, "sshd").effective is effective


def test_unknown_service_is_unknown() -> None:
    assert LOCKOUT.lockout(HostPam(services=()), "sshd") is None
    assert checking.Registry().ids() == ()


def test_a_service_without_rules_of_a_kind_falls_back_to_other() -> None:
    account = PamRule(kind="account", control="required", module="pam_unix.so")
    deny = PamRule(kind="auth", control="required", module="pam_deny.so")
    pam = HostPam(
        services=(PamService(name="sshd", rules=(account,)), PamService(name="other", rules=(deny,)))
    )
    assert pam.stack("sshd", "auth") == (deny,)
    assert pam.stack("sshd", "account") == (account,)
    lost = PamService(name="sshd", rules=(account,), unresolved=("password-auth",))
    assert HostPam(services=(lost, PamService(name="other", rules=(deny,)))).stack("sshd", "auth") is None
