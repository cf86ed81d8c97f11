"""Probes that behave in every way a probe may or must not; `asset.note` says how."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from dengbao import errors
from dengbao.model import Asset, Facts, Level, Missing, TlsAsset
from dengbao.probes.base import Context, Observed, ProbeSpec, Purpose

SECRET = "correct-horse-battery"


class Doors(Facts, tag="odd.doors"):
    open: int


class Keys(Facts, tag="odd.keys"):
    count: int


class Other(Facts, tag="odd.other"):
    count: int


@dataclass
class Crowd:
    """How many probes are at work, in all and on each asset."""

    now: dict[str, int] = field(default_factory=dict)
    most_at_once: int = 0
    most_per_asset: int = 0
    most_assets: int = 0
    begun: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def enter(self, asset: str) -> None:
        self.begun.append(asset)
        self.now[asset] = self.now.get(asset, 0) + 1
        self.most_at_once = max(self.most_at_once, sum(self.now.values()))
        self.most_per_asset = max(self.most_per_asset, self.now[asset])
        self.most_assets = max(self.most_assets, sum(1 for one in self.now.values() if one))

    def leave(self, asset: str) -> None:
        self.now[asset] -= 1
        self.done.append(asset)


CROWD = Crowd()
BOLTS: dict[str, str] = {}
RELEASE: list[asyncio.Event] = []
LACK = Missing(fact="odd.keys", reason=errors.Reason.NO_PERMISSION, message=f"口令 {SECRET} 无权读取")
ANSWERS: dict[str, Observed] = {
    "whole": Observed((Doors(open=0), Keys(count=2)), privilege="门卫"),
    "forgetful": Observed((Doors(open=0),)),
    "silent": Observed(),
    "partly": Observed((Doors(open=0),), (LACK,)),
    "contradicts": Observed((Doors(open=0), Keys(count=2)), (LACK,)),
    "twice": Observed((Doors(open=0), Doors(open=1), Keys(count=2))),
    "foreign": Observed((Doors(open=0), Keys(count=2), Other(count=1))),
}


async def look(asset: Asset, context: Context) -> Observed:
    """Do what the asset's note says."""
    how, _, what = asset.note.partition(" ")
    if how == "raises":
        kind: type[errors.ProbeError] = getattr(errors, what)
        raise kind("看不到", cure="换一种办法")
    if how == "breaks":
        raise ZeroDivisionError(SECRET)
    if how == "hangs":
        await asyncio.sleep(600)
    if how == "late":
        raise TimeoutError
    if how == "connects":
        assert isinstance(asset, TlsAsset)
        (await context.guard.connect(asset.address, int(what), asset=asset.id, probe="odd.look")).close()
    if how == "keeps":
        context.secrets.resolve("${ENV:ODD_SECRET}")
        context.keep("seen.txt", f"password is {SECRET}".encode())
        context.say("已看到门")
        context.ledger.begin("try")
        context.ledger.end("try", "refused")
    if how == "changes":
        _change(asset, context, what)
    if how == "intrudes":
        context.announce(Purpose(Level(what), "推门", "4.d.2"), "PUSH /door")
    return ANSWERS.get(how, ANSWERS["whole"])


def _change(asset: Asset, context: Context, then: str) -> None:
    context.ledger.owe("bolt", f"门闩 {SECRET} 已打开")
    BOLTS[asset.id] = "open"
    if then == "dies":
        raise KeyboardInterrupt
    if then == "bows":
        BOLTS[asset.id] = "shut"
        context.ledger.settle("bolt")


async def shut(asset: Asset, context: Context) -> None:
    """Shut what `look` opened, where the bolt lets itself be moved."""
    for debt in context.ledger.debts():
        if BOLTS.get(asset.id) == "stuck":
            raise errors.NoPermission(f"门闩 {SECRET} 卡住", cure="找门卫")
        BOLTS[asset.id] = "shut"
        context.ledger.settle(debt.key)


async def crowd(asset: Asset, context: Context) -> Observed:
    """Stay until released, and note who else is there."""
    CROWD.enter(asset.id)
    try:
        for _ in range(5):
            await asyncio.sleep(0)
    finally:
        CROWD.leave(asset.id)
    return ANSWERS["whole"]


async def waits(asset: Asset, context: Context) -> Observed:
    """Finish at once on assets noted `quick`; elsewhere wait for the release."""
    CROWD.begun.append(asset.id)
    if asset.note != "quick":
        await RELEASE[0].wait()
    CROWD.done.append(asset.id)
    return ANSWERS["whole"]


def spec(
    run: str = "look",
    *,
    name: str = "odd.look",
    level: Level = Level.OBSERVE,
    timeout_s: float = 10.0,
    undo: str = "tests.odd_probes:shut",
) -> ProbeSpec:
    """Return the specification of one of the probes above."""
    return ProbeSpec(
        name=name, title="看门", facts=(Doors, Keys), level=level, timeout_s=timeout_s, undo=undo,
        run=run if ":" in run else f"tests.odd_probes:{run}",
        applies=lambda asset: isinstance(asset, TlsAsset),
    )  # fmt: skip
