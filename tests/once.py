"""What is dear to build is built once for all processes of a test run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """Return a folder that whichever process asks first has built; copy what you want to change.

    `build` is handed the place where the folder is to be made; what is made must bear being moved.
    """
    base = factory.getbasetemp()
    # Each process has a folder of its own for temporary files, below the one of the run.
    whole = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, half = whole / f"once-{name}", whole / f"once-{name}.half"
    with FileLock(whole / f"once-{name}.lock"):
        if not folder.exists():
            shutil.rmtree(half, ignore_errors=True)  # of a process that did not come to its end
            build(half)
            half.rename(folder)
    return folder
