"""Tries the management ports from each source address that the engagement authorises (clause 4.c)."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, replace
from typing import Final

from ...addresses import parse_ports, split_host_ports
from ...errors import (
    Interrupted,
    LoginRefused,
    NotDeclared,
    ProbeError,
    TimedOut,
    Unreachable,
    UsageError,
)
from ...model import Asset, HostAsset, Level
from ..base import Context, Observed
from ..host.ssh import log_in
from ..logins import Logins
from .facts import Reached, ServicesReach
from .wire import Place, clip, talk

PROBE: Final = "services.reach"
_GREETING_S: Final = 3.0
_MOST_SOURCES: Final = 4
_MOST_PORTS: Final = 8


async def probe(asset: Asset, context: Context) -> Observed:
    """Connect to each management port from each source; over SSH, log in with the declared account too.

    Sends: one connection for each source and port; on SSH one login for each source, the second and later
        ones only where the management source was let in.
    Changes: nothing; a login from a source that is refused may count as one failed attempt of that account.
    Level: observe; logins need login from a management address and intrude from any other.

    Raises:
        NotDeclared: a source or port cannot be read.
        OutOfScope, NotAuthorised, Unreachable: the guard refuses, or the name does not resolve.

    """
    if not isinstance(asset, HostAsset):
        raise TypeError(f"not a host: {asset.kind}")
    host, ports, sources = _declared(asset)
    address = context.guard.admit(host, ports[0], asset=asset.id, probe=PROBE).address
    trying = _Trying(asset, context, address)
    attempts: list[Reached] = []
    # From a management address first: what is shut for everybody proves no restriction.
    for source in sorted(sources, key=lambda one: not one.managing):
        attempts += [await trying.reach(source, port, attempts) for port in ports]
    facts = ServicesReach(address=address, ports=ports, attempts=tuple(attempts))
    return Observed(facts=(facts,), privilege="网络")


@dataclass(frozen=True)
class Source:
    """A local address to try from."""

    address: str
    managing: bool


def _declared(asset: HostAsset) -> tuple[str, tuple[int, ...], tuple[Source, ...]]:
    """Return host, ports and sources of the engagement."""
    where = f"测评对象 {asset.id}"
    host, own = split_host_ports(asset.address)
    try:
        networks = [ipaddress.ip_network(one, strict=False) for one in asset.admin_sources]
        sources = [ipaddress.ip_address(one) for one in asset.try_sources]
        ranges = parse_ports(own or "22") + (parse_ports(asset.admin_ports) if asset.admin_ports else ())
    except (ValueError, UsageError) as exc:
        raise NotDeclared(
            "admin_sources、try_sources 或 admin_ports 写法不对", where=where, cure="写地址、网段和端口"
        ) from exc
    ports = tuple(dict.fromkeys(port for low, high in ranges for port in range(low, high + 1)))
    if len(ports) > _MOST_PORTS or len(sources) > _MOST_SOURCES:
        raise NotDeclared(
            f"管理端口多于 {_MOST_PORTS} 个，或试连来源多于 {_MOST_SOURCES} 个",
            where=where,
            cure="减少后重试",
        )
    managing = [any(one.version == net.version and one in net for net in networks) for one in sources]
    return host, ports, tuple(Source(str(one), is_) for one, is_ in zip(sources, managing, strict=True))


@dataclass(frozen=True)
class _Trying:
    asset: HostAsset
    context: Context
    address: str

    async def reach(self, source: Source, port: int, before: list[Reached]) -> Reached:
        """Connect once, listen for a greeting, and log in where that is SSH and allowed."""
        known = Reached(source=source.address, port=port, outcome="failed", managing=source.managing)
        if not _is_ours(source.address):
            return _with(known, evidence="不是本机地址")
        # A refusal by address from another source is no refusal of the account.
        logins = self.context.logins if source.managing else Logins()
        context = replace(self.context, guard=self.context.guard.from_source(source.address), logins=logins)
        place = Place(context, self.asset.id, PROBE, self.address, port)
        try:
            async with talk(place) as talking:
                greeting = await talking.hear(_GREETING_S)
                ended = talking.reader.at_eof()
        except TimedOut:
            return _with(known, outcome="silent")
        except Unreachable:
            return _with(known, outcome="closed")
        ssh = greeting.startswith(b"SSH-")
        seen = _with(
            known, outcome="open", spoke=True if greeting else False if ended else None,
            protocol="ssh" if ssh else "", evidence=clip(greeting.split(b"\n")[0]),
        )  # fmt: skip
        return await self._log_in(seen, context, before) if ssh else seen

    async def _log_in(self, seen: Reached, context: Context, before: list[Reached]) -> Reached:
        """Return the attempt with what became of the login; left open where it must not be tried."""
        own = parse_ports(split_host_ports(self.asset.address)[1] or "22")[0][0]
        managed = any(one.managing and one.let_in and one.port == seen.port for one in before)
        if seen.port != own or not self.asset.account or not (seen.managing or managed):
            return seen
        level = Level.LOGIN if seen.managing else Level.INTRUDE
        key = f"reach:{seen.source}:{self.asset.account}"
        try:
            context.guard.require(level, what="从其他来源试登录")
            outcome = context.ledger.begin(key)
            if outcome is None:
                outcome = await self._outcome(context)
                context.ledger.end(key, outcome)
        except Interrupted as exc:
            return _with(seen, evidence=exc.message)
        except ProbeError:
            return seen
        return _with(seen, let_in={"let_in": True, "refused": False}.get(outcome))

    async def _outcome(self, context: Context) -> str:
        account = context.account(self.asset, self.asset.account)
        try:
            connection = await log_in(self.asset, account, context, probe=PROBE)
        except LoginRefused:
            return "refused"
        except ProbeError:
            return "unclear"
        connection.abort()
        return "let_in"


def _is_ours(address: str) -> bool:
    """Tell whether this machine can send from the address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        try:
            sock.bind((address, 0))
        except OSError:
            return False
    return True


def _with(
    one: Reached,
    *,
    outcome: str = "",
    spoke: bool | None = None,
    protocol: str = "",
    let_in: bool | None = None,
    evidence: str = "",
) -> Reached:
    return Reached(
        source=one.source, port=one.port, managing=one.managing, outcome=outcome or one.outcome,
        spoke=one.spoke if spoke is None else spoke, protocol=protocol or one.protocol,
        let_in=one.let_in if let_in is None else let_in, evidence=evidence or one.evidence,
    )  # fmt: skip
