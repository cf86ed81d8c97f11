"""Finds the open TCP ports of a host and what speaks on them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from ...addresses import parse_ports, split_host_ports
from ...errors import NotAuthorised, NotDeclared, TimedOut, UsageError
from ...model import Asset, Facts, HostAsset, Level, Missing
from ...scope import compact_ports
from ..base import Context, Observed, missing
from ..services.facts import ServicesExposed, ServicesGuests
from ..services.guests import try_as_stranger
from ..services.look import speak_to_all
from ..services.udp import ask_udp
from .facts import PortsOpen, ports_in
from .services import name_services
from .sweep import Pacing, Sweep, Sweeper

# A sweep may take half as long again as its pace asks for, within these bounds.
_SWEEP_LEAST_S: Final = 2700.0
_SWEEP_MOST_S: Final = 3 * 3600.0
_NAMING_S: Final = 600.0
# Asked first, so that a sweep that is cut has seen what matters and a dead host is known early.
_FIRST: Final = (22, 80, 443, 3389, 445, 135, 3306, 5432, 1521, 1433, 8080, 8443)
_SILENT_AFTER: Final = 300
_SAY_EVERY_S: Final = 2.0


async def probe(asset: Asset, context: Context) -> Observed:
    """Scan the ports of `asset.scan`, let nmap name the services on the open ones, and speak to each.

    Sends: one connection attempt for each port; on open ports nmap's light version probes, that is a
        wait for a banner and a few harmless requests, and then our own question in the protocol spoken
        there (FTP that can encrypt is told a name nobody has, and no password); a datagram or two to
        UDP 69, 111, 123, 137, 161; no login. At level intrude once each: FTP as
        anonymous, SMB without a name and as guest, SNMP as public.
    Changes: nothing on the asset but its own log.
    Level: observe; the attempts as a stranger need intrude and are left out below it.

    Raises:
        NotAuthorised: this machine itself, without `scope.local`; outside the window.
        NotDeclared: `scan` or `address` cannot be read.
        OutOfScope, Unreachable: the guard refuses, or the name does not resolve.
        TimedOut: nothing answered on any port that was tried.

    """
    if not isinstance(asset, HostAsset):
        raise TypeError(f"not a host: {asset.kind}")
    host, vantage = _host(asset, context)
    asked = _asked(asset)
    address, admitted = await asyncio.to_thread(
        context.guard.admit_ports, host, asked, asset=asset.id, probe="ports.tcp"
    )
    begun = time.monotonic()
    sweep = await _sweep(asset, context, address, _in_order(asset, admitted))
    if not sweep.answered:
        raise TimedOut(
            f"{host} 的 {sweep.done} 个端口均无应答",
            cure="核对地址、主机是否在线，以及本机到该主机的网络与防火墙",
        )
    named = await name_services(context, address, tuple(sorted(sweep.open)), deadline_s=_NAMING_S)
    if named.raw:
        context.keep("nmap.xml", named.raw)
    facts = PortsOpen(
        address=address,
        vantage=vantage,
        asked=compact_ports(asked),
        refused=compact_ports(set(asked).difference(admitted)),
        open=named.ports,
        closed_count=len(sweep.closed),
        filtered=compact_ports(sweep.filtered),
        failed=compact_ports(sweep.failed),
        unscanned=compact_ports(sweep.unscanned),
        seconds=round(time.monotonic() - begun, 1),
        cut_because=sweep.cut_because,
        engine=named.engine,
        engine_note=named.note,
    )
    talked = await speak_to_all(
        context, asset.id, address, vantage, named.ports,
        complete=not (facts.failed or facts.unscanned),
    )  # fmt: skip
    udp = await ask_udp(context, asset.id, address, vantage)
    guests = await _as_stranger(context, asset.id, talked.exposed)
    found: tuple[Facts | Missing, ...] = (facts, talked.exposed, talked.ssh, udp, guests)
    return Observed(
        facts=tuple(one for one in found if isinstance(one, Facts)),
        missing=tuple(one for one in found if isinstance(one, Missing)),
        privilege="网络",
    )


async def _as_stranger(context: Context, asset: str, exposed: ServicesExposed) -> ServicesGuests | Missing:
    """Return what strangers got, or that nobody may try."""
    try:
        return await try_as_stranger(context, asset, exposed)
    except NotAuthorised as exc:
        return missing(ServicesGuests, exc, exc.reason)


def _host(asset: HostAsset, context: Context) -> tuple[str, str]:
    if asset.address == "local":
        if not context.guard.scope.local:
            raise NotAuthorised("未授权检测本机", cure="经授权后设置 scope.local: true")
        return "127.0.0.1", "loopback"
    return split_host_ports(asset.address)[0], "remote"


def _asked(asset: HostAsset) -> tuple[int, ...]:
    where = f"engagement.yaml 测评对象 {asset.id} scan"
    try:
        ranges = parse_ports(asset.scan, where=where)
    except UsageError as exc:
        raise NotDeclared(exc.message, where=where, cure=exc.cure) from exc
    return tuple(sorted({port for low, high in ranges for port in range(low, high + 1)}))


def _in_order(asset: HostAsset, ports: Iterable[int]) -> list[int]:
    first = set(_FIRST)
    for rule in asset.allowed_ports:
        try:
            first |= ports_in(rule.ports)
        except ValueError:
            continue  # the check that reads the list says so
    return sorted(ports, key=lambda port: (port not in first, port))


async def _sweep(asset: HostAsset, context: Context, address: str, ports: list[int]) -> Sweep:
    ended = threading.Event()
    sweeper = Sweeper(
        address,
        Pacing(context.guard.scope.connections_at_once, lambda: context.guard.pause_s(asset.id)),
        stop=_reasons_to_stop(context, ended, _longest_s(context, len(ports))),
        tell=_teller(context, len(ports)),
    )
    try:
        return await asyncio.to_thread(sweeper.run, ports)
    finally:
        # A cancelled probe leaves its thread behind: it ends at its next look at the reasons.
        ended.set()


def _longest_s(context: Context, count: int) -> float:
    needed_s = 1.5 * count / context.guard.scope.connections_per_s
    return min(_SWEEP_MOST_S, max(_SWEEP_LEAST_S, needed_s))


def _reasons_to_stop(context: Context, ended: threading.Event, longest_s: float) -> Callable[[Sweep], str]:
    deadline = time.monotonic() + longest_s

    def stop(sweep: Sweep) -> str:
        if ended.is_set():
            return "检测被取消"
        if time.monotonic() > deadline:
            return f"超过 {longest_s / 60:.0f} 分钟"
        if not sweep.answered and len(sweep.filtered) >= _SILENT_AFTER:
            return f"先后 {len(sweep.filtered)} 个端口均无应答"
        try:
            context.guard.require(Level.OBSERVE, what="端口扫描")
        except NotAuthorised as exc:
            return exc.message
        return ""

    return stop


def _teller(context: Context, total: int) -> Callable[[Sweep], None]:
    said = [time.monotonic()]

    def tell(sweep: Sweep) -> None:
        now = time.monotonic()
        if now - said[0] >= _SAY_EVERY_S:
            said[0] = now
            context.say(f"端口扫描 {100 * sweep.done // max(total, 1)}%，已见开放端口 {len(sweep.open)} 个")

    return tell
