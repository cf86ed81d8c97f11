"""What apt's own index can say of security updates, and what it cannot."""

from __future__ import annotations

import pytest

from dengbao.probes.host.parse_system import read_packages
from dengbao.probes.host.system_facts import HostPackages

from .sections import transcript

_KYLIN = "Inst bash [5.0-6] (5.0-6kylin1 Kylin:V10-SP1/10.1 [amd64])\n"
_DEBIAN = "Inst openssl [1.1.1n] (1.1.1w Debian-Security:11/oldstable-security [amd64])\n"


def _read(simulated: str, security: str = "") -> HostPackages:
    return read_packages(
        transcript(
            packages="N manager dpkg\nii  bash 5.0-6\n",
            updates=f"N index 1699000000\n{security}{simulated}N simulated 0\n",
        )
    )


@pytest.mark.parametrize(
    ("simulated", "security", "pending", "index_at_s"),
    [
        ("", "", None, 1699000000),
        (_KYLIN, "", None, 1699000000),
        (_DEBIAN, "", ("openssl",), 1699000000),
        ("", "N security 1690000000\nN security 1695000000\n", (), 1695000000),
        (_KYLIN, "N security 1695000000\n", (), 1695000000),
    ],
    ids=["no security archive", "unlabelled updates", "labelled", "none pending", "others pending"],
)
def test_pending_security_updates(
    simulated: str, security: str, pending: tuple[str, ...] | None, index_at_s: int
) -> None:
    found = _read(simulated, security)
    assert (found.pending_security, found.index_at_s) == (pending, index_at_s)


def _rpm(installed: str, updates: str) -> HostPackages:
    rows = "".join(f"ii {one}\n" for one in installed.split(";"))
    return read_packages(transcript(packages=f"N manager rpm\n{rows}", updates=updates))


_OPENSSL = "openssl 1.1.1wa-7.oe2203sp2 1760000000 1 openssl-1.1.1wa-7.oe2203sp2.src.rpm"


@pytest.mark.parametrize(
    ("installed", "updates", "pending"),
    [
        (_OPENSSL, "", None),
        (_OPENSSL, "N advised 1699000000\n", ()),
        (_OPENSSL, "N advised 1699000000\nN advisory openssl 1 1.1.1wa 9.oe2203sp2\n", ("openssl",)),
        (_OPENSSL, "N advised 1699000000\nN advisory openssl 1 1.1.1wa 7.oe2203sp2\n", ()),
        # an epoch outweighs every version
        (_OPENSSL, "N advised 1699000000\nN advisory openssl 0 3.0.9 1.oe2203sp2\n", ()),
        (_OPENSSL, "N advised 1699000000\nN unreadable cut\n", None),
        # the newest of several kernels counts
        (
            "kernel 5.10.0-60 1 0 kernel-5.10.0-60.src.rpm;kernel 5.10.0-153 2 0 kernel-5.10.0-153.src.rpm",
            "N advised 1699000000\nN advisory kernel 0 5.10.0 100\n", (),
        ),
        # streams of a module are not told apart by name and version
        (
            "nodejs 14.21.3-1.module+el8 1 1 nodejs-14.21.3-1.module+el8.src.rpm",
            "N advised 1699000000\nN advisory nodejs 1 18.16.1 1.module+el8\n", None,
        ),
    ],
    ids=["nothing fetched", "none", "older", "same", "epoch", "unreadable", "kernels", "module"],
)  # fmt: skip
def test_advisories_of_dnf(installed: str, updates: str, pending: tuple[str, ...] | None) -> None:
    assert _rpm(installed, updates).pending_security == pending
