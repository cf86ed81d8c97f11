"""The forms of a bureau: template → filled → read back → linted → written whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from docx.oxml.ns import qn
from lxml import etree

from ..admission import Gate, Paper
from ..engines import find_engines
from ..errors import ReportError
from ..files import write_whole
from ..model import NINGXIA, TANGSHAN, Engagement
from . import forms_data
from .lint import lint_docx
from .office import CURE, Office, find_programs, open_office
from .package import DOCUMENT, Package, Properties, xml_parser
from .plain import Plain, plain, texts
from .preview import mark_preview
from .render import render
from .toc import paragraph_text


@dataclass(frozen=True)
class Kind:
    """A form: the edition it belongs to, its file there, its title and what it is called in commands."""

    edition: str
    name: str
    mark: str
    title: str

    def template(self, templates: Path) -> Path:
        """Return its template."""
        return templates / f"forms-{self.edition}" / f"{self.name}.docx"


KINDS: Final = (
    Kind(NINGXIA, "commitment", "附件一", "数据安全承诺书"),
    Kind(NINGXIA, "application", "附件二", "申报表"),
    Kind(NINGXIA, "feedback", "附件四", "联调测试结果反馈表"),
    Kind(NINGXIA, "confidentiality", "附件五", "第三方人员安全保密协议"),
    Kind(TANGSHAN, "agreement", "唐山", "信息系统安全管理协议"),
)


@dataclass(frozen=True)
class Form:
    """A form to print; `number` counts several of a kind from 1, 0 where there is one."""

    kind: Kind
    data: dict[str, Plain]
    number: int = 0

    @property
    def file(self) -> str:
        """Return the name of its file."""
        return f"{self.kind.mark}-{self.kind.title}{f'-{self.number}' if self.number else ''}.docx"


@dataclass(frozen=True)
class Written:
    """A written form, with `pdf` its preview; `notes` are for people."""

    kind: Kind
    docx: Path
    pdf: Path | None = None


def kinds_of(edition: str) -> tuple[Kind, ...]:
    """Return the forms of an edition in order."""
    return tuple(one for one in KINDS if one.edition == edition)


def make_forms(
    engagement: Engagement,
    kinds: Sequence[Kind],
    gates: Sequence[Gate],
    opinion: str = "",
    papers: Sequence[Paper] = (),
) -> tuple[Form, ...]:
    """Return the forms of these kinds with what they print; a re-check proposes the `opinion` of 附件四.

    附件二 tells which of the `papers` cannot be handed in as they are.
    """
    return tuple(form for kind in kinds for form in _forms(kind, engagement, gates, opinion, papers))


def _forms(
    kind: Kind, engagement: Engagement, gates: Sequence[Gate], opinion: str, papers: Sequence[Paper]
) -> Iterator[Form]:
    if kind.name == "commitment":
        yield Form(kind, forms_data.commitment(engagement))
    elif kind.name == "application":
        yield Form(kind, forms_data.application(engagement, gates, papers))
    elif kind.name == "feedback":
        yield Form(kind, forms_data.feedback(engagement, opinion))
    elif kind.name == "agreement":
        yield Form(kind, forms_data.tangshan(engagement))
    else:
        agreements = engagement.forms.agreements or (None,)
        for number, one in enumerate(agreements, 1):
            data = forms_data.confidentiality(engagement, one)
            yield Form(kind, data, number if len(agreements) > 1 else 0)


def render_form(form: Form, templates: Path, *, author: str, made_at: datetime) -> bytes:
    """Return a form as .docx, read back and linted.

    Raises:
        ReportError: the template is missing, says other than the official text, or loses something.

    """
    path = form.kind.template(templates)
    template = _read(path)
    check_official(template, form.kind, path)
    package = render(template, form.data, {}, where=str(path))
    title = f"{form.kind.mark} {form.kind.title}"
    package.set_properties(
        Properties(title=title, subject=form.kind.edition, author=_one_line(author), made_at=made_at)
    )
    docx = package.write()
    _check_values(docx, form)
    findings = lint_docx(docx, printed=texts(plain(form.data)))
    if findings:
        raise ReportError("生成的表单结构有误：" + "；".join(map(str, findings[:5])), where=form.file)
    return docx


def write_forms(
    forms: Sequence[Form],
    templates: Path,
    out: Path,
    *,
    author: str,
    made_at: datetime,
    pdf: bool = False,
    engines: Mapping[str, str] | None = None,
) -> tuple[tuple[Written, ...], tuple[str, ...]]:
    """Write forms into the folder `out`, with `pdf` also previews; return them and notes for people.

    Nothing is written unless every form could be made.

    Raises:
        ReportError: see `render_form`.

    """
    made = [(one, render_form(one, templates, author=author, made_at=made_at)) for one in forms]
    out.mkdir(parents=True, exist_ok=True)
    for form, docx in made:
        write_whole(out / form.file, docx)
    if not pdf:
        return tuple(Written(form.kind, out / form.file) for form, _ in made), ()
    programs = find_programs(find_engines() if engines is None else engines)
    if programs is None:
        return tuple(Written(form.kind, out / form.file) for form, _ in made), (f"未生成 PDF：{CURE}",)
    with open_office(programs) as office:
        replaced = office.replaced_fonts()
        written = tuple(
            Written(form.kind, out / form.file, _print(docx, out / form.file, office, preview=bool(replaced)))
            for form, docx in made
        )
    told = "；".join(f"{name} → {face}" for name, face in replaced.items())
    return written, (f"预览字体替换：{told}",) if told else ()


def _print(docx: bytes, path: Path, office: Office, *, preview: bool) -> Path:
    printed = office.pdf(mark_preview(docx) if preview else docx)
    target = path.with_suffix(".pdf")
    write_whole(target, printed.read_bytes())
    return target


def _one_line(text: str) -> str:
    """Return text fit for a property: what XML cannot hold is made visible."""
    shown = plain(text)
    return " ".join(str(shown).split())[:200]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ReportError(
            f"无法读取表单模板：{exc.strerror}",
            where=str(path),
            cure="检查 templates 目录，或重新安装 dengbao",
        ) from exc


def check_official(template: bytes, kind: Kind, path: Path) -> None:
    """Check that a template, given the official form's own placeholders, prints the official text.

    Raises:
        ReportError: a line is other than in the text beside the template.

    """
    blank = render(template, forms_data.BLANKS[kind.name], {}, where=str(path)).write()
    official = _read(path.with_suffix(".txt")).decode("utf-8").splitlines()
    found = lines_of(blank)
    if found == official:
        return
    number = next(
        (at for at, (a, b) in enumerate(zip(official, found, strict=False)) if a != b),
        min(len(official), len(found)),
    )
    raise ReportError(
        f"表单模板与官方文字不一致，第 {number + 1} 行应为：{(official[number:] or ['（无）'])[0][:80]}",
        where=str(path),
        cure="用随附模板，或改回官方文字",
    )


def lines_of(docx: bytes) -> list[str]:
    """Return the lines that are not empty: paragraphs, and rows with a tab between their cells."""
    body = etree.fromstring(Package.open(docx).members[DOCUMENT], xml_parser())
    lines: list[str] = []
    for one in body.iter(qn("w:p"), qn("w:tr")):
        if one.tag == qn("w:tr"):
            cells = [[paragraph_text(each) for each in cell.iter(qn("w:p"))] for cell in one.iter(qn("w:tc"))]
            single = (
                cells[0] if len(cells) == 1 else ["\t".join("\n".join(cell) for cell in cells).rstrip("\t")]
            )
            lines += single
        elif next(one.iterancestors(qn("w:tr")), None) is None:
            lines.append(paragraph_text(one))
    return [line for line in lines if line]


def _check_values(docx: bytes, form: Form) -> None:
    text = "\n".join(lines_of(docx))
    for value in texts(plain(form.data)):
        if value.rstrip("\t") not in text:
            short = value if len(value) <= 120 else f"{value[:120]}…"
            raise ReportError(
                f"回读表单时找不到应有的内容：{short}", where=form.file, cure="用随附模板重做，或改正模板"
            )
