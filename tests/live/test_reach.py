"""Management ports tried from two addresses of this machine; every verdict was written down beforehand."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import asyncssh
import pytest

from dengbao.model import Account, HostAsset, Level, Scope
from dengbao.probes.services.facts import Reached, ServicesReach
from tests.servers import services

from .harness import MemoryLedger, Sight, look

CHECK = "intrusion.admin_sources_tried"
MANAGING, OTHER = "127.91.7.5", "127.91.7.6"


@contextmanager
def choosy(*refused: str) -> Iterator[int]:
    """Greet whoever connects, and cut off those who come from a refused address."""
    stop = threading.Event()
    with closing(socket.create_server((services.ADDRESS, 0))) as listener:
        listener.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    client, sender = listener.accept()
                    with client:
                        if sender[0] not in refused:
                            client.sendall(b"220 console ready\r\n")

        worker = threading.Thread(target=serve, daemon=True)
        worker.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            stop.set()
            worker.join(5)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "id"
    made = asyncssh.generate_private_key("ssh-ed25519")
    path.write_bytes(made.export_private_key())
    path.with_suffix(".pub").write_bytes(made.export_public_key())
    return path


@contextmanager
def sshd(folder: Path, key: Path, *lines: str) -> Iterator[tuple[int, str]]:
    """Run sshd that lets root in with the key; yield its port and the fingerprint of its host key."""
    known = (
        "PermitRootLogin prohibit-password", "StrictModes no",
        f"AuthorizedKeysFile {key.with_suffix('.pub')}",
        "HostKeyAlgorithms ssh-ed25519", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
    )  # fmt: skip
    with services.sshd(folder, (*known, *lines)) as port:
        host_key = asyncssh.read_private_key(folder / "host_ed25519")
        yield port, host_key.get_fingerprint("sha256")


def see(
    port: int,
    *,
    key: Path | None = None,
    host_key: str = "",
    level: Level = Level.INTRUDE,
    sources: tuple[str, ...] = (MANAGING, OTHER),
    ledger: MemoryLedger | None = None,
) -> Sight:
    accounts = (Account(id="ops", username="root", key_file=str(key)),) if key else ()
    asset = HostAsset(
        id="host", name="应用服务器", address=f"{services.ADDRESS}:{port}", account="ops" if key else "",
        accounts=accounts, host_key=host_key, admin_sources=(f"{MANAGING}/32",), try_sources=sources,
    )  # fmt: skip
    scope = Scope(level=level, addresses=(services.ADDRESS,))
    return look(asset, only=("services.reach",), scope=scope, ledger=ledger)


def verdict(sight: Sight) -> str:
    return sight.verdicts((CHECK,))[CHECK]


def attempts(sight: Sight) -> dict[str, Reached]:
    facts = sight.facts["services.reach"]
    assert isinstance(facts, ServicesReach)
    return {one.source: one for one in facts.attempts}


def test_sshd_that_lets_in_from_one_address_only_conforms(tmp_path: Path, key: Path) -> None:
    with sshd(tmp_path, key, f"AllowUsers root@{MANAGING}") as (port, host_key):
        sight = see(port, key=key, host_key=host_key)
    assert {source: one.let_in for source, one in attempts(sight).items()} == {MANAGING: True, OTHER: False}
    assert sight.ledger.outcomes == {
        f"reach:{MANAGING}:ops": "let_in",
        f"reach:{OTHER}:ops": "refused",
    }
    assert verdict(sight) == "conform"


def test_sshd_that_lets_in_from_anywhere_does_not_conform(tmp_path: Path, key: Path) -> None:
    with sshd(tmp_path, key) as (port, host_key):
        assert verdict(see(port, key=key, host_key=host_key)) == "nonconform"


@pytest.mark.parametrize("level", [Level.OBSERVE, Level.LOGIN])
def test_below_the_level_the_greeting_alone_decides_nothing(tmp_path: Path, key: Path, level: Level) -> None:
    with sshd(tmp_path, key, f"AllowUsers root@{MANAGING}") as (port, host_key):
        sight = see(port, key=key, host_key=host_key, level=level)
    assert attempts(sight)[OTHER].let_in is None
    assert verdict(sight) == "undetermined"


def test_a_login_that_was_cut_off_before_is_not_repeated(tmp_path: Path, key: Path) -> None:
    ledger = MemoryLedger()
    ledger.outcomes |= {f"reach:{MANAGING}:ops": "let_in", f"reach:{OTHER}:ops": "refused"}
    with sshd(tmp_path, key) as (port, host_key):
        sight = see(port, key=key, host_key=host_key, ledger=ledger)
    assert attempts(sight)[OTHER].let_in is False


def test_a_console_that_cuts_others_off_conforms() -> None:
    with choosy(OTHER) as port:
        assert verdict(see(port)) == "conform"


def test_a_console_for_everybody_does_not_conform() -> None:
    with choosy() as port:
        assert verdict(see(port)) == "nonconform"


def test_a_console_that_refuses_even_its_own_people_proves_nothing() -> None:
    with choosy(MANAGING, OTHER) as port:
        assert verdict(see(port)) == "undetermined"


def test_a_port_that_nobody_serves_proves_nothing() -> None:
    assert verdict(see(services.free_port())) == "undetermined"


@pytest.mark.parametrize("second", ["192.0.2.9", ""])
def test_without_a_second_source_nothing_is_judged(second: str) -> None:
    with choosy() as port:
        sight = see(port, sources=(MANAGING, second) if second else (MANAGING,))
    assert verdict(sight) == "undetermined"


def test_without_sources_the_question_is_not_asked() -> None:
    with choosy() as port:
        sight = see(port, sources=())
    assert "services.reach" not in sight.facts
    assert CHECK not in sight.verdicts()
