"""Takes every figure, prints the table, and writes it into benchmarks/README.md."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from . import (
    capturing,
    host_cost,
    pictures,
    planning,
    report,
    scanning,
    side_by_side,
    ssh,
    tls,
    vulns,
    workbench,
)
from .figures import Figure

README = Path(__file__).with_name("README.md")
HEAD = """# 性能

由 `make bench` 写入，勿手改。各数在同一次运行中交替测得；比值比绝对时间可信。

"""


def table(figures: list[Figure]) -> str:
    """Return the figures as a Markdown table."""
    rows = ["| 项目 | 值 | 上限 | 结果 | 怎样测 |", "|---|---|---|---|---|"]
    for one in figures:
        mark = "达到" if one.holds else "未达到"
        rows.append(
            f"| {one.name} | {one.value:.3g} {one.unit} | {one.limit:g} {one.unit} | {mark} | {one.how} |"
        )
    return "\n".join(rows) + "\n"


MODULES = {
    one.__name__.rpartition(".")[2]: one
    for one in (
        ssh,
        host_cost,
        side_by_side,
        planning,
        report,
        pictures,
        vulns,
        capturing,
        tls,
        scanning,
        workbench,
    )
}


def main(names: list[str]) -> int:
    """Take the figures, all or those of the named modules; 1: one is above its limit, 2: a wrong name."""
    if strangers := [one for one in names if one not in MODULES]:
        print(f"没有 {'、'.join(strangers)}；可写：{'、'.join(MODULES)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    for name, module in MODULES.items():
        if not names or name in names:
            print(f"测量 {name} …", file=sys.stderr, flush=True)
            figures.extend(module.figures())
    text = table(figures)
    left = [one for one in MODULES if names and one not in names]
    if left:
        text += f"\n本次未测：{'、'.join(left)}\n"
    machine = (
        f"{platform.system()} {platform.machine()}，{os.cpu_count()} 核，Python {platform.python_version()}"
    )
    README.write_text(f"{HEAD}{datetime.now(UTC):%Y-%m-%d}，{machine}\n\n{text}", encoding="utf-8")
    print(text)
    return 0 if all(one.holds for one in figures) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
