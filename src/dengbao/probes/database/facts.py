"""What a database tells about itself: one shape for all platforms, no opinion.

Unknown is None. A right, a rule or an account is named as the platform names it.
"""

from __future__ import annotations

from enum import StrEnum

from ...model import Facts, Value


class PasswordState(StrEnum):
    """Whether an account's password is there: `NONE` cannot be logged in with, `EMPTY` can by anyone."""

    EMPTY = "empty"
    SET = "set"
    NONE = "none"
    UNKNOWN = "unknown"


class Setting(Value):
    """One setting as the server runs with it; `account` and `database` say for whom it differs."""

    name: str
    value: str
    account: str = ""
    database: str = ""


class DatabaseServer(Facts, tag="database.server"):
    """What answered, and how our own session with it is protected.

    `product` is `postgresql`, `mariadb`, `mysql`, `sqlite`, `redis`, `oracle`, `sqlserver` or `dm`.
    `encrypted` is None where there is no network between us. `certificate_checked` tells whether the server's
    certificate was verified.
    `builder` is who built the server where it says so (a distribution, else the product's own maker);
    `looked_at_s` is the Unix time when it was asked.
    """

    product: str
    version: str
    database: str = ""
    user: str = ""
    superuser: bool | None = None
    encrypted: bool | None = None
    tls_version: str = ""
    tls_cipher: str = ""
    certificate_checked: bool = False
    builder: str = ""
    looked_at_s: int | None = None


class DatabaseAccount(Value):
    """An account or role. `host` is MySQL's host pattern, empty elsewhere.

    `can_login` is False for roles and locked accounts. `superuser` is the account's own attribute;
    `member_of` names all roles it is in, directly or not. `system` accounts belong to the product
    and cannot log in; `default` accounts have the name every installation gives. `rights` are
    server-wide. `valid_for_days` counts to the end of the account's password (negative: passed),
    None where it has no end. `password_expired`: its time is over; None where it must be changed for
    a reason not told. `lock_s` is -1 where only an administrator unlocks. `takes_password` is False where
    no password can be tried at all (a socket, a certificate or a ticket proves who it is).
    `client_certificate`: a certificate is asked for besides the account's own proof. `fixed` accounts can be
    neither renamed nor deleted. `sources` are the addresses it may come from where the product keeps them
    with the account (empty: from anywhere), None where it does not.
    """

    name: str
    host: str = ""
    can_login: bool | None = None
    is_role: bool = False
    locked: bool | None = None
    superuser: bool | None = None
    system: bool = False
    default: bool = False
    rights: tuple[str, ...] = ()
    member_of: tuple[str, ...] = ()
    tls_required: bool | None = None
    valid_for_days: int | None = None
    password_expired: bool | None = None
    failed_attempts: int | None = None
    lock_s: int | None = None
    takes_password: bool | None = None
    client_certificate: bool | None = None
    fixed: bool = False
    sources: tuple[str, ...] | None = None

    @property
    def label(self) -> str:
        """Return `name` or `name@host` as people write it."""
        name = self.name or "（匿名）"
        return f"{name}@{self.host}" if self.host else name


class DatabaseAccounts(Facts, tag="database.accounts"):
    """Every account and role; `truncated` when there were more than were read."""

    accounts: tuple[DatabaseAccount, ...]
    truncated: bool = False


class LoginMethod(Value):
    """One way an account may prove itself: the server's plugin and what is stored for it."""

    plugin: str
    state: PasswordState
    scheme: str = ""


class StoredPassword(Value):
    """What is stored as an account's password; never the value, only the scheme of its hash.

    `state` is the weakest of `methods`. `lifetime_days` is what applies to the account, 0 for never;
    `age_days` counts from the last change. Both are None where the platform does not know them.
    `is_name`: the password is the account's own name, as the server compared it; None where it cannot.
    `default`: the password is the one the product ships for this account, None where it cannot be told.
    `more_factors` are further proofs asked for after the first (MySQL's multi-factor authentication).
    """

    name: str
    host: str = ""
    state: PasswordState
    scheme: str = ""
    methods: tuple[LoginMethod, ...] = ()
    lifetime_days: int | None = None
    age_days: int | None = None
    is_name: bool | None = None
    default: bool | None = None
    more_factors: tuple[str, ...] = ()


class DatabasePasswords(Facts, tag="database.passwords"):
    """The stored passwords of all accounts that are not roles."""

    passwords: tuple[StoredPassword, ...]


class ComplexityModule(Value):
    """A module that checks new passwords, as it is loaded and set.

    None: the module has no such setting, or it cannot be read. `exempt` accounts are not checked;
    `takes_hashes` tells whether a ready-made hash passes unchecked. `only`: the accounts it is for where each
    account has a module of its own; empty where every password passes all modules.
    """

    module: str
    min_length: int | None = None
    min_upper: int | None = None
    min_lower: int | None = None
    min_digits: int | None = None
    min_special: int | None = None
    exempt: tuple[str, ...] = ()
    takes_hashes: bool | None = None
    only: tuple[str, ...] = ()


class FailureModule(Value):
    """A server-wide reaction to failed logins: `effect` is `lock` or `delay`.

    `attempts` is the number of failures it starts at, None where it does not count them; `duration_s`
    how long it lasts at first, -1 until an administrator acts. `exempt` accounts are not touched.
    `enabled` is None where another product decides (SQL Server leaves it to Windows).
    """

    module: str
    effect: str
    attempts: int | None = None
    duration_s: int | None = None
    exempt: tuple[str, ...] = ()
    enabled: bool | None = True


class DatabasePolicy(Facts, tag="database.policy"):
    """Rules for passwords, failed logins and idle sessions.

    `default_lifetime_days` is 0 for never, None where the platform has no such setting.
    `idle_timeouts` hold seconds as text under the server's names, 0 for off. `modules_known` is
    False where the account may not see which modules are loaded; `hidden` names such settings.
    """

    complexity: tuple[ComplexityModule, ...] = ()
    failures: tuple[FailureModule, ...] = ()
    default_lifetime_days: int | None = None
    idle_timeouts: tuple[Setting, ...] = ()
    overrides: tuple[Setting, ...] = ()
    settings: tuple[Setting, ...] = ()
    modules_known: bool = True
    hidden: tuple[str, ...] = ()


class HostRule(Value):
    """One line of pg_hba.conf in its order; `network` is a CIDR, `all`, `samehost`, `samenet` or a name."""

    number: int
    line: int
    type: str
    databases: tuple[str, ...]
    users: tuple[str, ...]
    network: str = ""
    method: str = ""
    options: tuple[str, ...] = ()
    error: str = ""


class DatabaseAccess(Facts, tag="database.access"):
    """From where and how one may connect.

    `listens` are addresses as set (`*`, an IP, a name); `remote` tells whether any is not loopback,
    None where a name hides that.
    `tls_required`: the server refuses TCP connections without TLS. `rules` are PostgreSQL's;
    elsewhere an account's host pattern says from where. `rules_pending`: the file was changed after
    the server last read it, which was `rules_loaded_age_s` ago. `authentication_off`: the server runs
    without its grant tables.
    `anonymous`: the server answered a command before any login. `plain_sessions` of `sessions` open over the
    network were not encrypted when it was looked at.
    """

    listens: tuple[str, ...] = ()
    remote: bool | None = None
    tls_enabled: bool | None = None
    tls_versions: tuple[str, ...] | None = None
    tls_required: bool | None = None
    has_rules: bool = False
    rules: tuple[HostRule, ...] = ()
    rules_pending: bool | None = None
    rules_loaded_age_s: int | None = None
    authentication_off: bool | None = None
    anonymous: bool | None = None
    sessions: int | None = None
    plain_sessions: int | None = None
    settings: tuple[Setting, ...] = ()


class Grant(Value):
    """Rights on one object.

    `level` is `global`, `database`, `schema`, `table`, `column`, `routine`, `keys` (names by a pattern) or
    `default` (tables yet to be made in that schema).
    `grantee` is `PUBLIC` for everyone and empty for the anonymous account.
    """

    grantee: str
    host: str = ""
    level: str
    object: str
    rights: tuple[str, ...]
    grantable: bool = False


class Membership(Value):
    """Who is in which role."""

    role: str
    member: str
    member_host: str = ""
    admin: bool = False


class Owner(Value):
    """How many tables an account owns; an owner has every right on them."""

    name: str
    tables: int


class TableReaders(Value):
    """Which accounts that can log in may read a declared sensitive column; `public`: every one may."""

    schema: str
    table: str
    column: str
    accounts: tuple[str, ...] = ()
    public: bool | None = None
    row_security: bool | None = None


class DatabaseGrants(Facts, tag="database.grants"):
    """Explicit grants on what is not the product's own, role memberships, and row security.

    `databases` were looked at; PostgreSQL shows only the one connected to, MySQL's grants are the whole
    server's. `tables` counts their tables, None where none was visible to us. `revokes` are rights
    that were taken back from a wider grant (MySQL's partial revokes). `unit` is what `tables` counts:
    `table`, or `key` in Redis.
    """

    databases: tuple[str, ...] = ()
    tables: int | None = None
    unit: str = "table"
    grants: tuple[Grant, ...] = ()
    memberships: tuple[Membership, ...] = ()
    owners: tuple[Owner, ...] = ()
    row_security: tuple[str, ...] = ()
    readers: tuple[TableReaders, ...] = ()
    revokes: tuple[Grant, ...] = ()
    truncated: bool = False


class AuditChannel(Value):
    """One place where the server records what users do, and whether it does now.

    `events` among `connect`, `failed_login`, `ddl`, `dcl` (accounts and rights), `write`, `read`;
    `fields` among `time`, `user`, `source`, `type`, `result`, `object`. `only_users` and
    `except_users` narrow whom it records; `sink` is where it writes to, `none` where nowhere.
    """

    name: str
    active: bool | None
    events: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    only_users: tuple[str, ...] = ()
    except_users: tuple[str, ...] = ()
    sink: str = ""


class DatabaseAudit(Facts, tag="database.audit"):
    """Every audit channel the product has, on or off, and the settings that say so."""

    channels: tuple[AuditChannel, ...]
    overrides: tuple[Setting, ...] = ()
    settings: tuple[Setting, ...] = ()


class HashCount(Value):
    """How many sampled values have the shape of one way to store passwords, such as `bcrypt`."""

    kind: str
    count: int


class ColumnSample(Value):
    """How the sampled values of a declared column are stored: counts only, never a value.

    `state` is `read`, `no_permission`, `not_found`, `timed_out` or `failed`. `hashes` are told of
    columns that hold passwords; `repeated` counts values there that other rows have too, which no
    salted hash does.
    """

    table: str
    column: str
    holds: str
    schema: str = ""
    state: str = "read"
    rows: int = 0
    clear: int = 0
    masked: int = 0
    cipher_or_hash: int = 0
    empty: int = 0
    other: int = 0
    hashes: tuple[HashCount, ...] = ()
    repeated: int | None = None

    @property
    def label(self) -> str:
        """Return `schema.table.column`."""
        return ".".join(one for one in (self.schema, self.table, self.column) if one)


class DatabaseSensitive(Facts, tag="database.sensitive"):
    """The declared sensitive columns, each sampled at most `limit` rows from either end."""

    columns: tuple[ColumnSample, ...]
    limit: int


class DatabaseStorage(Facts, tag="database.storage"):
    """What protects the files on disk.

    `page_checksums`: damaged or altered pages are detected. `encrypted` names what is encrypted at
    rest by the server itself; `encryption_known` is False where a module may do it unseen. `unit` is what
    is checked: `page`, or `snapshot` in Redis.
    """

    page_checksums: bool | None
    algorithm: str = ""
    encrypted: tuple[str, ...] = ()
    encryption_known: bool = True
    unit: str = "page"
    settings: tuple[Setting, ...] = ()
