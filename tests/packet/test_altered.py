"""More than five hundred alterations of a sealed packet: each is found, and named by its place."""

from __future__ import annotations

import hashlib
import random
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
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
RECORDS = "runs/round-1/records.jsonl"
SNAPSHOT = "runs/round-1/engagement.json"
EVIDENCE = "evidence/EV-0001.yaml"
PROFILE = "suites/annex3-2023/profile.yaml"
IN_ZIP, IN_FILES, IN_FIELDS, CUTS = 120, 260, 120, 60
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


# ---- cut off, and altered in several places that fit each other --------------------------------------


def test_cut_off_at_any_byte(sealed: Sealed, key: SigningKey, tmp_path: Path) -> None:
    data, chance = sealed.path.read_bytes(), random.Random(SEED)
    place = tmp_path / "packet.zip"
    ends = [0, 1, 3, 4, 29, 30, len(data) - 1, len(data) - 22, *chance.sample(range(len(data)), CUTS - 8)]
    for end in ends:
        place.write_bytes(data[:end])
        try:
            with opened(place) as packet:
                found = examine_files(place, packet, (key.public,)).findings
        except StoreError:
            continue  # no zip any more, or damaged
        assert grave(found), end


def rewritten(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, path
    path.write_text(text.replace(old, new), encoding="utf-8")


def other_facts(data: Path) -> None:
    """Give facts another value, their file the digest that fits, and the records that rest on them."""
    path = data / "runs/round-1/facts/his-db/database.catalogue.json"
    file = msgspec.json.decode(path.read_bytes(), type=FactFile)
    before = {digest(canonical(one)) for one in file.facts}
    facts = tuple({**one, "note": "x"} for one in file.facts)
    bare = msgspec.structs.replace(file, facts=facts, sha256="")
    path.write_bytes(canonical(msgspec.structs.replace(bare, sha256=digest(canonical(bare)))))
    records = data / "runs/round-1/records.jsonl"
    text = records.read_text(encoding="utf-8")
    for old, one in zip(sorted(before), facts, strict=True):
        text = text.replace(old, digest(canonical(one)))
    records.write_text(text.replace('"nonconform"', '"conform"'), encoding="utf-8")


def fewer_records(data: Path) -> None:
    """Leave a case out of the plan and of the records."""
    base = data / "runs/round-1"
    plan = msgspec.json.decode((base / "plan.json").read_bytes(), type=Plan)
    gone = plan.cases[5]
    fewer = msgspec.structs.replace(plan, cases=tuple(one for one in plan.cases if one.id != gone.id))
    (base / "plan.json").write_bytes(msgspec.json.encode(fewer))
    lines = (base / "records.jsonl").read_bytes().splitlines(keepends=True)
    (base / "records.jsonl").write_bytes(b"".join(one for one in lines if gone.id.encode() not in one))


def other_evidence(data: Path) -> None:
    """Put another picture in the place of one, with the digests in its record that fit."""
    path = data / "evidence/EV-0002.png"
    old = path.read_bytes()
    new = altering.flipped(old, 8 * len(old) - 1)
    path.write_bytes(new)
    for algorithm in ("sha256", "sm3"):
        before, after = (hashlib.new(algorithm, one).hexdigest() for one in (old, new))
        rewritten(data / "evidence/EV-0002.yaml", before, after)


def no_evidence(data: Path) -> None:
    (data / "evidence/EV-0001.png").unlink()
    (data / "evidence/EV-0001.yaml").unlink()


def other_name(data: Path) -> None:
    for one in ("engagement.yaml", SNAPSHOT):
        rewritten(data / one, "测试医院", "试测医院")


def other_custody(data: Path) -> None:
    (data / "custody.jsonl").unlink(missing_ok=True)
    note(data, "run")


TOGETHER: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "facts and the records that rest on them": (
        other_facts, {"runs/round-1/facts/his-db/database.catalogue.json", "runs/round-1/records.jsonl"},
    ),
    "a case and its record left out": (
        fewer_records, {"runs/round-1/plan.json", "runs/round-1/records.jsonl"},
    ),
    "another report": (
        lambda data: (data / "out/report-round-1.docx").write_bytes(b"PK"), {"out/report-round-1.docx"},
    ),
    "the institution, in engagement and snapshot": (other_name, {"engagement.yaml", SNAPSHOT}),
    "evidence and its record": (other_evidence, {"evidence/EV-0002.png", "evidence/EV-0002.yaml"}),
    "evidence taken out": (no_evidence, {"evidence/EV-0001.png", "evidence/EV-0001.yaml"}),
    "another log of custody": (other_custody, {"custody.jsonl"}),
    "a file put in": (
        lambda data: (data / "out/附件.txt").write_text("同意接入", encoding="utf-8"), {"out/附件.txt"},
    ),
    "a file renamed": (
        lambda data: (data / "evidence/EV-0002.png").rename(data / "evidence/EV-0009.png"),
        {"evidence/EV-0002.png", "evidence/EV-0009.png"},
    ),
    "a threshold": (
        lambda data: rewritten(data / PROFILE, "value: ", "value: 9"), {PROFILE},
    ),
}  # fmt: skip


@pytest.mark.parametrize("lists", [False, True], ids=["as it is", "lists made anew"])
@pytest.mark.parametrize("what", TOGETHER)
def test_altered_in_places_that_fit_each_other(
    root: Path, key: SigningKey, tmp_path: Path, what: str, lists: bool
) -> None:
    """Without the key the signed statement cannot be made to fit: it names every file that is another."""
    change, places = TOGETHER[what]
    copy = tmp_path / root.name
    shutil.copytree(root, copy)
    change(copy / "data")
    if lists:
        altering.relist(copy)
    found = examine_files(copy, Opened(copy), (key.public,))
    signed = [one for one in found.findings if "签名声明" in one.message]
    told = {one.place for one in signed} if lists else grave(found.findings)
    assert {f"data/{one}" for one in places} <= told
    assert not found.signed


# ---- sealed anew by another key: the lists and the signature fit, what lies beneath does not ----------

# What was altered: file, words before and after; where it is found, and with which words.
FORGED: dict[str, tuple[tuple[str, str, str], str, str]] = {
    "a verdict": ((RECORDS, '"verdict":"nonconform"', '"verdict":"conform"'), RECORDS, "重新判定为“不符合"),
    "a record's words": ((RECORDS, '"statement":"', '"statement":"改'), RECORDS, "封存的结果为“"),
    "a threshold": ((PROFILE, "value: ", "value: 9"), PROFILE, "与本机同一版本的测评项不同"),
    "evidence's words": ((EVIDENCE, "已逐项截图", "已逐项核对"), "out/report-round-1.docx", "已逐项核对"),
    "evidence's verdict": ((EVIDENCE, "conform", "nonconform"), "seal.json", "各判定的项数"),
    "the institution": (("engagement.yaml", "测试医院", "试测医院"), "seal.json", "机构名称"),
    "evidence's day": ((EVIDENCE, "collected_at: ", "collected_at: 2"), EVIDENCE, ""),
    "the snapshot": (
        (SNAPSHOT, "业务库", "业务苦"), SNAPSHOT, "摘要与 run.json",
    ),
}  # fmt: skip
# Each is found beside the others; evidence that cannot be read would hide what the report says of it.
UNREADABLE = ("evidence's day", "the snapshot")
Forged = dict[bool, tuple[set[str], tuple[Finding, ...]]]


@pytest.fixture(scope="module")
def forged(root: Path, key: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> Forged:
    """Return what is found in two packets that hold all forgeries; judging again is dear."""
    found: Forged = {}
    for unreadable in (False, True):
        folder = tmp_path_factory.mktemp("forged")
        texts: dict[str, str] = {}
        for what, ((name, old, new), _, _) in FORGED.items():
            if (what in UNREADABLE) is unreadable:
                text = texts.get(name) or (root / "data" / name).read_text(encoding="utf-8")
                assert old in text, name
                texts[name] = text.replace(old, new, 1)
        other = new_key(folder / "other")
        changes: dict[str, bytes | None] = {name: text.encode() for name, text in texts.items()}
        packet = altering.sealed_anew(root, folder / "forged", other, changes)
        quick = examine_files(packet, Opened(packet), (key.public,))
        verified = verify_packet(packet, trusted=(other.public,))
        found[unreadable] = grave(quick.findings), verified.findings
    return found


@pytest.mark.parametrize("what", FORGED)
def test_sealed_anew_by_another_key(forged: Forged, what: str) -> None:
    _, place, told = FORGED[what]
    quick, findings = forged[what in UNREADABLE]
    assert quick == {STATEMENT}, "only the key betrays it to who looks at bytes alone"
    name = place if place == "seal.json" else f"data/{place}"
    here = [one for one in findings if one.place.partition("（")[0].partition(":")[0] == name]
    assert any(told in one.message for one in here), [one.place for one in findings]


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


RESTING = {
    "data/runs/round-1/facts/his-db/database.catalogue.json": {"6.b.1", "2.c.1"},
    "data/runs/round-1/raw/": {"6.b.1", "2.c.1"},
    "data/evidence/EV-0002.png": {"M.1", "4.b.1"},
}


def test_damaged_files_name_the_items_that_rest_on_them(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / root.name
    shutil.copytree(root, copy)
    places = {next(one for one in names(root) if one.startswith(name)): name for name in RESTING}
    for place in places:
        path = copy / place
        data = path.read_bytes()
        path.write_bytes(altering.flipped(data, 4 * len(data)))
    found = verify_packet(copy)
    for place, name in places.items():
        [told] = {one.items for one in found.findings if one.place == place and "manifest" in one.message}
        assert RESTING[name] <= set(told), place
