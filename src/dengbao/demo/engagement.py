"""Writes the demo's engagement folder: who, what, how far, and evidence to begin with."""

from __future__ import annotations

import shutil
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..errors import UsageError
from . import evidence
from .people import SAMPLE_ID

MARK: Final = ".dengbao-demo"
_OURS: Final = ("hospital", "evidence", "runs", "out")


def hospital_of(folder: Path) -> Path:
    """Return where the hospital of a demo keeps its data."""
    return folder / "hospital"


def prepare(folder: Path) -> None:
    """Make room for a demo: an earlier demo is cleared away, anything else is left alone.

    Raises:
        UsageError: the folder holds something that no demo wrote.

    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / MARK).is_file() and any(folder.iterdir()):
        raise UsageError("目录非空，且不是演示目录", where=str(folder), cure="换一个空目录")
    (folder / MARK).touch()
    for name in _OURS:
        shutil.rmtree(folder / name, ignore_errors=True)


def write(folder: Path, *, port: int, now: datetime | None = None) -> Path:
    """Write `engagement.yaml` and the evidence into `folder`; return the file."""
    at = now or datetime.now().astimezone()
    room = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - YAML, filled with a number and dates
        keep_trailing_newline=True,
    )
    text = room.get_template("engagement.yaml").render(
        port=port,
        today=at.date(),
        begin=at.replace(microsecond=0) - timedelta(hours=1),
        until=at.replace(microsecond=0) + timedelta(days=30),
        sample_id=SAMPLE_ID,
    )
    target = folder / "engagement.yaml"
    target.write_text(text, encoding="utf-8")
    evidence.write(folder / "evidence", at)
    return target


def add_mended_evidence(folder: Path, *, now: datetime | None = None) -> int:
    """File what people saw of the mended system; return how many records that were."""
    at = now or datetime.now().astimezone()
    return len(evidence.write(folder / "evidence", at, evidence.MENDED, age=timedelta()))


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody uses just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
