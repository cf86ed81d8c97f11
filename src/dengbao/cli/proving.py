"""What `status` says of the filed evidence: how much of it counts, what is damaged and how to mend that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from ..evidence import Examined, Finding, Gravity
from .console import paragraph, say

_ORDER: Final = tuple(Gravity)


def evidence_counts(examined: Sequence[Examined]) -> dict[str, int]:
    """Return how many records were filed, how many count, and what keeps the others from it: their gravest.

    A record that cannot be read was filed, too. All keys are there; those of gravity are its values.
    """
    worst = [_worst(one) for one in examined if one.record is not None or _numbered(one)]
    told = Counter(one for one in worst if one is not None and one is not Gravity.NOTE)
    return {
        "filed": len(worst),
        "counting": len(worst) - told.total(),
        **{one.value: told[one] for one in _ORDER if one is not Gravity.NOTE},
    }


def _numbered(one: Examined) -> bool:
    return any(finding.evidence for finding in one.findings)


def _worst(one: Examined) -> Gravity | None:
    return max((finding.gravity for finding in one.findings), key=_ORDER.index, default=None)


def print_evidence(out: Console, examined: Sequence[Examined]) -> None:
    """Print in a line how the evidence stands; nothing where none was filed."""
    counts = evidence_counts(examined)
    if counts["filed"]:
        rest = "".join(f"，{one.zh} {counts[one.value]}" for one in _ORDER if counts.get(one.value))
        say(out, f"\n佐证 {counts['filed']} 份：计入判定 {counts['counting']}{rest}")


def print_damage(out: Console, damaged: Sequence[Finding]) -> None:
    """Print which filed evidence is no longer as it was filed; it is counted nowhere above."""
    if damaged:
        words = "不作为符合的依据（原判不符合、部分符合的仍按原判），不能出报告、封存"
        say(out, f"\n佐证损坏（{len(damaged)} 处），{words}", style="bold red")
    for one in damaged:
        place = f"（{one.where}）" if one.where else ""
        paragraph(out, Text("  "), f"{one.message}{place}", indent=4)
        paragraph(out, Text("    处理："), one.cure)


def damage_json(damaged: Sequence[Finding]) -> list[dict[str, str]]:
    """Return the same for programs."""
    return [
        {
            "evidence": one.evidence, "file": one.attachment, "state": one.gravity.value,
            "message": one.message, "where": one.where, "cure": one.cure,
        }
        for one in damaged
    ]  # fmt: skip
