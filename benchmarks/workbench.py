"""The page over 68 items × 40 assets and 2,000 pieces of evidence, served by the real command.

Times are of whole requests as a client on the same machine sees them. Beside each stands how many times as
long it takes as a static file of that size from the same server would, by a line through three such files.
"""

from __future__ import annotations

import itertools
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx

from tests.workbench.bench import Served, serving
from tests.workbench.large import build, picture

from .figures import Figure

ASSETS: Final = 40
EVIDENCE: Final = 2000
_TURNS: Final = 40
_STATIC: Final = ("/static/keys.js", "/static/workbench.css", "/static/htmx.min.js")
_HTMX: Final = {"hx-request": "true"}
_BASE: Final = re.compile(r'name="base" value="(\d+)"')
Ask = Callable[[int], httpx.Response]


def figures() -> Iterator[Figure]:
    """Time first views and actions; afterwards read the peak memory of the server."""
    with tempfile.TemporaryDirectory() as name:
        folder = build(Path(name, "h"), assets=ASSETS, evidence=EVIDENCE, rounds=2)
        begun = time.perf_counter()
        with serving(folder) as served, served.client() as client:
            read = time.perf_counter() - begun
            yield Figure("工作台启动", read, 20, "秒", f"读入佐证 {EVIDENCE} 份，含进程启动与首页")
            client.post("/who", data={"name": "李工", "org": "测试科技"}).raise_for_status()
            client.follow_redirects = False
            line = _static_line(client)
            what = f"68 项 × {ASSETS} 个对象，佐证 {EVIDENCE} 份，{_TURNS} 次"
            for title, limit, ask in _asked(client, folder):
                yield _timed(f"工作台{title}", limit, what, ask, line)
            yield Figure("工作台内存峰值", _peak_mib(served), 200, "MiB", f"{what}，含以上各步")


def _asked(client: httpx.Client, folder: Path) -> Iterator[tuple[str, float, Ask]]:
    """Yield what is asked for, its limit in ms, and how it is asked; each turn asks for something else."""
    numbers = itertools.count(1)

    def changed(path: str) -> Ask:
        """Ask after another program changed a record, so that what was kept no longer holds."""

        def ask(_turn: int) -> httpx.Response:
            record = folder / "evidence" / f"EV-{next(numbers):04}.yaml"
            record.write_text(record.read_text(encoding="utf-8").replace("截图", "拍照"), encoding="utf-8")
            return client.get(path)

        return ask

    yield "总览首屏（佐证刚有改动）", 300, changed("/")
    yield "表格首屏（佐证刚有改动）", 300, changed("/table")
    yield "总览再看", 300, lambda _turn: client.get("/")
    yield "打开一项", 100, lambda turn: client.get(f"/item/1.a.{1 + turn % 4}?asset={_host(turn)}")
    words = ("拒绝", "host-0", "1.a", "配置", "EV-00")
    yield (
        "筛选",
        100,
        lambda turn: client.get(
            "/table", params={"q": words[turn % 5], "tone": ("", "bad", "open")[turn % 3]}, headers=_HTMX
        ),
    )
    yield "自动保存", 100, _saving(client)
    led_to: list[str] = []

    def filed(turn: int) -> httpx.Response:
        """File with a picture; where the answer leads to is asked for in a turn of its own, as a view."""
        answer = client.post(
            f"/item/1.b.{1 + turn % 3}/{_host(turn)}/file",
            data=_typed(turn) | {"base": "0", "verdict": "conform", "redacted": "yes"},
            files={"upload": (f"{turn}.png", picture(5000 + turn), "image/png")},
            follow_redirects=False,
        )
        led_to.append(answer.headers["location"])
        return answer

    def after_filing(turn: int) -> httpx.Response:
        record = folder / "evidence" / f"EV-{next(numbers):04}.yaml"
        record.write_text(record.read_text(encoding="utf-8").replace("截图", "拍照"), encoding="utf-8")
        return client.get(led_to[turn])

    yield "佐证入库", 100, filed
    yield "入库后的下一项", 300, after_filing


def _host(turn: int) -> str:
    return f"host-{1 + 2 * (turn % 20):02}"


def _typed(turn: int) -> dict[str, str]:
    return {"window": "w", "statement": f"经核查，已截图，第 {turn} 稿。"}


def _saving(client: httpx.Client) -> Ask:
    """Save a draft again and again upon the version that the last saving told."""
    found = _BASE.search(client.get("/item/1.a.3?asset=host-01").text)
    base = found[1] if found else "0"

    def save(turn: int) -> httpx.Response:
        nonlocal base
        answer = client.post("/item/1.a.3/host-01/draft", data=_typed(turn) | {"base": base}, headers=_HTMX)
        found = _BASE.search(answer.text)
        base = found[1] if found else base
        return answer

    return save


def _timed(title: str, limit: float, what: str, ask: Ask, line: Callable[[int], float]) -> Figure:
    taken: list[float] = []
    sizes: list[int] = []
    for turn in range(_TURNS):
        begun = time.perf_counter()
        answer = ask(turn)
        taken.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code in (200, 303), f"{title}: {answer.status_code}"
        sizes.append(len(answer.content))
    size = int(statistics.median(sizes))
    worst = statistics.quantiles(taken, n=20)[-1]
    ratio = statistics.median(taken) / line(size)
    how = f"{what}，第 95 百分位；{size / 1024:.0f} KiB，中位数为同大小静态文件的 {ratio:.0f} 倍"
    return Figure(title, worst, limit, "毫秒", how)


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
