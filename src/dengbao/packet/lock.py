"""Locked while sealed: the packet still is what lies in the folder, and nobody has unlocked it since.

A change would make the packet a draft again and void every approval, so it is a step of its own, with a
reason, in the log of custody. The lock comes back with the next sealing. Page and command line hold it alike.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import DengbaoError, UsageError
from ..model import CustodyEntry, Person
from .current import Current, is_changed, newest_packet
from .custody import note, read_custody
from .layout import CUSTODY

UNLOCKED = "unlocked"
_SHORTEST_REASON = 4


def lock_of(directory: Path) -> Current | None:
    """Return the packet that locks an engagement; None where nothing was sealed, or it is a draft again.

    Folders that are damaged are not locked: the packet is no longer what lies there.
    """
    try:
        entries = read_custody(directory / CUSTODY)
        if was_unlocked(entries):
            return None
        current = newest_packet(directory)
        return None if current is None or is_changed(directory, current) else current
    except DengbaoError:
        return None


def refuse_when_locked(directory: Path) -> None:
    """Refuse to change what was sealed; what writes an engagement folder asks this before it begins.

    Raises:
        UsageError: it is locked; the packet is named, and the way on.

    """
    current = lock_of(directory)
    if current is None:
        return
    raise UsageError(
        f"已封存，不能改动（第 {current.seal.round} 轮，摘要 {current.packet[:16]}…）："
        "任何改动都使封存包失效，四方已有的盖章随之作废",
        where=str(current.path),
        cure=f"确要改动的，先 dengbao unlock {directory} --by 姓名/单位 --why 理由；改动后重新封存、盖章",
    )


def was_unlocked(entries: tuple[CustodyEntry, ...]) -> bool:
    """Tell from the log of custody whether somebody went on with the engagement since it was sealed."""
    acts = [one.act for one in entries if one.act in ("sealed", UNLOCKED)]
    return bool(acts) and acts[-1] == UNLOCKED


def unlock(directory: Path, by: Person, why: str) -> Current:
    """Note in the log of custody that somebody goes on with a sealed engagement; return its packet.

    Raises:
        UsageError: it is not locked, or no reason is given. StoreError: the chain of custody is broken.

    """
    if len(why.strip()) < _SHORTEST_REASON:
        raise UsageError("解除锁定须写明理由", cure="写明为什么要改动已封存的内容")
    current = lock_of(directory)
    if current is None:
        raise UsageError("没有锁定：尚未封存，或封存之后已有改动", cure="直接操作")
    note(directory, UNLOCKED, by, {"packet": current.packet, "why": why.strip()})
    return current
