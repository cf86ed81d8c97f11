"""What a Windows collector file tells of accounts, policy and audit; None always means: not known.

The shapes follow Microsoft's documentation; they were not seen on a real Windows.
"""

from __future__ import annotations

from ...model import Facts, Value

# Roles of Win32_ComputerSystem.DomainRole that belong to a domain, and those that are its controllers.
_IN_DOMAIN = frozenset({1, 3, 4, 5})
_CONTROLLERS = frozenset({4, 5})


class WindowsIdentity(Facts, tag="windows.identity"):
    """Which system it is and how it was looked at; times in seconds of 1970, by the host's clock.

    `domain_role` is Win32_ComputerSystem.DomainRole (0 and 2 stand alone, 1 and 3 are members, 4 and 5
    control a domain). `product` is Win32_OperatingSystem.ProductType (1 workstation, 2 controller, 3 server).
    """

    computer: str
    caption: str = ""
    version: str = ""
    build: int | None = None
    revision: int | None = None
    product: int | None = None
    installation: str = ""
    domain_role: int | None = None
    domain: str = ""
    installed_s: int | None = None
    clock_s: int | None = None
    culture: str = ""
    user: str = ""
    user_sid: str = ""
    privilege: str = ""

    @property
    def member(self) -> bool | None:
        """Tell whether a domain's policy may rule here; None where the role is not known."""
        return None if self.domain_role is None else self.domain_role in _IN_DOMAIN

    @property
    def controller(self) -> bool | None:
        """Tell whether it is a domain controller, whose accounts are the domain's."""
        return None if self.domain_role is None else self.domain_role in _CONTROLLERS


class WindowsAccount(Value):
    """One local account, on a controller one of the domain.

    `set_s` is when the password was set, None where not known; `never_set`: known that it never was.
    `login_s` None: no login is on record.
    """

    name: str
    sid: str
    disabled: bool
    locked: bool = False
    password_required: bool = True
    password_expires: bool = True
    must_change: bool = False
    set_s: int | None = None
    never_set: bool = False
    login_s: int | None = None
    expires_s: int | None = None

    @property
    def rid(self) -> int | None:
        """Return the last part of the SID: 500 is Administrator and 501 Guest under whatever name."""
        last = self.sid.rpartition("-")[2]
        return int(last) if last.isdecimal() else None


class WindowsAccounts(Facts, tag="windows.accounts"):
    """All local accounts; `clock_s` is the host's clock."""

    accounts: tuple[WindowsAccount, ...]
    clock_s: int | None = None

    def by_rid(self, rid: int) -> WindowsAccount | None:
        """Return the account with this relative id, None if there is none."""
        return next((one for one in self.accounts if one.rid == rid), None)


class GroupMember(Value):
    """A member of a local group; `kind` is `User`, `Group` or empty, `local` False: of a domain."""

    sid: str
    name: str = ""
    kind: str = ""
    local: bool | None = None


class WindowsGroup(Value):
    """A local group; `members` None: could not be listed."""

    sid: str
    name: str = ""
    members: tuple[GroupMember, ...] | None = None


class WindowsGroups(Facts, tag="windows.groups"):
    """All local groups."""

    groups: tuple[WindowsGroup, ...]

    def members(self, sid: str) -> tuple[GroupMember, ...] | None:
        """Return the members of a group by its SID, None if not known; no such group has none."""
        for one in self.groups:
            if one.sid == sid:
                return one.members
        return ()


class WindowsPolicy(Facts, tag="windows.policy"):
    """The exported local policy: `[System Access]` as texts, `[Privilege Rights]` as SIDs or names.

    `net` are the numbers of `net accounts` by their secedit name, in its units (days, attempts, minutes):
    what the account database really applies to local accounts; `never` and `none` are -1.
    `rights` None: the export has no such section.
    """

    access: dict[str, str]
    rights: dict[str, tuple[str, ...]] | None = None
    net: dict[str, int] | None = None

    def number(self, name: str) -> int | None:
        """Return a number of `[System Access]`, None where it is not there or not a number."""
        text = self.access.get(name, "").strip()
        return int(text) if text.removeprefix("-").isdecimal() else None

    def holders(self, right: str) -> tuple[str, ...] | None:
        """Return who holds a user right, None where rights were not exported."""
        return None if self.rights is None else self.rights.get(right, ())


class Subcategory(Value):
    """An audit subcategory by GUID (lower case, no braces); `setting` bit 1 success, bit 2 failure."""

    guid: str
    setting: int | None = None


class UserAudit(Value):
    """A setting for one user; bits 1 and 4 include success and failure, 2 and 8 leave them out."""

    sid: str
    guid: str
    setting: int | None = None


class WindowsAudit(Facts, tag="windows.audit"):
    """The audit policy in effect by subcategory, and the nine legacy categories of the export.

    `subcategories` None: auditpol could not be read. `users` None: settings for single users were not seen.
    """

    subcategories: tuple[Subcategory, ...] | None = None
    users: tuple[UserAudit, ...] | None = None
    legacy: dict[str, int] | None = None

    def setting(self, guid: str) -> int | None:
        """Return the setting of a subcategory, None where not known."""
        for one in self.subcategories or ():
            if one.guid == guid:
                return one.setting
        return None


class ScreenLock(Value):
    """Screen saver settings of one user; policy values before the user's own, None where not set."""

    sid: str
    active: bool | None = None
    secure: bool | None = None
    timeout_s: int | None = None
    program: str = ""


class WindowsSettings(Facts, tag="windows.settings"):
    """Registry values that bear on security, by short name such as `lsa.RunAsPPL`.

    `absent` were looked for and are not there, so that the system's default holds; what is in neither was
    not read. `screens` None: user hives could not be listed.
    """

    values: dict[str, str]
    absent: tuple[str, ...] = ()
    screens: tuple[ScreenLock, ...] | None = None

    def number(self, name: str, default: int | None = None) -> int | None:
        """Return a number, `default` where the value is known to be absent, None where not known."""
        text = self.values.get(name)
        if text is None:
            return default if name in self.absent else None
        return int(text) if text.strip().removeprefix("-").isdecimal() else None

    def text(self, name: str) -> str | None:
        """Return a text, empty where the value is known to be absent, None where not known."""
        return self.values.get(name, "" if name in self.absent else None)

    def known(self, name: str) -> bool:
        """Tell whether the value was looked for and seen, or seen not to be there."""
        return name in self.values or name in self.absent


class Provider(Value):
    """A credential provider: who made its library; empty where not known."""

    id: str
    title: str = ""
    maker: str = ""
    disabled: bool = False


class WindowsProviders(Facts, tag="windows.providers"):
    """Every way the logon screen can take credentials."""

    providers: tuple[Provider, ...]
