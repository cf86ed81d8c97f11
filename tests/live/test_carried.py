"""The script that people carry to a host, run there as they would, against the same host seen over SSH."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import msgspec
import pytest

from dengbao.carrying import collector
from dengbao.content import find_content
from dengbao.model import HostAsset
from dengbao.probes.collected import open_collected
from dengbao.probes.host.facts import HostIdentity
from dengbao.probes.host.hole_facts import HostHoles
from dengbao.vulns.load import load
from tests.servers import host_trees
from tests.servers.sshd import Prepared, Server, running
from tests.servers.vuln_data import GRAVE, filler, osv, write_zip

from .harness import Sight, agree, claims_no_more, look
from .hosts import ROSTER, UIDS, asset, make_hardened, see
from .test_host import HARDENED, OTHERS, UNPRIVILEGED, WEAK

# What differs between two looks at one host: the looks themselves, and the processes that serve them.
CHANGING = ("host.processes", "host.identity")
CLOCKS = ("clock_s", "labels")


@dataclass(frozen=True)
class Host:
    """A prepared host that runs, and the private key that opens it."""

    server: Server
    prepared: Prepared
    key: Path

    def carry(self, account: str, command: str, **login: object) -> bytes:
        """Run the carried script on the host with `command` before its name; return what it wrote."""
        own = UIDS.get(account, 0) if command == "sh" else 0
        script = self.prepared.folder(f"run/stick-{own}", 0o755, (own, own)) / "collect-linux.sh"
        result = script.with_name("result.txt")
        result.unlink(missing_ok=True)
        script.write_bytes(collector(find_content(), "linux")[1])
        inside = f"/run/{script.parent.name}"
        line = f"cd / && {command} {inside}/{script.name} -o {inside}/result.txt"

        async def run() -> asyncssh.SSHCompletedProcess:
            options = {"client_keys": [str(self.key)], "password": host_trees.PASSWORD, **login}
            async with asyncssh.connect(
                "127.0.0.1", self.server.port, username=account, known_hosts=None, config=None, **options
            ) as connection:
                return await connection.run(line, check=False)

        done = asyncio.run(run())
        assert done.exit_status == 0, done.stderr
        assert f"{inside}/result.txt" in str(done.stderr)
        assert "采集完成" in str(done.stderr)
        return result.read_bytes()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    made = asyncssh.generate_private_key("ssh-ed25519")
    path = tmp_path_factory.mktemp("keys") / "id"
    path.write_bytes(made.export_private_key())
    return path, made.export_public_key().decode()


@pytest.fixture(scope="module")
def hardened(tmp_path_factory: pytest.TempPathFactory, keys: tuple[Path, str]) -> Iterator[Host]:
    prepared = make_hardened(tmp_path_factory.mktemp("hardened"), keys[1])
    prepared.folder("run/stick-0")
    with running(prepared) as server:
        yield Host(server, prepared, keys[0])


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_PW", host_trees.PASSWORD)
    monkeypatch.setenv("WEAK_PW", host_trees.WEAK_PASSWORD)


def read(folder: Path, data: bytes) -> Sight:
    """Look at a host through the file alone."""
    (folder / "host.txt").write_bytes(data)
    one = HostAsset(id="host", name="应用服务器", collected="host.txt", roster=ROSTER)
    return look(one, only=("host.collected",), folder=folder)


def plain(sight: Sight) -> dict[str, dict[str, object]]:
    """Return the facts without clocks and without what the looking itself changes."""
    whole = {kind: msgspec.to_builtins(one) for kind, one in sight.facts.items() if kind not in CHANGING}
    return {
        kind: {key: value for key, value in one.items() if key not in CLOCKS} for kind, one in whole.items()
    }


def differing(
    one: dict[str, dict[str, object]], other: dict[str, dict[str, object]]
) -> dict[str, tuple[object, object]]:
    """Return the fields that differ, each with both values."""
    assert set(one) == set(other)
    return {
        f"{kind}.{name}": (value, other[kind].get(name))
        for kind, fields in one.items()
        for name, value in fields.items()
        if value != other[kind].get(name)
    }


def without_ports(expected: dict[str, str]) -> dict[str, str]:
    """Return what is expected where no port can be looked at, because there is no address."""
    return {check: verdict for check, verdict in expected.items() if check not in OTHERS}


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_the_file_brings_what_ssh_brings(hardened: Host, tmp_path: Path, shell: str) -> None:
    over_ssh = see(asset(hardened.server, "inspector", hardened.key))
    carried = read(tmp_path, hardened.carry("inspector", f"sudo -n sh -c 'exec {shell} \"$@\"' -"))
    assert not carried.missing
    assert differing(plain(carried), plain(over_ssh)) == {}
    identity = carried.facts["host.identity"]
    assert isinstance(identity, HostIdentity)
    assert identity.host_name == "prepared-host"
    assert open_collected(tmp_path / "host.txt").privilege == "sudo"
    agree(f"hardened, carried in, {shell}", carried, without_ports(HARDENED))


def test_tools_of_busybox_show_less_and_never_more(hardened: Host, tmp_path: Path) -> None:
    """Its shell takes its own tools before those of the host; what they cannot tell is not known."""
    over_ssh = see(asset(hardened.server, "inspector", hardened.key))
    carried = read(tmp_path, hardened.carry("inspector", "sudo -n sh -c 'exec busybox sh \"$@\"' -"))
    assert not carried.missing
    less = differing(plain(carried), plain(over_ssh))
    assert [value for value, _ in less.values() if value is not None] == []
    verdicts = carried.verdicts()
    claims_no_more(without_ports(HARDENED), verdicts)
    assert list(verdicts.values()).count("conform") > len(verdicts) - 5


@pytest.mark.parametrize(("fixed", "verdict"), [("0", "conform"), ("99", "nonconform")])
def test_known_holes_by_data_that_were_carried_in(
    hardened: Host, tmp_path: Path, fixed: str, verdict: str
) -> None:
    """The package list of the host is real; the data about it are made up."""
    now = datetime.now(UTC)
    modified = now.isoformat()
    records = filler(1000, modified=modified)
    records.append(osv("DEBIAN-CVE-2024-10001", "openssl", fixed=fixed, score=GRAVE, modified=modified))
    store = tmp_path / "holes.sqlite"
    load(store, [write_zip(tmp_path / "all.zip", records)], now=now)
    over_ssh = look(
        asset(hardened.server, "inspector", hardened.key), only=("host.ssh",), vulnerabilities=store
    )
    holes = over_ssh.facts["host.holes"]
    assert isinstance(holes, HostHoles)
    assert (holes.distribution, holes.compared > 0, holes.undecided) == ("debian:12", True, ())
    assert over_ssh.verdicts(("intrusion.known_holes",)) == {"intrusion.known_holes": verdict}


def test_the_file_of_a_weak_host_does_not_conform(
    tmp_path: Path, keys: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    prepared = Prepared(tmp_path_factory.mktemp("weak"))
    host_trees.weak(prepared)
    with running(prepared) as server:
        host = Host(server, prepared, keys[0])
        data = host.carry("root", "sh", client_keys=None, password=host_trees.WEAK_PASSWORD)
    carried = read(tmp_path, data)
    assert carried.privilege == {"host.collected": "root"}
    assert b"lGVNtSOY067" not in data
    agree("weak, carried in", carried, without_ports(WEAK))


def test_run_by_an_ordinary_user_the_file_claims_no_more(hardened: Host, tmp_path: Path) -> None:
    carried = read(tmp_path, hardened.carry("viewer", "sh"))
    assert carried.privilege == {"host.collected": "user"}
    agree("hardened, carried in without rights", carried, without_ports(UNPRIVILEGED))
    claims_no_more(without_ports(HARDENED), without_ports(UNPRIVILEGED))


def test_a_userland_of_busybox_alone_is_enough(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    subprocess.run(["busybox", "--install", "-s", str(tools)], check=True)
    script = tmp_path / "collect.sh"
    script.write_bytes(collector(find_content(), "linux")[1])
    done = subprocess.run(
        [str(tools / "sh"), str(script), "-o", str(tmp_path / "out.txt")],
        env={"PATH": str(tools)}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    carried = read(tmp_path, (tmp_path / "out.txt").read_bytes())
    assert {"host.identity", "host.accounts", "host.passwords", "host.policy"} <= set(carried.facts)
    assert str(tmp_path / "out.txt") in done.stderr
