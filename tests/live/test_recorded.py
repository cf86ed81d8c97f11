"""A relay between the toolkit and an application sees nothing that was not announced, and all that was."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from dengbao.model import Level, Raw, Scope, WebAsset, WebFunction
from dengbao.probes.base import Context, Purpose
from dengbao.probes.web.browser import Browser, opened
from dengbao.probes.web.cookies import Jar
from dengbao.redact import Redactor
from dengbao.scope import Guard
from dengbao.secrets import Secrets
from tests.runs import dengbao, environment
from tests.servers.clinic import PASSWORDS, Conduct, Running, serving
from tests.servers.recorder import Passed, Recorder, recording

from .harness import MemoryLedger
from .test_web_killed import SECRETS, SLOW, everything, write

ROLES = {"doctor": "医生", "boss": "系统管理员"}
# What the toolkit makes up to see how an application answers to an address that is none.
MADE_UP = re.compile(r"/dengbao-[0-9a-z-]+(?:/[0-9a-z-]*)*")
READING = ("GET", "HEAD")
PURPOSE = Purpose(Level.INTRUDE, "试探", "4.d.2")


def functions_at(asset: WebAsset, path: str) -> list[WebFunction]:
    """Return the declared functions whose path this is."""
    functions = asset.app.functions if asset.app is not None else ()
    return [one for one in functions if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one.path), path)]


def beyond(asset: WebAsset, one: Passed) -> str:
    """Return why a request is more than looking as oneself or as a stranger, empty if it is not."""
    login = asset.login
    assert login is not None
    if one.method == "POST" and one.path == login.path:
        # A password that was changed for a test is the right one until it is changed back.
        user, password = one.given.get("username", ""), one.given.get("password", "")
        right = PASSWORDS.get(user) == password or (user in PASSWORDS and password and one.status < 400)
        return "" if right and not one.forged else f"a login of {user} that is not right, {one.status}"
    if one.method not in READING:
        return f"{one.method} changes data"
    names = [name for name, _ in parse_qsl(urlsplit(one.target).query, keep_blank_values=True)]
    if one.forged or "x-http-method-override" in one.headers or one.body or len(names) > len(set(names)):
        return "a forged session, a method or body in disguise, or one parameter twice"
    closed = [each for each in functions_at(asset, one.path) if ROLES.get(one.user, "") not in each.roles]
    if one.user and closed and one.target not in asset.protected:
        return f"a function {one.user} may not use"
    return ""


def unannounced(asset: WebAsset, passed: Sequence[Passed], announced: Iterable[str]) -> list[str]:
    """Return requests that were not announced although they must be, and announcements of none."""
    told = Counter(re.sub(r"（.*", "", one) for one in announced)
    host = asset.url.rstrip("/")
    told = Counter({one.replace(host, ""): count for one, count in told.items()})
    seen = Counter(one.key for one in passed)
    needed = Counter(one.key for one in passed if beyond(asset, one))
    why: dict[str, set[str]] = {}
    for one in passed:
        why.setdefault(one.key, set()).add(beyond(asset, one))
    silent = [
        f"{key}: sent {count}, announced {told[key]} ({'; '.join(sorted(why[key]))})"
        for key, count in needed.items()
        if count > told[key]
    ]
    empty = [
        f"{key}: announced {count}, sent {seen[key]}" for key, count in told.items() if count > seen[key]
    ]
    return silent + empty


def behind(running: Running, port: int) -> WebAsset:
    """Return everything there is to try, at the address of the relay."""
    return everything(Running(running.clinic, f"http://127.0.0.1:{port}"))


@pytest.mark.parametrize(
    "level", ["observe", "login", pytest.param("intrude", marks=SLOW), pytest.param("disrupt", marks=SLOW)]
)
def test_every_request_beyond_looking_is_announced_once(tmp_path: Path, level: str) -> None:
    with serving(Conduct()) as running, recording(urlsplit(running.url).port or 0) as (recorder, port):
        asset = behind(running, port)
        folder = write(tmp_path / "e", asset, level)
        dengbao("run", folder, env=environment(**SECRETS))
    lines = (folder / "runs/round-1/events.jsonl").read_text(encoding="utf-8").splitlines()
    events = [one for one in map(json.loads, lines) if one["event"] == "intrusive"]
    assert all(one["purpose"] and one["clause"] and one["level"] for one in events)
    # The ledger's own lines name an attempt by its key, beside the request itself.
    requests = [str(one["request"]) for one in events if re.match(r"[A-Z]+ ", str(one["request"]))]
    assert recorder.passed
    if level in ("observe", "login"):
        assert requests == []
        assert [f"{one.key}: {beyond(asset, one)}" for one in recorder.passed if beyond(asset, one)] == []
    if level == "observe":
        strange(asset, recorder)
    assert unannounced(asset, recorder.passed, requests) == []


def strange(asset: WebAsset, recorder: Recorder) -> None:
    """Assert that a stranger opened nothing but declared addresses, without a parameter of his own."""
    assert asset.login is not None
    assert {one.method for one in recorder.passed} <= set(READING)
    assert [one.key for one in recorder.passed if one.user or "authorization" in one.headers] == []
    known = {*asset.protected, *asset.public, "/", asset.login.page, asset.login.path, asset.logout}
    others = {one.target for one in recorder.passed if one.target not in known}
    assert {one for one in others if not MADE_UP.fullmatch(one)} == set()


def context(requests: list[str]) -> Context:
    """Return what an odd probe is given; it is heard by the list."""
    return Context(
        guard=Guard(
            Scope(level=Level.INTRUDE, addresses=("127.0.0.1",), connections_per_s=1000), log=lambda _: None
        ),
        secrets=Secrets(Redactor()),
        keep=lambda name, data: Raw(name=name, sha256="", size_bytes=len(data)),
        ledger=MemoryLedger(),
        announce=lambda _purpose, request: requests.append(request),
    )


async def _sends(visitor: Browser, how: str) -> None:
    """Send one request that must be announced."""
    page = visitor.resolve("/patients")
    if how == "post":
        await visitor.send("POST", visitor.resolve("/settle"))
    elif how == "forged":
        jar = Jar()
        jar.take(["session=0123456789abcdef"], page)
        await visitor.fork(jar).send("GET", page)
    elif how == "override":
        await visitor.send("GET", page, headers={"X-HTTP-Method-Override": "DELETE"})
    elif how == "twice":
        await visitor.send("GET", visitor.resolve("/patients?id=1&id=2"))
    else:
        await visitor.send("POST", visitor.resolve("/login"), content=b"username=doctor&password=x")


@pytest.mark.parametrize("how", ["post", "forged", "override", "twice", "wrong password", "not sent"])
@pytest.mark.parametrize("told", [False, True])
def test_what_is_sent_without_a_word_is_found(how: str, *, told: bool) -> None:
    """The test above can fail: a probe that keeps silent, or tells of what it does not send, is found."""
    with serving(Conduct()) as running, recording(urlsplit(running.url).port or 0) as (recorder, port):
        asset = behind(running, port)
        requests = ["POST /settle"] if how == "not sent" else []

        async def odd() -> None:
            async with opened(asset, context(requests), probe="odd") as browser:
                if how != "not sent":
                    await _sends(browser.intruding(PURPOSE) if told else browser, how)

        asyncio.run(odd())
    found = unannounced(asset, recorder.passed, requests)
    assert bool(found) is (not told or how == "not sent")
