"""What of an engagement folder goes into a packet, and nothing else: listed, never globbed as it lies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from ..catalog.engagements import FILE_NAME
from ..errors import StoreError
from ..evidence import examine, folder_of
from ..evidence.remarks import NAME as REMARKS
from ..evidence.remarks import whole_lines
from ..files import read_lines
from ..model import Standing
from ..rounds import Round, load_round, round_numbers
from ..session import Session
from .layout import CUSTODY

_ROUND_FILES: Final = (
    "run.json",
    "plan.json",
    "engagement.json",
    "records.jsonl",
    "events.jsonl",
    "ledger.jsonl",
)


def list_payload(
    session: Session, chosen: Round, today: date, custody_lines: int | None = None
) -> dict[str, Path | bytes]:
    """Return the name in the packet of every file sealed with a round → where it lies, or its content.

    All rounds up to the chosen one are taken, so that the history of 整改 can be checked; of the evidence
    only what counts, because what is inadmissible may hold what must not leave the house; what was withdrawn
    goes along as a record without its files, with all remarks, so that it can be seen. Of the log of
    custody the first `custody_lines` are taken, by default all: it grows by what follows sealing.

    Raises:
        StoreError: a stored fact is damaged.

    """
    found: dict[str, Path | bytes] = {FILE_NAME: session.directory / FILE_NAME}
    custody = session.directory / CUSTODY
    if custody.exists():
        lines = [line for _, line in read_lines(custody)]  # without a last line that a kill cut off
        found[CUSTODY] = b"".join(lines[:custody_lines])
    found.update(_suite(session))
    for number in round_numbers(session.directory):
        if number <= chosen.number:
            found.update(_round(load_round(session.directory, number)))
    found.update(_evidence(session, chosen, today))
    if remarks := whole_lines(session.directory):
        found[REMARKS] = remarks
    return found


def _suite(session: Session) -> Iterator[tuple[str, Path]]:
    folder = session.content.suites / session.suite.id
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix in (".yaml", ".md"):
            yield f"suites/{session.suite.id}/{path.relative_to(folder).as_posix()}", path


def _round(one: Round) -> Iterator[tuple[str, Path]]:
    base = f"runs/round-{one.number}"
    for name in _ROUND_FILES:
        if (one.folder / name).exists():
            yield f"{base}/{name}", one.folder / name
    store = one.store()
    if damaged := store.damaged():
        raise StoreError(
            "事实文件损坏，不能封存：" + "；".join(str(each) for each in damaged),
            cure="从备份恢复这些文件，或开始新的一轮",
        )
    for file in store.answers():
        path = store.path_of(file.asset, file.probe)
        yield f"{base}/facts/{file.asset}/{file.probe}.json", path
        for raw in file.raw:
            yield f"{base}/raw/{raw.sha256}", one.folder / "raw" / raw.sha256


def _evidence(session: Session, chosen: Round, today: date) -> Iterator[tuple[str, Path]]:
    folder = folder_of(session.directory)
    for one in examine(session.directory, session.suite, chosen.engagement, today):
        if one.record is None or not (one.counts or one.thread.standing is Standing.WITHDRAWN):
            continue
        yield f"evidence/{one.record.id}.yaml", folder / f"{one.record.id}.yaml"
        for file in one.record.files if one.counts else ():
            yield f"evidence/{file.name}", folder / file.name
