"""Says before the run what will be refused, what is lacking, and why; sends nothing to any asset.

Names are resolved (a DNS query leaves the machine), no connection is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum

from .engines import ENGINES, find_engines
from .errors import ProbeError
from .model import Asset, HostAsset, Value, WebAsset
from .probes.base import ProbeSpec
from .probes.registry import probes_for
from .scope import Contact, Guard, Resolve, split_host_ports, system_resolve
from .session import Session

_ENV = re.compile(r"\$\{ENV:([A-Za-z_][A-Za-z0-9_]*)\}")


class Weight(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def zh(self) -> str:
        """Return the Chinese word printed before a finding."""
        return {"ok": "正常", "note": "提示", "warning": "注意", "error": "错误"}[self.value]


class Finding(Value):
    """One line of `doctor`."""

    weight: Weight
    subject: str
    message: str
    cure: str = ""


def examine(session: Session, *, resolve: Resolve = system_resolve) -> tuple[Finding, ...]:
    """Return all findings about an engagement and this machine."""
    return (
        *_authority(session),
        *_engines(),
        *_secrets(session),
        *(finding for asset in session.engagement.assets for finding in _asset(session, asset, resolve)),
        *_production(session),
        *_unresolved(session, resolve),
    )


def _authority(session: Session) -> Iterator[Finding]:
    scope = session.engagement.scope
    if scope.authorised is None:
        yield Finding(
            weight=Weight.WARNING,
            subject="授权",
            message="未登记授权人与授权文件",
            cure="填写 scope.authorised",
        )
    else:
        yield Finding(
            weight=Weight.OK, subject="授权",
            message=f"{scope.authorised.by.org}{scope.authorised.by.name}，{scope.authorised.document}，"
            f"“{scope.level.zh}”级",
        )  # fmt: skip
    if scope.window is not None:
        now = datetime.now(UTC)
        if not scope.window.begin <= now <= scope.window.end:
            yield Finding(
                weight=Weight.ERROR, subject="时段",
                message=f"现在不在授权时段内（{scope.window.begin:%Y-%m-%d %H:%M} 至 "
                f"{scope.window.end:%Y-%m-%d %H:%M}），一切连接都会被拒绝",
                cure="在授权时段内运行，或取得新的授权后修改 scope.window",
            )  # fmt: skip
    if not scope.production:
        yield Finding(
            weight=Weight.WARNING, subject="生产环境", message="未登记生产环境地址，无法替您拦住误连",
            cure="把附件二的生产环境地址端口填入 scope.production",
        )  # fmt: skip


def _engines() -> Iterator[Finding]:
    found = find_engines()
    for engine in ENGINES:
        if engine.name in found:
            yield Finding(weight=Weight.OK, subject=engine.name, message=found[engine.name])
        else:
            yield Finding(
                weight=Weight.WARNING, subject=engine.name,
                message=f"未找到，受影响：{engine.purpose}", cure=engine.cure,
            )  # fmt: skip


def _secrets(session: Session) -> Iterator[Finding]:
    for asset in session.engagement.assets:
        for account in asset.accounts:
            name = _ENV.fullmatch(account.secret)
            if name is not None and name.group(1) not in os.environ:
                yield Finding(
                    weight=Weight.ERROR, subject=f"{asset.id}/{account.id}",
                    message=f"环境变量 {name.group(1)} 未设置，该账户无法登录",
                    cure=f"export {name.group(1)}=…",
                )  # fmt: skip
            key = session.directory / account.key_file
            if account.key_file and not key.is_file():
                yield Finding(
                    weight=Weight.ERROR, subject=f"{asset.id}/{account.id}",
                    message=f"私钥文件不存在：{key}",
                    cure="核对 key_file（相对于项目目录）",
                )  # fmt: skip


def _asset(session: Session, asset: Asset, resolve: Resolve) -> Iterator[Finding]:
    guard = Guard(session.engagement.scope, log=_forget, resolve=resolve)
    needed = {one.probe for one in session.plan.probes if one.asset == asset.id}
    specs = [spec for spec in probes_for(asset) if spec.name in needed]
    yield from _levels(guard, asset, specs)
    if isinstance(asset, HostAsset) and asset.address == "local":
        if specs and not session.engagement.scope.local:
            yield Finding(
                weight=Weight.ERROR, subject=asset.id, message="本机不在授权范围内，将不采集",
                cure="确属测评对象的，设 scope.local: true",
            )  # fmt: skip
        return
    for host, port in _contacts(asset):
        try:
            endpoint = guard.admit(host, port, asset=asset.id, probe="doctor")
        except ProbeError as exc:
            yield Finding(weight=Weight.ERROR, subject=asset.id, message=exc.message, cure=exc.cure)
        else:
            yield Finding(
                weight=Weight.OK, subject=asset.id, message=f"允许连接 {host}:{port}（{endpoint.address}）"
            )
    if isinstance(asset, HostAsset) and not (asset.host_key or asset.known_hosts):
        yield Finding(
            weight=Weight.ERROR, subject=asset.id, message="未登记主机密钥，不会向未经核实的主机提交口令",
            cure="填写 host_key（ssh-keygen -lf 显示的 SHA256:…）或 known_hosts",
        )  # fmt: skip


def _levels(guard: Guard, asset: Asset, specs: list[ProbeSpec]) -> Iterator[Finding]:
    for spec in specs:
        try:
            guard.require(spec.level, what=f"“{spec.title}”")
        except ProbeError as exc:
            yield Finding(
                weight=Weight.WARNING, subject=asset.id,
                message=f"将跳过“{spec.title}”：{exc.message}", cure=exc.cure,
            )  # fmt: skip


def _contacts(asset: Asset) -> Iterator[tuple[str, int]]:
    if isinstance(asset, WebAsset):
        scheme, _, rest = asset.url.partition("://")
        host, ports = split_host_ports(rest.partition("/")[0])
        yield host, int(ports) if ports.isdecimal() else (443 if scheme == "https" else 80)
        return
    address = getattr(asset, "address", "")
    if address:
        host, ports = split_host_ports(str(address))
        default = {"host": 22, "tls": 443}.get(asset.kind.value, _database_port(asset.platform))
        yield host, int(ports) if ports.isdecimal() else default


def _database_port(platform: str) -> int:
    return 5432 if platform == "postgresql" else 3306


def _production(session: Session) -> Iterator[Finding]:
    declared = set(session.engagement.system.production_environment)
    guarded = set(session.engagement.scope.production)
    for address in sorted(declared - guarded):
        yield Finding(
            weight=Weight.WARNING, subject="生产环境",
            message=f"申报表中的生产地址 {address} 未列入 scope.production",
            cure="加入 scope.production，检测时才会被拦住",
        )  # fmt: skip


def _unresolved(session: Session, resolve: Resolve) -> Iterator[Finding]:
    guard = Guard(session.engagement.scope, log=_forget, resolve=resolve)
    for entry in guard.unresolved:
        yield Finding(
            weight=Weight.WARNING, subject="授权范围", message=f"“{entry}”解析不出地址，只能按名称比对",
            cure="检查本机 DNS 与 hosts；生产环境请同时登记 IP 地址",
        )  # fmt: skip


def _forget(_contact: Contact) -> None:
    """Doctor asks the guard, but nothing was contacted: no event to log."""


def worst(findings: tuple[Finding, ...]) -> Weight:
    """Return the gravest weight found."""
    order = list(Weight)
    return max((one.weight for one in findings), key=order.index, default=Weight.OK)
