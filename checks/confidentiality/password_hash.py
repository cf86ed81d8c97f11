"""7.b.1: are stored passwords protected by cryptography?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.database.facts import DatabasePasswords
from dengbao.probes.host.facts import HostAccounts, HostPam, HostPasswords, HostPolicy, PamRule

from .. import databases, db_accounts, db_products
from ..hosts import PAM, ask, local_only, told
from ..schemes import stored_hashes

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


@check("confidentiality.password_hash")
def database_passwords_are_hashed(asset: DatabaseAsset, passwords: DatabasePasswords) -> Judgement:
    """Judge that stored passwords are salted hashes of a kind that is not broken.

    Source: GB/T 22239-2019 8.1.4.8 b).
    """
    criteria = db_accounts.hashed(passwords)
    redis = asset.platform == db_products.REDIS
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL if redis else Coverage.FULL,
        remainder="核查 redis.conf、ACL 文件中的口令是否为明文" if redis else "",
    )
