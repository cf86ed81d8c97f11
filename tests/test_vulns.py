"""Vulnerability data: what is read, what is refused, how versions compare, what a host is found to have."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import subprocess
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dengbao.errors import Damaged, EvidenceError, NotDeclared, StoreError
from dengbao.vulns.entries import (
    LEVELS,
    distribution_of_ecosystem,
    distribution_of_host,
    level_of,
    plain_id,
)
from dengbao.vulns.load import load
from dengbao.vulns.osv import read_record
from dengbao.vulns.store import Store, build
from dengbao.vulns.versions import affects, compare
from tests.builders import write_engagement
from tests.cli.conftest import call_main
from tests.servers.vuln_data import GRAVE, MILD, filler, osv, tracker, write_folder, write_zip

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
DAY = date(2026, 3, 5)
GRAVE_4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
PAIRS = Path(__file__).parent / "data" / "versions"


# ---- versions ------------------------------------------------------------------------------------


def pairs(name: str) -> Iterator[tuple[str, str, int]]:
    for line in (PAIRS / name).read_text(encoding="ascii").splitlines():
        if not line.startswith("#"):
            one, other, answer = line.split()
            yield one, other, int(answer)


@pytest.mark.parametrize(("manager", "name"), [("dpkg", "dpkg.txt"), ("rpm", "rpm.txt")])
def test_thousands_of_pairs_compare_as_the_package_manager_said(manager: str, name: str) -> None:
    table = list(pairs(name))
    assert len(table) > 2000
    wrong = [one for one in table if compare(manager, one[0], one[1]) != one[2]]
    assert wrong == []


def test_dpkg_of_this_machine_still_says_the_same() -> None:
    for one, other, answer in list(pairs("dpkg.txt"))[:60]:
        word = {-1: "lt", 0: "eq", 1: "gt"}[answer]
        assert subprocess.run(["dpkg", "--compare-versions", one, word, other], check=False).returncode == 0


@pytest.mark.parametrize(
    ("version", "introduced", "fixed", "last", "inside"),
    [
        ("1.0-1", "", "1.0-2", "", True), ("1.0-2", "", "1.0-2", "", False),
        ("1.0~rc1-1", "", "1.0-1", "", True), ("1:0.9-1", "", "2.0-1", "", False),
        ("1.5-1", "2.0-1", "2.1-1", "", False), ("2.0-1", "2.0-1", "2.1-1", "", True),
        ("2.0-1", "0", "", "2.0-1", True), ("2.0-2", "", "", "2.0-1", False), ("9", "", "", "", True),
        ("no version!", "", "1.0-1", "", None), ("1.0-1", "", "bad version!", "", None),
    ],
)  # fmt: skip
def test_spans(version: str, introduced: str, fixed: str, last: str, inside: bool | None) -> None:
    assert affects("dpkg", version, introduced, fixed, last) is inside


# ---- names ---------------------------------------------------------------------------------------


def test_host_and_data_name_a_system_alike() -> None:
    for host, ecosystem in (
        (("debian", "12", "Debian GNU/Linux 12"), "Debian:12"),
        (("ubuntu", "22.04", "Ubuntu 22.04.4 LTS"), "Ubuntu:22.04:LTS"),
        (("rocky", "8.9", "Rocky Linux 8.9"), "Rocky Linux:8"),
        (("almalinux", "9.3", "AlmaLinux 9.3"), "AlmaLinux:9"),
        (("rhel", "8.6", "Red Hat Enterprise Linux 8.6"), "Red Hat:enterprise_linux:8::baseos"),
        (("openEuler", "22.03", "openEuler 22.03 (LTS-SP3)"), "openEuler:22.03-LTS-SP3"),
        (("openEuler", "24.03", "openEuler 24.03 (LTS)"), "openEuler:24.03-LTS"),
    ):
        assert distribution_of_host(*host) == distribution_of_ecosystem(ecosystem) != ""


def test_systems_without_data_of_their_own_are_nobody_else() -> None:
    for host in (
        ("kylin", "V10", "Kylin Linux Advanced Server V10"), ("uos", "20", "UnionTech OS Server 20"),
        ("centos", "7", "CentOS Linux 7 (Core)"), ("debian", "", "Debian GNU/Linux trixie/sid"),
        ("alpine", "3.19.1", "Alpine"), ("", "", ""),
    ):  # fmt: skip
        assert distribution_of_host(*host) == ""
    for ecosystem in (
        "PyPI",
        "Ubuntu:Pro:18.04:LTS",
        "Debian",
        "Alpine:v3.19",
        "Red Hat:rhel_eus:8.6::baseos",
    ):
        assert distribution_of_ecosystem(ecosystem) == ""


def test_words_and_numbers_of_advisories() -> None:
    words = ("Important", "high**", "Moderate", "unimportant", "not yet assigned")
    assert [LEVELS[level_of(one)] for one in words] == ["high", "high", "medium", "low", ""]
    assert plain_id("DEBIAN-CVE-2024-12345", ()) == "CVE-2024-12345"
    assert plain_id("RLSA-2024:1", ["CVE-2024-12345"]) == "CVE-2024-12345"
    assert plain_id("RLSA-2024:1", ["CVE-2024-12345", "CVE-2024-99999"]) == "RLSA-2024:1"


@pytest.mark.parametrize(
    ("more", "level"),
    [
        ({"score": GRAVE}, "critical"),
        ({"score": MILD}, "low"),
        ({"score": "CVSS:3.1/nonsense"}, ""),
        ({"score": "C" * 5000}, ""),
        ({"severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}]}, "high"),
        ({"severity": [{"type": "CVSS_V4", "score": GRAVE_4}]}, "critical"),
        ({"severity": [{"type": "Ubuntu", "score": "medium"}]}, "medium"),
        ({"database_specific": {"severity": "High"}}, "high"),
        ({"database_specific": {"severity": ["odd"]}}, ""),
        ({"summary": "Important: openssl security update"}, "high"),
        ({"summary": "Important people met"}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_how_grave_a_record_says_it_is(more: dict[str, object], level: str) -> None:
    record = osv("DEBIAN-CVE-2024-10001", "openssl", fixed="3.0.1-1")
    score = more.get("score")
    record |= {"severity": [{"type": "CVSS_V3", "score": score}]} if score else more
    batch = read_record(json.dumps(record).encode())
    assert batch is not None
    assert LEVELS[batch.levels["CVE-2024-10001"]] == level


# ---- files ---------------------------------------------------------------------------------------


def take(folder: Path, *files: Path, day: date | None = DAY) -> Path:
    """Import files and return the store."""
    target = folder / "vulnerabilities.sqlite"
    load(target, files, now=NOW, day=day)
    return target


def known(store: Path, package: str, distribution: str = "debian:12") -> list[tuple[str, str, str]]:
    """Return (id, fixed, level) of what the store knows of a package."""
    with Store(store) as one:
        return [(each.id, each.fixed, LEVELS[each.level]) for each in one.about(distribution, package)]


TRACKER = tracker(
    openssl={
        "CVE-2024-10001": {"status": "resolved", "fixed_version": "3.0.11-1~deb12u2", "urgency": ""},
        "CVE-2024-10002": {"status": "open", "urgency": "high**"},
        "CVE-2024-10003": {"status": "resolved", "fixed_version": "0", "urgency": "not yet assigned"},
        "CVE-2024-10004": {"status": "undetermined", "urgency": "not yet assigned"},
    },
)  # fmt: skip


def test_the_tracker_tells_what_is_mended_open_and_never_was(tmp_path: Path) -> None:
    source = tmp_path / "debian.json"
    source.write_text(json.dumps(TRACKER), encoding="utf-8")
    store = take(tmp_path, source)
    assert known(store, "openssl") == [
        ("CVE-2024-10001", "3.0.11-1~deb12u2", ""),
        ("CVE-2024-10002", "", "high"),
    ]
    with Store(store) as one:
        [data] = one.sources().values()
        assert one.coverage() == {"debian:12": {1: 2}}
    assert (data.kind, data.day, data.entries) == ("debian-tracker", "2026-03-05", 2)


def test_zip_folder_and_gzip_say_the_same(tmp_path: Path) -> None:
    records = [osv("DEBIAN-CVE-2024-10001", "openssl", fixed="3.0.11-1~deb12u2", score=GRAVE)]
    expected = [("CVE-2024-10001", "3.0.11-1~deb12u2", "critical")]
    assert known(take(tmp_path, write_zip(tmp_path / "all.zip", records)), "openssl") == expected
    assert known(take(tmp_path, write_folder(tmp_path / "osv", records)), "openssl") == expected
    packed = tmp_path / "debian.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(TRACKER).encode()))
    both = take(tmp_path, packed, tmp_path / "all.zip")
    assert ("CVE-2024-10001", "3.0.11-1~deb12u2", "critical") in known(both, "openssl")


def test_the_day_of_the_data_is_the_earlier_one(tmp_path: Path) -> None:
    records = [osv("DEBIAN-CVE-2024-10001", "openssl", fixed="1", modified="2025-01-02T00:00:00Z")]
    store = take(tmp_path, write_zip(tmp_path / "all.zip", records))
    with Store(store) as one:
        assert one.sources()[1].day == "2025-01-02"


def test_withdrawn_records_and_other_systems_do_not_count(tmp_path: Path) -> None:
    records = [
        osv("DEBIAN-CVE-2024-10001", "openssl", fixed="1", withdrawn="2025-01-01T00:00:00Z"),
        osv("PYSEC-2024-1", "openssl", fixed="1", ecosystem="PyPI"),
        osv("DEBIAN-CVE-2024-10002", "bash", fixed="1"),
    ]
    store = take(tmp_path, write_zip(tmp_path / "all.zip", records))
    assert known(store, "openssl") == []
    assert known(store, "bash") == [("CVE-2024-10002", "1", "")]


def bomb(path: Path) -> Path:
    """Write a small zip whose one record unpacks to 64 MiB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b'{"id":"' + b"0" * (64 << 20) + b'"}')
    return path


def spoilt(path: Path, name: str, data: bytes) -> Path:
    (path / name).write_bytes(data)
    return path / name


NESTED = b'{"openssl": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
HOSTILE = {
    "nothing": b"",
    "text": b"hello",
    "no tracker": b'{"a": 1}',
    "list": b"[1, 2]",
    "cut": json.dumps(TRACKER).encode()[:-40],
    "nested": NESTED,
    "endless number": b'{"openssl": {"CVE-2024-10001": {"releases": ' + b"9" * 100_000 + b"}}}",
    "unsound words": json.dumps(
        tracker(**{"open ssl": {"CVE-2024-10001": {"status": "open", "urgency": "high"}}})
    ).encode(),
    "torn zip": b"PK\x03\x04" + b"x" * 100,
    "torn gzip": gzip.compress(json.dumps(TRACKER).encode())[:60],
    "bytes": bytes(range(256)) * 100,
}  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_vulnerability_data_leaves_the_old_store(tmp_path: Path, data: bytes) -> None:
    good = tmp_path / "good.json"
    good.write_text(json.dumps(TRACKER), encoding="utf-8")
    store = take(tmp_path, good)
    before = store.read_bytes()
    with pytest.raises(EvidenceError) as caught:
        take(tmp_path, good, spoilt(tmp_path, "bad", data))
    assert caught.value.cure
    assert store.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bad", "good.json", "vulnerabilities.sqlite"]


def test_a_bomb_costs_one_record_and_no_more(tmp_path: Path) -> None:
    source = bomb(tmp_path / "all.zip")
    tracemalloc.start()
    with pytest.raises(EvidenceError, match="没有可用的条目"):
        take(tmp_path, source)
    assert tracemalloc.get_traced_memory()[1] < 80 << 20
    tracemalloc.stop()


def test_unreadable_records_are_counted_and_the_rest_is_taken(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "osv", [osv("DEBIAN-CVE-2024-10002", "bash", fixed="1")])
    for name, text in (
        ("a", "{"),
        ("b", '{"id": 1}'),
        ("c", "[" * 5000),
        ("d", '{"id":"x","modified":"never"}'),
    ):
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    (folder / "link.json").symlink_to("/etc/passwd")
    loaded = load(tmp_path / "store.sqlite", [folder], now=NOW)
    assert loaded.unread == 4
    assert loaded.sources[0].entries == 1


def test_data_without_a_day_and_from_the_future_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "debian.json"
    source.write_text(json.dumps(TRACKER), encoding="utf-8")
    with pytest.raises(EvidenceError, match="没有日期"):
        take(tmp_path, source, day=None)
    with pytest.raises(EvidenceError, match="将来"):
        take(tmp_path, source, day=date(2026, 4, 1))


def test_a_store_that_is_not_ours_is_told_from_none(tmp_path: Path) -> None:
    with pytest.raises(NotDeclared):
        Store(tmp_path / "absent.sqlite")
    (tmp_path / "text.sqlite").write_text("hello " * 300, encoding="utf-8")
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE hole (id TEXT)")
    for path in (tmp_path / "text.sqlite", foreign):
        with pytest.raises(Damaged):
            Store(path)


def test_a_large_tracker_is_read_in_little_memory(tmp_path: Path) -> None:
    text = io.StringIO()
    text.write("{")
    said = json.dumps(TRACKER["openssl"])
    for number in range(2_500):
        text.write(f'{"," if number else ""}"package-{number}": {said}')
    source = tmp_path / "debian.json"
    source.write_text(text.getvalue() + "}", encoding="utf-8")
    text.close()
    assert source.stat().st_size > 1 << 20
    tracemalloc.start()
    store = take(tmp_path, source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20
    assert known(store, "package-2499")[0][0] == "CVE-2024-10001"


# ---- the commands --------------------------------------------------------------------------------


def test_commands_import_and_tell(tmp_path: Path) -> None:
    folder = write_engagement(tmp_path / "hospital")
    said = call_main("vulns", "info", folder)
    assert said.code == 2
    source = write_zip(tmp_path / "all.zip", [*filler(5), osv("DEBIAN-CVE-2024-10001", "openssl", fixed="1")])
    said = call_main("vulns", "import", folder, source)
    assert said.code == 0, said.err
    assert (folder / "vulnerabilities.sqlite").is_file()
    for text in (said.out, call_main("vulns", "info", folder).out):
        assert "数据日期 2026-03-01" in text
        assert "debian:12（6）" in text
        assert "SHA256" in text
    assert call_main("vulns", "import", folder, spoilt(tmp_path, "bad.json", b"{}")).code == 4
    assert call_main("vulns", "import", folder, tmp_path / "absent").code == 2


def test_the_engagement_may_name_another_place(tmp_path: Path) -> None:
    folder = write_engagement(tmp_path / "hospital")
    text = (folder / "engagement.yaml").read_text(encoding="utf-8")
    (folder / "engagement.yaml").write_text(
        text + "vulnerability_data: data/holes.sqlite\n", encoding="utf-8"
    )
    source = write_zip(tmp_path / "all.zip", [osv("DEBIAN-CVE-2024-10001", "openssl", fixed="1")])
    assert call_main("vulns", "import", folder, source).code == 0
    assert (folder / "data" / "holes.sqlite").is_file()


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match="无法写入"):
        build(tmp_path / "file" / "x.sqlite")
