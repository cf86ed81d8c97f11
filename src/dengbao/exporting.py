"""From a round to a file of another tool's format; the same results as `status` and the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .errors import StoreError
from .formats.hdf import hdf
from .formats.junit import junit
from .formats.oscal import oscal
from .formats.sarif import sarif
from .model import Engagement, RunInfo, SuiteResult
from .papers import for_papers
from .results import fold_round
from .rounds import Round
from .session import Session


@dataclass(frozen=True)
class Format:
    """A format: how it is written, and what its files are called."""

    write: Callable[[SuiteResult, Engagement, RunInfo], bytes]
    ending: str


FORMATS: Final = {
    "oscal": Format(oscal, "oscal.json"),
    "hdf": Format(hdf, "hdf.json"),
    "junit": Format(junit, "junit.xml"),
    "sarif": Format(sarif, "sarif"),
}


def export_path(directory: Path, number: int, form: Format) -> Path:
    """Return where a round's results are written unless told otherwise."""
    return directory / "out" / f"测试结果-第{number}轮.{form.ending}"


def export_round(session: Session, chosen: Round, form: Format) -> tuple[bytes, SuiteResult]:
    """Return the results of a round in a format, and the results themselves.

    Raises:
        StoreError: a stored fact is damaged: nothing may be told that can no longer be proven.
        EvidenceError: evidence was altered.
        UsageError: the suite is no longer the one the round was begun with.

    """
    damaged = chosen.store().damaged()
    if damaged:
        raise StoreError(
            "事实文件损坏，结果不予导出：" + "；".join(str(one) for one in damaged),
            cure="从备份恢复这些文件，或开始新的一轮",
        )
    result, _ = fold_round(session, chosen)
    return form.write(result, for_papers(chosen.engagement, session.engagement), chosen.info), result
