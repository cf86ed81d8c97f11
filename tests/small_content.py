"""A content folder of our own: an item for every way a check may end, judged from a folder and a page."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from .runs import HEAD, WEB, environment
from .servers.counting import USERNAME

HEADING = """
from dengbao.checking import Params, check
from dengbao.errors import Undetermined
from dengbao.model import Criterion, Judgement
from dengbao.probes.backup.facts import BackupFiles
from dengbao.probes.web.facts import WebPages


class Limits(Params):
    limit: int


def say(*met):
    criteria = tuple(
        Criterion(name=f"c{n}", question="？", met=one, measured="见", fact="backup.files")
        for n, one in enumerate(met)
    )
    return Judgement(criteria=criteria, statement="经核查，有 1 个文件。")
"""
BODIES = {
    "good": "return say(True)",
    "bad": "return say(False)",
    "part": "return say(True, False)",
    "cannot": "raise Undetermined('经核查，两处配置矛盾。')",
    "none": (
        "return Judgement(criteria=say(True).criteria, statement='经核查，无远程管理。', applicable=False)"
    ),
    "breaks": "return 1 / 0",
    "wrong": "return True",
    "exits": "raise SystemExit(0)",
}
SUITE = """\
id: small
title: 小测评依据
edition: "1"
regulation: 某办法
mandatory:
  - id: "M.1"
    text: 使用统一的读卡环境
    polarity: positive
    methods: [examine]
    kinds: [system]
    by_hand: {ask: 截图读卡结果, keep: [screenshot]}
"""
BACKUP = """
  - {kind: backup, id: his-bak, name: 每日备份, path: backup}
"""
PROFILE = """\
profile:
  limit: {value: 8, source: 某办法, certainty: binding, unit: 位}
"""
CHAPTER = """\
number: {number}
title: 第{number}章
clauses:
  - id: "{number}.a"
    letter: a
    text: 应当如此，且[不得/例外]；
    source: GB/T 22239-2019
    unit: L3-CES1-0{number}
    items:
"""
ITEM = """\
      - id: "{item}"
        text: 应核查{name}；
        polarity: positive
        methods: [examine]
        kinds: [{kind}]
        checks: [{{use: demo.{name}}}]
        by_hand: {{ask: 查看{name}, keep: [screenshot]}}
"""


def write_content(folder: Path, bodies: Mapping[str, str] = BODIES) -> Path:
    """Write suites, checks, templates: item 1.a.N for each body, judged from a backup; 2.a.1 from a page."""
    suite = folder / "suites" / "small"
    suite.mkdir(parents=True)
    (folder / "templates" / "engagement").mkdir(parents=True)
    (folder / "templates" / "engagement" / "engagement.yaml").write_text("schema: 1\n", encoding="utf-8")
    (folder / "checks" / "demo").mkdir(parents=True)
    (suite / "suite.yaml").write_text(SUITE, encoding="utf-8")
    (suite / "profile.yaml").write_text(PROFILE, encoding="utf-8")
    chapter = CHAPTER.format(number=1)
    for number, (name, body) in enumerate(bodies.items(), 1):
        chapter += ITEM.format(item=f"1.a.{number}", name=name, kind="backup")
        write_check(folder, name, body)
    (suite / "01_one.yaml").write_text(chapter, encoding="utf-8")
    two = CHAPTER.format(number=2) + ITEM.format(item="2.a.1", name="page", kind="web")
    (suite / "02_two.yaml").write_text(two, encoding="utf-8")
    write_check(folder, "page", "return say(True)", facts="WebPages")
    for room in (folder / "checks", folder / "checks" / "demo"):
        (room / "__init__.py").write_text('"""Checks."""\n', encoding="utf-8")
    return folder


def write_check(folder: Path, name: str, body: str, *, facts: str = "BackupFiles") -> None:
    """Write one check file."""
    head = f'@check("demo.{name}")\ndef judge(seen: {facts}, limits: Limits) -> Judgement:'
    path = folder / "checks" / "demo" / f"{name}.py"
    path.write_text(f"{HEADING}\n{head}\n    {body}\n", encoding="utf-8")


def write_engagement(folder: Path, url: str = "", *, assets: str = "") -> Path:
    """Write an engagement with a backup folder, and with a web asset where a URL is given."""
    (folder / "backup").mkdir(parents=True)
    (folder / "backup" / "his.sql").write_text("create table patient (id integer);\n", encoding="utf-8")
    web = WEB.format(id="his", url=url, username=USERNAME) if url else ""
    text = HEAD.replace("annex3-2023", "small") + web + BACKUP + assets
    (folder / "engagement.yaml").write_text(text, encoding="utf-8")
    return folder


def pytest_run(
    content: Path, engagement: Path | None, *options: str, target: str = "checks", env: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    """Run pytest over the checks as a maintainer would."""
    command = [sys.executable, "-m", "pytest", "-p", "dengbao.pytest_plugin", "-p", "no:cacheprovider"]
    given = ["--engagement", str(engagement)] if engagement else []
    return subprocess.run(
        [*command, str(content / target), *given, "--content", str(content), *options],
        cwd=content, env={**environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"), **env},
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip


def files_of(folder: Path) -> set[str]:
    """Return every file below a folder."""
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}
