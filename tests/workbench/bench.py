"""Serves an engagement folder by the real command, and looks at it through Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response

WAIT_S: Final = 60
_BAD: Final = ("error", "warning")
_GRAVE: Final = ("serious", "critical")
_AXE: Final = Path(".engines/formats/readers/node_modules/axe-core/axe.min.js")


@dataclass
class Served:
    """A page that is being served; `start` is the address that was printed."""

    folder: Path
    start: str
    process: subprocess.Popen[str]

    @property
    def origin(self) -> str:
        """Return scheme, host and port."""
        parts = urlsplit(self.start)
        return f"{parts.scheme}://{parts.netloc}"

    @contextlib.contextmanager
    def client(self, *, enter: bool = True) -> Iterator[httpx.Client]:
        """Open a client that does as a browser does with the page's forms, let in unless told not to be."""
        with httpx.Client(
            base_url=self.origin, headers={"origin": self.origin}, trust_env=False, timeout=WAIT_S,
            follow_redirects=True,
        ) as client:  # fmt: skip
            if enter:
                client.get(self.start).raise_for_status()
            yield client

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait(WAIT_S)


@contextlib.contextmanager
def serving(folder: Path, *options: str, content: Path | None = None, **changed: str) -> Iterator[Served]:
    """Run `dengbao serve` on a free port until the block ends; `changed` are variables of its environment."""
    with serving_all(folder, *options, lines=1, content=content, changed=changed) as (process, told):
        yield Served(folder, told[0], process)


@contextlib.contextmanager
def serving_all(
    folder: Path, *options: str, lines: int, content: Path | None, changed: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run `dengbao serve` as `serving` does, and hand over the lines that it prints at its start."""
    where = ["--content", str(content)] if content else []
    process = subprocess.Popen(
        [sys.executable, "-m", "dengbao", "serve", str(folder), *where, *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        env={**os.environ, "NO_COLOR": "1", **changed},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(lines)]
        if not all("http" in one for one in told):
            process.kill()
            raise AssertionError(f"no address: {told!r} {process.communicate()}")
        yield process, told
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
        process.communicate()


@dataclass
class Watched:
    """A browser page whose every slip is kept: errors, failed requests, requests that leave the loopback."""

    page: Page
    origin: str
    slips: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        """Open a path of the page."""
        self.page.goto(self.origin + path)
        return self.page

    def keep_watch(self) -> None:
        """Begin to note slips."""
        self.page.on("console", lambda one: self._note(one.type in _BAD, f"console: {one.text}"))
        self.page.on("pageerror", lambda one: self._note(True, f"page: {one}"))
        self.page.context.on("request", self._left)
        self.page.context.on("response", self._answered)

    def _left(self, request: Request) -> None:
        inside = request.url.startswith((self.origin, "data:", "blob:", "about:"))
        self._note(not inside, f"left: {request.url}")

    def _answered(self, response: Response) -> None:
        self._note(response.status >= 500 or response.status == 404, f"{response.status}: {response.url}")

    def _note(self, slip: bool, text: str) -> None:
        if slip:
            self.slips.append(text)

    def faults(self) -> list[str]:
        """Return the serious faults that axe-core finds on the page as it stands."""
        self.page.evaluate(
            _AXE.read_text(encoding="utf-8")
        )  # the page's policy lets no script in from outside
        found = self.page.evaluate(
            "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
        )
        return [
            f"{one['id']}: {node['target']} {one['help']}"
            for one in found
            for node in one["nodes"]
            if one["impact"] in _GRAVE
        ]


@contextlib.contextmanager
def browsing(
    browser: Browser, served: Served, *, scripts: bool = True, size: tuple[int, int] = (1366, 768)
) -> Iterator[Watched]:
    """Open the page in a window of its own; at the end there must have been no slip."""
    context: BrowserContext = browser.new_context(
        java_script_enabled=scripts, viewport={"width": size[0], "height": size[1]}, locale="zh-CN"
    )
    context.set_default_timeout(WAIT_S * 1000)
    page = context.new_page()
    watched = Watched(page, served.origin)
    watched.keep_watch()
    try:
        page.goto(served.start)
        yield watched
    finally:
        context.close()
    assert not watched.slips, watched.slips


def chromium() -> str:
    """Return where Debian's Chromium is."""
    found = shutil.which("chromium")
    assert found, "chromium is missing: apt-get install chromium"
    return found


def records(folder: Path) -> list[dict[str, object]]:
    """Return the custody entries of an engagement folder."""
    path = folder / "custody.jsonl"
    return [json.loads(one) for one in path.read_bytes().splitlines()] if path.exists() else []
