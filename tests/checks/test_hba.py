"""pg_hba.conf is read as the server reads it: compared with trying every rule in order."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from checks import hba
from dengbao.probes.database.facts import DatabaseAccess, HostRule

NETWORKS = (
    "all",
    "0.0.0.0/0",
    "0.0.0.0/1",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.0/24",
    "10.1.2.3/32",
    "127.0.0.1/32",
)
TYPES = ("local", "host", "hostssl", "hostnossl")
ADDRESSES = ("10.1.2.3", "10.1.2.9", "10.9.9.9", "200.1.1.1", "127.0.0.1")


@st.composite
def rules(draw: st.DrawFn) -> tuple[HostRule, ...]:
    """Some rules over few names and networks, so that they overlap."""
    return tuple(
        HostRule(
            number=number,
            line=number,
            type=draw(st.sampled_from(TYPES)),
            databases=draw(st.sampled_from((("all",), ("his",), ("his", "pacs"), ("replication",)))),
            users=draw(st.sampled_from((("all",), ("app",), ("app", "dba")))),
            network=draw(st.sampled_from(NETWORKS)),
            method=draw(st.sampled_from(("reject", "trust", "scram-sha-256"))),
        )
        for number in range(1, draw(st.integers(1, 7)))
    )


def first_match(
    found: tuple[HostRule, ...], over: str, database: str, user: str, address: str
) -> HostRule | None:
    """Return the rule that the server would take."""
    for rule in found:
        databases = {"all", database} if database != "replication" else {"replication"}
        if over not in hba.carriers(rule) or not databases & set(rule.databases):
            continue
        if not {"all", user} & set(rule.users):
            continue
        if over == "local" or rule.network == "all":
            return rule
        if ipaddress.ip_address(address) in ipaddress.ip_network(rule.network):
            return rule
    return None


@given(
    rules(),
    st.sampled_from(("local", "tls", "plain")),
    st.sampled_from(("his", "pacs", "other", "replication")),
    st.sampled_from(("app", "dba", "other")),
    st.sampled_from(ADDRESSES),
)
def test_the_deciding_rule_is_never_taken_for_shadowed(
    found: tuple[HostRule, ...], over: str, database: str, user: str, address: str
) -> None:
    decided = first_match(found, over, database, user, address)
    if decided is None:
        return
    assert decided in hba.effective(found, over=over)
    access = DatabaseAccess(has_rules=True, rules=found)
    if decided.method == "trust":
        assert decided in hba.trusting(access)
    if over == "plain" and decided.method != "reject" and address != "127.0.0.1":
        assert decided in hba.open_to_plain(access)
    if over != "local" and decided.method != "reject" and address != "127.0.0.1":
        assert decided in hba.admitting(access)


@given(rules(), rules())
def test_rules_behind_one_for_everything_never_count(
    first: tuple[HostRule, ...], later: tuple[HostRule, ...]
) -> None:
    wall = HostRule(
        number=99,
        line=99,
        type="host",
        databases=("all", "replication"),
        users=("all",),
        network="all",
        method="reject",
    )
    behind = tuple(one for one in later if one.type != "local")
    assert not set(hba.effective((*first, wall, *behind), over="plain")) & set(behind) - set(first)


def test_everywhere_in_whatever_form() -> None:
    def rule(network: str) -> HostRule:
        return HostRule(number=1, line=1, type="host", databases=("all",), users=("all",), network=network)

    for network in ("all", "0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "64.0.0.0/2"):
        assert hba.is_everywhere(rule(network))
    for network in ("10.0.0.0/8", "192.168.0.0/16", "fd00::/32", "samenet", "his.test", "127.0.0.1/32"):
        assert not hba.is_everywhere(rule(network))
    assert hba.is_loopback(rule("127.0.0.1/32"))
    assert hba.is_loopback(rule("samehost"))
    assert not hba.is_loopback(rule("samenet"))
