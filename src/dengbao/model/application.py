"""How a vendor describes an application: pages, functions, roles, forms, logs, and where people live in it.

Everything is optional: what is not described is not tried, and stays for people. A request is described by
`Call`; in its `path` and `fields`, `{username}`, `{password}`, `{old}`, `{new}`, `{role}`, `{object}`,
`{created}`, `{entry}` and `{code}` stand for what the toolkit fills in, each only where its holder says so.
"""

from __future__ import annotations

import msgspec

from .base import Value


class Marker(Value):
    """How an answer is recognised; every field that is set must hold."""

    status: int | None = None
    text: str = ""
    location: str = ""
    cookie: str = ""
    json_key: str = ""
    json_value: str = ""


class Call(Value):
    """One request: where it goes, what it carries, and how the application says yes or no.

    `style` is `form`, `json`, `query` or `multipart`. `page` is the page the form stands on, from which
    hidden fields and `csrf_field` are taken. In JSON, the field `a.b` is a value inside an object, and what
    `a:json` holds is JSON itself (`"[1]"`). `done` marks the answer that says it was carried out,
    `refused` the one that says it was not; without them only status and protected pages can tell.
    """

    path: str
    method: str = "POST"
    style: str = "form"
    page: str = ""
    csrf_field: str = ""
    fields: dict[str, str] = msgspec.field(default_factory=dict)
    done: Marker = Marker()
    refused: Marker = Marker()


class TableRef(Value):
    """A table of a declared database; `columns` maps meaning → column name.

    Meanings for users: `username`, `role`, `enabled`, `password`, `password_changed`, `last_login`,
    `failed`, `locked_until`. For logs: `entry`, `time`, `user`, `type`, `object`, `result`, `source`.
    """

    database: str
    table: str
    columns: dict[str, str] = msgspec.field(default_factory=dict)
    schema: str = ""


class WebFunction(Call):
    """功能: a page or interface, and which roles may use it; `roles` are those of `accounts[].role`.

    `objects` maps an account's id → the ids of objects that are its own (`{object}` in `path` or `fields`);
    what belongs to another account is foreign to it. `shows` marks the true answer. `changes`: it changes
    data when carried out, so that only refusals are asked for, unless `undo` takes the change back.
    `post` tells which of the three posts it belongs to: `system`, `security` or `audit`.
    `also_post`: POST to the path of a GET does nothing but read, too; without that none is ever sent there.
    """

    id: str
    name: str
    method: str = "GET"
    roles: tuple[str, ...] = ()
    shows: Marker = Marker()
    objects: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    changes: bool = False
    undo: Call | None = None
    post: str = ""
    also_post: bool = False


class SecondFactor(Value):
    """The second step of the login: `{code}` is a TOTP code of the account's `otp`, or nothing we can make.

    `prompt` marks the page that asks for it. `factor` is `totp`, `sms`, `ukey`, `certificate`, `biometric`.
    """

    prompt: Marker = Marker()
    step: Call | None = None
    factor: str = "totp"


class PasswordChange(Call):
    """How `account` changes its own password: `{old}` and `{new}` in `fields`. It is set back afterwards.

    `history`: how many earlier passwords the application says it refuses; the toolkit then needs as many
    changes to get back to the old one, and does not begin if that is more than 5.
    """

    account: str
    history: int = 0


class UserAdmin(Value):
    """用户管理, done as `account`: where users are listed, created, given rights and removed.

    `list_path` shows every user; `usernames` is the name of the column or JSON key that holds the name.
    `find_path` searches for `{username}`, where the list has several pages.
    `create` uses `{username}`, `{password}`, `{role}`; `remove`, `disable` and `grant` use `{username}` or
    `{created}`, the id found behind `created_key` (JSON) in the answer. `{role}` is `role` in `create`, and
    `grant_role` in `grant`. All of them only ever name users that the toolkit created itself.
    """

    account: str
    list_path: str = ""
    usernames: str = ""
    create: Call | None = None
    remove: Call | None = None
    disable: Call | None = None
    grant: Call | None = None
    created_key: str = ""
    role: str = ""
    table: TableRef | None = None
    find_path: str = ""
    grant_role: str = ""


class AuditLog(Value):
    """审计记录: a page or interface `path` read as `account`, or a table, or both.

    `columns` maps meaning (see `TableRef`) → table heading or JSON key. `remove` and `alter` are the
    requests, if there are any, that delete or change `{entry}`. `utc_offset_h`: the clock of its times.
    `name` is what it is called where an application has several, such as 登录日志 and 操作日志.
    """

    account: str = ""
    path: str = ""
    columns: dict[str, str] = msgspec.field(default_factory=dict)
    table: TableRef | None = None
    remove: Call | None = None
    alter: Call | None = None
    utc_offset_h: float | None = None
    name: str = ""


class InputField(Value):
    """A field of a form and a right value for it.

    `type` is `text`, `integer`, `decimal`, `date`, `id_card`, `credit_code`, `bank_card`, `phone`, `code`
    or `file`.
    """

    sample: str
    type: str = "text"
    required: bool = False
    max_length: int | None = None
    least: float | None = None
    most: float | None = None
    codes: tuple[str, ...] = ()


class InputForm(Call):
    """A form or interface that may be sent wrong data, as `account`.

    `inputs` maps field → what it must hold; `sample` makes a right one. `remove` takes back what a right
    one created (`{created}`: the id behind `created_key`, or after `created_in` in the location).
    `shown` is the page on which what was created is shown, `shown_also` are lists and logs that name it, too,
    perhaps after it was taken back. `listed` is the list that names what stands, with links or ids: there it
    is looked for where the answer to a submission was lost (`shown` serves where it is a list itself).
    """

    id: str
    name: str
    account: str
    inputs: dict[str, InputField]
    remove: Call | None = None
    created_key: str = ""
    created_in: str = ""
    shown: str = ""
    shown_also: tuple[str, ...] = ()
    listed: str = ""


class PatientView(Value):
    """A page or interface that shows persons, seen as `account`.

    `fields` maps heading or JSON key → what it holds (`name`, `id_card`, `phone`, `bank_card`, `address`,
    `insurance_no`, `other`); `masked` are those that must be shown masked; `behind` are the interfaces the
    page draws from; `surplus` gives a reason for each field beyond the profile's necessary list.
    """

    path: str
    account: str
    name: str = ""
    fields: dict[str, str] = msgspec.field(default_factory=dict)
    masked: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    surplus: dict[str, str] = msgspec.field(default_factory=dict)


class Export(Call):
    """导出: what `account` gets by it, where its file then lies on the server, and which roles may.

    `file_key` is the JSON key that holds the address of the file it made, `file_in` a part of that address
    where the answer leads or links to it; `kept_s` is how long after it was fetched the file may stay, by the
    vendor's word: 0 where it goes at once.
    """

    account: str
    name: str = ""
    method: str = "GET"
    roles: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    file_key: str = ""
    file_in: str = ""
    kept_s: float | None = None


class Signature(Value):
    """How a business message is signed: `algorithm` over `over`, put into `field` (or header `header`).

    `algorithm` is `hmac-sha256`, `hmac-sm3`, `sha256`, `sm3` or `md5` (with the key appended); `over` is
    `body` or a list of field names joined by `joiner`, sorted where `sorted_fields`. `encoding` is `hex`,
    `hex-upper` or `base64`. `key` is a reference like an account's secret.
    """

    algorithm: str
    key: str
    field: str = ""
    header: str = ""
    over: tuple[str, ...] = ("body",)
    joiner: str = "&"
    named: bool = True
    sorted_fields: bool = False
    encoding: str = "hex"


class Message(Call):
    """业务报文 of the toolkit's own: sent right once, then altered, replayed and stale.

    `timestamp_field` holds the time (`timestamp_format`: `unix`, `unix_ms` or a strftime pattern),
    `nonce_field` a number used once; `fresh_s` is how old a message may be by the vendor's word.
    `undo` takes back what one message did; its placeholders are names of `fields`, which are not altered.
    """

    id: str
    name: str
    style: str = "json"
    account: str = ""
    signature: Signature | None = None
    timestamp_field: str = ""
    timestamp_format: str = "unix"
    nonce_field: str = ""
    fresh_s: float | None = None
    undo: Call | None = None


class Application(Value):
    """What the toolkit may try in an application, beyond opening its pages and logging in."""

    functions: tuple[WebFunction, ...] = ()
    second_factor: SecondFactor | None = None
    password_change: PasswordChange | None = None
    users: UserAdmin | None = None
    audit: AuditLog | tuple[AuditLog, ...] | None = None
    inputs: tuple[InputForm, ...] = ()
    patients: tuple[PatientView, ...] = ()
    exports: tuple[Export, ...] = ()
    messages: tuple[Message, ...] = ()
    openapi: str = ""
    roster: tuple[str, ...] = ()

    @property
    def logs(self) -> tuple[AuditLog, ...]:
        """Return the audit logs; one alone need not be written as a list."""
        if self.audit is None:
            return ()
        return (self.audit,) if isinstance(self.audit, AuditLog) else self.audit
