"""1.d.1: do users need two different factors?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAccess, DatabaseAccounts, DatabasePasswords
from dengbao.probes.host.facts import HostPam, HostSshd
from dengbao.probes.web.facts_identity import WebSecondFactor
from dengbao.probes.windows.facts import WindowsProviders, WindowsSettings

from .. import databases, db_factors, web_sessions, win_channels, windows
from ..factors import FACTOR_OPTIONS, Way, ways
from ..hosts import SSHD, ask, under_match
from ..wording import listing

# What the facts cannot show and people must add.
HOST_LEFT = "本地控制台、带外管理、堡垒机等其他登录途径是否同样采用两种以上鉴别技术，须人工核查"
WINDOWS_LEFT = "带外管理、堡垒机等其他登录途径是否同样采用两种以上鉴别技术，须人工核查"
WEB_LEFT = "其他登录入口、其他角色是否同样采用两种以上鉴别技术，须人工核查"
DATABASE_LEFT = "堡垒机、运维平台等其他管理途径是否同样采用两种以上鉴别技术，须人工核查"


@check("identity.two_factor", half=HOST_LEFT)
def host_demands_two_factors(sshd: HostSshd, pam: HostPam) -> Judgement:
    """Judge that every way in over SSH takes two different factors; one way with a single factor fails.

    Source: GB/T 22239-2019 8.1.4.1 d).
    """
    found = ways(sshd, pam)
    if not found:
        raise Undetermined("经核查，未见开启的 SSH 登录方式，其他登录途径须人工核查")
    criterion = _two(found, sshd, pam)
    return Judgement(
        criteria=(criterion,),
        statement=f"经核查，{criterion.measured}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _two(found: tuple[Way, ...], sshd: HostSshd, pam: HostPam) -> Criterion:
    single = [one for one in found if one.factors is not None and len(one.factors) < 2]
    met, note = under_match(sshd, lambda one: _every_way_takes_two(ways(one, pam)), *FACTOR_OPTIONS)
    seen = f"SSH 登录方式：{listing(one.words for one in found) or '无'}"
    if single:
        seen += f"，其中 {listing(one.methods for one in single)} 只需一种鉴别技术"
    return ask(
        "every_way",
        "SSH 的每种登录方式是否均需两种不同鉴别技术",
        met,
        seen + note,
        SSHD,
        decisive=True,
    )


def _every_way_takes_two(found: tuple[Way, ...]) -> bool | None:
    if any(one.factors is not None and len(one.factors) < 2 for one in found):
        return False
    return None if any(one.factors is None for one in found) else True


@check("identity.two_factor", half=WINDOWS_LEFT)
def windows_demands_a_smart_card(settings: WindowsSettings, providers: WindowsProviders) -> Judgement:
    """Judge that interactive logins take a smart card; a foreign provider may ask for as much.

    Source: GB/T 22239-2019 8.1.4.1 d).
    """
    criteria = (win_channels.factors(settings, providers, "交互式登录是否均需两种不同鉴别技术"),)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("identity.two_factor", half=DATABASE_LEFT)
def database_demands_two_factors(
    access: DatabaseAccess, accounts: DatabaseAccounts | None, passwords: DatabasePasswords | None
) -> Judgement:
    """Judge that every way in takes two different factors; one way with a single factor fails.

    A certificate besides the password counts where it must be the user's own (`verify-full`, `X509`).
    What LDAP, RADIUS, PAM or the operating system ask for is not known here.

    Source: GB/T 22239-2019 8.1.4.1 d).
    """
    found = db_factors.ways(access, accounts, passwords)
    single = [one for one in found if one.factors is not None and len(one.factors) < 2]
    seen = f"数据库登录方式：{db_factors.told(found)}"
    if single:
        seen += f"，其中 {len(single)} 种只需一种鉴别技术"
    question = "每种登录方式是否均需两种不同鉴别技术"
    criteria = db_factors.every(found, single, question, seen, access)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )


@check("identity.two_factor", half=WEB_LEFT)
def web_demands_two_factors(seen: WebSecondFactor) -> Judgement:
    """Judge that the password alone does not get in, that the second step cannot be left out or guessed.

    Source: GB/T 22239-2019 8.1.4.1 d).
    """
    criteria = web_sessions.demanded(seen)
    told = "；".join(one.measured for one in criteria)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，账户 {seen.account} {told}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=web_sessions.factor_proofs(seen, criteria),
    )
