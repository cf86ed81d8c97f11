"""Takes back what probes changed and a crash, a lost connection or a lapsed authority left standing."""

from __future__ import annotations

import asyncio
import importlib
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from .errors import ContentError, ProbeError, UsageError
from .events import EventLog
from .ledger import FileLedger, Hand, ProbeLedger, read_ledger
from .model import Asset, Person
from .probes.base import Context, ProbeSpec, Undo
from .redact import Redactor
from .rounds import claim, round_numbers

UNDO_LIMIT_S: Final = 300.0
LEDGER: Final = "ledger.jsonl"
EVENTS: Final = "events.jsonl"
_SHORTEST_REASON: Final = 4


@dataclass(frozen=True)
class Owed:
    """A change that was not taken back yet; `why` is empty where that was not tried.

    `key` is the ledger's, `hand` tells who took it back by hand: then it is owed no more.
    """

    asset: str
    probe: str
    what: str
    why: str = ""
    key: str = ""
    hand: Hand | None = None


def owed_in(directory: Path) -> tuple[Owed, ...]:
    """Return every change of an engagement that is still to be taken back, from all rounds; reads only."""
    found: list[Owed] = []
    for number in round_numbers(directory):
        owed: dict[str, str] = {}
        for entry in read_ledger(_ledger_of(directory, number)):
            if entry.settled:
                owed.pop(entry.key, None)
            elif entry.owed is not None:
                owed[entry.key] = entry.owed
        found.extend(_owed(key, what) for key, what in owed.items())
    return tuple(found)


def settled_by_hand(directory: Path) -> tuple[Owed, ...]:
    """Return every change of an engagement that a person took back, from all rounds; reads only."""
    return tuple(
        replace(_owed(entry.key, entry.owed or ""), hand=entry.hand)
        for number in round_numbers(directory)
        for entry in read_ledger(_ledger_of(directory, number))
        if entry.settled and entry.hand is not None
    )


def settle_by_hand(directory: Path, key: str, by: Person, how: str) -> tuple[Owed, ...]:
    """Note in ledger and events of every round that owes a change that a person took it back.

    Nothing is sent. Raises:
        UsageError: no reason is given, nothing of this key is owed, or a run is under way.

    """
    if len(how.strip()) < _SHORTEST_REASON:
        raise UsageError(
            "未说明如何恢复", cure="用 --how 写明做了什么、如何核实，如“管理员已删除检测用户并在用户列表核对”"
        )
    hand = Hand(by=by, how=how.strip(), at=datetime.now().astimezone())
    lock = claim(directory)
    try:
        if not any(one.key == key for one in owed_in(directory)):
            raise UsageError(f"没有尚未恢复的改动“{key}”", cure=_owed_keys(directory))
        for number in round_numbers(directory):
            _settle_in(_ledger_of(directory, number), key, hand)
    finally:
        lock.release()
    return tuple(one for one in settled_by_hand(directory) if one.key == key and one.hand == hand)


def _settle_in(path: Path, key: str, hand: Hand) -> None:
    if not path.exists():
        return
    ledger, events = FileLedger(path), EventLog(path.with_name(EVENTS), Redactor())
    try:
        if key in ledger.debts():
            asset, probe, _ = key.split("/", 2)
            who = f"{hand.by.name}（{hand.by.org}）"
            events.note("settled_by_hand", asset=asset, probe=probe, key=key, by=who, how=hand.how)
            ledger.settle_by_hand(key, hand)
    finally:
        ledger.close()
        events.close()


def _owed_keys(directory: Path) -> str:
    keys = dict.fromkeys(one.key for one in owed_in(directory))
    return f"尚未恢复的有：{'、'.join(keys)}" if keys else "dengbao status 所列已全部恢复，无须登记"


@contextmanager
def earlier_ledgers(directory: Path, current: int) -> Iterator[tuple[FileLedger, ...]]:
    """Open the ledgers of other rounds that still owe something."""
    with ExitStack() as stack:
        ledgers: list[FileLedger] = []
        for number in round_numbers(directory):
            path = _ledger_of(directory, number)
            if number != current and path.exists() and any(one.owed for one in read_ledger(path)):
                ledger = FileLedger(path)
                stack.callback(ledger.close)
                ledgers.append(ledger)
        yield tuple(ledgers)


def _ledger_of(directory: Path, number: int) -> Path:
    return directory / "runs" / f"round-{number}" / LEDGER


def _owed(key: str, what: str, why: str = "") -> Owed:
    asset, probe, _ = key.split("/", 2)
    return Owed(asset, probe, what, why, key)


@dataclass(frozen=True)
class TakingBack:
    """How a debt is worked off: which assets and probes there are, and the context a probe is given."""

    assets: Mapping[str, Asset]
    specs: Mapping[str, ProbeSpec]
    context: Callable[[Asset, ProbeSpec, ProbeLedger], Context]
    note: Callable[[Owed], None]

    async def work_off(self, ledgers: Iterable[FileLedger]) -> tuple[Owed, ...]:
        """Call the `undo` of every probe that owes something; return what is still owed, and why.

        Raises:
            OSError: the ledger cannot be written.

        """
        left: list[Owed] = []
        for ledger in ledgers:
            keys = dict.fromkeys(tuple(key.split("/", 2)[:2]) for key in ledger.debts())
            for asset_id, probe in keys:
                why = await self._undo(asset_id, probe, ledger)
                rest = [_owed(key, what, why) for key, what in ledger.debts(f"{asset_id}/{probe}/").items()]
                for one in rest:
                    self.note(one)
                left.extend(rest)
        return tuple(left)

    async def _undo(self, asset_id: str, probe: str, ledger: FileLedger) -> str:
        """Return in Chinese why something is still owed, empty where nothing is."""
        asset, spec = self.assets.get(asset_id), self.specs.get(probe)
        if asset is None or spec is None or not spec.undo:
            return "该测评对象或检测已不在项目中，须人工恢复"
        try:
            async with asyncio.timeout(UNDO_LIMIT_S):
                await _load(spec)(asset, self.context(asset, spec, ledger.for_probe(asset_id, probe)))
        except ProbeError as exc:
            return exc.message + (f"；处理：{exc.cure}" if exc.cure else "")
        except TimeoutError:
            return f"{UNDO_LIMIT_S:g} 秒内未能恢复"
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - a door: one probe's bug must not keep the others from undoing
            return f"恢复程序出错：{traceback.format_exc(limit=-1).splitlines()[-1]}"
        return "恢复程序未说明原因" if ledger.debts(f"{asset_id}/{probe}/") else ""


def _load(spec: ProbeSpec) -> Undo:
    module, _, name = spec.undo.partition(":")
    undo: Undo | None = getattr(importlib.import_module(module), name, None)
    if undo is None:
        raise ContentError(f"探测 {spec.name} 没有恢复入口 {spec.undo}")
    return undo
