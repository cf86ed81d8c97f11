"""What was seen of a folder with backups: the files, and what reading the newest of them showed."""

from __future__ import annotations

from datetime import datetime

from ...model import Facts, Value


class BackupFile(Value):
    """One file that fits the pattern.

    `kind` is told by the first bytes: `gzip`, `bzip2`, `xz`, `zstd`, `lz4`, `zip`, `7z`, `rar`, `tar`,
    `sqlite`, `pg_dump` (custom format), `pg_dir` (its directory format, a folder), `pgbackrest` (a set
    in its repository), `sql` (text), `encrypted`
    (a container of OpenSSL, GnuPG or age), `empty`, `unknown`, or nothing where the first bytes could not be
    read. `companion`: named after
    another listed file, with the ending of a checksum or a log (`his.db.gz.sha256`).
    """

    name: str
    size_bytes: int
    modified_at: datetime
    kind: str
    companion: bool = False


class Skipped(Value):
    """An entry that fits the pattern and was passed over: `symlink`, `folder`, `special` or `time`."""

    name: str
    why: str


class BackupFiles(Facts, tag="backup.files"):
    """The files of the folder that fit the pattern, newest first, as they lay there at `looked_at` (UTC).

    `matched` counts all that fit; `files` holds the newest of them. `complete` is False where the walk was
    cut short, `unread` names sub-folders that could not be listed: then there may be more files.
    `other_entries`: visible entries directly in the folder, counted only where nothing fits.
    `tool`: the program that told of them, where they are no single files (`pgbackrest`); `other_entries` then
    counts stanzas, or whatever lies there, where no stanza has a name that fits.
    """

    folder: str
    pattern: str
    looked_at: datetime
    matched: int
    files: tuple[BackupFile, ...]
    complete: bool = True
    skipped: tuple[Skipped, ...] = ()
    unread: tuple[str, ...] = ()
    other_entries: int | None = None
    tool: str = ""


class BackupReading(Value):
    """What reading one file from beginning to end showed.

    `layers` names the formats from the outside in. `intact` is True only where the whole file was read and
    its own checksums or end marks agree, False where damage was seen, else None. `note` is Chinese and says
    what was seen. `cause` says why it is None: `no_permission`, `encrypted`, `limit`, `format`, `changing` or
    `unreadable`. The counts say how much was read, and how much came out of the packing.
    """

    name: str
    layers: tuple[str, ...]
    intact: bool | None
    note: str
    cause: str = ""
    read_bytes: int = 0
    unpacked_bytes: int = 0


class BackupIntegrity(Facts, tag="backup.integrity"):
    """The newest files, each read to its end within bounds; `asked` is how many were meant to be read."""

    asked: int
    readings: tuple[BackupReading, ...]


class RestoreError(Value):
    """Statements of one sort that were refused, by SQLSTATE or error number; never the text of the error."""

    statement: str
    code: str
    count: int


class RestoredTable(Value):
    """A table after the restore; `name` has its schema or database before it where there is more than one."""

    name: str
    rows: int


class BackupRestore(Facts, tag="backup.restore"):
    """What came of restoring the newest backup into a throw-away database of this machine.

    `outcome` is `restored` (everything was fed in), `damaged` (the file broke off or its checksums fail),
    `stopped` (our bounds of time or disk), `unsupported` (a format we cannot restore) or `none` (no file).
    `source` names product and version that the dump was taken from, `engine` what it was restored into;
    `comparable` is False where errors may come from the difference of the two. `refused` names commands to
    a client program that stood in the dump and were not carried out, `left_out` counts statements about
    roles and rights. `note` is Chinese and says what was seen.
    `sha256` is that of the file where it was fetched from a host for this.
    """

    file: str
    outcome: str
    note: str
    begun_at: datetime
    size_bytes: int | None = None
    modified_at: datetime | None = None
    layers: tuple[str, ...] = ()
    product: str = ""
    engine: str = ""
    source: str = ""
    comparable: bool | None = None
    duration_s: float = 0.0
    tables: tuple[RestoredTable, ...] = ()
    errors: tuple[RestoreError, ...] = ()
    refused: tuple[str, ...] = ()
    left_out: int = 0
    sha256: str = ""


class LiveTable(Value):
    """A table in use; `rows` is the server's own estimate where it was not `counted`, None where unknown."""

    name: str
    rows: int | None
    counted: bool = False


class BackupLive(Facts, tag="backup.live"):
    """The tables of the database that the backup was taken from, as they were at `looked_at` (UTC).

    `database` is the id of its asset, `base` which database of the server. Names of PostgreSQL have their
    schema before them. `complete` is False where there may be tables that the account is not shown.
    """

    database: str
    product: str
    looked_at: datetime
    tables: tuple[LiveTable, ...]
    base: str = ""
    complete: bool = False


class BackupLogArchive(Facts, tag="backup.log_archive"):
    """Whether the database's change log is kept beside the backups, so that what came after can be replayed.

    `database` is the id of its asset. `archiving`: the server hands finished logs to a program (WAL of
    PostgreSQL). Ages count from the server's clock; `failures` since its statistics began. `kept_s`: after
    how long the server deletes a log that it keeps itself (binary log), 0 for never. None: not to be seen.
    """

    database: str
    product: str
    logged: bool | None = None
    archiving: bool | None = None
    archived_age_s: int | None = None
    failures: int | None = None
    failed_age_s: int | None = None
    kept_s: int | None = None


class BackupJob(Value):
    """A job of the host; what its command says stays there, only names that are known come back.

    `source` is the file or timer it stands in, `schedule` its own text. `enabled` is None where that is not
    told. `tools` are known backup programs named by the command or the scripts it calls (`scripts`);
    `names_folder`: one of them names the backup folder. `unread` are called files we may not read.
    `longest_gap_h` is the longest time its schedule leaves without a run, None where it is not understood.
    """

    source: str
    user: str
    schedule: str
    enabled: bool | None = None
    tools: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    names_folder: bool = False
    unread: tuple[str, ...] = ()
    longest_gap_h: float | None = None


class BackupSchedule(Facts, tag="backup.schedule"):
    """The jobs of the host that have to do with backups; `seen` counts all jobs that were looked at.

    `daemons` are running schedulers (`cron`, `crond`, `anacron`, `systemd`). `denied` are tables of jobs that
    we may not read: there may be more jobs in them.
    """

    host: str
    jobs: tuple[BackupJob, ...]
    seen: int
    daemons: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()


class Peer(Value):
    """The other end of a database replication, as the server we asked sees it on the wire.

    `role` is `replica` (it copies from here) or `source` (this server copies from it). `lag_s` is how far the
    copy is behind, None where this end does not know. `synchronous`: a commit waits for this end.
    """

    role: str
    address: str
    connected: bool | None = None
    lag_s: float | None = None
    synchronous: bool | None = None


class BackupPeers(Facts, tag="backup.peers"):
    """With whom a database replicates right now; `complete` is False where others may be hidden from us.

    `semi_synchronous`: every commit waits for at least one replica, as the server runs at this moment.
    """

    peers: tuple[Peer, ...]
    complete: bool
    semi_synchronous: bool | None = None


class BackupPlace(Facts, tag="backup.place"):
    """Where a backup folder lies: `machine` is the host or file server, empty for this machine.

    `filesystem` is the type of the mount, `mounted` whether a network mount of this machine leads there.
    """

    machine: str
    filesystem: str = ""
    mounted: bool = False
