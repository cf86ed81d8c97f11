"""How fast personal data is found, beside ripgrep with the bare patterns; and in what memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dengbao.scanning import FastEngine, PlainEngine, Scanner, scan_paths, workers_for
from dengbao.scanning.engines import Engine
from tests.scanning.corpus import Maker

from .figures import Figure, peak_mib

_MB = 10**6
_FILE_MB = 450
_PLAIN_MB_S = 25
_FAST_MB_S = 80
_STREAM_MB = 200  # `python -m benchmarks.scanning 5000000000` for a stream of 5 GB
_SAY = (
    "患者于上午就诊，主诉头痛三天，血压正常，处方已开，请到二楼药房取药。复诊时注意事项已告知家属，"
    "影像已归档，检验结果待回报。"
)
_BARE = ("[1-9][0-9]{16}[0-9Xx]", "1[3-9][0-9]{9}")
_TURNS = 2


def write(path: Path, size: int) -> None:
    """Write a dump and Chinese text: 1.1 id numbers in a KB, of which a tenth is invalid."""
    make = Maker(7)
    with path.open("w", encoding="utf-8") as out:
        while out.tell() < size:
            out.write("INSERT INTO `t_visit` (id,sfzh,tel,memo) VALUES\n")
            for number in range(500):
                out.write(f"({number},'{_id(make)}','{make.random.randrange(10**9)}','{_SAY * 4}'),\n")
            out.write("(0,'','','');\n")
            for _ in range(500):
                out.write(f"2026-11-22 10:11:12 INFO 就诊登记 {_SAY * 4}证件{_id(make)}，已受理\n")


def _id(make: Maker) -> str:
    card = make.id_card()
    return card if make.random.random() < 0.9 else card[:17] + ("0" if card[17] != "0" else "1")


class Generated:
    """A dump of any size that lies nowhere: the same 2000 people again and again."""

    def __init__(self, size: int) -> None:
        make = Maker(3)
        rows = [
            f"({number},'{make.name()}','{make.id_card()}','{make.phone()}','{_SAY}')"
            for number in range(2000)
        ]
        text = "INSERT INTO `t_patient` (id,xm,sfzh,dh,memo) VALUES\n" + ",\n".join(rows) + ";\n"
        self._rows = text.encode()
        self._at = 0
        self._left = size

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes."""
        data = self._rows[self._at : self._at + min(size, self._left)]
        self._at = (self._at + len(data)) % len(self._rows)
        self._left -= len(data)
        return data


def figures() -> Iterator[Figure]:
    """Scan a file by both engines in one process, beside ripgrep; then by the whole command; then a stream.

    The limits of 40 and 110 MB/s are what a bare prototype reached in one process that only looked for id
    numbers and telephones. They hold for the whole command by the clock on the wall, with its start and with
    every processor it may use, for that is what somebody waits for. In one process the limits of 25 and 80
    are our own: less would have to be made up for by processors that an engineer's laptop may not have.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "his.sql")
        write(path, _FILE_MB * _MB)
        size = path.stat().st_size / _MB
        bare, plain, fast = [], [], []
        command: dict[str, list[float]] = {"plain": [], "fast": []}
        for _ in range(_TURNS):
            bare.append(_ripgrep(path))
            plain.append(_scan(path, PlainEngine()))
            fast.append(_scan(path, FastEngine()))
            for engine, turns in command.items():
                turns.append(_command(path, engine))
    least = min(bare)
    what = f"{size:.0f} MB 中文病历与 SQL 转储，每 KB 1.1 个身份证号，一成校验位不对；"
    what += f"{_TURNS} 次取最快"
    for name, took, limit in (("标准库", min(plain), _PLAIN_MB_S), ("hyperscan", min(fast), _FAST_MB_S)):
        how = (
            f"{what}，处理器时间；{size / took:.0f} MB/s（应 ≥ {limit}），"
            f"ripgrep 裸模式 {size / least:.0f} MB/s，为其 {least / took:.2f}"
        )
        yield Figure(f"查找个人信息（{name}，单进程）", took / size * 100, 100 / limit, "秒/100 MB", how)
    for name, engine, limit in (("标准库", "plain", 40), ("hyperscan", "fast", 110)):
        took = min(command[engine])
        how = f"同一文件，整个命令连同启动，{os.cpu_count()} 核，墙钟 {size / took:.0f} MB/s（应 ≥ {limit}）"
        yield Figure(f"查找个人信息（{name}，整个命令）", took / size * 100, 100 / limit, "秒/100 MB", how)
    how = f"{_STREAM_MB / 1000:g} GB 的转储，边生成边扫描，不落盘"
    yield Figure("扫描大转储的内存峰值", _peak(_STREAM_MB * _MB), 200, "MiB", how)


def _command(path: Path, engine: str) -> float:
    """Return the seconds that a process of its own takes from its start to its end, with its workers."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", __name__, engine, str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def _ripgrep(path: Path) -> float:
    before = os.times()
    command = ["rg", "-a", "-c", "-j1", *(part for one in _BARE for part in ("-e", one)), str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _scan(path: Path, engine: Engine) -> float:
    begun = time.process_time()
    scan_paths([path], engine=engine)
    return time.process_time() - begun


def _peak(size: int) -> float:
    """Return the peak memory in MiB of a process of its own that scans a stream of that size."""
    command = [sys.executable, "-m", "benchmarks.scanning", str(size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.partition(" ")[0])


def main(size: int) -> None:
    """Scan a generated stream and print peak memory in MiB, and what was found."""
    scanner = Scanner()
    begun = time.perf_counter()
    scanner.stream(Generated(size), "his.sql")
    report = scanner.report()
    took = time.perf_counter() - begun
    values = sum(one.count for one in report.totals)
    print(f"{peak_mib():.0f} MiB，{size / _MB:.0f} MB，{took:.0f} 秒，{values} 个值")


if __name__ == "__main__":
    if sys.argv[1:2] in (["plain"], ["fast"]):
        paths = (Path(sys.argv[2]),)
        engine = PlainEngine() if sys.argv[1] == "plain" else FastEngine()
        scan_paths(paths, engine=engine, workers=workers_for(paths))
        sys.exit()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else _STREAM_MB * _MB)
