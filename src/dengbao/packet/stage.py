"""How far an engagement has come: 草稿 → 已封存 → 已复核抽测 → 四方已盖章 → 已反馈."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..files import sha256_of
from ..model import Engagement
from ..model.approvals import PartyRole
from ..model.recheck import Feedback
from .approvals import Examined, examine_approvals
from .current import Current, changed_since, newest_packet
from .custody import read_custody
from .layout import CUSTODY
from .lock import was_unlocked
from .returned import feedback_of, rechecks_of


class Stage(StrEnum):
    """The last step that was taken with none before it left out."""

    DRAFT = "draft"
    SEALED = "sealed"
    RECHECKED = "rechecked"
    STAMPED = "stamped"
    FED_BACK = "fed_back"

    @property
    def zh(self) -> str:
        """Return the Chinese word printed by `status`."""
        return {
            "draft": "草稿",
            "sealed": "已封存",
            "rechecked": "已复核抽测",
            "stamped": "四方已盖章",
            "fed_back": "已反馈",
        }[self.value]


@dataclass(frozen=True)
class Progress:
    """What was done with the packet of today; `changed` is what makes a sealed one a draft again.

    `locked` tells that nothing may be written: sealed, unchanged, and nobody has unlocked it.
    """

    current: Current | None
    changed: tuple[str, ...]
    approvals: tuple[Examined, ...]
    rechecks: int
    feedback: Feedback | None
    locked: bool

    @property
    def stamped(self) -> tuple[PartyRole, ...]:
        """Return the parties whose approval counts, in the order of the page of stamps."""
        counting = {one.approval.party for one in self.approvals if one.counts}
        return tuple(one for one in PartyRole if one in counting)

    @property
    def stage(self) -> Stage:
        """Return the last stage that was reached with none before it left out."""
        steps = (
            (Stage.SEALED, self.current is not None and not self.changed),
            (Stage.RECHECKED, self.rechecks > 0),
            (Stage.STAMPED, len(self.stamped) == len(PartyRole)),
            (Stage.FED_BACK, self.feedback is not None),
        )
        reached = Stage.DRAFT
        for stage, done in steps:
            if not done:
                break
            reached = stage
        return reached


def progress_of(
    directory: Path, engagement: Engagement, *, digest: Callable[[Path], str] = sha256_of
) -> Progress:
    """Return how far an engagement has come; contacts nobody, and verifies no packet.

    `digest` may be one that remembers, where it is only shown.

    Raises:
        StoreError: the chain of custody is broken. EvidenceError: an approval cannot be read.

    """
    current = newest_packet(directory)
    changed = changed_since(directory, current, digest=digest) if current is not None else ()
    standing = current is not None and not changed
    return Progress(
        current=current, changed=changed,
        approvals=examine_approvals(directory, engagement, current, changed),
        rechecks=len(rechecks_of(directory, current)) if current is not None else 0,
        feedback=feedback_of(directory, current) if current is not None else None,
        locked=standing and not was_unlocked(read_custody(directory / CUSTODY)),
    )  # fmt: skip
