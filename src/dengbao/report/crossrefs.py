"""Figures with a number that Word keeps: counted by a SEQ field, referred to by REF fields.

The cached numbers are right from the start, so that nothing has to be updated before it is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Final

from markupsafe import Markup

from .wordparts import field_runs

_OUT: Final = "</w:t></w:r>"
_IN: Final = '<w:r><w:t xml:space="preserve">'
_CITED: Final = re.compile(r"(?:（(?=图[\d、至]{1,13}）)|\n)图(\d{1,6})(?:([、至])(\d{1,6}))?(?=）|\n|$)")
_FIRST_ID: Final = 1000  # below are the bookmarks of the template itself


def cited(evidence: str, figures: Sequence[int], *, narrow: bool = False) -> str:
    """Return the number of an evidence record with those of its pictures, which follow each other.

    In a `narrow` column the pictures have a line of their own.
    """
    if not figures:
        return evidence
    first, last = figures[0], figures[-1]
    between = {0: "", 1: f"、{last}"}.get(last - first, f"至{last}")
    told = f"图{first}{between}"
    return f"{evidence}\n{told}" if narrow else f"{evidence}（{told}）"


def numbered(number: int) -> Markup:
    """Return a figure's number as a field that counts, within the bookmark that references name."""
    mark = f'<w:bookmarkStart w:id="{_FIRST_ID + number}" w:name="{_bookmark(number)}"/>'
    end = f'<w:bookmarkEnd w:id="{_FIRST_ID + number}"/>'
    field = field_runs(r"SEQ 图 \* ARABIC", f"{int(number)}")
    return Markup(f"{_OUT}{mark}{field}{end}{_IN}")  # noqa: S704 - our own markup around a number


def citer(figures: Collection[int], finalize: Callable[[object], object]) -> Callable[[str], Markup]:
    """Return the filter that makes references of the numbers in text such as `EV-0001（图1至5）`.

    Only figures that are there are referred to: others stay the text they are. `finalize` makes data safe.
    """

    def cite(text: str) -> Markup:
        parts: list[str] = []
        at = 0
        for match in _CITED.finditer(text):
            for group in (1, 3):
                number = int(match[group] or 0)
                if number in figures:
                    parts += [str(finalize(text[at : match.start(group)])), _reference(number)]
                    at = match.end(group)
        return Markup("".join([*parts, str(finalize(text[at:]))]))  # noqa: S704 - each part is safe

    return cite


def _reference(number: int) -> str:
    field = field_runs(rf"REF {_bookmark(number)} \h", str(number))
    return f"{_OUT}{field}{_IN}"


def _bookmark(number: int) -> str:
    return f"_Figure{number}"
