"""The guard every probe connects through: allowed, forbidden, authorised level, window, rate."""

from __future__ import annotations

import asyncio
import copy
import ipaddress
import math
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .addresses import (
    IpAddress,
    IpNetwork,
    Resolve,
    Rule,
    canonical,
    compact_ports,
    disguises,
    parse_ports,
    parse_rule,
    plain_name,
    ports_named,
    split_host_ports,
    system_resolve,
)
from .errors import NotAuthorised, OutOfScope, TimedOut, Unreachable, UsageError
from .model import Level, Scope, Value

__all__ = [
    "Contact",
    "Endpoint",
    "Guard",
    "IpAddress",
    "IpNetwork",
    "Resolve",
    "Rule",
    "canonical",
    "compact_ports",
    "parse_ports",
    "parse_rule",
    "seal_off",
    "split_host_ports",
    "system_resolve",
    "unfence",
]


class Contact(Value):
    """One line of the event log: who was to be contacted, and what the guard said."""

    at: datetime
    asset: str
    probe: str
    host: str
    address: str
    ports: str
    admitted: bool
    why: str = ""


@dataclass(frozen=True)
class Endpoint:
    """An admitted address; connect to `address`, never to the name again."""

    host: str
    address: str
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        """Return the address family to open a socket with."""
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET


@dataclass
class _Pace:
    """Hands out starting times so that one asset sees at most `per_s` connections a second."""

    per_s: float
    next_at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def delay_s(self, count: int = 1) -> float:
        with self.lock:
            now = time.monotonic()
            start = max(now, self.next_at)
            self.next_at = start + count / self.per_s
            return start - now


class Guard:
    """Decides on every contact before a packet leaves, and logs the decision.

    `log` receives each contact. The guard never connects to an address it has not admitted, and
    `fence()` makes Python itself refuse any other socket of this process.
    """

    def __init__(
        self,
        scope: Scope,
        *,
        log: Callable[[Contact], None],
        resolve: Resolve = system_resolve,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        _refuse_unusable(scope)
        self.scope = scope
        self._log = log
        self._resolve = resolve
        self._now = now
        self._allowed = tuple(
            parse_rule(one, resolve, where="engagement.yaml scope.addresses") for one in scope.addresses
        )
        self._production = tuple(
            parse_rule(one, resolve, where="engagement.yaml scope.production") for one in scope.production
        )
        self._paces: dict[str, _Pace] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._admitted: set[tuple[str, int]] = set()
        self._lock = threading.Lock()
        self.source = ""
        self.ceiling: Level | None = None

    def up_to(self, level: Level | None) -> Guard:
        """Return this guard, with its paces and places, which besides refuses what is above a level."""
        other = copy.copy(self)
        other.ceiling = level
        return other

    def from_source(self, source: str) -> Guard:
        """Return this guard, with its paces and places, whose `connect` starts at a local address."""
        other = copy.copy(self)
        other.source = source
        return other

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Return the entries whose name did not resolve: they allow nothing and forbid by name only."""
        return tuple(one.text for one in (*self._allowed, *self._production) if not one.networks)

    def require(self, level: Level, *, what: str) -> None:
        """Refuse what the authorised level or window does not allow.

        Raises:
            NotAuthorised: level too high, or outside the window.

        """
        if level.rank > self.scope.level.rank:
            raise NotAuthorised(
                f"{what}需要“{level.zh}”级授权，本项目授权到“{self.scope.level.zh}”级",
                cure="如确需检测，取得书面授权后提高 scope.level；否则以人工佐证补充",
            )
        if self.ceiling is not None and level.rank > self.ceiling.rank:
            raise NotAuthorised(
                f"{what}需要“{level.zh}”级，本次运行只确认到“{self.ceiling.zh}”级",
                cure="取得同意后，在新的一轮中确认；不作检测的，以人工佐证补充",
            )
        window = self.scope.window
        if window is not None and not window.begin <= self._now() <= window.end:
            raise NotAuthorised(
                f"现在不在授权时段内（{window.begin.isoformat()} 至 {window.end.isoformat()}）",
                cure="在授权时段内运行，或取得新的授权后修改 scope.window",
            )

    def admit(self, host: str, port: int, *, asset: str, probe: str) -> Endpoint:
        """Return the address that may be contacted for `host:port`; log the decision. Blocks on DNS.

        Raises:
            OutOfScope: production, or not among the authorised addresses.
            NotAuthorised: outside the authorised window.
            Unreachable: the name does not resolve.

        """
        endpoint, _ = self._admit(host, (port,), asset=asset, probe=probe)
        return Endpoint(host, endpoint, port)

    def admit_ports(
        self, host: str, ports: Iterable[int], *, asset: str, probe: str
    ) -> tuple[str, tuple[int, ...]]:
        """Return the address and those of `ports` that may be scanned there; one log line each side."""
        return self._admit(host, tuple(ports), asset=asset, probe=probe)

    def _admit(
        self, host: str, ports: tuple[int, ...], *, asset: str, probe: str
    ) -> tuple[str, tuple[int, ...]]:
        def note(address: str, which: Iterable[int], admitted: bool, why: str = "") -> None:
            self._log(
                Contact(
                    at=self._now(), asset=asset, probe=probe, host=host, address=address,
                    ports=compact_ports(which), admitted=admitted, why=why,
                )
            )  # fmt: skip

        try:
            self.require(Level.OBSERVE, what="检测")
        except NotAuthorised as exc:
            note("", ports, False, exc.message)
            raise
        addresses = tuple(dict.fromkeys(canonical(one) for one in self._addresses(host)))
        seen = "、".join(map(str, addresses))
        banned = self._in_production(host, addresses, ports)
        if banned:
            note(seen, banned, False, "已登记为生产环境地址")
        kept = tuple(port for port in ports if port not in banned)
        address, inside = self._best(addresses, kept)
        outside = set(kept).difference(inside)
        if outside:
            note(seen, outside, False, "不在授权地址范围内")
        if not inside:
            raise _refusal(host, ports, banned=bool(banned))
        note(address, inside, True)
        with self._lock:
            self._admitted.update((address, port) for port in inside)
        return address, inside

    def _addresses(self, host: str) -> tuple[str, ...]:
        try:
            ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return tuple(self._resolve(host, 0))
        return (host,)

    def _best(self, addresses: Iterable[IpAddress], ports: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        """Return the address at which most of the ports are allowed, and those ports."""
        best: tuple[str, tuple[int, ...]] = ("", ())
        for address in addresses:
            named = ports_named([rule for rule in self._allowed if rule.has_address(address)], ports)
            inside = tuple(port for port in ports if port in named)
            if len(inside) > len(best[1]):
                best = (str(address), inside)
        return best

    def _in_production(
        self, host: str, addresses: Iterable[IpAddress], ports: Iterable[int]
    ) -> frozenset[int]:
        """Return the ports that are production by name, or at any address the host may lead to."""
        name = plain_name(host)
        hidden = {one for address in addresses for one in disguises(address)}
        rules = [
            rule
            for rule in self._production
            if rule.name == name or any(rule.has_address(one) for one in hidden)
        ]
        return ports_named(rules, ports)

    def is_admitted(self, address: str, port: int) -> bool:
        """Tell whether this address and port were admitted before."""
        try:
            key = (str(canonical(address)), port)
        except ValueError:
            return False
        with self._lock:
            return key in self._admitted

    def pause_s(self, asset: str, count: int = 1) -> float:
        """Return how long to wait before the next `count` connections to an asset."""
        with self._lock:
            pace = self._paces.setdefault(asset, _Pace(self.scope.connections_per_s))
        return pace.delay_s(count)

    @asynccontextmanager
    async def slot(self, asset: str) -> AsyncIterator[None]:
        """Hold one of the asset's connection places, after waiting for its pace."""
        semaphore = self._slots.setdefault(asset, asyncio.Semaphore(self.scope.connections_at_once))
        async with semaphore:
            await asyncio.sleep(self.pause_s(asset))
            yield

    async def connect(
        self, host: str, port: int, *, asset: str, probe: str, timeout_s: float = 10.0
    ) -> socket.socket:
        """Return a connected non-blocking socket to an admitted address.

        Raises:
            OutOfScope, NotAuthorised, Unreachable, TimedOut.

        """
        loop = asyncio.get_running_loop()
        endpoint = await loop.run_in_executor(None, lambda: self.admit(host, port, asset=asset, probe=probe))
        async with self.slot(asset):
            sock = socket.socket(endpoint.family, socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                if self.source:
                    sock.bind((self.source, 0))
                async with asyncio.timeout(timeout_s):
                    await loop.sock_connect(sock, (endpoint.address, port))
            except TimeoutError as exc:
                sock.close()
                raise TimedOut(f"{timeout_s:g} 秒内未能连接 {host}:{port}", cure="检查网络与防火墙") from exc
            except OSError as exc:
                sock.close()
                raise Unreachable(
                    f"无法连接 {host}:{port}（{exc.strerror or exc}）", cure="检查服务是否启动"
                ) from exc
            except BaseException:
                sock.close()
                raise
            return sock

    def connect_blocking(
        self, host: str, port: int, *, asset: str, probe: str, timeout_s: float = 10.0
    ) -> socket.socket:
        """Return a connected blocking socket to an admitted address; for drivers that run in threads."""
        endpoint = self.admit(host, port, asset=asset, probe=probe)
        time.sleep(self.pause_s(asset))
        sock = socket.socket(endpoint.family, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout_s)
            sock.connect((endpoint.address, port))
        except TimeoutError as exc:
            sock.close()
            raise TimedOut(f"{timeout_s:g} 秒内未能连接 {host}:{port}", cure="检查网络与防火墙") from exc
        except OSError as exc:
            sock.close()
            raise Unreachable(
                f"无法连接 {host}:{port}（{exc.strerror or exc}）", cure="检查服务是否启动"
            ) from exc
        except BaseException:
            sock.close()
            raise
        return sock

    def fence(self) -> None:
        """Make every Python socket of this process pass this guard, for as long as it is the active one.

        An audit hook cannot be taken out again: the newest fence replaces the one before.
        """
        _install_hook()
        global _active
        _active = self.is_admitted


def _refusal(host: str, ports: tuple[int, ...], *, banned: bool) -> OutOfScope:
    where = f"{host}:{compact_ports(ports)}"
    if banned:
        return OutOfScope(
            f"{where} 已登记为生产环境地址，拒绝连接", cure="联调测试只能连接测试环境，核对测评对象地址"
        )
    return OutOfScope(f"{where} 不在授权地址范围内", cure="核对地址；确属测试范围的，登记到 scope.addresses")


def _refuse_unusable(scope: Scope) -> None:
    """Refuse a scope whose numbers or times cannot be kept, before anything is contacted."""
    if not (math.isfinite(scope.connections_per_s) and scope.connections_per_s > 0):
        raise UsageError("connections_per_s 须大于 0", where="engagement.yaml scope")
    if scope.connections_at_once < 1:
        raise UsageError("connections_at_once 至少为 1", where="engagement.yaml scope")
    window = scope.window
    if window is None:
        return
    if window.begin.tzinfo is None or window.end.tzinfo is None:
        raise UsageError(
            "授权时段缺少时区", where="engagement.yaml scope.window", cure="写成 2026-03-01T09:00:00+08:00"
        )
    if window.begin >= window.end:
        raise UsageError("授权时段的结束不晚于开始", where="engagement.yaml scope.window")


_active: Callable[[str, int], bool] | None = None
_hooked = False


def seal_off() -> None:
    """Refuse every further network connection of this process; judging needs none."""
    _install_hook()
    global _active
    _active = lambda _address, _port: False  # noqa: E731 - one expression, no name needed


def unfence() -> None:
    """Take the fence down again; for tests that start several runs in one process."""
    global _active
    _active = None


def _install_hook() -> None:
    global _hooked
    if not _hooked:
        _hooked = True
        sys.addaudithook(_audit)


def _audit(event: str, args: tuple[object, ...]) -> None:
    if _active is None or event not in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        return
    address = args[1] if len(args) > 1 else None
    if not isinstance(address, tuple) or len(address) < 2:
        return  # AF_UNIX paths and connected sockets
    host, port = str(address[0]), address[1]
    if not isinstance(port, int) or not _active(host, port):
        raise OutOfScope(f"未经授权检查的连接被阻止：{host}:{port}", cure="这是程序错误，请报告")
