"""Says before the run what will be refused, what is lacking, and why; sends nothing to any asset.

Names are resolved (a DNS query leaves the machine), no connection is opened.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from .catalog import with_paths
from .engines import ENGINES, find_engines
from .errors import ProbeError
from .model import (
    Account,
    Asset,
    BackupAsset,
    DatabaseAsset,
    Engagement,
    HostAsset,
    Level,
    Scope,
    TlsAsset,
    Value,
    WebAsset,
)
from .probes.base import ProbeSpec
from .probes.registry import probes_for
from .scope import Contact, Guard, Resolve, parse_ports, split_host_ports, system_resolve
from .session import Session

_ENV: Final = re.compile(r"\$\{ENV:([A-Za-z_][A-Za-z0-9_]*)\}")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "postgresql": 5432, "mariadb": 3306, "mysql": 3306}


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


def examine(
    session: Session,
    *,
    resolve: Resolve = system_resolve,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    engines: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Return all findings about an engagement and this machine."""
    engagement = with_paths(session.engagement, session.directory)
    needed = {(one.asset, one.probe) for one in session.plan.probes}
    guard = _guard(engagement.scope, resolve)
    return (
        *_authority(engagement.scope, now()),
        *_production(engagement),
        *_names(guard),
        *_engines(_used(session, needed), find_engines() if engines is None else engines),
        *_browser(engagement),
        *(
            finding
            for asset in engagement.assets
            for finding in _asset(
                guard,
                session.directory,
                asset,
                [spec for spec in probes_for(asset) if (asset.id, spec.name) in needed],
            )
        ),
    )


def _guard(scope: Scope, resolve: Resolve) -> Guard:
    """Return a guard that leaves out the window: that is told once, not for every address."""
    return Guard(msgspec.structs.replace(scope, window=None), log=_forget, resolve=resolve)


# ---- who allowed what ----------------------------------------------------------------------------


def _authority(scope: Scope, now: datetime) -> Iterator[Finding]:
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
    window = scope.window
    if window is not None and not window.begin <= now <= window.end:
        yield Finding(
            weight=Weight.ERROR, subject="时段",
            message=f"现在不在授权时段内（{window.begin:%Y-%m-%d %H:%M} 至 {window.end:%Y-%m-%d %H:%M}），"
            "一切连接都会被拒绝",
            cure="在授权时段内运行，或取得新的授权后修改 scope.window",
        )  # fmt: skip


def _production(engagement: Engagement) -> Iterator[Finding]:
    guarded = set(engagement.scope.production)
    if not guarded:
        yield Finding(
            weight=Weight.WARNING, subject="生产环境", message="未登记生产环境地址，无法替您拦住误连",
            cure="把附件二的生产环境地址端口填入 scope.production",
        )  # fmt: skip
    for address in sorted(set(engagement.system.production_environment) - guarded):
        yield Finding(
            weight=Weight.WARNING, subject="生产环境",
            message=f"申报表中的生产地址 {address} 未列入 scope.production",
            cure="加入 scope.production，检测时才会被拦住",
        )  # fmt: skip


def _names(guard: Guard) -> Iterator[Finding]:
    for name in guard.unresolved:
        yield Finding(
            weight=Weight.WARNING, subject="授权范围", message=f"{name} 无法解析，只按名称比对",
            cure="核对名称与本机 DNS，或改写成 IP 地址",
        )  # fmt: skip


# ---- this machine --------------------------------------------------------------------------------


def _used(session: Session, needed: set[tuple[str, str]]) -> set[str]:
    """Return the probes that will run, and `web.browser` where an application is entered by Chromium."""
    drawn = {"web.browser"} if _by_browser(session.engagement) else set()
    return {probe for _, probe in needed} | drawn


def _by_browser(engagement: Engagement) -> list[str]:
    web = [one for one in engagement.assets if isinstance(one, WebAsset) and one.login is not None]
    return [one.id for one in web if one.login is not None and one.login.style == "browser"]


def _browser(engagement: Engagement) -> Iterator[Finding]:
    for asset_id in _by_browser(engagement):
        if importlib.util.find_spec("playwright") is None:
            yield Finding(
                weight=Weight.ERROR, subject=asset_id, message="以浏览器登录，但未安装 Playwright",
                cure="pip install 'dengbao[browser]'",
            )  # fmt: skip


def _engines(probes: set[str], found: Mapping[str, str]) -> Iterator[Finding]:
    kinds = {probe.partition(".")[0] for probe in probes} | probes | {""}
    for engine in ENGINES:
        if engine.name in found:
            yield Finding(weight=Weight.OK, subject=engine.name, message=found[engine.name])
            continue
        weight = Weight.WARNING if engine.kind in kinds else Weight.NOTE
        lost = "受影响" if engine.kind in kinds else "本项目用不到"
        yield Finding(
            weight=weight, subject=engine.name, message=f"未找到，{lost}：{engine.purpose}", cure=engine.cure
        )


# ---- one asset -----------------------------------------------------------------------------------


def _asset(guard: Guard, folder: Path, asset: Asset, specs: list[ProbeSpec]) -> Iterator[Finding]:
    if not specs:  # nothing of it is contacted or read
        return
    yield from _levels(guard, asset, specs)
    if any(spec.level is not Level.OBSERVE and _allows(guard, spec) for spec in specs):
        yield from _accounts(asset)
    yield from _files(guard, folder, asset)
    yield from _reach(guard, asset)
    if isinstance(asset, HostAsset) and asset.address not in ("", "local"):
        if any(spec.name.startswith("ports.") for spec in specs):
            yield from _scan(guard, asset)
        if not (asset.collected or asset.host_key or asset.known_hosts):
            yield Finding(
                weight=Weight.ERROR, subject=asset.id,
                message="未登记主机密钥，不会向未经核实的主机提交口令",
                cure="填写 host_key（ssh-keygen -lf 显示的 SHA256:…）或 known_hosts",
            )  # fmt: skip


def _allows(guard: Guard, spec: ProbeSpec) -> bool:
    return spec.level.rank <= guard.scope.level.rank


def _levels(guard: Guard, asset: Asset, specs: list[ProbeSpec]) -> Iterator[Finding]:
    above = sorted((one for one in specs if not _allows(guard, one)), key=lambda one: one.level.rank)
    for level, group in groupby(above, key=lambda one: one.level):
        titles = "、".join(one.title for one in group)
        yield Finding(
            weight=Weight.WARNING, subject=asset.id,
            message=f"将跳过：{titles}（需要“{level.zh}”级授权，本项目为“{guard.scope.level.zh}”级）",
            cure="如确需检测，取得书面授权后提高 scope.level；否则以人工佐证补充",
        )  # fmt: skip


def _accounts(asset: Asset) -> Iterator[Finding]:
    login = asset.login if isinstance(asset, WebAsset) else None
    used = login.account if login else getattr(asset, "account", "")
    for account in asset.accounts:
        fault = _secret_fault(account)
        if fault is not None:
            message, cure = fault
            weight = Weight.ERROR if account.id == used else Weight.NOTE
            yield Finding(weight=weight, subject=f"{asset.id}/{account.id}", message=message, cure=cure)


def _secret_fault(account: Account) -> tuple[str, str] | None:
    env = _ENV.fullmatch(account.secret)
    if env is not None and not os.environ.get(env.group(1)):
        state = "是空的" if env.group(1) in os.environ else "未设置"
        return f"环境变量 {env.group(1)} {state}，该账户无法登录", f"export {env.group(1)}=…"
    if account.secret.startswith("keyring:") and importlib.util.find_spec("keyring") is None:
        return "未安装 keyring，该账户无法登录", "pip install keyring，或改用 ${ENV:名称}"
    return None


def _files(guard: Guard, folder: Path, asset: Asset) -> Iterator[Finding]:
    named = [("ca_file", getattr(asset, "ca_file", "")), ("known_hosts", getattr(asset, "known_hosts", ""))]
    named += [("collected", getattr(asset, "collected", ""))]
    named += [("key_file", account.key_file) for account in asset.accounts]
    for key, path in named:
        if path and not Path(path).is_file():
            yield Finding(
                weight=Weight.ERROR, subject=asset.id, message=f"{key} 所指的文件不存在：{path}",
                cure=f"核对 {key}（相对于项目目录）",
            )  # fmt: skip
    if not isinstance(asset, (BackupAsset, DatabaseAsset)) or not asset.path:
        return
    if isinstance(asset, BackupAsset) and asset.host:
        return  # a path of that host
    if not Path(asset.path).exists():
        yield Finding(
            weight=Weight.ERROR, subject=asset.id, message=f"path 不存在：{asset.path}",
            cure="核对 path（相对于项目目录），确认已挂载",
        )  # fmt: skip
    elif not guard.scope.local and not Path(asset.path).resolve().is_relative_to(folder.resolve()):
        yield Finding(
            weight=Weight.ERROR, subject=asset.id, message="path 在项目目录之外，且未授权读取本机，将不采集",
            cure="把副本放入项目目录，或确认授权后设 scope.local: true",
        )  # fmt: skip


def _reach(guard: Guard, asset: Asset) -> Iterator[Finding]:
    if isinstance(asset, HostAsset) and asset.address == "local":
        if not guard.scope.local:
            yield Finding(
                weight=Weight.ERROR, subject=asset.id, message="本机不在授权范围内，将不采集",
                cure="确属测评对象的，设 scope.local: true",
            )  # fmt: skip
        return
    contact = _contact(asset)
    if contact is None:
        return
    host, port = contact
    try:
        endpoint = guard.admit(host, port, asset=asset.id, probe="doctor")
    except ProbeError as exc:
        yield Finding(weight=Weight.ERROR, subject=asset.id, message=exc.message, cure=exc.cure)
    else:
        at = "" if endpoint.address == host else f"（{endpoint.address}）"
        yield Finding(weight=Weight.OK, subject=asset.id, message=f"允许连接 {host}:{port}{at}")


def _contact(asset: Asset) -> tuple[str, int] | None:
    """Return host and port of an asset's front door, None where nothing is connected to."""
    if isinstance(asset, WebAsset):
        parts = urlsplit(asset.url)
        return parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
    if not isinstance(asset, (HostAsset, TlsAsset, DatabaseAsset)) or not asset.address:
        return None
    host, port = split_host_ports(asset.address)
    default = {"host": 22, "tls": 443}.get(asset.kind.value) or _DEFAULT_PORTS.get(asset.platform, 0)
    return host, int(port) if port else default


def _scan(guard: Guard, asset: HostAsset) -> Iterator[Finding]:
    asked = [port for low, high in parse_ports(asset.scan) for port in range(low, high + 1)]
    host, _ = split_host_ports(asset.address)
    try:
        _address, inside = guard.admit_ports(host, asked, asset=asset.id, probe="doctor")
    except ProbeError:
        inside = ()
    if len(inside) < len(asked):
        yield Finding(
            weight=Weight.NOTE, subject=asset.id,
            message=f"要查看 {len(asked)} 个端口，授权范围内只有 {len(inside)} 个，其余不查看",
            cure="要查看全部端口，在 scope.addresses 中登记该主机而不写端口",
        )  # fmt: skip


def _forget(_contact: Contact) -> None:
    """Doctor asks the guard, but nothing was contacted: no event to log."""


def worst(findings: tuple[Finding, ...]) -> Weight:
    """Return the gravest weight found."""
    order = list(Weight)
    return max((one.weight for one in findings), key=order.index, default=Weight.OK)
