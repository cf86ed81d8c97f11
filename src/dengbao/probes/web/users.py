"""Creates a user of ours, and then others of the same name; removes every one of them."""

from __future__ import annotations

from collections import Counter
from typing import Final

from ...model import Asset
from ..base import Context, Observed
from .browser import opened
from .entering import Unclear, as_web
from .facts_identity import CreateTry, WebUniqueness
from .leaving import leave
from .login import turn
from .managing import KINDS, LIMITS, Managing, Task, begin, declared_parts, manage, take_back
from .reading import find_json

TASK: Final = Task("user", "1.a.2", "新建测试用户，再以相同用户名新建，验证唯一性")


async def probe(asset: Asset, context: Context) -> Observed:
    """Create a user, then the same name again, in other case and with a space, and another name; remove all.

    The other name is the control: where it is refused, too, the name was not the reason.

    Sends: one login of the administering account; the list of users; at most five requests that create and as
        many that remove.
    Changes: users of ours come into being and are removed again.
    Level: intrude.

    Raises:
        NotDeclared, NotSupported, Unclear and what a visit raises.

    """
    web = as_web(asset)
    _, create, remove = declared_parts(web)
    async with turn(web), opened(web, context, probe="web.uniqueness", limits=LIMITS) as browser:
        managing, _ = await manage(browser, web, context, TASK)
        names, doubled = await _listed(managing)
        await begin(managing)
        tries: list[CreateTry] = []
        for kind in KINDS:
            tries.append(await managing.create(create, kind))
            if tries[0].created is not True or (kind == "space" and tries[1].created):
                break  # without a user of that name, or with two of them, the others prove nothing
        gone = await managing.clear(remove)
        if tries[0].told is True and tries[0].created is None:
            raise Unclear(
                "应答称已新建用户，而用户列表未显示",
                cure="登记显示全部用户的列表或 find_path，人工核对并删除测试用户",
            )
        await leave(managing.visitor, web)
    facts = WebUniqueness(
        method=create.method, path=create.path, tries=tuple(tries), removed=gone, names=names,
        doubled=doubled,
    )  # fmt: skip
    return Observed((facts,), privilege=f"账户 {managing.account.id}")


async def _listed(managing: Managing) -> tuple[int | None, tuple[str, ...] | None]:
    """Return how many names a JSON list holds, and masked those that stand in it more than once."""
    if not managing.admin.usernames:
        return None, None
    chain = await managing.visitor.visit(managing.admin.list_path)
    names = list(_values(chain.last.document.data, managing.admin.usernames))
    if not names:
        return None, None
    counted = Counter(one.strip().casefold() for one in names)
    return len(counted), tuple(sorted(masked(one) for one, count in counted.items() if count > 1))


def masked(name: str) -> str:
    """Return a user name as it may be kept: people's names serve as user names, too."""
    return f"{name[:1]}***" if name else ""


def _values(data: object, key: str) -> list[str]:
    found: list[str] = []
    stack = [data]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            value = find_json(one, key)
            if isinstance(value, str):
                found.append(value)
            else:
                stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
    return found


async def undo(asset: Asset, context: Context) -> None:
    """Remove the users that an earlier run created and did not remove.

    Sends: one login of the administering account, the list of users, at most five requests that remove.
    Changes: users of ours are removed.
    Level: intrude.

    Raises:
        Unclear: they are still there, or may be; and what a visit raises.

    """
    await take_back(asset, context, TASK)
