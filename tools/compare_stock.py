"""Sets what stock tools report of a host beside our facts: docs/reference/stock-tools.md.

`compare_stock.py` writes the page from `tools/stock_tools/*.yaml` and what the tools reported when they were
run last (`reported/*.txt`); `--check` only says whether it is up to date. `--run` runs the tools of `RUNNERS`
and our own probe on this machine, one after the other, and writes anew what they reported.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import yaml

from dengbao.model import Value

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "tools" / "stock_tools"
PAGE: Final = ROOT / "docs" / "reference" / "stock-tools.md"
_OSCAP_PROFILE: Final = "xccdf_org.ssgproject.content_profile_anssi_np_nt28_high"
_OSCAP_CONTENT: Final = Path("/usr/share/xml/scap/ssg/content/ssg-debian11-ds.xml")
HEAD: Final = """# 与常用工具的对照

由 `python tools/compare_stock.py` 生成，勿手改。数据在 `tools/stock_tools/`：各工具在同一主机上报告的每一项，
或对应本工具的一种事实，或写明不采集的理由；“报告”一列为工具上次运行时实际报告的项数。
本工具的主机采集与它们在同一次运行中作于同一主机，其取得的事实记在 `reported/dengbao.txt`。
"""


class Group(Value):
    """Tests of a tool that ask the same; `facts` are ours, `why` says what of it we leave out, or all."""

    what: str
    tests: tuple[str, ...]
    items: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    why: str = ""


class Tool(Value):
    """A stock tool and what its tests mean to us."""

    tool: str
    home: str
    command: str
    groups: tuple[Group, ...]


def tools() -> tuple[Tool, ...]:
    """Return all tools, by the names of their files."""
    return tuple(
        msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Tool)
        for path in sorted(FOLDER.glob("*.yaml"))
    )


def reported(tool: str) -> tuple[str, ...]:
    """Return the tests that the tool reported when it was run last."""
    return tuple((FOLDER / "reported" / f"{tool}.txt").read_text(encoding="utf-8").split())


def lynis() -> tuple[str, ...]:
    """Run lynis on this machine; it writes only where it is told to."""
    with tempfile.TemporaryDirectory() as name:
        report = Path(name) / "report.dat"
        subprocess.run(
            ["lynis", "audit", "system", "--quick", "--no-colors", "--quiet",
             "--report-file", str(report), "--log-file", f"{name}/log"],
            check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        text = report.read_text(encoding="utf-8", errors="replace")
    line = re.search(r"^tests_executed=(.*)$", text, re.MULTILINE)
    return tuple(one for one in (line.group(1) if line else "").split("|") if one)


def oscap() -> tuple[str, ...]:
    """Run oscap with the distribution's own profile on this machine."""
    done = subprocess.run(
        ["oscap", "xccdf", "eval", "--profile", _OSCAP_PROFILE, str(_OSCAP_CONTENT)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    return tuple(re.findall(r"^Rule\s+xccdf_org\.ssgproject\.content_rule_(\S+)", done.stdout, re.MULTILINE))


def ours() -> tuple[str, ...]:
    """Read this machine with our own probe and return the kinds of facts that it brought whole."""
    sys.path.insert(0, str(ROOT))
    from dengbao.model import HostAsset  # noqa: PLC0415 - needed only when the tools are run
    from tests.live.harness import look  # noqa: PLC0415

    sight = look(HostAsset(id="here", name="本机", address="local"), only=("host.local",))
    for lack in sight.missing.values():
        print(f"未取得 {lack.fact}：{lack.message}", file=sys.stderr)
    return tuple(sight.facts)


RUNNERS: Final[Mapping[str, Callable[[], tuple[str, ...]]]] = {
    "lynis": lynis,
    "oscap": oscap,
    "dengbao": ours,
}


@contextmanager
def sshd() -> Iterator[None]:
    """Let this machine's own sshd run with its own configuration, on loopback: both sides ask about it."""
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        key = Path(name) / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        process = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-h", str(key), "-o", "ListenAddress=127.0.0.1:22022"]
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def run() -> None:
    """Run every tool we know to run on this machine, and keep what it reported."""
    with sshd():
        _run_all()


def _run_all() -> None:
    for name, runner in RUNNERS.items():
        begun = time.monotonic()
        found = runner()
        print(f"{name} 用时 {time.monotonic() - begun:.1f} 秒", file=sys.stderr)
        if not found:
            print(f"{name} 没有报告任何一项（是否已安装？），保留原记录", file=sys.stderr)
            continue
        (FOLDER / "reported" / f"{name}.txt").write_text("\n".join(sorted(found)) + "\n", encoding="utf-8")
        print(f"{name}：{len(found)} 项", file=sys.stderr)


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for tool in tools():
        seen = set(reported(tool.tool))
        bearing = [one for one in tool.groups if one.items]
        counted = sum(len(seen & set(one.tests)) for one in bearing)
        parts.append(
            f"## {tool.tool}\n\n<{tool.home}>，`{tool.command}`：报告 {len(seen)} 项，"
            f"与 68 项有关的 {counted} 项。\n"
        )
        rows = ["| 内容 | 报告 | 测评项 | 本工具的事实 | 说明 |", "|---|---|---|---|---|"]
        rows += [
            f"| {one.what} | {len(seen & set(one.tests))} | {'、'.join(one.items) or '—'} | "
            f"{'、'.join(f'`{kind}`' for kind in one.facts) or '—'} | {one.why} |"
            for one in tool.groups
        ]
        parts.append("\n".join(rows) + "\n")
        parts.append(
            "".join(f"- {one.what}：{'、'.join(f'`{test}`' for test in one.tests)}\n" for one in tool.groups)
        )
    return "\n".join(parts)


def main() -> int:
    """Write the page, or compare it."""
    if "--run" in sys.argv:
        run()
    text = page()
    if "--check" in sys.argv:
        same = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        if not same:
            print("docs/reference/stock-tools.md 已过时：执行 python tools/compare_stock.py", file=sys.stderr)
        return 0 if same else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
