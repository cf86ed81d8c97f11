"""Real servers, careless and hardened, seen from the network; every verdict was written down beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from dengbao.errors import Reason
from dengbao.model import HostAsset, Level, Scope
from dengbao.probes.services.facts import (
    GuestTry,
    PortsUdp,
    Service,
    ServicesExposed,
    ServicesGuests,
    SshAlgorithms,
)
from tests.servers import services

from .harness import MemoryLedger, Sight, look

CHECKS = (
    "intrusion.exposed_services",
    "intrusion.smb_shares",
    "identity.cleartext_admin",
    "identity.ssh_algorithms",
)


def see(*ports: int, level: Level = Level.INTRUDE, ledger: MemoryLedger | None = None) -> Sight:
    """Scan these ports; nmap is left out, so that every protocol is known by its own answer."""
    asset = HostAsset(
        id="host", name="应用服务器", address=f"{services.ADDRESS}:22", scan=",".join(map(str, ports))
    )
    scope = Scope(
        level=level, addresses=(services.ADDRESS,), connections_per_s=100_000, connections_at_once=64
    )
    engines = {"nmap": "/nonexistent/nmap"}
    return look(asset, only=("ports.tcp",), scope=scope, engines=engines, ledger=ledger)


def agree(sight: Sight, expected: Mapping[str, str]) -> None:
    got = sight.verdicts(CHECKS)
    wrong = {one: (got[one], sight.judge(one).statement) for one in CHECKS if got[one] != expected[one]}
    assert not wrong


def exposed(sight: Sight) -> ServicesExposed:
    facts = sight.facts["services.exposed"]
    assert isinstance(facts, ServicesExposed)
    return facts


def one(sight: Sight, protocol: str) -> Service:
    (found,) = exposed(sight).of(protocol)
    return found


def tries(sight: Sight) -> dict[tuple[str, str], GuestTry]:
    facts = sight.facts["services.guests"]
    assert isinstance(facts, ServicesGuests)
    return {(each.protocol, each.as_whom): each for each in facts.attempts}


class Folders:
    """Hands out a folder for each server."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._count = 0

    def __call__(self) -> Path:
        """Return a new folder that everybody may enter."""
        self._count += 1
        made = self._base / str(self._count)
        made.mkdir(mode=0o755)
        return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    base = tmp_path_factory.mktemp("servers")
    for each in (base, *base.parents[:2]):
        each.chmod(0o755)  # servers that step down to an ordinary user enter it
    return Folders(base)


@pytest.fixture(scope="module")
def careless(folder: Folders) -> tuple[Sight, dict[str, int]]:
    """See a host on which everything stands open."""
    with ExitStack() as held:
        vnc, x11 = held.enter_context(services.desktop(folder(), hardened=False))
        ports = {
            "smb": held.enter_context(services.samba(folder(), hardened=False)),
            "ftp": held.enter_context(services.ftp(folder(), hardened=False, anonymous=True)),
            "telnet": held.enter_context(services.telnet()),
            "rsync": held.enter_context(services.rsync(folder(), hardened=False)),
            "memcached": held.enter_context(services.memcached(folder())),
            "redis": held.enter_context(services.redis(folder(), hardened=False)),
            "http": held.enter_context(services.nginx(folder())),
            "rdp": held.enter_context(services.xrdp(folder(), hardened=False)),
            "ldap": held.enter_context(services.directory(folder(), hardened=False)),
            "ssh": held.enter_context(services.sshd(folder(), services.WEAK, rsa_bits=1024)),
            "vnc": vnc,
            "x11": x11,
        }
        held.enter_context(services.snmp(folder(), public=True))
        held.enter_context(services.tftp(folder()))
        return see(*ports.values()), ports


def test_a_careless_host_does_not_conform(careless: tuple[Sight, dict[str, int]]) -> None:
    sight, _ = careless
    agree(
        sight,
        {
            "intrusion.exposed_services": "nonconform",
            "intrusion.smb_shares": "nonconform",
            "identity.cleartext_admin": "nonconform",
            # SSH 2 is spoken, everything else about it is weak
            "identity.ssh_algorithms": "partial",
        },
    )
    text = sight.judge("intrusion.exposed_services").statement
    for name in ("Redis", "memcached", "rsync", "VNC", "X11", "LDAP", "FTP", "SMB", "public", "TFTP"):
        assert name in text
    assert "C$" in sight.judge("intrusion.smb_shares").statement


def test_every_protocol_is_known_by_its_answer(careless: tuple[Sight, dict[str, int]]) -> None:
    sight, ports = careless
    facts = exposed(sight)
    assert {each.protocol: each.port for each in facts.services} == ports
    assert (facts.unrecognised, facts.unspoken) == ("", "")


@pytest.mark.parametrize(
    ("protocol", "without_login"),
    [
        ("redis", True), ("memcached", True), ("rsync", True), ("vnc", True), ("x11", True), ("ldap", True),
        ("telnet", False), ("ftp", None), ("smb", None), ("http", None), ("rdp", None), ("ssh", None),
    ],
)  # fmt: skip
def test_who_is_served_without_a_login(
    careless: tuple[Sight, dict[str, int]], protocol: str, without_login: bool | None
) -> None:
    assert one(careless[0], protocol).without_login is without_login


def test_what_servers_say_of_themselves(careless: tuple[Sight, dict[str, int]]) -> None:
    sight, _ = careless
    assert one(sight, "smb").options[0].startswith("SMB 1")
    assert "SMB 3.1.1" in one(sight, "smb").options
    assert one(sight, "smb").signing_required is False
    assert one(sight, "vnc").options == ("None",)
    assert one(sight, "rdp").options == ("rdp",)
    assert one(sight, "rsync").shared == ("backup",)
    assert one(sight, "redis").version.startswith(("6.", "7.", "8."))
    assert one(sight, "http").evidence.startswith("HTTP 200 nginx")
    assert "login:" in one(sight, "telnet").evidence


def test_strangers_are_let_in_and_each_attempt_is_in_the_ledger(
    careless: tuple[Sight, dict[str, int]],
) -> None:
    sight, ports = careless
    assert {key for key, each in tries(sight).items() if each.accepted} == {
        ("ftp", "anonymous"), ("smb", "anonymous"), ("smb", "guest"), ("snmp", "community public"),
    }  # fmt: skip
    assert tries(sight)["smb", "guest"].shares == ("public", "C$", "IPC$")
    assert sight.ledger.outcomes == {
        f"ftp:{ports['ftp']}:anonymous": "accepted",
        f"smb:{ports['smb']}:anonymous": "accepted",
        f"smb:{ports['smb']}:guest": "accepted",
        "snmp:161:public": "accepted",
    }


def test_weak_ssh_algorithms_are_listed(careless: tuple[Sight, dict[str, int]]) -> None:
    facts = careless[0].facts["ssh.algorithms"]
    assert isinstance(facts, SshAlgorithms)
    (server,) = facts.servers
    assert "diffie-hellman-group1-sha1" in server.kex
    assert server.host_keys == ("ssh-rsa",)
    assert server.ciphers == ("aes128-ctr", "3des-cbc")
    assert server.macs == ("hmac-sha2-256", "hmac-md5")
    assert server.host_key_bits == 1024


def test_udp_tells_answers_from_silence(careless: tuple[Sight, dict[str, int]]) -> None:
    facts = careless[0].facts["ports.udp"]
    assert isinstance(facts, PortsUdp)
    states = {each.protocol: each.state for each in facts.ports}
    assert states["snmp"] == states["tftp"] == "answered"
    assert states["netbios"] == "closed"


@pytest.fixture(scope="module")
def hardened_ports(folder: Folders) -> Iterator[dict[str, int]]:
    """Run a host on which strangers get nothing."""
    with ExitStack() as held:
        held.enter_context(services.snmp(folder(), public=False))
        yield {
            "smb": held.enter_context(services.samba(folder(), hardened=True)),
            "rsync": held.enter_context(services.rsync(folder(), hardened=True)),
            "redis": held.enter_context(services.redis(folder(), hardened=True)),
            "http": held.enter_context(services.nginx(folder())),
            "rdp": held.enter_context(services.xrdp(folder(), hardened=True)),
            "ldap": held.enter_context(services.directory(folder(), hardened=True)),
            "ssh": held.enter_context(services.sshd(folder())),
        }


def test_a_hardened_host_conforms(hardened_ports: dict[str, int]) -> None:
    sight = see(*hardened_ports.values())
    agree(sight, dict.fromkeys(CHECKS, "conform"))
    assert {each.protocol: each.port for each in exposed(sight).services} == hardened_ports
    assert one(sight, "smb").options == ("SMB 3.1.1",)
    assert one(sight, "smb").signing_required is True
    assert one(sight, "rdp").options == ("tls",)
    refused = tries(sight)
    assert refused["smb", "anonymous"].accepted is False
    assert refused["smb", "guest"].accepted is False
    # an agent meets a wrong community with silence
    assert refused["snmp", "community public"].accepted is None


def test_without_authority_nobody_comes_as_a_stranger(hardened_ports: dict[str, int]) -> None:
    sight = see(22, 139, 445, hardened_ports["smb"], hardened_ports["ssh"], level=Level.OBSERVE)
    assert sight.missing["services.guests"].reason is Reason.NOT_AUTHORISED
    assert sight.ledger.outcomes == {}
    agree(
        sight,
        {
            "intrusion.exposed_services": "undetermined",
            "intrusion.smb_shares": "conform",
            "identity.cleartext_admin": "conform",
            "identity.ssh_algorithms": "conform",
        },
    )


def test_an_attempt_that_was_made_before_is_not_made_again(hardened_ports: dict[str, int]) -> None:
    ledger = MemoryLedger()
    ledger.outcomes |= {
        f"smb:{hardened_ports['smb']}:anonymous": "refused",
        f"smb:{hardened_ports['smb']}:guest": "accepted",
        "snmp:161:public": "unclear",
    }
    found = tries(see(hardened_ports["smb"], ledger=ledger))
    assert [each.accepted for each in found.values()] == [False, True, None]
    assert {each.evidence for each in found.values()} == {"此前已尝试"}


@pytest.fixture(scope="module")
def halfway(folder: Folders) -> Iterator[dict[str, int]]:
    """Run FTP in clear and with TLS, and a desktop behind a password, none of them for strangers."""
    with ExitStack() as held:
        vnc, x11 = held.enter_context(services.desktop(folder(), hardened=True))
        yield {
            "vnc": vnc,
            "x11": x11,
            "ftp": held.enter_context(services.ftp(folder(), hardened=False)),
            "ftps": held.enter_context(services.ftp(folder(), hardened=True)),
            "ftps offered": held.enter_context(services.ftp(folder(), hardened=True, demands=False)),
        }


def test_what_asks_for_a_password_may_still_be_in_clear(halfway: dict[str, int]) -> None:
    sight = see(*halfway.values())
    agree(
        sight,
        {
            "intrusion.exposed_services": "conform",
            "intrusion.smb_shares": "undetermined",  # the ports of SMB are not in this scan
            "identity.cleartext_admin": "nonconform",
            "identity.ssh_algorithms": "undetermined",  # nor was port 22
        },
    )
    offered = {each.port: each.offers_encryption for each in exposed(sight).of("ftp")}
    assert offered == {halfway["ftp"]: False, halfway["ftps"]: True, halfway["ftps offered"]: True}
    assert one(sight, "vnc").options == ("VncAuth",)
    assert one(sight, "x11").without_login is False


@pytest.mark.parametrize(("which", "verdict"), [("ftps", "conform"), ("ftps offered", "nonconform")])
def test_ftp_that_can_encrypt_tells_whether_it_demands_it(
    halfway: dict[str, int], which: str, verdict: str
) -> None:
    sight = see(halfway[which])
    assert sight.verdicts(("identity.cleartext_admin",)) == {"identity.cleartext_admin": verdict}
