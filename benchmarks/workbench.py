"""The page over an engagement of 68 items × 40 assets, served by the real command: views, actions, memory.

Items fit only some kinds of asset: 60 assets and the system as a whole make 2,720 rows, as many as 68 × 40.
Times are of whole requests as a client on the same machine sees them. Beside each stands how many times as
long it takes as a static file of that size from the same server would, by a line through three such files.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx

from dengbao.workbench.desk import Desk
from dengbao.workbench.rows import rows_of
from tests.workbench.bench import Served, serving
from tests.workbench.large import build

from .figures import Figure
from .workbench_asked import Asked, Asking

ASSETS: Final = 60
EVIDENCE: Final = 2000
ROWS: Final = 68 * 40
_TURNS: Final = 40
_STATIC: Final = ("/static/keys.js", "/static/workbench.css", "/static/htmx.min.js")


def figures() -> Iterator[Figure]:
    """Time views and actions; afterwards read the peak memory of the server."""
    with tempfile.TemporaryDirectory() as name:
        folder = build(Path(name, "h"), assets=ASSETS, evidence=EVIDENCE, rounds=2)
        rows = len(rows_of(Desk(folder).state()))
        assert rows >= ROWS, rows
        gc.collect()  # what was read for counting is garbage of the measuring program, and none of the page's
        gc.freeze()
        begun = time.perf_counter()
        with serving(folder) as served, served.client() as client:
            read = time.perf_counter() - begun
            what = f"{rows} 行（相当于 68 项 × 40 个对象），佐证 {EVIDENCE} 份"
            yield Figure("工作台启动", read, 20, "秒", f"{what}，含进程启动与首页")
            client.post("/who", data={"name": "李工", "org": "测试科技"}).raise_for_status()
            client.follow_redirects = False
            line = _static_line(client)
            for one in Asking(client, folder).all():
                yield _timed(one, what, line)
            yield Figure("工作台内存峰值", _peak_mib(served), 200, "MiB", f"{what}，含以上各步")


def _timed(asked: Asked, what: str, line: Callable[[int], float]) -> Figure:
    taken: list[float] = []
    sizes: list[int] = []
    for turn in range(asked.turns):
        asked.before(turn)
        begun = time.perf_counter()
        answer = asked.ask(turn)
        taken.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code in (200, 303), f"{asked.title}: {answer.status_code}"
        sizes.append(len(answer.content))
    size = int(statistics.median(sizes))
    worst = statistics.quantiles(taken, n=20, method="inclusive")[-1]
    ratio = statistics.median(taken) / line(size)
    how = f"{what}，{asked.turns} 次，第 95 百分位；{size / 1024:.0f} KiB，"
    how += f"中位数为同大小静态文件的 {ratio:.0f} 倍"
    return Figure(f"工作台{asked.title}", worst, asked.limit_ms, "毫秒", how)


def _static_line(client: httpx.Client) -> Callable[[int], float]:
    """Return how many ms a static file of a size takes."""
    points: list[tuple[int, float]] = []
    for path in _STATIC:
        taken: list[float] = []
        for _ in range(_TURNS):
            begun = time.perf_counter()
            size = len(client.get(path).content)
            taken.append((time.perf_counter() - begun) * 1000)
        points.append((size, statistics.median(taken)))
    slope, least = statistics.linear_regression(*zip(*points, strict=True))
    return lambda size: max(min(one for _, one in points), least + max(slope, 0) * size)


def _peak_mib(served: Served) -> float:
    status = Path(f"/proc/{served.process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Print the figures alone."""
    for one in figures():
        print(f"{one.name}: {one.value:.1f} {one.unit} (≤ {one.limit:g}) {one.how}", flush=True)


if __name__ == "__main__":
    main()
