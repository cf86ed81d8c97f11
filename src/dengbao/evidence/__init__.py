"""The manual evidence store: filed once under a number and a digest, admitted only when complete."""

from .admissibility import (
    Examined,
    Finding,
    Gravity,
    admissible,
    admitted,
    check,
    draft_faults,
    examine,
)
from .attached import MAX_FILE_BYTES, MAX_FILES, measure
from .carried import carried_folder, load_carried, write_carried
from .filing import Draft, add, add_all, review, unfiled
from .remembered import Remembering, evidence_stamps
from .store import folder_of, load, load_all

__all__ = [
    "MAX_FILES",
    "MAX_FILE_BYTES",
    "Draft",
    "Examined",
    "Finding",
    "Gravity",
    "Remembering",
    "add",
    "add_all",
    "admissible",
    "admitted",
    "carried_folder",
    "check",
    "draft_faults",
    "evidence_stamps",
    "examine",
    "folder_of",
    "load",
    "load_all",
    "load_carried",
    "measure",
    "review",
    "unfiled",
    "write_carried",
]
