"""What the matrix of roles and functions says: who got what, and what that proves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dengbao.model import Criterion, Exchange
from dengbao.probes.web.facts_access import BLOCKED, Asked, FunctionSeen, WebMatrix

from .hosts import ask
from .wording import listing

FACT: Final = "web.matrix"
_POST_CURE: Final = "在 app.functions 的 post 中填写 system、security 或 audit"
POSTS: Final = {"system": "系统管理", "security": "安全管理", "audit": "审计管理"}
_WAYS: Final = {
    "direct": "", "method": "（改用其他请求方法）", "override": "（以 X-HTTP-Method-Override 改写方法）",
    "pollution": "（同名参数先后给出本人与他人的编号）",
}  # fmt: skip
_REFUSALS: Final = {
    "login": "要求登录", "json_error": "JSON 报错", "unknown_path": "与不存在的路径应答相同",
    "empty": "JSON 无数据", "own_object": "返回的仍是本人的对象", "moved": "转到其他页面",
}  # fmt: skip


def who(cell: Asked) -> str:
    """Return in Chinese who asked: the role and the account, or a stranger."""
    return f"{cell.role}（账户 {cell.account}）" if cell.account else "未登录者"


def asked(cell: Asked) -> str:
    """Return in Chinese what was asked for, so that it can be repeated."""
    what = f"{cell.request}{_WAYS.get(cell.way, '')}"
    whose = f"，对象属{'其他机构的' if cell.across else ''}账户 {cell.owner}"
    return what + (whose if cell.owner and not cell.allowed else "")


def answered(cell: Asked) -> str:
    """Return in Chinese how it was answered."""
    if cell.problem or cell.status is None:
        return cell.problem or "没有应答"
    text = f"返回 {cell.status}"
    if cell.final_status is not None and cell.final_status != cell.status:
        text += f" 后转到 {cell.final_status}"
    words = [one.removeprefix("words ") for one in cell.refusal if one.startswith("words ")]
    said = [_REFUSALS[one] for one in cell.refusal if one in _REFUSALS]
    said += [f"提示“{one}”" for one in words]
    said += [_blocked(one) for one in cell.refusal if one.startswith(BLOCKED)]
    if cell.shown_percent is not None:
        said.append(f"含该功能真实内容的 {cell.shown_percent}%（{cell.own_texts} 段文字）")
    elif cell.same_file:
        said.append("应答为同类型文件")
    if cell.marker is not None:
        said.append("有登记的标志" if cell.marker else "无登记的标志")
    return text + (f"，{'，'.join(said)}" if said else "")


def _blocked(refusal: str) -> str:
    words = refusal.removeprefix(BLOCKED).strip()
    if words == "home":
        return "该账户的首页随后也被禁止，不是因权限而拒绝"
    return f"应答像是防火墙拦截（“{words}”），不是应用因权限而拒绝"


def told(cell: Asked) -> str:
    """Return a cell in Chinese: who, what, how it was answered."""
    return f"{who(cell)} {asked(cell)}：{answered(cell)}"


def forbidden(matrix: WebMatrix) -> tuple[Asked, ...]:
    """Return the cells that must not be granted."""
    return tuple(one for one in matrix.cells if not one.allowed)


def own(matrix: WebMatrix) -> tuple[Asked, ...]:
    """Return the cells of those who may."""
    return tuple(one for one in matrix.cells if one.allowed)


def horizontal(cell: Asked) -> bool:
    """Tell whether a cell asks for another account's object with a role that may use the function."""
    return cell.kind == "horizontal"


def verdict(matrix: WebMatrix, cells: Iterable[Asked]) -> bool | None:
    """Tell whether all of these were refused; None where one does not tell."""
    answers = [matrix.answer(one) for one in cells]
    if any(answers):
        return False
    return None if not answers or None in answers else True


def untested(matrix: WebMatrix) -> tuple[FunctionSeen, ...]:
    """Return the functions that were not asked for, or had nothing to compare with."""
    return tuple(one for one in matrix.functions if one.skipped)


def shut_out(matrix: WebMatrix) -> tuple[Criterion, ...]:
    """Return unknown criteria for role accounts that could not log in: their refusals are not known."""
    return tuple(
        Criterion(
            name=f"login:{one.id}", question=f"角色账户 {one.id} 是否能登录测试", met=None,
            measured=f"角色账户 {one.id} 未能登录（{one.problem}）", fact=FACT,
        )
        for one in matrix.accounts
        if one.id and not one.logged_in
    )  # fmt: skip


def reach(matrix: WebMatrix) -> dict[str, dict[str, bool | None]]:
    """Return for each logged-in account which functions it can use by asking directly."""
    found: dict[str, dict[str, bool | None]] = {}
    for one in matrix.accounts:
        if one.id and one.logged_in:
            found[one.id] = {
                cell.function: matrix.answer(cell)
                for cell in matrix.cells
                if cell.account == one.id and cell.way == "direct" and not horizontal(cell)
            }
    return found


def summary(matrix: WebMatrix) -> str:
    """Return in Chinese how much was asked for."""
    roles = [f"{one.role}（{one.id}）" for one in matrix.accounts if one.id and one.logged_in]
    tried = len({one.function for one in matrix.cells})
    return (
        f"以 {len(roles)} 个角色账户（{listing(roles) or '无'}）及未登录状态请求登记的功能 {tried} 个，"
        f"共 {len(matrix.cells)} 次"
    )


def proofs(matrix: WebMatrix, cells: Iterable[Asked], limit: int = 6) -> tuple[Exchange, ...]:
    """Return the exchanges by which cells can be seen again: what was granted first, then a few refusals."""
    ranked = sorted(cells, key=lambda one: {True: 0, None: 1, False: 2}[matrix.answer(one)])
    return tuple(
        Exchange(request=asked(one), answer=answered(one), at=one.at, role=one.role) for one in ranked[:limit]
    )


def given(matrix: WebMatrix) -> tuple[Criterion, ...]:
    """Return whether those who may were given what they asked for."""
    cells = own(matrix)
    lacking = [one for one in cells if matrix.answer(one) is False]
    unsure = [one for one in cells if matrix.answer(one) is None]
    met = False if lacking else None if unsure or not cells else True
    seen = f"有权的 {len(cells)} 次请求均按登记允许"
    if lacking or unsure:
        what = "被拒绝" if lacking else "未能确认允许"
        seen = f"有权的 {len(cells)} 次请求中{what}：{listing((told(one) for one in lacking or unsure), 3)}"
    return (ask("given", "登记的角色是否均可使用其功能", met, seen if cells else "没有有权的请求", FACT),)


def refused(matrix: WebMatrix, cells: list[Asked]) -> tuple[Criterion, ...]:
    """Return whether those who may not were refused; where all were given, there are no rules at all."""
    met = verdict(matrix, cells)
    granted = [one for one in cells if matrix.answer(one)]
    unsure = [one for one in cells if matrix.answer(one) is None]
    seen = f"无权的 {len(cells)} 次请求均按登记拒绝" if cells else "没有无权的请求"
    if granted or unsure:
        what = "被允许" if granted else "未能确认拒绝"
        seen = f"无权的 {len(cells)} 次请求中{what}：{listing((told(one) for one in granted or unsure), 3)}"
    by_role = [one for one in cells if one.account and not horizontal(one)]
    every = bool(granted) and all(matrix.answer(one) for one in by_role)
    return (ask("refused", "登记以外的角色是否均被拒绝", met, seen, FACT, decisive=every),)


def different(matrix: WebMatrix) -> tuple[Criterion, ...]:
    """Return whether accounts of different roles reach different functions.

    Functions with objects are left out where there are others: an object refused says nothing of the role.
    """
    question = "不同角色的账户可用功能是否不同"
    roles = {one.id: one.role for one in matrix.accounts}
    free = {one.id for one in matrix.functions if not one.objects}
    reached = {
        name: {key: got for key, got in found.items() if not free or key in free}
        for name, found in reach(matrix).items()
    }
    if len({roles[one] for one in reached}) < 2:
        return (ask("different", question, None, f"可登录的角色账户不足两种（{len(reached)} 个）", FACT),)
    known = {name: {key for key, got in found.items() if got} for name, found in reached.items()}
    told_ = "；".join(
        f"{roles[name]}（{name}）可用 {len(got)} 个：{listing(sorted(got)) or '无'}"
        for name, got in known.items()
    )
    unsure = any(got is None for found in reached.values() for got in found.values())
    several = len({frozenset(one) for one in known.values()}) > 1
    met = None if unsure else several
    return (ask("different", question, met, told_, FACT, decisive=True),)


def managing(matrix: WebMatrix) -> dict[str, set[str]]:
    """Return the accounts whose role is declared for functions of a post, with these posts."""
    found: dict[str, set[str]] = {}
    for account in matrix.accounts:
        posts = {one.post for one in matrix.functions if one.post and account.role in one.roles}
        if account.id and posts:
            found[account.id] = posts
    return found


def posts_reached(matrix: WebMatrix) -> dict[str, dict[str, bool | None]]:
    """Return for each logged-in account which posts' functions it reaches."""
    posts = {one.id: one.post for one in matrix.functions if one.post}
    found: dict[str, dict[str, bool | None]] = {}
    for name, functions in reach(matrix).items():
        held: dict[str, bool | None] = {}
        for function, got in functions.items():
            if function in posts:
                post = posts[function]
                held[post] = True if got or held.get(post) else None if got is None else held.get(post, False)
        found[name] = held
    return found


def posts_held(matrix: WebMatrix) -> tuple[Criterion, ...]:
    """Return whether each declared post is held by some account; none declared tells nothing."""
    declared = [one for one in POSTS if any(function.post == one for function in matrix.functions)]
    question = "管理岗位的功能是否均有角色承担"
    if not declared:
        return (
            ask("posts", question, None, f"登记的功能均未注明所属管理岗位，无从核对（{_POST_CURE}）", FACT),
        )
    held = posts_reached(matrix)
    idle = [one for one in declared if not any(found.get(one) for found in held.values())]
    words = "、".join(POSTS[one] for one in declared)
    lacking = "、".join(zh for one, zh in POSTS.items() if one not in declared)
    seen = f"登记有{words}功能" + (f"，未登记{lacking}功能" if lacking else "")
    if idle:
        return (
            ask("posts", question, None, f"{seen}；{listing(POSTS[one] for one in idle)}未见账户可用", FACT),
        )
    return (ask("posts", question, True, f"{seen}，均有账户可用", FACT),)


def separated(matrix: WebMatrix) -> tuple[Criterion, ...]:
    """Return for each account that reaches a post's functions whether it reaches those of one post only."""
    declared = {one.post for one in matrix.functions if one.post}
    if len(declared) < 2:
        seen = f"登记的功能所属管理岗位不足两类，无从核对（{_POST_CURE}）"
        return (ask("posts", "是否登记了两个以上管理岗位的功能", None, seen, FACT),)
    roles = {one.id: one.role for one in matrix.accounts}
    found: list[Criterion] = []
    for name, held in posts_reached(matrix).items():
        got = [one for one in POSTS if held.get(one)]
        unsure = [one for one in declared if held.get(one) is None]
        met = False if len(got) > 1 else None if unsure else True
        if not got and met:
            continue
        words = listing(POSTS[one] for one in got) or "无"
        seen = f"{roles[name]}（账户 {name}）可用的管理功能属：{words}"
        seen += f"，{listing(POSTS.get(one, one) for one in unsure)}未能确认" if unsure else ""
        every = len(got) > 1 and set(got) == declared
        found.append(
            ask(f"one:{name}", f"账户 {name} 是否只承担一个管理岗位", met, seen, FACT, decisive=every)
        )
    if not found:
        found.append(ask("held", "是否有账户承担管理岗位", None, "没有账户可用管理岗位的功能", FACT))
    return tuple(found)


def administrators_limited(matrix: WebMatrix) -> tuple[Criterion, ...]:
    """Return for each account of a post whether it was refused what is not declared for it."""
    found: list[Criterion] = []
    roles = {one.id: one.role for one in matrix.accounts if one.logged_in}
    for name in managing(matrix):
        cells = [one for one in forbidden(matrix) if one.account == name]
        if name not in roles or not cells:
            continue
        granted = [one for one in cells if matrix.answer(one)]
        met = verdict(matrix, cells)
        seen = f"{roles[name]}（账户 {name}）请求登记以外的功能 {len(cells)} 次"
        telling = granted or [one for one in cells if matrix.answer(one) is None]
        seen += (
            f"，{'取得' if granted else '不能确认'}：{listing((told(one) for one in telling), 3)}"
            if telling
            else "，均被拒绝"
        )
        every = bool(granted) and len(granted) == len(cells)
        found.append(ask(f"limited:{name}", f"账户 {name} 是否没有多余权限", met, seen, FACT, decisive=every))
    if not found:
        found.append(ask("limited", "管理账户是否没有多余权限", None, _unposted(matrix), FACT))
    return tuple(found)


def _unposted(matrix: WebMatrix) -> str:
    """Return in Chinese why no account counts as an administrator's, and what helps."""
    if not any(one.post for one in matrix.functions):
        return (
            f"登记的功能均未注明所属管理岗位，无法确定哪些是管理账户（{_POST_CURE}，并登记该岗位的角色账户）"
        )
    return (
        "管理岗位的账户不能登录测试，或登记的功能均为其有权使用，无从核对"
        "（登记其账户及其无权使用的功能后重测）"
    )
