"""The host reader on large, odd, slow hosts and cut connections: bounded time, right statuses."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from dengbao.errors import Reason
from dengbao.probes.host.facts import HostAudit, HostLogs
from tests.servers import host_trees
from tests.servers.sshd import Prepared, Server, running

from .harness import agree, claims_no_more
from .hosts import asset, make_hardened, see
from .test_host import HARDENED, UNPRIVILEGED, WEAK, cutting

GIB = 1 << 30


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a private key file and its public line."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    path = tmp_path_factory.mktemp("keys") / "id"
    path.write_bytes(made.export_private_key())
    return path, made.export_public_key().decode()


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_PW", host_trees.PASSWORD)
    monkeypatch.setenv("WEAK_PW", host_trees.WEAK_PASSWORD)


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the careless host."""
    prepared = Prepared(tmp_path_factory.mktemp("weak"))
    host_trees.weak(prepared)
    with running(prepared) as server:
        yield server


def test_logs_of_two_gigabytes_are_looked_at_from_their_ends(tmp_path: Path, key: tuple[Path, str]) -> None:
    """Two files of 2 GiB without a line end in sight: the trail, and what lies beside it."""
    prepared = make_hardened(tmp_path / "host", key[1])
    trail = prepared.root / "var/log/audit/audit.log"
    records = trail.read_bytes()
    with trail.open("r+b") as out:
        out.seek(2 * GIB)
        out.write(b"\n" + records)
    os.truncate(prepared.root / "var/log/syslog", 2 * GIB)
    begun = time.monotonic()
    with running(prepared) as server:
        sight = see(asset(server, "inspector", key[0]))
    assert time.monotonic() - begun < 20
    assert not sight.missing
    audit, logs = sight.facts["host.audit"], sight.facts["host.logs"]
    assert isinstance(audit, HostAudit)
    assert isinstance(logs, HostLogs)
    assert {one.type for one in audit.records or ()} >= {"SYSCALL", "USER_LOGIN"}
    assert max(one.size_bytes for one in logs.files) > 2 * GIB
    agree("hardened with 2 GiB of logs", sight, HARDENED)


def test_locale_and_names_in_gbk_change_nothing(tmp_path: Path, key: tuple[Path, str]) -> None:
    prepared = make_hardened(tmp_path / "host", key[1])
    profile = "export LANG=zh_CN.GB18030 LC_ALL=zh_CN.GB18030\n".encode("gbk") + "# 登录提示\n".encode("gbk")
    prepared.file("home/inspector/.bashrc", profile, 0o644, (1004, 1004))
    prepared.file("etc/sudoers.d/remark", "# 运维人员\n".encode("gbk"), 0o440)
    log = os.fsencode(prepared.root) + b"/var/log/" + "业务日志.log".encode("gbk")
    Path(os.fsdecode(log)).write_bytes("内容\n".encode("gbk"))
    with (prepared.root / "etc/passwd").open("ab") as out:
        out.write("svc:x:990:990:医保接口:/nonexistent:/usr/sbin/nologin\n".encode("gbk"))
    with running(prepared) as server:
        sight = see(asset(server, "inspector", key[0]))
    assert not sight.missing
    agree("hardened with names in GBK", sight, HARDENED)


def test_a_command_that_hangs_costs_its_own_section_alone(tmp_path: Path, key: tuple[Path, str]) -> None:
    prepared = make_hardened(tmp_path / "host", key[1])
    prepared.folder("var/log/journal")
    prepared.file("usr/local/sbin/journalctl", "#!/bin/sh\nexec sleep 600\n", 0o755)
    begun = time.monotonic()
    with running(prepared) as server:
        sight = see(asset(server, "inspector", key[0]))
    assert time.monotonic() - begun < 30
    assert not sight.missing
    agree("hardened, journalctl hangs", sight, HARDENED | {"audit.log_retention": "undetermined"})


def test_without_sudo_the_rights_of_the_user_remain(tmp_path: Path, key: tuple[Path, str]) -> None:
    prepared = make_hardened(tmp_path / "host", key[1])
    prepared.instead_of("/usr/bin/sudo", "", 0o644)
    with running(prepared) as server:
        sight = see(asset(server, "inspector", key[0]))
    assert sight.privilege == {"host.ssh": "user"}
    assert {one.reason for one in sight.missing.values()} == {Reason.NO_PERMISSION}
    got = sight.verdicts()
    claims_no_more(HARDENED, got)
    assert {one for one, verdict in got.items() if verdict != "undetermined"} == {
        one for one, verdict in UNPRIVILEGED.items() if verdict != "undetermined"
    }


# What BusyBox cannot show: its stat knows no labels, its ls no access control lists.
BUSYBOX = HARDENED | {"access.security_labels": "undetermined", "access.rules_configured": "undetermined"}


def test_busybox_userland_is_read_all_the_same(tmp_path: Path, key: tuple[Path, str]) -> None:
    prepared = make_hardened(tmp_path / "host", key[1])
    folder = prepared.folder("usr/local/sbin")
    listed = subprocess.run(["/bin/busybox", "--list"], check=True, capture_output=True, text=True)
    # Package manager and login programs stay: BusyBox is the userland here, not the distribution.
    for name in set(listed.stdout.split()) - {"dpkg", "dpkg-deb", "rpm", "su", "login", "passwd", "getty"}:
        if not (folder / name).exists():
            (folder / name).symlink_to("/bin/busybox")
    shells = "/bin/sh, /usr/bin/sh, /usr/local/sbin/sh"
    prepared.file("etc/sudoers.d/inspector", f"inspector ALL=(root) NOPASSWD: {shells}\n", 0o440)
    with running(prepared) as server:
        sight = see(asset(server, "inspector", key[0]))
    assert not sight.missing
    agree("hardened with BusyBox", sight, BUSYBOX)


@pytest.mark.parametrize("after_bytes", [6_000, 12_000, 30_000])
def test_wherever_the_connection_is_cut_nothing_more_is_claimed(weak: Server, after_bytes: int) -> None:
    with cutting(weak.port, after_bytes) as port:
        sight = see(asset(Server(port, weak.host_key), "root", None, secret="${ENV:WEAK_PW}"))
    assert {one.reason for one in sight.missing.values()} == {Reason.UNREACHABLE}
    claims_no_more(WEAK, sight.verdicts())
