"""Makes the report again from what lies in a packet, and compares it with the one that was sealed.

The contents' page numbers come from LibreOffice, which need not be here; they are not compared.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from .. import __version__
from ..errors import DengbaoError
from ..model import Seal, Suite
from ..report.embedded import Embedded, read_embedded
from ..report.likeness import Unlike, compare_sheets
from ..report.package import REPORT_MAX_BYTES, Package
from ..report.reread import Sheet, read_sheet
from ..report.toc import UNKNOWN
from ..report.typeset import FALLBACK, NO_OFFICE, NOT_CERTAIN
from ..reporting import report_round
from ..rounds import Round
from ..session import Session
from .dsse import public_key
from .findings import Finding, Gravity, broken
from .qr import letters_of, read_mark

MAX_REPORT_BYTES: Final = 512 * 1024 * 1024
_NOTES: Final = frozenset((FALLBACK, NO_OFFICE, NOT_CERTAIN))


def examine_report(session: Session, chosen: Round, seal: Seal) -> Iterator[Finding]:
    """Yield what the sealed report says otherwise than the records, facts and evidence beside it."""
    place = f"data/{seal.report}"
    given = read_report(session.directory, seal.report)
    if given is None:
        yield broken(place, "封存的报告不在包内，或无法读取")
        return
    if hashlib.sha256(given).hexdigest() != seal.report_sha256:
        yield broken(place, "报告不是封存时的那一份（摘要与 seal.json 不符）")
    with tempfile.TemporaryDirectory(prefix="dengbao-report-") as folder:
        out = Path(folder) / "report.docx"
        try:
            # No external program is used: what it would open came from elsewhere.
            outcome = report_round(
                session, chosen, out, final=True, made_at=seal.sealed_at, tool_version=seal.tool_version,
                engines={}, mark=(lambda _content: seal.mark) if seal.mark else None,
            )  # fmt: skip
            again = out.read_bytes()
            made, found_in = (without_pages(read_sheet(one)) for one in (again, given))
            unlike = compare_sheets(made, found_in, session.suite)
            same_data = carried_by(again) == carried_by(given)
        except DengbaoError as exc:
            yield broken(place, f"无法由包内数据重做报告：{exc.message}", cure=exc.cure)
            return
    yield from _mark(seal)
    found = [unlike_finding(one, place, session.suite) for one in unlike]
    if not same_data:
        found.append(broken(f"{place}（所载数据）", "报告内附的数据与由包内数据重做的不符，或被删去"))
    if outcome.content_sha256 != seal.content_sha256:
        found.append(broken("seal.json", "报告内容摘要与由包内数据重算的不符"))
    yield from _for_this_version(found, seal)


def without_pages(sheet: Sheet) -> Sheet:
    """Return a report without what says that page numbers are not known."""
    return replace(
        sheet,
        lines=tuple(
            replace(one, text=one.text.removesuffix(f" {UNKNOWN}"))
            for one in sheet.lines
            if one.text not in _NOTES
        ),
    )


def _mark(seal: Seal) -> Iterator[Finding]:
    """Yield what the code on the 签章页 says otherwise than the seal; only the sealing key could make it."""
    try:
        mark = read_mark(seal.mark)
        key = public_key(seal.public_key)
    except DengbaoError as exc:
        yield broken("seal.json", f"签章页二维码：{exc.message}")
        return
    told = (mark.number, mark.content_sha256, dict(mark.counts))
    if told != (seal.report_number, seal.content_sha256, letters_of(seal.counts)):
        yield broken("seal.json", "签章页二维码所记的编号、摘要或项数与封存的不符")
    if not mark.is_by(key):
        yield broken("seal.json", "签章页二维码不是封存密钥所签")


def _for_this_version(found: list[Finding], seal: Seal) -> Iterator[Finding]:
    """Yield the findings; another version may word a report otherwise, so that nothing is proven by it."""
    if seal.tool_version == __version__:
        yield from found
        return
    for one in found:
        yield msgspec.structs.replace(
            one, gravity=Gravity.OPEN, cure=f"换用 dengbao {seal.tool_version} 核验"
        )


def carried_by(docx: bytes) -> Embedded | None:
    """Return the data that a report carries, None where it carries none.

    Raises:
        ReportError: damaged, or no .docx.

    """
    return read_embedded(Package.open(docx, max_bytes=REPORT_MAX_BYTES))


def read_report(folder: Path, name: str) -> bytes | None:
    """Return a report of a payload, None where there is none, or where its name leads elsewhere."""
    path = folder / name
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
        if not inside or path.is_symlink() or path.stat().st_size > MAX_REPORT_BYTES:
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def unlike_finding(one: Unlike, where: str, suite: Suite) -> Finding:
    """Return a difference between two reports as a finding: its place in the report, and its item."""
    known = {item.id for item in suite.items()}
    return broken(f"{where}（{one.place}）", one.message, items=(one.place,) if one.place in known else ())
