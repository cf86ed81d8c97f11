"""An import of a workbook that is killed at any instant files nothing, or the next import files the rest."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from dengbao import evidence as evidence_room
from dengbao import recording
from dengbao.cli import main
from dengbao.errors import EvidenceError
from dengbao.evidence.intended import intentions, name_of
from dengbao.model import Person
from dengbao.packet.custody import read_custody
from dengbao.sheets.layout import Column

from .runs import environment
from .test_recording import fill, opened, original, write  # noqa: F401 - a fixture is found by its name

NOW = datetime.now(UTC).astimezone().replace(microsecond=0)
ZHANG = Person(name="张三", org="测试科技")
ROWS = 3
# Imports into one copy of the folder after the other, each in a process of its own that kills itself, as
# `kill -9` does, at every call that changes the disk for good; until one import is through.
KILLED = """
import json, os, shutil, signal, sys
from pathlib import Path
from dengbao.cli import main

def counted(real):
    def call(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return call

folder, name = Path(sys.argv[1]), sys.argv[2]
ends = []
while not ends or ends[-1]:
    copy = shutil.copytree(folder, folder.with_name(f"at-{len(ends)}"))
    left = len(ends)
    child = os.fork()
    if not child:
        os.fsync = counted(os.fsync)
        Path.replace, Path.unlink = counted(Path.replace), counted(Path.unlink)
        sys.stdout = open(os.devnull, "w")
        os._exit(main(["evidence", "import-xlsx", str(copy), str(copy / name), "--by", "张三/测试科技"]))
    ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(ends))
"""


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:  # noqa: F811
    return Path(shutil.copytree(original, tmp_path / "my-hospital"))


def table(folder: Path) -> Path:
    def change(sheet: Worksheet) -> None:
        for row in range(4, 4 + ROWS):
            write(sheet, row, {Column.STATEMENT: f"经核查，第 {row} 行已设。", Column.VERDICT: "符合"})

    return fill(folder, change)


def statements(folder: Path) -> list[str]:
    return [one.statement for one in evidence_room.load_all(folder)]


def test_killed_at_any_instant_all_rows_are_filed_once_by_the_next_import(folder: Path) -> None:
    path = table(folder)
    wanted = [f"经核查，第 {row} 行已设。" for row in range(4, 4 + ROWS)]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), path.name],
        env=environment(), capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    ends = json.loads(done.stdout)
    assert ends == [-signal.SIGKILL] * (len(ends) - 1) + [0]
    seen = {_finished(folder.with_name(f"at-{number}"), path.name, wanted) for number in range(len(ends))}
    assert seen == set(range(ROWS + 1)), "kills before, within and after the filing were tried"


def _finished(folder: Path, name: str, wanted: list[str]) -> int:
    """Import again; return how many records the killed import had filed."""
    session, there = opened(folder), statements(folder)
    broken_off = list(intentions(evidence_room.folder_of(folder)))
    assert broken_off or there in ([], wanted), "neither all nor none"
    found = evidence_room.check(folder, session.suite, session.engagement, NOW.date())
    told = [one for one in found if one.message.startswith("上次导入中断")]
    assert len(told) == bool(broken_off and there != wanted)
    assert all(one.gravity.is_open for one in told)
    done = recording.import_workbook(session, folder / name, by=ZHANG, now=NOW)
    assert statements(folder) == wanted
    assert len(done.changes) + len(done.known) == ROWS
    assert not list(intentions(evidence_room.folder_of(folder)))
    assert len(evidence_room.admissible(folder, session.suite, session.engagement, NOW.date())) == ROWS
    return len(there)


def test_what_the_next_import_finished_is_told_and_kept_in_custody(folder: Path) -> None:
    path = table(folder)
    recording.import_workbook(opened(folder), path, by=ZHANG, now=NOW)
    evidence = evidence_room.folder_of(folder)
    records = evidence_room.load_all(folder)
    (evidence / name_of(records[0])).write_bytes(msgspec.json.encode(records))  # as a kill leaves it
    (evidence / f"{records[-1].id}.yaml").unlink()
    (folder / "custody.jsonl").unlink(missing_ok=True)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main(["evidence", "import-xlsx", str(folder), str(path), "--by", "张三/测试科技"]) == 0
    assert f"上次导入中断，已补完：{records[-1].id}" in said.getvalue()
    assert evidence_room.load_all(folder) == records
    (entry,) = read_custody(folder / "custody.jsonl")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (entry.act, dict(entry.details)) == (
        "evidence_imported", {"ids": records[-1].id, "workbook": digest},
    )  # fmt: skip


def test_what_a_killed_filing_wrote_down_and_cannot_be_read_is_told(folder: Path) -> None:
    evidence = evidence_room.folder_of(folder)
    evidence.mkdir()
    (evidence / ".EV-0001.filing").write_bytes(b"[{")
    session = opened(folder)
    (found,) = evidence_room.check(folder, session.suite, session.engagement, NOW.date())
    assert found.gravity.is_open
    with pytest.raises(EvidenceError, match="未完成的入库无法读取"):
        evidence_room.finish_filing(folder)
