"""Reads the records `EV-0001.yaml` … of an engagement's `evidence/`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ..errors import DengbaoError, EvidenceError
from ..files import names_in
from ..model import Evidence
from ..reading import Mistake, apart, raise_all, read_value, refuse
from ..yamlfile import Document, read_yaml
from .attached import MAX_FILES, name_fault

FOLDER: Final = "evidence"
ID: Final = re.compile(r"EV-(\d{4,9})")
_RECORD: Final = re.compile(r"EV-\d{4,9}\.yaml")


def folder_of(directory: Path) -> Path:
    """Return where the evidence of an engagement folder lies."""
    return directory / FOLDER


def record_paths(directory: Path) -> list[Path]:
    """Return the record files of an engagement folder, in the order of their numbers.

    Raises:
        EvidenceError: a YAML file there is not called like a record.

    """
    folder = folder_of(directory)
    return [folder / one for one in record_names(folder, names_in(folder))] if folder.is_dir() else []


def record_names(folder: Path, names: Iterable[str]) -> list[str]:
    """Return which of the names in an evidence folder are records, in the order of their numbers.

    Raises:
        EvidenceError: a YAML file there is not called like a record.

    """
    found = [one for one in names if one.lower().endswith((".yaml", ".yml"))]
    stray = [one for one in found if not _RECORD.fullmatch(one)]
    if stray:
        raise EvidenceError(
            "佐证记录的文件名不合规则",
            where=str(folder / stray[0]),
            cure="记录写成 EV-0001.yaml；附件用别的扩展名",
        )
    return sorted(found, key=lambda one: (int(one[3:-5]), one))


def load(path: Path) -> Evidence:
    """Return one record.

    Raises:
        EvidenceError: with every mistake in it, each with `file:line`.

    """
    return read_record(read_document(path))


def read_document(path: Path) -> Document:
    """Return a record's YAML.

    Raises:
        EvidenceError: not readable, a symbolic link, or not YAML.

    """
    if path.is_symlink():
        raise EvidenceError("不接受符号链接", where=str(path), cure="换成文件本身")
    return read_yaml(path, EvidenceError)


def read_record(document: Document) -> Evidence:
    """Return the record that a document holds.

    Raises:
        EvidenceError: with every mistake in it.

    """
    record = read_value(document, Evidence, EvidenceError)
    refuse(document, EvidenceError, _mistakes(document, record))
    return record


def _mistakes(document: Document, record: Evidence) -> Iterator[Mistake]:
    if record.id != document.path.stem:
        yield Mistake(("id",), f"编号“{record.id[:40]}”与文件名不一致", f"写成 {document.path.stem}")
    if not record.items:
        yield Mistake(("items",), "没有写明用于哪些测评项", '如 items: ["1.a.3"]')
    if len(record.files) > MAX_FILES:
        yield Mistake(("files",), f"附件超过 {MAX_FILES} 个", "拆成几条佐证")
    for number, file in enumerate(record.files):
        fault = name_fault(file.name)
        if fault:
            place = ("files", number, "name")
            yield Mistake(place, fault, "用 dengbao evidence add 入库，程序会另起文件名")
        for key, digits in (("sha256", file.sha256), ("sm3", file.sm3)):
            if digits and not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
                yield Mistake(
                    ("files", number, key), f"{key} 应是 64 位十六进制数", "用 dengbao evidence add 入库"
                )


def load_all(directory: Path) -> list[Evidence]:
    """Return every record of an engagement folder, in the order of their numbers.

    Raises:
        EvidenceError: with every mistake in every record, each with `file:line`.

    """
    records: list[Evidence] = []
    errors: list[DengbaoError] = []
    for path in record_paths(directory):
        try:
            records.append(load(path))
        except EvidenceError as exc:
            errors += apart(exc)
    raise_all(errors)
    return records
