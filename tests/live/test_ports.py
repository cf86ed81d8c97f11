"""Live port scans: every verdict was written down before the first run."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest

from dengbao.errors import Reason
from dengbao.model import HostAsset, Level, PortRule, Scope
from dengbao.probes.base import Context
from dengbao.probes.ports.facts import OpenPort, PortsOpen, ports_in
from dengbao.probes.ports.scan import probe
from dengbao.probes.ports.services import Progress, read_nmap
from dengbao.probes.ports.sweep import Pacing, Sweep, Sweeper
from dengbao.probes.process import Ran
from dengbao.redact import Redactor
from dengbao.scope import Guard
from dengbao.secrets import Secrets

from ..servers.ports import ADDRESS, block_of_free_ports, talking, unanswering
from .harness import MemoryLedger, Sight, look

CHECK = "intrusion.open_ports"
SSH = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"
COUNT = 40


def scope_of(*, per_s: float = 100_000, at_once: int = 64) -> Scope:
    return Scope(
        level=Level.OBSERVE,
        addresses=("127.0.0.0/8",),
        connections_per_s=per_s,
        connections_at_once=at_once,
    )


@pytest.fixture
def first() -> int:
    return block_of_free_ports(COUNT)


def host(first: int, *allowed: PortRule, scan: str = "") -> HostAsset:
    return HostAsset(
        id="host",
        name="应用服务器",
        address=f"{ADDRESS}:22",
        scan=scan or f"{first}-{first + COUNT - 1}",
        allowed_ports=allowed,
    )


def see(asset: HostAsset, scope: Scope | None = None, engines: dict[str, str] | None = None) -> Sight:
    return look(asset, scope=scope or scope_of(), only=("ports.tcp",), engines=engines or {})


def facts_of(sight: Sight) -> PortsOpen:
    facts = sight.facts["ports.open"]
    assert isinstance(facts, PortsOpen)
    return facts


def verdict(sight: Sight, *high_risk: int) -> str:
    outcome = sight.judge(CHECK, {"high_risk_ports": tuple(map(str, high_risk))})
    return (outcome.verdict or outcome.status).value


def test_declared_ports_conform_and_are_named(first: int) -> None:
    asset = host(first, PortRule(ports=str(first + 3), purpose="运维"))
    with talking(first + 3, SSH):
        sight = see(asset)
    facts = facts_of(sight)
    assert facts.open == (
        OpenPort(port=first + 3, service="ssh", product="OpenSSH", version="9.2p1 Debian 2"),
    )
    assert (facts.closed_count, facts.filtered, facts.failed, facts.unscanned) == (COUNT - 1, "", "", "")
    assert (facts.address, facts.vantage) == (ADDRESS, "remote")
    assert facts.engine.startswith("nmap ")
    assert b"<nmaprun" in sight.raw["nmap.xml"]
    assert verdict(sight, first) == "conform"
    outcome = sight.judge(CHECK)
    assert outcome.coverage.value == "partial"
    assert "仅扫描 TCP" in outcome.remainder
    assert f"{first + 3}/ssh" in outcome.statement


def test_a_high_risk_port_does_not_conform_even_without_its_name(first: int, tmp_path: Path) -> None:
    asset = host(first, PortRule(ports=str(first), purpose="运维"))
    with talking(first, SSH), talking(first + 7):
        sight = see(asset, engines={"nmap": str(tmp_path / "gone")})
    assert [one.port for one in facts_of(sight).open] == [first, first + 7]
    assert facts_of(sight).engine == ""
    assert "nmap" in facts_of(sight).engine_note
    assert verdict(sight, first + 7) == "nonconform"
    assert verdict(sight, first + 8) == "partial"


def test_without_a_list_nothing_is_judged(first: int) -> None:
    with talking(first, SSH):
        sight = see(host(first))
    assert sight.judge(CHECK).reason is Reason.NOT_DECLARED


def test_a_port_that_does_not_answer_is_not_closed(first: int) -> None:
    asset = host(first, PortRule(ports=str(first), purpose="运维"))
    with talking(first, SSH), unanswering(first + 5):
        sight = see(asset)
    facts = facts_of(sight)
    assert facts.filtered == str(first + 5)
    assert facts.closed_count == COUNT - 2
    assert verdict(sight, first + 5) == "undetermined"


def test_a_host_that_never_answers_times_out(first: int) -> None:
    asset = host(first, PortRule(ports="22", purpose="运维"), scan=str(first))
    with unanswering(first):
        sight = see(asset)
    assert sight.missing["ports.open"].reason is Reason.TIMED_OUT
    assert verdict(sight) == "undetermined"


def test_every_port_of_a_host_is_settled(first: int, tmp_path: Path) -> None:
    """All 65535, among them the ephemeral ports to which a socket can connect by meeting itself."""
    asset = host(first, PortRule(ports="1-65535", purpose="全部"), scan="1-65535")
    with talking(first, SSH), talking(first + 1):
        facts = facts_of(see(asset, scope_of(at_once=256), {"nmap": str(tmp_path / "gone")}))
    assert {first, first + 1} <= {one.port for one in facts.open}
    assert facts.closed_count + len(facts.open) == 65535
    assert not ports_in(facts.filtered) | ports_in(facts.failed) | ports_in(facts.unscanned)


def test_a_socket_that_meets_itself_is_not_an_open_port() -> None:
    """Bound to its own target, a socket connects to itself; the scan must not believe it."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    with closing(socket.socket()) as sock:
        sock.bind((ADDRESS, 0))
        sock.connect(sock.getsockname())
        assert sock.getsockname() == sock.getpeername()  # the kernel does this
    sweep = run_sweep(range(low, low + 3000))
    assert sweep.open == []
    assert len(sweep.closed) == 3000


def run_sweep(ports: range, stop: str = "", after: int = 10**6, per_s: float = 1e6) -> Sweep:
    pacing = Pacing(64, lambda: 1 / per_s)
    sweeper = Sweeper(ADDRESS, pacing, stop=lambda sweep: stop if sweep.done >= after else "")
    return sweeper.run(list(ports))


def test_a_cut_sweep_says_what_it_has_not_seen(first: int) -> None:
    sweep = run_sweep(range(first, first + COUNT), "超过时限", after=10, per_s=1000)
    assert sweep.cut_because == "超过时限"
    assert sweep.done >= 10
    assert sweep.unscanned
    seen = {*sweep.open, *sweep.closed, *sweep.filtered, *sweep.failed}
    assert seen | set(sweep.unscanned) == set(range(first, first + COUNT))
    assert not seen & set(sweep.unscanned)


def test_the_pace_is_kept(first: int) -> None:
    asset = host(first, scan=f"{first}-{first + 19}")
    with talking(first, SSH):
        begin = time.monotonic()
        see(asset, scope_of(per_s=25, at_once=4))
    assert time.monotonic() - begin >= 19 / 25


def test_ports_outside_the_scope_and_production_are_left_out(first: int) -> None:
    scope = Scope(
        level=Level.OBSERVE,
        addresses=(f"{ADDRESS}:{first}-{first + 20}",),
        production=(f"{ADDRESS}:{first + 10}",),
        connections_per_s=100_000,
    )
    asset = host(first, PortRule(ports=str(first), purpose="运维"))
    with talking(first, SSH), talking(first + 10), talking(first + 30):
        sight = see(asset, scope)
    facts = facts_of(sight)
    assert [one.port for one in facts.open] == [first]
    assert facts.refused == f"{first + 10},{first + 21}-{first + COUNT - 1}"
    assert [one.admitted for one in sight.contacts[:3]] == [False, False, True]
    later = [one for one in sight.contacts[3:] if one.admitted]
    assert {one.ports for one in later} == {str(first)}
    assert "不在授权范围" in sight.judge(CHECK, {"high_risk_ports": ("1",)}).remainder


def test_this_machine_needs_its_own_authority(first: int) -> None:
    asset = HostAsset(id="me", name="本机", address="local", scan=str(first))
    assert see(asset).missing["ports.open"].reason is Reason.NOT_AUTHORISED


def test_this_machine_is_seen_over_loopback_only() -> None:
    asset = HostAsset(id="me", name="本机", address="local", scan="1-40")
    scope = Scope(level=Level.OBSERVE, addresses=("127.0.0.1",), local=True, connections_per_s=100_000)
    facts = facts_of(see(asset, scope))
    assert (facts.address, facts.vantage) == ("127.0.0.1", "loopback")


def test_a_scan_that_is_cancelled_stops_sending(first: int) -> None:
    said: list[str] = []
    context = Context(
        guard=Guard(scope_of(per_s=50), log=lambda _contact: None),
        secrets=Secrets(Redactor()),
        keep=lambda name, data: pytest.fail(f"{name} of {len(data)} bytes"),
        ledger=MemoryLedger(),
        say=said.append,
    )

    async def cancel_soon() -> None:
        async with asyncio.timeout(0.3):
            await probe(host(first, scan="1-65535"), context)

    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(cancel_soon())  # also waits for the thread, which ends at its next look
    assert time.monotonic() - begin < 10


# ---------------------------------------------------------------- what nmap may say


UNNAMED = (OpenPort(port=22),)
HEAD = '<?xml version="1.0"?><nmaprun scanner="nmap" version="7.93" args="nmap" start="1" startstr="x">'
DONE = '<runstats><finished time="2" exit="success" elapsed="1" summary="x" timestr="x"/><hosts up="1" down="0" total="1"/></runstats></nmaprun>'  # noqa: E501


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("", "未给出完整结果"),
        (HEAD + "<host>", "未给出完整结果"),
        (HEAD + DONE.replace("success", "error"), "未正常结束"),
        (HEAD + f'<host timedout="true"><address addr="{ADDRESS}" addrtype="ipv4"/></host>' + DONE, "超时"),
        (HEAD + DONE, "超时"),
    ],
)
def test_a_host_nmap_gave_up_on_keeps_its_open_ports(document: str, says: str) -> None:
    named = read_nmap("nmap", ADDRESS, UNNAMED, Ran(1, document.encode(), b""))
    assert named.ports == UNNAMED
    assert named.engine == ""
    assert says in named.note


def test_a_service_inside_tls_is_marked() -> None:
    body = (
        f'<host><status state="up" reason="x"/><address addr="{ADDRESS}" addrtype="ipv4"/><ports>'
        '<port protocol="tcp" portid="22"><state state="open" reason="syn-ack" reason_ttl="0"/>'
        '<service name="http" product="nginx" tunnel="ssl" method="probed" conf="10"/></port></ports></host>'
    )
    named = read_nmap("nmap", ADDRESS, UNNAMED, Ran(0, (HEAD + body + DONE).encode(), b""))
    assert named.ports == (OpenPort(port=22, service="http", product="nginx", tunnel="ssl"),)


def test_progress_is_heard_while_the_document_grows() -> None:
    said: list[str] = []
    progress = Progress(said.append)
    for piece in (HEAD, '<taskprogress task="Service scan" percent="42', '.50" remaining="3"/>', "<<<"):
        progress.hear(piece.encode())
    assert said == ["识别服务 42%"]
