"""A sealed packet: whole, signed, the same each time, readable without us."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import bagit
import msgspec

from dengbao.model import Seal
from dengbao.packet.bag import packet_digest
from dengbao.packet.dsse import SigningKey, public_key, verify
from dengbao.packet.layout import SEAL, STATEMENT
from dengbao.packet.opening import opened
from dengbao.packet.seal import Sealed, seal
from dengbao.packet.statement import PREDICATE_TYPE
from dengbao.rounds import load_round
from dengbao.session import open_session

from . import example


def test_it_holds_what_verdicts_rest_on(sealed: Sealed, engagement: Path) -> None:
    with opened(sealed.path) as packet:
        assert packet.faults == []
        assert bagit.Bag(str(packet.root)).validate()
        assert packet_digest(packet.root) == sealed.packet
        names = set(packet.names())
    stored = {
        one.relative_to(engagement).as_posix() for one in (engagement / "runs").rglob("*") if one.is_file()
    }
    wanted = {f"data/{one}" for one in stored if not one.endswith(".lock")}
    assert wanted <= names
    assert "data/out/report-round-1.docx" in names
    assert {"data/evidence/EV-0001.yaml", "data/evidence/EV-0001.png", "data/engagement.yaml"} <= names
    assert not any("his.db" in one for one in names), "the asset's own data stay where they are"


def test_the_statement_is_signed_over_every_file(sealed: Sealed, key: SigningKey) -> None:
    with opened(sealed.path) as packet:
        envelope = packet.read(STATEMENT, 10_000_000)
        seal_file = packet.read(SEAL, 100_000)
        payload = {one for one in packet.names() if one.startswith("data/")}
    assert envelope is not None
    assert seal_file is not None
    told = json.loads(verify(envelope, key.public))
    assert told["predicateType"] == PREDICATE_TYPE
    assert {one["name"] for one in told["subject"]} == payload | {"tagmanifest-sha256.txt"}
    assert told["subject"][-1]["digest"]["sha256"] == sealed.packet
    made = msgspec.json.decode(seal_file, type=Seal)
    assert made == sealed.seal
    assert public_key(made.public_key).fingerprint == made.key == key.public.fingerprint
    assert sum(made.counts.values()) == 68


def test_sealed_twice_it_is_the_same_bytes(
    sealed: Sealed, engagement: Path, key: SigningKey, tmp_path: Path
) -> None:
    copy = example.copy_of(engagement, tmp_path / "elsewhere")
    again = seal(
        open_session(copy), load_round(copy), tmp_path / "again.zip", by=example.LI, key=key,
        sealed_at=example.SEALED_AT,
    )  # fmt: skip
    assert again.zip_sha256 == sealed.zip_sha256
    assert (tmp_path / "again.zip").read_bytes() == sealed.path.read_bytes()


def test_its_names_are_ascii_and_its_dates_fixed(sealed: Sealed) -> None:
    with zipfile.ZipFile(sealed.path) as archive:
        assert all(
            one.filename.isascii() and one.date_time == (1980, 1, 1, 0, 0, 0) for one in archive.infolist()
        )
