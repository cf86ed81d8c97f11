"""The demo from end to end: test the hospital, mend it, test again, say what changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..compare import compare, render
from ..model import SuiteResult
from . import engagement
from .child import running
from .hospital import PASSWORD_VARIABLE
from .measures import State
from .seed import new_password

INTERRUPTED: Final = 130


@dataclass(frozen=True)
class Steps:
    """What the rest of the toolkit does for the demo; all take the engagement folder.

    `run` tests in a new round and returns its number; `report` writes that round's report and
    returns the file; `result` returns the folded results of a round.
    """

    run: Callable[[Path], int]
    report: Callable[[Path, int], Path]
    result: Callable[[Path, int], SuiteResult]


@dataclass(frozen=True)
class _Demo:
    folder: Path
    port: int
    password: str
    say: Callable[[str], None]
    steps: Steps

    def round(self, state: State) -> int:
        """Test the hospital in one state, write the report, return the round's number."""
        place = engagement.hospital_of(self.folder)
        with running(place, state, self.password, port=self.port) as hospital:
            self.say(f"\n【{state.zh}】示范医院已启动：{hospital.url}")
            if state is State.AFTER:
                count = engagement.add_mended_evidence(self.folder)
                self.say(f"整改后由人补充佐证 {count} 份")
            number = self.steps.run(self.folder)
        self.say(f"第{number}轮检测完成，报告：{self.steps.report(self.folder, number)}")
        return number


def run_demo(folder: Path, *, say: Callable[[str], None], steps: Steps, width: int = 100) -> int:
    """Run the whole demo in `folder`; return the exit code.

    The hospital runs only while it is tested. Ctrl-C stops it and leaves the folder as it is, so
    that every other command can go on with it.

    Raises:
        UsageError: the folder is not empty, or the hospital does not start.

    """
    engagement.prepare(folder)
    demo = _Demo(folder, engagement.free_port(), new_password(), say, steps)
    engagement.write(folder, port=demo.port)
    say(f"演示目录：{folder}（机构、人员均为虚构，只连接本机 127.0.0.1）")
    try:
        with _password(demo.password):
            rounds = [demo.round(state) for state in State]
    except KeyboardInterrupt:
        say(f"\n已中止，演示医院已停止；已完成的部分保留在 {folder}")
        return INTERRUPTED
    before, after = (steps.result(folder, number) for number in rounds)
    say("\n整改前后的差异：")
    say(render(compare(before, after), first=State.BEFORE.zh, second=State.AFTER.zh, width=width))
    for line in _next_steps(folder, demo.port):
        say(line)
    return 0


@contextmanager
def _password(password: str) -> Iterator[None]:
    """Set the test account's password for the length of the block, as a person would by export."""
    earlier = os.environ.get(PASSWORD_VARIABLE)
    os.environ[PASSWORD_VARIABLE] = password
    try:
        yield
    finally:
        if earlier is None:
            del os.environ[PASSWORD_VARIABLE]
        else:
            os.environ[PASSWORD_VARIABLE] = earlier


def _next_steps(folder: Path, port: int) -> tuple[str, ...]:
    hospital = engagement.hospital_of(folder)
    return (
        "下一步：",
        f"  dengbao status {folder}    还缺什么",
        f"  dengbao evidence list {folder}    已有哪些佐证",
        "自己再测一轮：",
        f"  export {PASSWORD_VARIABLE}=自定口令",
        f"  python -m dengbao.demo.hospital --folder {hospital} --state after --port {port} &",
        f"  dengbao run {folder} --new-round",
    )
