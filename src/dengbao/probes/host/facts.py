"""What the probes see on a Linux host; None always means: not known."""

from __future__ import annotations

from typing import Final

from ...model import Facts, Value

# The address that sshd is asked about for all that no Match block names; reserved for documentation.
ELSEWHERE: Final = "203.0.113.77"
# Login programs that end at once; every other shell is taken for one that a person can use.
_CLOSED_SHELLS: Final = frozenset(
    {"nologin", "false", "true", "sync", "shutdown", "halt", "reboot", "poweroff"}
)


class HostIdentity(Facts, tag="host.identity"):
    """Which system answered, and how it was looked at; `init` is the command of process 1.

    `collector` and `collected_at` (ISO 8601) are set where a script was run by hand and its file carried in;
    `host_name` is the name the host gave itself, as far as it was asked.
    """

    system: str
    kernel: str = ""
    machine: str = ""
    distribution: str = ""
    version: str = ""
    title: str = ""
    init: str = ""
    user: str = ""
    privilege: str = ""
    clock_s: int | None = None
    collector: str = ""
    collected_at: str = ""
    host_name: str = ""


class HostAccount(Value):
    """One line of the account list; `groups` holds names, the primary group first."""

    name: str
    uid: int
    gid: int
    shell: str
    home: str = ""
    groups: tuple[str, ...] = ()
    authorized_keys: bool | None = None

    @property
    def can_log_in(self) -> bool:
        """Tell whether the shell admits a person; an empty field means /bin/sh."""
        return self.shell.rsplit("/", 1)[-1] not in _CLOSED_SHELLS


class HostAccounts(Facts, tag="host.accounts"):
    """Local accounts.

    `directories` are other sources of accounts in use (`sss`, `ldap`), None if not known. `first_user_uid`
    is where login.defs lets the numbers of people begin, and never above 1000; None if it does not say.
    """

    accounts: tuple[HostAccount, ...]
    directories: tuple[str, ...] | None = None
    malformed_lines: int = 0
    first_user_uid: int | None = None


class HostPassword(Value):
    """Password state of one account without the hash.

    `state` is `set`, `empty`, `locked` (`!` or `*`) or `none` (no entry). `scheme` is the crypt id
    (`y`, `6`, `sm3`, `1`, `des`, `unknown`), also behind a lock. Days as in shadow(5), None if empty.
    """

    account: str
    state: str
    scheme: str = ""
    last_change_day: int | None = None
    min_days: int | None = None
    max_days: int | None = None
    warn_days: int | None = None
    inactive_days: int | None = None
    expires_day: int | None = None


class HostPasswords(Facts, tag="host.passwords"):
    """Password states of all local accounts; `today_day` counts from 1970 on the host's clock."""

    entries: tuple[HostPassword, ...]
    today_day: int


class LastLogin(Value):
    """When an account logged in last; None means never as far as the record goes."""

    account: str
    at_s: int | None = None


class HostLogins(Facts, tag="host.logins"):
    """The lastlog record; `clock_s` is the host's clock."""

    entries: tuple[LastLogin, ...]
    clock_s: int


class PamRule(Value):
    """One rule of a stack after includes; `level` counts substacks, `present`: the module exists."""

    kind: str
    control: str
    module: str
    args: tuple[str, ...] = ()
    file: str = ""
    line: int = 0
    level: int = 0
    present: bool | None = None


class PamService(Value):
    """The rules of one service, in order, all four kinds together.

    `unresolved` names included files that could not be read or do not exist.
    """

    name: str
    rules: tuple[PamRule, ...]
    unresolved: tuple[str, ...] = ()


class HostPam(Facts, tag="host.pam"):
    """Resolved stacks, and the effective files of pwquality and faillock (None: file could not be read)."""

    services: tuple[PamService, ...]
    pwquality: dict[str, str] | None = None
    faillock: dict[str, str] | None = None

    def stack(self, service: str, kind: str) -> tuple[PamRule, ...] | None:
        """Return the rules of a kind of a service, None if not known.

        Those of `other` where the service has no file, or no rule of that kind in it.
        """
        found: tuple[PamRule, ...] | None = None
        for name in (service, "other"):
            for one in self.services:
                if one.name == name:
                    found = tuple(rule for rule in one.rules if rule.kind == kind)
                    if found or one.unresolved:
                        return None if one.unresolved else found
        return found


class Line(Value):
    """A line of a configuration file as it stands."""

    file: str
    number: int
    text: str


class HostPolicy(Facts, tag="host.policy"):
    """Settings of a fresh login shell and of new accounts.

    `shell` names the shell that was started to see `tmout_s` and `umask`; empty: it could not be started,
    and both are unknown. `tmout_s` None with a shell means unset. `sh` is what /bin/sh really is.
    `umask_lines` are those of the common files of shells, indented as they stand.
    """

    login_defs: dict[str, str] | None = None
    shell: str = ""
    tmout_s: int | None = None
    tmout_readonly: bool | None = None
    tmout_lines: tuple[Line, ...] = ()
    umask: str = ""
    history_size: int | None = None
    sh: str = ""
    new_account_inactive_days: int | None = None
    umask_lines: tuple[Line, ...] = ()


class SshdMatch(Value):
    """A Match block: its condition and the options it sets."""

    condition: str
    options: tuple[str, ...]


class SshdCase(Value):
    """What `sshd -T -C` answers for one user from one address: the options that differ from the rest."""

    user: str
    address: str
    port: int
    options: dict[str, tuple[str, ...]]

    @property
    def whence(self) -> str:
        """Return the address for a statement, in Chinese where it stands for all that no condition names."""
        return "其他地址" if self.address == ELSEWHERE else f" {self.address} "


class HostSshd(Facts, tag="host.sshd"):
    """Effective options of `sshd -T` by lower-case name; Match blocks are not among them.

    Empty options: sshd is not installed. `changed_after_start`: the files are newer than
    the start or the last reload. `cases` are logins that Match blocks tell apart, None if nobody asked;
    `cases_whole`: together they stand for every login there can be.
    """

    running: bool
    version: str = ""
    options: dict[str, tuple[str, ...]] | None = None
    matches: tuple[SshdMatch, ...] | None = None
    changed_after_start: bool | None = None
    cases: tuple[SshdCase, ...] | None = None
    cases_whole: bool = False

    def value(self, name: str) -> str:
        """Return the one value of an option, lower-cased, empty if it is not there."""
        values = (self.options or {}).get(name, ())
        return values[0].lower() if values else ""

    def in_case(self, case: SshdCase) -> HostSshd:
        """Return what sshd does for the login of a case, without any condition left."""
        options = {**(self.options or {}), **case.options}
        return HostSshd(running=self.running, version=self.version, options=options, matches=())


class AuditRecord(Value):
    """Shape of a sampled audit record: type and the names of its fields, no values."""

    type: str
    fields: tuple[str, ...]
    timed: bool


class HostAudit(Facts, tag="host.audit"):
    """The kernel's audit state and rules as loaded; `enabled` is 0, 1 or 2 (locked).

    `installed` tells whether auditctl exists; None values were not to be had. `file_rules` are all rules in
    files, `compiled_rules` those of audit.rules, `source_rules` those of rules.d, of which augenrules makes
    the former. `compat32`: the kernel also runs 32-bit programs, whose system calls have other numbers.
    `refuses_stop`: systemd stops auditd only together with the system. `oldest_s` is when the oldest record
    was written, `trail_files` how many files the trail has now.
    """

    installed: bool
    daemon_user: str | None = None
    enabled: int | None = None
    loaded_rules: tuple[str, ...] | None = None
    file_rules: tuple[str, ...] = ()
    settings: dict[str, str] | None = None
    records: tuple[AuditRecord, ...] | None = None
    compiled_rules: tuple[str, ...] | None = None
    source_rules: tuple[str, ...] | None = None
    compat32: bool | None = None
    refuses_stop: bool | None = None
    starts_at_boot: bool | None = None
    oldest_s: int | None = None
    trail_files: int | None = None


class Forwarding(Value):
    """A target that log records are sent to; `by` is the daemon that would send them.

    `selector` is what is sent (`*.*`), empty where it stands elsewhere in the configuration. `used` tells
    whether the configuration leads records of this host there at all, None where that could not be followed.
    `discarded` are selectors of records that are thrown away before they come there.
    """

    by: str
    target: str
    file: str
    line: int = 0
    selector: str = ""
    used: bool | None = None
    discarded: tuple[str, ...] = ()


class HostSyslog(Facts, tag="host.syslog"):
    """Running log daemons, where they send records, and journald's own settings."""

    daemons: tuple[str, ...]
    forwarding: tuple[Forwarding, ...]
    journald: dict[str, str] | None = None
    auth_lines: tuple[Line, ...] = ()


class FileMode(Value):
    """Mode (octal text such as `640`), owner and group of a file."""

    path: str
    mode: str
    owner: str
    group: str
    size_bytes: int = 0
    modified_s: int = 0


class Rotation(Value):
    """A logrotate rule with inherited values; None where neither rule nor default says it."""

    paths: tuple[str, ...]
    file: str
    period_days: int | None = None
    keep: int | None = None
    max_age_days: int | None = None
    size_bound: bool = False


class HostLogs(Facts, tag="host.logs"):
    """Log files with their rights and age, and how they are rotated; folders `absent` do not exist."""

    files: tuple[FileMode, ...]
    folders: tuple[FileMode, ...]
    clock_s: int
    absent: tuple[str, ...] = ()
    rotations: tuple[Rotation, ...] | None = None
    journal_persistent: bool | None = None
    journal_oldest_s: int | None = None


class HostFiles(Facts, tag="host.files"):
    """Rights of the files that hold accounts, passwords and policies; `absent` do not exist."""

    files: tuple[FileMode, ...]
    absent: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()


class Swap(Value):
    """A swap device or file; `encrypted` by device-mapper name and type."""

    device: str
    encrypted: bool | None = None


class HostMemory(Facts, tag="host.memory"):
    """Where memory may end up on disk: swap devices (with encryption), core dumps, page clearing."""

    swaps: tuple[Swap, ...] | None = None
    core_pattern: str | None = None
    core_limit: str | None = None
    suid_dumpable: int | None = None
    coredump_storage: str = ""
    cleared_on_free: bool | None = None
