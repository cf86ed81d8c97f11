"""Numbers of pictures become references where the picture is there, and stay text where it is not."""

from __future__ import annotations

import pytest
from markupsafe import escape

from dengbao.report import lint_docx
from dengbao.report.crossrefs import cited, citer

from .words import filled, template


@pytest.mark.parametrize(
    ("figures", "told"),
    [((), "EV-1"), ((3,), "EV-1（图3）"), ((3, 4), "EV-1（图3、4）"), ((3, 4, 5), "EV-1（图3至5）")],
)
def test_an_evidence_record_names_its_pictures(figures: tuple[int, ...], told: str) -> None:
    assert cited("EV-1", figures) == told
    assert cited("EV-1", figures, narrow=True) == told.replace("（", "\n").replace("）", "")


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ("EV-1（图3至5）", [3, 5]),
        ("F-001\nEV-1\n图3、4\nEV-2\n图5", [3, 4, 5]),
        ("EV-1（图3至9）", [3]),
        ("EV-1（图99）", []),
        ("示意图3", []),
        ("（图3", []),
        ("（图3）<b>&", [3]),
    ],
)
def test_only_pictures_that_are_there_are_referred_to(text: str, references: list[int]) -> None:
    made = str(citer({3, 4, 5}, escape)(text))
    assert [one for one in range(100) if f" REF _Figure{one} " in made] == references
    assert "<b>" not in made


def test_a_reference_to_nothing_is_a_fault() -> None:
    package = filled(template("{{ text | cite }}"), {"text": "EV-1（图1）", "figures": [{"number": 1}]})
    assert [one.code for one in lint_docx(package.write())] == ["dangling_reference"]
    package = filled(
        template("{{ text | cite }}", "图 {{ number | numbered }}"),
        {"text": "EV-1（图1）", "number": 1, "figures": [{"number": 1}]},
    )
    assert lint_docx(package.write()) == ()


def test_a_template_that_numbers_twice_is_told() -> None:
    package = filled(template("{{ n | numbered }}", "{{ n | numbered }}"), {"n": 1})
    assert {one.code for one in lint_docx(package.write())} == {"double_bookmark_id", "double_bookmark_name"}
