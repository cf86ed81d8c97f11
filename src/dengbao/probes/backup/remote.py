"""Looks at a backup folder on a host of the engagement, and at the jobs that write there."""

from __future__ import annotations

import asyncio
import shlex
import stat
import threading
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib import resources
from typing import Final

import msgspec

from ...errors import NoPermission, NotDeclared, NotSupported, ProbeError, Unreachable
from ...model import Asset, BackupAsset, Facts, Missing
from ..base import Context, Observed, missing
from ..host.collect import Shell, head_of_script, new_nonce
from ..host.frames import Transcript
from ..host.visit import Visit, visit
from .facts import BackupFile, BackupFiles, BackupIntegrity, BackupReading, BackupSchedule, Skipped
from .folder import MOST_READ, companion, copies_to_read, integrity_of, transcript
from .formats import HEAD_BYTES, declared, recognise
from .jobs import read_schedule
from .listing import LISTED_MAX, Entry, fits, kind_of_mode, parts_of
from .pgbackrest import KIND as REPOSITORY
from .pgbackrest import read_repository, stanza_of
from .reading import read_stream
from .streams import Budget, Limits, Undecided

_READ_S: Final = 150.0
_HEADS: Final = 60
_ENTRIES_MAX: Final = 50_000
_DEEPEST: Final = 6
_ANSWER_S: Final = 30.0
# A file is pulled through the network: less of it than of one on this machine.
_LIMITS: Final = Limits(raw_bytes=1024**3, unpacked_bytes=6 * 1024**3)


_FOLDER_FACTS: Final[tuple[type[Facts], ...]] = (BackupFiles, BackupIntegrity)


async def probe(asset: Asset, context: Context) -> Observed:
    """Return the files of a backup folder on a host, what reading them showed, and the jobs of the host.

    Sends: one SSH login with the host's own account, a read-only script, and the newest files read through
        the connection within bounds of bytes and time.
    Changes: nothing but times of last access, where the mount keeps them.
    Level: login.

    Raises:
        NotDeclared: the host, its account, the pattern or the format is not as it must be.
        OutOfScope, NotAuthorised, Unreachable, TimedOut, LoginRefused, ProtocolMismatch: no connection.
        NoPermission, Unreachable: the folder is not there or cannot be listed.

    """
    if not isinstance(asset, BackupAsset):
        raise NotSupported("不是备份类测评对象", where=asset.id)
    where = f"engagement.yaml 测评对象 {asset.id}"
    expected = declared(asset.archive)
    if expected is None:
        raise NotDeclared(
            f"不认识备份格式“{asset.archive}”", where=where, cure="archive 写 auto，由文件内容辨认"
        )
    async with on_host(asset, context, probe="backup.host") as place:
        told, data, privilege = await listing_of(place, asset)
        context.keep("backup-host.txt", data)
        schedule = _schedule(told, place)
        try:
            files, entries = read_listing(told, asset)
            repository = read_repository(told, asset, files) if asset.archive == REPOSITORY else None
        except ProbeError as exc:
            if isinstance(schedule, Missing):
                raise
            return Observed(
                facts=(schedule,), missing=tuple(missing(one, exc, exc.reason) for one in _FOLDER_FACTS),
                privilege=privilege,
            )  # fmt: skip
        if repository is not None:
            files, readings = repository[0], repository[1].readings
        else:
            files = await _with_kinds(place, files, entries)
            context.say(f"共 {files.matched} 个备份文件")
            readings = await _read(place, asset, files, entries, expected)
    context.keep("backup-files.txt", transcript(files, readings).encode())
    told_of = (files, integrity_of(readings, asset), schedule)
    return Observed(
        facts=tuple(one for one in told_of if not isinstance(one, Missing)),
        missing=tuple(one for one in told_of if isinstance(one, Missing)),
        privilege=privilege,
    )


def _schedule(told: Transcript, place: Visit) -> BackupSchedule | Missing:
    try:
        return read_schedule(told, place.host.id)
    except ProbeError as exc:
        return missing(BackupSchedule, exc, exc.reason)


@asynccontextmanager
async def on_host(asset: BackupAsset, context: Context, *, probe: str) -> AsyncIterator[Visit]:
    """Yield the host that the folder lies on; raises as `probe` does."""
    instead = "把副本放入项目目录并去掉 host，计划任务以人工佐证补充"
    async with visit(asset, asset.host, context, probe=probe, what="备份目录", instead=instead) as there:
        yield there


async def cat(visit: Visit, path: str, most_bytes: int) -> Shell:
    """Start to read a file; the shell ends with it."""
    shell = await visit.shell()
    shell.stdin.write(
        f"exec head -c {most_bytes + 1} < {shlex.quote(path)}\n".encode(errors="surrogateescape")
    )
    shell.stdin.write_eof()
    return shell


async def listing_of(place: Visit, asset: BackupAsset) -> tuple[Transcript, bytes, str]:
    """Run the script about the folder and return what it framed, as bytes too, and the privilege."""
    parts = parts_of(asset.pattern, where=f"engagement.yaml 测评对象 {asset.id}")
    depth = _DEEPEST if "**" in parts else len(parts)
    head = f"FOLDER={shlex.quote(asset.path)} DEPTH={depth} MOST={_ENTRIES_MAX}"
    head += f" BACKREST={shlex.quote(stanza_of(asset))}\n"
    body = resources.files(__package__).joinpath("schedule.sh").read_bytes()
    return await place.run(head_of_script() + head.encode(errors="surrogateescape") + body)


def read_listing(told: Transcript, asset: BackupAsset) -> tuple[BackupFiles, tuple[Entry, ...]]:
    """Return the files that fit, newest first.

    Raises:
        NoPermission, Unreachable, NotDeclared: the folder could not be listed.
        ProbeError: the section did not come back.

    """
    section = told.section("listing")
    where = f"engagement.yaml 测评对象 {asset.id}"
    state = section.mark("folder")
    if state == "denied":
        raise NoPermission(
            f"账户 {told.account} 无权查看备份目录 {asset.path}",
            where=where,
            cure="为该账户配置 sudo 或读取权限",
        )
    if state == "none":
        raise NotDeclared(
            f"{asset.path} 不是目录", where=where, cure="path 写备份所在目录，文件名写在 pattern"
        )
    if state != "ok":
        raise Unreachable(
            f"主机 {asset.host} 上没有备份目录 {asset.path}", where=where, cure="核对 path 与挂载"
        )
    rows = list(_rows(section.body, section.nonce, asset.path))
    parts = parts_of(asset.pattern, where=where)
    fitting = [one for one in rows if fits(one[0].name, parts)]
    newest = sorted(
        (entry for entry, mode in fitting if stat.S_ISREG(mode)),
        key=lambda one: (one.modified_at, one.name), reverse=True,
    )  # fmt: skip
    names = [one.name for one in newest]
    visible = sum(1 for entry, _ in rows if "/" not in entry.name and not entry.name.startswith("."))
    facts = BackupFiles(
        folder=asset.path,
        pattern=asset.pattern,
        looked_at=_clock(told),
        matched=len(newest),
        files=tuple(
            BackupFile(
                name=one.name, size_bytes=one.size_bytes, modified_at=one.modified_at, kind="",
                companion=companion(one.name, names),
            )
            for one in newest[:LISTED_MAX]
        ),
        complete=len(rows) < _ENTRIES_MAX and not section.cut,
        skipped=tuple(
            Skipped(name=entry.name, why=kind_of_mode(mode))
            for entry, mode in fitting
            if not stat.S_ISREG(mode)
        )[:50],
        unread=tuple(_refused(section.error)),
        other_entries=visible if not newest else None,
    )  # fmt: skip
    return facts, tuple(newest[:LISTED_MAX])


def _rows(body: bytes, nonce: str, root: str) -> Iterable[tuple[Entry, int]]:
    """Yield every entry with its mode; a name may hold anything but the nonce."""
    mark = f"{nonce} entry ".encode()
    base = root.rstrip("/").encode(errors="surrogateescape") + b"/"
    for piece in (b"\n" + body).split(b"\n" + mark)[1:]:
        mode, size, at, path = piece.removesuffix(b"\n").split(b"|", 3)
        path = base + path.removeprefix(base).lstrip(b"/")
        name = path.removeprefix(base)
        try:
            when = datetime.fromtimestamp(int(at), UTC)
        except (ValueError, OverflowError):
            when = datetime.fromtimestamp(0, UTC)
        from_bytes = path.decode("utf-8", "surrogateescape")
        yield Entry(from_bytes, _shown(name), int(size), when), int(mode, 16)


def _shown(name: bytes) -> str:
    for codec in ("utf-8", "gb18030"):
        try:
            text = name.decode(codec)
        except UnicodeDecodeError:
            continue
        return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)
    return name.decode("ascii", "backslashreplace")


def _refused(error: str) -> Iterable[str]:
    for line in error.splitlines():
        if "ermission denied" in line:
            yield line.split(":")[1].strip(" '‘’\"") if line.count(":") > 1 else "."


def _clock(told: Transcript) -> datetime:
    system = told.optional("system")
    for line in system.text.splitlines() if system else ():
        if line.startswith("clock ") and line[6:].isdecimal():
            return datetime.fromtimestamp(int(line[6:]), UTC)
    return datetime.now(UTC)


async def _with_kinds(place: Visit, files: BackupFiles, entries: tuple[Entry, ...]) -> BackupFiles:
    """Return the files with the kinds that their first bytes tell, for the newest of them."""
    if not entries:
        return files
    lines = [
        f'[ -r {shlex.quote(one.path)} ] && {{ echo; echo "$N head {number}"; '
        f"head -c {HEAD_BYTES} < {shlex.quote(one.path)} | od -An -v -tx1; }}"
        for number, one in enumerate(entries[:_HEADS])
    ]
    nonce = new_nonce()  # other than the word of the command, which users of the host can see
    text = "\n".join((f"N={nonce}", "LC_ALL=C", *lines, "exit 0", "")).encode(errors="surrogateescape")
    shell = await place.shell()
    data = bytearray()
    try:
        shell.stdin.write(text)
        shell.stdin.write_eof()
        async with asyncio.timeout(_ANSWER_S):
            while piece := await shell.stdout.read(65536):
                data += piece
    except (TimeoutError, OSError):
        pass  # what did not come is of unknown kind
    finally:
        await shell.close()
    heads = _heads(bytes(data), nonce)
    kinds = {entries[number].name: recognise(head) for number, head in heads.items() if number < len(entries)}
    known = tuple(msgspec.structs.replace(one, kind=kinds.get(one.name, "")) for one in files.files)
    return msgspec.structs.replace(files, files=known)


def _heads(data: bytes, nonce: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for piece in data.split(f"{nonce} head ".encode())[1:]:
        number, _, digits = piece.partition(b"\n")
        if number.isdigit():
            try:
                found[int(number)] = bytes.fromhex(digits.decode("ascii", "replace"))
            except ValueError:
                continue
    return found


async def _read(
    place: Visit, asset: BackupAsset, files: BackupFiles, entries: tuple[Entry, ...], expected: str
) -> tuple[BackupReading, ...]:
    ends_at = time.monotonic() + _READ_S
    stop = threading.Event()
    known = {one.name: one for one in files.files}
    chosen = [one for one in entries if not known[one.name].companion][: copies_to_read(asset)]
    readings: list[BackupReading] = []
    try:
        for one in chosen[:MOST_READ]:
            budget = Budget(_LIMITS, min(time.monotonic() + _LIMITS.file_s, ends_at), stop)
            shell = await cat(place, one.path, min(one.size_bytes, _LIMITS.raw_bytes))
            try:
                pull = Pull(shell, one, asyncio.get_running_loop())
                readings.append(await asyncio.to_thread(read_stream, one, pull, expected, budget))
            finally:
                await shell.close()
    finally:
        stop.set()
    return tuple(readings)


class Pull:
    """Bytes of a remote file for a thread; a stream that ends early never passes for a file that does."""

    def __init__(self, shell: Shell, entry: Entry, loop: asyncio.AbstractEventLoop) -> None:
        self._shell = shell
        self._entry = entry
        self._loop = loop
        self._seen = 0

    def __call__(self, count: int) -> bytes:
        """Return at most `count` bytes.

        Raises:
            Undecided: the connection broke, the file may not be read, or it is another one by now.

        """
        future = asyncio.run_coroutine_threadsafe(self._shell.stdout.read(count), self._loop)
        try:
            data = future.result(_ANSWER_S)
        except TimeoutError as exc:
            future.cancel()
            raise Undecided("主机未及时送来数据，未读完") from exc
        except OSError as exc:
            raise Undecided("传输中断，未读完", "unreadable") from exc
        self._seen += len(data)
        if not data and self._seen == 0 and self._entry.size_bytes:
            raise Undecided("账户无权读取", "no_permission")
        if (not data and self._seen < self._entry.size_bytes) or self._seen > self._entry.size_bytes:
            raise Undecided("试读时文件仍在变化，或传输中断", "changing")
        return data
