"""What people wrote beside the fields: comments of engagement.yaml, and paths of their own machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from .faults import Fault

_QUOTED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'")
_COMMENT: Final = re.compile(r"(?:^|\s)#.*$")
# Somebody's own folder: it tells who worked where, and leads nowhere on another machine.
_OWN_FOLDER: Final = re.compile(
    r"(?:/home/|/Users/|[A-Za-z]:\\+Users\\+)[^\s/\\\"']+|file:///", re.IGNORECASE
)
_SHOWN: Final = 5


def comments(text: str, shipped: str) -> Iterator[Fault]:
    """Yield the comments that are not those of the shipped template: they would leave with the packet."""
    known = {_comment(line) for line in shipped.splitlines()}
    lines = [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if (found := _comment(line)) and found not in known
    ]
    if lines:
        yield Fault(
            place=f"engagement.yaml:{lines[0]}",
            message=f"第 {_numbers(lines)} 行有自写的注释，会随封存包交出",
            cure="删去注释；须说明的写进相应字段",
        )


def _comment(line: str) -> str:
    hit = _COMMENT.search(_QUOTED.sub(lambda one: "-" * len(one.group()), line))
    return line[hit.start() :].strip().lstrip("#").strip() if hit else ""


def own_paths(payload: Mapping[str, Path | bytes], directory: Path) -> Iterator[Fault]:
    """Yield the files written by people that name a folder of this machine."""
    here = str(directory.resolve())
    for name, source in sorted(payload.items()):
        if PurePosixPath(name).suffix != ".yaml" or name.startswith("suites/"):
            continue
        data = source.read_bytes() if isinstance(source, Path) else source
        lines = [
            number
            for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1)
            if here in line or _OWN_FOLDER.search(line)
        ]
        if lines:
            yield Fault(
                place=f"{name}:{lines[0]}",
                message=f"第 {_numbers(lines)} 行是本机的绝对路径",
                cure="改为相对项目目录的路径，或删去",
            )


def _numbers(lines: list[int]) -> str:
    return "、".join(map(str, lines[:_SHOWN])) + ("…" if len(lines) > _SHOWN else "")
