"""1.d of databases: which proofs every way in asks for."""

from __future__ import annotations

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAccess, DatabaseAccounts, DatabasePasswords

from .. import databases, hba
from ..db_factors import CRYPTOGRAPHIC, Way, told, ways
from ..hosts import ask
from ..wording import listing

_REMAINDER = "堡垒机、运维平台等其他管理途径是否同样采用两种以上鉴别技术，须人工核查"
_CRYPTO = "其他管理途径是否使用密码技术，所用密码算法与产品是否合规，须人工核查"


@check("identity.two_factor")
def database_demands_two_factors(
    access: DatabaseAccess, accounts: DatabaseAccounts | None, passwords: DatabasePasswords | None
) -> Judgement:
    """Judge that every way in takes two different factors; one way with a single factor fails.

    A certificate besides the password counts where it must be the user's own (`verify-full`, `X509`).
    What LDAP, RADIUS, PAM or the operating system ask for is not known here.

    Source: GB/T 22239-2019 8.1.4.1 d).
    """
    found = _found(access, accounts, passwords)
    single = [one for one in found if one.factors is not None and len(one.factors) < 2]
    seen = f"数据库登录方式：{told(found)}"
    if single:
        seen += f"，其中 {len(single)} 种只需一种鉴别技术"
    question = "每种登录方式是否均需两种不同鉴别技术"
    return _judged(_every(found, single, question, seen), access, _REMAINDER)


@check("identity.crypto_factor")
def database_uses_a_cryptographic_factor(
    access: DatabaseAccess, accounts: DatabaseAccounts | None, passwords: DatabasePasswords | None
) -> Judgement:
    """Judge that every way in takes a certificate, a ticket or a hardware key.

    A password stays one, however its hash is stored or sent.

    Source: GB/T 22239-2019 8.1.4.1 d).
    """
    found = _found(access, accounts, passwords)
    plain = [one for one in found if one.factors is not None and not one.factors & CRYPTOGRAPHIC]
    seen = f"数据库登录方式：{told(found)}"
    if plain:
        seen += f"，其中 {listing(one.name for one in plain[:3])} 未使用密码技术"
    question = "每种登录方式是否均使用密码技术"
    return _judged(_every(found, plain, question, seen), access, _CRYPTO)


def _found(
    access: DatabaseAccess, accounts: DatabaseAccounts | None, passwords: DatabasePasswords | None
) -> tuple[Way, ...]:
    found = ways(access, accounts, passwords)
    if not found:
        raise Undetermined("经核查，未见可用的登录方式，其他登录途径须人工核查")
    return found


def _every(found: tuple[Way, ...], bad: list[Way], question: str, seen: str) -> Criterion:
    met = False if bad else None if any(one.factors is None for one in found) else True
    return ask("every_way", question, met, seen, databases.ACCESS, decisive=True)


def _judged(criterion: Criterion, access: DatabaseAccess, remainder: str) -> Judgement:
    criteria = (criterion, *hba.certain(access))
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=remainder,
    )
