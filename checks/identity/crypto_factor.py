"""1.d.2: does one of the factors rest on cryptography?"""

from __future__ import annotations

from typing import Final

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Judgement
from dengbao.probes.database.facts import DatabaseAccess, DatabaseAccounts, DatabasePasswords
from dengbao.probes.host.facts import HostPam, HostSshd
from dengbao.probes.web.facts_identity import WebSecondFactor
from dengbao.probes.windows.facts import WindowsProviders, WindowsSettings

from .. import databases, db_factors, web_sessions, win_channels, windows
from ..factors import FACTOR_OPTIONS, Way, ways
from ..hosts import SSHD, ask, under_match
from ..wording import listing

# What the facts cannot show and people must add.
HOST_LEFT = "其他登录途径是否使用密码技术，所用密码算法与产品是否合规，须人工核查"
WINDOWS_LEFT = "其他登录途径是否使用密码技术，所用密码算法与产品是否合规，须人工核查"
WEB_LEFT = "其他登录入口是否同样，所用密码算法与产品是否合规，须人工核查"
DATABASE_LEFT = "其他管理途径是否使用密码技术，所用密码算法与产品是否合规，须人工核查"

_CRYPTOGRAPHIC: Final = frozenset({"key", "token", "ticket"})


@check("identity.crypto_factor", half=HOST_LEFT)
def host_uses_a_cryptographic_factor(sshd: HostSshd, pam: HostPam) -> Judgement:
    """Judge that every way in over SSH takes a signature, a one-time password or a ticket.

    Source: GB/T 22239-2019 8.1.4.1 d).
    """
    found = ways(sshd, pam)
    if not found:
        raise Undetermined("经核查，未见开启的 SSH 登录方式，其他登录途径须人工核查")
    plain = [one for one in found if one.factors is not None and not one.factors & _CRYPTOGRAPHIC]
    met, note = under_match(sshd, lambda one: _every_way_is_cryptographic(ways(one, pam)), *FACTOR_OPTIONS)
    seen = f"SSH 登录方式：{listing(one.words for one in found) or '无'}"
    if plain:
        seen += f"，其中 {listing(one.methods for one in plain)} 未使用密码技术"
    criterion = ask(
        "every_way",
        "SSH 的每种登录方式是否均使用密码技术",
        met,
        seen + note,
        SSHD,
        decisive=True,
    )
    return Judgement(
        criteria=(criterion,),
        statement=f"经核查，{criterion.measured}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _every_way_is_cryptographic(found: tuple[Way, ...]) -> bool | None:
    if any(one.factors is not None and not one.factors & _CRYPTOGRAPHIC for one in found):
        return False
    return None if any(one.factors is None for one in found) else True


@check("identity.crypto_factor", half=WINDOWS_LEFT)
def windows_uses_a_cryptographic_factor(settings: WindowsSettings, providers: WindowsProviders) -> Judgement:
    """Judge that interactive logins take a smart card; a foreign provider may ask for as much.

    Source: GB/T 22239-2019 8.1.4.1 d).
    """
    criteria = (win_channels.factors(settings, providers, "交互式登录是否均使用密码技术"),)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("identity.crypto_factor", half=DATABASE_LEFT)
def database_uses_a_cryptographic_factor(
    access: DatabaseAccess, accounts: DatabaseAccounts | None, passwords: DatabasePasswords | None
) -> Judgement:
    """Judge that every way in takes a certificate, a ticket or a hardware key.

    A password stays one, however its hash is stored or sent.

    Source: GB/T 22239-2019 8.1.4.1 d).
    """
    found = db_factors.ways(access, accounts, passwords)
    plain = [one for one in found if one.factors is not None and not one.factors & db_factors.CRYPTOGRAPHIC]
    seen = f"数据库登录方式：{db_factors.told(found)}"
    if plain:
        seen += f"，其中 {listing(one.name for one in plain[:3])} 未使用密码技术"
    question = "每种登录方式是否均使用密码技术"
    criteria = db_factors.every(found, plain, question, seen, access)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )


@check("identity.crypto_factor", half=WEB_LEFT)
def web_uses_a_cryptographic_factor(seen: WebSecondFactor) -> Judgement:
    """Judge that a second factor that rests on cryptography is really asked for.

    Source: GB/T 22239-2019 8.1.4.1 d).
    """
    criterion = web_sessions.cryptographic(seen)
    return Judgement(
        criteria=(criterion,),
        statement=f"经测试验证，账户 {seen.account} {criterion.measured}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=web_sessions.factor_proofs(seen, (criterion,)),
    )
