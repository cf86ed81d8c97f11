"""What was found on an application can be seen again: each finding gives what to send and what came back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dengbao import checking
from dengbao.model import Kind
from dengbao.redact import Redactor

from .scenarios import Loaded, choose, load, paths

REGISTRY = checking.load(Path(__file__).parents[2] / "checks")
# Their evidence is a capture or a file, named with place and count in the statement: nothing was sent.
SENT_NOTHING = {
    "confidentiality.captured_flows": "a flow in a capture",
    "integrity.captured_flows": "a flow in a capture",
    "identity.captured_admin": "a flow in a capture",
    "confidentiality.stored_files": "a file that was read",
    "privacy.real_data_in_test": "a file that was read",
}
FOUND = [
    one
    for path in paths()
    if path.stem.endswith((".nonconform", ".partial"))  # the others need not be read
    and (one := load(path)).asset.kind in (Kind.WEB, Kind.TLS)
    and one.check not in SENT_NOTHING
]
# What a password, a token or a long random value would look like in a request or an answer.
SECRET = re.compile(r"[Pp]assword=|口令[:：=]|Bearer \S|eyJ[\w-]+\.|\b[0-9a-f]{32,}\b")


@pytest.mark.parametrize("loaded", FOUND, ids=lambda one: f"{one.check}-{one.name}-{one.expected}")
def test_a_finding_can_be_seen_again(loaded: Loaded) -> None:
    outcome = loaded.run(choose(REGISTRY, loaded))
    assert outcome.proofs, outcome.statement
    for one in outcome.proofs:
        assert one.request.strip()
        assert one.answer.strip()
        told = f"{one.request} {one.answer} {one.role}"
        assert not SECRET.search(told)
        assert Redactor().data(told.encode()).decode() == told


def test_the_exceptions_are_checks_that_are_there() -> None:
    assert set(SENT_NOTHING) <= set(REGISTRY.ids())
