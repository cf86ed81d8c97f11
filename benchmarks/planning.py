"""Planning 68 items × 200 assets, and judging 10,000 cases through the real pytest process."""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from dengbao import __version__, catalog, checking, runner
from dengbao.content import find_content
from dengbao.facts import FactFile, as_stored
from dengbao.model import BackupAsset, BackupPolicy, Engagement, HostAsset
from dengbao.rounds import begin_or_resume
from dengbao.session import Session, open_session

from .report import result_line

RUNS = 5


def a_session(folder: Path, assets: tuple[HostAsset | BackupAsset, ...]) -> Session:
    """Return a session of the starter engagement with other assets."""
    content = find_content()
    (folder / "engagement.yaml").write_bytes((content.templates / "engagement" / "engagement.yaml").read_bytes())
    session = open_session(folder)
    system = session.engagement.asset("system")
    assert system is not None
    engagement: Engagement = msgspec.structs.replace(session.engagement, assets=(*assets, system))
    return Session(folder, session.content, session.suite, session.registry, engagement)


def planning() -> dict[str, object]:
    """Time the plan of 200 hosts."""
    registry = checking.load(find_content().checks)
    hosts = tuple(HostAsset(id=f"host-{n}", name=f"主机 {n}", address=f"10.0.{n // 250}.{n % 250}:22") for n in range(200))
    with tempfile.TemporaryDirectory() as folder:
        session = a_session(Path(folder), hosts)
        taken = []
        for _ in range(RUNS):
            begun = time.perf_counter()
            plan = catalog.make_plan(session.suite, session.engagement, registry)
            taken.append(time.perf_counter() - begun)
    return result_line("planning 68 items × 200 assets", statistics.median(taken), limit=1.0, cases=len(plan.cases))
