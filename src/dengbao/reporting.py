"""From a round to its report: folds, gathers and writes; the same for the command line and the demo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from . import __version__
from .errors import StoreError
from .evidence import folder_of
from .report import ReportInput, ReportOutcome, write_report
from .results import fold_round
from .rounds import Round
from .session import Session


def report_path(directory: Path, number: int) -> Path:
    """Return where a round's report is written unless told otherwise."""
    return directory / "out" / f"测试报告-第{number}轮.docx"


def report_round(
    session: Session,
    chosen: Round,
    out: Path,
    *,
    final: bool = False,
    pdf: bool = False,
    say: Callable[[str], None] = lambda _text: None,
) -> ReportOutcome:
    """Write the report of a round to `out`.

    Raises:
        StoreError: a stored fact is damaged: nothing may be printed that can no longer be proven.
        EvidenceError, ReportError, ReportIncomplete.

    """
    damaged = chosen.store().damaged()
    if damaged:
        raise StoreError(
            "事实文件损坏，报告不予生成：" + "；".join(str(one) for one in damaged),
            cure="从备份恢复这些文件，或开始新的一轮",
        )
    result, evidence = fold_round(session, chosen)
    out.parent.mkdir(parents=True, exist_ok=True)
    given = ReportInput(
        engagement=chosen.engagement, suite=session.suite, result=result, run=chosen.info,
        evidence=evidence, evidence_dir=folder_of(session.directory), operator=chosen.info.operator,
        facts_sha256=chosen.store().digest_of_all(), tool_version=__version__, made_at=datetime.now(UTC),
        template=session.content.templates / session.suite.id / "report.docx",
    )  # fmt: skip
    return write_report(given, out, final=final, pdf=pdf, say=say)
