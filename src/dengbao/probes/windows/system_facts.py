"""What a Windows collector file tells of services, network, logs and software; None always means: not known.

The shapes follow Microsoft's documentation; they were not seen on a real Windows.
"""

from __future__ import annotations

from ...model import Facts, Value


class WindowsService(Value):
    """A service; `state` and `start` are the words of Win32_Service (`Running`, `Auto`, `Disabled` …)."""

    name: str
    state: str
    start: str = ""
    account: str = ""
    path: str = ""
    title: str = ""

    @property
    def running(self) -> bool:
        """Tell whether it runs."""
        return self.state.casefold() == "running"


class WindowsServices(Facts, tag="windows.services"):
    """All services; `log_rights` is the SDDL of the event log service, empty where not seen."""

    services: tuple[WindowsService, ...]
    log_rights: str = ""

    def get(self, name: str) -> WindowsService | None:
        """Return a service by its short name, None if there is none."""
        return next((one for one in self.services if one.name.casefold() == name.casefold()), None)

    def running(self, name: str) -> bool:
        """Tell whether a service of that short name runs."""
        found = self.get(name)
        return found is not None and found.running


class ShareRight(Value):
    """Who may reach a share; `mask` is the access mask, `allow` False: refused."""

    sid: str
    mask: int
    allow: bool = True


class WindowsShare(Value):
    """A share; bit 31 of `type` marks those for administration. `rights` None: not seen."""

    name: str
    type: int
    path: str = ""
    rights: tuple[ShareRight, ...] | None = None

    @property
    def administrative(self) -> bool:
        """Tell whether the system makes it for administration (C$, ADMIN$, IPC$)."""
        return bool(self.type & 0x80000000)


class WindowsShares(Facts, tag="windows.shares"):
    """All shares."""

    shares: tuple[WindowsShare, ...]


class FirewallProfile(Value):
    """A profile of the firewall in effect; `blocks`: inbound connections without a rule are refused."""

    name: str
    enabled: bool | None = None
    blocks: bool | None = None
    active: bool | None = None


class InboundRule(Value):
    """An enabled inbound rule. Empty `profiles`, `ports` and `remote` mean all of them.

    `protocol` is the number (6 TCP, 17 UDP, empty: any); `certain` False: it has conditions not understood.
    """

    name: str
    action: str
    protocol: str = ""
    ports: tuple[str, ...] = ()
    remote: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    program: str = ""
    service: str = ""
    certain: bool = True


class WindowsFirewall(Facts, tag="windows.firewall"):
    """Profiles `domain`, `private`, `public`, and inbound rules; `rules` None: could not be read."""

    profiles: tuple[FirewallProfile, ...]
    rules: tuple[InboundRule, ...] | None = None


class Hotfix(Value):
    """An installed update; `installed_day` counts from 1970, None where the date was not understood."""

    id: str
    kind: str = ""
    installed_day: int | None = None


class PendingUpdate(Value):
    """An update that the host knows and has not installed; `severity` is Microsoft's word or empty."""

    articles: tuple[str, ...]
    severity: str = ""
    security: bool | None = None


class WindowsUpdates(Facts, tag="windows.updates"):
    """Updates as the host itself knows them; nothing was asked of the network.

    `pending` None: its own list could not be searched. `searched_s` is when it last asked its source.
    """

    hotfixes: tuple[Hotfix, ...]
    pending: tuple[PendingUpdate, ...] | None = None
    searched_s: int | None = None
    installed_s: int | None = None
    clock_s: int | None = None


class Program(Value):
    """An installed program as the list of programs names it."""

    name: str
    version: str = ""
    maker: str = ""


class WindowsSoftware(Facts, tag="windows.software"):
    """Enabled optional features by their name in the image, and installed programs."""

    features: tuple[str, ...]
    programs: tuple[Program, ...]


class WindowsLog(Value):
    """One event log; sizes in bytes, `oldest_s` is the time of its oldest record.

    `retain` True: full logs are not overwritten; `archive`: full logs are set aside under another name.
    `access` and `file_access` are SDDL, empty where not seen.
    """

    name: str
    enabled: bool | None = None
    max_bytes: int | None = None
    retain: bool | None = None
    archive: bool | None = None
    access: str = ""
    file_access: str = ""
    size_bytes: int | None = None
    records: int | None = None
    oldest_s: int | None = None


class WindowsLogs(Facts, tag="windows.logs"):
    """The three main logs, and where events are forwarded to; `subscriptions` None: not read."""

    logs: tuple[WindowsLog, ...]
    subscriptions: tuple[str, ...] | None = None
    clock_s: int | None = None

    def get(self, name: str) -> WindowsLog | None:
        """Return a log by name, None if nothing was seen of it."""
        return next((one for one in self.logs if one.name.casefold() == name.casefold()), None)


class EventShape(Value):
    """Shape of a sampled record: its number, whether it has a time, its result bits, its filled fields."""

    id: int
    timed: bool
    keywords: int | None = None
    fields: tuple[str, ...] = ()


class WindowsEvents(Facts, tag="windows.events"):
    """Shapes of sampled records of the security log; no values."""

    events: tuple[EventShape, ...]


class Antivirus(Value):
    """A product of the security centre; `state` is its productState number."""

    name: str
    state: int | None = None


class WindowsDefence(Facts, tag="windows.defence"):
    """What protects from malware; `products` None: there is no security centre, as on servers.

    `defender` holds what Defender tells of itself, None where it does not answer.
    """

    products: tuple[Antivirus, ...] | None = None
    defender: dict[str, str] | None = None
    clock_s: int | None = None


class Volume(Value):
    """A drive; `protected` by BitLocker, None where not known."""

    letter: str
    protected: bool | None = None


class WindowsTrust(Facts, tag="windows.trust"):
    """Root of trust, and what Device Guard enforces.

    `tpm` False: there is none. `integrity` is CodeIntegrityPolicyEnforcementStatus (2 enforced);
    `guards` are SecurityServicesRunning (2: code integrity protected by the hypervisor).
    """

    tpm: bool | None = None
    tpm_ready: bool | None = None
    tpm_version: str = ""
    volumes: tuple[Volume, ...] | None = None
    integrity: int | None = None
    guards: tuple[int, ...] | None = None
