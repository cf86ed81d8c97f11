"""What options and arguments may hold: each turns a word into a value, or refuses it in Chinese."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import click

from ..model import Person

Chosen = TypeVar("Chosen")
_DAY: Final = "%Y-%m-%d"
_MINUTE: Final = "%Y-%m-%dT%H:%M"


def choice(meanings: Mapping[str, Chosen]) -> Callable[[str], Chosen]:
    """Return what takes one of a few words and returns what it means."""

    def one_of(value: str) -> Chosen:
        if value not in meanings:
            raise click.BadParameter(f"没有“{value}”，可选：{'、'.join(meanings)}")
        return meanings[value]

    return one_of


def folder(value: str) -> Path:
    """Return a folder, which need not be there."""
    path = _path(value)
    if path.exists() and not path.is_dir():
        raise click.BadParameter(f"“{path}”是文件，应为目录")
    return path


def existing_folder(value: str) -> Path:
    """Return a folder that is there."""
    path = folder(value)
    if not path.is_dir():
        raise click.BadParameter(f"没有目录“{path}”")
    return path


def file(value: str) -> Path:
    """Return a file, which need not be there."""
    path = _path(value)
    if path.is_dir():
        raise click.BadParameter(f"“{path}”是目录，应为文件")
    return path


def existing_file(value: str) -> Path:
    """Return a file that is there."""
    path = file(value)
    if not path.exists():
        raise click.BadParameter(f"没有文件“{path}”")
    return path


def _path(value: str) -> Path:
    if not value or "\0" in value:
        raise click.BadParameter("不是有效的路径")
    return Path(value)


def counted(value: str) -> int:
    """Return a whole number from 1 up."""
    if not (value.isascii() and value.isdecimal() and len(value) <= 6 and int(value) >= 1):
        raise click.BadParameter(f"“{value}”不是从 1 起的整数")
    return int(value)


def day(value: str) -> datetime:
    """Return the beginning of a day on this machine's clock."""
    return _moment(value, (_DAY,), "2027-03-01")


def moment(value: str) -> datetime:
    """Return a time, or the beginning of a day, on this machine's clock."""
    return _moment(value, (_DAY, _MINUTE), "2026-03-01 或 2026-03-01T09:30")


def _moment(value: str, formats: tuple[str, ...], example: str) -> datetime:
    for one in formats:
        try:
            return datetime.strptime(value, one).astimezone()
        except (ValueError, OverflowError):
            continue
    raise click.BadParameter(f"“{value}”不是日期，写成 {example}")


def person(value: str) -> Person:
    """Return a person with an organisation from `张三/某某科技`."""
    name, _, org = (one.strip() for one in value.partition("/"))
    if not name or not org:
        raise click.BadParameter(f"“{value}”缺少姓名或单位，写成 张三/某某科技")
    return Person(name=name, org=org)
