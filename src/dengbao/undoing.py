"""Takes back what probes changed and a crash, a lost connection or a lapsed authority left standing."""

from __future__ import annotations

import asyncio
import importlib
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .errors import ContentError, ProbeError
from .ledger import FileLedger, ProbeLedger, read_ledger
from .model import Asset
from .probes.base import Context, ProbeSpec, Undo
from .rounds import round_numbers

UNDO_LIMIT_S: Final = 300.0
LEDGER: Final = "ledger.jsonl"


@dataclass(frozen=True)
class Owed:
    """A change that was not taken back yet; `why` is empty where that was not tried."""

    asset: str
    probe: str
    what: str
    why: str = ""


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
    return Owed(asset, probe, what, why)


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
