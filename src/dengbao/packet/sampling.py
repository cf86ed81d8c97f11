"""Draws the items of a re-check: by a seed that the sealer could not know, repeatable by anyone who has it.

Each item that may be drawn gets the sha256 of `dengbao-sample-1`, the packet's digest, the seed and the
item's number, joined by line feeds; the lowest come first. A larger sample with the same seed holds the
smaller one.
What must be looked at in any case (high risk, overridden) is not drawn, but added.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Final

from ..model import CaseResult, Suite, SuiteResult
from ..model.recheck import Drawn, Why

SAMPLE: Final = 10
_SEED_BYTES: Final = 32
_SCHEME: Final = "dengbao-sample-1"


def new_seed() -> str:
    """Return a seed from the machine's own randomness, in hex."""
    return os.urandom(_SEED_BYTES).hex()


def rank(packet: str, seed: str, item: str) -> str:
    """Return what an item is ordered by."""
    return hashlib.sha256("\n".join((_SCHEME, packet, seed, item)).encode()).hexdigest()


def sampled(items: Iterable[str], packet: str, seed: str, count: int) -> tuple[str, ...]:
    """Return `count` of the items, or all where there are fewer, in the order they were drawn."""
    return tuple(sorted(items, key=lambda one: rank(packet, seed, one))[:count])


def draw(suite: Suite, result: SuiteResult, packet: str, seed: str, count: int) -> tuple[Drawn, ...]:
    """Return the items of a re-check in official order, each with every reason that it is among them."""
    high = {item.id for clause in suite.clauses() if clause.high_risk is not None for item in clause.items}
    over = {one.item for one in _cases(result) if one.override}
    order = list(dict.fromkeys(one.id for one in suite.items()))
    chosen = set(sampled((one for one in order if one not in high | over), packet, seed, count))
    reasons = ((Why.SAMPLE, chosen), (Why.HIGH_RISK, high), (Why.OVERRIDDEN, over))
    found = ((item, tuple(why for why, items in reasons if item in items)) for item in order)
    return tuple(Drawn(item=item, why=why) for item, why in found if why)


def _cases(result: SuiteResult) -> Iterable[CaseResult]:
    items = [*result.mandatory, *(item for clause in result.clauses for item in clause.items)]
    return [case for item in items for case in item.cases]
