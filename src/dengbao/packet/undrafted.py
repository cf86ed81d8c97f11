"""Drafts that nobody filed: what was typed on the page counts for nothing, and must not be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .. import drafts
from ..errors import StoreError
from ..model import Suite
from ..report.wording import moment
from .faults import Fault, Sort, fault_of


def unfiled_drafts(directory: Path, suite: Suite) -> Iterator[Fault]:
    """Yield each draft of the suite's items that holds something and did not become evidence."""
    items = {one.id for one in suite.items()}
    try:
        waiting = drafts.unfiled(directory)
    except StoreError as exc:
        yield from fault_of(exc, drafts.FOLDER)
        return
    for one in waiting:
        if one.item in items:
            who = f"{one.version.by.name} {moment(one.version.at)}"
            yield Fault(
                place=one.item, message=f"{one.asset} 有未入库的草稿（{who}）",
                cure="在工作台该测评项入库，或清空草稿", sort=Sort.INCOMPLETE,
            )  # fmt: skip
