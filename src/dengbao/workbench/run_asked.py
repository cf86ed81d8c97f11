"""What is asked before a run starts: the probes that intrude, by name, and passwords nobody can look up."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ..errors import UsageError
from ..model import Asset, Level
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
    """A password that must be given; `env` is the variable it goes into, else it answers for `label`."""

    label: str
    env: str = ""


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
    return tuple(dict.fromkeys(secret for asset in assets.values() for secret in _of(asset)))


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


def _of(asset: Asset) -> Iterator[Secret]:
    for account in asset.accounts:
        pairs = (
            (account.secret, f"{asset.id}/{account.username}"),
            (account.otp, f"{asset.id}/{account.id}/otp"),
        )
        for reference, label in pairs:
            env = _ENV.fullmatch(reference)
            if reference.startswith(PROMPT):
                yield Secret(label)
            elif env is not None and not os.environ.get(env.group(1)):
                yield Secret(label, env.group(1))
