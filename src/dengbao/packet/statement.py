"""What is signed: an in-toto statement that names every payload file, the tag manifest and the seal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ..facts import canonical
from ..model import Seal
from .bag import Digests
from .layout import TAG_MANIFEST

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:dengbao:seal:v1"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was signed for: its name and digests by algorithm."""

    name: str
    digest: dict[str, str]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """An in-toto statement as it is read back."""

    subject: tuple[Subject, ...]
    predicate: dict[str, object]


def statement_of(files: Mapping[str, Digests], packet: str, seal: Seal) -> bytes:
    """Return the statement as canonical JSON.

    `files` are the payload files by their names in the packet (`data/…`), `packet` is the packet's digest.
    """
    subjects = [
        {"name": name, "digest": {"sha256": one.sha256, "sm3": one.sm3}}
        for name, one in sorted(files.items())
    ]
    subjects.append({"name": TAG_MANIFEST, "digest": {"sha256": packet}})
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": subjects,
            "predicateType": PREDICATE_TYPE,
            "predicate": msgspec.to_builtins(seal),
        }
    )
