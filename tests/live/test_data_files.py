# ruff: noqa: S608 - dumps are text here, no statement is run
"""Real files of every make: hardened, weak, hostile, and with rights taken away."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from dengbao.model import DataPlace, HostAsset, Level, Scope
from dengbao.probes.data.facts import DataScan

from ..scanning.corpus import Maker
from ..scanning.documents import letter, pdf, sheet
from . import harness

STORED = "confidentiality.stored_files"
REAL = "privacy.real_data_in_test"
MAKE = Maker(20261122)
PEOPLE = [(MAKE.name(), MAKE.id_card(), MAKE.phone()) for _ in range(12)]
REGIONS = tuple(sorted({one[:6] for _, one, _ in PEOPLE}))
SQL_HEAD = """-- MySQL dump 10.13
CREATE TABLE `t_patient` (
  `id` int,
  `xm` text,
  `sfzh` text,
  `dh` text,
  `pwd` text
);
"""


def dump(rows: list[tuple[str, str, str]], password: str) -> bytes:
    values = ",".join(
        f"({number},'{name}','{card}','{phone}','{password}')"
        for number, (name, card, phone) in enumerate(rows)
    )
    return f"{SQL_HEAD}INSERT INTO `t_patient` VALUES {values};\n".encode()


def fill(folder: Path, rows: list[tuple[str, str, str]], password: str) -> None:
    """Write what a hospital has lying about: a dump, lists, letters, logs, packed and packed again."""
    folder.mkdir()
    (folder / "his.sql").write_bytes(dump(rows, password))
    (folder / "his.sql.gz").write_bytes(gzip.compress(dump(rows, password)))
    lines = "".join(f"{name},{card},{phone}\r\n" for name, card, phone in rows)
    (folder / "名单.csv").write_bytes(("姓名,身份证号,电话\r\n" + lines).encode("gbk"))
    (folder / "名单.xlsx").write_bytes(sheet([["姓名", "证件号", "手机"], *([*one] for one in rows)]))
    (folder / "告知书.docx").write_bytes(letter([f"患者姓名：{name}，证件 {card}" for name, card, _ in rows]))
    (folder / "账单.pdf").write_bytes(pdf([f"id {card}" for _, card, _ in rows]))
    (folder / "app.log").write_text("".join(f"INFO query {card} ok\n" for _, card, _ in rows), "utf-8")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/his.sql", dump(rows, password))
    with tarfile.open(folder / "all.tar.gz", "w:gz") as outer:
        info = tarfile.TarInfo("inner.zip")
        info.size = len(packed.getvalue())
        outer.addfile(info, io.BytesIO(packed.getvalue()))


def sealed(person: tuple[str, str, str]) -> tuple[str, str, str]:
    """Return a person as a hardened application stores one: digests, and a phone number with a mask."""
    name, card, phone = person

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest() * 2).decode()

    return digest(name), digest(card), phone[:3] + "****" + phone[7:]


def look(*places: DataPlace, scope: Scope | None = None, folder: Path | None = None) -> harness.Sight:
    asset = HostAsset(id="files", name="应用服务器", address="127.0.0.1:22", data=places)
    return harness.look(asset, only=("data.files",), scope=scope, folder=folder)


def scan_of(sight: harness.Sight) -> DataScan:
    found = sight.facts["data.scan"]
    assert isinstance(found, DataScan)
    return found


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weak") / "data"
    fill(folder, PEOPLE, "Abc@123")
    return folder


def test_weak_files_are_named_with_masks_and_never_values(weak: Path) -> None:
    sight = look(DataPlace(path=str(weak), what="导出目录"))
    assert sight.verdicts((STORED, REAL)) == {STORED: "nonconform", REAL: "undetermined"}
    (place,) = scan_of(sight).places
    found = {one.kind: one for one in place.found}
    each = len(PEOPLE)
    assert found["id_card"].count == 8 * each
    assert (found["id_card"].distinct, found["id_card"].exact) == (each, True)
    assert found["password"].count == 3 * each
    assert {(one.file, one.member, one.column) for one in found["id_card"].at} == {
        ("his.sql", "", "sfzh"), ("his.sql.gz", "", "sfzh"), ("名单.csv", "", "身份证号"),
        ("名单.xlsx", "sheet1", "证件号"), ("告知书.docx", "document", ""), ("app.log", "", ""),
        ("all.tar.gz", "inner.zip!a/his.sql", "sfzh"),
        *(("账单.pdf", f"第{number}页", "") for number in range(1, 13)),
    }  # fmt: skip
    assert place.unread_count == 0
    told = msgspec.json.encode(scan_of(sight)).decode() + sight.raw["data-scan.txt"].decode()
    told += "".join(sight.judge(one).statement for one in (STORED, REAL))
    for name, card, phone in PEOPLE:
        assert name not in told
        assert card not in told
        assert phone not in told
    assert "Abc@123" not in told


def test_hardened_files_hold_nothing_that_can_be_read(tmp_path: Path) -> None:
    rows = [sealed(one) for one in PEOPLE]
    fill(tmp_path / "data", rows, "$2b$12$" + "a" * 53)
    sight = look(DataPlace(path=str(tmp_path / "data"), what="导出目录"))
    assert sight.verdicts((STORED, REAL)) == {STORED: "conform", REAL: "conform"}


@pytest.mark.parametrize(
    ("origin", "regions", "verdict"),
    [
        ("synthetic", REGIONS, "undetermined"),  # there are phone numbers, too
        ("synthetic", (), "undetermined"),
        ("masked", (), "undetermined"),
        ("production", (), "nonconform"),
    ],
)
def test_what_is_declared_decides_with_what_is_found(
    weak: Path, origin: str, regions: tuple[str, ...], verdict: str
) -> None:
    sight = look(DataPlace(path=str(weak), origin=origin, regions=regions))
    assert sight.verdicts((STORED, REAL)) == {STORED: "nonconform", REAL: verdict}
    assert scan_of(sight).places[0].outside_regions == (0 if regions else None)


def test_made_up_numbers_are_nobodys_only_where_all_of_them_are(weak: Path) -> None:
    log = DataPlace(path=str(weak / "app.log"), origin="synthetic", regions=REGIONS, document="说明 v1")
    assert look(log).verdicts((REAL,)) == {REAL: "conform"}
    unwritten = msgspec.structs.replace(log, document="")
    assert look(unwritten).verdicts((REAL,)) == {REAL: "undetermined"}
    fewer = msgspec.structs.replace(log, regions=REGIONS[1:])
    assert look(fewer).verdicts((REAL,)) == {REAL: "undetermined"}


def test_names_beside_made_up_numbers_must_show_that_they_are_made_up(tmp_path: Path) -> None:
    marked, mixed = tmp_path / "marked.csv", tmp_path / "mixed.csv"
    lines = [f"{name}测试,{card}\n" for name, card, _ in PEOPLE]
    marked.write_text("姓名,身份证号\n" + "".join(lines), encoding="utf-8")
    mixed.write_text("姓名,身份证号\n" + "".join(lines).replace("测试", "", 1), encoding="utf-8")
    place = DataPlace(
        path=str(marked), origin="synthetic", regions=REGIONS, document="说明 v1", marker="测试"
    )
    sight = look(place)
    assert (sight.verdicts((REAL,)), scan_of(sight).places[0].unmarked) == ({REAL: "conform"}, 0)
    sight = look(msgspec.structs.replace(place, path=str(mixed)))
    assert (sight.verdicts((REAL,)), scan_of(sight).places[0].unmarked) == ({REAL: "undetermined"}, 1)
    assert look(msgspec.structs.replace(place, marker="")).verdicts((REAL,)) == {REAL: "undetermined"}


def test_what_cannot_be_read_is_never_clean(tmp_path: Path) -> None:
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(80 * 1024 * 1024)))
    (tmp_path / "old.rar").write_bytes(b"Rar!\x1a\x07\x00")
    (tmp_path / "his.dmp").write_bytes(hashlib.shake_256(b"seed").digest(20_000))
    (tmp_path / "locked.pdf").write_bytes(pdf(["a"], password="s3cret-pass"))
    (tmp_path / "cut.xlsx").write_bytes(sheet([["a"]])[:300])
    (tmp_path / "link").symlink_to("/etc/passwd")
    sight = look(DataPlace(path=str(tmp_path)))
    assert sight.verdicts((STORED, REAL)) == {STORED: "undetermined", REAL: "undetermined"}
    (place,) = scan_of(sight).places
    assert {one.file for one in place.unread} == {
        "bomb.gz", "old.rar", "his.dmp", "locked.pdf", "cut.xlsx", "link",
    }  # fmt: skip


def test_nothing_outside_the_scope_is_read(weak: Path, tmp_path: Path) -> None:
    scope = Scope(level=Level.OBSERVE)
    sight = look(DataPlace(path=str(weak)), scope=scope, folder=tmp_path)
    assert sight.missing["data.scan"].reason.value == "out_of_scope"
    inside = look(DataPlace(path="data"), scope=scope, folder=weak.parent)
    assert inside.verdicts((STORED,)) == {STORED: "nonconform"}
    sneaky = tmp_path / "link"
    sneaky.symlink_to(weak)
    assert "data.scan" in look(DataPlace(path="link"), scope=scope, folder=tmp_path).missing
    assert look(DataPlace(path=str(tmp_path / "none"))).missing["data.scan"].reason.value == "unreachable"


@contextmanager
def as_nobody() -> Iterator[None]:
    """Take root's rights away for a while; other users have none to lose."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_without_rights_nothing_is_claimed(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("rights")
    for one in (folder, *folder.parents):
        if one.stat().st_uid == os.getuid() and one != Path("/"):
            one.chmod(one.stat().st_mode | 0o055)
    (folder / "open.log").write_text("ok\n", encoding="utf-8")
    closed = folder / "closed"
    closed.mkdir()
    (closed / "a.log").write_text(PEOPLE[0][1], encoding="utf-8")
    closed.chmod(0)
    with as_nobody():
        part = look(DataPlace(path=str(folder)))
        none = look(DataPlace(path=str(closed)))
    closed.chmod(0o700)
    assert part.verdicts((STORED, REAL)) == {STORED: "undetermined", REAL: "undetermined"}
    assert [(one.file, one.reason) for one in scan_of(part).places[0].unread] == [("closed", "目录无权读取")]
    assert none.missing["data.scan"].reason.value == "no_permission"
