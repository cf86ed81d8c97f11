"""Five hundred alterations of a sealed packet: each is found, and named by its place."""

from __future__ import annotations

import random
import zipfile
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from dengbao.errors import StoreError
from dengbao.facts import FactFile, canonical, digest
from dengbao.model import Plan
from dengbao.packet.custody import note
from dengbao.packet.dsse import SigningKey, new_key
from dengbao.packet.findings import Finding, Gravity
from dengbao.packet.layout import STATEMENT
from dengbao.packet.opening import Opened, opened
from dengbao.packet.seal import Sealed
from dengbao.packet.verify import examine_files, verify_packet

from . import altering

SEED = 20230301
IN_ZIP, IN_FILES, IN_FIELDS = 120, 260, 120
JSON_FILES = ("records.jsonl", "plan.json", "run.json", "engagement.json", "seal.json")


@pytest.fixture(scope="module")
def root(sealed: Sealed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the packet unpacked; every test puts back what it changed."""
    return altering.unpacked(sealed.path, tmp_path_factory.mktemp("unpacked"))


def names(root: Path) -> list[str]:
    """Return the names of all files that have a bit to alter."""
    files = [one for one in root.rglob("*") if one.is_file() and one.stat().st_size]
    return sorted(one.relative_to(root).as_posix() for one in files)


def grave(findings: list[Finding] | tuple[Finding, ...]) -> set[str]:
    return {one.place.partition(":")[0] for one in findings if one.gravity is Gravity.BROKEN}


def test_a_bit_of_the_zip_its_headers_included(sealed: Sealed, key: SigningKey, tmp_path: Path) -> None:
    data, chance = sealed.path.read_bytes(), random.Random(SEED)
    with zipfile.ZipFile(sealed.path) as archive:
        begin, members = archive.start_dir, archive.infolist()
    headers = [one.header_offset + chance.randrange(30 + len(one.filename)) for one in members]
    directory = [chance.randrange(begin, len(data)) for _ in range(40)]
    offsets = [*headers, *directory]
    offsets += [chance.randrange(len(data)) for _ in range(IN_ZIP - len(offsets))]
    place, told = tmp_path / "packet.zip", Counter[str]()
    for offset in offsets:
        place.write_bytes(altering.flipped(data, 8 * offset + chance.randrange(8)))
        try:
            with opened(place) as packet:
                findings = examine_files(place, packet, (key.public,)).findings
        except StoreError:
            told["no packet at all"] += 1
            continue
        assert grave(findings), f"byte {offset} was changed unseen"
        in_container = all(one.place == place.name for one in findings)
        told["only the container" if in_container else "a file"] += 1
        if in_container:  # named by header and field, or as what it is
            assert all("第 " in one.message or "不同：" in one.message for one in findings), findings
    assert sum(told.values()) == IN_ZIP
    assert told["a file"] > IN_ZIP / 3


def test_a_bit_of_any_file(root: Path, key: SigningKey) -> None:
    chance, every = random.Random(SEED), names(root)
    chosen = [*every, *chance.choices(every, k=IN_FILES)][:IN_FILES]
    assert set(every) <= set(chosen)
    for name in chosen:
        path = root / name
        before = path.read_bytes()
        path.write_bytes(altering.flipped(before, chance.randrange(8 * len(before))))
        found = examine_files(root, Opened(root), (key.public,))
        path.write_bytes(before)
        assert name in grave(found.findings), name
    assert not examine_files(root, Opened(root), (key.public,)).findings, "all was put back"


@pytest.mark.parametrize("lists", [False, True], ids=["as it is", "lists made anew"])
def test_a_field_of_any_document(root: Path, key: SigningKey, lists: bool, tmp_path: Path) -> None:
    chance = random.Random(SEED + lists)
    kept = {one: (root / one).read_bytes() for one in names(root) if not one.startswith("data/")}
    every = [one for one in names(root) if one.endswith(JSON_FILES) or "/facts/" in one]
    for name in chance.choices(every, k=IN_FIELDS // 2):
        path = root / name
        before = path.read_bytes()
        path.write_bytes(altering.other_field(before, chance))
        assert path.read_bytes() != before
        if lists:
            altering.relist(root)
        found = examine_files(root, Opened(root), (key.public,))
        path.write_bytes(before)
        for one, data in kept.items():
            (root / one).write_bytes(data)
        assert name in grave(found.findings), name
    assert not examine_files(root, Opened(root), (key.public,)).findings, "all was put back"


# ---- sealed anew by another key: the lists and the signature fit, what lies beneath does not ----------


def text_of(root: Path, name: str, old: str, new: str) -> dict[str, bytes | None]:
    text = (root / "data" / name).read_text(encoding="utf-8")
    assert old in text, name
    return {name: text.replace(old, new, 1).encode()}


RECORDS = "runs/round-1/records.jsonl"
EVIDENCE = "evidence/EV-0001.yaml"
PROFILE = "suites/annex3-2023/profile.yaml"
FORGED = {
    "a verdict": (
        (RECORDS, '"verdict":"nonconform"', '"verdict":"conform"'),
        "data/runs/round-1/records.jsonl",
    ),
    "a record's words": ((RECORDS, '"statement":"', '"statement":"改'), "data/runs/round-1/records.jsonl"),
    "a threshold": ((PROFILE, "value: ", "value: 9"), "data/suites/annex3-2023/profile.yaml"),
    "evidence's words": ((EVIDENCE, "已逐项截图", "已逐项核对"), "data/out/report-round-1.docx"),
    "evidence's verdict": ((EVIDENCE, "conform", "nonconform"), "seal.json"),
    "evidence's day": ((EVIDENCE, "collected_at: ", "collected_at: 2"), "data/evidence/EV-0001.yaml"),
    "the institution": (("engagement.yaml", "测试医院", "试测医院"), "seal.json"),
    "the snapshot": (
        ("runs/round-1/engagement.json", "业务库", "业务苦"),
        "data/runs/round-1/engagement.json",
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_sealed_anew_by_another_key(root: Path, key: SigningKey, tmp_path: Path, what: str) -> None:
    (name, old, new), place = FORGED[what]
    other = new_key(tmp_path / "other")
    forged = altering.sealed_anew(root, tmp_path / "forged", other, text_of(root, name, old, new))
    quick = examine_files(forged, Opened(forged), (key.public,))
    assert grave(quick.findings) == {STATEMENT}, "only the key betrays it"
    found = verify_packet(forged, trusted=(other.public,))
    assert not found.holds
    assert place in {one.place.partition("（")[0].partition(":")[0] for one in found.findings}, found.findings


def test_facts_altered_with_their_own_digest_name_the_items(
    root: Path, key: SigningKey, tmp_path: Path
) -> None:
    name = "runs/round-1/facts/his-db/database.catalogue.json"
    file = msgspec.json.decode((root / "data" / name).read_bytes(), type=FactFile)
    facts = tuple(
        {**one, "encryption_known": False} if one["fact"] == "database.storage" else one for one in file.facts
    )
    assert facts != file.facts
    bare = msgspec.structs.replace(file, facts=facts, sha256="")
    told = msgspec.structs.replace(bare, sha256=digest(canonical(bare)))
    forged = altering.sealed_anew(root, tmp_path / "forged", key, {name: canonical(told)})
    found = verify_packet(forged, trusted=(key.public,))
    assert not found.holds
    assert "6.b.1" in {item for one in found.findings for item in one.items}


def test_a_case_left_out_of_the_round_is_missed(root: Path, key: SigningKey, tmp_path: Path) -> None:
    case = "6.b.1@his-db/integrity.storage"
    base = root / "data/runs/round-1"
    plan = msgspec.json.decode((base / "plan.json").read_bytes(), type=Plan)
    fewer = msgspec.structs.replace(plan, cases=tuple(one for one in plan.cases if one.id != case))
    lines = (base / "records.jsonl").read_bytes().splitlines(keepends=True)
    changes: dict[str, bytes | None] = {
        "runs/round-1/plan.json": msgspec.json.encode(fewer),
        RECORDS: b"".join(one for one in lines if case.encode() not in one),
    }
    forged = altering.sealed_anew(root, tmp_path / "forged", key, changes)
    found = verify_packet(forged, trusted=(key.public,))
    told = [one for one in found.findings if one.place == "data/runs/round-1/plan.json"]
    assert [one.items for one in told] == [("6.b.1",)]


def test_a_line_of_custody(root: Path, key: SigningKey, tmp_path: Path) -> None:
    for act in ("run", "evidence", "seal"):
        note(tmp_path, act)
    data = (tmp_path / "custody.jsonl").read_bytes().replace(b'"act":"evidence"', b'"act":"nothing"')
    forged = altering.sealed_anew(root, tmp_path / "forged", key, {"custody.jsonl": data})
    found = verify_packet(forged, trusted=(key.public,))
    assert [one.place for one in found.findings] == ["data/custody.jsonl:3"]


@pytest.mark.parametrize(
    ("name", "items"),
    [
        ("data/runs/round-1/facts/his-db/database.catalogue.json", {"6.b.1", "2.c.1"}),
        ("data/runs/round-1/raw/", {"6.b.1", "2.c.1"}),
        ("data/evidence/EV-0002.png", {"M.1", "4.b.1"}),
    ],
)
def test_a_damaged_file_names_the_items_that_rest_on_it(root: Path, name: str, items: set[str]) -> None:
    name = next(one for one in names(root) if one.startswith(name))
    path = root / name
    before = path.read_bytes()
    path.write_bytes(altering.flipped(before, 4 * len(before)))
    found = verify_packet(root)
    path.write_bytes(before)
    [told] = {one.items for one in found.findings if one.place == name and "manifest" in one.message}
    assert items <= set(told)
