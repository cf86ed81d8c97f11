"""Records and evidence → the official Word report; templates and outputs are linted here too."""

from .inputs import Gap, PastRound, ReportInput, ReportOutcome
from .lint import Finding, lint_docx
from .template_lint import lint_template
from .write import write_report

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
