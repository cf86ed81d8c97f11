"""The list of a place on a host, as its section brings it: odd names, and lists that are not whole."""

from __future__ import annotations

import pytest

from dengbao.errors import NoPermission, ProbeError, ProtocolMismatch, Unreachable
from dengbao.model import DataPlace
from dengbao.probes.data.listing import ENTRIES_MAX, PlaceListing, read_place
from dengbao.probes.host.frames import Section, Transcript

ROOT = "N entry 41ed|4096|100|7|/srv/his/\n"


def read(body: str, *, error: str = "", pattern: str = "") -> PlaceListing:
    section = Section("place0", body.encode(), error=error, code=0, limit=1 << 24, nonce="N")
    place = DataPlace(path="/srv/his", host="app", pattern=pattern)
    return read_place(Transcript({"place0": section}, done=True, account="a"), 0, place, where="w")


def test_names_keep_every_newline_and_the_newest_comes_first() -> None:
    body = f"N place folder\n{ROOT}N entry 81a4|5|1|7|/srv/his/old\n"
    body += "N entry 81a4|6|2|7|/srv/his/a\nb\n\n\nN listed\n"
    found = read(body)
    assert [(one.name, one.size_bytes) for one in found.files] == [("a\nb\n", 6), ("old", 5)]
    assert found.passed_over == ()


def test_what_is_mounted_below_is_named_and_not_entered() -> None:
    found = read(
        f"N place folder\n{ROOT}N entry 41ed|1|1|8|/srv/his/nfs\nN entry 41ed|1|1|7|/srv/his/d\n\nN listed\n"
    )
    assert found.passed_over == (("nfs", "另一文件系统的挂载点，未进入"),)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (f"N place folder\n{ROOT}", ""),  # cut off
        (f"N place folder\n{ROOT}N entry 81a4|5|1|7|/srv/his/a" + "\n" * ENTRIES_MAX + "\nN listed\n", ""),
        (f"N place folder\n{ROOT}\nN listed\n", "find: '/srv/his/x': Permission denied\n"),
    ],
)
def test_a_list_that_may_lack_something_says_so(body: str, error: str) -> None:
    assert len(read(body, error=error).passed_over) == 1


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("denied", NoPermission),
        ("absent", Unreachable),
        ("folder", ProtocolMismatch),
        ("?", ProtocolMismatch),
    ],
)
def test_no_list_is_no_empty_one(said: str, error: type[ProbeError]) -> None:
    with pytest.raises(error):
        read(f"N place {said}\n")


def test_a_pattern_leaves_out_other_names_but_no_link_that_may_lead_to_many() -> None:
    body = f"N place folder\n{ROOT}N entry 81a4|5|1|7|/srv/his/a.txt\n"
    body += "N entry a1ff|5|1|7|/srv/his/link\n\nN listed\n"
    assert (read(body, pattern="*.log").files, read(body, pattern="*.log").passed_over) == ((), ())
    assert read(body, pattern="**/*.log").passed_over == (("link", "符号链接，未跟随"),)
