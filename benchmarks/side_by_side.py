"""Facts of 8 assets side by side against one after the other."""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from dengbao.model import Plan
from dengbao.prefetch import fetch_missing
from dengbao.rounds import begin_or_resume
from dengbao.session import Session, open_session
from tests.runs import write_engagement
from tests.servers.counting import PASSWORD, Counting, counting_server

from .environment import set_password
from .figures import Figure

ASSETS = 8
RUNS = 3
DELAY_S = 0.08


def figures() -> list[Figure]:
    """Take the ratio of medians, the two ways in turn."""
    set_password(PASSWORD)
    together: list[float] = []
    apart: list[float] = []
    with ExitStack() as stack:
        apps = {f"web-{n}": stack.enter_context(counting_server(DELAY_S)) for n in range(ASSETS)}
        for _ in range(RUNS):
            together.append(_time(apps, side_by_side=True))
            apart.append(_time(apps, side_by_side=False))
    one, other = statistics.median(together), statistics.median(apart)
    how = (
        f"{ASSETS} 个应用，每次应答迟 {DELAY_S * 1000:g} 毫秒；"
        f"并行 {one:.2f} 秒，逐个 {other:.2f} 秒，{RUNS} 次取中位数"
    )
    return [Figure("多个对象并行采集 ÷ 逐个采集", one / other, 0.25, "倍", how)]


def _time(apps: dict[str, Counting], *, side_by_side: bool) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = write_engagement(Path(name), {one: app.url for one, app in apps.items()}, database=False)
        session = open_session(folder)
        chosen = begin_or_resume(folder, session.suite, session.engagement, session.plan)
        parts = [session.plan] if side_by_side else [_only(session, one) for one in apps]
        begun = time.perf_counter()
        for part in parts:
            fetch_missing(session, chosen, part)
        return time.perf_counter() - begun


def _only(session: Session, asset: str) -> Plan:
    return msgspec.structs.replace(
        session.plan, probes=tuple(one for one in session.plan.probes if one.asset == asset)
    )
