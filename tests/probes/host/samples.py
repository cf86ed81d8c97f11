"""Recorded transcripts of three kinds of hosts, and how to read them."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from dengbao.model import Facts, Missing, kind_of
from dengbao.probes.base import Observed
from dengbao.probes.host.assemble import assemble
from dengbao.probes.host.frames import Transcript, parse_transcript

FOLDER = Path(__file__).parents[2] / "data" / "host"
NONCE = "N"
AnyFacts = TypeVar("AnyFacts", bound=Facts)


def read(name: str) -> Observed:
    """Return what the probe makes of a recorded transcript."""
    sections, done = parse_transcript((FOLDER / f"{name}.txt").read_bytes(), NONCE)
    return assemble(Transcript(sections, done, "collector"), "root")


def fact(observed: Observed, kind: type[AnyFacts]) -> AnyFacts:
    """Return the facts of one kind."""
    found = [one for one in observed.facts if isinstance(one, kind)]
    assert found, [one for one in observed.missing if one.fact == kind_of(kind)]
    return found[0]


def lack(observed: Observed, kind: type[Facts]) -> Missing:
    """Return why facts of one kind are missing."""
    return next(one for one in observed.missing if one.fact == kind_of(kind))
