"""Rules of the packet filter that look as if they kept everybody out, or let everybody in."""

from __future__ import annotations

import pytest

from dengbao.probes.host.parse_firewall import read_firewall
from dengbao.probes.host.system_facts import FirewallRule

from .sections import transcript

_IPTABLES = "N loaded iptables\nN ip :INPUT ACCEPT [0:0]\n{rules}\nN ip COMMIT\nN global6 0\nN uid 0\n"
_NFT = (
    "N loaded nft\nN nft table inet filter {{\nN nft chain input {{\n"
    "N nft type filter hook input priority filter; policy accept;\n{rules}\n"
    "N nft }}\nN nft }}\nN global6 0\nN uid 0\n"
)


def _rules(body: str) -> tuple[FirewallRule, ...]:
    found = read_firewall(transcript(firewall=body, wrappers="N libwrap 0\n"))
    (chain,) = found.chains or ()
    return chain.rules


def _iptables(*rules: str) -> tuple[FirewallRule, ...]:
    return _rules(_IPTABLES.format(rules="\n".join(f"N ip -A INPUT {one}" for one in rules)))


def _nft(*rules: str) -> tuple[FirewallRule, ...]:
    return _rules(_NFT.format(rules="\n".join(f"N nft {one}" for one in rules)))


@pytest.mark.parametrize(
    "rule",
    [
        "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP",
        "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG FIN,SYN,RST,PSH,ACK,URG -j DROP",
        "-p tcp -m tcp --tcp-flags SYN,RST SYN,RST -j DROP",
        "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m state --state NEW -j DROP",
    ],
)
def test_iptables_rules_against_odd_flags_stop_nobody(rule: str) -> None:
    assert _iptables(rule) == ()


def test_iptables_rule_for_new_connections_stops_them() -> None:
    (rule,) = _iptables("-p tcp -m tcp --dport 22 --tcp-flags FIN,SYN,RST,ACK SYN -j DROP")
    assert (rule.action, rule.ports, rule.certain) == ("drop", ("22",), True)


@pytest.mark.parametrize(
    "rule",
    [
        "tcp flags syn,rst / syn,rst drop",
        "tcp flags & (fin | syn | rst | psh | ack | urg) == 0x0 counter packets 0 bytes 0 drop",
        "tcp flags & (fin|syn|rst|psh|ack|urg) == 0x0 drop",
        "tcp flags & (fin | syn) == (fin | syn) drop",
    ],
)
def test_nft_rules_against_odd_flags_stop_nobody(rule: str) -> None:
    assert _nft(rule) == ()


def test_nft_rule_for_new_connections_stops_them() -> None:
    (rule,) = _nft("tcp flags syn / fin,syn,rst,ack tcp dport 22 drop")
    assert (rule.action, rule.ports, rule.certain) == ("drop", ("22",), True)


@pytest.mark.parametrize("rule", ["meta nfproto ipv6 drop", "tcp flags ! fin,syn,rst,ack drop"])
def test_nft_rules_for_some_packets_only_are_not_certain(rule: str) -> None:
    assert [one.certain for one in _nft(rule)] == [False]
