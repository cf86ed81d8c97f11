"""1.c.1: can the host be administered over the network in clear?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.host.system_facts import HostListening
from dengbao.probes.ports.facts import PortsOpen
from dengbao.probes.services.facts import Service, ServicesExposed, ServicesGuests

from ..hosts import ask, told
from ..network import EXPOSED, GUESTS, bad, missed, not_settled, places, reached_by_others, spoken_to

_CLEAR = ("telnet", "rlogin", "rsh", "rexec", "x11")


@check("identity.cleartext_admin", half="未能确认的服务")
def no_cleartext_administration_answers(
    ports: PortsOpen,
    exposed: ServicesExposed,
    guests: ServicesGuests | None,
    listening: HostListening | None,
) -> Judgement:
    """Judge that nothing that administers the host in clear answers, whatever its port.

    Source: GB/T 22239-2019 8.1.4.1 c).
    """
    criteria = (
        _clear(exposed, listening),
        *_ftp(exposed, guests, listening),
        *_vnc(exposed, listening),
        *_rdp(exposed, listening),
        *_snmp(guests, listening),
        *missed(ports, exposed),
    )
    lacking = not_settled(ports, exposed)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{spoken_to(exposed)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL if lacking else Coverage.FULL,
        remainder=f"须人工核查：{'；'.join(lacking)}" if lacking else "",
    )


def _reached(found: list[Service], exposed: ServicesExposed, listening: HostListening | None) -> bool | None:
    return bad(reached_by_others(exposed.vantage, listening, one.port) for one in found)


def _clear(exposed: ServicesExposed, listening: HostListening | None) -> Criterion:
    found = list(exposed.of(*_CLEAR))
    seen = (
        f"开启了明文远程管理：{places(found)}"
        if found
        else "未见 Telnet、rlogin、rsh、rexec、X11 明文远程管理"
    )
    met = _reached(found, exposed, listening)
    return ask("no_cleartext", "是否未开启明文远程管理", met, seen, EXPOSED, decisive=True)


def _ftp(
    exposed: ServicesExposed, guests: ServicesGuests | None, listening: HostListening | None
) -> tuple[Criterion, ...]:
    found = list(exposed.of("ftp"))
    if not found:
        return ()
    tried = {one.port for one in guests.attempts if one.demands_encryption} if guests else set()
    demanding = [
        one
        for one in found
        if one.encrypted or one.demands_encryption or (one.demands_encryption is None and one.port in tried)
    ]
    clear = [one for one in found if False in (one.offers_encryption, one.demands_encryption)]
    clear = [one for one in clear if not one.encrypted]
    unclear = [one for one in found if one not in clear and one not in demanding]
    met = _reached(clear, exposed, listening)
    seen = "FTP 均要求加密"
    if clear:
        seen = f"{places(clear)} 不支持或不强制加密，口令可明文传输"
    elif unclear:
        seen = f"{places(unclear)} 支持加密，是否强制加密未能确认"
    return (
        ask("ftp", "FTP 是否加密", None if met and unclear else met, seen, EXPOSED, decisive=True),
    )  # fmt: skip


def _vnc(exposed: ServicesExposed, listening: HostListening | None) -> tuple[Criterion, ...]:
    found = list(exposed.of("vnc"))
    if not found:
        return ()
    clear = [one for one in found if one.encrypted is False]
    unclear = [one for one in found if one.encrypted is None]
    met = _reached(clear, exposed, listening)
    seen = f"{places(found)} 均加密"
    if clear:
        options = "、".join(dict.fromkeys(option for one in clear for option in one.options))
        seen = f"{places(clear)} 画面与键盘不加密（安全类型 {options}）"
    elif unclear:
        seen = f"{places(unclear)} 是否加密未能确认"
    return (ask("vnc", "VNC 是否加密", None if met and unclear else met, seen, EXPOSED, decisive=True),)


def _rdp(exposed: ServicesExposed, listening: HostListening | None) -> tuple[Criterion, ...]:
    found = list(exposed.of("rdp"))
    if not found:
        return ()
    old = [one for one in found if one.encrypted is False]
    unclear = [one for one in found if one.encrypted is None]
    met = _reached(old, exposed, listening)
    seen = f"{places(found)} 仅接受 TLS、NLA"
    if old:
        seen = f"{places(old)} 接受标准 RDP 加密（不经 TLS）"
    elif unclear:
        seen = f"{places(unclear)} 的加密方式未能确认"
    return (ask("rdp", "远程桌面是否只接受 TLS、NLA", None if met and unclear else met, seen, EXPOSED),)


def _snmp(guests: ServicesGuests | None, listening: HostListening | None) -> tuple[Criterion, ...]:
    found = [one for one in guests.attempts if one.protocol == "snmp" and one.accepted] if guests else []
    if guests is None or not found:
        return ()
    met = bad(reached_by_others(guests.vantage, listening, one.port, "udp") for one in found)
    return (ask("snmp", "SNMP 是否加密", met, "SNMP 以 v2c 明文应答", GUESTS),)
