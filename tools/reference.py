"""Writes docs/reference from the program itself; with --check only says whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from dengbao import checking
from dengbao.catalog import load_suite
from dengbao.cli import main_group
from dengbao.model import kind_of
from dengbao.probes.registry import PROBES

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "reference"


def commands() -> str:
    """Return every command with its help."""
    parts = ["# 命令\n\n由 `make docs` 生成，勿手改。\n"]

    def add(command: click.Command, path: str) -> None:
        context = click.Context(command, info_name=path, terminal_width=90, max_content_width=90)
        parts.append(f"## `{path}`\n\n```text\n{command.get_help(context).rstrip()}\n```\n")
        if isinstance(command, click.Group):
            for name, one in command.commands.items():
                add(one, f"{path} {name}")

    add(main_group, "dengbao")
    return "\n".join(parts)


def checks() -> str:
    """Return every check with its facts, parameters and docstring."""
    registry = checking.load(ROOT / "checks")
    parts = ["# 检查\n\n由 `make docs` 生成，勿手改。\n"]
    for check_id in registry.ids():
        parts.append(f"## `{check_id}`\n")
        for one in registry.of(check_id):
            facts = "、".join(f"`{kind_of(need.facts)}`" for need in one.needs)
            names = [field.name for field in msgspec.structs.fields(one.params)] if one.params else []
            params = "、".join(f"`{name}`" for name in names) or "无"
            parts.append(
                f"### {one.function.__name__}\n\n事实：{facts}；参数：{params}\n\n```text\n{one.doc}\n```\n"
            )
    return "\n".join(parts)


def probes() -> str:
    """Return every probe with its level and the facts it brings."""
    rows = [
        "# 探测\n\n由 `make docs` 生成，勿手改。\n",
        "| 探测 | 说明 | 级别 | 时限 | 事实 |",
        "|---|---|---|---|---|",
    ]
    rows += [
        f"| `{one.name}` | {one.title} | {one.level.zh} | {one.timeout_s:g} 秒 | "
        f"{'、'.join(f'`{kind}`' for kind in one.fact_kinds)} |"
        for one in PROBES
    ]
    return "\n".join(rows) + "\n"


def thresholds() -> str:
    """Return the profile of each suite with its sources."""
    parts = ["# 阈值\n\n由 `make docs` 生成，勿手改。`binding` 为官方文本规定，其余为参考值。\n"]
    for folder in sorted(path.parent for path in (ROOT / "suites").glob("*/suite.yaml")):
        suite = load_suite(folder)
        rows = [f"## {suite.id}\n", "| 名称 | 值 | 确定性 | 来源 |", "|---|---|---|---|"]
        for name, one in suite.profile.items():
            value = "、".join(map(str, one.value)) if isinstance(one.value, tuple) else str(one.value)
            rows.append(f"| `{name}` | {value}{one.unit} | {one.certainty} | {one.source} |")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def main() -> int:
    """Write the pages, or compare them."""
    pages = {
        "commands.md": commands(),
        "checks.md": checks(),
        "probes.md": probes(),
        "thresholds.md": thresholds(),
    }
    stale = [name for name, text in pages.items() if not _same(OUT / name, text)]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/reference/{name} 已过时：执行 make docs", file=sys.stderr)
        return 1 if stale else 0
    OUT.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (OUT / name).write_text(text, encoding="utf-8")
    return 0


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    raise SystemExit(main())
