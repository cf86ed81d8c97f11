"""An engagement that is complete, so that it can be sealed: one database, all else answered by people."""

from __future__ import annotations

import shutil
import sqlite3
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from PIL import Image

from dengbao import evidence as evidence_room
from dengbao.evidence import Draft
from dengbao.model import EvidenceKind, Method, Person, Review, Status, Verdict
from dengbao.results import fold_round
from dengbao.rounds import load_round
from dengbao.runner import run
from dengbao.session import open_session

from ..runs import DATABASE, HEAD

LI: Final = Person(name="李工", org="测试科技")
WANG: Final = Person(name="王主任", org="测试医院")
# After all evidence was collected, whenever the tests begin.
SEALED_AT: Final = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
NUMBER: Final = "NX-YBLT-2026-001"
_EXTRA: Final = """\
report_number: NX-YBLT-2026-001
people:
  - {name: 李工, org: 测试科技, role: 测试}
  - {name: 王主任, org: 测试医院, role: 复核}
"""


def build(folder: Path) -> Path:
    """Make the engagement, test it once, and answer what programs cannot see.

    Takes some seconds: tests share one folder and copy it before they change it.
    """
    folder.mkdir(parents=True)
    (folder / "data").mkdir()
    with sqlite3.connect(folder / "data" / "his.db") as connection:
        connection.execute("create table patient (id integer primary key, name text)")
    connection.close()
    (folder / "engagement.yaml").write_text(engagement_text(DATABASE), encoding="utf-8")
    run(folder, operator="李工")
    answer_the_rest(folder)
    return folder


def engagement_text(assets: str) -> str:
    """Return an `engagement.yaml` that lacks nothing, with these assets."""
    system = "system: {name: 医院信息系统, vendor: 测试科技}"
    told = f"{system[:-1]}, test_environment: [127.0.0.1]}}"
    return HEAD.replace(system, told).replace("assets:\n", f"{_EXTRA}assets:\n") + assets


def answer_the_rest(folder: Path) -> None:
    """File one picture for each asset with open cases; everything it answers is 符合."""
    session, chosen = open_session(folder), load_round(folder)
    result, _ = fold_round(session, chosen)
    items = [*result.mandatory, *(one for clause in result.clauses for one in clause.items)]
    open_items: dict[str, list[str]] = defaultdict(list)
    for item in items:
        for case in item.cases:
            if case.status is not Status.JUDGED:
                open_items[case.asset].append(item.item.id)
    now = datetime.now(UTC)
    for number, (asset, ids) in enumerate(sorted(open_items.items()), 1):
        picture = folder.parent / f"{folder.name}-{number}.png"
        Image.new("RGB", (320, 200), (250, 250, 40 * number)).save(picture)
        draft = Draft(
            items=tuple(ids), asset=asset, method=Method.EXAMINE, kind=EvidenceKind.SCREENSHOT,
            statement=f"经核查，{asset} 的配置与制度齐全，已逐项截图。", verdict=Verdict.CONFORM,
            collected_at=now, collected_by=LI, reviewed=Review(by=WANG, at=now), redacted=True,
            expires=None, override="",
        )  # fmt: skip
        evidence_room.add(
            folder, draft, (picture,), suite=session.suite, engagement=session.engagement, now=now
        )


def copy_of(folder: Path, target: Path) -> Path:
    """Return a copy that a test may spoil; locks of the original stay behind."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns(".lock", ".judging.lock"))
    return target


def spoil(path: Path, at: int | None = None) -> None:
    """Flip one bit of a file, in its middle unless told."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 0x01
    path.write_bytes(data)
