"""Logins that Match blocks tell apart: what sshd answered, and whether that stands for every login."""

from __future__ import annotations

import pytest

from dengbao.probes.host.facts import SshdCase, SshdMatch
from dengbao.probes.host.frames import Transcript
from dengbao.probes.host.parse_match import read_cases

from .sections import framed, transcript

BASE = {"permitrootlogin": ("no",), "passwordauthentication": ("yes",)}
ANSWER = "permitrootlogin {0}\npasswordauthentication yes\n"


def seen(body: str, nsswitch: str = "passwd: files\n") -> Transcript:
    return transcript(
        sshd_match=body,
        passwd=framed(etc__passwd="root:<x>:0:0::/root:/bin/bash\n"),
        group=framed(etc__group="root::0:\n", etc__nsswitch_dot_conf=nsswitch),
    )


def asked(*addresses: str) -> str:
    return "".join(f"N case root {one} 22\n{ANSWER.format('yes')}" for one in addresses)


def whole(condition: str, *addresses: str, more: str = "", nsswitch: str = "passwd: files\n") -> bool:
    matches = (SshdMatch(condition=condition, options=("permitrootlogin yes",)),)
    return read_cases(seen(asked("203.0.113.77", *addresses) + more, nsswitch), matches, BASE)[1]


def test_only_what_differs_is_kept() -> None:
    cases, _ = read_cases(seen(asked("10.0.8.0")), (), BASE)
    assert cases == (
        SshdCase(user="root", address="10.0.8.0", port=22, options={"permitrootlogin": ("yes",)}),
    )


def test_a_case_without_an_answer_is_not_taken_for_one() -> None:
    body = asked("203.0.113.77") + "N case root 10.0.8.0 22\nN failed\n"
    matches = (SshdMatch(condition="Address 10.0.8.0/24", options=()),)
    cases, complete = read_cases(seen(body), matches, BASE)
    assert (len(cases or ()), complete) == (1, False)


@pytest.mark.parametrize(
    ("condition", "addresses", "complete"),
    [
        ("User root", (), True),
        ("all", (), True),
        ("Group wheel,!ops LocalPort 2222", (), True),
        ("Address 10.0.8.0/24,!10.0.8.7", ("10.0.8.0", "10.0.8.7"), True),
        ("Address 10.0.*", ("10.0.1.1",), True),
        # the first address of the large net lies in the small one: the rest of the large net was not asked
        ("Address 10.0.0.0/8,10.0.0.0/24", ("10.0.0.0",), False),
        ("Address 10.0.0.0/8,10.9.0.0/16", ("10.0.0.0", "10.9.0.0"), True),
        ("Address 0.0.0.0/0", ("0.0.0.0",), False),
        ("Address 203.0.113.0/24", ("203.0.113.0",), False),
        ("Address 10.?.8.1", ("10.1.8.1",), False),
        ("Host *.his.test", (), False),
        ("LocalAddress 10.0.8.1", (), False),
    ],
)
def test_whether_the_cases_stand_for_every_login(
    condition: str, addresses: tuple[str, ...], complete: bool
) -> None:
    assert whole(condition, *addresses) is complete


def test_too_many_accounts_or_accounts_of_a_directory_leave_it_open() -> None:
    assert not whole("User root", more="N many\n")
    assert not whole("User root", nsswitch="passwd: files ldap\n")
    assert whole("Address 10.0.8.1", "10.0.8.1", nsswitch="passwd: files ldap\n")


def test_nobody_asked() -> None:
    assert read_cases(transcript(), (), BASE) == (None, False)
