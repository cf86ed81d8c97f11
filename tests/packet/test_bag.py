"""A bag that other tools read, and that is the same bytes each time."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import bagit
import pytest

from dengbao.errors import StoreError
from dengbao.packet.bag import Digests, packet_digest, write_bag, write_zip
from dengbao.packet.layout import BAG_INFO, README, SEAL, SM3_SUMS, TAG_MANIFEST

TAGS = {README: "封存包\n".encode(), SEAL: b"{}\n"}
INFO = (("External-Identifier", "NX-1"), ("Source-Organization", "示范\n医院"))


def written(folder: Path, name: str = "dengbao-nx-1") -> tuple[Path, dict[str, Digests]]:
    source = folder / "source.bin"
    source.write_bytes(b"\x00\x01" * 700_000)
    target = folder / name
    payload: dict[str, Path | bytes] = {
        "runs/round-1/run.json": b"{}",
        "evidence/EV-0001.png": source,
        "engagement.yaml": "名: 值\n".encode(),
    }
    return target, write_bag(target, payload, TAGS, INFO)


def test_other_tools_find_it_whole(tmp_path: Path) -> None:
    target, known = written(tmp_path)
    assert bagit.Bag(str(target)).validate()
    for sums in ("manifest-sha256.txt", TAG_MANIFEST):
        subprocess.run(["sha256sum", "-c", "--strict", sums], cwd=target, check=True, capture_output=True)
    line = next(one for one in (target / SM3_SUMS).read_text().splitlines() if one.endswith("run.json"))
    done = subprocess.run(
        ["openssl", "dgst", "-sm3", str(target / "data/runs/round-1/run.json")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split()[-1] == line.split()[0] == known["runs/round-1/run.json"].sm3
    assert "Payload-Oxum: 1400011.3" in (target / BAG_INFO).read_text()
    assert "Source-Organization: 示范 医院\n" in (target / BAG_INFO).read_text(), "one line for each field"


@pytest.mark.parametrize("name", ["data/evidence/EV-0001.png", SEAL, "bag-info.txt", SM3_SUMS])
def test_other_tools_find_what_was_altered(tmp_path: Path, name: str) -> None:
    target, _ = written(tmp_path)
    path = target / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x01
    path.write_bytes(data)
    with pytest.raises(bagit.BagError):
        bagit.Bag(str(target)).validate()


def test_the_same_content_gives_the_same_zip(tmp_path: Path) -> None:
    digests = []
    for turn in ("one", "two"):
        (tmp_path / turn).mkdir()
        target, _ = written(tmp_path / turn)
        (target / SEAL).touch()  # another time of change
        digests.append((packet_digest(target), write_zip(target, tmp_path / f"{turn}.zip")))
    assert digests[0] == digests[1]
    one = tmp_path / "one.zip"
    assert hashlib.sha256(one.read_bytes()).hexdigest() == digests[0][1]
    with zipfile.ZipFile(one) as archive:
        assert archive.testzip() is None
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


def test_nothing_stands_there_until_all_of_it_does(tmp_path: Path) -> None:
    target = tmp_path / "bag"
    with pytest.raises(StoreError, match="无法复制"):
        write_bag(target, {"a": b"1", "b": tmp_path / "missing"}, TAGS, INFO)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "bag").mkdir()
    with pytest.raises(StoreError, match="已存在"):
        write_bag(target, {"a": b"1"}, TAGS, INFO)


def test_tag_files_are_those_of_the_layout(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tag files"):
        write_bag(tmp_path / "bag", {"a": b"1"}, {**TAGS, "extra.txt": b""}, INFO)
