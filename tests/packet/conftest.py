"""One complete engagement and its packet, made once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from dengbao.packet.dsse import SigningKey, new_key
from dengbao.packet.seal import Sealed, seal
from dengbao.rounds import load_round
from dengbao.session import open_session

from ..once import once
from . import example


@pytest.fixture(scope="session")
def engagement(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an engagement that may be sealed; do not change it."""
    built = once(tmp_path_factory, "complete", lambda place: example.build(place / "my-hospital"))
    return example.copy_of(built / "my-hospital", tmp_path_factory.mktemp("complete") / "my-hospital")


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """Return the key that seals."""
    return new_key(tmp_path_factory.mktemp("keys") / "seal")


@pytest.fixture(scope="session")
def sealed(engagement: Path, key: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """Return the sealed packet of that engagement; do not change it."""
    target = tmp_path_factory.mktemp("packets") / "packet.zip"
    session = open_session(engagement)
    chosen = load_round(engagement)
    return seal(session, chosen, target, by=example.LI, key=key, sealed_at=example.SEALED_AT)
