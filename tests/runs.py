"""Engagement folders and runs that several tests share."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .servers.counting import PASSWORD, USERNAME

ROOT = Path(__file__).parents[1]
HEAD = """
schema: 1
suite: annex3-2023
institution: {name: 测试医院, code: H64010000001, address: 某市某路1号}
system: {name: 医院信息系统, vendor: 测试科技}
parties:
  local_bureau: {name: 某市医疗保障局}
  platform_vendor: {name: 平台厂商}
  access_party: {name: 接入方}
scope:
  level: intrude
  addresses: [127.0.0.1]
  production: ["127.0.0.77:443"]
  authorised: {by: {name: 张三, org: 某市医疗保障局}, document: 授权书, at: 2026-03-01}
assets:
"""
WEB = """
  - kind: web
    id: {id}
    name: 应用 {id}
    url: {url}
    protected: [/patients]
    logout: /logout
    accounts: [{{id: test, username: {username}, secret: "${{ENV:RUNS_PASSWORD}}", role: 测试}}]
    login: {{path: /login, page: /login, account: test, failure: {{status: 401}}, success: {{status: 302}}}}
"""
DATABASE = """
  - kind: database
    id: his-db
    name: 业务库
    platform: sqlite
    path: data/his.db
"""


def write_engagement(folder: Path, urls: Mapping[str, str], *, database: bool = True) -> Path:
    """Write an engagement with one web asset per URL and a small SQLite database."""
    folder.mkdir(parents=True, exist_ok=True)
    assets = "".join(WEB.format(id=name, url=url, username=USERNAME) for name, url in urls.items())
    if database:
        (folder / "data").mkdir(exist_ok=True)
        with sqlite3.connect(folder / "data" / "his.db") as connection:
            connection.execute("create table if not exists patient (id integer primary key, name text)")
        connection.close()
        assets += DATABASE
    # Servers of the tests need not be spared as a hospital's are.
    head = HEAD.replace("level: intrude", "level: intrude\n  connections_per_s: 1000")
    (folder / "engagement.yaml").write_text(head + assets, encoding="utf-8")
    return folder


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of a run."""
    return {**os.environ, "RUNS_PASSWORD": PASSWORD, "NO_COLOR": "1", **changes}


def dengbao(*arguments: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "dengbao", *map(str, arguments)],
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
        env=dict(env or environment()),
    )  # fmt: skip


def records(folder: Path, number: int = 1) -> list[dict[str, object]]:
    """Return the records of a round without times and digests of facts, in which times and ports stand."""
    path = folder / "runs" / f"round-{number}" / "records.jsonl"
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for one in found:
        del one["judged_at"], one["facts"]
        for proof in one.get("proofs", ()):
            proof.pop("at", None)
    return found


def planned(folder: Path, number: int = 1) -> Sequence[str]:
    """Return the ids of the planned cases."""
    plan = json.loads((folder / "runs" / f"round-{number}" / "plan.json").read_text(encoding="utf-8"))
    return [f"{one['item']}@{one['asset']}/{one.get('check') or 'by_hand'}" for one in plan["cases"]]
