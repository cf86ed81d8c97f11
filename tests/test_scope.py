"""The guard admits what was authorised and nothing else, however an address is written."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dengbao.addresses import canonical, compact_ports
from dengbao.errors import NotAuthorised, OutOfScope, Unreachable, UsageError
from dengbao.model import Level, Scope, Window
from dengbao.scope import Contact, Guard

from .guards import NOON, PRODUCTION_NAMES, Names, guard_of


def test_only_declared_addresses_and_ports_are_admitted() -> None:
    guard = guard_of(("10.0.0.0/24:22,443", "[fd00::5]:443"))
    assert guard.admit("10.0.0.7", 22, asset="a", probe="p").address == "10.0.0.7"
    assert guard.admit("fd00::5", 443, asset="a", probe="p").family is socket.AF_INET6
    for host, port in (("10.0.0.7", 80), ("10.0.1.7", 22), ("fd00::6", 443), ("127.0.0.1", 22)):
        with pytest.raises(OutOfScope, match="不在授权地址范围内"):
            guard.admit(host, port, asset="a", probe="p")


def test_an_empty_scope_admits_nothing() -> None:
    with pytest.raises(OutOfScope):
        guard_of(()).admit("127.0.0.1", 80, asset="a", probe="p")


def test_the_address_is_pinned_and_the_name_is_asked_once() -> None:
    names = Names({"his.test": ("10.0.0.5",)})
    scope = Scope(level=Level.OBSERVE, addresses=("10.0.0.5:443",))
    guard = Guard(scope, log=lambda _contact: None, resolve=names)
    endpoint = guard.admit("his.test", 443, asset="a", probe="p")
    names.known["his.test"] = ("10.9.9.9",)
    assert (endpoint.host, endpoint.address, endpoint.port) == ("his.test", "10.0.0.5", 443)
    assert names.asked == ["his.test"]


def test_a_rebound_name_is_not_admitted() -> None:
    """The scope was resolved when the run began; an answer that moved is outside."""
    names = Names({"his.test": ("10.0.0.5",)})
    guard = Guard(
        Scope(level=Level.OBSERVE, addresses=("his.test:443",)), log=lambda _contact: None, resolve=names
    )
    names.known["his.test"] = ("10.9.9.9",)
    with pytest.raises(OutOfScope):
        guard.admit("his.test", 443, asset="a", probe="p")


def test_a_name_that_does_not_resolve_is_unreachable_not_out_of_scope() -> None:
    with pytest.raises(Unreachable, match="无法解析"):
        guard_of().admit("gone.test", 443, asset="a", probe="p")


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.5",
        "::ffff:10.0.0.5",
        "::ffff:a00:5",
        "64:ff9b::10.0.0.5",
        "2002:a00:5::1",
        "167772165",
        "0x0a000005",
        "012.0.0.5",
        "10.5",
        "alias.test",
        "ALIAS.test.",
        "two.test",
    ],
)
def test_production_by_address_is_refused_however_it_is_written(host: str) -> None:
    guard = guard_of(production=("10.0.0.5:443",), names=PRODUCTION_NAMES)
    with pytest.raises(OutOfScope, match="生产环境"):
        guard.admit(host, 443, asset="a", probe="p")
    assert not guard.is_admitted("10.0.0.5", 443)


@pytest.mark.parametrize("host", ["his.test", "HIS.TEST", "his.test.", "HIS.test。"])
def test_production_by_name_is_refused_even_when_it_resolved_to_nothing(host: str) -> None:
    names = Names({})
    scope = Scope(level=Level.OBSERVE, addresses=("0.0.0.0/0",), production=("His.Test.",))
    guard = Guard(scope, log=lambda _contact: None, resolve=names)
    assert guard.unresolved == ("His.Test.",)
    names.known["his.test"] = ("10.0.0.77",)
    with pytest.raises(OutOfScope, match="生产环境"):
        guard.admit(host, 443, asset="a", probe="p")


def test_production_named_by_host_is_refused_by_its_address_too() -> None:
    guard = guard_of(production=("his.test",), names=PRODUCTION_NAMES)
    with pytest.raises(OutOfScope, match="生产环境"):
        guard.admit("10.0.0.5", 8080, asset="a", probe="p")


def test_production_wins_over_addresses_and_only_on_its_ports() -> None:
    guard = guard_of(("10.0.0.5",), ("10.0.0.5:443",))
    with pytest.raises(OutOfScope):
        guard.admit("10.0.0.5", 443, asset="a", probe="p")
    assert guard.admit("10.0.0.5", 8443, asset="a", probe="p").port == 8443


def test_a_scan_leaves_production_ports_out_and_logs_both_sides() -> None:
    log: list[Contact] = []
    guard = guard_of(("10.0.0.5:1-100",), ("10.0.0.5:80-90",), log=log)
    address, ports = guard.admit_ports("10.0.0.5", range(1, 121), asset="a", probe="p")
    assert address == "10.0.0.5"
    assert compact_ports(ports) == "1-79,91-100"
    assert [(one.ports, one.admitted) for one in log] == [
        ("80-90", False),
        ("101-120", False),
        ("1-79,91-100", True),
    ]
    assert "生产" in log[0].why
    assert "授权" in log[1].why


def test_admitting_every_port_of_a_host_is_quick() -> None:
    rules = [f"10.0.0.0/8:{port}" for port in range(1, 200)]
    guard = guard_of((*rules, "10.0.0.5"), tuple(f"192.0.2.{one}" for one in range(200)))
    begin = time.process_time()
    _, ports = guard.admit_ports("10.0.0.5", range(1, 65536), asset="a", probe="p")
    assert len(ports) == 65535
    assert time.process_time() - begin < 5


def networks() -> st.SearchStrategy[ipaddress.IPv4Network]:
    return st.builds(
        ipaddress.IPv4Network,
        st.tuples(st.integers(0x0A000000, 0x0A00FFFF), st.integers(20, 32)),
        strict=st.just(False),
    )


WRITINGS = (
    str,
    lambda ip: f"::ffff:{ip}",
    lambda ip: f"64:ff9b::{ip}",
    lambda ip: str(int(ip)),
    lambda ip: hex(int(ip)),
    lambda ip: f"n{int(ip)}.test",
    lambda ip: f"N{int(ip)}.TEST.",
)


@given(
    network=networks(),
    offset=st.integers(0, 4095),
    banned=st.tuples(st.integers(1, 65535), st.integers(0, 500)),
    port=st.integers(1, 65535),
    writing=st.sampled_from(WRITINGS),
)
@settings(max_examples=300, deadline=None)
def test_an_address_covered_by_production_is_never_admitted(
    *,
    network: ipaddress.IPv4Network,
    offset: int,
    banned: tuple[int, int],
    port: int,
    writing: Callable[[ipaddress.IPv4Address], str],
) -> None:
    ip = network[offset % network.num_addresses]
    low, high = banned[0], min(65535, sum(banned))
    host = writing(ip)
    guard = guard_of(
        ("0.0.0.0/0", "::/0", str(ip)),
        (f"{network}:{low}-{high}",),
        names={f"n{int(ip)}.test": (str(ip),)},
    )
    if low <= port <= high:
        with pytest.raises(OutOfScope, match="生产环境"):
            guard.admit(host, port, asset="a", probe="p")
        assert not guard.is_admitted(str(ip), port)
    else:
        assert guard.admit(host, port, asset="a", probe="p").address in (
            str(ip),
            str(canonical(f"64:ff9b::{ip}")),
        )


# ---------------------------------------------------------------- level, window, pace


@pytest.mark.parametrize("authorised", list(Level))
def test_only_levels_up_to_the_authorised_one_pass(authorised: Level) -> None:
    guard = Guard(Scope(level=authorised), log=lambda _contact: None)
    for wanted in Level:
        if wanted.rank <= authorised.rank:
            guard.require(wanted, what="探测")
        else:
            with pytest.raises(NotAuthorised, match=wanted.zh):
                guard.require(wanted, what="探测")


def test_outside_the_window_nothing_is_admitted_and_the_refusal_is_logged() -> None:
    window = Window(begin=NOON, end=NOON + timedelta(hours=1))
    scope = Scope(level=Level.DISRUPT, addresses=("10.0.0.5",), window=window)
    clock = [NOON - timedelta(seconds=1)]
    log: list[Contact] = []
    guard = Guard(scope, log=log.append, now=lambda: clock[0])
    with pytest.raises(NotAuthorised, match="授权时段"):
        guard.admit("10.0.0.5", 22, asset="a", probe="p")
    clock[0] = NOON
    assert guard.admit("10.0.0.5", 22, asset="a", probe="p").port == 22
    clock[0] = NOON + timedelta(hours=1, seconds=1)
    with pytest.raises(NotAuthorised):
        guard.admit("10.0.0.5", 22, asset="a", probe="p")
    assert [one.admitted for one in log] == [False, True, False]


@pytest.mark.parametrize(
    "scope",
    [
        Scope(level=Level.OBSERVE, connections_per_s=0),
        Scope(level=Level.OBSERVE, connections_per_s=-1),
        Scope(level=Level.OBSERVE, connections_per_s=float("nan")),
        Scope(level=Level.OBSERVE, connections_per_s=float("inf")),
        Scope(level=Level.OBSERVE, connections_at_once=0),
        Scope(level=Level.OBSERVE, window=Window(begin=NOON, end=NOON)),
        Scope(level=Level.OBSERVE, window=Window(begin=NOON.replace(tzinfo=None), end=NOON)),
    ],
)
def test_a_scope_that_cannot_be_kept_is_refused_at_once(scope: Scope) -> None:
    with pytest.raises(UsageError) as caught:
        Guard(scope, log=lambda _contact: None)
    assert caught.value.where.startswith("engagement.yaml scope")


def test_starts_are_paced_for_each_asset_apart() -> None:
    guard = guard_of(per_s=10.0)
    waits = [guard.pause_s("a") for _ in range(5)]
    assert waits[0] == 0
    assert waits[4] == pytest.approx(0.4, abs=0.05)
    assert guard.pause_s("b") == 0
    guard.pause_s("c", 20)
    assert guard.pause_s("c") == pytest.approx(2.0, abs=0.05)


def test_no_more_than_the_allowed_number_hold_a_slot() -> None:
    guard = guard_of(at_once=3)
    held = most = 0

    async def hold() -> None:
        nonlocal held, most
        async with guard.slot("a"):
            held += 1
            most = max(most, held)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            held -= 1

    async def all_of_them() -> None:
        await asyncio.gather(*(hold() for _ in range(20)))

    asyncio.run(all_of_them())
    assert most == 3


def test_every_decision_is_in_the_contact_log() -> None:
    log: list[Contact] = []
    guard = guard_of(("10.0.0.5:443",), ("10.0.0.6",), names=PRODUCTION_NAMES, log=log)
    guard.admit("his.test", 443, asset="web", probe="tls.scan")
    for host in ("10.0.0.6", "10.0.0.7"):
        with pytest.raises(OutOfScope):
            guard.admit(host, 443, asset="web", probe="tls.scan")
    assert [(one.host, one.address, one.ports, one.admitted) for one in log] == [
        ("his.test", "10.0.0.5", "443", True),
        ("10.0.0.6", "10.0.0.6", "443", False),
        ("10.0.0.7", "10.0.0.7", "443", False),
    ]
    assert {(one.asset, one.probe, one.at) for one in log} == {("web", "tls.scan", NOON)}
    assert "生产环境" in log[1].why
