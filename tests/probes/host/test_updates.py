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
