"""Probe = prefetch, case = item, judgement = record: makes `pytest checks --engagement DIR` a run.

The pytest outcome is for the terminal. The record is the truth, and every planned case gets one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from . import __version__
from .checking import Variant
from .errors import DengbaoError, Reason
from .facts import Seen
from .judging import Outcome, apply, bind_params
from .model import Case, Record, Status, Verdict, kind_of
from .prefetch import fetch_missing
from .probes.registry import probes_for
from .reconcile import exit_code, make_record, reconcile
from .rounds import RecordBook, Round, begin_or_resume, load_round
from .scope import seal_off, unfence
from .session import Session, only_cases, only_items, open_session

_LETTERS: Final = {
    "conform": ("符合", ".", {"green": True}),
    "partial": ("部分符合", "P", {"yellow": True}),
    "nonconform": ("不符合", "F", {"red": True}),
    "not_applicable": ("不适用", "-", {"cyan": True}),
    "undetermined": ("无法判定", "?", {"yellow": True}),
}


@dataclass
class State:
    """One run inside this pytest process."""

    session: Session
    round: Round
    book: RecordBook
    facts_only: bool
    seen: dict[str, Seen] = field(default_factory=dict)

    def see(self, asset_id: str) -> Seen:
        """Return what is known of an asset, read once."""
        if asset_id not in self.seen:
            asset = self.session.asset(asset_id)
            wanted = {spec.name: spec.fact_kinds for spec in probes_for(asset)}
            self.seen[asset_id] = self.round.store().see(asset_id, wanted)
        return self.seen[asset_id]


STATE: Final = pytest.StashKey[State]()


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


def pytest_configure(config: pytest.Config) -> None:
    """Open the engagement and its round."""
    directory = config.getoption("--engagement")
    if directory is None:
        return
    if hasattr(config, "workerinput") or config.pluginmanager.hasplugin("dsession"):
        raise pytest.UsageError("不支持 pytest-xdist：采集已并行，判定只需毫秒。处理：去掉 -n")
    try:
        config.stash[STATE] = _open(config, Path(directory))
    except DengbaoError as exc:
        raise pytest.UsageError(str(exc)) from exc


def _open(config: pytest.Config, directory: Path) -> State:
    content = config.getoption("--content")
    session = open_session(directory, Path(content) if content else None)
    if config.getoption("--facts-only"):
        chosen = load_round(directory, config.getoption("--round"))
        given = config.getoption("--records")
        path = Path(given) if given else chosen.folder / "judged-again.jsonl"
        path.unlink(missing_ok=True)
        again = Session(directory, session.content, session.suite, session.registry, chosen.engagement)
        return State(again, chosen, RecordBook(path), facts_only=True)
    chosen = begin_or_resume(
        directory, session.suite, session.engagement, session.plan,
        new=config.getoption("--new-round"), operator=config.getoption("--operator"),
    )  # fmt: skip
    return State(session, chosen, RecordBook(chosen.records_path), facts_only=False)


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
        state = self.config.stash[STATE]
        by_file = _cases_by_file(self.config, state)
        for case, variant in by_file.get(self.path.resolve(), ()):
            yield CaseItem.from_parent(self, name=f"{case.item}@{case.asset}", case=case, variant=variant)


_BY_FILE: Final = pytest.StashKey[dict[Path, list[tuple[Case, Variant]]]]()


def _cases_by_file(config: pytest.Config, state: State) -> dict[Path, list[tuple[Case, Variant]]]:
    if _BY_FILE not in config.stash:
        grouped: dict[Path, list[tuple[Case, Variant]]] = {}
        for case in state.round.plan.cases:
            if case.check:
                variant = state.session.variant(case)
                grouped.setdefault(variant.source.resolve(), []).append((case, variant))
        config.stash[_BY_FILE] = grouped
    return config.stash[_BY_FILE]


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
        params = bind_params(
            self.variant, session.profile, session.uses.get((case.item, case.check), {}), where=case.id
        )
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
        self.config.stash[STATE].book.add(record)
        word = (record.verdict or record.status).value
        self.user_properties.append(("dengbao", word))
        if record.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip(record.statement)
        if record.verdict is not Verdict.CONFORM:
            raise NotConforming(f"{_LETTERS[word][0]}：{record.statement}")

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
        try:
            fetch_missing(state.session, state.round, only_cases(state.session, state.round.plan, chosen))
        except DengbaoError as exc:
            raise pytest.UsageError(str(exc)) from exc
    seal_off()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give a case whose check broke a record of its own: undetermined, reason `bug`."""
    report = yield
    if call.when == "call" and isinstance(item, CaseItem) and call.excinfo is not None:
        state = item.config.stash[STATE]
        if item.case.id not in state.book.known and call.excinfo.errisinstance(Exception):
            text = f"判定程序出错（{call.excinfo.typename}），未作判定；处理：请报告"
            outcome = Outcome(status=Status.UNDETERMINED, reason=Reason.BUG, statement=text)
            state.book.add(make_record(state.round, item.case, outcome))
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
    """Reconcile plan and records, and set the exit code of a run: 0, 1 or 3."""
    state = session.config.stash.get(STATE, None)
    if state is None or session.config.getoption("collectonly"):
        return
    unfence()
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        reconcile(state.round, state.book, end=not state.facts_only)
        session.exitstatus = exit_code(state.book.known.values(), planned=len(state.round.plan.cases))
    state.book.close()
