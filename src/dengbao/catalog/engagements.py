"""Reads `engagement.yaml`: one institution's system, its parties, assets, scope and authority."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import msgspec

from ..errors import UsageError
from ..model import Asset, BackupAsset, Engagement, SystemAsset
from ..reading import read_value, refuse
from ..vulns.store import FILE_NAME as STORE_NAME
from ..yamlfile import Document, read_yaml
from .rules import find_faults

FILE_NAME: Final = "engagement.yaml"
SYSTEM_ID: Final = "system"
# The one file that was read or written last; what it means is not made out twice.
_last: Final[list[tuple[Path, bytes, Engagement]]] = []


def load_engagement(folder_or_file: Path) -> Engagement:
    """Return the engagement of a folder (its `engagement.yaml`) or of a file.

    The implicit asset `system` stands at the end of the assets; paths are as they were written,
    relative to the engagement's folder: `with_paths` resolves them.

    Raises:
        UsageError: with every mistake found, each with `file:line`.

    """
    path = folder_or_file / FILE_NAME if folder_or_file.is_dir() else folder_or_file
    if not path.exists():
        raise UsageError("找不到项目文件", where=str(path), cure="核对目录；新项目先运行 dengbao init 目录")
    engagement = _known(path)
    if engagement is None:
        document = read_yaml(path, UsageError)
        engagement = examined(document)
        remember(path, document.data, engagement)
    system = SystemAsset(id=SYSTEM_ID, name=engagement.system.name)
    return msgspec.structs.replace(engagement, assets=(*engagement.assets, system))


def examined(document: Document) -> Engagement:
    """Return the engagement that a file's content describes, without the asset `system`.

    Raises:
        UsageError: with every mistake found.

    """
    engagement = read_value(document, Engagement, UsageError)
    refuse(document, UsageError, find_faults(engagement))
    return engagement


def remember(path: Path, data: bytes, engagement: Engagement) -> None:
    """Note what a file means that is written just now."""
    _last[:] = [(path, data, engagement)]


def _known(path: Path) -> Engagement | None:
    """Return what a file means if, byte for byte, it is the one known last."""
    for known, data, engagement in _last:
        if known == path:
            with contextlib.suppress(OSError):
                same = path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data
                return engagement if same else None
    return None


# Keys that name a file or folder; relative ones are meant from the engagement's own folder.
_PATH_KEYS: Final = ("ca_file", "known_hosts", "path", "collected")


def with_paths(engagement: Engagement, folder: Path) -> Engagement:
    """Return the engagement with file names resolved against its folder; probes see only these.

    What is stored of a round keeps the names as written: the folder may be carried elsewhere.
    """
    base = folder.resolve()
    return msgspec.structs.replace(
        engagement, assets=tuple(_with_paths(one, base) for one in engagement.assets)
    )


def vulnerability_data(engagement: Engagement, folder: Path) -> Path:
    """Return where the engagement's vulnerability data lie, or would lie."""
    return Path(_absolute(engagement.vulnerability_data or STORE_NAME, folder.resolve()))


def _with_paths(asset: Asset, base: Path) -> Asset:
    elsewhere = isinstance(asset, BackupAsset) and bool(asset.host)  # its path is one of that host
    changes: dict[str, object] = {
        key: _absolute(value, base)
        for key in _PATH_KEYS
        if isinstance(value := getattr(asset, key, None), str) and value and not (elsewhere and key == "path")
    }
    accounts = tuple(
        msgspec.structs.replace(one, key_file=_absolute(one.key_file, base)) if one.key_file else one
        for one in asset.accounts
    )
    data = tuple(
        one if one.host else msgspec.structs.replace(one, path=_absolute(one.path, base))
        for one in asset.data
    )
    return msgspec.structs.replace(asset, accounts=accounts, data=data, **changes)


def _absolute(text: str, base: Path) -> str:
    return str(base / Path(text).expanduser())
