"""What a probe is: its specification, what it is given, what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from ..errors import DengbaoError, NotDeclared, Reason
from ..model import Account, Asset, AssetBase, Facts, Level, Missing, ParamValue, Raw, kind_of
from ..scope import Guard
from ..secrets import Secrets
from .logins import Logins
from .sessions import Sessions


@dataclass(frozen=True)
class ProbeSpec:
    """One probe: which facts it brings from which assets, and what it may do.

    `run` is `module:function`, imported only when the probe runs, so that planning stays light.
    `timeout_s` bounds the whole probe from outside. `title` is Chinese, shown as progress. `clause` is the
    item an intrusive probe serves. `undo` is `module:function` (see `Undo`) of a probe that changes things.
    `intrusion` says in Chinese what a probe of a lower level sends besides, where `intrude` is allowed.
    """

    name: str
    title: str
    facts: tuple[type[Facts], ...]
    level: Level
    applies: Callable[[Asset], bool]
    run: str
    timeout_s: float = 120.0
    clause: str = ""
    undo: str = ""
    intrusion: str = ""

    @cached_property
    def fact_kinds(self) -> tuple[str, ...]:
        """Return the names of the facts this probe brings."""
        return tuple(kind_of(one) for one in self.facts)


@dataclass(frozen=True)
class Observed:
    """What a probe brought: facts, what it could not fetch, and with which privilege it looked."""

    facts: tuple[Facts, ...] = ()
    missing: tuple[Missing, ...] = ()
    privilege: str = ""


@dataclass(frozen=True)
class Purpose:
    """Why an intrusive request is sent: authorised level, Chinese words, and the item it serves."""

    level: Level
    text: str
    clause: str


@dataclass(frozen=True)
class Debt:
    """A change on the asset that must be taken back; `key` is the probe's own."""

    key: str
    what: str


def unheard(purpose: Purpose, request: str) -> None:
    """Stand in where nothing intrusive is sent; hearing of it is an error of the program."""
    raise RuntimeError(f"nobody was told of {request} ({purpose.text})")


class Keeper(Protocol):
    """Stores a transcript after redaction and returns its reference."""

    def __call__(self, name: str, data: bytes, /) -> Raw:
        """Store `data` under its digest."""


class Ledger(Protocol):
    """Attempts that leave a trace on the asset, written before they are sent.

    `begin` returns None when the attempt may be sent now, or the outcome noted earlier; it raises
    `Interrupted` when an earlier run began the attempt and was cut off before its outcome.
    """

    def begin(self, key: str) -> str | None:
        """Note the attempt durably before it is sent."""

    def end(self, key: str, outcome: str) -> None:
        """Note what came back."""

    def owe(self, key: str, what: str) -> None:
        """Note durably a change that must be taken back, before it is made; `what` is Chinese, no secrets."""

    def settle(self, key: str) -> None:
        """Note that a change was taken back, or was never made."""

    def debts(self) -> tuple[Debt, ...]:
        """Return the changes of this probe on this asset that were not taken back yet, oldest first."""

    def remember(self, key: str, text: str) -> None:
        """Note durably what taking back may need; no secrets, nothing personal."""

    def recall(self, key: str) -> str | None:
        """Return what was remembered, also by an earlier run; None where nothing was."""


class Announce(Protocol):
    """Notes an intrusive request before it is sent."""

    def __call__(self, purpose: Purpose, request: str, /) -> None:
        """Write level, purpose, clause and the request (no secrets, no query values) to the event log.

        Raises:
            NotAuthorised: the scope does not allow the level.

        """


class Undo(Protocol):
    """Takes back what a probe changed, also after a crash; settles each debt that is put right.

    It must be safe to call again, and it must not take back what the probe never changed.
    """

    async def __call__(self, asset: Asset, context: Context, /) -> None:
        """Work through `context.ledger.debts()`; raise ProbeError where one cannot be put right."""


class Probe(Protocol):
    """The code a specification names."""

    async def __call__(self, asset: Asset, context: Context, /) -> Observed:
        """Look at the asset; return facts or a note for every kind of the specification."""


@dataclass(frozen=True)
class Context:
    """What a probe is given besides its asset.

    Files inside `folder`, the engagement's own, may be read without `scope.local`. `assets` are all of the
    engagement by id: a probe may look at its own asset through another one, such as its host.
    `vulnerabilities` is the store of known holes, which need not be there.
    """

    guard: Guard
    secrets: Secrets
    keep: Keeper
    ledger: Ledger
    profile: Mapping[str, ParamValue] = field(default_factory=dict)
    say: Callable[[str], None] = lambda _text: None
    engines: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    logins: Logins = field(default_factory=Logins)
    assets: Mapping[str, Asset] = field(default_factory=dict)
    vulnerabilities: Path | None = None
    announce: Announce = unheard
    sessions: Sessions = field(default_factory=Sessions)

    def other(self, asset: AssetBase, asset_id: str) -> Asset:
        """Return another asset of the engagement that `asset` refers to.

        Raises:
            NotDeclared: no asset of that id.

        """
        found = self.assets.get(asset_id)
        if found is None:
            raise NotDeclared(
                f"未找到测评对象“{asset_id}”",
                where=f"engagement.yaml 测评对象 {asset.id}",
                cure="登记该测评对象，或改正所引用的编号",
            )
        return found

    def account(self, asset: AssetBase, account_id: str) -> Account:
        """Return a declared account of the asset.

        Raises:
            NotDeclared: no account of that id.

        """
        found = asset.find_account(account_id)
        if found is None:
            raise NotDeclared(
                f"未找到账户“{account_id or '（空）'}”",
                where=f"engagement.yaml 测评对象 {asset.id}",
                cure="在 accounts 中登记该账户，并在相应位置引用其 id",
            )
        return found

    def password(self, asset: AssetBase, account: Account) -> str:
        """Return the password of an account, resolved from its reference."""
        if not account.secret:
            raise NotDeclared(
                f"账户 {account.id} 未填 secret", where=f"测评对象 {asset.id}", cure="写成 ${ENV:名称}"
            )
        return self.secrets.resolve(account.secret, label=f"{asset.id}/{account.username}")


def missing(facts: type[Facts], error: DengbaoError, reason: Reason) -> Missing:
    """Return the note that facts could not be fetched because of `error`."""
    text = error.message + (f"；处理：{error.cure}" if error.cure else "")
    return Missing(fact=kind_of(facts), reason=reason, message=text)
