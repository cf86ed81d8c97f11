"""Criteria on the network side of databases: from where, and whether encrypted."""

from __future__ import annotations

from typing import Final

from dengbao.model import Criterion
from dengbao.probes.database.facts import DatabaseAccess, DatabaseAccounts, DatabaseServer

from . import db_products, hba
from .databases import ACCESS, ACCOUNTS, from_anywhere, from_elsewhere, labels, logins, whole
from .hosts import ask
from .wording import listing

# What addresses of this machine itself begin with.
_NEAR: Final = ("127.", "::1", "localhost")


def local_only(access: DatabaseAccess) -> Criterion | None:
    """Return a criterion that is met where the server listens on this machine only, else None."""
    if access.remote is not False:
        return None
    far = [one for one in access.listens if not one.startswith(_NEAR)]
    seen = f"服务仅监听本机（{listing(access.listens) or '不监听网络'}），不能经网络访问"
    if far:
        seen = f"服务监听 {listing(far)}，但保护模式（protected-mode）拒绝其他主机的连接"
    return ask("local_only", "是否仅监听本机", True, seen, ACCESS)


def encrypted(
    platform: str,
    access: DatabaseAccess,
    accounts: DatabaseAccounts | None,
    allowed: tuple[str, ...],
) -> tuple[Criterion, ...]:
    """Return whether every connection from other machines must be encrypted."""
    alone = local_only(access)
    if alone is not None:
        return (alone,)
    offered = ask(
        "tls_offered",
        "服务器是否启用 TLS",
        access.tls_enabled,
        {True: "已启用 TLS", False: "未启用 TLS", None: "是否启用 TLS 未知"}[access.tls_enabled],
        ACCESS,
        decisive=True,
    )
    if access.has_rules and not hba.admitting(access):
        seen = "监听网络，但没有允许其他主机登录的访问规则"
        return (*hba.certain(access), ask("nobody", "是否不允许其他主机登录", True, seen, ACCESS))
    if access.has_rules:
        return (*hba.certain(access), offered, _rules_refuse_plain(access), *_versions(access, allowed))
    if platform in db_products.OTHERS:
        return (offered, db_products.refuses_plain(platform, access), *_versions(access, allowed))
    complete = whole(accounts) if accounts is not None and not access.tls_required else ()
    if accounts is not None and not any(from_elsewhere(one) for one in logins(accounts)):
        seen = f"监听网络，但可登录的账户均限本机：{labels(logins(accounts))}"
        return (ask("nobody", "是否不允许其他主机登录", True, seen, ACCOUNTS), *whole(accounts))
    return (offered, _accounts_refuse_plain(access, accounts), *complete, *_versions(access, allowed))


def _rules_refuse_plain(access: DatabaseAccess) -> Criterion:
    found = hba.open_to_plain(access)
    return ask(
        "plain_refused",
        "是否拒绝未加密的远程连接",
        not found,
        f"允许其他主机未加密连接的规则：{hba.lines(found)}",
        ACCESS,
        decisive=True,
    )


def _accounts_refuse_plain(access: DatabaseAccess, accounts: DatabaseAccounts | None) -> Criterion:
    question = "是否拒绝未加密的远程连接"
    if access.tls_required:
        seen = "require_secure_transport 为 ON"
        return ask("plain_refused", question, True, seen, ACCESS, decisive=True)
    if accounts is None:
        seen = "require_secure_transport 为 OFF，账户的 TLS 要求未能读取"
        return ask("plain_refused", question, None, seen, ACCESS, decisive=True)
    far = [one for one in logins(accounts) if from_elsewhere(one)]
    bare = [one for one in far if not one.tls_required]
    seen = (
        f"require_secure_transport 为 OFF；可远程登录的账户 {len(far)} 个，其中不要求 TLS 的：{labels(bare)}"
    )
    return ask("plain_refused", question, not bare, seen, ACCOUNTS, decisive=True)


def _versions(access: DatabaseAccess, allowed: tuple[str, ...]) -> tuple[Criterion, ...]:
    if not access.tls_enabled:
        return ()
    versions = access.tls_versions
    old = [one for one in versions or () if one not in allowed]
    seen = "TLS 版本未能读取" if versions is None else f"TLS 版本 {listing(versions) or '无'}"
    met = None if versions is None else not old
    return (ask("versions", f"是否仅启用 {'、'.join(allowed)}", met, seen, ACCESS),)


def own_session(server: DatabaseServer | None) -> str:
    """Return how our own session was protected, as the end of a statement."""
    if server is None or server.encrypted is None:
        return ""
    if not server.encrypted:
        return "；本次检测会话未加密"
    checked = "已核验服务器证书" if server.certificate_checked else "未核验服务器证书"
    return f"；本次检测会话以 {server.tls_version} {server.tls_cipher} 加密（{checked}）"


def limited(
    platform: str, access: DatabaseAccess, accounts: DatabaseAccounts | None
) -> tuple[Criterion, ...]:
    """Return whether addresses that may connect are limited."""
    alone = local_only(access)
    if alone is not None:
        return (alone,)
    if access.has_rules:
        rules = hba.admitting(access)
        wide = [one for one in rules if hba.is_everywhere(one)]
        seen = f"允许其他主机登录的规则 {len(rules)} 条，其中不限地址的：{hba.lines(wide)}"
        return (
            *hba.certain(access),
            ask("sources", "是否限制接入地址", not wide, seen, ACCESS, decisive=True),
        )
    if accounts is None:
        return (ask("sources", "是否限制接入地址", None, "账户的主机限制未能读取", ACCOUNTS, decisive=True),)
    if platform in db_products.OTHERS:
        return (*_by_account(platform, accounts), *whole(accounts))
    far = [one for one in logins(accounts) if from_elsewhere(one)]
    anywhere = [one for one in far if from_anywhere(one)]
    seen = f"可远程登录的账户 {len(far)} 个，其中不限主机的：{labels(anywhere)}"
    return (
        ask("sources", "是否限制接入地址", not anywhere, seen, ACCOUNTS, decisive=True),
        *whole(accounts),
    )


def _by_account(platform: str, accounts: DatabaseAccounts) -> tuple[Criterion, ...]:
    """Return whether every account is kept to addresses, where the product keeps such with accounts."""
    question = "是否限制接入地址"
    found = logins(accounts)
    if any(one.sources is None for one in found) or not found:
        name = db_products.name_of(platform)
        seen = f"{name} 的账户不限定来源地址，是否由防火墙或监听配置限制未能得知"
        return (ask("sources", question, None, seen, ACCOUNTS, decisive=True),)
    anywhere = [one for one in found if not one.sources]
    seen = f"可登录的账户 {len(found)} 个，其中不限来源地址的：{labels(anywhere)}"
    return (ask("sources", question, not anywhere, seen, ACCOUNTS, decisive=True),)
