"""4.b.2: are there open ports that nobody needs, above all high-risk ones?"""

from __future__ import annotations

from collections.abc import Iterable

from dengbao.checking import Params, check
from dengbao.errors import Reason, Undetermined
from dengbao.model import Coverage, Criterion, HostAsset, Judgement
from dengbao.probes.host.system_facts import HostListening
from dengbao.probes.ports.facts import OpenPort, PortsOpen, ports_in
from dengbao.probes.services.facts import ServicesExposed

from ..wording import listing

_FACT = "ports.open"
_OWN = "host.listening"
_ALL = "1-65535"
# No server has so many services: something on the way takes every connection in its place (SYN proxy).
_MOST_SERVED = 1000
# What makes a port high-risk is the service: the same one is so behind any other number.
_USUAL = {
    "ftp": 21, "telnet": 23, "rpcbind": 111, "smb": 445, "rexec": 512, "rlogin": 513, "rsh": 514,
    "rsync": 873, "mysql": 3306, "rdp": 3389, "vnc": 5900, "redis": 6379, "memcached": 11211,
    "mongodb": 27017,
}  # fmt: skip


class OpenPortsParams(Params):
    """`high_risk_ports`: ports or ranges as texts."""

    high_risk_ports: tuple[str, ...]


@check("intrusion.open_ports", half="扫描未能看到的端口")
def no_needless_port_is_open(
    asset: HostAsset,
    ports: PortsOpen,
    listening: HostListening | None,
    exposed: ServicesExposed | None,
    params: OpenPortsParams,
) -> Judgement:
    """Judge that every open port is declared with a purpose, above all each high-risk one.

    What the host itself says of its sockets adds UDP, and tells whether a port that did not answer is
    shut or only shut off from us. What the services say makes a high-risk one known behind any number.

    Source: GB/T 22239-2019 8.1.4.4 b).
    """
    tcp, udp = _declared(asset)
    high = ports_in(",".join(params.high_risk_ports))
    ports = _with_names(ports, exposed)
    criteria = [
        _high_risk(ports, listening, tcp, high | _disguised(exposed, high)),
        _all_declared(ports, listening, tcp),
        _answered(ports, listening),
    ]
    if listening is not None:
        criteria.append(_udp(listening, udp, high))
    criteria += _looked_at_the_host(ports, listening, tcp)
    lacking = _not_looked_at(ports, listening)
    return Judgement(
        criteria=tuple(criteria),
        statement=_statement(ports, criteria),
        coverage=Coverage.PARTIAL if lacking else Coverage.FULL,
        remainder=f"以主机侧端口清单（ss -tulnp）或扫描报告补充：{'；'.join(lacking)}" if lacking else "",
    )


def _with_names(ports: PortsOpen, exposed: ServicesExposed | None) -> PortsOpen:
    """Return the ports, called by the protocol they answered in where that is known."""
    if exposed is None:
        return ports
    return ports.called({one.port: one.protocol for one in exposed.services})


def _disguised(exposed: ServicesExposed | None, high: frozenset[int]) -> frozenset[int]:
    """Return ports behind which a service speaks whose usual port is high-risk."""
    if exposed is None:
        return frozenset()
    return frozenset(one.port for one in exposed.services if _USUAL.get(one.protocol) in high)


def _declared(asset: HostAsset) -> tuple[frozenset[int], frozenset[int]]:
    """Return the TCP and UDP ports that the engagement declares with a purpose."""
    if not asset.allowed_ports:
        raise Undetermined(
            f"项目文件未登记 {asset.name} 允许开放的端口及用途（allowed_ports），无法判断开放端口是否必要",
            reason=Reason.NOT_DECLARED,
        )
    found: dict[str, frozenset[int]] = {"tcp": frozenset(), "udp": frozenset()}
    for rule in asset.allowed_ports:
        try:
            named = ports_in(rule.ports)
        except ValueError as exc:
            raise Undetermined(
                f"allowed_ports 中的“{rule.ports}”不是端口", reason=Reason.NOT_DECLARED
            ) from exc
        protocol = rule.protocol.casefold()
        if protocol in found and rule.purpose.strip():
            found[protocol] |= named
    return found["tcp"], found["udp"]


def _high_risk(
    ports: PortsOpen, listening: HostListening | None, declared: frozenset[int], high: frozenset[int]
) -> Criterion:
    wrong = [one for one in ports.open if one.port in high and one.port not in declared]
    return Criterion(
        name="no_high_risk_port",
        question="是否不存在未登记用途的高危端口",
        met=_reachable_answer(ports, listening, wrong),
        measured=f"高危端口 {_names(wrong)} 开放且未登记用途" if wrong else "未见未登记用途的高危端口",
        fact=_FACT,
        decisive=True,
    )


def _all_declared(ports: PortsOpen, listening: HostListening | None, declared: frozenset[int]) -> Criterion:
    extra = [one for one in ports.open if one.port not in declared]
    return Criterion(
        name="all_declared",
        question="开放端口是否均已登记用途",
        met=_reachable_answer(ports, listening, extra),
        measured=f"{_names(extra)} 未登记用途" if extra else f"{len(ports.open)} 个开放端口均已登记用途",
        fact=_FACT,
    )


def _reachable_answer(
    ports: PortsOpen, listening: HostListening | None, wrong: Iterable[OpenPort]
) -> bool | None:
    """Return False where a wrong port can be reached by others, None where that is not known.

    Loopback also shows what listens there alone.
    """
    numbers = {one.port for one in wrong}
    if not numbers:
        return True
    if ports.vantage != "loopback" and not _answered_for(ports):
        return False
    if listening is None:
        return None
    if numbers & _bound(listening, "tcp"):
        return False
    return None if _answered_for(ports) else True


def _answered_for(ports: PortsOpen) -> bool:
    return len(ports.open) > _MOST_SERVED


def _looked_at_the_host(
    ports: PortsOpen, listening: HostListening | None, declared: frozenset[int]
) -> tuple[Criterion, ...]:
    """Return an unknown criterion where something else seems to have answered for the host.

    Nothing open at all, not even what is declared, is what a firewall that refuses us looks like, too.
    """
    measured = ""
    if _answered_for(ports):
        measured = f"{len(ports.open)} 个端口均接受连接，疑为途中设备代答，须换位置扫描或核对主机侧清单"
    elif (
        not ports.open
        and declared & ports_in(ports.asked)
        and (listening is None or _bound(listening, "tcp"))
    ):
        measured = "登记开放的端口也均拒绝连接，疑被防火墙拦截，须换位置扫描或核对服务是否启动"
    if not measured:
        return ()
    return (
        Criterion(
            name="reached", question="应答是否来自该主机本身", met=None, measured=measured, fact=_FACT
        ),
    )  # fmt: skip


def _answered(ports: PortsOpen, listening: HostListening | None) -> Criterion:
    """A port without an answer is settled where the host's own list shows nobody listening on it."""
    silent = ports_in(ports.filtered) | ports_in(ports.failed) | ports_in(ports.unscanned)
    settled = False
    if silent and listening is not None:
        settled = not silent & _bound(listening, "tcp")
    measured = "扫描的端口均有应答"
    if silent:
        measured = _silence(ports) + ("，主机侧清单显示其上无监听" if settled else "，其状态未知")
    return Criterion(
        name="all_answered",
        question="是否查明每个端口的状态",
        met=True if settled or not silent else None,
        measured=measured,
        fact=_OWN if settled else _FACT,
    )


def _silence(ports: PortsOpen) -> str:
    parts = []
    for text, word in (
        (ports.filtered, "无应答"),
        (ports.failed, "本机未能探测"),
        (ports.unscanned, f"未扫描（{ports.cut_because or '扫描中断'}）"),
    ):
        if text:
            parts.append(f"{len(ports_in(text))} 个端口{word}")
    return "、".join(parts)


def _udp(listening: HostListening, declared: frozenset[int], high: frozenset[int]) -> Criterion:
    wrong = sorted(_bound(listening, "udp") & high - declared)
    found = f"UDP 高危端口 {listing(wrong)} 已绑定且未登记用途"
    return Criterion(
        name="no_high_risk_udp_port",
        question="是否不存在未登记用途的 UDP 高危端口",
        met=not wrong,
        measured=found if wrong else "未见未登记用途的 UDP 高危端口",
        fact=_OWN,
        decisive=True,
    )


def _not_looked_at(ports: PortsOpen, listening: HostListening | None) -> list[str]:
    """Return in Chinese what neither the scan nor the host's own list covered."""
    lacking = []
    if ports.asked != _ALL or ports.refused:
        looked = ports.asked if not ports.refused else f"{ports.asked}（其中 {ports.refused} 不在授权范围）"
        lacking.append(f"仅扫描 TCP {looked}")
    if listening is None:
        lacking.append("UDP 端口未检测")
    if ports.vantage == "loopback":
        lacking.append("仅从本机回环地址检测，未从其他主机验证")
    return lacking


def _bound(listening: HostListening, protocol: str) -> frozenset[int]:
    """Return the ports that the host itself says can be reached from outside."""
    return frozenset(
        one.port for one in listening.listeners if one.protocol.startswith(protocol) and one.reachable
    )


def _names(ports: Iterable[OpenPort]) -> str:
    return listing(f"{one.port}/{one.service}" if one.service else str(one.port) for one in ports)


def _statement(ports: PortsOpen, criteria: list[Criterion]) -> str:
    opened = f"开放 {len(ports.open)} 个（{_names(ports.open)}）" if ports.open else "未见开放端口"
    unnamed = f"；服务未识别（{ports.engine_note}）" if ports.engine_note and ports.open else ""
    told = "；".join(one.measured for one in criteria)
    return (
        f"经测试验证，对 {ports.address} 的 TCP 端口 {ports.asked} 逐一连接，{opened}，"
        f"关闭 {ports.closed_count} 个{unnamed}；{told}。"
    )
