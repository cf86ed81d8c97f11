"""Reads the packet filter: base chains of the input hook with their jumps followed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from ...errors import ProtocolMismatch
from .frames import Framed, Section, Transcript
from .system_facts import FirewallChain, FirewallRule, HostFirewall

_DEPTH: Final = 8
_ACTIONS: Final = {"accept": "accept", "drop": "drop", "reject": "drop"}
# Conditions that a new TCP connection from outside never meets; such rules are left out.
_NEVER: Final = re.compile(
    r"\b(?:iif|iifname) (?:\"lo\"|lo\b)"
    r"|\bct state (?!.*\bnew\b)(?:vmap )?[\w, {]*\b(?:established|related|invalid)"
    r"|\bct status dnat\b"
    r"|\b(?:udp|udplite|icmp|icmpv6|igmp|esp|ah) (?:dport|sport|type|code|spi)\b"
)
_PROTOCOL: Final = re.compile(r"\b(?:l4proto|ip protocol|nexthdr) (\{[^}]*\}|\S+)")
_SET: Final = r"(\{[^}]*\}|[^\s{}]+)"
# Conditions we understand, taken out of the text; whatever is left of a rule makes it uncertain.
_NFT_SOURCE: Final = re.compile(rf"\bip6? saddr (!= )?{_SET}")
_NFT_PORT: Final = re.compile(rf"\b(?:tcp|th) dport {_SET}")
_NFT_HARMLESS: Final = re.compile(
    r"\bct state (?:\{[^}]*\}|\S*)|\bcounter(?: packets \d+ bytes \d+)?"
    r"|\bmeta l4proto (?:\{[^}]*tcp[^}]*\}|tcp)|\bip protocol tcp\b"
    r"|\bcomment \"[^\"]*\"|\blog\b(?: prefix \"[^\"]*\")?(?: level \w+)?"
    r"|\bwith \S.*$|# handle \d+"
)
# Interfaces over which only the host itself and its guests come.
_INNER: Final = re.compile(r"lo$|ifb|dummy|docker|veth|br-|virbr|vnet|cni|flannel|cali|tunl")
_NFT_INTERFACE: Final = re.compile(r"\biif(?:name)? (!= )?(\{[^}]*\}|\"[^\"]*\"|\S+)")
# What is always so for a packet that comes to the host itself, and what never is.
_TO_US: Final = re.compile(r"\bfib daddr type local\b|--dst-type LOCAL\b|\bxt match \"addrtype\"(?= local)")
_NOT_TO_US: Final = re.compile(
    r"\bfib daddr type (?:multicast|broadcast|anycast)\b|--dst-type (?:MULTICAST|BROADCAST|ANYCAST)\b"
)
# Flags as nft writes them: `value / mask`, and before version 0.9.9 `& (mask) == value`.
_NFT_FLAGS: Final = re.compile(
    r"\btcp flags (?:(?P<value>[\w,]+) / (?P<mask>[\w,]+)"
    r"|& (?P<old_mask>\([^)]*\)|\w+) == (?P<old_value>\([^)]*\)|\w+))"
)


@dataclass
class _Chain:
    """A chain as it is listed: `policy` is empty for chains that are only jumped to.

    A rule comes with the chain it leads to, and whether packets it takes leave the chain (return, goto).
    """

    name: str
    family: str
    policy: str = ""
    rules: list[tuple[FirewallRule, str, bool]] = field(default_factory=list)


def read_firewall(transcript: Transcript) -> HostFirewall:
    """Return the input filter and the tcp wrappers.

    Raises:
        NoPermission: the filter is shown to root only.
        ProtocolMismatch: it could not be listed or understood.

    """
    section = transcript.section("firewall")
    _require_sight(transcript, section)
    nft = _nft(section.marks("nft"))
    chains = [*_base(nft)]
    for family in ("ip", "ip6"):
        chains += _base(_iptables(section.marks(family), family))
    wrappers = transcript.section("wrappers")
    files = transcript.files("wrappers")
    linked = wrappers.mark("libwrap")
    number = section.mark("global6")
    names = section.marks("interface")
    return HostFirewall(
        chains=tuple(chains),
        ipv6_global=int(number) > 0 if number and number.isdecimal() else None,
        hosts_allow=_wrapper_lines(files.get("/etc/hosts.allow")),
        hosts_deny=_wrapper_lines(files.get("/etc/hosts.deny")),
        sshd_uses_wrappers=int(linked) > 0 if linked and linked.isdecimal() else None,
        interfaces=tuple(one for one in names if not _INNER.match(one)) if names else None,
    )


def _require_sight(transcript: Transcript, section: Section) -> None:
    root = section.mark("uid") == "0"
    loaded = section.marks("loaded")
    if section.marks("denied") or (not root and loaded):
        raise transcript.refuse("主机防火墙规则")
    if section.mark("blind") is not None:
        raise ProtocolMismatch("主机未挂载 /sys，无法确认防火墙是否加载", cure="该部分改由人工核查")
    if section.marks("tool"):
        raise ProtocolMismatch("主机缺少查看防火墙规则的命令", cure="该部分改由人工核查")
    if "nft" in loaded and section.error:
        raise ProtocolMismatch(f"防火墙规则读取失败：{section.error[:200]}", cure="该部分改由人工核查")


def _wrapper_lines(found: Framed | None) -> tuple[str, ...]:
    joined = found.text.replace("\\\n", " ") if found is not None else ""
    lines = (" ".join(line.split()) for line in joined.splitlines())
    return tuple(line for line in lines if line and line[0] != "#")


def _nft(lines: tuple[str, ...]) -> dict[str, _Chain]:
    """Return chains by `family table chain`."""
    chains: dict[str, _Chain] = {}
    table = family = ""
    chain: _Chain | None = None
    for line in _joined_sets(lines):
        head = re.match(r"(table|chain|set|map|flowtable|counter|quota) (.*?) ?\{$", line)
        if head and head.group(1) == "table":
            family, _, table = head.group(2).partition(" ")
        elif head and head.group(1) == "chain":
            chain = chains.setdefault(f"{family} {table} {head.group(2)}", _Chain(head.group(2), family))
        elif line == "}":
            chain = None
        elif chain is not None and (hook := re.match(r"type \w+ hook (\w+) .*?(?:policy (\w+);)?$", line)):
            chain.policy = (hook.group(2) or "accept") if hook.group(1) == "input" else ""
        elif chain is not None:
            _add(chain, line, f"{family} {table} ")
    return chains


def _joined_sets(lines: tuple[str, ...]) -> Iterator[str]:
    """Yield lines with sets that were broken over several lines put together."""
    held = ""
    for raw in lines:
        line = f"{held} {raw.strip()}".strip()
        opens = line.count("{") - line.count("}")
        if opens > 0 and not re.match(r"(table|chain|set|map|flowtable|counter|quota) ", line):
            held = line
            continue
        held = ""
        if line:
            yield line


def _add(chain: _Chain, line: str, scope: str) -> None:
    """Append a rule of nft to its chain, with the chain it jumps to."""
    protocol = _PROTOCOL.search(line)
    if (
        _NEVER.search(line)
        or _NOT_TO_US.search(line)
        or (protocol and not {"tcp", "6", "!="} & set(_members(protocol.group(1))))
    ):
        return
    flags = _NFT_FLAGS.search(line)
    if flags is not None and not _opens(
        flags["mask"] or flags["old_mask"], flags["value"] or flags["old_value"]
    ):
        return
    inside, beyond, unclear = _interfaces(line)
    plain = _NFT_INTERFACE.sub("", _TO_US.sub("", _NFT_FLAGS.sub("", line)))
    sources, excepted, ports, rest = _nft_conditions(plain)
    jump = re.search(r"\b(?:jump|goto) (\S+)$", rest)
    verdict = re.search(r"\b(accept|drop|reject)\b", rest)
    rest = re.sub(r"\b(?:accept|drop|reject|return|continue|jump \S+|goto \S+)\b", "", rest)
    action = _ACTIONS[verdict.group(1)] if verdict else "other"
    rule = FirewallRule(
        action=action, ports=ports, sources=sources, excepted=excepted, text=line, interfaces=inside,
        beyond=beyond, certain=not rest.strip() and not unclear,
    )  # fmt: skip
    if action != "other" or jump or "return" in line:
        leaves = re.search(r"\b(?:return|goto)\b", line) is not None
        chain.rules.append((rule, scope + jump.group(1) if jump else "", leaves))


def _interfaces(line: str) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Return the interfaces of a rule of nft, those it leaves out, and whether something is unclear."""
    inside: list[str] = []
    beyond: list[str] = []
    for found in _NFT_INTERFACE.finditer(line):
        names = [one.strip('"') for one in _members(found.group(2))]
        (beyond if found.group(1) else inside).extend(names)
    unclear = any(one.startswith(("@", "$")) or one == "vmap" for one in (*inside, *beyond))
    return tuple(inside), tuple(one for one in beyond if one != "lo"), unclear


def _opens(mask: str, value: str) -> bool:
    """Tell whether the packet that opens a connection (SYN alone) has these flags of those in the mask."""
    examined, wanted = (set(re.findall(r"[a-z]+", one.lower())) - {"x", "none"} for one in (mask, value))
    return wanted == {"syn"} if examined & {"syn", "all"} else not wanted


def _nft_conditions(line: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], str]:
    sources: list[str] = []
    excepted: list[str] = []
    for found in _NFT_SOURCE.finditer(line):
        (excepted if found.group(1) else sources).extend(_members(found.group(2)))
    ports = [port for found in _NFT_PORT.finditer(line) for port in _members(found.group(1))]
    # What a negation, a named set or a map of ports matches is not written in the rule.
    negated = any(not re.fullmatch(r"[\w-]+", port) or port == "vmap" for port in ports)
    rest = _NFT_HARMLESS.sub("", _NFT_PORT.sub("", _NFT_SOURCE.sub("", line)))
    return tuple(sources), tuple(excepted), () if negated else tuple(ports), rest + ("?" if negated else "")


def _members(text: str) -> list[str]:
    return [one.strip() for one in text.strip("{} ").split(",") if one.strip()]


def _iptables(lines: tuple[str, ...], family: str) -> dict[str, _Chain]:
    chains: dict[str, _Chain] = {}
    for line in lines:
        head = re.match(r":(\S+) (\S+)", line)
        if head:
            policy = head.group(2).lower() if head.group(1) == "INPUT" else ""
            chains[head.group(1)] = _Chain(head.group(1), family, policy if policy != "-" else "")
        elif line.startswith("-A "):
            name = line.split()[1]
            _add_iptables(chains.setdefault(name, _Chain(name, family)), line)
    return chains


# Options with one value: what they mean for us; `` skips, `?` makes the rule uncertain.
_OPTIONS: Final = {
    "-s": "source", "-p": "protocol", "--dport": "port", "--dports": "port", "-j": "target", "-g": "target",
    "-i": "interface", "--ctstate": "state", "--state": "state", "-m": "", "--comment": "",
    "--reject-with": "", "--log-prefix": "", "--log-level": "", "--match-set": "set", "--tcp-flags": "flags",
}  # fmt: skip


def _add_iptables(chain: _Chain, line: str) -> None:
    """Append a rule of iptables to its chain, with the chain it jumps to."""
    if _NOT_TO_US.search(line):
        return
    words = iter(shlex.split(_TO_US.sub("", line).replace("-m addrtype", ""))[2:])
    found: dict[str, list[str]] = {}
    negated: dict[str, bool] = {}
    invert = False
    for word in words:
        if word == "!":
            invert = True
            continue
        meaning = _OPTIONS.get(word, "?")
        values = [next(words, "")] if meaning != "?" else [word]
        if meaning in ("set", "flags"):
            values.append(next(words, ""))
        found.setdefault(meaning, []).extend(values)
        negated[meaning] = negated.get(meaning, False) or invert
        invert = False
    flags = found.get("flags", ["SYN", "SYN"])
    if _never_iptables(found) or _opens(*flags[:2]) == negated.get("flags", False):
        return
    target = next(iter(found.get("target", ())), "")
    sources = [*found.get("source", ()), *("@" + one for one in found.get("set", ())[:1])]
    ports = [part.replace(":", "-") for one in found.get("port", ()) for part in one.split(",")]
    names = tuple(one.replace("+", "*") for one in found.get("interface", ()))
    away = negated.get("interface", False)
    odd = "?" in found or any(negated[one] for one in negated if one not in ("source", "flags", "interface"))
    rule = FirewallRule(
        action=_ACTIONS.get(target.lower(), "other"), ports=tuple(ports), text=line, certain=not odd,
        sources=() if negated.get("source") else tuple(sources),
        excepted=tuple(sources) if negated.get("source") else (),
        interfaces=() if away else names, beyond=tuple(one for one in names if one != "lo") if away else (),
    )  # fmt: skip
    if rule.action != "other" or target.upper() not in ("LOG", "NFLOG", ""):
        leaves = target.upper() == "RETURN" or " -g " in line
        chain.rules.append((rule, target if rule.action == "other" else "", leaves))


def _never_iptables(found: dict[str, list[str]]) -> bool:
    states = ",".join(found.get("state", ())).upper()
    protocol = next(iter(found.get("protocol", ())), "tcp")
    return (
        found.get("interface") == ["lo"]
        or protocol not in ("tcp", "all", "6", "0")
        or (bool(states) and "NEW" not in states)
    )


def _base(chains: dict[str, _Chain]) -> Iterator[FirewallChain]:
    """Yield base chains of the input hook, the rules of jumped-to chains in their place."""
    for chain in chains.values():
        if chain.policy:
            yield FirewallChain(
                name=chain.name, family=chain.family, policy=_ACTIONS.get(chain.policy, chain.policy),
                rules=tuple(_flat(chain, chains, 0)),
            )  # fmt: skip


def _flat(chain: _Chain, chains: dict[str, _Chain], depth: int) -> Iterator[FirewallRule]:
    """Yield the rules that decide, in order, each under the conditions under which it is reached."""
    gone: list[FirewallRule] = []
    for bare, jump, leaves in chain.rules:
        rule = _without(bare, gone)
        if rule.action != "other":
            yield rule
            continue
        if jump in chains and depth < _DEPTH:
            for inner in _flat(chains[jump], chains, depth + 1):
                yield _narrow(inner, rule)
        elif jump.upper() not in ("", "RETURN"):
            yield _unclear(rule)
        if leaves and _always(rule):
            return
        if leaves:
            gone.append(bare)


def _always(rule: FirewallRule) -> bool:
    conditions = (rule.ports, rule.sources, rule.excepted, rule.interfaces, rule.beyond)
    return rule.certain and not any(conditions)


def _without(rule: FirewallRule, gone: list[FirewallRule]) -> FirewallRule:
    """Return the rule for those packets that did not leave the chain before it."""
    for one in gone:
        by_source = one.certain and not (one.ports or one.excepted or one.interfaces or one.beyond)
        by_interface = one.certain and not (one.ports or one.sources or one.excepted or one.beyond)
        rule = msgspec.structs.replace(
            rule,
            excepted=rule.excepted + (one.sources if by_source else ()),
            beyond=rule.beyond + (one.interfaces if by_interface else ()),
            certain=rule.certain and (by_source or by_interface),
        )
    return rule


def _unclear(rule: FirewallRule) -> FirewallRule:
    """Return the rule marked as not understood."""
    return FirewallRule(action="other", certain=False, text=rule.text)


def _narrow(inner: FirewallRule, outer: FirewallRule) -> FirewallRule:
    """Return the inner rule under the conditions of the jump that leads to it."""
    both_sources = bool(inner.sources and outer.sources)
    both_ways = bool(inner.interfaces and outer.interfaces and set(inner.interfaces) != set(outer.interfaces))
    both_ports = bool(inner.ports and outer.ports and set(inner.ports) != set(outer.ports))
    return FirewallRule(
        action=inner.action, text=f"{outer.text} → {inner.text}",
        ports=inner.ports or outer.ports, sources=inner.sources or outer.sources,
        excepted=inner.excepted + outer.excepted,
        interfaces=inner.interfaces or outer.interfaces, beyond=inner.beyond + outer.beyond,
        certain=inner.certain and outer.certain and not both_sources and not both_ports and not both_ways,
    )  # fmt: skip
