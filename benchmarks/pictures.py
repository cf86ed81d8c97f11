"""The Word report with many screenshots: how its time grows, and what it takes beside writing its bytes.

The zip beside it holds the same members, made from the same files on the disk by `zipfile` alone, deflated as
whatever writes .docx does: no digests held against the records, no picture looked into, nothing read back.
A zip that only stores its members is named too; a report cannot come near it, because the digests of the
evidence alone cost more. Processor time is taken, because the disk is shared; each side waits for its disk.
"""

from __future__ import annotations

import gc
import hashlib
import os
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from dengbao.model import Evidence, EvidenceFile
from dengbao.report import ReportInput, write_report
from tests.report.example import example, paper

from .figures import Figure
from .report import screenshot

FEW, MANY = 500, 2000
RUNS = 3


def round_with(folder: Path, pictures: int) -> ReportInput:
    """Return the fictitious round with so many screenshots, all different, as evidence of one item."""
    given = example(folder, pictures=0)
    filed: list[Evidence] = []
    for number in range(pictures):
        name = f"shot-{number}.png"
        path = folder / name
        if not path.exists():
            path.write_bytes(screenshot(number))
        data = path.read_bytes()
        file = EvidenceFile(name=name, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
        filed.append(paper(number + 1, "10.a.1", "system", (file,)))
    return replace(given, evidence=tuple(filed))


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds of the processor `work` took."""
    gc.collect()
    begun = time.process_time()
    work()
    return time.process_time() - begun


def same_zip(docx: Path, given: ReportInput, out: Path) -> Callable[[int], None]:
    """Return what writes the members of a report again: pictures read from the evidence, the rest at hand."""
    by_digest = {file.sha256: given.evidence_dir / file.name for one in given.evidence for file in one.files}
    members: list[tuple[str, bytes | Path]] = []
    with zipfile.ZipFile(docx) as archive:
        for info in archive.infolist():
            data = archive.read(info)
            path = by_digest.get(hashlib.sha256(data).hexdigest()) if "/media/" in info.filename else None
            members.append((info.filename, data if path is None else path))

    def write(kind: int) -> None:
        with out.open("wb") as file:
            with zipfile.ZipFile(file, "w") as target:
                for name, one in members:
                    target.writestr(name, one if isinstance(one, bytes) else one.read_bytes(), kind)
            file.flush()
            os.fsync(file.fileno())

    return write


@dataclass(frozen=True)
class Taken:
    """Median seconds of the processor: 500 pictures, 2,000, the zip of the latter deflated, and stored."""

    few_s: float
    many_s: float
    zip_s: float
    stored_s: float


def measure(few: int = FEW, many: int = MANY, runs: int = RUNS) -> Taken:
    """Return the medians; all sides alternate in one process."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        small, large = (round_with(folder / "evidence", one) for one in (few, many))
        docx = folder / "many.docx"
        write_report(large, docx, final=False, engines={})
        again = same_zip(docx, large, folder / "plain.zip")
        works: tuple[Callable[[], object], ...] = (
            lambda: write_report(small, folder / "few.docx", final=False, engines={}),
            lambda: write_report(large, docx, final=False, engines={}),
            lambda: again(zipfile.ZIP_DEFLATED),
            lambda: again(zipfile.ZIP_STORED),
        )
        rounds = [[timed(one) for one in works] for _ in range(runs)]
    return Taken(*(statistics.median(one) for one in zip(*rounds, strict=True)))


def figures() -> list[Figure]:
    """Return how time grows from 500 to 2,000 pictures, and the ratio to the zip."""
    taken = measure()
    how = f"{MANY} 张 1366×768 截图，处理器时间 {taken.many_s:.2f} 秒"
    beside = f"zipfile 单独写出 {taken.zip_s:.2f} 秒（只存储不压缩 {taken.stored_s:.2f} 秒）"
    return [
        Figure(
            f"报告图片 {FEW} 到 {MANY} 张的用时之比", taken.many_s / taken.few_s, 4.8, "",
            f"{how}；{FEW} 张 {taken.few_s:.2f} 秒",
        ),
        Figure("报告与写出同一 zip 之比", taken.many_s / taken.zip_s, 1.3, "", f"{how}；{beside}"),
    ]  # fmt: skip
