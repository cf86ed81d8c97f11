"""What must hold in the `forms` of an engagement beyond the types of its values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final

from ..model import EDITIONS, Certificate, Forms, Material
from ..reading import Mistake, suggest
from ..yamlfile import shorten

_EVIDENCE: Final = re.compile(r"EV-\d{4,}")
_LEVELS: Final = range(1, 6)
_CONDITIONS: Final = ("card_reader", "codes", "code_pages", "interfaces")
_MATERIALS: Final = ("certificate", "topology", "security_plan", "commitment", "application")


def find_form_faults(forms: Forms) -> Iterator[Mistake]:
    """Yield every fault of the forms' section."""
    if forms.edition not in EDITIONS:
        message = f"不认识的表单版本“{shorten(forms.edition)}”"
        yield Mistake(("forms", "edition"), message, suggest(forms.edition, EDITIONS))
    for name in _CONDITIONS:
        condition = getattr(forms.access_conditions, name)
        for number, one in enumerate(condition.evidence):
            yield from _evidence(("forms", "access_conditions", name, "evidence", number), one)
    for name in _MATERIALS:
        yield from _material(name, getattr(forms.materials, name))
    level = forms.materials.certificate.level
    if level is not None and level not in _LEVELS:
        yield Mistake(("forms", "materials", "certificate", "level"), "等级应为 1 至 5", "如 3")


def _material(name: str, paper: Material | Certificate) -> Iterator[Mistake]:
    place = ("forms", "materials", name)
    if paper.evidence:
        yield from _evidence((*place, "evidence"), paper.evidence)
    if paper.file and not _is_inside(paper.file):
        yield Mistake(
            (*place, "file"), "申报材料应在项目目录之内", "写相对于项目目录的路径，如 papers/证书.pdf"
        )


def _is_inside(file: str) -> bool:
    """Tell whether a path stays in the folder, on any system."""
    windows = PureWindowsPath(file)
    parts = {*PurePosixPath(file).parts, *windows.parts}
    return not (file.startswith("/") or windows.anchor or ".." in parts or "\0" in file)


def _evidence(place: tuple[str | int, ...], given: str) -> Iterator[Mistake]:
    if not _EVIDENCE.fullmatch(given):
        yield Mistake(place, f"不是佐证编号“{shorten(given)}”", "如 EV-0001，见 dengbao evidence list")
