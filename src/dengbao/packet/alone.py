"""Verifies a report that comes without its packet: words by the data it carries, data by the signed code.

The chain is: every line and picture ↔ the embedded data ↔ their digest ↔ the QR code of the 签章页 ↔ its
signature by the sealing key. Only with a key that the verifier trusts does its end hold.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .. import __version__
from ..catalog import load_suite
from ..content import find_content
from ..errors import DengbaoError, ReportError, StoreError, UsageError
from ..report.embedded import Embedded, read_embedded
from ..report.likeness import compare_sheets
from ..report.package import REPORT_MAX_BYTES, Package
from ..report.plain import Plain
from ..report.refill import refill
from ..report.report_data import UNNUMBERED
from ..report.reread import Sheet, read_sheet
from .dsse import PublicKey
from .findings import Finding, Gravity, broken
from .from_data import hold
from .guarded import guarded
from .qr import Mark, letters_of, read_mark
from .rebuilt import read_report, unlike_finding, without_pages
from .scan import examine_mark, read_code, told_counts

_CARRIED: Final = "所载数据"
_MARK: Final = "签章页二维码"
_ASK: Final = "向出具人索取原件，或凭封存包核验（--packet）"
_STATED: Final = re.compile(r"安全检查项共 \d+ 项：")
_NUMBER: Final = re.compile(r"(符合|部分符合|不符合|不适用) (\d+) 项")
_LETTERS: Final = {"符合": "C", "部分符合": "P", "不符合": "N", "不适用": "A"}


@dataclass
class Alone:
    """What came of it. `carried` tells whether the report holds its data; `mark` is what its code says.

    `trusted` tells whether a key that the verifier named signed the code. Findings are the gravest first.
    """

    mark: Mark | None = None
    carried: bool = False
    trusted: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Tell whether a trusted key vouches for every word, and none was altered."""
        return self.carried and self.trusted and all(one.gravity is Gravity.NOTE for one in self.findings)


def verify_report(path: Path, *, content: Path | None = None, trusted: tuple[PublicKey, ...] = ()) -> Alone:
    """Verify a .docx that came alone; contacts nobody and changes nothing.

    Raises:
        StoreError: it cannot be read, or is too large. ReportError: it is no .docx.

    """
    data = read_report(path.parent, path.name)
    if data is None:
        raise StoreError("报告无法读取，或过大", where=str(path), cure="核对文件")
    package = Package.open(data, where=str(path), max_bytes=REPORT_MAX_BYTES)
    found = Alone()
    found.findings += guarded(path.name, _examine(found, path.name, data, package, content, trusted))
    order = {Gravity.BROKEN: 0, Gravity.OPEN: 1, Gravity.NOTE: 2}
    found.findings = sorted(dict.fromkeys(found.findings), key=lambda one: order[one.gravity])
    return found


def _examine(
    found: Alone,
    name: str,
    data: bytes,
    package: Package,
    content: Path | None,
    trusted: tuple[PublicKey, ...],
) -> Iterator[Finding]:
    try:
        carried = read_embedded(package)
    except ReportError as exc:
        yield broken(_CARRIED, exc.message, cure=exc.cure)
        carried = None
    if carried is None:
        yield from _by_code(found, name, data, package, trusted)
        return
    found.carried = True
    try:
        found.mark = read_mark(carried.mark)
        printed = carried.data()
    except DengbaoError as exc:
        yield broken(_CARRIED, exc.message, cure=_ASK)
        return
    yield from _fits(found.mark, carried, printed)
    yield from signature(found, trusted)
    yield from _words(name, read_sheet(data, where=name), carried, printed, package, content)


def signature(found: Alone, trusted: tuple[PublicKey, ...]) -> Iterator[Finding]:
    """Yield what is to be said of who signed the code, and remember whether it is somebody trusted."""
    if found.mark is not None:
        yield from examine_mark(found.mark, _MARK, trusted)
        found.trusted = any(found.mark.is_by(one) for one in trusted)


def _fits(mark: Mark, carried: Embedded, data: Mapping[str, Plain]) -> Iterator[Finding]:
    """Yield what the code says otherwise than the data beside it."""
    if mark.content_sha256 != carried.content_sha256:
        yield broken(_CARRIED, "数据的摘要与签章页二维码所记的不符：数据或二维码被改动", cure=_ASK)
    report = data["report"]
    number = str(report.get("number", "")) if isinstance(report, dict) else ""
    if number != (mark.number or UNNUMBERED):
        yield broken(_MARK, f"报告编号：二维码为“{mark.number}”，数据为“{number}”", cure=_ASK)
    counts = _counts(data)
    if dict(mark.counts) != counts:
        told = told_counts(mark)
        yield broken(_MARK, f"各判定项数：二维码为“{told}”，数据为 {counts}", cure=_ASK)


def _counts(data: Mapping[str, Plain]) -> dict[str, int]:
    """Return letters → how many of the 68 items, as the chapters of the statistics tell."""
    summary = data.get("summary")
    rows = summary.get("checks") if isinstance(summary, dict) else None
    found: dict[str, int] = {}
    for row in rows[1:-1] if isinstance(rows, list) else []:  # first the 必须测试项, last the total
        if isinstance(row, dict):
            for key, value in row.items():
                if isinstance(value, int) and key not in ("total", "open"):
                    found[key] = found.get(key, 0) + value
    return letters_of(found)


def _words(
    name: str,
    sheet: Sheet,
    carried: Embedded,
    data: Mapping[str, Plain],
    package: Package,
    content: Path | None,
) -> Iterator[Finding]:
    """Yield each line and picture that is otherwise than the data give it."""
    content_found = find_content(content)
    known = {one.parent.name for one in content_found.suites.glob("*/suite.yaml")}
    if carried.suite not in known:
        yield _open(name, f"本机没有测评依据“{carried.suite[:60]}”，正文未能比对")
        return
    suite = load_suite(content_found.suites / carried.suite)
    template = (content_found.templates / carried.suite / "report.docx").read_bytes()
    same = hashlib.sha256(template).hexdigest() == carried.template_sha256
    made = _made_here(template, data, package, needed=same)
    unlike = compare_sheets(made, without_pages(sheet), suite) if made is not None else ()
    if made is not None and not unlike:
        told = "" if same else "（模板文件与当时的不同，所印文字一样）"
        yield Finding(
            place=name, gravity=Gravity.NOTE, message=f"正文、表格、图片与所载数据逐行相符{told}"
        )  # fmt: skip
    elif same:
        yield from (_with_version(unlike_finding(one, name, suite), data) for one in unlike)
    else:
        yield from hold(name, data, sheet, package, made)


def _made_here(template: bytes, data: Mapping[str, Plain], package: Package, *, needed: bool) -> Sheet | None:
    """Return the report that the template of this machine gives; None where it cannot print these data.

    Raises:
        ReportError: it cannot, though it is the one the report was made with.

    """
    try:
        return without_pages(read_sheet(refill(template, data, package)))
    except ReportError:
        if needed:
            raise
        return None


def _with_version(one: Finding, data: Mapping[str, Plain]) -> Finding:
    """Return a finding that says which version to use, where this is another: it may draw otherwise."""
    tool = _tool(data)
    if tool == f"dengbao {__version__}":
        return one
    return Finding(
        place=one.place, gravity=one.gravity, message=one.message, items=one.items,
        cure=f"报告由 {tool[:40]} 生成，换用该版本再核验一次",
    )  # fmt: skip


def _tool(data: Mapping[str, Plain]) -> str:
    report = data["report"]
    return str(report.get("tool", "")) if isinstance(report, dict) else ""


def _by_code(
    found: Alone, name: str, data: bytes, package: Package, trusted: tuple[PublicKey, ...]
) -> Iterator[Finding]:
    """Yield what the printed code alone can tell of a report that carries no data."""
    yield _open(name, "文件内没有所载数据（另存时丢失，或被删去）：正文是否被改动不能证明")
    pictures = [value for one, value in package.members.items() if one.startswith("word/media/")]
    try:
        found.mark = read_code(pictures, name)
    except UsageError as exc:
        yield _open(_MARK, exc.message)
        return
    yield from signature(found, trusted)
    yield from _told(found.mark, read_sheet(data, where=name))


def _told(mark: Mark, sheet: Sheet) -> Iterator[Finding]:
    """Yield what of the code's own words the text says otherwise."""
    text = "\n".join(one.text for one in sheet.lines)
    for what, value in (("报告编号", mark.number), ("内容摘要", mark.content_sha256[:16])):
        if value not in text:
            yield broken(_MARK, f"{what}：二维码为“{value}”，正文中没有", cure=_ASK)
    stated = next((one.text for one in sheet.lines if _STATED.match(one.text)), "")
    counts = {_LETTERS[word]: int(count) for word, count in _NUMBER.findall(stated) if int(count)}
    if counts != {letter: count for letter, count in mark.counts.items() if letter != "U"}:
        yield broken(_MARK, f"各判定项数：二维码为“{told_counts(mark)}”，正文的统计与之不符", cure=_ASK)


def _open(place: str, message: str) -> Finding:
    return Finding(place=place, gravity=Gravity.OPEN, message=message, cure=_ASK)
