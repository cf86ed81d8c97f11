"""The code of the 签章页 stands in the report, tells the digest of what is printed, and is drawn whole."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import segno
from PIL import Image

from dengbao.packet.qr import read_mark
from dengbao.report import write_report
from dengbao.report.mark import WIDTH_MM, qr_picture
from dengbao.report.package import Package
from dengbao.report.reread import read_sheet
from tests.report.example import example

LONGEST = f"DENGBAO1*{'宁' * 40}*{'a' * 64}*C60.P3.N2.A2.U1*{'b' * 16}*{'c' * 86}"


def modules(data: bytes) -> list[list[bool]]:
    """Return the dark modules of a picture, without the white around."""
    with Image.open(io.BytesIO(data)) as picture:
        grey = picture.convert("L")
        cells = range(4 * 6 + 3, grey.width - 4 * 6, 6)
        return [[grey.getpixel((x, y)) == 0 for x in cells] for y in cells]


def test_the_code_of_a_report_tells_its_number_and_digest(tmp_path: Path) -> None:
    given = example(tmp_path / "evidence", pictures=0)
    made = write_report(given, tmp_path / "a.docx", final=True, engines={})
    mark = read_mark(made.mark)
    assert (mark.number, mark.content_sha256) == (given.engagement.report_number, made.content_sha256)
    assert (mark.key, mark.signature) == ("", b"")
    assert sum(mark.counts.values()) == 68
    media = [data for name, data in Package.open(made.docx.read_bytes()).members.items() if "/media/" in name]
    assert qr_picture(made.mark).data in media


def test_the_digest_does_not_cover_the_code_and_the_code_is_what_the_sealer_gives(tmp_path: Path) -> None:
    given = example(tmp_path / "evidence", pictures=0)
    plain = write_report(given, tmp_path / "a.docx", final=True, engines={})
    told: list[str] = []

    def mark(content: str) -> str:
        told.append(content)
        return LONGEST

    sealed = write_report(replace(given, mark=mark), tmp_path / "b.docx", final=True, engines={})
    assert told == [plain.content_sha256]
    assert (sealed.content_sha256, sealed.mark) == (plain.content_sha256, LONGEST)
    first, second = read_sheet(plain.docx.read_bytes()), read_sheet(sealed.docx.read_bytes())
    assert first.lines == second.lines
    assert first.pictures[-1].pixels != second.pictures[-1].pixels
    assert first.odd == ()


def test_the_longest_text_is_drawn_large_enough_to_be_scanned() -> None:
    picture = qr_picture(LONGEST)
    drawn = modules(picture.data)
    wanted = segno.make_qr(LONGEST, error="m", encoding="utf-8", boost_error=False).matrix
    assert drawn == [[bool(one) for one in row] for row in wanted]
    assert WIDTH_MM / (len(drawn) + 8) > 0.38  # millimetres for each module; scanners want 0.25 to 0.38
