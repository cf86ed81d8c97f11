"""Probe = prefetch, case = item, judgement = record: makes `pytest checks --engagement DIR` a run.

The pytest outcome is for the terminal. The record is the truth, and every planned case gets one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from . import __version__
from .checking import Variant
from .content import find_content
from .errors import ContentError, DengbaoError, Reason, UsageError
from .judging import Outcome, apply
from .model import Case, Record, Status, Verdict, kind_of
from .prefetch import Progress, fetch_missing
from .pytest_state import BROKE_DOWN, STATE, State, unwritten
from .reconcile import JUDGED, exit_code, make_record, reconcile
from .results import code_of, fold_round
from .rounds import JUDGING, ORPHAN_WAIT_S, RecordBook, Round, begin_or_resume, claim, load_round
from .scope import seal_off, unfence
from .session import Session, only_cases, only_items, open_session

_LETTERS: Final = {
    "conform": ("符合", ".", {"green": True}),
    "partial": ("部分符合", "P", {"yellow": True}),
    "nonconform": ("不符合", "F", {"red": True}),
    "not_applicable": ("不适用", "-", {"cyan": True}),
    "undetermined": ("无法判定", "?", {"yellow": True}),
}


class NotConforming(Exception):
    """Raised to make pytest show a case that is not 符合; the record is written already."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run."""
    group = parser.getgroup("dengbao", "等保联调测评")
    group.addoption("--engagement", metavar="DIR", help="项目目录（内有 engagement.yaml）")
    group.addoption("--content", metavar="DIR", help="suites、checks、templates 所在目录")
    group.addoption("--item", action="append", default=[], help="只测这些项：1、1.a 或 1.a.3，可多次给出")
    group.addoption("--new-round", action="store_true", help="不接着未完成的一轮，开始新的一轮")
    group.addoption("--operator", default="", help="测试人员姓名")
    group.addoption("--facts-only", action="store_true", help="只用已采集的事实重新判定，不连接任何对象")
    group.addoption("--records", metavar="FILE", help="与 --facts-only 同用：结果写到此文件")
    group.addoption("--round", type=int, default=None, help="与 --facts-only 同用：第几轮")
    group.addoption("--under-run", type=int, default=0, help=argparse.SUPPRESS)


def pytest_configure(config: pytest.Config) -> None:
    """Open the engagement and its round."""
    directory = config.getoption("--engagement")
    if directory is None:
        return
    # pytest-xdist notes `-n` in `dist` before anything is configured.
    if hasattr(config, "workerinput") or config.getoption("dist", "no") != "no":
        raise pytest.UsageError("不支持 pytest-xdist：采集已并行，判定只需毫秒。处理：去掉 -n")
    locks = ExitStack()
    try:
        config.stash[STATE] = _open(config, Path(directory), locks)
    except DengbaoError as exc:
        locks.close()
        raise pytest.UsageError(str(exc)) from exc
    except OSError as exc:
        locks.close()
        raise pytest.UsageError(f"{exc.filename or directory} {exc.strerror}；处理：检查权限与磁盘") from exc


def _open(config: pytest.Config, directory: Path, locks: ExitStack) -> State:
    given = config.getoption("--content")
    session = open_session(directory, Path(given) if given else None)
    if config.getoption("--facts-only"):
        return _open_to_judge_again(config, session, locks)
    for option in ("--records", "--round"):
        if config.getoption(option) is not None:
            raise UsageError(f"{option} 须与 --facts-only 同用", cure="去掉它，或加上 --facts-only")
    only_look = bool(config.getoption("collectonly"))
    under_run = int(config.getoption("--under-run"))
    if not only_look:
        if not under_run:
            locks.enter_context(claim(directory))
        locks.enter_context(claim(directory, JUDGING, wait_s=ORPHAN_WAIT_S))
    chosen = begin_or_resume(
        directory, session.suite, session.engagement, session.plan,
        new=config.getoption("--new-round"), operator=config.getoption("--operator"), only_look=only_look,
    )  # fmt: skip
    return State(
        session, chosen, RecordBook(chosen.records_path), facts_only=False, under_run=under_run, locks=locks,
        by_file=_by_file(session, chosen),
    )  # fmt: skip


def _open_to_judge_again(config: pytest.Config, session: Session, locks: ExitStack) -> State:
    chosen = load_round(session.directory, config.getoption("--round"))
    given = config.getoption("--records")
    path = Path(given) if given else chosen.folder / "judged-again.jsonl"
    if given and path.exists():
        raise UsageError("结果文件已存在，不覆盖", where=str(path), cure="换一个文件名")
    if not config.getoption("collectonly"):
        path.unlink(missing_ok=True)
    again = Session(session.directory, session.content, session.suite, session.registry, chosen.engagement)
    return State(
        again, chosen, RecordBook(path), facts_only=True, under_run=int(config.getoption("--under-run")),
        locks=locks, by_file=_by_file(again, chosen),
    )  # fmt: skip


def _by_file(session: Session, chosen: Round) -> dict[Path, list[tuple[Case, Variant]]]:
    grouped: dict[Path, list[tuple[Case, Variant]]] = {}
    for case in chosen.plan.cases:
        if case.check:
            variant = session.variant(case)
            grouped.setdefault(variant.source.resolve(), []).append((case, variant))
    return grouped


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let the next run in."""
    state = config.stash.get(STATE, None)
    if state is not None:
        state.locks.close()


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which round this is."""
    state = config.stash.get(STATE, None)
    if state is None:
        return None
    return f"dengbao {__version__}：{state.session.engagement.institution.name} 第 {state.round.number} 轮"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the cases that a check file judges."""
    state = parent.config.stash.get(STATE, None)
    if state is None or file_path.suffix != ".py" or file_path.name == "__init__.py":
        return None
    if not file_path.resolve().is_relative_to(state.session.content.checks.resolve()):
        return None
    return CheckFile.from_parent(parent, path=file_path)


class CheckFile(pytest.File):
    """A file of checks; its items are the planned cases it judges."""

    def collect(self) -> Iterator[CaseItem]:
        """Yield one item for each planned case of this file."""
        for case, variant in self.config.stash[STATE].by_file.get(self.path.resolve(), ()):
            yield CaseItem.from_parent(self, name=f"{case.item}@{case.asset}", case=case, variant=variant)


class CaseItem(pytest.Item):
    """One case: item × asset × check."""

    def __init__(self, *, case: Case, variant: Variant, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type] # pytest's own untyped constructor protocol
        self.case = case
        self.variant = variant
        self.extra_keyword_matches.update((case.item, case.asset, case.check))

    def runtest(self) -> None:
        """Judge, write the record, and show what is not 符合 as a failure."""
        state = self.config.stash[STATE]
        session = state.session
        case = self.case
        seen = state.see(case.asset)
        params = state.bind(case, self.variant)
        outcome = apply(
            self.variant,
            asset=session.asset(case.asset),
            facts=seen.facts,
            missing=seen.missing,
            params=params,
        )
        used = seen.refs(kind_of(need.facts) for need in self.variant.needs)
        self.add_record(make_record(state.round, case, outcome, params=params, facts=used))

    def add_record(self, record: Record) -> None:
        """Write the record, then tell pytest."""
        self.config.stash[STATE].write(record)
        word = (record.verdict or record.status).value
        self.user_properties.append(("dengbao", word))
        if record.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip(record.statement)
        if record.verdict is not Verdict.CONFORM:
            raise NotConforming(record.statement)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:  # noqa: ARG002 - one line instead of a traceback
        """Return one line for a finding; a bug keeps its words."""
        return f"{self.case.id}：{excinfo.value}"

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the check is and what the case is called."""
        return self.path, None, self.case.id


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put cases into official order and leave out those an earlier sitting has judged."""
    state = config.stash.get(STATE, None)
    if state is None:
        return
    place = {case.id: number for number, case in enumerate(state.round.plan.cases)}
    items.sort(key=lambda one: place[one.case.id] if isinstance(one, CaseItem) else -1)
    try:
        chosen = {
            one.id for one in only_items(state.session, state.round.plan, config.getoption("--item")).cases
        }
    except DengbaoError as exc:
        raise pytest.UsageError(str(exc)) from exc
    wanted = chosen - set(state.book.known)
    left_out = [one for one in items if isinstance(one, CaseItem) and one.case.id not in wanted]
    if left_out:
        items[:] = [one for one in items if not isinstance(one, CaseItem) or one.case.id in wanted]
        config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch what the chosen cases need and is not stored; then close the network for good."""
    config = session.config
    state = config.stash.get(STATE, None)
    if state is None or config.getoption("collectonly"):
        return
    if not state.facts_only:
        chosen = {one.case.id for one in session.items if isinstance(one, CaseItem)}
        part = only_cases(state.session, state.round.plan, chosen)
        try:
            fetch_missing(state.session, state.round, part, lambda step: _show(config, step))
        except DengbaoError as exc:
            raise pytest.UsageError(str(exc)) from exc
        except OSError as exc:
            raise pytest.UsageError(f"{exc.filename or ''} {exc.strerror}；处理：检查权限与磁盘空间") from exc
    seal_off()


def _show(config: pytest.Config, step: Progress) -> None:
    terminal = config.pluginmanager.getplugin("terminalreporter")
    if terminal is not None and step.state in ("done", "kept"):
        kept = "此前已采集，不再连接" if step.state == "kept" else step.text
        terminal.write_line(f"采集 {step.asset} {step.title}" + (f"：{kept}" if kept else ""))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Judge a case without what pytest does to set up and tear down tests of code: a case has neither.

    Only in a run, where no plugin waits for it; it takes as long as the judging itself.
    """
    if not isinstance(item, CaseItem) or not item.config.stash[STATE].under_run:
        return None
    ends = (pytest.exit.Exception, KeyboardInterrupt)
    call = pytest.CallInfo.from_call(item.runtest, when="call", reraise=ends)
    report = item.ihook.pytest_runtest_makereport(item=item, call=call)
    item.ihook.pytest_runtest_logreport(report=report)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give a case whose check broke a record of its own: undetermined, reason `bug`."""
    report = yield
    if call.when == "call" and isinstance(item, CaseItem) and call.excinfo is not None:
        state = item.config.stash[STATE]
        if item.case.id not in state.book.known:
            text = f"判定程序出错（{call.excinfo.typename}），未作判定；处理：请报告"
            outcome = Outcome(status=Status.UNDETERMINED, reason=Reason.BUG, statement=text)
            state.write(make_record(state.round, item.case, outcome))
            report.user_properties = [*report.user_properties, ("dengbao", "undetermined")]
    return report


def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport,
) -> tuple[str, str, tuple[str, dict[str, bool]] | str] | None:
    """Show verdicts in the official words."""
    if report.when != "call":
        return None
    word = next((str(value) for name, value in report.user_properties if name == "dengbao"), "")
    if word not in _LETTERS:
        return None
    zh, letter, colour = _LETTERS[word]
    return zh, letter, (zh, colour)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Reconcile plan and records, and set the exit code of a run."""
    state = session.config.stash.get(STATE, None)
    if state is None or session.config.getoption("collectonly"):
        return
    unfence()
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = _concluded(state)
    elif exitstatus == pytest.ExitCode.INTERNAL_ERROR:
        session.exitstatus = BROKE_DOWN
    if session.exitstatus == BROKE_DOWN and state.trouble:
        print(f"错误：{state.trouble}", file=sys.stderr)  # pytest gives no summary after a breakdown
    state.book.close()


def _concluded(state: State) -> int:
    """Reconcile, end the round where it is complete, and return what the process exits with."""
    if state.orphaned:
        return BROKE_DOWN
    try:
        state.round = reconcile(state.round, state.book, end=not state.facts_only)
    except OSError as exc:
        state.trouble = unwritten(exc)
        return BROKE_DOWN
    return _code(state)


def _code(state: State) -> int:
    """Return what the process exits with; a run without a runner folds evidence in, as the runner does."""
    if state.under_run:
        return JUDGED
    if state.facts_only:
        return exit_code(state.book.known.values(), planned=len(state.round.plan.cases))
    try:
        result, _evidence = fold_round(state.session, state.round)
    except DengbaoError as exc:
        state.trouble = str(exc)
        return exc.exit_code
    return code_of(result)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what to do next, or why nothing was collected."""
    state = config.stash.get(STATE, None)
    if state is None:
        if _asks_for_checks(config):
            terminalreporter.write_line("未给出项目，检查不运行。用法：pytest checks --engagement 项目目录")
        return
    for word in ("nonconform", "partial", "undetermined"):
        for report in terminalreporter.stats.get(_LETTERS[word][0], ()):
            terminalreporter.write_line(f"{_LETTERS[word][0]} {report.longreprtext}")
    if state.trouble:
        terminalreporter.write_line(f"错误：{state.trouble}")
    open_still = "" if state.round.info.ended_at or state.facts_only else "，尚有用例未测"
    terminalreporter.write_line(
        f"第 {state.round.number} 轮{open_still}；各项状态：dengbao status {state.session.directory}"
    )


def _asks_for_checks(config: pytest.Config) -> bool:
    try:
        given = config.getoption("--content")
        checks = find_content(Path(given) if given else None).checks.resolve()
    except ContentError:
        return False
    asked = (Path(one.partition("::")[0]).resolve() for one in config.args)
    return any(one.is_relative_to(checks) for one in asked)
