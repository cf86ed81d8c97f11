"""What all tests need of their own process."""

from __future__ import annotations

import gc
import signal
from collections.abc import Generator

import pytest

# Files run side by side, and the last one should not be a long one: these begin, the longest first.
LONG = (
    "tests/live/test_apps.py", "tests/live/test_apps_killed.py", "tests/test_resume.py", "tests/test_meta.py",
    "tests/live/test_inputs.py", "tests/live/test_web_killed.py", "tests/workbench/test_review.py",
    "tests/report/test_likeness.py", "tests/workbench/test_papers.py", "tests/packet/test_alone.py",
    "tests/workbench/test_run.py", "tests/test_runs.py", "tests/demo/", "tests/live/", "tests/workbench/",
    "tests/packet/", "tests/test_run", "tests/report/", "tests/cli/", "tests/scanning/", "tests/capture/",
)  # fmt: skip


def pytest_configure() -> None:
    """Let Ctrl-C reach the tests and their children: a shell's background job starts with it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let ten thousand tests be no garbage to look through: neither while they are found nor ever after."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; within a file, and among the others, the order stays."""

    def place(item: pytest.Item) -> int:
        return next((n for n, one in enumerate(LONG) if item.nodeid.startswith(one)), len(LONG))

    items.sort(key=place)
