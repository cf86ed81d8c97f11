"""Lists the declared places of a host: which files there are, newest first, and what is no file."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePosixPath
from typing import Final

from ...errors import NoPermission, NotDeclared, ProtocolMismatch, Unreachable
from ...model import DataPlace
from ..backup.listing import fits
from ..host.collect import head_of_script
from ..host.frames import Section, Transcript

ENTRIES_MAX: Final = 50_000
_LIST_S: Final = 60
_LIST_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class RemoteFile:
    """A regular file of a host: its real path, its name below the place, size and time of change."""

    path: str
    name: str
    size_bytes: int
    modified_s: int


@dataclass(frozen=True)
class PlaceListing:
    """What lies in one place: files, newest first, and what cannot be read with the reason in Chinese."""

    files: tuple[RemoteFile, ...]
    passed_over: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _Entry:
    mode: int
    size_bytes: int
    modified_s: int
    device: int
    path: str


def script(places: Iterable[DataPlace]) -> bytes:
    """Return the script that lists the places, a section `place0`, `place1`, … for each."""
    body = resources.files(__package__).joinpath("listing.sh").read_bytes().replace(b"\r\n", b"\n")
    sections = [
        f"PLACE={shlex.quote(one.path)} MOST={ENTRIES_MAX}\n"
        f"section place{number} {_LIST_S} {_LIST_BYTES} list_place\n"
        for number, one in enumerate(places)
    ]
    system = "section system 5 4096 'echo \"uid $(id -u)\"'\n"
    tail = "printf '\\n%s done\\n' \"$N\"\n"
    return head_of_script() + body + "".join((system, *sections, tail)).encode(errors="surrogateescape")


def read_place(told: Transcript, number: int, place: DataPlace, *, where: str) -> PlaceListing:
    """Return what the section of one place says.

    Raises:
        NoPermission, Unreachable, NotDeclared: the place could not be listed.
        ProbeError: the section did not come back.

    """
    section = told.section(f"place{number}")
    state = section.mark("place")
    if state == "denied":
        raise NoPermission(
            f"账户 {told.account} 无权查看 {place.path}", where=where, cure="为该账户配置 sudo 或读取权限"
        )
    if state == "special":
        raise NotDeclared(f"{place.path} 不是文件或目录", where=where, cure="核对 path")
    if state == "absent":
        raise Unreachable(f"主机 {place.host} 上没有 {place.path}", where=where, cure="核对 path 与挂载")
    entries = list(_entries(section))
    if state not in ("folder", "file") or not entries:
        raise ProtocolMismatch(f"主机未送回 {place.path} 的文件清单", where=where, cure="改由人工核查")
    if state == "file":
        return PlaceListing(files=(_file(entries[0], PurePosixPath(place.path).name),))
    return _folder(section, entries, place)


def _folder(section: Section, entries: list[_Entry], place: DataPlace) -> PlaceListing:
    root, rest = entries[0], entries[1:]
    base = root.path.rstrip("/") + "/"
    parts = PurePosixPath(place.pattern).parts
    files: list[RemoteFile] = []
    passed_over: list[tuple[str, str]] = []
    for one in rest:
        name = one.path.removeprefix(base).lstrip("/")
        why = _why_not(one, root)
        fitting = not parts or fits(name, parts)
        if not why and fitting and stat.S_ISREG(one.mode):
            files.append(_file(one, name))
        elif why and (fitting or len(parts) > 1 or stat.S_ISDIR(one.mode)):  # a link may lead to many files
            passed_over.append((name, why))
    if section.mark("listed") is None or section.body.count(b"\n") >= ENTRIES_MAX:
        passed_over.append(("", f"目录过大，只列出前 {len(entries)} 项，其余未读"))
    passed_over += [("", f"列目录时：{line}") for line in section.error.splitlines() if line.strip()]
    newest = sorted(files, key=lambda one: (-one.modified_s, one.name))
    return PlaceListing(tuple(newest), tuple(passed_over))


def _why_not(one: _Entry, root: _Entry) -> str:
    if stat.S_ISDIR(one.mode):
        return "" if one.device == root.device else "另一文件系统的挂载点，未进入"
    if stat.S_ISLNK(one.mode):
        return "符号链接，未跟随"
    return "" if stat.S_ISREG(one.mode) else "不是普通文件"


def _file(entry: _Entry, name: str) -> RemoteFile:
    return RemoteFile(entry.path, name, entry.size_bytes, entry.modified_s)


def _entries(section: Section) -> Iterator[_Entry]:
    """Yield every entry; a name may hold anything but the nonce."""
    pieces = (b"\n" + section.body).split(f"\n{section.nonce} ".encode())
    for piece, following in zip(pieces, (*pieces[1:], b""), strict=True):
        if not piece.startswith(b"entry "):
            continue
        text = piece if following.startswith(b"entry ") else piece.removesuffix(b"\n")
        mode, size, at, device, path = text.removeprefix(b"entry ").split(b"|", 4)
        yield _Entry(int(mode, 16), int(size), int(at), int(device), path.decode("utf-8", "surrogateescape"))
