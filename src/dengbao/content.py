"""Where suites, checks and templates are: `--content DIR` › checkout › inside the wheel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .errors import ContentError


@dataclass(frozen=True)
class Content:
    """The three rooms of data and judgement."""

    root: Path

    @property
    def suites(self) -> Path:
        """Return the folder of suites."""
        return self.root / "suites"

    @property
    def checks(self) -> Path:
        """Return the folder of checks."""
        return self.root / "checks"

    @property
    def templates(self) -> Path:
        """Return the folder of templates."""
        return self.root / "templates"


def find_content(given: Path | None = None) -> Content:
    """Return the content rooms.

    Raises:
        ContentError: the given folder, or none of the known places, holds the three rooms.

    """
    package = Path(__file__).resolve().parent
    candidates = [given] if given is not None else [package.parent.parent, package / "_content"]
    for root in candidates:
        if all((root / room).is_dir() for room in ("suites", "checks", "templates")):
            return Content(root)
    raise ContentError(
        "找不到 suites、checks、templates 三个目录",
        where="、".join(str(one) for one in candidates),
        cure="用 --content 指明目录，或重新安装 dengbao",
    )
