"""What host checks ask about rights on files: what everybody may write, and access lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.host.identity_facts import HostRights

from .hosts import ask, modes
from .wording import listing

RIGHTS: Final = "host.rights"


def everybody_writes(rights: HostRights) -> Criterion:
    """Return whether nothing in the searched folders can be written by every user."""
    question = "业务、配置、日志目录中是否没有所有用户可写的文件与目录"
    if rights.open_files is None or rights.open_folders is None:
        return ask("everybody", question, None, "所有用户可写的文件未能全部查找", RIGHTS)
    found = (*rights.open_folders, *rights.open_files)
    where = f"{listing(rights.searched, 4)}目录" if len(rights.searched) > 4 else listing(rights.searched)
    numbers = f"目录 {len(rights.open_folders)} 个、文件 {len(rights.open_files)} 个"
    seen = f"{where}下（四层以内）所有用户可写（未设粘滞位）的{numbers}"
    seen += f"：{modes(found[:4])}" if found else ""
    if rights.skipped:
        seen += f"；其下 {listing(rights.skipped, 4)} 为网络或未识别的文件系统，未查找"
    met = False if found else None if rights.skipped else True
    return ask("everybody", question, met, seen, RIGHTS)


def acl_writers(rights: HostRights, paths: Iterable[str]) -> tuple[str, ...]:
    """Return `path（user:app:rw-）` for entries that let others than root write one of the paths."""
    wanted = tuple(paths)
    return tuple(
        f"{one.path}（{entry}）"
        for one in rights.acls or ()
        if one.path in wanted or one.path.startswith("/etc/sudoers.d/")
        for entry in one.entries or ()
        if "w" in entry.rsplit(":", 1)[-1] and entry.split(":")[1:2] != ["root"]
    )


def unread_acls(rights: HostRights, paths: Iterable[str]) -> bool:
    """Tell whether one of the paths has an access list whose entries are not known."""
    wanted = tuple(paths)
    return rights.acls is None or any(one.entries is None and one.path in wanted for one in rights.acls)


def acls_seen(rights: HostRights) -> str:
    """Return how many access lists there are beyond modes, with the first of them."""
    if rights.acls is None:
        return "访问控制列表未能查看"
    if not rights.acls:
        return "所查文件未另设访问控制列表"
    named = [f"{one.path}（{listing(one.entries or ('内容未能查看',), 3)}）" for one in rights.acls]
    return f"另设访问控制列表的文件 {len(rights.acls)} 个：{listing(named, 4)}"
