"""What is asked before a run starts: the probes that intrude, by name, and passwords nobody can look up."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from ..errors import UsageError
from ..model import Asset, DatabaseAsset, Level, WebAsset
from ..restraint import PART
from ..secrets import PROMPT
from ..underway import Step, intrusive
from .filled import Filled

_ENV: Final = re.compile(r"\$\{ENV:([A-Za-z_][A-Za-z0-9_]*)\}")
MOST_SECRET: Final = 1000
LEVELS: Final = {
    Level.OBSERVE: "只查看，不登录",
    Level.LOGIN: "以登记的账户登录后查看，不改动",
    Level.INTRUDE: "会在对方日志中留下痕迹，或作改动后恢复",
    Level.DISRUPT: "可能影响使用，如锁定测试账户",
}


@dataclass(frozen=True)
class Asked:
    """A probe that is to be confirmed; `part` is what a probe of a lower level sends besides."""

    step: Step
    part: bool = False

    @property
    def name(self) -> str:
        """Return the word for `dengbao run --without`."""
        return f"{self.probe}@{self.step.asset.id}"

    @property
    def probe(self) -> str:
        """Return the probe's own name, or its part's."""
        return self.step.spec.name + (PART if self.part else "")

    @property
    def level(self) -> Level:
        """Return what it needs."""
        return Level.INTRUDE if self.part else self.step.spec.level

    @property
    def title(self) -> str:
        """Return in Chinese what it does."""
        spec = self.step.spec
        return f"{spec.title}：{spec.intrusion}" if self.part else spec.title


@dataclass(frozen=True)
class Secret:
    """A password or key that is to be given; `env` is the variable for it, else it answers for `label`.

    `also` is what else the same variable is for: it is asked for once.
    """

    label: str
    env: str = ""
    what: str = "口令"
    also: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Return whose it is, and what."""
        return f"{self.label} 的{self.what}"


def asked_first(steps: Iterable[Step], authorised: Level) -> tuple[Asked, ...]:
    """Return what must be confirmed by name, asset by asset."""
    return tuple(
        Asked(one, part=one.spec.level.rank < Level.INTRUDE.rank) for one in intrusive(steps, authorised)
    )


def without(asked: Iterable[Asked], confirmed: Iterable[str]) -> tuple[str, ...]:
    """Return the words of `dengbao run --without` for all that was not confirmed.

    Raises:
        UsageError: something was confirmed that is not asked.

    """
    listed = tuple(asked)
    chosen = set(confirmed)
    if strangers := chosen.difference(one.name for one in listed):
        raise UsageError(
            f"计划已变化，没有待确认的 {'、'.join(sorted(strangers))[:200]}", cure="重新核对后再开始"
        )
    return tuple(one.name for one in listed if one.name not in chosen)


def needed(steps: Iterable[Step], authorised: Level) -> tuple[Secret, ...]:
    """Return the passwords of the accounts that probes will log in with and that nobody can look up here."""
    open_steps = [one for one in steps if one.open and one.spec.level is not Level.OBSERVE]
    assets = {one.asset.id: one.asset for one in open_steps if one.spec.level.rank <= authorised.rank}
    found: dict[tuple[str, str], Secret] = {}
    for one in (secret for asset in assets.values() for secret in _of(asset)):
        key = (one.env, "" if one.env else one.label)
        first = found.setdefault(key, one)
        if first.title != one.title and one.title not in first.also:
            found[key] = replace(first, also=(*first.also, one.title))
    return tuple(found.values())


def secrets_given(filled: Filled, wanted: Iterable[Secret]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the passwords by label and by variable; they are handed on, and kept nowhere.

    Raises:
        UsageError: one cannot be a password.

    """
    answers: dict[str, str] = {}
    env: dict[str, str] = {}
    for one in wanted:
        value = filled.raw(f"secret:{one.label}")
        if len(value) > MOST_SECRET or "\0" in value:
            raise UsageError(f"{one.label} 的口令过长或含不能使用的字符", cure="重新填写")
        if value:
            (env if one.env else answers)[one.env or one.label] = value
    return answers, env


def may_need_a_person(steps: Iterable[Step], authorised: Level) -> bool:
    """Tell whether an application will be logged in to, where a captcha may stand in the way."""
    open_steps = [one for one in steps if one.open and one.spec.level is not Level.OBSERVE]
    assets = [one.asset for one in open_steps if one.spec.level.rank <= authorised.rank]
    logins = [one.login for one in assets if isinstance(one, WebAsset)]
    return any(one is not None and one.style != "session" for one in logins)


def has_display() -> bool:
    """Tell whether a browser's window could be shown here, as `probes.web.chromium` does (slow to import)."""
    return os.name == "nt" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def assisted(filled: Filled) -> bool:
    """Tell whether somebody sits ready to log in where a captcha asks for it.

    Raises:
        UsageError: somebody does, and no window can be shown.

    """
    if filled.raw("assist") != "yes":
        return False
    if not has_display():
        raise UsageError("本机没有图形界面，不能打开浏览器窗口", cure="取消“由人登录”后再开始")
    return True


def _of(asset: Asset) -> Iterator[Secret]:
    for reference, label, what in _references(asset):
        env = _ENV.fullmatch(reference)
        if reference.startswith(PROMPT):
            yield Secret(label, what=what)
        elif env is not None and not os.environ.get(env.group(1)):
            yield Secret(label, env.group(1), what)


def _references(asset: Asset) -> Iterator[tuple[str, str, str]]:
    """Yield every reference of an asset with the label under which a probe asks for it, and what it is."""
    for account in asset.accounts:
        yield account.secret, f"{asset.id}/{account.username}", "口令"
        yield account.otp, f"{asset.id}/{account.id}/otp", "动态口令种子"
    if isinstance(asset, DatabaseAsset):
        for row in asset.integrity:
            yield row.key, f"{asset.id}/{row.table}", "校验值的密钥"
    if isinstance(asset, WebAsset) and asset.app is not None:
        for message in asset.app.messages:
            if message.signature is not None:
                yield message.signature.key, f"{asset.id}/{message.id}", "报文的密钥"
