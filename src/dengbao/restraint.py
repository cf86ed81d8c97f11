"""What a run may not do though it is authorised: a lower level, and probes that nobody confirmed for it.

The authorisation says what may be done at all; this says what is done this time. What is left out is
never sent, and its facts are missing with reason 未授权.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .errors import Reason, StoreError, UsageError
from .facts import FactFile, FactStore
from .model import Asset, Level, Missing, Plan, Record
from .probes.base import ProbeSpec
from .probes.registry import PROBES
from .reading import suggest
from .session import Session

# A probe of a lower level that goes further where it may (`ProbeSpec.intrusion`): that part's own name.
PART: Final = "/intrude"
_LEFT_OUT: Final = "本次运行未确认"
CURE: Final = "取得同意后，在新的一轮中确认；不作检测的，以人工佐证补充"


@dataclass(frozen=True)
class Restraint:
    """The highest level of a run, None: as authorised; `without` holds (probe, asset), asset "" for all."""

    level: Level | None = None
    without: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    def refusal(self, asset: Asset, spec: ProbeSpec) -> str:
        """Return in Chinese why a probe is left out of this run, empty where it is not."""
        if self._named(asset.id, spec.name):
            return f"{_LEFT_OUT}“{spec.title}”（“{spec.level.zh}”级），未检测；处理：{CURE}"
        if self.level is not None and spec.level.rank > self.level.rank:
            only = f"本次运行只到“{self.level.zh}”级"
            return f"{_LEFT_OUT}“{spec.title}”（“{spec.level.zh}”级，{only}），未检测；处理：{CURE}"
        return ""

    def ceiling(self, asset: Asset, spec: ProbeSpec) -> Level | None:
        """Return the level that a probe must not go beyond while it runs, None where none is set."""
        if spec.intrusion and self._named(asset.id, spec.name + PART):
            return min(Level.LOGIN, self.level or Level.LOGIN, key=lambda one: one.rank)
        return self.level

    def _named(self, asset: str, probe: str) -> bool:
        return (probe, asset) in self.without or (probe, "") in self.without


NONE: Final = Restraint()


def read(level: Level | None, without: Iterable[str], plan: Plan) -> Restraint:
    """Return the restraint that words `PROBE` and `PROBE@ASSET` say.

    Raises:
        UsageError: a word names nothing that is planned: a slip of the pen must not let anything through.

    """
    planned = _planned(plan)
    found = []
    for word in without:
        probe, _, asset = word.strip().partition("@")
        if probe not in planned:
            raise UsageError(
                f"--without {word}：计划中没有采集“{probe}”",
                cure=suggest(probe, planned) or "用 dengbao plan 查看",
            )
        if asset and asset not in planned[probe]:
            cure = suggest(asset, planned[probe]) or f"该采集用于 {'、'.join(planned[probe])}"
            raise UsageError(f"--without {word}：该采集不用于测评对象“{asset}”", cure=cure)
        found.append((probe, asset))
    return Restraint(level, frozenset(found))


def _planned(plan: Plan) -> Mapping[str, tuple[str, ...]]:
    parts = {one.name for one in PROBES if one.intrusion}
    planned: dict[str, tuple[str, ...]] = {}
    for one in plan.probes:
        for name in (one.probe, one.probe + PART) if one.probe in parts else (one.probe,):
            planned[name] = (*planned.get(name, ()), one.asset)
    return planned


def left_out(spec: ProbeSpec, why: str) -> tuple[Missing, ...]:
    """Return what stands for a probe that was left out: every kind missing, 未授权."""
    return tuple(Missing(fact=one, reason=Reason.NOT_AUTHORISED, message=why) for one in spec.fact_kinds)


def is_left_out(file: FactFile) -> bool:
    """Tell whether a stored answer only says that its probe was left out."""
    return (
        not file.facts
        and bool(file.missing)
        and all(
            one.reason is Reason.NOT_AUTHORISED and one.message.startswith(_LEFT_OUT) for one in file.missing
        )
    )


def reopen(
    session: Session, store: FactStore, part: Plan, records: Mapping[str, Record], now: Restraint
) -> None:
    """Make room for probes that an earlier sitting left out and this one may send.

    Where a case was judged by it already it stays: facts and records of a round tell the same.

    Changes: removes those stored answers, which hold no facts.

    """
    resting = {
        (case.asset, probe)
        for case in session.plan.cases
        if case.id in records
        for probe in session.probes_of_cases().get(case.id, ())
    }
    specs = {one.name: one for one in PROBES}
    for one in part.probes:
        spec, path = specs.get(one.probe), store.path_of(one.asset, one.probe)
        if spec is None or (one.asset, one.probe) in resting or now.refusal(session.asset(one.asset), spec):
            continue
        if says_left_out(store, path):
            path.unlink()


def says_left_out(store: FactStore, path: Path) -> bool:
    """Tell whether there is an answer that only says that its probe was left out."""
    try:
        # Most answers are not read whole: their transcripts would be, too.
        return _LEFT_OUT.encode() in path.read_bytes() and is_left_out(store.load_file(path))
    except (OSError, StoreError):  # not there, or damaged, which judging will say
        return False
