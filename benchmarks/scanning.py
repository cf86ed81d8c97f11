"""How fast personal data is found: both engines beside ripgrep with the bare patterns, in one run.

Run by itself (`python -m benchmarks.scanning`); ripgrep must be installed. Times are of the processor,
so that a busy machine changes little.
"""

from __future__ import annotations

import resource
import subprocess
import tempfile
import time
from pathlib import Path

from dengbao.scanning import FastEngine, PlainEngine, scan_paths
from tests.scanning.corpus import Maker

_BLOCKS = 20
_SAY = "患者于上午就诊，主诉头痛三天，血压正常，处方已开，请到二楼药房取药。"
_BARE = ("[1-9][0-9]{16}[0-9Xx]", "1[3-9][0-9]{9}")


def write(path: Path) -> None:
    """Write a dump with rows of patients, and a log between them: about one id card in four KB."""
    make = Maker(3)
    with path.open("w", encoding="utf-8") as out:
        for _ in range(_BLOCKS):
            out.write("INSERT INTO `t_patient` (id,xm,sfzh,tel,memo) VALUES\n")
            for number in range(1000):
                out.write(f"({number},'{make.name()}','{make.id_card()}','{make.phone()}','{_SAY}'),\n")
            out.write("(0,'','','','');\n")
            for number in range(9000):
                out.write(f"2026-11-22 10:11:12 INFO [http-{number % 64}] visit=H{number} {_SAY * 3} 200\n")


def main() -> None:
    """Take the figures and print them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "his.sql")
        write(path)
        size = path.stat().st_size / 1e6
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = ["rg", "-a", "-c", "-j1", *(part for one in _BARE for part in ("-e", one)), str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        bare = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"ripgrep：{size / bare:.0f} MB/s")
        for engine in (PlainEngine(), FastEngine()):
            begun = time.process_time()
            report = scan_paths([path], engine=engine)
            taken = time.process_time() - begun
            counts = "，".join(f"{one.kind.zh} {one.count}" for one in report.totals)
            print(f"{engine.name}：{size / taken:.0f} MB/s，为 ripgrep 的 {bare / taken:.2f}；{counts}")
        print(
            f"内存峰值 {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB，文件 {size:.0f} MB"
        )


if __name__ == "__main__":
    main()
