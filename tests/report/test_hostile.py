"""What people and terminals may have written comes back from the saved report, sign by sign."""

from __future__ import annotations

from collections import Counter

import pytest
from lxml import etree

from dengbao.report import lint_docx
from dengbao.report.package import DOCUMENT, Package
from dengbao.report.plain import plain, texts, visible
from dengbao.report.readback import check_readback
from dengbao.report.render import render
from dengbao.report.specimen import specimen
from tests.report.example import ROOT
from tests.report.hostile import WORDS
from tests.report.words import text_of

SHIPPED = (ROOT / "templates" / "annex3-2023" / "report.docx").read_bytes()
GROUPS = [WORDS[at : at + 6] for at in range(0, len(WORDS), 6)]


def one_line(text: str) -> str:
    return " ".join(text.split())


def printed(text: str) -> bytes:
    data, pictures = specimen(text)
    docx = render(SHIPPED, data, pictures, where="模板").write()
    check_readback(docx, data)
    assert lint_docx(docx, printed=texts(plain(data))) == ()
    return docx


@pytest.mark.parametrize("words", GROUPS, ids=range(len(GROUPS)))
def test_hostile_words_come_back_from_the_report(words: tuple[str, ...]) -> None:
    """Whatever is printed of harmless words is printed of these, as often: none is lost, none changed."""
    text = "某" + "某".join(words) + "某"
    harmless = "无" * len(text)
    usual = text_of(printed(harmless)).count(harmless)
    assert usual > 40
    found, wanted = text_of(printed(text)), visible(text)
    assert found.count(wanted) > 40
    # What moved between rounds is told in one line: breaks become a space there.
    assert one_line(found).count(one_line(wanted)) == usual


def test_a_word_never_becomes_an_element_of_the_report() -> None:
    def elements(text: str) -> Counter[str]:
        root = etree.fromstring(Package.open(printed(text)).members[DOCUMENT])
        return Counter(str(one.tag) for one in root.iter())

    assert elements("<w:p><w:r/></w:p></w:t></w:r></w:p>&e;]]>") == elements("无害")
