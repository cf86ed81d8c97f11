"""A hospital whose one application counts what it is sent, and a small suite that knocks at it.

Tests take the fixtures over by name: `application = knocking.application`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .runs import dengbao
from .servers.counting import PASSWORD, Counting, counting_server
from .small_content import CHAPTER, ITEM, write_content, write_engagement

KNOCK = "POST /login"
PAGE, KNOCKED = "2.a.1@his/demo.page", "3.a.1@his/demo.empty"
EMPTY = ("web.empty_password", "his")
CHECK = """
from dengbao.checking import check
from dengbao.model import Criterion, Judgement
from dengbao.probes.web.facts import WebEmptyPassword


@check("demo.empty")
def judge(seen: WebEmptyPassword) -> Judgement:
    met = bool(seen.account)
    criterion = Criterion(name="c1", question="？", met=met, measured="已试", fact="web.empty_password")
    return Judgement(criteria=(criterion,), statement="经测试验证，空口令已试。")
"""
COUNTS = """
from dengbao.checking import check
from dengbao.model import Criterion, Judgement
from dengbao.probes.backup.facts import BackupFiles


@check("demo.good")
def judge(seen: BackupFiles) -> Judgement:
    met = len(seen.files) == 1
    told = f"{len(seen.files)} 个"
    criterion = Criterion(name="c1", question="？", met=met, measured=told, fact="backup.files")
    return Judgement(criteria=(criterion,), statement=f"经核查，有 {len(seen.files)} 个文件。")
"""


def knocking_content(folder: Path) -> Path:
    """Write a content folder: 1.a.1 from a folder, 2.a.1 from a page, 3.a.1 from a login without password."""
    write_content(folder, {"good": "return say(True)"})
    three = CHAPTER.format(number=3) + ITEM.format(item="3.a.1", name="empty", kind="web")
    (folder / "suites" / "small" / "03_three.yaml").write_text(three, encoding="utf-8")
    (folder / "checks" / "demo" / "empty.py").write_text(CHECK, encoding="utf-8")
    return folder


def counting_content(folder: Path) -> Path:
    """Write the same content with a 1.a.1 that says how many files it saw."""
    content = knocking_content(folder)
    (content / "checks" / "demo" / "good.py").write_text(COUNTS, encoding="utf-8")
    return content


@pytest.fixture(name="app")
def application() -> Iterator[Counting]:
    """Return the application, running."""
    with counting_server() as app:
        yield app


@pytest.fixture(name="content")
def small_content(tmp_path: Path) -> Path:
    """Return the suite."""
    return knocking_content(tmp_path / "content")


@pytest.fixture(name="folder")
def hospital(tmp_path: Path, app: Counting, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the hospital, not tested yet."""
    monkeypatch.setenv("RUNS_PASSWORD", PASSWORD)
    return write_engagement(tmp_path / "hospital", app.url)


@pytest.fixture(name="content")
def content_that_counts(tmp_path: Path) -> Path:
    """Return the suite that counts files."""
    return counting_content(tmp_path / "content")


@pytest.fixture(name="folder")
def tested(tmp_path: Path, app: Counting, content: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the hospital after one round, run as from a terminal."""
    monkeypatch.setenv("RUNS_PASSWORD", PASSWORD)
    folder = write_engagement(tmp_path / "hospital", app.url)
    done = dengbao("run", folder, "--content", content)
    assert done.returncode in (0, 1, 3), done.stderr
    return folder
