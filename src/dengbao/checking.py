"""The `@check` decorator, the parameters of checks, and the registry of a checks folder."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from .errors import ContentError
from .model import AssetBase, Facts, Judgement, Value

CheckCallable = TypeVar("CheckCallable", bound=Callable[..., Judgement])
_MARK: Final = "__dengbao_check__"
_HALF: Final = "__dengbao_half__"


class Params(Value):
    """Base of a check's parameters: each field is the name of a value in the suite's profile."""


@dataclass(frozen=True)
class FactNeed:
    """One facts argument of a check; an optional one is passed as None when it is missing."""

    name: str
    facts: type[Facts]
    optional: bool


@dataclass(frozen=True)
class Variant:
    """One function of a check: the facts it takes decide on which assets it can judge.

    `half` says in a phrase what people must add before the item can be 符合; empty where the facts
    decide alone.
    """

    check: str
    function: Callable[..., Judgement]
    needs: tuple[FactNeed, ...]
    params: type[Params] | None
    params_name: str
    asset_name: str
    source: Path
    half: str = ""

    @property
    def doc(self) -> str:
        """Return the function's docstring."""
        return (self.function.__doc__ or "").strip()


@dataclass
class Registry:
    """All checks of one folder, by id."""

    variants: dict[str, list[Variant]] = field(default_factory=dict)

    def ids(self) -> tuple[str, ...]:
        """Return all check ids, sorted."""
        return tuple(sorted(self.variants))

    def of(self, check: str) -> tuple[Variant, ...]:
        """Return the variants of a check, none if there is no such check."""
        return tuple(self.variants.get(check, ()))

    def __iter__(self) -> Iterator[Variant]:
        """Yield every variant, ordered by check id."""
        for check_id in self.ids():
            yield from self.variants[check_id]


def check(check_id: str, *, half: str = "") -> Callable[[CheckCallable], CheckCallable]:
    """Mark a pure function as a variant of the check `check_id` (`chapter.question`).

    `half` is given where the function may return `Coverage.PARTIAL`: what people must add.

    Arguments are told apart by their annotation: subclasses of `Facts` (or `X | None` where the
    check can go on without), at most one subclass of `Params`, at most one kind of `Asset`.
    """

    def mark(function: CheckCallable) -> CheckCallable:
        setattr(function, _MARK, check_id)
        setattr(function, _HALF, half)
        return function

    return mark


def load(folder: Path) -> Registry:
    """Import every module under `folder` and return its checks.

    Raises:
        ContentError: a module does not import, or a check's signature is not understood.

    """
    package = f"dengbao_checks_{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]}"
    _import_package(package, folder)
    registry = Registry()
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if parts[-1] == "__init__":
            continue
        module = _import(".".join((package, *parts)), path)
        for function in vars(module).values():
            check_id = getattr(function, _MARK, None)
            if isinstance(check_id, str) and function.__module__ == module.__name__:
                registry.variants.setdefault(check_id, []).append(_variant(check_id, function, path))
    return registry


def _import_package(name: str, folder: Path) -> None:
    if name in sys.modules:
        return
    init = folder / "__init__.py"
    if not init.is_file():
        raise ContentError("检查目录缺少 __init__.py", where=str(folder), cure="补上空的 __init__.py")
    spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise ContentError("无法载入检查目录", where=str(folder))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as exc:  # a door: content is written by others and may break in any way
        del sys.modules[name]  # a half package must not pass for a loaded one at the next call
        raise _does_not_load(init, exc) from exc


def _import(name: str, path: Path) -> types.ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as exc:
        raise _does_not_load(path, exc) from exc


def _does_not_load(path: Path, exc: Exception) -> ContentError:
    """Return the error for a module of others that broke in whatever way: its author mends it."""
    text = f"检查文件无法载入：{type(exc).__name__} {exc}"
    return ContentError(text.rstrip(), where=str(path), cure="修正该文件后重试")


def _hints(check_id: str, function: Callable[..., Judgement], where: str) -> dict[str, object]:
    """Return argument name → annotation; every argument must have one, and the result be a Judgement."""
    try:
        hints = typing.get_type_hints(function)
    except (NameError, AttributeError, TypeError) as exc:
        raise ContentError(
            f"检查 {check_id} 的注解无法解析：{exc}", where=where, cure="改正注解，或补上 import"
        ) from exc
    if hints.pop("return", None) is not Judgement:
        raise ContentError(f"检查 {check_id} 必须返回 Judgement", where=where, cure="写上 -> Judgement")
    silent = [name for name in inspect.signature(function).parameters if name not in hints]
    if silent:
        raise ContentError(
            f"检查 {check_id} 的参数 {silent[0]} 没有注解", where=where, cure="注明是哪种事实、参数或测评对象"
        )
    return hints


def _variant(check_id: str, function: Callable[..., Judgement], path: Path) -> Variant:
    where = f"{path}:{function.__code__.co_firstlineno}" if hasattr(function, "__code__") else str(path)
    needs: list[FactNeed] = []
    params: type[Params] | None = None
    params_name = asset_name = ""
    for name, hint in _hints(check_id, function, where).items():
        need = _need(name, hint)
        if need is not None:
            needs.append(need)
        elif not params_name and isinstance(hint, type) and issubclass(hint, Params):
            params, params_name = hint, name
        elif not asset_name and _is_asset(hint):
            asset_name = name
        else:
            raise ContentError(
                f"检查 {check_id} 的参数 {name} 类型不明",
                where=where,
                cure="只能是事实、至多一个 Params、至多一种测评对象",
            )
    if all(one.optional for one in needs):
        raise ContentError(
            f"检查 {check_id} 至少要用一种事实", where=where, cure="至少一个参数是不带 | None 的事实"
        )
    half = str(getattr(function, _HALF, ""))
    return Variant(check_id, function, tuple(needs), params, params_name, asset_name, path, half)


def _need(name: str, hint: object) -> FactNeed | None:
    if isinstance(hint, type) and issubclass(hint, Facts):
        return FactNeed(name, hint, optional=False)
    args = typing.get_args(hint)
    if len(args) == 2 and type(None) in args:
        inner = next(one for one in args if one is not type(None))
        if isinstance(inner, type) and issubclass(inner, Facts):
            return FactNeed(name, inner, optional=True)
    return None


def _is_asset(hint: object) -> bool:
    if isinstance(hint, type):
        return issubclass(hint, AssetBase)
    args = typing.get_args(hint)
    return bool(args) and all(isinstance(one, type) and issubclass(one, AssetBase) for one in args)
