"""Beyond the loopback: no page without TLS, and nobody who is not told apart from the others."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from dengbao.errors import UsageError
from dengbao.model import Person
from dengbao.workbench.beyond import agreed, fingerprint, is_loopback, self_signed

from ..runs import dengbao
from .bench import WAIT_S, serving_all

_LINE = re.compile(r"(\S+)（(\S+)） (https://127\.0\.0\.1:\d+/start\?token=\S+)")
LI, WANG = Person(name="李工", org="测试科技"), Person(name="王主任", org="测试医院")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
        ("::", False), ("192.0.2.5", False), ("hospital.example", False),
    ],
)  # fmt: skip
def test_what_counts_as_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_what_is_lacking_is_said(tmp_path: Path) -> None:
    chain, key = self_signed(tmp_path, ["192.0.2.5"])
    for host, names, private, people, word in (
        ("192.0.2.5", (), None, (LI,), "TLS"),
        ("0.0.0.0", (), key, (LI,), "主机名"),
        ("192.0.2.5", (), key, (), "人员"),
        ("192.0.2.5", (), chain, (LI,), "证书"),
    ):
        with pytest.raises(UsageError, match=word):
            agreed(host, names, chain, private, people)
    assert agreed("::", ("[2001:db8::5]",), chain, key, (LI, LI, WANG)).people == (LI, WANG)
    assert key.stat().st_mode & 0o077 == 0


def test_the_command_refuses_to_listen_in_clear(hospital: Path) -> None:
    done = dengbao("serve", hospital, "--host", "0.0.0.0", "--name", "127.0.0.1")
    assert done.returncode == 2
    assert "TLS" in done.stderr


@contextmanager
def browser_of(start: str, chain: Path) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cafile=str(chain))
    origin = start.partition("/start")[0]
    with httpx.Client(
        base_url=origin, headers={"origin": origin}, verify=context, trust_env=False, timeout=WAIT_S,
        follow_redirects=True,
    ) as client:  # fmt: skip
        yield client


def test_each_person_comes_in_by_an_address_of_their_own(hospital: Path, tmp_path: Path) -> None:
    options = ("--host", "0.0.0.0", "--name", "127.0.0.1", "--self-signed", str(tmp_path / "tls"))
    chain = tmp_path / "tls" / "workbench.pem"
    with serving_all(hospital, *options, lines=2, content=None, changed={}) as (_, told):
        found = [
            re.fullmatch(r"(\S+)（(\S+)） (https://127\.0\.0\.1:\d+/start\?token=\S+)", one) for one in told
        ]
        assert [one and one[1] for one in found] == ["李工", "王主任"]
        starts = [one[3] for one in found if one]
        assert len(fingerprint(chain)) == 95
        with browser_of(starts[0], chain) as li, browser_of(starts[1], chain) as wang:
            assert "李工" in li.get(starts[0]).text
            assert "王主任" in wang.get(starts[1]).text
            assert "secure" in li.get(starts[0], follow_redirects=False).headers["set-cookie"].lower()
            refused = li.post("/who", data={"name": "王主任", "org": "测试医院"})
            assert refused.status_code == 409
            li.post("/leave")
            assert li.get("/").status_code == 403
            assert wang.get("/").status_code == 200
        port = starts[0].split(":")[2].partition("/")[0]
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
