"""One hospital per state for the whole session, and a browser for it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from dengbao.demo.child import Running, running
from dengbao.demo.measures import State
from dengbao.demo.people import STAFF, staff_password
from dengbao.demo.seed import Places

PASSWORD = "Ceshi#2023-demo"


@dataclass(frozen=True)
class Hospital:
    """A running hospital and its folder."""

    places: Places
    running: Running
    tls: ssl.SSLContext

    def browser(self) -> Browser:
        return Browser(httpx.Client(base_url=self.running.url, verify=self.tls, trust_env=False))


@dataclass(frozen=True)
class Browser:
    """A visitor with a cookie jar that fills in the hidden token of forms."""

    client: httpx.Client

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.client.close()

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def submit(self, page: str, path: str, **fields: str) -> httpx.Response:
        found = LexborHTMLParser(self.get(page).text).css_first("input[name=csrf_token]")
        assert found is not None, f"{page} holds no form"
        return self.client.post(path, data={"csrf_token": found.attributes["value"] or "", **fields})

    def log_in(self, username: str, password: str) -> httpx.Response:
        return self.submit("/login", "/login", username=username, password=password)

    def log_in_staff(self, username: str) -> httpx.Response:
        staff = next(one for one in STAFF if one.username == username)
        return self.log_in(username, staff_password(PASSWORD, staff))


def start(folder: Path, state: State) -> Iterator[Hospital]:
    with running(folder, state, PASSWORD) as found:
        places = Places(folder)
        tls = ssl.create_default_context(cafile=str(places.certificates / "ca.pem"))
        yield Hospital(places, found, tls)


@pytest.fixture(scope="session")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    yield from start(tmp_path_factory.mktemp("before"), State.BEFORE)


@pytest.fixture(scope="session")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    yield from start(tmp_path_factory.mktemp("after"), State.AFTER)
