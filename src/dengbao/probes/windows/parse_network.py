"""Reads services, shares, listening sockets and the firewall."""

from __future__ import annotations

import ntpath
from collections.abc import Iterable
from typing import Final

from ...errors import ProbeError, ProtocolMismatch
from ..host.frames import Section, Transcript
from ..host.system_facts import HostListening, Listener
from .sections import lines_of, number, records, whole
from .system_facts import (
    FirewallProfile,
    InboundRule,
    ShareRight,
    WindowsFirewall,
    WindowsService,
    WindowsServices,
    WindowsShare,
    WindowsShares,
)

_PACKAGED: Final = "appcontainer"
_CURE: Final = "该部分改由人工核查，并反馈采集文件"
_PROFILES: Final = (("domain", 1), ("private", 2), ("public", 4))
_KEYS: Final = {
    "DomainProfile": "domain", "StandardProfile": "private", "PrivateProfile": "private",
    "PublicProfile": "public",
}  # fmt: skip
# What a rule says besides conditions, and the conditions that are read; any other makes it uncertain.
_PLAIN: Final = frozenset(
    {
        "action", "active", "dir", "protocol", "profile", "lport", "lport2_10", "app", "svc", "name", "desc",
        "embedctxt", "edge", "defer", "ttk", "ttk2_22", "ttk2_27", "ttk2_28", "os", "icmp4", "icmp6",
    }
)  # fmt: skip


def read_services(transcript: Transcript) -> WindowsServices:
    """Return all services.

    Raises:
        ProtocolMismatch: none at all.

    """
    section = whole(transcript, "services")
    services = tuple(
        WindowsService(name=one[0], state=one[1], start=one[2], account=one[3], path=one[4], title=one[5])
        for one in records(section, "service", 6)
    )
    if not services:
        raise ProtocolMismatch("采集文件中没有系统服务", cure=_CURE)
    rights = next((one[1] for one in records(section, "rights", 2) if one[0] == "EventLog"), "")
    return WindowsServices(services=services, log_rights=rights)


def read_shares(transcript: Transcript) -> WindowsShares:
    """Return all shares; a share whose rights were not listed has unknown rights."""
    section = whole(transcript, "shares")
    unread = {one[0] for one in records(section, "unread")}
    rights: dict[str, list[ShareRight]] = {}
    for name, sid, mask, kind in (one[:4] for one in records(section, "entry", 4)):
        entry = ShareRight(sid=sid, mask=number(mask) or 0, allow=kind == "0")
        rights.setdefault(name, []).append(entry)
    return WindowsShares(
        shares=tuple(
            WindowsShare(
                name=name,
                type=number(kind) or 0,
                path=path,
                rights=tuple(rights[name]) if name in rights and name not in unread else None,
            )
            for name, kind, path in (one[:3] for one in records(section, "share", 3))
        )
    )


def read_listening(transcript: Transcript) -> HostListening:
    """Return listening TCP and bound UDP sockets of `netstat -ano`, by shape and not by word.

    Raises:
        ProtocolMismatch: not a single socket, which no Windows has.

    """
    names = _process_names(transcript)
    found = [
        one for line in lines_of(whole(transcript, "netstat")) if (one := _listener(line.split(), names))
    ]
    if not found:
        raise ProtocolMismatch("采集文件中没有监听端口", cure=_CURE)
    return HostListening(listeners=tuple(found))


def _process_names(transcript: Transcript) -> dict[str, str]:
    try:
        section = whole(transcript, "processes")
    except ProbeError:
        return {}
    return {one[0]: one[1] for one in records(section, "process", 2)}


def _listener(fields: list[str], names: dict[str, str]) -> Listener | None:
    if len(fields) < 4 or fields[0].upper() not in ("TCP", "UDP"):
        return None
    protocol = fields[0].lower()
    bound = fields[2] == "*:*" if protocol == "udp" else fields[2].endswith(":0")
    address, _, port = fields[1].rpartition(":")
    if not bound or not port.isdecimal():
        return None
    plain = address.strip("[]").partition("%")[0]
    return Listener(protocol=protocol, address=plain, port=int(port), process=names.get(fields[-1], ""))


def read_firewall(transcript: Transcript) -> WindowsFirewall:
    """Return profiles and inbound rules in effect: group policy before the local settings.

    `FirewallEnabled` of the COM interface tells local settings only, so that the registry is asked.
    """
    section = whole(transcript, "firewall")
    active = next((number(one[0]) for one in records(section, "active")), None)
    stores = {(one[0], _KEYS.get(one[1], "")): one[2:6] for one in records(section, "profile", 6)}
    profiles = tuple(_profile(name, bit, active, stores) for name, bit in _PROFILES)
    merged = frozenset(name for name, _ in _PROFILES if stores.get(("policy", name), [""] * 4)[2] != "0")
    complete = any(one[0] == "local" for one in records(section, "rules"))
    return WindowsFirewall(profiles=profiles, rules=tuple(_rules(section, merged)) if complete else None)


def _profile(
    name: str, bit: int, active: int | None, stores: dict[tuple[str, str], list[str]]
) -> FirewallProfile:
    policy = stores.get(("policy", name), [""] * 4)
    local = stores.get(("local", name), [""] * 4)
    enabled = number(policy[0] or local[0])
    inbound = policy[1] or local[1]
    return FirewallProfile(
        name=name,
        enabled=None if enabled is None else enabled == 1,
        blocks=inbound != "0",  # not written means the default, which refuses
        active=None if active is None else bool(active & bit),
    )


def _rules(section: Section, merged: frozenset[str]) -> Iterable[InboundRule]:
    """Yield inbound rules; local ones count only in profiles where group policy lets them."""
    for store, name, text in (one[:3] for one in records(section, "rule", 3)):
        rule = parse_rule(text, name)
        if store == "local" and len(merged) < len(_PROFILES):
            left = tuple(one for one in (rule.profiles or [one for one, _ in _PROFILES]) if one in merged)
            if not left:
                continue
            rule = _limited(rule, left)
        yield rule


def _limited(rule: InboundRule, profiles: tuple[str, ...]) -> InboundRule:
    return InboundRule(
        name=rule.name, action=rule.action, protocol=rule.protocol, ports=rule.ports, remote=rule.remote,
        profiles=profiles, program=rule.program, service=rule.service, certain=rule.certain,
    )  # fmt: skip


def parse_rule(text: str, name: str) -> InboundRule:
    """Return a rule as the registry keeps it: `v2.10|Action=Allow|Dir=In|LPort=3389|RA4=…|`."""
    fields: dict[str, list[str]] = {}
    for part in text.split("|"):
        key, mark, value = part.partition("=")
        if mark:
            fields.setdefault(key.strip().casefold(), []).append(value.strip())
    ports = fields.get("lport", []) + fields.get("lport2_10", [])
    remote = [value for key, values in fields.items() if key.startswith(("ra4", "ra6")) for value in values]
    # Rules for packaged applications let in nothing else, whatever ports they leave open.
    packaged = "apppkgid" in fields
    known = all(key in _PLAIN or key.startswith(("ra4", "ra6")) for key in fields)
    return InboundRule(
        name=(fields.get("name") or [name])[0] or name,
        action="allow" if fields.get("action", [""])[0].casefold() == "allow" else "block",
        protocol=fields.get("protocol", [""])[0],
        ports=tuple(ports),
        remote=tuple(dict.fromkeys(remote)),
        profiles=tuple(one.casefold() for one in fields.get("profile", [])),
        program=_PACKAGED if packaged else ntpath.basename(fields.get("app", [""])[0]).casefold(),
        service=fields.get("svc", [""])[0].casefold(),
        certain=known,
    )
