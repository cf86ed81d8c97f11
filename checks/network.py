"""What checks share that judge by what was seen over the network: who else reaches it, what was missed."""

from __future__ import annotations

from collections.abc import Iterable

from dengbao.model import Criterion
from dengbao.probes.host.system_facts import HostListening
from dengbao.probes.ports.facts import PortsOpen, ports_in
from dengbao.probes.services.facts import Service, ServicesExposed

from .hosts import ask
from .wording import listing

EXPOSED = "services.exposed"
GUESTS = "services.guests"
_TITLES = {
    "ftp": "FTP", "telnet": "Telnet", "rlogin": "rlogin", "rsh": "rsh", "rexec": "rexec", "smb": "SMB",
    "rsync": "rsync", "redis": "Redis", "mongodb": "MongoDB", "memcached": "memcached",
    "elasticsearch": "Elasticsearch", "docker": "Docker API", "kubernetes": "Kubernetes API", "etcd": "etcd",
    "zookeeper": "ZooKeeper", "vnc": "VNC", "rdp": "远程桌面", "ldap": "LDAP", "x11": "X11",
    "rpcbind": "NFS/rpcbind", "mysql": "MySQL", "postgresql": "PostgreSQL", "http": "HTTP", "ssh": "SSH",
    "tls": "TLS", "snmp": "SNMP", "tftp": "TFTP", "smtp": "SMTP", "pop3": "POP3", "imap": "IMAP",
}  # fmt: skip


def title(protocol: str) -> str:
    """Return the name people know a protocol by."""
    return _TITLES.get(protocol, protocol)


def places(services: Iterable[Service]) -> str:
    """Return services with their ports for a statement."""
    return listing(f"{title(one.protocol)}（TCP {one.port}）" for one in services)


def reached_by_others(
    vantage: str, listening: HostListening | None, port: int, transport: str = "tcp"
) -> bool | None:
    """Tell whether other machines reach a port: loopback also shows what listens there alone."""
    if vantage != "loopback":
        return True
    if listening is None:
        return None
    same = (one for one in listening.listeners if one.port == port and one.protocol.startswith(transport))
    return any(one.reachable for one in same)


def bad(found: Iterable[bool | None]) -> bool | None:
    """Return whether all is well, where each of `found` tells whether others reach a bad thing."""
    answers = list(found)
    if True in answers:
        return False
    return None if None in answers else True


def missed(ports: PortsOpen, exposed: ServicesExposed) -> tuple[Criterion, ...]:
    """Return an open criterion where ports were not asked or not spoken to: something may hide there."""
    left = []
    if ports.unscanned:
        left.append(f"{len(ports_in(ports.unscanned))} 个端口未扫描（{ports.cut_because or '扫描中断'}）")
    if ports.failed:
        left.append(f"{len(ports_in(ports.failed))} 个端口本机未能探测")
    if exposed.unspoken:
        left.append(f"{len(ports_in(exposed.unspoken))} 个开放端口未对话（{exposed.cut_because}）")
    if not left:
        return ()
    return (ask("all_looked_at", "端口是否均已查看", None, "、".join(left), EXPOSED),)


def not_settled(ports: PortsOpen, exposed: ServicesExposed) -> list[str]:
    """Return in Chinese what was looked at and stays unknown; a person supplies it."""
    lacking = []
    if exposed.unrecognised:
        lacking.append(f"TCP {exposed.unrecognised} 的服务未能识别")
    if ports.asked != "1-65535" or ports.refused:
        lacking.append(
            f"仅扫描 TCP {ports.asked}" + (f"（{ports.refused} 不在授权范围）" if ports.refused else "")
        )
    if ports.vantage == "loopback":
        lacking.append("仅从本机回环地址检测")
    return lacking


def spoken_to(exposed: ServicesExposed) -> str:
    """Return the opening words of a statement: which services were recognised."""
    if not exposed.services:
        return f"对 {exposed.address} 的开放端口逐一对话，未识别出服务"
    named = listing((f"{one.port}/{one.protocol}" for one in exposed.services), 12)
    return f"对 {exposed.address} 的开放端口逐一对话，识别出 {len(exposed.services)} 个服务（{named}）"
