"""What keeps the report from being final, and on which page each is mended."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from .. import __version__
from ..evidence import folder_of
from ..papers import for_papers
from ..report.gaps import find_gaps, group_gaps
from ..report.inputs import GapGroup, ReportInput
from .desk import State


def missing(state: State) -> tuple[GapGroup, ...]:
    """Return what is missing for a final report, place by place; nothing before the first run."""
    if state.round is None:
        return ()
    given = ReportInput(
        engagement=for_papers(state.round.engagement, state.session.engagement),
        suite=state.session.suite, result=state.result, run=state.round.info,
        evidence=tuple(one.record for one in state.examined if one.counts and one.record is not None),
        evidence_dir=folder_of(state.session.directory), facts_sha256="", tool_version=__version__,
        made_at=datetime.now(UTC),
    )  # fmt: skip
    return group_gaps(find_gaps(given))


def page_of(state: State, place: str) -> str:
    """Return the address where something is mended that a gap or a fault names, empty where there is none."""
    if place in state.items:
        return f"/item/{quote(place)}"
    if place == "基本信息" or place.startswith("engagement.yaml"):
        return "/engagement"
    if place.startswith(("evidence/", "EV-")):
        return "/review"
    return "/run" if place.startswith("第 ") else ""
