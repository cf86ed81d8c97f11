"""Records and evidence → the official Word report; templates and outputs are linted here too.

Word's library takes long to import: what needs it is fetched when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from .inputs import Gap, PastRound, ReportInput, ReportOutcome

if TYPE_CHECKING:
    from .lint import Finding, lint_docx
    from .template_lint import lint_template
    from .write import write_report
else:
    _LATER: Final = {
        "Finding": "lint", "lint_docx": "lint", "lint_template": "template_lint", "write_report": "write",
    }  # fmt: skip

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_LATER[name]}", __name__), name)


__all__ = [
    "Finding",
    "Gap",
    "PastRound",
    "ReportInput",
    "ReportOutcome",
    "lint_docx",
    "lint_template",
    "write_report",
]
