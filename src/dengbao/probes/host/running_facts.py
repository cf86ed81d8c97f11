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


class Served(Value):
    """A listening socket and the program behind it, as one row.

    `pid` 0 and empty `process`: the kernel itself, or a process outside what was seen. `deleted`: the file
    was replaced or removed since the start. `package` is empty where no package owns the executable, None
    where that was not to be had. `unit` is that of systemd, `enabled` whether it starts by itself. `label` is
    the label or profile the process runs under.
    """

    protocol: str
    address: str
    port: int
    pid: int = 0
    process: str = ""
    user: str = ""
    executable: str = ""
    deleted: bool | None = None
    package: str | None = None
    unit: str = ""
    enabled: bool | None = None
    label: str = ""

    @property
    def reachable(self) -> bool:
        """Tell whether it listens beyond loopback."""
        return not (self.address.startswith("127.") or self.address == "::1")


class HostSockets(Facts, tag="host.sockets"):
    """Listening TCP and bound UDP sockets with process, executable, package and unit."""

    sockets: tuple[Served, ...]
