"""What a filing of several records has written down before it files them: looked for after it was killed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from ..errors import EvidenceError
from ..files import names_as_listed
from ..model import Evidence
from .store import folder_of

_INTENDED: Final = re.compile(r"\.EV-\d{4,9}\.filing")


def name_of(first: Evidence) -> str:
    """Return the name of the file that holds the records of a filing, after its first."""
    return f".{first.id}.filing"


def intentions(folder: Path, names: Iterable[str] | None = None) -> Iterator[tuple[Path, list[Evidence]]]:
    """Yield each file of records that were to be filed, with what it holds; `names` lie in the folder.

    Raises:
        EvidenceError: it cannot be read.

    """
    if names is None:
        names = names_as_listed(folder) if folder.is_dir() else ()
    for name in sorted(one for one in names if one.startswith(".")):  # few do, of thousands
        if not _INTENDED.fullmatch(name) or (path := folder / name).is_symlink():
            continue
        try:
            yield path, msgspec.json.decode(path.read_bytes(), type=list[Evidence])
        except FileNotFoundError:  # another process has just finished it
            continue
        except (OSError, msgspec.MsgspecError) as exc:
            raise EvidenceError("未完成的入库无法读取", where=str(path), cure="移走该文件，重新导入") from exc


def unfinished(directory: Path, names: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the numbers that a filing has written down and not yet filed; `names` lie in the folder.

    Raises:
        EvidenceError: what it has written down cannot be read.

    """
    folder = folder_of(directory)
    return tuple(
        one.id
        for _, records in intentions(folder, names)
        for one in records
        if not (folder / f"{one.id}.yaml").exists()
    )
