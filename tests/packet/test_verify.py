"""Verifying: an untouched packet holds, an altered one is named."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from dengbao.packet.dsse import SigningKey, new_key
from dengbao.packet.findings import Gravity
from dengbao.packet.opening import opened
from dengbao.packet.seal import Sealed
from dengbao.packet.verify import examine_files, verify_packet

from . import example


def test_an_untouched_packet_holds(sealed: Sealed, key: SigningKey, tmp_path: Path) -> None:
    found = verify_packet(sealed.path, trusted=(key.public,))
    assert found.findings == ()
    assert found.holds
    assert found.packet == sealed.packet
    with zipfile.ZipFile(sealed.path) as archive:
        archive.extractall(tmp_path)
    assert verify_packet(tmp_path, trusted=(key.public,)).holds, "unpacked by anyone"


def test_without_a_trusted_key_the_fingerprint_is_to_be_compared(sealed: Sealed, tmp_path: Path) -> None:
    found = verify_packet(sealed.path)
    assert [one.gravity for one in found.findings] == [Gravity.NOTE]
    assert sealed.seal.key in found.findings[0].message
    with opened(sealed.path) as packet:
        other = examine_files(sealed.path, packet, (new_key(tmp_path / "other").public,))
    assert [one.gravity for one in other.findings] == [Gravity.BROKEN]


@pytest.mark.parametrize(
    "name",
    ["data/evidence/EV-0001.png", "data/runs/round-1/records.jsonl", "data/engagement.yaml", "seal.json",
     "manifest-sha256.txt", "sm3sums.txt", "tagmanifest-sha256.txt", "statement.dsse.json", "bagit.txt",
     "bag-info.txt", "README.txt", "data/out/report-round-1.docx"],
)  # fmt: skip
def test_a_flipped_bit_is_named(sealed: Sealed, key: SigningKey, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(sealed.path) as archive:
        archive.extractall(tmp_path)
    with opened(tmp_path) as packet:
        root = packet.root
    example.spoil(root / name)
    with opened(tmp_path) as packet:
        found = examine_files(tmp_path, packet, (key.public,))
    places = {one.place.split(":")[0] for one in found.findings if one.gravity is Gravity.BROKEN}
    assert name in places
