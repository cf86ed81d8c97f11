"""One complete engagement and one Chromium for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from ..once import once
from ..packet import example
from .bench import Served, chromium, serving


@pytest.fixture(scope="session")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an engagement in which every item is judged; do not change it."""
    built = once(tmp_path_factory, "complete", lambda place: example.build(place / "my-hospital"))
    return example.copy_of(built / "my-hospital", tmp_path_factory.mktemp("complete") / "my-hospital")


@pytest.fixture(scope="session")
def tested(complete: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same engagement before anything was filed by hand; do not change it."""
    folder = example.copy_of(complete, tmp_path_factory.mktemp("tested") / "my-hospital")
    for one in (folder / "evidence").iterdir():
        one.unlink()
    return folder


@pytest.fixture
def hospital(tested: Path, tmp_path: Path) -> Path:
    """Return a copy of the tested engagement that a test may change."""
    return example.copy_of(tested, tmp_path / "my-hospital")


@pytest.fixture
def served(hospital: Path) -> Iterator[Served]:
    """Return that copy, served."""
    with serving(hospital) as one:
        yield one


@pytest.fixture(scope="module")
def browser(complete: Path) -> Iterator[Browser]:
    """Return a Chromium.

    While it is there an event loop runs in this process, and what starts one of its own cannot be called:
    so the engagement is built before, and each module ends its own Chromium for the sake of the next.
    """
    del complete
    with sync_playwright() as playwright:
        # Without its sandbox, because tests may run as root.
        started = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield started
        started.close()
