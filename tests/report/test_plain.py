"""Nothing that was written vanishes, and nothing but plain data reaches a template."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from dengbao.errors import ReportError
from dengbao.model import Verdict
from dengbao.report.plain import digest, plain, texts, visible


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mroot\x1b[0m", "␛[31mroot␛[0m"),
        ("a\x00b\x07c\x0bd\x0ce", "a␀b␇c␋d␌e"),
        ("\x7f\x85", "␡‹U+0085›"),
        ("行一\r\n行二\n行三\t列", "行一\n行二\n行三\t列"),
        ("a\rb", "a␍b"),
        ("\u202eabc\u2066\u200f", "‹U+202E›abc‹U+2066›‹U+200F›"),
        ("\ufffe\uffff\U0001fffe", "‹U+FFFE›‹U+FFFF›‹U+1FFFE›"),
        ("\ud800", "‹U+D800›"),
        ("零\u200b宽\ufeff", "零‹U+200B›宽‹U+FEFF›"),
        ("𠮷 שלום <8 & {{7*7}}", "𠮷 שלום <8 & {{7*7}}"),
    ],
)
def test_what_word_would_drop_or_obey_is_shown_as_a_sign(raw: str, shown: str) -> None:
    assert visible(raw) == shown


@given(st.text())
def test_visible_text_survives_xml_unchanged(raw: str) -> None:
    shown = visible(raw)
    element = etree.Element("t")
    element.text = shown
    again = etree.fromstring(etree.tostring(element)).text or ""
    assert again == shown
    assert visible(shown) == shown
    assert len(shown) >= len(raw.replace("\r\n", "\n"))


@pytest.mark.parametrize(
    "value", [object(), 1.5, b"x", Verdict.CONFORM, {"a b": 1}, {1: 2}, [{"x": {1}}], str]
)
def test_anything_but_plain_values_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(ReportError):
        plain({"outer": value})


def test_place_of_a_value_that_is_not_plain_is_named() -> None:
    with pytest.raises(ReportError) as caught:
        plain({"a": [{"b": object()}]})
    assert caught.value.where == "数据.a[0].b"


def test_texts_come_in_order_and_the_digest_is_of_content_only() -> None:
    data = plain({"b": ["x", {"c": "y"}], "a": "z", "n": 1, "t": True, "none": None})
    assert list(texts(data)) == ["x", "y", "z"]
    assert digest(data) == digest(plain({"a": "z", "n": 1, "none": None, "t": True, "b": ["x", {"c": "y"}]}))
