"""Who may write where on a Linux host, what credentials lie about, and since when it exists."""

from __future__ import annotations

from ...model import Facts, Value
from .facts import FileMode, Line


class Acl(Value):
    """A file whose access list goes beyond its mode; `entries` None: they could not be read.

    Entries are those that name a user or a group, with the rights in effect: `user:app:rw-`.
    """

    path: str
    entries: tuple[str, ...] | None = None


class HostRights(Facts, tag="host.rights"):
    """Rights on files beyond those of account and policy files.

    `places` are folders of data and the homes of accounts that can log in. `open_files` and `open_folders`
    can be written by everybody (folders without the sticky bit); None: the search did not see everything.
    `searched` are where it began, `skipped` the file systems below that it left out, as `/data/nas nfs4`;
    None where that was not told.
    `acls` None: not known which files have one. `plain_mounts` are file systems that keep no rights.
    """

    places: tuple[FileMode, ...] = ()
    open_files: tuple[FileMode, ...] | None = None
    open_folders: tuple[FileMode, ...] | None = None
    searched: tuple[str, ...] = ()
    skipped: tuple[str, ...] | None = None
    acls: tuple[Acl, ...] | None = None
    plain_mounts: tuple[str, ...] | None = None


class Trace(Value):
    """A file of an account that usually holds a password or token; its content was not read."""

    account: str
    path: str
    mode: str
    owner: str


class History(Value):
    """A shell history on the disk; `suspects` counts its lines that look like a typed password."""

    account: str
    path: str
    mode: str
    owner: str
    suspects: int | None = None


class HostTraces(Facts, tag="host.traces"):
    """Credentials left behind, by name, rights and number only.

    `homes` counts the homes that were looked at, `unseen` names accounts whose home could not be. `copies`
    are copies of password files. `greeters` are graphical login managers installed, `greeter_lines` what
    they are told about showing users.
    """

    homes: int
    files: tuple[Trace, ...] = ()
    histories: tuple[History, ...] = ()
    unseen: tuple[str, ...] = ()
    copies: tuple[FileMode, ...] = ()
    greeters: tuple[str, ...] = ()
    greeter_lines: tuple[Line, ...] = ()


class InstallMark(Value):
    """Something that came into being when the system was installed, and when."""

    source: str
    at_s: int


class HostInstallation(Facts, tag="host.installation"):
    """What tells when this system was installed; each mark may be wrong alone (copied, renewed)."""

    marks: tuple[InstallMark, ...]


class HostLoginRules(Facts, tag="host.login_rules"):
    """Rules about who may log in or act as another beside sudo; None: the file could not be read.

    `access` are lines of access.conf, `times` of time.conf, `doas` of doas.conf. `authselect` is the chosen
    profile with its features, empty where the host has none. `selinux_users` maps logins to SELinux users.
    """

    access: tuple[Line, ...] | None = None
    times: tuple[Line, ...] | None = None
    doas: tuple[Line, ...] | None = None
    authselect: str = ""
    selinux_users: dict[str, str] | None = None
