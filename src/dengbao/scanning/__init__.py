"""Finds Chinese personal data and secrets in files of any size, and keeps no value of them."""

from .archives import Limits
from .engines import FastEngine, PlainEngine, best_engine
from .kinds import CHECKED, Kind, Sample
from .scan import Scanner, Stopped
from .shares import scan_paths, workers_for
from .tally import Finding, Report, Total, Unread

__all__ = [
    "CHECKED",
    "FastEngine",
    "Finding",
    "Kind",
    "Limits",
    "PlainEngine",
    "Report",
    "Sample",
    "Scanner",
    "Stopped",
    "Total",
    "Unread",
    "best_engine",
    "scan_paths",
    "workers_for",
]
