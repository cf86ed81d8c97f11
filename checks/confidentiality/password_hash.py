"""7.b.1: are stored passwords protected by cryptography?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.database.facts import DatabasePasswords, DatabaseSensitive
from dengbao.probes.host.facts import HostAccounts, HostPam, HostPasswords, HostPolicy, PamRule
from dengbao.probes.windows.facts import WindowsPolicy, WindowsSettings

from .. import databases, db_accounts, db_hashes, db_products, win_policy, windows
from ..hosts import PAM, ask, local_only, told
from ..schemes import stored_hashes

# What the facts cannot show and people must add.
LEFT = "NT 散列是否满足本单位对密码技术的要求，由测评人员确认"

_STRONG: Final = frozenset({"yescrypt", "gost_yescrypt", "sha512", "sha256", "blowfish", "bcrypt", "sm3"})
_WEAK: Final = frozenset({"md5", "des", "bigcrypt"})


@check("confidentiality.password_hash")
def host_passwords_are_hashed(
    accounts: HostAccounts, passwords: HostPasswords, pam: HostPam, policy: HostPolicy
) -> Judgement:
    """Judge the hashes stored now, and the algorithm new passwords will get.

    Source: GB/T 22239-2019 8.1.4.8 b).
    """
    criteria = (stored_hashes(passwords), _new_hashes(pam, policy), *local_only(accounts))
    return Judgement(criteria=criteria, statement=f"经核查，{told(criteria)}。")


def _new_hashes(pam: HostPam, policy: HostPolicy) -> Criterion:
    """Return whether new passwords get a strong hash: by pam_unix, else by login.defs, which it reads."""
    question = "新口令是否以安全的散列算法存储"
    rules = pam.stack("passwd", "password")
    if rules is None:
        return ask("new_hashes", question, None, "新口令的散列算法未能确认", PAM)
    named = _named(rules) or (policy.login_defs or {}).get("ENCRYPT_METHOD", "").lower()
    met = True if named in _STRONG else False if named in _WEAK else None
    return ask("new_hashes", question, met, f"新口令的散列算法为 {named or '未设置'}", PAM)


def _named(rules: Iterable[PamRule]) -> str:
    for rule in rules:
        if rule.module == "pam_unix.so":
            return next((one for one in rule.args if one in _STRONG | _WEAK), "")
    return ""


@check("confidentiality.password_hash", half="未登记应用用户表的口令列的，须核查用户表")
def database_passwords_are_hashed(
    asset: DatabaseAsset, passwords: DatabasePasswords, sensitive: DatabaseSensitive | None
) -> Judgement:
    """Judge that stored passwords are salted hashes of a kind that is not broken.

    So are those of the application's own users, where the engagement declares their column.

    Source: GB/T 22239-2019 8.1.4.8 b).
    """
    columns = db_hashes.declared(sensitive)
    criteria = (*_of_accounts(passwords, bool(columns)), *db_hashes.hashed(columns))
    remainder = _remainder(asset)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL if remainder else Coverage.FULL,
        remainder=remainder,
    )


def _of_accounts(passwords: DatabasePasswords, more: bool) -> tuple[Criterion, ...]:
    """Return the criteria on the database's own accounts; none stored is no obstacle where there is more."""
    if more and not any(one.scheme for one in passwords.passwords):
        return ()
    return db_accounts.hashed(passwords)


def _remainder(asset: DatabaseAsset) -> str:
    if asset.platform == db_products.REDIS:
        return "核查 redis.conf、ACL 文件中的口令是否为明文"
    if any(one.holds == "password" for one in asset.sensitive):
        return ""
    return "应用用户表的口令列未登记（sensitive 中 holds: password），其存储方式须核查"


@check("confidentiality.password_hash", half=LEFT)
def windows_passwords_are_hashed(policy: WindowsPolicy, settings: WindowsSettings) -> Judgement:
    """Judge that passwords are kept neither reversibly nor as LM hashes.

    What is left is the NT hash (MD4, no salt), which the system encrypts; a person decides on it.

    Source: GB/T 22239-2019 8.1.4.8 b).
    """
    criteria = win_policy.hashed(policy, settings)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria, "口令以 NT 散列（MD4）存于受系统加密保护的 SAM"),
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
    )
