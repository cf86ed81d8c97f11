"""Fills a Word template with plain data in a sandbox; what it cannot do faithfully it refuses.

docxtpl gives the dialect (`{%p`, `{%tr`, `{% vm %}`, tags split over runs). Everything that makes its own
`render` lose text stays out of use: escaping is always on, nothing is parsed leniently, signs such as
`{_{` in data are left alone, and no object of a library is ever in the template's reach.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final
from xml.sax.saxutils import quoteattr

from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, TemplateError, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from lxml import etree
from markupsafe import Markup, escape

from ..errors import ReportError
from .crossrefs import citer, numbered
from .fonts import SYMBOLS
from .package import DOCUMENT, Package, xml_parser
from .pictures import Picture
from .plain import Plain, plain

EMU_PER_MM: Final = 36_000
PICTURE_MAX_WIDTH_MM: Final = 156.0
PICTURE_MAX_HEIGHT_MM: Final = 200.0
_SCREEN_MM_PER_PX: Final = 25.4 / 96
_FORBIDDEN_FILTERS: Final = ("safe", "attr", "pprint", "xmlattr", "urlize", "tojson", "forceescape", "format")
_BREAK: Final = '</w:t><w:br/><w:t xml:space="preserve">'
# Body faces lack the signs for control characters; Word and LibreOffice are told a face that has them.
SIGNS: Final = re.compile("[\u2400-\u2421]+")
_SIGN_RUN: Final = (
    f'</w:t></w:r><w:r><w:rPr><w:rFonts w:ascii="{SYMBOLS}" w:eastAsia="{SYMBOLS}" w:hAnsi="{SYMBOLS}"'
    f' w:cs="{SYMBOLS}"/></w:rPr><w:t xml:space="preserve">\\g<0></w:t></w:r><w:r><w:t xml:space="preserve">'
)
_TAB: Final = '</w:t><w:tab/><w:t xml:space="preserve">'
WP: Final = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
_A: Final = "http://schemas.openxmlformats.org/drawingml/2006/main"
_PIC: Final = "http://schemas.openxmlformats.org/drawingml/2006/picture"
_R: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def render(
    template: bytes, data: Mapping[str, Plain], pictures: Mapping[str, Picture], *, where: str
) -> Package:
    """Return the template filled with `data`; `where` names the template in messages.

    `pictures` is keyed by what the template hands to the filter `picture`.

    Raises:
        ReportError: the template is wrong, asks for what is not there, or tries to break out.

    """
    context = plain(dict(data))
    if not isinstance(context, dict):
        raise TypeError("the context of a template is a mapping")
    package = Package.open(template, where=where)
    env = environment(_PictureFilter(package, pictures), _figures(context))
    for name in text_parts(package):
        package.members[name] = _render_part(package.members[name], context, env, f"{where} {name}")
        env.filters["picture"] = _no_picture
    return package


def text_parts(package: Package) -> list[str]:
    """Return the members that may hold template tags, the body first."""
    return [
        DOCUMENT,
        *(one for kind in ("header", "footer", "footnotes") for one in package.parts(f"word/{kind}")),
    ]


def _figures(context: dict[str, Plain]) -> frozenset[int]:
    rows = context.get("figures")
    numbers = [one.get("number") for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
    return frozenset(one for one in numbers if isinstance(one, int))


def environment(picture: object, figures: Collection[int] = ()) -> ImmutableSandboxedEnvironment:
    """Return the sandbox: strict names, escaping always on, no globals, no filter that undoes either.

    `figures` are the numbers that text may refer to.
    """
    env = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True, finalize=_finalize)
    env.globals.clear()
    for name in _FORBIDDEN_FILTERS:
        env.filters.pop(name, None)
    env.filters["picture"] = picture
    env.filters["numbered"] = numbered
    env.filters["cite"] = citer(figures, _finalize)
    return env


def _finalize(value: object) -> object:
    if isinstance(value, (Markup, Undefined)):  # Undefined raises when it is written
        return value
    if isinstance(value, str) or type(value) is int:
        text = SIGNS.sub(_SIGN_RUN, str(escape(str(value))))
        return Markup(text.replace("\n", _BREAK).replace("\t", _TAB))  # noqa: S704 - escaped just above
    raise ReportError(
        f"模板输出了不是文字的内容（{type(value).__name__}）",
        cure="在模板中写到具体字段，如 {{ report.number }}",
    )


class _PictureFilter:
    """`{{ key | picture }}`: the template gets markup only, never an object that leads elsewhere."""

    def __init__(self, package: Package, pictures: Mapping[str, Picture]) -> None:
        self._package = package
        self._pictures = pictures
        self._count = 0

    def __call__(self, key: str) -> Markup:
        picture = self._pictures.get(key)
        if picture is None:
            raise ReportError("模板要求的图片不在证据中", where=str(key))
        relation = self._package.add_picture(picture.sha256, picture.data, picture.content_type)
        self._count += 1
        drawing = _drawing(relation, self._count, picture)
        return Markup(f'</w:t></w:r><w:r>{drawing}</w:r><w:r><w:t xml:space="preserve">')  # noqa: S704 - our own markup


def _no_picture(_key: str) -> Markup:
    raise ReportError("图片只能放在正文中，不能放在页眉页脚")


def _drawing(relation: str, number: int, picture: Picture) -> str:
    width, height = print_size(picture.width_px, picture.height_px, picture.width_mm)
    extent = f'cx="{width}" cy="{height}"'
    name = quoteattr(f"evidence{number}")
    return (
        f'<w:drawing><wp:inline xmlns:wp="{WP}" distT="0" distB="0" distL="0" distR="0">'
        f'<wp:extent {extent}/><wp:docPr id="{number}" name={name}/>'
        f'<a:graphic xmlns:a="{_A}"><a:graphicData uri="{_PIC}"><pic:pic xmlns:pic="{_PIC}">'
        f'<pic:nvPicPr><pic:cNvPr id="{number}" name={name}/><pic:cNvPicPr/></pic:nvPicPr>'
        f'<pic:blipFill><a:blip xmlns:r="{_R}" r:embed="{relation}"/><a:stretch><a:fillRect/></a:stretch>'
        f'</pic:blipFill><pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext {extent}/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic>'
        "</wp:inline></w:drawing>"
    )


def print_size(width_px: int, height_px: int, width_mm: float = 0) -> tuple[int, int]:
    """Return width and height in EMU: as wide as the page where the picture is, never cut or distorted."""
    width = min(width_mm or width_px * _SCREEN_MM_PER_PX, PICTURE_MAX_WIDTH_MM)
    height = width * height_px / width_px
    if height > PICTURE_MAX_HEIGHT_MM:
        width, height = width * PICTURE_MAX_HEIGHT_MM / height, PICTURE_MAX_HEIGHT_MM
    return max(1, round(width * EMU_PER_MM)), max(1, round(height * EMU_PER_MM))


def patch(source: bytes) -> str:
    """Return a part as Jinja source: tags split over runs healed, control rows and paragraphs unwrapped."""
    root = etree.fromstring(source, xml_parser())
    text = str(DocxTemplate(None).patch_xml(etree.tostring(root, encoding="unicode")))
    # Line numbers in Jinja's errors then count paragraphs.
    return re.sub(r"<w:p([ >])", r"\n<w:p\1", text)


def _render_part(
    source: bytes, context: dict[str, Plain], env: ImmutableSandboxedEnvironment, where: str
) -> bytes:
    text = ""
    try:
        text = patch(source)
        filled = env.from_string(text).render(context)
        root = etree.fromstring(filled.encode(), xml_parser())
    except TemplateError as exc:
        raise template_error(exc, text, where) from exc
    except etree.XMLSyntaxError as exc:
        raise ReportError(
            f"模板渲染后不是合法的 XML：{exc.msg}", where=where, cure="检查该处标签是否成对、是否写在属性里"
        ) from exc
    except (TypeError, ValueError, OverflowError, MemoryError, RecursionError, ArithmeticError) as exc:
        raise ReportError(f"模板无法渲染：{exc}", where=where, cure="检查模板中的表达式") from exc
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def template_error(exc: TemplateError, text: str, where: str) -> ReportError:
    """Return the error with the template's own words around the place."""
    line = getattr(exc, "lineno", None)
    if line is None:
        line = _line_of(exc)
    near = ""
    if line is not None:
        lines = text.splitlines()[max(line - 2, 0) : line + 1]
        words = " ".join(re.sub(r"<[^>]+>", "", one).strip() for one in lines)
        near = f"，附近文字“{words[:120]}”"
    return ReportError(f"模板错误：{exc.message or exc}{near}", where=where, cure="改正模板中的该标签")


def _line_of(exc: TemplateError) -> int | None:
    found = None
    step = exc.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == "<template>":
            found = step.tb_lineno
        step = step.tb_next
    return found
