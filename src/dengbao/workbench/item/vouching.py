"""The tick “personal data in the files is covered” holds for the files that were there when it was set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

FIELD: Final = "redacted"
LAPSED: Final = "新附的文件还没有核对，“个人信息已遮盖”的勾已取消；逐个核对后再勾选"
_YES: Final = "yes"
_LETTERS: Final = 12


@dataclass(frozen=True)
class Vouched:
    """What is shown: the tick's value for these files, whether it stands, or did before one was added."""

    value: str
    stands: bool
    lapsed: bool
    LAPSED: ClassVar[str] = LAPSED


def value_of(files: Sequence[str]) -> str:
    """Return what the tick says of files, by their digests."""
    return " ".join((_YES, *(one[:_LETTERS] for one in files)))


def stands(told: str, files: Sequence[str]) -> bool:
    """Tell whether a tick was set with all these files in sight."""
    words = set(told.split())
    return bool(words) and all(one[:_LETTERS] in words for one in files)


def vouched(told: str, files: Sequence[str]) -> Vouched:
    """Return the tick as it is to be shown beside files."""
    good = stands(told, files)
    return Vouched(value_of(files), good, bool(told) and not good)


def with_one_covered(told: str, files: Sequence[str], covered: str) -> str:
    """Return the tick after one of the files was covered here; of the others it says what it said before."""
    words = set(told.split())
    return value_of([one for one in files if one == covered or one[:_LETTERS] in words])
