"""Scope entries mean what they say, or are refused; addresses are seen through their disguises."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengbao.addresses import (
    canonical,
    compact_ports,
    disguises,
    parse_ports,
    parse_rule,
    plain_name,
    split_host_ports,
)
from dengbao.errors import UsageError

from .guards import Names


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("22", ((22, 22),)),
        ("80-443", ((80, 443),)),
        ("22,443", ((22, 22), (443, 443))),
        (" 22 , 8000-8010 ", ((22, 22), (8000, 8010))),
        ("1-65535", ((1, 65535),)),
    ],
)
def test_ports_are_parsed(text: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert parse_ports(text) == ranges


@pytest.mark.parametrize(
    "text",
    ["", "0", "65536", "80-", "-80", "443-80", "22;80", "22，80", "ssh", "22-80-90", "1.5", "+22", "²"],
)
def test_ports_that_could_mean_something_else_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_ports(text, where="这里")
    assert caught.value.where == "这里"
    assert caught.value.cure


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("his.test", ("his.test", "")),
        ("his.test:443", ("his.test", "443")),
        ("10.0.0.0/24:22,443", ("10.0.0.0/24", "22,443")),
        ("[fd00::5]:443", ("fd00::5", "443")),
        ("[fd00::/64]:443", ("fd00::/64", "443")),
        ("fd00::5", ("fd00::5", "")),
        (" fd00::/8 ", ("fd00::/8", "")),
    ],
)
def test_host_and_ports_are_told_apart(text: str, parts: tuple[str, str]) -> None:
    assert split_host_ports(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":443",
        "10.0.0.5:",
        "10.0.0.5：443",
        "10.0.0.5、10.0.0.6",
        "10.0.0.5-10.0.0.9",
        "10.0.0.300",
        "10.0.0.5/33",
        "010.0.0.5",
        "0x0a000005",
        "167772165",
        "10.5",
        "0.0.0.0",
        "[::]:443",
        "[fd00::5",
        "[fd00::5]443x",
        "https://his.test",
        "http://his.test:80/",
        "user@his.test",
        "*.his.test",
        "his..test",
        "his test",
        "-his.test",
        "his.test:ssh",
    ],
)
def test_an_entry_that_could_silently_mean_nothing_is_refused(text: str) -> None:
    """A production entry nobody can match would be a fence with a hole in it."""
    with pytest.raises(UsageError) as caught:
        parse_rule(text, Names({}), where="scope.production")
    assert caught.value.where == "scope.production"


def test_host_bits_below_the_mask_are_allowed() -> None:
    rule = parse_rule("10.0.0.5/24:443", Names({}))
    assert rule.covers(ipaddress.ip_address("10.0.0.99"), 443)
    assert not rule.covers(ipaddress.ip_address("10.0.0.99"), 80)
    assert not rule.covers(ipaddress.ip_address("10.0.1.5"), 443)


def test_mapped_networks_mean_the_v4_network_behind_them() -> None:
    rule = parse_rule("::ffff:10.0.0.0/120", Names({}))
    assert rule.networks == (ipaddress.ip_network("10.0.0.0/24"),)


@pytest.mark.parametrize("name", ["HIS.Test", "his.test.", "his.test。", " his.TEST. "])
def test_names_are_compared_in_one_form(name: str) -> None:
    assert plain_name(name) == "his.test"


def test_chinese_names_equal_their_punycode() -> None:
    assert plain_name("医院.test") == plain_name("XN--EKRS67M.Test") == "xn--ekrs67m.test"


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("::ffff:a00:5", "10.0.0.5"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "::1"),
        ("::ffff:0.0.0.0", "127.0.0.1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_canonical_is_what_the_kernel_reaches(text: str, reached: str) -> None:
    assert str(canonical(text)) == reached


@pytest.mark.parametrize(
    "text",
    [
        "64:ff9b::10.0.0.5",
        "64:ff9b:1::a00:5",
        "::10.0.0.5",
        "2002:a00:5::1",
        "2001:0:a00:5::1",
        "fd00::5efe:a00:5",
        "fd00::200:5efe:10.0.0.5",
    ],
)
def test_a_v4_address_is_seen_through_translators(text: str) -> None:
    assert ipaddress.ip_address("10.0.0.5") in disguises(canonical(text))


def test_a_plain_v6_address_hides_nothing() -> None:
    for text in ("fd00::5", "::1"):
        assert disguises(canonical(text)) == (canonical(text),)


def test_ports_are_printed_as_ranges() -> None:
    assert compact_ports([443, 80, 81, 82, 22, 80]) == "22,80-82,443"
    assert compact_ports([]) == ""


@given(st.sets(st.integers(1, 65535), min_size=1, max_size=40))
def test_printed_ports_parse_back(ports: set[int]) -> None:
    found = {port for low, high in parse_ports(compact_ports(ports)) for port in range(low, high + 1)}
    assert found == ports
