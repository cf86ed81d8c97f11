"""Files of collector scripts, registered: `evidence/collected/ASSET.txt`, its `.yaml` with who and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from ..errors import DengbaoError, EvidenceError
from ..files import write_whole
from ..model import CarriedFile
from ..reading import apart, raise_all, read_value
from ..yamlfile import read_yaml, written
from .attached import measure
from .store import folder_of

FOLDER: Final = "collected"


def carried_folder(directory: Path) -> Path:
    """Return where the collected files of an engagement folder lie."""
    return folder_of(directory) / FOLDER


def load_carried(directory: Path) -> tuple[CarriedFile, ...]:
    """Return the records of all registered files, replaced ones included, in the order of their names.

    Raises:
        EvidenceError: with every mistake in every record.

    """
    folder = carried_folder(directory)
    records: list[CarriedFile] = []
    errors: list[DengbaoError] = []
    for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
        try:
            records.append(read_value(read_yaml(path, EvidenceError), CarriedFile, EvidenceError))
        except EvidenceError as exc:
            errors += apart(exc)
    raise_all(errors)
    return tuple(records)


def altered(directory: Path, records: Iterable[CarriedFile]) -> Iterator[EvidenceError]:
    """Yield an error for every registered file that is gone or is not what was registered."""
    for one in records:
        path = carried_folder(directory) / one.file.name
        try:
            same = measure(path).sha256 == one.file.sha256.lower()
        except EvidenceError as exc:
            yield exc
            continue
        if not same:
            yield EvidenceError(
                f"{one.asset} 的采集文件与登记的摘要不一致，登记后被改动",
                where=str(path),
                cure="恢复登记时的原文件，或用 dengbao evidence import-facts --replace 重新登记",
            )


def write_carried(directory: Path, record: CarriedFile) -> None:
    """Write the record beside its file."""
    path = carried_folder(directory) / f"{record.file.name.rpartition('.')[0]}.yaml"
    text = written(msgspec.to_builtins(record))
    write_whole(path, text.encode())
