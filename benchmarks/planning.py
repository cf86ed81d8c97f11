"""Planning 68 items × 200 assets, and judging 10,000 cases through the real pytest process."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from dengbao import catalog, runner
from dengbao.facts import FactFile
from dengbao.prefetch import fetch_missing
from dengbao.rounds import begin_or_resume, load_round
from dengbao.session import Session, only_items, open_session

from .figures import Figure

RUNS = 5
HEAD = """
schema: 1
suite: annex3-2023
institution: {name: 测试医院}
system: {name: 医院信息系统, vendor: 测试科技}
parties:
  local_bureau: {name: 某市医疗保障局}
  platform_vendor: {name: 平台厂商}
  access_party: {name: 接入方}
scope: {level: observe, addresses: [127.0.0.1], local: true}
assets:
"""


def many_hosts(folder: Path, count: int) -> Session:
    """Return a session with `count` hosts that are all this machine."""
    rows = (
        f'  - {{kind: host, id: host-{n}, name: 主机{n}, address: local, sudo: none, scan: "1-8"}}\n'
        for n in range(count)
    )
    (folder / "engagement.yaml").write_text(HEAD + "".join(rows), encoding="utf-8")
    return open_session(folder)


def planning() -> Figure:
    """Time the plan of all items over 200 hosts."""
    with tempfile.TemporaryDirectory() as name:
        session = many_hosts(Path(name), 200)
        taken = []
        for _ in range(RUNS):
            begun = time.perf_counter()
            plan = catalog.make_plan(session.suite, session.engagement, session.registry)
            taken.append(time.perf_counter() - begun)
    how = f"68 项 × 200 个对象，{len(plan.cases)} 个用例，{RUNS} 次取中位数"
    return Figure("制定计划", statistics.median(taken), 1.0, "秒", how)


def judging() -> Figure:
    """Time a whole judging of at least 10,000 cases from stored facts, from process start to the records."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        session = _with_facts(folder, hosts=280)
        automatic = sum(1 for one in session.plan.cases if one.check)
        begun = time.perf_counter()
        finished = runner.run(folder)
        taken = time.perf_counter() - begun
    assert len(finished.records) == len(session.plan.cases)
    assert automatic >= 10_000
    how = f"{automatic} 个自动用例，含进程启动、读事实、写记录，共 {taken:.1f} 秒"
    return Figure("判定一个用例", taken / automatic * 1000, 1.0, "毫秒", how)


def _with_facts(folder: Path, *, hosts: int) -> Session:
    """Return a session whose round holds every fact: read once from this machine, stored for each host."""
    session = many_hosts(folder, hosts)
    chosen = begin_or_resume(folder, session.suite, session.engagement, session.plan)
    first = only_items(session, session.plan, ())
    first = msgspec.structs.replace(first, probes=tuple(one for one in first.probes if one.asset == "host-0"))
    fetch_missing(session, chosen, first)
    store = chosen.store()
    files = [store.load_file(path) for path in sorted((chosen.folder / "facts" / "host-0").glob("*.json"))]
    for number in range(1, hosts):
        for file in files:
            store.save(_of(file, f"host-{number}"))
    assert load_round(folder).info.ended_at is None
    return session


def _of(file: FactFile, asset: str) -> FactFile:
    return msgspec.structs.replace(file, asset=asset, raw=(), sha256="")


def figures() -> list[Figure]:
    """Take both figures."""
    return [planning(), judging()]
