"""What a database keeps, runs and leaves behind beside its data: records, modules, labels, copies.

The same rules as in `facts`: no opinion, unknown is None, names as the platform gives them.
"""

from __future__ import annotations

from ...model import Facts, Value
from .facts import Setting


class LogPlace(Value):
    """Where one audit channel leaves its records, and what the server itself does with old ones.

    `kind` is `file`, `syslog`, `eventlog`, `table`, `memory` or `stderr`. `mode` is the octal mode new files
    get, empty where the server does not tell. `overwrites`: the server deletes old records or writes over
    them; after `keeps_days` at the earliest where time decides, beyond `keeps_bytes` where size does.
    `oldest_s` is the Unix time of the oldest record or file seen, `files` how many there are.
    """

    channel: str
    kind: str
    path: str = ""
    mode: str = ""
    overwrites: bool | None = None
    keeps_days: int | None = None
    keeps_bytes: int | None = None
    oldest_s: int | None = None
    files: int | None = None


class AuditModule(Value):
    """A module that audits; `permanent`: it cannot be unloaded while the server runs."""

    name: str
    permanent: bool | None = None


class ParameterRight(Value):
    """An account that is no superuser may set or persist one of the server's settings."""

    account: str
    setting: str
    right: str


class DatabaseLogs(Facts, tag="database.logs"):
    """How audit records are kept, and who else than superusers may change the settings of auditing.

    `clock_s` is the server's own time. `settings_known` is False where where and how is hidden from us.
    `parameter_rights` is None where they could not be read; products without such rights have none.
    `record_rights` are those of other accounts and roles to change or delete records, where the product
    has rights for just that; None where they could not be read, or grants on tables tell it.
    """

    places: tuple[LogPlace, ...] = ()
    modules: tuple[AuditModule, ...] = ()
    parameter_rights: tuple[ParameterRight, ...] | None = None
    settings: tuple[Setting, ...] = ()
    settings_known: bool = True
    clock_s: int | None = None
    record_rights: tuple[ParameterRight, ...] | None = None


class Component(Value):
    """Something installed into the server, or switched on in it.

    `kind` is `extension`, `language`, `plugin`, `option` (of the product), `library` (of programs),
    `module`, `feature` (switched on) or `link` (to another server). `trusted` tells of a language, library or
    feature whether it keeps inside the database.
    """

    name: str
    kind: str
    version: str = ""
    trusted: bool | None = None


class DatabaseComponents(Facts, tag="database.components"):
    """Extensions, languages and plugins, and the databases there are.

    Extensions and languages are those of `looked_in` only. `databases_complete` is False where some
    databases may be hidden from us. Built-in parts of the product are left out.
    `samples` are the maker's sample schemas or databases, told by their names and tables; None where nobody
    looked.
    """

    components: tuple[Component, ...] = ()
    databases: tuple[str, ...] = ()
    databases_complete: bool | None = None
    looked_in: str = ""
    samples: tuple[str, ...] | None = None


class LabelCount(Value):
    """How many objects of one kind carry a label of one provider."""

    provider: str
    kind: str
    count: int


class DatabaseLabels(Facts, tag="database.labels"):
    """Security labels, and what enforces them.

    `offered`: the product has such a mechanism at all. `engine` is the module that is loaded, empty for
    none, None where loaded modules are hidden from us. `enforced`: it refuses, not only notes.
    """

    offered: bool
    engine: str | None = ""
    enforced: bool | None = None
    labels: tuple[LabelCount, ...] = ()
    settings: tuple[Setting, ...] = ()


class Replica(Value):
    """One server that copies from this one; lags are None where the server does not tell them."""

    name: str = ""
    address: str = ""
    state: str = ""
    synchronous: bool | None = None
    lag_bytes: int | None = None
    lag_s: int | None = None


class Slot(Value):
    """A replication slot: what it holds is kept for a reader, whether that one comes or not."""

    name: str
    active: bool | None = None


class DatabaseReplication(Facts, tag="database.replication"):
    """Change log, its archive, and copies of this server elsewhere.

    `changes_logged`: what is written is logged so that it can be played back elsewhere (WAL at `replica`
    or more, binary log). `archive_program` is the first word of the command or the library, never its
    arguments. Ages count from the server's clock. `log_kept_s`: after how long the server deletes its
    binary log, 0 for never. `source` is the server this one copies from, empty for none.
    None: it could not be seen.
    """

    changes_logged: bool | None = None
    archiving: bool | None = None
    archive_program: str = ""
    archived_age_s: int | None = None
    archive_failures: int | None = None
    archive_failed_age_s: int | None = None
    log_format: str = ""
    log_kept_s: int | None = None
    standby: bool | None = None
    source: str | None = None
    source_running: bool | None = None
    source_lag_s: int | None = None
    replicas: tuple[Replica, ...] | None = None
    slots: tuple[Slot, ...] | None = None
    settings: tuple[Setting, ...] = ()


class DatabaseResidue(Facts, tag="database.residue"):
    """What may stay behind of secrets and of deleted data.

    `statement_logs` keep statements word for word, with a password somebody typed into one;
    `rewriting` tells whether the server takes passwords out of them first. `scrubbed`: freed space in
    data files is overwritten. `vacuum_on`: dead rows are collected; `dead_rows` counts those there are.
    `settings_known` is False where some of it is hidden from us.
    """

    statement_logs: tuple[str, ...] = ()
    rewriting: bool | None = None
    scrubbed: bool | None = None
    vacuum_on: bool | None = None
    dead_rows: int | None = None
    encrypted: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    settings_known: bool = True
