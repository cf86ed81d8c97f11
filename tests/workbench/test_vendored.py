"""What others wrote and we carry: unchanged, and with its licence beside it."""

from __future__ import annotations

import hashlib
from importlib import resources

import jinja2
import pytest

_STATIC = resources.files("dengbao.workbench") / "static"
# dist/htmx.min.js of the package htmx.org 2.0.11 (0BSD)
_HTMX = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"


def test_htmx_is_the_file_that_its_makers_published() -> None:
    assert hashlib.sha256((_STATIC / "htmx.min.js").read_bytes()).hexdigest() == _HTMX
    assert "Zero-Clause BSD" in (_STATIC / "htmx.LICENSE.txt").read_text(encoding="utf-8")


_TEMPLATES = jinja2.PackageLoader("dengbao.workbench").list_templates()


@pytest.mark.parametrize("name", _TEMPLATES)
def test_every_template_can_be_read_and_marks_nothing_as_safe(name: str) -> None:
    source = (resources.files("dengbao.workbench") / "templates" / name).read_text(encoding="utf-8")
    jinja2.Environment(autoescape=True).parse(source)
    for word in ("|safe", "| safe", "Markup", "autoescape false", "style=", "onclick=", "javascript:"):
        assert word not in source
