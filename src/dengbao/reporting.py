"""From a round to its report: folds, gathers and writes; the same for the command line and the demo."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from . import __version__
from .errors import StoreError
from .evidence import folder_of
from .facts import FactFile
from .model import Evidence
from .papers import for_papers
from .probes.registry import PROBES
from .report import PastRound, ReportInput, ReportOutcome, write_report
from .report.wording import beijing, moment
from .results import fold_round, fold_with
from .rounds import Round, load_round, round_numbers
from .session import Session

# The words of the probes for what they looked with, and those of people.
_RIGHTS: Final = {"root": "root", "sudo": "sudo 提权", "user": "普通用户", "administrator": "管理员"}


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
    made_at: datetime | None = None,
    tool_version: str = __version__,
    engines: Mapping[str, str] | None = None,
    mark: Callable[[str], str] | None = None,
) -> ReportOutcome:
    """Write the report of a round to `out`; `made_at` is the time it bears, by default now.

    Evidence counts as of that day, so that the same report can be made again later. For that, too, are
    `tool_version`, the version it says it was made with, and `engines`, which overrides what external
    programs are used. `mark` gives the text of the QR code from the digest of the content; by default it is
    unsigned.

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
    made = made_at or datetime.now(UTC)
    result, evidence = fold_round(session, chosen, today=beijing(made).date())
    out.parent.mkdir(parents=True, exist_ok=True)
    given = ReportInput(
        engagement=for_papers(chosen.engagement, session.engagement), suite=session.suite, result=result,
        run=chosen.info, evidence=evidence, evidence_dir=folder_of(session.directory),
        operator=chosen.info.operator, facts_sha256=chosen.store().digest_of_all(),
        tool_version=tool_version, made_at=made,
        template=session.content.templates / session.suite.id / "report.docx",
        origins={key: _origin(file) for key, file in chosen.store().origins().items()},
        mark=mark, history=tuple(_earlier(session, chosen, evidence)),
    )  # fmt: skip
    return write_report(given, out, final=final, pdf=pdf, say=say, engines=engines)


def _earlier(session: Session, chosen: Round, evidence: tuple[Evidence, ...]) -> Iterator[PastRound]:
    """Yield the rounds before this one, folded with the evidence of this one.

    A packet holds no other evidence, so that it gives the same history again.
    """
    for number in round_numbers(session.directory):
        if number < chosen.number:
            one = load_round(session.directory, number)
            names = {asset.id: asset.name for asset in one.engagement.assets}
            same = one.info.suite_sha256 == session.suite.sha256
            yield PastRound(one.info, fold_with(session, one, evidence)[0] if same else None, names)


def _origin(file: FactFile) -> str:
    """Return how an answer was obtained, for people: by what, with which rights, when by this clock."""
    title = next((one.title for one in PROBES if one.name == file.probe), file.probe)
    rights = _RIGHTS.get(file.privilege, file.privilege)
    return f"{title}（{'，'.join(one for one in (rights, moment(file.ended_at)) if one)}）"
