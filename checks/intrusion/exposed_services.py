"""2.a.2, 4.b.1: does any service answer people who have not logged in?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.errors import Reason
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.host.system_facts import HostListening
from dengbao.probes.ports.facts import PortsOpen
from dengbao.probes.services.facts import GuestTry, PortsUdp, ServicesExposed, ServicesGuests

from ..hosts import ask, told
from ..network import (
    EXPOSED,
    GUESTS,
    bad,
    missed,
    not_settled,
    places,
    reached_by_others,
    spoken_to,
    title,
)
from ..wording import listing

_UDP = "ports.udp"
# Of these an answer without a login is either given or refused; anything else is not clear.
_GUARDED = (
    "redis", "mongodb", "rsync", "vnc", "telnet", "elasticsearch", "docker", "kubernetes", "etcd", "ldap",
)  # fmt: skip
_WHOM = {"anonymous": "匿名", "guest": "来宾", "community public": "团体名 public"}


@check("intrusion.exposed_services", half="未能确认的服务")
def no_service_answers_strangers(
    ports: PortsOpen,
    exposed: ServicesExposed,
    guests: ServicesGuests | None,
    udp: PortsUdp | None,
    listening: HostListening | None,
) -> Judgement:
    """Judge that no service hands out data or functions to somebody who has not logged in.

    FTP, SMB and SNMP tell only when somebody tries to come in as a stranger, which needs authority.

    Source: GB/T 22239-2019 8.1.4.2 a), 8.1.4.4 b).
    """
    criteria = (
        _open_services(exposed, listening),
        *_tftp(udp, listening),
        *_strangers(exposed, guests, listening),
        *_community(guests, udp, listening),
        *missed(ports, exposed),
    )
    lacking = not_settled(ports, exposed)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{spoken_to(exposed)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL if lacking else Coverage.FULL,
        remainder=f"须人工核查：{'；'.join(lacking)}" if lacking else "",
    )


def _open_services(exposed: ServicesExposed, listening: HostListening | None) -> Criterion:
    found = [one for one in exposed.services if one.without_login]
    unclear = [one for one in exposed.services if one.without_login is None and one.protocol in _GUARDED]
    unclear += [one for one in exposed.of("rpcbind") if one.without_login is None and "nfs" in one.options]
    met = bad(reached_by_others(exposed.vantage, listening, one.port) for one in found)
    seen = "未见无需登录即可使用的服务"
    if found:
        seen = f"无需登录即可使用：{places(found)}"
        seen += "，但仅监听回环地址" if met else "，他机能否访问未知" if met is None else ""
    elif unclear:
        seen = f"是否须登录未能确认：{places(unclear)}"
    if met and unclear:
        met = None
    return ask("no_open_service", "是否不存在无需登录即可使用的服务", met, seen, EXPOSED, decisive=True)


def _tftp(udp: PortsUdp | None, listening: HostListening | None) -> tuple[Criterion, ...]:
    """TFTP knows no login at all: whoever answers serves everybody."""
    answered = [one for one in udp.ports if one.protocol == "tftp" and one.state == "answered"] if udp else []
    if udp is None or not answered:
        return ()
    met = bad(reached_by_others(udp.vantage, listening, one.port, "udp") for one in answered)
    return (ask("no_tftp", "是否未开启 TFTP", met, "TFTP（UDP 69）应答，无需登录", _UDP, decisive=True),)


def _strangers(
    exposed: ServicesExposed, guests: ServicesGuests | None, listening: HostListening | None
) -> tuple[Criterion, ...]:
    """Return what strangers got of FTP and SMB, where there are such services."""
    seen = exposed.of("ftp", "smb")
    if not seen:
        return ()
    if guests is None:
        text = f"{places(seen)} 是否接受匿名、来宾未尝试（{Reason.NOT_AUTHORISED.zh}）"
        return (ask("no_guest", "是否不接受匿名、来宾登录", None, text, GUESTS, decisive=True),)
    tried = [one for one in guests.attempts if one.transport == "tcp"]
    let_in = [one for one in tried if one.accepted and not _names_only(one)]
    named = [one for one in tried if one.accepted and _names_only(one)]
    unclear = [one for one in tried if one.accepted is None]
    met = bad(reached_by_others(guests.vantage, listening, one.port) for one in let_in)
    if met and (unclear or not tried):
        met = None
    text = "匿名、来宾登录均被拒绝" if not named else "来宾登录被拒绝"
    if let_in:
        text = f"接受{_attempts(let_in)}登录"
    elif unclear or not tried:
        text = f"匿名、来宾登录的结果未能确认：{_attempts(unclear) or places(seen)}"
    criteria = [ask("no_guest", "是否不接受匿名、来宾登录", met, text, GUESTS, decisive=True)]
    if named:
        shares = listing(dict.fromkeys(share for one in named for share in one.shares or ()))
        told_met = bad(reached_by_others(guests.vantage, listening, one.port) for one in named)
        text = f"未登录即可列出 SMB 共享（{shares}）"
        criteria.append(ask("no_listing", "是否不向未登录者列出共享", told_met, text, GUESTS))
    return tuple(criteria)


def _names_only(one: GuestTry) -> bool:
    """A session in nobody's name opens no share; it shows at most their names."""
    return one.protocol == "smb" and one.as_whom == "anonymous"


def _attempts(tries: list[GuestTry]) -> str:
    return listing(
        f"{title(one.protocol)}（{one.port}）{_WHOM.get(one.as_whom, one.as_whom)}" for one in tries
    )


def _community(
    guests: ServicesGuests | None, udp: PortsUdp | None, listening: HostListening | None
) -> tuple[Criterion, ...]:
    """An agent meets a wrong community with silence: where it is known to be there, silence is a refusal."""
    question = "SNMP 是否不接受默认团体名"
    there = udp is not None and any(one.protocol == "snmp" and one.state == "answered" for one in udp.ports)
    tried = next((one for one in guests.attempts if one.protocol == "snmp"), None) if guests else None
    if tried is not None and tried.accepted:
        reached = reached_by_others(guests.vantage if guests else "", listening, tried.port, "udp")
        text = "SNMP（UDP 161）接受默认团体名 public"
        return (ask("no_public", question, bad((reached,)), text, GUESTS, decisive=True),)
    if not there:
        return ()
    if tried is None:
        text = "SNMP（UDP 161）有应答，是否接受默认团体名未尝试"
        return (ask("no_public", question, None, text, GUESTS, decisive=True),)
    return (
        ask("no_public", question, True, "SNMP（UDP 161）不接受默认团体名 public", GUESTS, decisive=True),
    )
