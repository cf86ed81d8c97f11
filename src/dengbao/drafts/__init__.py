"""Drafts of manual evidence: what people type before it is filed, so that no word is lost.

A draft is `drafts/ITEM@ASSET.jsonl` in the engagement folder. Nothing under `drafts/` is sealed.
"""

from .store import (
    FOLDER,
    MOST_FILES,
    attach,
    begun,
    detach,
    drop,
    join,
    load,
    restore,
    save,
    settle,
    undo,
    unfiled,
)
from .values import Conflict, DraftContent, Kept, Saved, Unfiled, Version

__all__ = [
    "FOLDER",
    "MOST_FILES",
    "Conflict",
    "DraftContent",
    "Kept",
    "Saved",
    "Unfiled",
    "Version",
    "attach",
    "begun",
    "detach",
    "drop",
    "join",
    "load",
    "restore",
    "save",
    "settle",
    "undo",
    "unfiled",
]
