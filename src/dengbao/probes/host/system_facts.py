"""What runs on a Linux host, what guards it, and who may do what; None always means: not known."""

from __future__ import annotations

from ...model import Facts, Value
from .facts import Line


class HostServices(Facts, tag="host.services"):
    """Services as the service manager tells; `manager` is `systemd`, `sysvinit`, `openrc` or `none`.

    `none`: process 1 manages no services (container). `shares` are the lines that share folders or admit
    guests, of exports, smb.conf and vsftpd.conf. `inetd` are services that xinetd or inetd would start.
    `ftp_demands_tls`: vsftpd takes names and passwords over TLS only, by the file it runs with; None where
    it does not run, or that file was not seen. `ftp_data_tls`: it demands TLS for what these users send and
    fetch, too; `ftp_users_differ`: single users may have other settings (`user_config_dir`), which hold for
    what they transfer but come too late for their login.
    """

    manager: str
    active: tuple[str, ...] | None = None
    enabled: tuple[str, ...] | None = None
    default_target: str = ""
    inetd: tuple[str, ...] = ()
    shares: tuple[Line, ...] = ()
    ftp_demands_tls: bool | None = None
    ftp_data_tls: bool | None = None
    ftp_users_differ: bool | None = None


class Process(Value):
    """A running process; `name` is cut to 15 characters by the kernel."""

    pid: int
    parent: int
    name: str
    user: str


class HostProcesses(Facts, tag="host.processes"):
    """All processes; `complete` is False where the kernel hides those of other users."""

    processes: tuple[Process, ...]
    complete: bool

    def named(self, *names: str) -> tuple[Process, ...]:
        """Return the processes with one of these names, cut as the kernel cuts them."""
        cut = {one[:15] for one in names}
        return tuple(one for one in self.processes if one.name in cut)


class Listener(Value):
    """A listening socket; `process` is empty where the privilege did not allow to see it."""

    protocol: str
    address: str
    port: int
    process: str = ""

    @property
    def reachable(self) -> bool:
        """Tell whether it listens beyond loopback."""
        return not (self.address.startswith("127.") or self.address == "::1")


class HostListening(Facts, tag="host.listening"):
    """Listening TCP and bound UDP sockets of the host's network."""

    listeners: tuple[Listener, ...]


class Package(Value):
    """An installed package; `source` is what it was built from, empty where the manager does not tell.

    `version` of an rpm package stands without its `epoch`, that of a deb package with it.
    """

    name: str
    version: str
    source: str = ""
    source_version: str = ""
    epoch: int = 0


class HostPackages(Facts, tag="host.packages"):
    """Installed packages and what local data say of updates; nothing is asked of the network.

    `pending` and `pending_security` None: local data do not tell. `index_at_s` is when the package index
    was fetched, `changed_at_s` when a package was last installed or updated.
    """

    manager: str
    packages: tuple[Package, ...]
    clock_s: int
    pending: tuple[str, ...] | None = None
    pending_security: tuple[str, ...] | None = None
    index_at_s: int | None = None
    changed_at_s: int | None = None


class Label(Value):
    """The security label of a file or process as the kernel shows it."""

    subject: str
    label: str


class HostMac(Facts, tag="host.mac"):
    """Mandatory access control; `selinux` is `enforcing`, `permissive`, `disabled` or empty (unknown).

    `apparmor_enforced` counts profiles in enforce mode. `kysec` is what the Kylin tool prints.
    """

    selinux: str = ""
    selinux_configured: str = ""
    selinux_policy: str = ""
    apparmor: bool | None = None
    apparmor_enforced: int | None = None
    apparmor_complaining: int | None = None
    labels: tuple[Label, ...] | None = None
    kysec: str = ""


class IntegrityTool(Value):
    """A file-integrity tool; `database` and `scheduled` None: could not be seen.

    `report_at_s` is when it last wrote its report, None where there is none or it could not be seen.
    """

    name: str
    database: bool | None = None
    scheduled: bool | None = None
    report_at_s: int | None = None


class HostBoot(Facts, tag="host.boot"):
    """Root of trust, verified boot, measurement, and file-integrity tools.

    `firmware` is `uefi`, `bios` or empty. `ima_rules` counts the loaded IMA policy,
    `ima_measurements` its log; `ima_appraises` tells whether some rule of it verifies.
    """

    firmware: str = ""
    secure_boot: bool | None = None
    trust_chip: bool | None = None
    trust_chip_version: str = ""
    ima: bool | None = None
    ima_rules: int | None = None
    ima_measurements: int | None = None
    ima_appraise: str = ""
    ima_appraises: bool | None = None
    fapolicyd: bool | None = None
    tools: tuple[IntegrityTool, ...] = ()


class FirewallRule(Value):
    """A rule of an input chain as far as it concerns new TCP connections from outside.

    Empty `ports` means every port, empty `sources` from anywhere; `excepted` sources do not match. Empty
    `interfaces` means every one, those `beyond` do not match; both may end in `*`. `action` is `accept`,
    `drop` (also reject) or `other`. `certain` False: it has conditions not understood.
    """

    action: str
    ports: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()
    certain: bool = True
    text: str = ""
    interfaces: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()


class FirewallChain(Value):
    """A base chain on the input hook with the chains it jumps to; `family` is `ip`, `ip6` or `inet`."""

    name: str
    family: str
    policy: str
    rules: tuple[FirewallRule, ...]


class HostFirewall(Facts, tag="host.firewall"):
    """Input chains of the kernel's packet filter, tcp wrappers, and whether sshd uses them.

    `chains` None: the filter could not be read; empty: no input filter is loaded. `interfaces` are those
    that are up and lead out of the host.
    """

    chains: tuple[FirewallChain, ...] | None = None
    ipv6_global: bool | None = None
    hosts_allow: tuple[str, ...] = ()
    hosts_deny: tuple[str, ...] = ()
    sshd_uses_wrappers: bool | None = None
    interfaces: tuple[str, ...] | None = None


class SudoRule(Value):
    """A rule of sudoers with aliases expanded; groups keep their `%`."""

    who: tuple[str, ...]
    commands: tuple[str, ...]
    run_as: tuple[str, ...] = ()
    no_password: bool = False
    file: str = ""
    line: int = 0

    @property
    def unlimited(self) -> bool:
        """Tell whether it allows every command; exceptions do not change that, they are easily evaded."""
        return "ALL" in self.commands


class SudoDefault(Value):
    """A setting of a `Defaults` line; `scope` is empty for everybody, else as written (`:his`, `>root`)."""

    name: str
    value: str = ""
    on: bool = True
    scope: str = ""


class HostPrivilege(Facts, tag="host.privilege"):
    """Who may act as another user; `installed` False: there is no sudo.

    `unread` names files that sudo would read and we could not. `defaults` None: not collected.
    """

    installed: bool
    rules: tuple[SudoRule, ...]
    unread: tuple[str, ...] = ()
    defaults: tuple[SudoDefault, ...] | None = None

    def setting(self, name: str) -> SudoDefault | None:
        """Return the last setting of that name that holds for everybody, None if there is none."""
        found = [one for one in self.defaults or () if one.name == name and not one.scope]
        return found[-1] if found else None
