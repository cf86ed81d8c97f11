"""What a host is found to have, by package lists and data made up for each trap."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dengbao.probes.host.facts import HostIdentity
from dengbao.probes.host.hole_facts import HostHoles
from dengbao.probes.host.holes import find_holes
from dengbao.probes.host.parse_system import read_packages
from dengbao.probes.host.system_facts import HostPackages, Package
from tests.probes.host.sections import transcript
from tests.servers.vuln_data import GRAVE, osv, write_zip
from tests.test_vulns import NOW, TRACKER, take


def debian(*packages: Package, kernel: str = "6.1.0-18-amd64") -> tuple[HostPackages, HostIdentity]:
    """Return the package list and identity of a Debian 12 host."""
    return (
        HostPackages(manager="dpkg", packages=packages, clock_s=0),
        HostIdentity(system="Linux", kernel=kernel, distribution="debian", version="12"),
    )


def deb(name: str, version: str, source: str = "", source_version: str = "") -> Package:
    return Package(
        name=name, version=version, source=source or name, source_version=source_version or version
    )


def ask(store: Path, host: tuple[HostPackages, HostIdentity]) -> HostHoles:
    return find_holes(*host, store, NOW.date())


@pytest.fixture
def store(tmp_path: Path) -> Path:
    records = [
        osv("DEBIAN-CVE-2024-10001", "openssl", fixed="3.0.11-1~deb12u2", score=GRAVE),
        osv("DEBIAN-CVE-2024-10002", "linux", fixed="6.1.85-1", score=GRAVE),
        osv("DEBIAN-CVE-2024-10003", "bash", score=GRAVE),
        osv("DEBIAN-CVE-2024-10004", "curl", fixed="7.88.1-10+deb12u6"),
        osv(
            "RLSA-2024:1",
            "openssl",
            fixed="1:1.1.1k-12.el8_9",
            ecosystem="Rocky Linux:8",
            summary="Important: x",
        ),
        osv("ALSA-2024:1", "openssl-libs", fixed="1:1.1.1k-12.el8_9", ecosystem="AlmaLinux:8", score=GRAVE),
        osv("ALSA-2024:2", "nodejs", fixed="1:18.17.1-1.module_el8", ecosystem="AlmaLinux:8", score=GRAVE),
    ]
    return take(tmp_path, write_zip(tmp_path / "all.zip", records))


def test_binary_packages_are_held_against_their_source(store: Path) -> None:
    found = ask(store, debian(deb("libssl3", "3.0.11-1~deb12u1", "openssl")))
    assert found.holes is not None
    [hole] = found.holes
    assert (hole.package, hole.installed, hole.id, hole.fixed, hole.severity) == (
        "openssl", "3.0.11-1~deb12u1", "CVE-2024-10001", "3.0.11-1~deb12u2", "critical",
    )  # fmt: skip
    assert found.data[0].entries == 4
    assert ask(store, debian(deb("libssl3", "3.0.11-1~deb12u2", "openssl"))).holes == ()


def test_a_binary_rebuild_is_judged_by_the_version_of_its_source(store: Path) -> None:
    rebuilt = deb("libssl3", "3.0.11-1~deb12u2+b1", "openssl", "3.0.11-1~deb12u2")
    assert ask(store, debian(rebuilt)).holes == ()


def test_only_the_kernel_that_runs_counts(store: Path) -> None:
    old = deb("linux-image-6.1.0-18-amd64", "6.1.76-1", "linux-signed-amd64", "6.1.76+1")
    new = deb("linux-image-6.1.0-21-amd64", "6.1.90-1", "linux-signed-amd64", "6.1.90+1")
    beside = deb("linux-libc-dev", "6.1.76-1", "linux")
    headers = deb("linux-headers-6.1.0-18-amd64", "6.1.76-1", "linux")
    meta = deb("linux-image-amd64", "6.1.76-1", "linux-signed-amd64", "6.1.76+1")
    assert ask(store, debian(old, new, beside, headers, meta, kernel="6.1.0-21-amd64")).holes == ()
    running_old = ask(store, debian(old, new, beside, headers, meta, kernel="6.1.0-18-amd64"))
    assert running_old.holes is not None
    assert [one.id for one in running_old.holes] == ["CVE-2024-10002"]
    exactly = deb("linux-image-6.1.0-20-amd64", "6.1.85-1", "linux-signed-amd64", "6.1.85+1")
    assert ask(store, debian(exactly, kernel="6.1.0-20-amd64")).holes == ()


def test_holes_that_nothing_mends_stand_apart(store: Path) -> None:
    found = ask(store, debian(deb("bash", "5.2.15-2")))
    assert (found.holes, found.unmended, found.unmended_grave) == ((), 1, ("CVE-2024-10003",))


def test_grades_come_from_any_file_that_was_imported(tmp_path: Path) -> None:
    plain = tmp_path / "debian.json"
    plain.write_text(json.dumps(TRACKER), encoding="utf-8")
    graded = write_zip(
        tmp_path / "all.zip",
        [osv("UBUNTU-CVE-2024-10001", "openssl", ecosystem="Ubuntu:22.04:LTS", score=GRAVE)],
    )
    found = ask(take(tmp_path, plain, graded), debian(deb("openssl", "3.0.1-1")))
    assert found.holes is not None
    assert [(one.id, one.severity) for one in found.holes] == [("CVE-2024-10001", "critical")]


def rpm(
    distribution: str, *packages: Package, kernel: str = "4.18.0-513.el8.x86_64"
) -> tuple[HostPackages, HostIdentity]:
    return (
        HostPackages(manager="rpm", packages=packages, clock_s=0),
        HostIdentity(system="Linux", kernel=kernel, distribution=distribution, version="8.9"),
    )


def test_rpm_data_name_sources_or_packages_and_epochs_count(store: Path) -> None:
    libs = Package(
        name="openssl-libs",
        version="1.1.1k-9.el8_7",
        epoch=1,
        source="openssl",
        source_version="1.1.1k-9.el8_7",
    )
    for system, shown in (("rocky", "openssl"), ("almalinux", "openssl-libs")):
        found = ask(store, rpm(system, libs))
        assert found.holes is not None
        assert [(one.package, one.installed) for one in found.holes] == [(shown, "1:1.1.1k-9.el8_7")]


def test_streams_of_modules_are_left_open(store: Path) -> None:
    node = Package(
        name="nodejs",
        version="16.20.2-3.module_el8",
        epoch=1,
        source="nodejs",
        source_version="16.20.2-3.module_el8",
    )
    found = ask(store, rpm("almalinux", node))
    assert (found.holes, found.undecided) == ((), ("nodejs",))


def test_systems_without_data_and_lists_without_sources_are_not_known(store: Path, tmp_path: Path) -> None:
    packages, identity = debian(Package(name="libssl3", version="3.0.1-1"))
    assert find_holes(packages, identity, store, NOW.date()).undecided == ("libssl3",)
    kylin = HostIdentity(system="Linux", distribution="kylin", version="V10")
    for found in (
        find_holes(packages, kylin, store, NOW.date()),
        find_holes(packages, identity, tmp_path / "absent.sqlite", NOW.date()),
        find_holes(packages, identity, None, NOW.date()),
        ask(store, rpm("centos", Package(name="openssl", version="1-1"))),
    ):
        assert (found.holes, found.data) == (None, ())


def test_sources_are_read_from_the_package_list() -> None:
    listed = transcript(
        packages="N manager dpkg\nii  libssl3 3.0.11-1 openssl 3.0.11-1\nii  old 1.0\nrc  gone 1 gone 1\n"
    )
    assert read_packages(listed).packages == (
        Package(name="libssl3", version="3.0.11-1", source="openssl", source_version="3.0.11-1"),
        Package(name="old", version="1.0"),
    )
    listed = transcript(
        packages="N manager rpm\n"
        "ii openssl-libs 1.1.1k-9.el8 1700000000 1 openssl-1.1.1k-9.el8.src.rpm\n"
        "ii gpg-pubkey 1-1 1700000001 0 (none)\n"
    )
    packages = read_packages(listed)
    assert packages.packages == (
        Package(
            name="openssl-libs",
            version="1.1.1k-9.el8",
            epoch=1,
            source="openssl",
            source_version="1.1.1k-9.el8",
        ),
        Package(name="gpg-pubkey", version="1-1"),
    )
    assert packages.changed_at_s == 1700000001
