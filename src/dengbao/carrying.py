"""Takes in the file that a collector script wrote on a host: verified, copied, registered, nothing run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from .content import Content
from .errors import ContentError, DengbaoError, EvidenceError, ProbeError, UsageError
from .evidence import carried_folder, load_carried, measure, write_carried
from .files import write_whole
from .model import CarriedFile, DatabaseAsset, Engagement, EvidenceFile, HostAsset, ParamValue, Person
from .probes.collected import Collected, read_collected, require_fresh, take_bytes
from .probes.database.collected import envelope_of, recognise
from .probes.database.collected_sql import read_sql
from .probes.host.collect import script_to_carry
from .reading import suggest

_SUFFIX: Final = ".txt"
Carried = HostAsset | DatabaseAsset


@dataclass(frozen=True)
class Script:
    """A collector: its file in `templates/collect`, and in Chinese how it is run."""

    name: str
    how: str


SCRIPTS: Final[Mapping[str, Script]] = {
    "linux": Script("collect-linux.sh", "在主机上以 root 运行：sh collect-linux.sh；按屏幕提示带回结果文件"),
    "windows": Script(
        "collect-windows.ps1",
        "以管理员身份运行：powershell -ExecutionPolicy Bypass -File collect-windows.ps1，带回文件",
    ),
    "oracle": Script("collect-oracle.sql", "由数据库管理员运行：sqlplus / as sysdba @collect-oracle.sql"),
    "sqlserver": Script("collect-sqlserver.sql", "由数据库管理员以 sqlcmd 运行，命令行见脚本开头几行"),
    "dm": Script("collect-dm.sql", "由数据库管理员在 disql 中运行：START collect-dm.sql；审计员再运行一次"),
}


def collector(content: Content, platform: str) -> tuple[str, bytes]:
    """Return file name and content of the collector for an operating system or a database product.

    Raises:
        ContentError: the content has no such script.

    """
    name = SCRIPTS[platform].name
    path = content.templates / "collect" / name
    if not path.is_file():
        raise ContentError("没有采集脚本", where=str(path), cure="用 --content 指明目录，或重新安装 dengbao")
    data = path.read_bytes()
    return name, script_to_carry(data) if platform == "linux" else data


@dataclass(frozen=True)
class TakenIn:
    """What was taken in; `replaced` is the record it supersedes, `line` what engagement.yaml must say.

    `declared` tells whether the engagement says so already; `warnings` are Chinese.
    """

    record: CarriedFile
    sections: int
    line: str
    declared: bool
    replaced: CarriedFile | None = None
    warnings: tuple[str, ...] = ()


def import_facts(
    directory: Path,
    source: Path,
    *,
    asset_id: str,
    by: Person,
    at: datetime,
    engagement: Engagement,
    profile: Mapping[str, ParamValue],
    replace: bool = False,
) -> TakenIn:
    """Verify a collected file, copy it to `evidence/collected/ASSET.txt` and register who brought it.

    What it replaces is kept under another name: evidence never vanishes. `engagement.yaml` is not touched.

    Raises:
        UsageError: no such host among the assets.
        EvidenceError: not a whole, unaltered file, or one that seems to be another host's.

    """
    asset = _asset(engagement, asset_id)
    try:
        raw = take_bytes(source)
        found = _read(asset, raw, source)
    except ProbeError as exc:
        raise EvidenceError(exc.message, where=exc.where, cure=exc.cure) from exc
    _fits(asset, found, source)
    records = load_carried(directory)
    current = next((one for one in records if _is_current(one, asset.id)), None)
    if not replace:
        _refuse_doubtful(asset, found, records, current, source)
    if current is not None and current.file.sha256 != found.sha256:
        _put_aside(directory, current)
    target = carried_folder(directory) / f"{asset.id}{_SUFFIX}"
    write_whole(target, raw)
    record = _record(asset, found, target, by, at)
    write_carried(directory, record)
    relative = target.relative_to(directory).as_posix()
    return TakenIn(
        record=record, sections=len(found.sections), line=f"collected: {relative}",
        declared=asset.collected == relative, replaced=current,
        warnings=tuple(_warnings(found, profile)),
    )  # fmt: skip


def _read(asset: Carried, raw: bytes, source: Path) -> Collected:
    """Return what the file holds: an envelope of a host, or what a database's own tool wrote."""
    if isinstance(asset, DatabaseAsset):
        return envelope_of(read_sql(raw, where=str(source)))
    if recognise(raw):
        raise EvidenceError(
            "这是数据库采集脚本的结果", where=str(source), cure="--asset 写数据库类测评对象的 id"
        )
    return read_collected(raw, where=str(source))


def _record(asset: Carried, found: Collected, target: Path, by: Person, at: datetime) -> CarriedFile:
    measured = measure(target)
    return CarriedFile(
        asset=asset.id, host=found.host, platform=found.platform, collector=found.collector,
        privilege=found.privilege, begun=found.begun, brought_by=by, brought_at=at.replace(microsecond=0),
        filed_at=datetime.now().astimezone().replace(microsecond=0),
        file=EvidenceFile(
            name=target.name, sha256=measured.sha256, sm3=measured.sm3, size_bytes=measured.size_bytes
        ),
    )  # fmt: skip


def _asset(engagement: Engagement, asset_id: str) -> Carried:
    known = {one.id: one for one in engagement.assets if isinstance(one, HostAsset | DatabaseAsset)}
    if asset_id not in known:
        raise UsageError(
            f"没有服务器类、数据库类测评对象“{asset_id[:64]}”", where="--asset",
            cure=suggest(asset_id, known) or "在 engagement.yaml 登记该服务器或数据库",
        )  # fmt: skip
    return known[asset_id]


def _fits(asset: Carried, found: Collected, source: Path) -> None:
    """Refuse a file of another platform than the asset's: its probe would bring nothing."""
    if isinstance(asset, DatabaseAsset):
        if asset.platform != found.platform:
            raise EvidenceError(
                f"文件来自 {found.platform}，{asset.id} 的 platform 是“{asset.platform}”", where=str(source),
                cure="核对 --asset 与 engagement.yaml 的 platform",
            )  # fmt: skip
        return
    windows = asset.platform.lower().startswith("win")
    if windows != found.platform.startswith("win"):
        raise EvidenceError(
            f"文件来自 {found.platform} 系统，{asset.id} 的 platform 是“{asset.platform}”",
            where=str(source),
            cure="核对 --asset；Windows 主机在 engagement.yaml 写 platform: windows",
        )


def _is_current(record: CarriedFile, asset_id: str) -> bool:
    return record.asset == asset_id and record.file.name == f"{asset_id}{_SUFFIX}"


def _refuse_doubtful(
    asset: Carried,
    found: Collected,
    records: tuple[CarriedFile, ...],
    current: CarriedFile | None,
    source: Path,
) -> None:
    """Refuse what looks like the file of another host, or an older one than is there."""
    cure = "核对文件与 --asset；确认无误的加 --replace"
    if current is not None and current.host.casefold() != found.host.casefold():
        raise EvidenceError(
            f"{asset.id} 已登记主机 {current.host} 的文件，此文件来自主机 {found.host}",
            where=str(source),
            cure=cure,
        )
    if current is not None and found.begun < current.begun:
        raise EvidenceError(
            f"此文件采集于 {found.begun.isoformat()}，早于 {asset.id} 已登记的 {current.begun.isoformat()}",
            where=str(source),
            cure=cure,
        )
    for one in records:
        if (
            one.asset != asset.id
            and _is_current(one, one.asset)
            and one.host.casefold() == found.host.casefold()
        ):
            raise EvidenceError(
                f"主机 {found.host} 的文件已登记在 {one.asset} 名下", where=str(source), cure=cure
            )


def _put_aside(directory: Path, old: CarriedFile) -> None:
    """Keep a superseded file and its record under a name that carries its digest."""
    folder = carried_folder(directory)
    name = f"{old.asset}.{old.file.sha256[:12]}{_SUFFIX}"
    kept = msgspec.structs.replace(old, file=msgspec.structs.replace(old.file, name=name))
    path = folder / old.file.name
    if path.exists():
        path.replace(folder / name)
        write_carried(directory, kept)


def _warnings(found: Collected, profile: Mapping[str, ParamValue]) -> Iterator[str]:
    if found.privilege == "user":
        yield "采集时不是管理员（root），看不到的部分将记为“无法判定”"
    try:
        require_fresh(found, profile, where="")
    except DengbaoError as exc:
        yield f"{exc.message}：相应事实将记为“无法判定”"
