"""Reads what `pgbackrest info` says of a repository, and which manifests lie there; no file of it is read."""

from __future__ import annotations

import fnmatch
import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from ...errors import NoPermission, NotSupported, ProtocolMismatch
from ...model import BackupAsset
from ..host.frames import Section, Transcript
from .facts import BackupFile, BackupFiles, BackupIntegrity, BackupReading
from .folder import copies_to_read
from .listing import LISTED_MAX

KIND: Final = "pgbackrest"
_STANZA: Final = re.compile(r"[A-Za-z0-9_-]+")
_MANIFEST: Final = re.compile(r"/backup/([^/]+)/([^/]+)/backup\.manifest$")
_OTHER: Final = 99  # pgBackRest's own code for an error that it tells in words
_CURE: Final = "以 pgbackrest info、verify 的输出和恢复记录人工补充"


class _Times(msgspec.Struct):
    stop: int


class _Size(msgspec.Struct):
    size: int | None = None


class _Info(msgspec.Struct):
    size: int
    repository: _Size = msgspec.field(default_factory=_Size)


class _Backup(msgspec.Struct):
    label: str
    timestamp: _Times
    info: _Info
    error: bool | None = None
    reference: tuple[str, ...] | None = None


class _Status(msgspec.Struct):
    code: int
    message: str = ""


class _Repo(msgspec.Struct):
    status: _Status


class _Stanza(msgspec.Struct):
    name: str
    status: _Status
    backup: tuple[_Backup, ...] = ()
    repo: tuple[_Repo, ...] = ()


def stanza_of(asset: BackupAsset) -> str:
    """Return the stanza whose jobs are looked for: `*` for any, empty for other backups."""
    if asset.archive != KIND:
        return ""
    return asset.pattern if _STANZA.fullmatch(asset.pattern) else "*"


def read_repository(
    told: Transcript, asset: BackupAsset, folder: BackupFiles
) -> tuple[BackupFiles, BackupIntegrity]:
    """Return the backup sets of the repository as files, newest first, and what is known of the newest.

    A set is of kind `pgbackrest` only where its manifest, and that of every set it builds on, lies in the
    repository; else nothing is said of it. None is read: only `pgbackrest verify` or a restore proves it.

    Raises:
        NoPermission, NotSupported: the repository could not be read, or not by this program.
        ProbeError: the section did not come back, or is no answer of the program.

    """
    section = told.section("pgbackrest")
    where = f"engagement.yaml 测评对象 {asset.id}"
    if section.mark("tool") != "there":
        raise NotSupported(f"主机 {asset.host} 上没有 pgbackrest 程序", where=where, cure=_CURE)
    stanzas = _stanzas(section, where)
    for one in stanzas:
        _refuse(one, asset, told.account, where)
    chosen = [one for one in stanzas if fnmatch.fnmatchcase(one.name, asset.pattern)]
    found = sorted(
        ((stanza, one) for stanza in chosen for one in stanza.backup),
        key=lambda pair: (pair[1].timestamp.stop, pair[1].label),
        reverse=True,
    )[:LISTED_MAX]
    manifests = {
        (match[1], match[2]) for line in section.marks("manifest") if (match := _MANIFEST.search(line))
    }
    whole = [_is_there(stanza, one, manifests) for stanza, one in found]
    files = msgspec.structs.replace(
        folder,
        tool=KIND,
        matched=sum(len(one.backup) for one in chosen),
        files=tuple(_file(stanza, one, there) for (stanza, one), there in zip(found, whole, strict=True)),
        skipped=(),
        other_entries=0 if chosen else len(stanzas) or folder.other_entries or folder.matched,
    )
    asked = copies_to_read(asset)
    readings = tuple(
        _reading(stanza, one, there)
        for (stanza, one), there in zip(found[:asked], whole[:asked], strict=True)
    )
    return files, BackupIntegrity(asked=asked, readings=readings)


def _stanzas(section: Section, where: str) -> list[_Stanza]:
    nonce = section.nonce.encode()
    text = section.body.partition(nonce + b" info\n")[2].partition(b"\n" + nonce + b" answered ")[0]
    try:
        return msgspec.json.decode(text, type=list[_Stanza])
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        code = section.mark("answered") or "无"
        raise ProtocolMismatch(
            f"pgbackrest info 未给出可读的结果（{code}）", where=where, cure=_CURE
        ) from exc


def _refuse(stanza: _Stanza, asset: BackupAsset, account: str, where: str) -> None:
    said = [stanza.status, *(one.status for one in stanza.repo)]
    if not any(one.code == _OTHER for one in said):
        return
    words = " ".join(one.message for one in said)
    if "Permission denied" in words:
        raise NoPermission(
            f"账户 {account} 无权读取 pgBackRest 仓库 {asset.path}", where=where,
            cure="为该账户配置 sudo 或读取权限",
        )  # fmt: skip
    why = "仓库已加密" if "rypt" in words else "仓库信息损坏或不可读"
    raise NotSupported(f"pgbackrest info 不能读取 {asset.path}（{why}）", where=where, cure=_CURE)


def _is_there(stanza: _Stanza, one: _Backup, manifests: set[tuple[str, str]]) -> bool:
    return all((stanza.name, label) in manifests for label in (one.label, *(one.reference or ())))


def _file(stanza: _Stanza, one: _Backup, there: bool) -> BackupFile:
    size = one.info.repository.size
    return BackupFile(
        name=f"{stanza.name}/{one.label}",
        size_bytes=one.info.size if size is None else size,
        modified_at=datetime.fromtimestamp(one.timestamp.stop, UTC),
        kind=KIND if there else "",
    )


def _reading(stanza: _Stanza, one: _Backup, there: bool) -> BackupReading:
    intact, note, cause = (
        None,
        "pgBackRest 备份集，清单在仓库中，内容须以 pgbackrest verify 或恢复核对",
        "format",
    )
    if one.error:
        intact, note, cause = False, "pgBackRest 记载备份时有数据页校验和错误", ""
    elif not there:
        note = "pgbackrest info 列有该备份集，但仓库中未见其清单或所依赖备份集的清单"
    return BackupReading(
        name=f"{stanza.name}/{one.label}",
        layers=(KIND,) if there else (),
        intact=intact,
        note=note,
        cause=cause,
    )
