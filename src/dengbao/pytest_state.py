"""What the pytest plugin knows of the run it makes."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from .checking import Variant
from .facts import Seen
from .judging import bind_params
from .model import Case, ParamValue, Record
from .rounds import RecordBook, Round
from .session import Session

BROKE_DOWN: Final = 70  # pytest's own number for it, 3, means "some not judged" here


@dataclass
class State:
    """One run inside this pytest process.

    `under_run` is the process of the runner that started it, fetches before it and folds after it; 0
    where there is none. `by_file` holds the planned cases that each check file judges.
    """

    session: Session
    round: Round
    book: RecordBook
    facts_only: bool
    under_run: int
    locks: ExitStack
    by_file: dict[Path, list[tuple[Case, Variant]]]
    seen: dict[str, Seen] = field(default_factory=dict)
    params: dict[tuple[str, str, str], dict[str, ParamValue]] = field(default_factory=dict)
    trouble: str = ""

    @property
    def orphaned(self) -> bool:
        """Tell whether the runner was killed: the round is left open for the next run to go on with."""
        return self.under_run != 0 and os.name == "posix" and os.getppid() != self.under_run

    def see(self, asset_id: str) -> Seen:
        """Return what is known of an asset, read once."""
        if asset_id not in self.seen:
            asset = self.session.asset(asset_id)
            wanted = {spec.name: spec.fact_kinds for spec in self.session.lookup.probes(asset)}
            self.seen[asset_id] = self.round.store().see(asset_id, wanted)
        return self.seen[asset_id]

    def bind(self, case: Case, variant: Variant) -> dict[str, ParamValue]:
        """Return the parameters that a function is given for an item, bound once for all assets."""
        key = (case.item, case.check, variant.function.__name__)
        if key not in self.params:
            given = self.session.uses.get((case.item, case.check), {})
            self.params[key] = bind_params(variant, self.session.profile, given, where=case.id)
        return self.params[key]

    def write(self, record: Record) -> None:
        """Write a record; where it cannot be kept the session ends, since no other could be either."""
        if self.orphaned:
            pytest.exit("启动判定的进程已不在，余下的用例留待下次运行", returncode=BROKE_DOWN)
        try:
            self.book.add(record)
        except OSError as exc:
            self.trouble = unwritten(exc)
            pytest.exit(self.trouble, returncode=BROKE_DOWN)


def unwritten(exc: OSError) -> str:
    """Return what to say where a record cannot be kept."""
    return f"结果记录无法写入（{exc.strerror}）；处理：检查权限与磁盘空间后再次运行，已有的记录保留"


STATE: Final = pytest.StashKey[State]()
