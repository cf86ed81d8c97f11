"""What must hold in an engagement beyond the types of its values; nothing is resolved or contacted.

Messages never repeat the value of a secret: a password written into the file by mistake must not
travel on into terminals and logs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PureWindowsPath
from typing import Final
from urllib.parse import urlsplit

from ..addresses import parse_ports, parse_rule, split_host_ports
from ..errors import Unreachable, UsageError
from ..model import (
    Asset,
    BackupAsset,
    DatabaseAsset,
    Engagement,
    HostAsset,
    Kind,
    NotApplicable,
    Scope,
    TlsAsset,
    WebAsset,
)
from ..reading import Mistake, at, suggest
from ..yamlfile import Place, shorten
from .app_rules import find_app_faults
from .data_rules import find_data_faults
from .form_rules import find_form_faults
from .row_rules import find_row_faults
from .traffic_rules import find_traffic_faults

SCHEMA: Final = 1
_ID: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")
_SUITE_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SECRET: Final = re.compile(r"\$\{ENV:[A-Za-z_][A-Za-z0-9_]*\}|keyring:[^/\s]+/\S.*|prompt:")
_HOST_KEY: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
_ID_CURE: Final = "用英文字母、数字、- 和 _，首尾为字母或数字，不超过 64 个"
# Names that Windows keeps for devices: a folder of facts is named after the asset.
_DEVICES: Final = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)
# Read from what a DBA brought only.
_CARRIED: Final = ("oracle", "sqlserver", "dm")
PLATFORMS: Final = ("postgresql", "kingbase", "mariadb", "mysql", "sqlite", "redis", *_CARRIED)
_CHOICES: Final[tuple[tuple[type, str, tuple[str, ...]], ...]] = (
    (HostAsset, "sudo", ("none", "nopasswd", "password")),
    (WebAsset, "logout_method", ("GET", "POST")),
    (DatabaseAsset, "platform", PLATFORMS),
)
_CATEGORIES: Final = ("hospital", "clinic", "pharmacy")
_APPLICATIONS: Final = ("new", "replace", "change")
_STYLES: Final = ("form", "json", "basic", "browser", "session")
_WAIT_MOST_S: Final = 7200
_HOLDS: Final = ("id_card", "phone", "name", "bank_card", "password")


def find_faults(engagement: Engagement) -> Iterator[Mistake]:
    """Yield every fault of an engagement whose types are right already."""
    if engagement.schema != SCHEMA:
        yield Mistake(("schema",), f"不认识的项目文件版本 {engagement.schema}", f"写 schema: {SCHEMA}")
    if not _SUITE_ID.fullmatch(engagement.suite):
        yield Mistake(("suite",), "测评依据的编号不合格式", "写 suites 下的目录名，如 annex3-2023")
    if engagement.period is not None and engagement.period[0] > engagement.period[1]:
        yield Mistake(("period",), "测试周期的起止颠倒", "先写开始日期，再写结束日期")
    yield from _choice(("institution", "category"), engagement.institution.category, _CATEGORIES)
    yield from _choice(("system", "application"), engagement.system.application, _APPLICATIONS)
    yield from _scope(engagement.scope)
    if not engagement.assets:
        yield Mistake(("assets",), "没有测评对象", "至少登记一个测评对象")
    yield from _unique(("assets",), [one.id for one in engagement.assets], "测评对象")
    by_kind: dict[Kind, list[str]] = {}
    for one in engagement.assets:
        by_kind.setdefault(one.kind, []).append(one.id)
    for number, asset in enumerate(engagement.assets):
        yield from _asset(("assets", number), asset)
        yield from _links(("assets", number), asset, by_kind)
        yield from find_traffic_faults(("assets", number), asset)
        if isinstance(asset, WebAsset):
            yield from find_app_faults(("assets", number), asset, engagement)
    yield from _declarations(engagement)
    yield from find_form_faults(engagement.forms)


def _links(place: Place, asset: Asset, by_kind: Mapping[Kind, Sequence[str]]) -> Iterator[Mistake]:
    """Yield references of one asset to another that is not there; `by_kind` names those that are."""
    hosts = by_kind.get(Kind.HOST, ())
    for number, data in enumerate(asset.data):
        if data.host and data.host not in hosts:
            message = f"测评对象 {asset.id} 的 data 引用的服务器“{shorten(data.host)}”未登记"
            yield Mistake(
                (*place, "data", number, "host"), message, suggest(data.host, hosts) or "先登记该服务器"
            )
    if not isinstance(asset, BackupAsset):
        return
    for key, used, kind in (("host", asset.host, Kind.HOST), ("database", asset.database, Kind.DATABASE)):
        known = by_kind.get(kind, ())
        if used and used not in known:
            message = f"测评对象 {asset.id} 引用的{kind.zh}“{shorten(used)}”未登记"
            yield Mistake((*place, key), message, suggest(used, known) or "先登记该测评对象")


def _choice(place: Place, given: str, known: tuple[str, ...]) -> Iterator[Mistake]:
    if given not in known:
        yield Mistake(place, f"{at(place)}不认识的值“{shorten(given)}”", suggest(given, known))


def _scope(scope: Scope) -> Iterator[Mistake]:
    window = scope.window
    if window is not None and window.begin >= window.end:
        yield Mistake(("scope", "window"), "授权时段的起止颠倒", "begin 要早于 end")
    for key, entries in (("addresses", scope.addresses), ("production", scope.production)):
        for number, text in enumerate(entries):
            yield from _heeds(("scope", key, number), _rule, text)
    for key, rate in (
        ("connections_per_s", scope.connections_per_s),
        ("connections_at_once", scope.connections_at_once),
    ):
        if not 0 < rate <= 1000:
            yield Mistake(("scope", key), f"{key} 应大于 0，不超过 1000", "如 50")
    if not 0 <= scope.wait_s <= _WAIT_MOST_S:
        yield Mistake(("scope", "wait_s"), f"wait_s 应在 0 至 {_WAIT_MOST_S} 秒之间", "如 900；0 为不等待")


def _unresolved(host: str, _port: int) -> Iterable[str]:
    raise Unreachable(host)  # the form is looked at; no name leaves this machine


def _rule(text: str) -> object:
    return parse_rule(text, _unresolved)


def _heeds(place: Place, parse: Callable[[str], object], text: str) -> Iterator[Mistake]:
    try:
        parse(text)
    except UsageError as exc:
        yield Mistake(place, at(place) + exc.message, exc.cure)
    except ValueError:
        yield Mistake(place, f"{at(place)}写法不对", "写成 22、80-443 或 10.0.0.5:22")


def _unique(place: Place, ids: list[str], what: str) -> Iterator[Mistake]:
    seen: dict[str, str] = {}
    for number, one in enumerate(ids):
        here = (*place, number, "id")
        if not _ID.fullmatch(one) or _DEVICES.fullmatch(one):
            yield Mistake(here, f"{what}编号“{one[:64]}”不合格式", _ID_CURE)
        if one.casefold() in seen:
            yield Mistake(here, f"{what}编号“{one[:64]}”重复", "每个编号只用一次（不分大小写）")
        seen[one.casefold()] = one


def _asset(place: Place, asset: Asset) -> Iterator[Mistake]:
    if asset.kind is Kind.SYSTEM or asset.id.casefold() == Kind.SYSTEM.value:
        yield Mistake(place, "信息系统本身不必登记，编号 system 由程序使用", "删去该项，或改用别的编号与类型")
    for kind, key, known in _CHOICES:
        if isinstance(asset, kind):
            yield from _choice((*place, key), getattr(asset, key), known)
    yield from _accounts(place, asset)
    yield from find_data_faults(place, asset)
    if isinstance(asset, WebAsset):
        yield from _web(place, asset)
    elif isinstance(asset, HostAsset):
        yield from _host(place, asset)
    elif isinstance(asset, DatabaseAsset):
        yield from _database(place, asset)
    elif isinstance(asset, TlsAsset):
        yield from _address((*place, "address"), asset.address)
    elif isinstance(asset, BackupAsset):
        yield from _backup(place, asset)


def _accounts(place: Place, asset: Asset) -> Iterator[Mistake]:
    yield from _unique((*place, "accounts"), [one.id for one in asset.accounts], "账户")
    for number, one in enumerate(asset.accounts):
        if one.secret and not _SECRET.fullmatch(one.secret):
            yield Mistake(
                (*place, "accounts", number, "secret"),
                f"测评对象 {asset.id} 账户 {one.id} 的口令必须写成引用，不得写明文",
                "写成 ${ENV:名称}、keyring:服务/用户 或 prompt:",
            )
    known = [one.id for one in asset.accounts]
    for where, used in _references(place, asset):
        if used and used not in known:
            yield Mistake(
                where, f"测评对象 {asset.id} 没有账户“{used}”", suggest(used, known) or "在 accounts 中登记"
            )


def _references(place: Place, asset: Asset) -> Iterator[tuple[Place, str]]:
    if isinstance(asset, (HostAsset, DatabaseAsset)):
        yield (*place, "account"), asset.account
    if isinstance(asset, HostAsset):
        yield (*place, "stop_account"), asset.stop_account
    if isinstance(asset, WebAsset) and asset.login is not None:
        yield (*place, "login", "account"), asset.login.account


def _web(place: Place, asset: WebAsset) -> Iterator[Mistake]:
    fault = _url_fault(asset.url)
    if fault:
        yield Mistake((*place, "url"), f"测评对象 {asset.id} 的 url {fault}", "写成 https://his.test:8443/")
    if asset.login is not None:
        yield from _choice((*place, "login", "style"), asset.login.style, _STYLES)


def _url_fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "写法不对"
    if parts.username is not None or parts.password is not None:
        return "不得含有用户名或口令"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "应以 http:// 或 https:// 开头并有主机名"
    return "不得含有空格" if any(one.isspace() for one in url) else ""


def _host(place: Place, asset: HostAsset) -> Iterator[Mistake]:
    if asset.collected:
        yield from _collected(place, asset)
    elif not asset.address:
        yield Mistake(
            place,
            f"测评对象 {asset.id} 缺少键“address”",
            "写 address: 主机:端口；不能远程登录的，写 collected: 采集文件",
        )
    if asset.address not in ("", "local"):
        yield from _address((*place, "address"), asset.address)
    if asset.host_key and not _HOST_KEY.fullmatch(asset.host_key):
        yield Mistake((*place, "host_key"), "host_key 应是 SHA256 指纹", "写 ssh-keygen -lf 显示的 SHA256:…")
    yield from _heeds((*place, "scan"), parse_ports, asset.scan)
    for number, rule in enumerate(asset.allowed_ports):
        here = (*place, "allowed_ports", number)
        yield from _heeds((*here, "ports"), parse_ports, rule.ports)
        yield from _choice((*here, "protocol"), rule.protocol, ("tcp", "udp"))
    yield from _sources(place, asset)


def _sources(place: Place, asset: HostAsset) -> Iterator[Mistake]:
    """Yield what is wrong with the sources of administration; they are addresses, never names."""
    if asset.admin_ports:
        yield from _heeds((*place, "admin_ports"), parse_ports, asset.admin_ports)
    for key, parse, cure in (
        ("admin_sources", ipaddress.ip_network, "写成 10.0.9.0/24 或 10.0.9.5"),
        ("try_sources", ipaddress.ip_address, "写本机的地址，如 10.0.9.5"),
    ):
        for number, text in enumerate(getattr(asset, key)):
            try:
                parse(text)
            except ValueError:
                yield Mistake((*place, key, number), f"{at((*place, key, number))}不是地址", cure)
    if asset.try_sources and not asset.admin_sources:
        yield Mistake(
            (*place, "admin_sources"), "填了 try_sources，缺少 admin_sources", "登记允许管理的地址或网段"
        )


def _collected(place: Place, asset: HostAsset | DatabaseAsset) -> Iterator[Mistake]:
    path = PureWindowsPath(asset.collected)  # splits at both kinds of slashes, knows drives
    if path.is_absolute() or path.drive or path.root or ".." in path.parts or asset.collected.startswith("~"):
        yield Mistake(
            (*place, "collected"), f"测评对象 {asset.id} 的采集文件应在项目目录之内",
            "用 dengbao evidence import-facts 登记，再写 collected: evidence/collected/文件名",
        )  # fmt: skip
    if asset.address == "local":
        yield Mistake(
            (*place, "address"),
            "address: local 与 collected 不能并用",
            "读取本机的，删去 collected；否则改写地址",
        )


def _database(place: Place, asset: DatabaseAsset) -> Iterator[Mistake]:
    carried = asset.platform in _CARRIED
    if asset.collected:
        yield from _collected(place, asset)
        if not carried:
            yield Mistake(
                (*place, "collected"), f"平台 {asset.platform} 没有采集脚本",
                f"删去 collected；{'、'.join(_CARRIED)} 才用采集文件",
            )  # fmt: skip
    elif carried:
        yield Mistake(
            place, f"测评对象 {asset.id} 缺少键“collected”",
            f"由数据库管理员运行 dengbao collect-script {asset.platform} 给出的脚本，再登记结果",
        )  # fmt: skip
    elif asset.platform == "sqlite":
        if not asset.path:
            yield Mistake(place, f"测评对象 {asset.id} 缺少键“path”", "sqlite 写 path: 数据库文件")
    elif not asset.address:
        yield Mistake(place, f"测评对象 {asset.id} 缺少键“address”", "写 address: 主机:端口")
    else:
        yield from _address((*place, "address"), asset.address)
    for number, one in enumerate(asset.sensitive):
        yield from _choice((*place, "sensitive", number, "holds"), one.holds, _HOLDS)
    yield from find_row_faults(place, asset)
    for number, network in enumerate(asset.offsite):
        if not _is_network(network):
            here: Place = (*place, "offsite", number)
            yield Mistake(here, f"异地网络“{shorten(network)}”写法不对", "写成 10.20.0.0/16 或 10.20.0.5/32")


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _backup(place: Place, asset: BackupAsset) -> Iterator[Mistake]:
    if asset.host and not asset.path.startswith("/"):
        yield Mistake(
            (*place, "path"), f"测评对象 {asset.id} 的 path 应是主机 {asset.host} 上的绝对路径",
            "如 /srv/backup/his；副本在本机的，删去 host",
        )  # fmt: skip
    if asset.archive == "pgbackrest" and (asset.restore or not asset.host):
        yield Mistake(
            (*place, "archive"),
            "pgBackRest 仓库只能登录所在服务器查看，不能在本机试恢复",
            "填写 host，去掉 restore",
        )
    if any(rows < 0 for rows in asset.expect.values()):
        yield Mistake((*place, "expect"), "expect 的行数不能为负", "写表名与恢复后至少应有的行数")
    if asset.rows_within is not None and not 0 <= asset.rows_within < 100:
        yield Mistake((*place, "rows_within"), "rows_within 应不小于 0、小于 100（%）", "允许少一成的写 10")
    policy = asset.policy
    if policy is None:
        return
    if not 0 < policy.every_h <= 24 * 366:
        yield Mistake((*place, "policy", "every_h"), "every_h 应大于 0 小时，不超过一年", "每天一次写 24")
    if policy.keep < 1:
        yield Mistake((*place, "policy", "keep"), "keep 应至少为 1", "写保留份数")


def _address(place: Place, text: str) -> Iterator[Mistake]:
    host, ports = split_host_ports(text)
    if "/" in host or "-" in ports or "," in ports:
        yield Mistake(place, f"{at(place)}应是一个主机和一个端口", "写成 10.0.0.5:22")
        return
    yield from _heeds(place, _rule, text)


def _declarations(engagement: Engagement) -> Iterator[Mistake]:
    known = dict.fromkeys([*(one.id for one in engagement.assets), Kind.SYSTEM.value])
    seen: set[tuple[str, str]] = set()
    for number, one in enumerate(engagement.not_applicable):
        place: Place = ("not_applicable", number)
        if one.asset not in known:
            yield Mistake((*place, "asset"), f"没有测评对象“{one.asset}”", suggest(one.asset, known))
        if (one.item, one.asset) in seen:
            yield Mistake(place, f"{one.item} 在 {one.asset} 上已声明过不适用", "删去重复的声明")
        seen.add((one.item, one.asset))
        yield from _second_person(place, one)


def _second_person(place: Place, one: NotApplicable) -> Iterator[Mistake]:
    if one.by.same_as(one.agreed):
        yield Mistake(
            (*place, "agreed"), "不适用的声明人与同意人是同一人", "须由另一人同意；同名的加注科室以区别"
        )
