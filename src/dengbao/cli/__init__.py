"""The command line: a thin door; no rule of the field lives here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click

from .. import __version__
from .chinese import Group
from .door import run_door
from .waiting import Waiting

# A command's module is imported when the command is asked for: each needs other rooms of the house, and
# `run` should not wait for the browser of `discover` or the pictures of `evidence`.
_COMMANDS: Final = {
    "demo": "papers:demo",
    "init": "running:init",
    "doctor": "running:doctor",
    "plan": "running:plan",
    "run": "running:run",
    "judge": "running:judge",
    "status": "standing:status",
    "settle": "settling:settle",
    "evidence": "recording:evidence",  # whose other commands are added on the way there
    "report": "papers:report",
    "template": "templating:template",
    "key": "keys:key",
    "seal": "sealing:seal",
    "unlock": "unlocking:unlock",
    "forms": "forming:forms",
    "compare": "showing:compare",
    "export": "exporting:export",
    "verify": "verifying:verify",
    "suite": "showing:suite",
    "check": "showing:check",
    "collect-script": "carrying:collect_script",
    "vulns": "holes:vulns",
    "discover": "discovering:discover",
    "scan": "scanning:scan",
    "capture": "capturing:capture",
    "recheck": "rechecking:recheck",
    "approve": "approving:approve_command",
    "serve": "serving:serve",
}


@click.group(
    cls=Group,
    commands=Waiting(__name__, _COMMANDS),
    help="定点医药机构接入医保信息平台：等保三级联调测试与测试报告。\n\n"
    "次序：init → doctor → run → status → evidence add → report；整改后再 run 即为复测。\n\n"
    "退出码：0 全部符合；1 有不符合；2 用法或内容有误；3 有未判定（优先于 1）；4 佐证、事实或报告有误。",
    epilog="dengbao demo\ndengbao init my-hospital\ndengbao run --help",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, "--version", message="dengbao %(version)s", help="显示版本")
def main_group() -> None:
    """Group of all commands."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a C locale must not end a report in UnicodeEncodeError
            reconfigure(encoding="utf-8", errors="replace")
    return run_door(main_group, arguments)
