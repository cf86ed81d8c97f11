"""What must hold in the description of an application beyond the types of its values."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from ..model import (
    Account,
    Application,
    Asset,
    AuditLog,
    Call,
    DatabaseAsset,
    Engagement,
    InputForm,
    PatientView,
    TableRef,
    UserAdmin,
    WebAsset,
    WebFunction,
)
from ..reading import Mistake, suggest
from ..yamlfile import Place

_STYLES: Final = ("form", "json", "query", "multipart")
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_POSTS: Final = ("", "system", "security", "audit")
_TYPES: Final = (
    "text", "integer", "decimal", "date", "id_card", "credit_code", "bank_card", "phone", "code", "file",
)  # fmt: skip
_SHOWN: Final = ("name", "id_card", "phone", "bank_card", "address", "insurance_no", "other")
_FACTORS: Final = ("totp", "sms", "ukey", "certificate", "biometric")
_ALGORITHMS: Final = ("hmac-sha256", "hmac-sm3", "sha256", "sm3", "md5")
_ENCODINGS: Final = ("hex", "hex-upper", "base64")
_REFERENCE: Final = re.compile(r"\$\{ENV:[A-Za-z_][A-Za-z0-9_]*\}|keyring:[^/\s]+/\S.*|prompt:")
_REFERENCE_CURE: Final = "写成 ${ENV:名称}、keyring:服务/用户 或 prompt:"
_ID: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")


def find_app_faults(place: Place, asset: WebAsset, engagement: Engagement) -> Iterator[Mistake]:
    """Yield what is wrong with an asset's `app`; nothing is resolved or contacted."""
    app = asset.app
    if app is None:
        return
    here: Place = (*place, "app")
    for where, call in _calls(here, app):
        yield from _one_of((*where, "style"), call.style, _STYLES)
        yield from _one_of((*where, "method"), call.method, _METHODS)
    yield from _accounts(here, app, asset)
    yield from _named(here, app)
    yield from _words(here, app)
    if app.users is not None:
        yield from _users((*here, "users"), app.users)
    yield from _several(here, app)
    for where, table in _tables(here, app):
        yield from _table(where, table, engagement.assets)
    for where, secret in _secrets(place, here, asset.accounts, app):
        if secret and not _REFERENCE.fullmatch(secret):
            yield Mistake(where, "密钥、种子必须写成引用，不得写明文", _REFERENCE_CURE)


def _calls(here: Place, app: Application) -> Iterator[tuple[Place, Call]]:
    """Yield every request that is described, with its place."""
    for key, several in (
        ("functions", app.functions), ("inputs", app.inputs), ("exports", app.exports),
        ("messages", app.messages),
    ):  # fmt: skip
        for number, one in enumerate(several):
            yield (*here, key, number), one
            for part in ("undo", "remove"):
                inner = getattr(one, part, None)
                if isinstance(inner, Call):
                    yield (*here, key, number, part), inner
    if app.password_change is not None:
        yield (*here, "password_change"), app.password_change
    for key, holder, parts in (
        ("users", app.users, ("create", "remove", "disable", "grant")),
        ("second_factor", app.second_factor, ("step",)),
    ):
        for part in parts:
            inner = getattr(holder, part, None)
            if isinstance(inner, Call):
                yield (*here, key, part), inner
    yield from _on_logs(here, app)


def _on_logs(here: Place, app: Application) -> Iterator[tuple[Place, Call]]:
    for where, log in _logs(here, app):
        for part, call in (("remove", log.remove), ("alter", log.alter)):
            if call is not None:
                yield (*where, part), call


def _several(here: Place, app: Application) -> Iterator[Mistake]:
    """Yield logs of a list that are nowhere, or cannot be told apart."""
    if isinstance(app.audit, AuditLog):
        return
    names = [one.name for one in app.logs]
    for where, log in _logs(here, app):
        if not log.path and log.table is None:
            yield Mistake(where, "未写审计记录在何处", "写 path（页面或接口）或 table")
        if names.count(log.name) > 1:
            yield Mistake(
                (*where, "name"), "登记了几个审计记录而名称相同或未写", "各写一个 name，如 登录日志、操作日志"
            )


def _logs(here: Place, app: Application) -> Iterator[tuple[Place, AuditLog]]:
    """Yield every audit log with its place: one alone, or those of a list."""
    alone = isinstance(app.audit, AuditLog)
    for number, log in enumerate(app.logs):
        yield ((*here, "audit") if alone else (*here, "audit", number)), log


def _accounts(here: Place, app: Application, asset: WebAsset) -> Iterator[Mistake]:
    known = [one.id for one in asset.accounts]
    for where, used in _used(here, app):
        if used and used not in known:
            yield Mistake(
                where, f"测评对象 {asset.id} 没有账户“{used}”", suggest(used, known) or "在 accounts 中登记"
            )
    yield from _two_roles(here[:-1], asset)
    roles = {one.role for one in asset.accounts if one.role}
    for number, function in enumerate(app.functions):
        for role in function.roles:
            if role not in roles:
                yield Mistake(
                    (*here, "functions", number, "roles"), f"没有角色为“{role}”的账户",
                    suggest(role, roles) or "在 accounts 中为该角色登记一个测试账户",
                )  # fmt: skip


def _two_roles(place: Place, asset: WebAsset) -> Iterator[Mistake]:
    """Yield accounts that are one to the application but stand for two roles: each would have both rights."""
    seen: dict[str, Account] = {}
    for number, one in enumerate(asset.accounts):
        other = seen.setdefault(one.username.casefold(), one)
        if one.role and other.role and one.role != other.role:
            yield Mistake(
                (*place, "accounts", number, "username"),
                f"测评对象 {asset.id} 的账户 {other.id} 与 {one.id} 用户名相同而角色不同",
                "为每个角色登记一个自己的测试账户",
            )  # fmt: skip


def _used(here: Place, app: Application) -> Iterator[tuple[Place, str]]:
    if app.password_change is not None:
        yield (*here, "password_change", "account"), app.password_change.account
    if app.users is not None:
        yield (*here, "users", "account"), app.users.account
    for where, log in _logs(here, app):
        yield (*where, "account"), log.account
    for key, accounts in (
        ("inputs", [one.account for one in app.inputs]),
        ("patients", [one.account for one in app.patients]),
        ("exports", [one.account for one in app.exports]),
        ("messages", [one.account for one in app.messages]),
    ):
        for number, account in enumerate(accounts):
            yield (*here, key, number, "account"), account
    for number, function in enumerate(app.functions):
        for account in function.objects:
            yield (*here, "functions", number, "objects"), account


def _named(here: Place, app: Application) -> Iterator[Mistake]:
    for key, ids in (
        ("functions", [one.id for one in app.functions]),
        ("inputs", [one.id for one in app.inputs]),
        ("messages", [one.id for one in app.messages]),
    ):
        seen: set[str] = set()
        for number, one in enumerate(ids):
            where = (*here, key, number, "id")
            if not _ID.fullmatch(one):
                yield Mistake(where, f"编号“{one[:64]}”不合格式", "用英文字母、数字、- 和 _")
            if one in seen:
                yield Mistake(where, f"编号“{one}”重复", "每个编号只用一次")
            seen.add(one)


def _words(here: Place, app: Application) -> Iterator[Mistake]:
    for number, function in enumerate(app.functions):
        yield from _function((*here, "functions", number), function)
    for number, form in enumerate(app.inputs):
        yield from _input((*here, "inputs", number), form)
    for number, view in enumerate(app.patients):
        yield from _view((*here, "patients", number), view)
    if app.second_factor is not None:
        yield from _one_of((*here, "second_factor", "factor"), app.second_factor.factor, _FACTORS)
    for number, message in enumerate(app.messages):
        if message.signature is not None:
            where = (*here, "messages", number, "signature")
            yield from _one_of((*where, "algorithm"), message.signature.algorithm, _ALGORITHMS)
            yield from _one_of((*where, "encoding"), message.signature.encoding, _ENCODINGS)
            if not message.signature.field and not message.signature.header:
                yield Mistake(where, "未写签名放在何处", "写 field 或 header")


def _function(where: Place, function: WebFunction) -> Iterator[Mistake]:
    yield from _one_of((*where, "post"), function.post, _POSTS)
    uses = "{object}" in function.path or any("{object}" in one for one in function.fields.values())
    if uses and not function.objects:
        yield Mistake((*where, "objects"), "用了 {object}，未登记对象编号", "写 objects: {账户: [编号]}")


def _input(where: Place, form: InputForm) -> Iterator[Mistake]:
    if "{" in form.listed:
        yield Mistake((*where, "listed"), "清单页面的地址不能含占位符", "写列出所建数据的页面，如 /patients")
    for name, one in form.inputs.items():
        yield from _one_of((*where, "inputs", name, "type"), one.type, _TYPES)
        if one.type == "code" and not one.codes:
            yield Mistake((*where, "inputs", name, "codes"), "字典项未列出代码", "写 codes: [代码, …]")


def _users(where: Place, users: UserAdmin) -> Iterator[Mistake]:
    """Yield requests that would have no user of ours to be tried on, or would not name it."""
    for part, call in (("disable", users.disable), ("grant", users.grant)):
        if call is None:
            continue
        if users.create is None or users.remove is None:
            yield Mistake(
                (*where, part), f"{part} 只用于检测时新建的用户，而未登记新建与删除用户的请求",
                "同时登记 create 与 remove",
            )  # fmt: skip
        texts = (call.path, *call.fields.values())
        if not any(name in text for name in ("{username}", "{created}") for text in texts):
            yield Mistake((*where, part), f"{part} 未写明用于哪个用户", "用 {username} 或 {created}")
    if users.find_path and "{username}" not in users.find_path:
        yield Mistake((*where, "find_path"), "未写明查找哪个用户", "用 {username}，如 /users?q={username}")


def _view(where: Place, view: PatientView) -> Iterator[Mistake]:
    for name, holds in view.fields.items():
        yield from _one_of((*where, "fields", name), holds, _SHOWN)
    for name in view.masked:
        if name not in view.fields:
            yield Mistake((*where, "masked"), f"“{name}”未在 fields 中登记", suggest(name, view.fields))


def _tables(here: Place, app: Application) -> Iterator[tuple[Place, TableRef]]:
    if app.users is not None and app.users.table is not None:
        yield (*here, "users", "table"), app.users.table
    for where, log in _logs(here, app):
        if log.table is not None:
            yield (*where, "table"), log.table


def _table(where: Place, table: TableRef, assets: Collection[Asset]) -> Iterator[Mistake]:
    databases = [one.id for one in assets if isinstance(one, DatabaseAsset)]
    if table.database not in databases:
        yield Mistake(
            (*where, "database"), f"没有数据库“{table.database}”",
            suggest(table.database, databases) or "在 assets 中登记该数据库",
        )  # fmt: skip


def _secrets(
    place: Place, here: Place, accounts: Collection[Account], app: Application
) -> Iterator[tuple[Place, str]]:
    for number, account in enumerate(accounts):
        yield (*place, "accounts", number, "otp"), account.otp
    for number, message in enumerate(app.messages):
        if message.signature is not None:
            yield (*here, "messages", number, "signature", "key"), message.signature.key


def _one_of(where: Place, value: str, known: Collection[str]) -> Iterator[Mistake]:
    if value not in known:
        yield Mistake(where, f"“{value[:40]}”不在可选之列", suggest(value, known))
