"""One report: data → template → contents → read back → linted → written whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ..content import find_content
from ..engines import find_engines
from ..errors import ReportError, ReportIncomplete
from ..files import write_whole
from .bars import drawn_pictures
from .embedded import carried, embed
from .gaps import find_gaps
from .inputs import Gap, ReportInput, ReportOutcome
from .lint import lint_package
from .mark import mark_text
from .office import find_programs
from .package import REPORT_MAX_BYTES, Package, Properties
from .pictures import load_figures
from .plain import Plain, texts
from .readback import check_package
from .render import SIGNS, render
from .report_data import report_data
from .typeset import Say, typeset

TITLE: Final = "定点医药机构接入医疗保障信息平台测试报告"
TEMPLATE: Final = "report.docx"


def write_report(
    given: ReportInput,
    out: Path,
    *,
    final: bool,
    pdf: bool = False,
    say: Say = lambda _message: None,
    engines: Mapping[str, str] | None = None,
) -> ReportOutcome:
    """Write the report to `out` (.docx), with `pdf` also a PDF beside it, and say what came of it.

    While anything is missing it is a draft and says so on its pages. `engines` overrides which
    external programs are used.

    Raises:
        ReportIncomplete: `final`, and something is missing.
        EvidenceError: an evidence file is missing, altered or cannot be printed.
        ReportError: the template is wrong, or the report would be.

    """
    gaps = find_gaps(given)
    if final and gaps:
        raise ReportIncomplete(_refusal(gaps), cure="补齐后重试；或不加 --final 生成草稿")
    figures = load_figures(given.evidence, given.evidence_dir)
    data = report_data(given, figures, gaps)
    template = given.template or find_content().templates / given.suite.id / TEMPLATE
    say(f"填写模板 {template.name}：证据图片 {len(figures)} 张")
    pictures = {one.picture.sha256: one.picture for one in figures} | drawn_pictures(data)
    source = _read(template)
    package = render(source, data, pictures, where=str(template))
    embed(package, carried(data, given.suite.id, source))
    package.set_properties(_properties(given))
    programs = find_programs(find_engines() if engines is None else engines)
    signs = any(SIGNS.search(one) for one in texts(data))
    made = typeset(package, programs, say, pdf=pdf, signs=signs)
    _check(made.docx, data)
    write_whole(out, made.docx)
    printed = out.with_suffix(".pdf") if made.pdf is not None else None
    if printed is not None and made.pdf is not None:
        write_whole(printed, made.pdf)
    return ReportOutcome(
        docx=out,
        sha256=hashlib.sha256(made.docx).hexdigest(),
        content_sha256=_content_digest(data),
        draft=bool(gaps),
        gaps=gaps,
        pages=made.total,
        pdf=printed,
        notes=made.notes,
        contents=made.contents,
        mark=mark_text(data),
    )


def _refusal(gaps: tuple[Gap, ...]) -> str:
    shown = "；".join(f"{one.place}{f'（{one.asset}）' if one.asset else ''} {one.state}" for one in gaps[:5])
    more = f" 等共 {len(gaps)} 处" if len(gaps) > 5 else ""
    return f"报告尚不完整，不能生成正式报告：{shown}{more}"


def _read(template: Path) -> bytes:
    try:
        return template.read_bytes()
    except OSError as exc:
        raise ReportError(
            f"无法读取报告模板：{exc.strerror}",
            where=str(template),
            cure="检查 templates 目录，或重新安装 dengbao",
        ) from exc


def _properties(given: ReportInput) -> Properties:
    number = given.engagement.report_number
    return Properties(
        title=TITLE,
        subject=" ".join(one for one in (number, given.engagement.institution.name) if one),
        author=given.operator or given.run.operator or given.engagement.parties.access_party.name,
        made_at=given.made_at,
    )


def _content_digest(data: dict[str, Plain]) -> str:
    report = data["report"]
    return str(report["content_sha256"]) if isinstance(report, dict) else ""


def _check(docx: bytes, data: dict[str, Plain]) -> None:
    package = Package.open(docx, where="生成的报告", max_bytes=REPORT_MAX_BYTES)
    check_package(package, data)
    findings = lint_package(package, printed=texts(data))
    if findings:
        raise ReportError(
            "生成的报告结构有误：" + "；".join(map(str, findings[:5])),
            cure="用随附模板重做；若仍出错请报告此问题",
        )
