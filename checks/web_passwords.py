"""How new passwords and new users were received: 1.a.2, 1.a.4."""

from __future__ import annotations

from typing import Final

from dengbao.model import Criterion, Exchange
from dengbao.probes.web.facts_identity import CreateTry, PasswordTry, WebPasswordChange, WebUniqueness

CHANGE: Final = "web.password_change"
UNIQUE: Final = "web.uniqueness"
_WORDS: Final = {
    "single": "单类字符口令", "short": "过短口令", "classes": "字符类别不足的口令", "same": "原口令",
    "username": "含用户名的口令", "strong": "合规口令",
}  # fmt: skip
_NAMES: Final = {"same": "完全相同", "case": "仅大小写不同", "space": "末尾多一空格"}


def complexity(seen: WebPasswordChange, least: int, classes: int) -> tuple[Criterion, ...]:
    """Return a criterion for each weak password that was offered; refusals count if a change works at all."""
    works = any(one.accepted for one in seen.tries if one.kind != "same")
    found = [
        _offered(one, works=works, decisive=one.kind == "single")
        for one in seen.tries
        if _must_be_refused(one, least, classes)
    ]
    asked = {one.name for one in found}
    if any(one.met is False for one in found):
        return tuple(found)
    lacking = [
        kind
        for kind in ("single", "short", "classes")
        if kind not in asked and (kind != "classes" or classes > 2)
    ]
    return (*found, *(_criterion(kind, None, f"{_WORDS[kind]}未测") for kind in lacking))


def _must_be_refused(one: PasswordTry, least: int, classes: int) -> bool:
    if one.kind == "short":
        return one.chars < least
    return one.kind in ("single", "classes") and one.classes < classes


def _offered(one: PasswordTry, *, works: bool, decisive: bool) -> Criterion:
    met = None if one.accepted is None else not one.accepted
    if met and not works:
        met = None
    state = {True: "被接受", False: "被拒绝", None: "是否接受未能确认"}[one.accepted]
    return _criterion(one.kind, met, f"{_shape(one)}{state}（返回 {one.status}）", decisive=decisive)


def _shape(one: PasswordTry) -> str:
    return f"{_WORDS[one.kind]}（{one.chars} 位 {one.classes} 类）"


def _criterion(kind: str, met: bool | None, told: str, *, decisive: bool = False) -> Criterion:
    return Criterion(
        name=kind, question=f"改密时{_WORDS[kind]}是否被服务端拒绝", met=met, measured=told, fact=CHANGE,
        decisive=decisive,
    )  # fmt: skip


def remarks(seen: WebPasswordChange) -> str:
    """Return in Chinese what else was seen: the control, the user's name, the old one, and setting back."""
    parts: list[str] = []
    for kind in ("same", "username"):
        one = seen.of(kind)
        if one is not None and one.accepted is not None:
            parts.append(f"{_WORDS[kind]}{'被接受' if one.accepted else '被拒绝'}")
    strong = seen.of("strong")
    if strong is not None:
        parts.append(f"{_shape(strong)}{'被接受' if strong.accepted else '未被接受，上述拒绝不足以说明问题'}")
    parts.append("测试后已改回原口令" if seen.set_back else "测试后未能改回原口令，须由管理员重置")
    return "；".join(parts)


def change_proofs(seen: WebPasswordChange) -> tuple[Exchange, ...]:
    """Return the changes by which the finding can be seen again."""
    return tuple(
        Exchange(
            request=f"{seen.method} {seen.path}（{_shape(one)}）", answer=f"返回 {one.status}",
            role=f"账户 {seen.account}",
        )
        for one in seen.tries
    )  # fmt: skip


def unique(seen: WebUniqueness) -> tuple[Criterion, ...]:
    """Return a criterion for each name that was created again, and one on the list itself."""
    first = seen.of("new")
    control = seen.of("other")
    # A second new name shows that it was the name for which the others were refused.
    works = all(one is not None and one.created is True for one in (first, control))
    found = [_again(seen, kind, works=works) for kind in ("same", "case", "space")]
    if seen.doubled is not None:
        told = f"用户列表共 {seen.names} 个用户名，" + (
            f"其中 {len(seen.doubled)} 个重复" if seen.doubled else "无重复"
        )
        found.append(
            Criterion(
                name="listed", question="用户列表中的用户名是否不重复", met=not seen.doubled, measured=told,
                fact=UNIQUE, decisive=True,
            )
        )  # fmt: skip
    return tuple(found)


def _again(seen: WebUniqueness, kind: str, *, works: bool) -> Criterion:
    one: CreateTry | None = seen.of(kind)
    created = one.created if one is not None else None
    met = False if created else (True if created is False and works else None)
    if one is None:
        told = f"{_NAMES[kind]}的用户名未测"
    else:
        state = {True: "新建成功", False: "被拒绝", None: "是否新建未能确认"}[created]
        told = f"{_NAMES[kind]}的用户名{state}（返回 {one.status}）"
    return Criterion(
        name=kind, question=f"{_NAMES[kind]}的用户名能否拒绝新建", met=met, measured=told, fact=UNIQUE,
        decisive=kind == "same",
    )  # fmt: skip


def unique_proofs(seen: WebUniqueness) -> tuple[Exchange, ...]:
    """Return the requests by which the finding can be seen again."""
    return tuple(
        Exchange(
            request=f"{seen.method} {seen.path}（{_NAMES.get(one.kind, '新')}用户名）",
            answer=f"返回 {one.status}", role="用户管理员",
        )
        for one in seen.tries
    )  # fmt: skip
