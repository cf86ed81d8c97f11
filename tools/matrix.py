"""Prints the table check × situation × verdict: every scenario file and every live server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def live_rows() -> list[dict[str, str]]:
    """Run the live tests and return what each check said about each real server."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "matrix.jsonl"
        environment = {**os.environ, "DENGBAO_MATRIX": str(table)}
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "tests/live", "-q", "--no-header",
                "-n", "auto", "--dist", "loadfile",
            ],
            cwd=ROOT, env=environment, check=False, stdout=sys.stderr,
        )  # fmt: skip
        if done.returncode:
            print("真实服务器测试未全部通过，见上", file=sys.stderr)
        return [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]


def scenario_rows() -> list[dict[str, str]]:
    """Apply every scenario file and return what the check said."""
    from tests.checks.scenarios import choose, load_all  # noqa: PLC0415 - needs ROOT on the path
    from tests.checks.test_scenarios import REGISTRY  # noqa: PLC0415

    rows = []
    for loaded in load_all():
        outcome = loaded.run(choose(REGISTRY, loaded))
        got = (outcome.verdict or outcome.status).value
        rows.append(
            {
                "situation": f"scenario {loaded.name}", "check": loaded.check,
                "kind": loaded.asset.kind.value, "got": got, "expected": loaded.expected,
            }
        )  # fmt: skip
    return rows


# The platforms whose share is promised, by the kind and the name the live tests give them.
PLATFORMS = {"Linux": ("host", ("", "linux")), "PostgreSQL": ("database", ("postgresql",)),
             "MariaDB": ("database", ("mariadb",))}  # fmt: skip


def proven(rows: list[dict[str, str]]) -> list[str]:
    """Return for each platform how many of its items some check judged on a real server."""
    from dengbao.catalog import load_suite  # noqa: PLC0415 - needs ROOT on the path
    from tests.live.harness import REGISTRY  # noqa: PLC0415

    suite = load_suite(ROOT / "suites" / "annex3-2023", REGISTRY)
    lines = []
    for name, (kind, platforms) in PLATFORMS.items():
        judged = {
            row["check"]
            for row in rows
            if row["kind"] == kind and row["platform"] in platforms and row["got"] in VERDICTS
        }
        asked = [item for item in suite.items() if kind in item.kinds]
        ours = [item for item in asked if any(use.use in judged for use in item.checks)]
        left = "、".join(item.id for item in asked if item not in ours)
        share = 100 * len(ours) / len(asked)
        lines.append(
            f"{name}：{len(asked)} 项，真实服务器上判定过 {len(ours)} 项（{share:.0f}%）；其余 {left or '无'}"
        )
    return lines


VERDICTS = ("conform", "partial", "nonconform", "not_applicable")


def main() -> int:
    """Print all rows and how many verdicts are wrong; 1 if any is."""
    live = live_rows()
    rows = sorted(scenario_rows() + live, key=lambda one: (one["check"], one["situation"]))
    for row in rows:
        mark = " " if row["got"] == row["expected"] else "✗"
        print(f"{mark} {row['check']:<36} {row['kind']:<9} {row['situation']:<48} {row['got']}")
    wrong = [row for row in rows if row["got"] != row["expected"]]
    false_conform = [row for row in wrong if row["got"] == "conform"]
    false_nonconform = [row for row in wrong if row["got"] == "nonconform"]
    print(
        f"共 {len(rows)} 行，{len({row['check'] for row in rows})} 个检查；"
        f"与预期不同 {len(wrong)}，其中误判符合 {len(false_conform)}，误判不符合 {len(false_nonconform)}"
    )
    print("\n".join(proven(live)))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
