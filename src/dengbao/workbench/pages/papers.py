"""Papers: report and forms as pages, what is missing and where it is mended, files to take away."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ...admission import conditions_check, papers_check
from ...errors import UsageError
from ...packet.current import OUT, newest_packet
from ...packet.custody import told
from ...packet.returned import rechecks_of
from ...packet.stage import progress_of
from ...rounds import Round, round_numbers
from ...session import Session
from ..desk import State
from ..engagement_fields import CONDITIONS
from ..missing import missing, page_of
from ..sheets_shown import count_pages
from ..tasks import Say
from ..visit import Visit, act, look

_SORTS: Final = {".docx": "Word 文档", ".pdf": "PDF", ".zip": "封存包", ".xlsx": "Excel"}
_AT_ONCE: Final = 8  # pages shown on one page
# A file is handed over, never shown: whatever it holds, the browser must not run it in our name.
_HANDED: Final = {"content-security-policy": "sandbox; default-src 'none'"}


@dataclass(frozen=True)
class OutFile:
    """A file in `out/`; `stale`: something it rests on changed after it was made."""

    name: str
    sort: str
    size_bytes: int
    made_at: datetime
    stale: bool

    @property
    def link(self) -> str:
        """Return the address from which it is taken away."""
        return f"/papers/file/{quote(self.name)}"

    @property
    def pages(self) -> str:
        """Return the address of its pages, empty where it cannot be shown."""
        return f"/papers/pages/{quote(self.name)}" if self.name.endswith(".pdf") else ""


def show(visit: Visit) -> Response:
    """Show what there is, what is missing, and what can be made."""
    state, directory = visit.desk.state(), visit.desk.directory
    engagement = state.session.engagement
    groups = missing(state)
    return visit.page(
        "papers.html", state=state, groups=groups, lacking=sum(one.count for one in groups),
        page_of=lambda place: page_of(state, place), files=files_of(directory, changed_at(directory)),
        progress=progress_of(directory, engagement), task=visit.tasks.last,
        materials=papers_check(engagement, datetime.now().astimezone().date(), directory),
        gates=conditions_check(engagement, directory), conditions=CONDITIONS,
    )  # fmt: skip


def changed_at(directory: Path) -> datetime:
    """Return when something that papers rest on was last written."""
    runs = (directory / "runs" / f"round-{one}" / "records.jsonl" for one in round_numbers(directory))
    evidence = directory / "evidence"
    watched = (
        directory / "engagement.yaml",
        *runs,
        evidence,
        *evidence.glob("*.yaml"),
        *evidence.glob("*.jsonl"),
    )
    times = [one.stat().st_mtime for one in watched if one.exists()]
    return datetime.fromtimestamp(max(times, default=0.0), UTC)


def files_of(directory: Path, changed_at: datetime) -> tuple[OutFile, ...]:
    """Return the papers in `out/`, the newest first; links and strange files are passed over."""
    out = directory / OUT
    found: list[OutFile] = []
    for path in out.iterdir() if out.is_dir() else ():
        told_of = path.lstat()
        sort = _SORTS.get(path.suffix.lower())
        if sort is not None and stat.S_ISREG(told_of.st_mode) and not path.name.startswith("."):
            made = datetime.fromtimestamp(told_of.st_mtime, UTC)
            stale = made < changed_at and sort != "封存包"
            found.append(OutFile(path.name, sort, told_of.st_size, made, stale))
    return tuple(sorted(found, key=lambda one: one.made_at, reverse=True))


def _path(visit: Visit) -> Path:
    """Return the file that the address names, found among those that there are."""
    name = visit.path("name")
    there = (one.name for one in files_of(visit.desk.directory, changed_at(visit.desk.directory)))
    if name not in there:
        raise UsageError("没有这个文件", cure="回到“文书”页重新选择；可能已被移走")
    return visit.desk.directory / OUT / name


def file(visit: Visit) -> Response:
    """Hand over a file."""
    path = _path(visit)
    return FileResponse(path, media_type="application/octet-stream", filename=path.name, headers=_HANDED)


def pages(visit: Visit) -> Response:
    """Show the pages of a PDF, some at once."""
    path = _path(visit)
    total = count_pages(path)
    asked = visit.asked("from")
    first = min(max(1, int(asked) if asked.isdecimal() and len(asked) < 6 else 1), max(1, total))
    last = min(total, first + _AT_ONCE - 1)
    return visit.page(
        "papers_pages.html", name=path.name, total=total, first=first, last=last,
        numbers=range(first, last + 1), before=max(1, first - _AT_ONCE), after=last + 1,
        link=f"/papers/pages/{quote(path.name)}",
    )  # fmt: skip


def page(visit: Visit) -> Response:
    """Return one page as a picture."""
    number = visit.path("number")
    if not (number.isdecimal() and len(number) < 6):
        raise UsageError("没有这一页", cure="回到“文书”页重新选择")
    return Response(visit.sheets.picture(_path(visit), int(number)), media_type="image/png")


def make_report(visit: Visit) -> Response:
    """Begin to write the report and its PDF; the same as `dengbao report --pdf`."""
    state = visit.desk.state()
    session, chosen = state.session, _round(state)

    def work(say: Say) -> str:
        from ...reporting import report_path, report_round  # noqa: PLC0415 - Word takes long to import

        outcome = report_round(
            session, chosen, report_path(session.directory, chosen.number), pdf=True, say=say
        )
        kind = "draft" if outcome.draft else "final"
        told(
            session.directory, "reported",
            details={"round": str(chosen.number), "kind": kind, "sha256": outcome.sha256},
        )  # fmt: skip
        for one in outcome.notes:
            say(one)
        pages = f"，{outcome.pages} 页" if outcome.pages else ""
        return f"{f'草稿，尚缺 {len(outcome.gaps)} 处' if outcome.draft else '正式报告'}{pages}"

    visit.tasks.start("生成测试报告", work)
    return visit.go("/papers#task")


def make_forms(visit: Visit) -> Response:
    """Begin to write the forms of the edition and their PDFs; the same as `dengbao forms --pdf`."""
    session = visit.desk.state().session

    def work(say: Say) -> str:
        say("填写表单并排版")
        written, notes = _forms(session)
        for one in notes:
            say(one)
        return f"{written} 份表单"

    visit.tasks.start("生成表单", work)
    return visit.go("/papers#task")


def _forms(session: Session) -> tuple[int, tuple[str, ...]]:
    from ...report.forms import kinds_of, make_forms, write_forms  # noqa: PLC0415 - Word takes long to import

    engagement, directory = session.engagement, session.directory
    current = newest_packet(directory)
    results = rechecks_of(directory, current) if current is not None else ()
    opinion = results[-1].opinion if results else ""
    kinds = kinds_of(engagement.forms.edition)
    papers = papers_check(engagement, datetime.now().astimezone().date(), directory)
    made = make_forms(engagement, kinds, conditions_check(engagement, directory), opinion, papers)
    written, notes = write_forms(
        made, session.content.templates, directory / OUT, author=engagement.institution.name,
        made_at=datetime.now(UTC), pdf=True,
    )  # fmt: skip
    return len(written), notes


def _round(state: State) -> Round:
    if state.round is None:
        raise UsageError("尚无检测记录，不能生成报告", cure="先在“检测”页开始检测")
    return state.round


def task(visit: Visit) -> Response:
    """Show how the work in the background stands."""
    last = visit.tasks.last
    if not visit.is_part:
        return visit.go("/papers#task")
    answer = visit.page("task.html", task=last)
    if last is not None and not last.working:
        answer.headers["HX-Refresh"] = "true"
    return answer


ROUTES: Final[tuple[Route, ...]] = (
    look("/papers", show),
    look("/papers/task", task),
    look("/papers/file/{name}", file),
    look("/papers/pages/{name}", pages),
    look("/papers/pages/{name}/{number}.png", page),
    act("/papers/report", make_report, even_sealed=True),
    act("/papers/forms", make_forms, even_sealed=True),
)
