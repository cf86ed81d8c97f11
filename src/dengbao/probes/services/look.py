"""Speaks once to every open port of a sweep and says what is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ...errors import ProbeError
from ...scope import compact_ports
from ..base import Context
from ..ports.facts import OpenPort
from . import asked, http
from .facts import Service, ServicesExposed, SshAlgorithms, SshServer
from .greeting import greeted
from .rdp import rdp
from .smb import smb
from .ssh import algorithms
from .wire import Place, talk

Asked = Callable[[Place], Awaitable[Service | None]]

_GREETING_S: Final = 2.0
_PORT_S: Final = 45.0
_LONGEST_S: Final = 900.0
# Beyond it something on the way answers for the host, and talking to each is of no use.
_MOST_PORTS: Final = 200
# Of the places that the scope allows, those that questions to one port may take.
_QUESTIONS_AT_ONCE: Final = 6
_PORTS_AT_ONCE: Final = 8
# Printers print whatever is sent here; nmap leaves them alone for the same reason.
_PRINTERS: Final = frozenset(range(9100, 9108))

_TALKERS: Final[Mapping[str, Asked]] = {
    "http": http.http, "tls": http.inside_tls, "redis": asked.redis, "memcached": asked.memcached,
    "mongodb": asked.mongodb, "smb": smb, "rdp": rdp, "ldap": asked.directory,
    "postgresql": asked.postgresql, "x11": asked.x11, "zookeeper": asked.zookeeper,
    "rpcbind": asked.rpcbind, "rsh": asked.remote_shell,
}  # fmt: skip
# Only what is asked first is taken from nmap's word or the number; what is there, the answer says.
_BY_NAME: Final = {
    "microsoft-ds": "smb", "netbios-ssn": "smb", "ms-wbt-server": "rdp", "mongod": "mongodb",
    "memcache": "memcached", "X11": "x11", "login": "rsh", "shell": "rsh", "exec": "rsh", "https": "tls",
    "ldaps": "tls", "http-proxy": "http", "http-alt": "http",
}  # fmt: skip
_BY_PORT: Final = {
    80: "http", 111: "rpcbind", 135: "smb", 139: "smb", 389: "ldap", 443: "tls", 445: "smb", 512: "rsh",
    513: "rsh", 514: "rsh", 636: "tls", 2181: "zookeeper", 2375: "http", 2376: "tls", 2379: "http",
    3389: "rdp", 5432: "postgresql", 6000: "x11", 6001: "x11", 6379: "redis", 6443: "tls", 8443: "tls",
    9200: "http", 10250: "tls", 11211: "memcached", 27017: "mongodb",
}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """Both kinds of facts that come of speaking to the ports."""

    exposed: ServicesExposed
    ssh: SshAlgorithms


async def speak_to_all(
    context: Context, asset: str, address: str, vantage: str, ports: Iterable[OpenPort], *, complete: bool
) -> Seen:
    """Return what is on the open ports; `complete` says whether the sweep settled every port it asked.

    Sends: on each port one or a few connections with one harmless question in each; no login.
    Changes: nothing on the asset but its own log.
    Level: observe.
    """
    wanted = tuple(ports)
    if len(wanted) > _MOST_PORTS:
        cut = f"{len(wanted)} 个端口均接受连接，疑为途中设备代答"
        everything = compact_ports(one.port for one in wanted)
        return Seen(
            ServicesExposed(
                address=address, vantage=vantage, services=(), unspoken=everything, cut_because=cut
            ),
            SshAlgorithms(address=address, servers=(), complete=False),
        )
    round_ = _Round(
        context, asset, address, asyncio.Semaphore(_ports_at_once(context)), time.monotonic() + _LONGEST_S
    )
    async with asyncio.TaskGroup() as group:
        for one in wanted:
            group.create_task(round_.port(one))
    return round_.seen(vantage, complete=complete)


def _ports_at_once(context: Context) -> int:
    return min(_PORTS_AT_ONCE, max(1, context.guard.scope.connections_at_once // _QUESTIONS_AT_ONCE))


class _Round:
    def __init__(
        self, context: Context, asset: str, address: str, places: asyncio.Semaphore, deadline: float
    ) -> None:
        self._context, self._asset, self._address = context, asset, address
        self._places, self._deadline = places, deadline
        self._services: list[Service] = []
        self._ssh: list[SshServer] = []
        self._unread: list[int] = []
        self._unrecognised: list[int] = []
        self._unspoken: list[int] = []
        self._cut = ""

    async def port(self, one: OpenPort) -> None:
        async with self._places:
            if time.monotonic() > self._deadline:
                self._unspoken.append(one.port)
                self._cut = f"超过 {_LONGEST_S / 60:.0f} 分钟"
                return
            self._context.say(f"辨认服务 {one.port}")
            try:
                async with asyncio.timeout(_PORT_S):
                    await self._speak(one)
            except TimeoutError:
                if not any(service.port == one.port for service in self._services):
                    self._unrecognised.append(one.port)

    async def _speak(self, one: OpenPort) -> None:
        place = Place(self._context, self._asset, "ports.tcp", self._address, one.port)
        service = await _greeting(place)
        if service is None and one.port not in _PRINTERS:
            service = await _ask(place, one)
        if service is None:
            self._unrecognised.append(one.port)
            return
        self._services.append(service)
        if service.protocol == "ssh":
            try:
                self._ssh.append(await algorithms(place))
            except ProbeError:
                self._unread.append(one.port)

    def seen(self, vantage: str, *, complete: bool) -> Seen:
        by_port = sorted(self._services, key=lambda service: service.port)
        known = {one.port for one in self._ssh} | set(self._unread)
        unread = [one.port for one in by_port if one.protocol == "ssh" and one.port not in known]
        return Seen(
            ServicesExposed(
                address=self._address, vantage=vantage, services=tuple(by_port),
                unrecognised=compact_ports(self._unrecognised), unspoken=compact_ports(self._unspoken),
                cut_because=self._cut,
            ),
            SshAlgorithms(
                address=self._address, servers=tuple(sorted(self._ssh, key=lambda server: server.port)),
                unread=compact_ports([*self._unread, *unread]), complete=complete and not self._unspoken,
            ),
        )  # fmt: skip


async def _greeting(place: Place) -> Service | None:
    try:
        async with talk(place) as talking:
            greeting = await talking.hear(_GREETING_S)
            return await greeted(place, talking, greeting) if greeting else None
    except ProbeError:
        return None


async def _ask(place: Place, one: OpenPort) -> Service | None:
    """Ask what is likely one after another, the rest a few at a time."""
    likely, rest = order(one)
    for name in likely:
        found = await _asked(place, name)
        if found is not None:
            return found
    at_once = min(_QUESTIONS_AT_ONCE, place.context.guard.scope.connections_at_once)
    for begin in range(0, len(rest), at_once):
        batch = rest[begin : begin + at_once]
        answers = await asyncio.gather(*(_asked(place, name) for name in batch))
        found = next((answer for answer in answers if answer is not None), None)
        if found is not None:
            return found
    return None


async def _asked(place: Place, name: str) -> Service | None:
    try:
        return await _TALKERS[name](place)
    except ProbeError:
        return None


def order(one: OpenPort) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what to ask first, which is what nmap took it for and what is usual there, and all the rest.

    The shells of old are asked only where something speaks for them: they would log a zero byte.
    """
    hints = [_BY_NAME.get(one.service, one.service), _BY_PORT.get(one.port, "")]
    if one.tunnel == "ssl":
        hints.insert(0, "tls")
    likely = tuple(dict.fromkeys(name for name in hints if name in _TALKERS))
    return likely, tuple(name for name in _TALKERS if name not in (*likely, "rsh"))
