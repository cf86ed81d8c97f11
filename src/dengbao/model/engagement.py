"""One engagement: institution, parties, assets, scope and authority."""

from __future__ import annotations

import unicodedata
from collections.abc import Container
from datetime import date, datetime
from functools import cache, lru_cache

import msgspec

from .application import Application, Marker
from .base import Importance, Kind, Level, Value
from .forms import Forms
from .people import Contact
from .places import DataPlace
from .rows import RowIntegrity
from .traffic import Traffic

_kind_of = cache(Kind)  # asked for every case; an enumeration takes long to look up its values


class Person(Value):
    """A person who acts: name, organisation and part in the joint test."""

    name: str
    org: str
    role: str = ""

    def same_as(self, other: Person) -> bool:
        """Tell whether the two may be one person: names alike but for spaces and letter forms.

        The organisation is not compared, because one person written with two spellings of an
        organisation must never count as a second person.
        """
        return _plain(self.name) == _plain(other.name)


@lru_cache(maxsize=256)  # few people sign, and hundreds of times
def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKC", name).casefold()
    return "".join(one for one in letters if not one.isspace() and unicodedata.category(one) != "Cf")


class Institution(Value):
    """定点医药机构 as 附件二 asks for it."""

    name: str
    code: str = ""
    address: str = ""
    category: str = "hospital"
    contact: Contact = Contact()


class Party(Value):
    """One of the four parties that stamp the report."""

    name: str
    contact: Contact = Contact()


class Parties(Value):
    """四方: the institution itself is the fourth."""

    local_bureau: Party
    platform_vendor: Party
    access_party: Party


class SystemInfo(Value):
    """信息系统接入基本信息 of 附件二."""

    name: str
    vendor: str
    version: str = ""
    deployment: str = ""
    application: str = "new"
    contact: Contact = Contact()
    test_environment: tuple[str, ...] = ()
    production_environment: tuple[str, ...] = ()


class Window(Value):
    """The authorised time; with offset."""

    begin: datetime
    end: datetime


class Authorisation(Value):
    """Who allowed the test, by which document."""

    by: Person
    document: str
    at: date


class Scope(Value):
    """What may be contacted, how hard, and what never.

    `addresses` and `production` hold `host[:ports]` or `cidr[:ports]`; ports are `22`, `80-443`
    or a comma list; without ports all are meant. `local` allows reading this machine itself. `wait_s` is
    how long one test may wait for a timeout of the application (idle session, lock); 0: not at all.
    """

    level: Level
    addresses: tuple[str, ...] = ()
    production: tuple[str, ...] = ()
    local: bool = False
    window: Window | None = None
    authorised: Authorisation | None = None
    connections_per_s: float = 50.0
    connections_at_once: int = 8
    wait_s: float = 0.0


class Account(Value):
    """An account of an asset by reference; `secret` is `${ENV:NAME}`, `keyring:service/user` or `prompt:`.

    `otp` refers in the same way to the base32 seed of its TOTP codes. A `sacrificial` account may be locked.
    `institution` is whose it is, where an application serves several of them.
    """

    id: str
    username: str
    secret: str = ""
    key_file: str = ""
    role: str = ""
    sacrificial: bool = False
    otp: str = ""
    institution: str = ""


class PortRule(Value):
    """A port that is needed, and for what; `ports` is `443` or `8000-8010`."""

    ports: str
    purpose: str
    protocol: str = "tcp"


class AssetBase(Value, tag_field="kind"):
    """What all 测评对象 share; `data` are its files that are scanned for personal data in clear."""

    id: str
    name: str
    importance: Importance = Importance.IMPORTANT
    platform: str = ""
    accounts: tuple[Account, ...] = ()
    data: tuple[DataPlace, ...] = ()
    traffic: Traffic | None = None
    note: str = ""

    @property
    def kind(self) -> Kind:
        """Return the kind, which is the tag the asset is stored under."""
        return _kind_of(str(self.__struct_config__.tag))

    def find_account(self, account_id: str) -> Account | None:
        """Return the account of that id, or None."""
        return next((one for one in self.accounts if one.id == account_id), None)


class WebLogin(Value):
    """How one logs in, told by the vendor; `style` is `form`, `json` or `basic` (RFC 7617, sent to `path`).

    A token is sent back as `Authorization: Bearer …`, or bare in `token_header` where one is named.
    """

    path: str
    style: str = "form"
    page: str = ""
    username_field: str = "username"
    password_field: str = "password"  # noqa: S105 - the name of a form field
    csrf_field: str = ""
    fields: dict[str, str] = msgspec.field(default_factory=dict)
    token_json_key: str = ""
    token_header: str = ""
    success: Marker = Marker()
    failure: Marker = Marker()
    account: str = ""


class WebAsset(AssetBase, tag="web"):
    """业务应用系统 reached by a browser or an API; `app` describes what may be tried in it."""

    url: str
    ca_file: str = ""
    login: WebLogin | None = None
    logout: str = ""
    logout_method: str = "GET"
    protected: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    app: Application | None = None


class TlsAsset(AssetBase, tag="tls"):
    """通信端点 that speaks TLS and nothing else that we know of."""

    address: str
    server_name: str = ""
    ca_file: str = ""


class HostAsset(AssetBase, tag="host"):
    """服务器: `address` is `host[:port]` of sshd, or `local` for this machine.

    `host_key` is the pinned `SHA256:…` fingerprint. `sudo` is `none`, `nopasswd` or `password`.
    `collected` names a file in the engagement's folder that a collector script wrote on the host: it is
    read instead of logging in, and `address`, if given, serves the port scan alone. `stop_account` is an
    ordinary account that may try to stop the audit service. `admin_sources` are the addresses or networks
    that may administer it, `try_sources` the addresses of this machine to try from, `admin_ports` the
    ports of administration besides that of `address`.
    """

    address: str = ""
    collected: str = ""
    account: str = ""
    stop_account: str = ""
    host_key: str = ""
    known_hosts: str = ""
    sudo: str = "nopasswd"
    allowed_ports: tuple[PortRule, ...] = ()
    scan: str = "1-65535"
    roster: tuple[str, ...] = ()
    admin_sources: tuple[str, ...] = ()
    try_sources: tuple[str, ...] = ()
    admin_ports: str = ""


class SensitiveColumn(Value):
    """A column that must not be readable in clear.

    `holds` is `id_card`, `phone`, `name`, `bank_card` or `password`.
    """

    table: str
    column: str
    holds: str
    schema: str = ""


class DatabaseAsset(AssetBase, tag="database"):
    """数据库管理系统; `platform` names the product.

    It is `postgresql`, `kingbase`, `mariadb`, `mysql`, `sqlite` or `redis`; `oracle`, `sqlserver` and `dm`
    are read from a file that a DBA's tool wrote, never over the network.
    `collected` names that file in the engagement's folder: it is read instead of logging in.

    `offsite` holds the networks (`cidr`) of the off-site place that the database is replicated to.
    `integrity` tells which tables carry a digest in each row, and how it is made.
    """

    address: str = ""
    collected: str = ""
    path: str = ""
    database: str = ""
    account: str = ""
    ca_file: str = ""
    sensitive: tuple[SensitiveColumn, ...] = ()
    roster: tuple[str, ...] = ()
    offsite: tuple[str, ...] = ()
    integrity: tuple[RowIntegrity, ...] = ()


class BackupPolicy(Value):
    """备份策略 as the institution declares it; `what` is backed up, `tool` is the program that does it."""

    every_h: float
    keep: int = 1
    offsite: str = ""
    what: str = ""
    tool: str = ""


class BackupAsset(AssetBase, tag="backup"):
    """A folder with backup files; `pattern` is a glob, `archive` names the format to test.

    `host` is the id of the server on which the folder lies and the jobs run; without it the folder is one
    of this machine. `database` is the id of the database that is backed up. `restore` asks for a trial
    restore on this machine; `expect` names tables and how many rows they must at least have then, and
    `rows_within` by how many percent any table may at most fall short of the one in use.
    `offsite`: the folder lies at the off-site place.
    """

    path: str
    pattern: str = "*"
    archive: str = "auto"
    policy: BackupPolicy | None = None
    host: str = ""
    database: str = ""
    restore: bool = False
    expect: dict[str, int] = msgspec.field(default_factory=dict)
    rows_within: float | None = None
    offsite: bool = False


class SystemAsset(AssetBase, tag="system"):
    """The 信息系统 as a whole and its documents; every engagement has exactly one, id `system`."""


Asset = WebAsset | TlsAsset | HostAsset | DatabaseAsset | BackupAsset | SystemAsset


class Engagement(Value):
    """项目: one institution's system under joint test. `assets` ends with the implicit `system`.

    `vulnerability_data` names the store of known holes, by default `vulnerabilities.sqlite` in the folder.
    """

    schema: int
    suite: str
    institution: Institution
    system: SystemInfo
    parties: Parties
    scope: Scope
    assets: tuple[Asset, ...]
    people: tuple[Person, ...] = ()
    period: tuple[date, date] | None = None
    report_number: str = ""
    vulnerability_data: str = ""
    forms: Forms = Forms()
    not_applicable: tuple[NotApplicable, ...] = ()

    def asset(self, asset_id: str) -> Asset | None:
        """Return the asset of that id, or None."""
        return next((one for one in self.assets if one.id == asset_id), None)

    def assets_of(self, kinds: Container[Kind]) -> tuple[Asset, ...]:
        """Return the assets an item of these kinds is asked of, in order.

        Where there is none of the kinds, the item is asked of the system as a whole: it must not
        vanish, and people say why it does not apply or show how it is met.
        """
        found = tuple(one for one in self.assets if one.kind in kinds)
        return found or tuple(one for one in self.assets if one.kind is Kind.SYSTEM)


class NotApplicable(Value):
    """不适用 declared by people, never by program: which item, on which asset, why, who, who agreed."""

    item: str
    asset: str
    why: str
    by: Person
    agreed: Person
