"""What all tests need of their own process."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Let Ctrl-C reach the tests and their children: a shell's background job starts with it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
