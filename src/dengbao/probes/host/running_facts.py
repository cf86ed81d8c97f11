"""What happens on a Linux host while somebody looks or tries; None always means: not known."""

from __future__ import annotations

from ...model import Facts, Value


class StopAttempt(Value):
    """One try to interrupt auditing; `name` is `signal`, `auditctl` or `systemctl`.

    `refused` is None where the answer does not tell, for instance without the program.
    """

    name: str
    refused: bool | None = None
    code: int | None = None
    answer: str = ""


class HostAuditStop(Facts, tag="host.audit_stop"):
    """What became of an ordinary account's tries to stop auditd.

    `ordinary` is False for an account with the rights of root. `running_after` tells whether the very process
    of before still runs. `restored`: what the account had stopped, it started again; None: nothing to do.
    """

    account: str
    ordinary: bool
    running_before: bool | None = None
    attempts: tuple[StopAttempt, ...] = ()
    running_after: bool | None = None
    restored: bool | None = None
