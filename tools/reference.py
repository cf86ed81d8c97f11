"""Writes docs/reference from the program itself; with --check only says whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from dengbao import checking, runner
from dengbao import errors as errors_room
from dengbao.catalog import load_suite
from dengbao.cli import main_group
from dengbao.errors import DengbaoError, ProbeError, Reason
from dengbao.model import kind_of
from dengbao.probes.registry import PROBES

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "reference"
EXIT_CODES = {
    0: "全部符合（或不适用）",
    1: "有不符合或部分符合",
    2: "命令、项目文件或内容有误；doctor 发现错误；文件无法读写",
    3: "有未判定的项（优先于 1）；正式报告尚有缺项",
    4: "佐证、事实、记录或报告有问题；重新判定与记录不同",
    70: "程序错误，未完成；出错详情写入临时文件，路径印在屏幕上",
    130: "被 Ctrl-C 中断，再次执行即继续",
    141: "输出被提前关闭（如 `| head`），不代表任何结论",
}
WHO_MENDS = {
    "DengbaoError": "以下各类的总称",
    "UsageError": "命令行或项目文件有误：由操作者改正",
    "ContentError": "suites、checks 或 templates 有误：由其作者改正",
    "EvidenceError": "佐证缺失、不予采信或被改动：由提交者改正",
    "ReportError": "报告无法生成，或生成出来会是错的：由模板作者改正",
    "ReportIncomplete": "要求出正式报告，但尚有未判定或未填写之处：补齐后再出",
    "StoreError": "已存的事实、记录或台账损坏：从备份恢复或重新采集",
    "RunFailed": "判定过程没有正常结束：改正后再次运行，已采集的事实保留",
    "Undetermined": "检查已查看但不足以判定：记为“无法判定”",
    "ProbeError": "探测没能取得事实：记为“无法判定”，绝不记为符合或不符合",
    "Unreachable": "连不上测评对象",
    "TimedOut": "对方未及时应答",
    "LoginRefused": "登记的账户被拒绝",
    "NoPermission": "已登录，但账户无权查看",
    "ProtocolMismatch": "对方的应答不符合预期的协议",
    "ProbeIncapable": "本机缺少检测程序，或库不支持",
    "NotDeclared": "项目文件没有写明所需的信息",
    "NotSupported": "暂不支持该平台",
    "NotAuthorised": "超出授权级别，或不在授权时段",
    "OutOfScope": "不在授权地址范围内，或登记为生产环境",
    "Interrupted": "上次运行在发出尝试之后中断，不再重复尝试",
    "Damaged": "带回的文件被截断、改动，或不是应有的文件",
    "Stale": "带回的资料过期，或无法认定新旧",
}


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


def problems() -> str:
    """Return every exit code, every kind of error and who mends it, and every reason of 无法判定."""
    rooms = (errors_room, runner)
    kinds = {one for room in rooms for one in vars(room).values() if isinstance(one, type)}
    rows = [
        "# 退出码与错误\n\n由 `make docs` 生成，勿手改。\n",
        "## 退出码\n",
        "| 退出码 | 含义 |",
        "|---|---|",
    ]
    rows += [f"| {code} | {text} |" for code, text in EXIT_CODES.items()]
    rows += ["\n## 错误\n", "| 错误 | 谁来处理 | 退出码 |", "|---|---|---|"]
    for one in sorted(
        (kind for kind in kinds if issubclass(kind, DengbaoError)), key=lambda kind: kind.__name__
    ):
        code = "—" if issubclass(one, ProbeError) or one.__name__ == "Undetermined" else str(one.exit_code)
        rows.append(f"| `{one.__name__}` | {WHO_MENDS[one.__name__]} | {code} |")
    rows += ["\n## “无法判定”的原因\n", "| 记录中 | 报告中 |", "|---|---|"]
    rows += [f"| `{one.value}` | {one.zh} |" for one in Reason]
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
        "problems.md": problems(),
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
