"""The table of who listens, put together of sockets, processes, packages and units."""

from __future__ import annotations

from dengbao.errors import Reason
from dengbao.probes.host.assemble import assemble
from dengbao.probes.host.frames import Transcript, parse_transcript
from dengbao.probes.host.running_facts import HostSockets, Served

from .samples import FOLDER, NONCE, fact, lack, read


def _row(table: HostSockets, port: int, address: str) -> Served:
    return next(one for one in table.sockets if (one.port, one.address) == (port, address))


def test_a_row_tells_program_package_unit_and_label() -> None:
    row = _row(fact(read("openeuler"), HostSockets), 22, "0.0.0.0")
    assert (row.process, row.user, row.executable, row.package) == (
        "sshd", "root", "/usr/sbin/sshd", "openssh-server",
    )  # fmt: skip
    assert (row.unit, row.enabled, row.deleted) == ("sshd.service", True, True)
    assert row.label.startswith("system_u:system_r:sshd_t")


def test_a_program_of_no_package_is_told_from_one_that_was_not_asked_about() -> None:
    table = fact(read("openeuler"), HostSockets)
    assert _row(table, 8080, "127.0.0.1").package == ""
    assert _row(table, 514, "0.0.0.0").package is None


def test_an_ordinary_account_is_refused_rather_than_half_told() -> None:
    data = (FOLDER / "openeuler.txt").read_bytes().replace(b"\nuid 0\n", b"\nuid 1001\n", 1)
    sections, done = parse_transcript(data, NONCE)
    observed = assemble(Transcript(sections, done, "viewer"), "user")
    assert lack(observed, HostSockets).reason is Reason.NO_PERMISSION
