"""Builds `report.docx`, the Word template of 附件三 (宁医保办发〔2023〕72号), from code.

Run `python templates/annex3-2023/build.py` after a change; a test compares the committed file with this.
An office may restyle the file in Word and name its own with `--template`; `docs/adr/` has the reasons.
The parts of the report are modules of the folder beside this file.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from annex3_pages import appendix, front, history, results, signing  # beside this file
from annex3_pages.frame import FRONT, HEAD, foot, header

from dengbao.report.layouts import BAOGAO, BAOGAO_PAGE
from dengbao.report.package import Package, Properties
from dengbao.report.wordkit import new_document, to_bytes
from dengbao.report.wordparts import Writer, write_header_footer, write_zones

_MADE: Final = datetime(2023, 8, 25, tzinfo=UTC)  # the regulation's day; a template has no other
_BEFORE: Final = (
    front.cover, front.basics, front.approval, front.declaration, front.contents, front.draft,
)  # fmt: skip
_BODY: Final = (
    results.summary, results.mandatory, results.results, results.failures, history.history,
    signing.signatures,
)  # fmt: skip
_APPENDIX: Final = (appendix.evidence, appendix.facts, appendix.figures, appendix.anomalies)


def build() -> bytes:
    """Return the template."""
    document = new_document(BAOGAO, BAOGAO_PAGE)
    out = Writer(document)
    for parts, zone in ((_BEFORE, "_ZoneFront"), (_BODY, "_ZoneBody"), (_APPENDIX, "_ZoneAppendix")):
        for part in parts:
            part(out)
        out.end_section(zone, last=parts is _APPENDIX)
    write_header_footer(document, first=header("", 1), header=header(HEAD, 2), footer=FRONT)
    write_zones(
        document,
        ("upperRoman", FRONT),
        ("decimal", foot("", "_ZoneBody")),
        ("decimal", foot("附录", "_ZoneAppendix")),
    )
    package = Package.open(to_bytes(document))
    package.set_properties(
        Properties(title="测试报告模板（附件三）", subject="annex3-2023", author="dengbao", made_at=_MADE)
    )
    return package.write()


if __name__ == "__main__":
    Path(__file__).with_name("report.docx").write_bytes(build())
