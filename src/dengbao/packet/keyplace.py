"""Where the sealing key of this user lies unless told otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

LONG_ENOUGH: Final = 8  # characters of a key's passphrase


def default_key() -> Path:
    """Return the file of the private key in this user's configuration folder; its `.pub` lies beside it."""
    return Path(click.get_app_dir("dengbao")) / "seal-key"
