"""Makes the documents that tests scan: sheets, letters, PDF files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

import docx
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def sheet(rows: Sequence[Sequence[str | float]], *, shared: bool = True) -> bytes:
    """Return a workbook of one sheet; its third row is left out, as spreadsheets do with empty ones."""
    strings: list[str] = []
    lines: list[str] = []
    for number, row in enumerate(rows, 1):
        at = number if number < 3 else number + 1
        cells = []
        for place, value in enumerate(row):
            name = f"{chr(65 + place)}{at}"
            if not isinstance(value, str):
                cells.append(f'<c r="{name}"><v>{value}</v></c>')
            elif shared:
                strings.append(value)
                cells.append(f'<c r="{name}" t="s"><v>{len(strings) - 1}</v></c>')
            else:
                cells.append(f'<c r="{name}" t="inlineStr"><is><t>{escape(value)}</t></is></c>')
        lines.append(f'<row r="{at}">{"".join(cells)}</row>')
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/workbook.xml", f'<workbook xmlns="{_MAIN}"/>')
        if shared:
            items = "".join(f"<si><t>{escape(one)}</t></si>" for one in strings)
            book.writestr("xl/sharedStrings.xml", f'<sst xmlns="{_MAIN}">{items}</sst>')
        body = f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
        book.writestr("xl/worksheets/sheet1.xml", body)
    return out.getvalue()


def letter(lines: Sequence[str], table: Sequence[Sequence[str]] = ()) -> bytes:
    """Return a letter with paragraphs and a table."""
    document = docx.Document()
    for line in lines:
        document.add_paragraph(line)
    if table:
        grid = document.add_table(rows=len(table), cols=len(table[0]))
        for row, texts in zip(grid.rows, table, strict=True):
            for cell, text in zip(row.cells, texts, strict=True):
                cell.text = text
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def pdf(texts: Sequence[str], password: str = "") -> bytes:
    """Return a PDF file with a page for each text of ASCII characters."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in texts:
        page = writer.add_blank_page(300, 300)
        content = DecodedStreamObject()
        content.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
        page[NameObject("/Contents")] = writer._add_object(content)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
