"""The Word report of 68 items with 40 screenshots, against plain docxtpl filling the same template.

Ours folds in everything that makes a report safe to stamp: evidence digests, bounded pictures, visible
control characters, contents, read-back, structural lint. LibreOffice takes no part on either side.
"""

from __future__ import annotations

import gc
import hashlib
import io
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from docx.shared import Mm
from docxtpl import DocxTemplate, InlineImage
from jinja2 import Environment
from PIL import Image

from dengbao.model import Evidence, EvidenceFile
from dengbao.report import ReportInput, write_report
from dengbao.report.bars import drawn_pictures
from dengbao.report.gaps import find_gaps
from dengbao.report.pictures import load_figures
from dengbao.report.plain import Plain
from dengbao.report.report_data import report_data
from tests.report.example import example, paper

from .figures import Figure

PICTURES = 40
RUNS = 5
TEMPLATE = Path(__file__).parents[1] / "templates" / "annex3-2023" / "report.docx"


def screenshot(seed: int) -> bytes:
    """Return a PNG of 1366×768 and about 230 kB, different for every seed."""
    noise = random.Random(seed)
    image = Image.frombytes("L", (1366, 768), bytes(1366 * 768))
    patch = Image.frombytes("L", (600, 360), noise.randbytes(600 * 360))
    image.paste(patch, (50, 50))
    out = io.BytesIO()
    image.convert("RGB").save(out, "PNG", compress_level=1)
    return out.getvalue()


def round_with_pictures(folder: Path) -> ReportInput:
    """Return the fictitious round with 40 screenshots as evidence of its items."""
    given = example(folder, pictures=0)
    filed: list[Evidence] = []
    for number in range(PICTURES):
        data = screenshot(number)
        name = f"shot-{number}.png"
        (folder / name).write_bytes(data)
        file = EvidenceFile(name=name, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
        filed.append(paper(number + 1, "10.a.1", "system", (file,)))
    return replace(given, evidence=tuple(filed))


def theirs(data: dict[str, Plain], files: dict[str, Path], out: Path) -> None:
    """Fill the template with docxtpl alone."""
    template = DocxTemplate(TEMPLATE)
    env = Environment(autoescape=True)
    env.filters["picture"] = lambda key: InlineImage(template, str(files[key]), width=Mm(156))
    env.filters["cite"] = env.filters["numbered"] = str  # plain numbers: fields are ours alone
    template.render(data, env)
    template.save(out)


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds `work` took."""
    gc.collect()
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure() -> tuple[float, float]:
    """Return the median seconds of ours and of theirs; runs of both alternate in one process."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        given = round_with_pictures(folder / "evidence")
        data = report_data(given, load_figures(given.evidence, given.evidence_dir), find_gaps(given))
        files = {file.sha256: given.evidence_dir / file.name for one in given.evidence for file in one.files}
        for key, picture in drawn_pictures(data).items():
            files[key] = folder / f"{key}.png"
            files[key].write_bytes(picture.data)
        ours_s: list[float] = []
        theirs_s: list[float] = []
        for _ in range(RUNS + 1):
            ours_s.append(timed(lambda: write_report(given, folder / "ours.docx", final=False, engines={})))
            theirs_s.append(timed(lambda: theirs(data, files, folder / "theirs.docx")))
    return statistics.median(ours_s[1:]), statistics.median(theirs_s[1:])  # the first of each warms up


def figures() -> list[Figure]:
    """Return the ratio and the time of ours."""
    ours_s, theirs_s = measure()
    how = f"68 项、{PICTURES} 张 1366×768 截图，同一模板；docxtpl 单独填写 {theirs_s:.2f} 秒"
    return [
        Figure("报告与 docxtpl 之比", ours_s / theirs_s, 1.2, "", how),
        Figure("报告（不含排版）", ours_s, 5.0, "秒", "含证据校验、回读、结构检查"),
    ]


def main() -> None:
    """Print one JSON line."""
    ours_s, theirs_s = measure()
    line = {
        "name": "report 68 items 40 pictures",
        "ours_s": round(ours_s, 3),
        "theirs_s": round(theirs_s, 3),
        "ratio": round(ours_s / theirs_s, 3),
    }
    print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
