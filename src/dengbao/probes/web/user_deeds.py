"""Deeds on a user of ours that must be audited: it is created, given rights, disabled and removed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ...errors import ProbeError
from ...model import Asset, Call, UserAdmin
from ..base import Context
from .calls import perform
from .managing import Managing, Task, take_back

TASK: Final = Task("trail", "3.a.3", "新建测试用户，再到审计记录中查找")
_CHANGES: Final = {
    "grant": "变更检测时新建的测试用户的权限，再到审计记录中查找",
    "disable": "停用检测时新建的测试用户，再到审计记录中查找",
}


@dataclass(frozen=True)
class DoneToUser:
    """One deed: when it began, and whether it was carried out. `problem` is Chinese."""

    kind: str
    request: str
    begun: datetime
    done: bool | None
    problem: str = ""


def can_manage(users: UserAdmin | None) -> bool:
    """Tell whether a user of ours can be created and removed again."""
    return users is not None and bool(users.create and users.remove and users.list_path)


async def done_to_a_user(managing: Managing) -> AsyncIterator[DoneToUser]:
    """Create a user, change its rights and disable it where declared, remove it; yield each as it was done.

    Nothing is done where one of this name is there already.
    """
    users = managing.admin
    if users.create is None or users.remove is None or not await managing.gone():
        return
    begun = _now()
    created = False
    try:
        made = await managing.create(users.create, "new")
        created = made.created is True
        yield DoneToUser("create", _request(users.create), begun, made.created)
        for kind, call in (("grant", users.grant), ("disable", users.disable)):
            if created and call is not None:
                yield await _changed(managing, kind, call)
    except ProbeError as exc:
        yield DoneToUser("create", _request(users.create), begun, None, exc.message)
    finally:
        begun = _now()
        gone = not managing.owed() or await managing.clear(users.remove)
    if created:
        yield DoneToUser("remove", _request(users.remove), begun, True if gone else None)


async def _changed(managing: Managing, kind: str, call: Call) -> DoneToUser:
    begun = _now()
    values = {"username": managing.name("new"), "role": managing.admin.grant_role or managing.admin.role}
    if "new" in managing.ids:
        values["created"] = managing.ids["new"]
    try:
        visitor = managing.visitor.intruding(managing.task.purpose(_CHANGES[kind]))
        reply = await perform(visitor, call, values)
    except ProbeError as exc:
        return DoneToUser(kind, _request(call), begun, None, exc.message)
    return DoneToUser(kind, _request(call), begun, reply.done)


def _request(call: Call) -> str:
    return f"{call.method} {call.path}"


def _now() -> datetime:
    return datetime.now().astimezone()


async def undo(asset: Asset, context: Context) -> None:
    """Remove the user that an earlier run created and did not remove.

    Sends: one login of the administering account, the list of users, one request that removes.
    Changes: a user of ours is removed.
    Level: intrude.

    Raises:
        Unclear: it is still there, or may be; and what a visit raises.

    """
    await take_back(asset, context, TASK)
