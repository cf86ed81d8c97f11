"""From where a port is reached through rules as firewalld and ufw make them: judged by their effect."""

from __future__ import annotations

import importlib
import subprocess

import pytest

from dengbao.probes.host.parse_firewall import read_firewall
from dengbao.probes.host.system_facts import HostFirewall
from tests.probes.host.sections import transcript

from .test_scenarios import REGISTRY

FIREWALLD = """table inet firewalld {
chain filter_INPUT {
type filter hook input priority filter + 10; policy accept;
ct state { established, related } accept
ct status dnat accept
iifname "lo" accept
ct state invalid drop
jump filter_INPUT_ZONES
reject with icmpx admin-prohibited
}
chain filter_INPUT_ZONES {
ip saddr 10.0.8.0/24 goto filter_IN_internal
iifname "eth0" goto filter_IN_public
%(fallback)s
}
chain filter_IN_internal {
jump filter_IN_internal_allow
meta l4proto { icmp, ipv6-icmp } accept
}
chain filter_IN_internal_allow {
tcp dport 22 accept
}
chain filter_IN_public {
jump filter_IN_public_allow
meta l4proto { icmp, ipv6-icmp } accept
}
chain filter_IN_public_allow {
%(public)s
tcp dport 443 accept
}
chain filter_IN_trusted {
accept
}
}
"""
# What ufw loads by default, with the rule of `ufw allow from 10.0.8.0/24 to any port 22 proto tcp`.
UFW = """:INPUT DROP [0:0]
:ufw-before-input - [0:0]
:ufw-not-local - [0:0]
:ufw-user-input - [0:0]
:ufw-user-limit - [0:0]
:ufw-user-limit-accept - [0:0]
:ufw-logging-deny - [0:0]
:ufw-after-input - [0:0]
:ufw-skip-to-policy-input - [0:0]
-A INPUT -j ufw-before-input
-A INPUT -j ufw-after-input
-A ufw-after-input -p udp -m udp --dport 137 -j ufw-skip-to-policy-input
-A ufw-after-input -m addrtype --dst-type BROADCAST -j ufw-skip-to-policy-input
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j ufw-logging-deny
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A ufw-before-input -j ufw-not-local
-A ufw-before-input -j ufw-user-input
-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
-A ufw-not-local -m addrtype --dst-type BROADCAST -j RETURN
-A ufw-not-local -j DROP
-A ufw-skip-to-policy-input -j DROP
{rules}
-A ufw-user-limit -j REJECT --reject-with icmp-port-unreachable
-A ufw-user-limit-accept -j ACCEPT
COMMIT
"""
# `ufw limit 22/tcp`: slowed down, but open to all.
UFW_LIMIT = """-A ufw-user-input -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --set
-A ufw-user-input -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --update -j ufw-user-limit
-A ufw-user-input -p tcp -m tcp --dport 22 -j ufw-user-limit-accept"""


def _firewall(mark: str, text: str, interfaces: tuple[str, ...], family: str = "") -> HostFirewall:
    lines = "".join(f"N {mark} {one}\n" for one in text.splitlines())
    named = "".join(f"N interface {one}\n" for one in interfaces)
    body = f"N loaded {family or mark}\n{lines}{named}N global6 0\nN uid 0\n"
    return read_firewall(transcript(firewall=body, wrappers="N libwrap 0\n"))


def _reach(firewall: HostFirewall, port: int) -> tuple[bool | None, tuple[str, ...]]:
    """Return the answer of the checks' own `filter.reach`, from the package they were loaded as."""
    module = REGISTRY.of("intrusion.admin_sources")[0].function.__module__
    found = importlib.import_module(f"{module.split('.')[0]}.filter").reach(firewall, port)
    return found.open, found.sources


@pytest.mark.parametrize(
    ("public", "fallback", "interfaces", "expected"),
    [
        # only the source zone has ssh
        ("", "goto filter_IN_public", ("eth0",), (False, ("10.0.8.0/24",))),
        # a rich rule: family ipv4, source 10.0.9.5, service ssh
        (
            "ip saddr 10.0.9.5 tcp dport 22 accept", "goto filter_IN_public", ("eth0",),
            (False, ("10.0.8.0/24", "10.0.9.5")),
        ),
        # ssh in the public zone is open to all
        ("tcp dport 22 accept", "goto filter_IN_public", ("eth0",), (True, ())),
        # the second interface falls into a zone that takes everything
        ("", "goto filter_IN_trusted", ("eth0", "eth1"), (True, ("10.0.8.0/24",))),
        # the same rules, but there is no second interface
        ("", "goto filter_IN_trusted", ("eth0",), (False, ("10.0.8.0/24",))),
        # which interfaces there are is not known: another one may exist
        ("", "goto filter_IN_trusted", (), (True, ("10.0.8.0/24",))),
        # guests of the host are not the network
        ("", "goto filter_IN_trusted", ("eth0", "docker0"), (False, ("10.0.8.0/24",))),
    ],
)  # fmt: skip
def test_zones_of_firewalld_count_by_interface_and_source(
    public: str, fallback: str, interfaces: tuple[str, ...], expected: tuple[bool | None, tuple[str, ...]]
) -> None:
    text = FIREWALLD % {"public": public, "fallback": fallback}
    assert _reach(_firewall("nft", text, interfaces), 22) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("-A ufw-user-input -s 10.0.8.0/24 -p tcp -m tcp --dport 22 -j ACCEPT", (False, ("10.0.8.0/24",))),
        ("-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT", (True, ())),
        (UFW_LIMIT, (True, ())),
        ("-A ufw-user-input -i eth1 -p tcp -m tcp --dport 22 -j ACCEPT", (False, ())),
        ("-A ufw-user-input -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT", (True, ())),
    ],
)
def test_rules_of_ufw_count_by_their_effect(
    rules: str, expected: tuple[bool | None, tuple[str, ...]]
) -> None:
    firewall = _firewall("ip", UFW.replace("{rules}", rules), ("eth0",), "iptables")
    assert _reach(firewall, 22) == expected


def test_rules_of_ufw_as_the_kernel_lists_them() -> None:
    """What iptables-nft makes of them, loaded in a network of its own and listed by nft."""
    rule = "-A ufw-user-input -s 10.0.8.0/24 -p tcp -m tcp --dport 22 -j ACCEPT"
    table = "*filter\n" + UFW.replace("{rules}", rule)
    listed = subprocess.run(
        ["unshare", "--net", "sh", "-c", "iptables-nft-restore && nft list ruleset"],
        input=table, capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert _reach(_firewall("nft", listed.stdout, ("eth0",)), 22) == (False, ("10.0.8.0/24",))
