"""The manual evidence store: filed once under a number and a digest, admitted only when complete."""

from .admissibility import admissible, admitted, check, counted, damage, draft_faults, examine
from .attached import MAX_FILE_BYTES, MAX_FILES, measure
from .carried import carried_folder, load_carried, write_carried
from .filing import Draft, add, find, unfiled
from .filing_whole import add_all, finish_filing
from .findings import Examined, Finding, Gravity
from .remarking import Overtaken, Said, note_on_case, remark_on, review, sight_of
from .remarks import load_remarks
from .remembered import Remembering, evidence_stamps
from .standing import Thread
from .store import folder_of, load, load_all

__all__ = [
    "MAX_FILES",
    "MAX_FILE_BYTES",
    "Draft",
    "Examined",
    "Finding",
    "Gravity",
    "Overtaken",
    "Remembering",
    "Said",
    "Thread",
    "add",
    "add_all",
    "admissible",
    "admitted",
    "carried_folder",
    "check",
    "counted",
    "damage",
    "draft_faults",
    "evidence_stamps",
    "examine",
    "find",
    "finish_filing",
    "folder_of",
    "load",
    "load_all",
    "load_carried",
    "load_remarks",
    "measure",
    "note_on_case",
    "remark_on",
    "review",
    "sight_of",
    "unfiled",
    "write_carried",
]
