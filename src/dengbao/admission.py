"""Whether an application may be handed in: 附件二's four conditions and the papers of 第二十条(一).

What is claimed without proof counts as not confirmed, never as met.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final

from .evidence import folder_of
from .model import Certificate, Condition, Engagement, Material

LEAST_LEVEL: Final = 3  # 第二十条(一): 至少满足等保三级


class PaperState(StrEnum):
    """What is known of a paper or condition; only the first of each is good."""

    ATTACHED = "attached"
    MISSING = "missing"
    EXPIRED = "expired"
    INADEQUATE = "inadequate"
    UNCONFIRMED = "unconfirmed"

    @property
    def zh(self) -> str:
        """Return the Chinese word."""
        return {
            "attached": "已附",
            "missing": "未附",
            "expired": "已过期",
            "inadequate": "不合要求",
            "unconfirmed": "未确认",
        }[self.value]


@dataclass(frozen=True)
class Paper:
    """One of the papers to hand in; `why` says what is wrong, or which file it is."""

    name: str
    state: PaperState
    why: str = ""

    @property
    def ready(self) -> bool:
        """Tell whether it may be handed in."""
        return self.state is PaperState.ATTACHED


@dataclass(frozen=True)
class Gate:
    """One of the four conditions: `met` is None where it is not said, or said without proof."""

    number: int
    met: bool | None
    why: str = ""


# The papers in the order and wording of 第二十条(一).
CERTIFICATE: Final = "等保测评(至少满足等保三级)证书"
TOPOLOGY: Final = "医药机构系统接入医疗保障信息平台网络拓扑图"
SECURITY_PLAN: Final = "医药机构系统接入医疗保障信息平台网络安全方案"
COMMITMENT: Final = "定点医药机构接入医疗保障信息平台数据安全承诺书"
APPLICATION: Final = "接入医疗保障信息平台申请表"


def papers_check(engagement: Engagement, today: date, directory: Path | None = None) -> tuple[Paper, ...]:
    """Return the five papers in the regulation's order, each with its state on that day.

    With the engagement's folder it is also looked whether the named files are there.
    """
    given = engagement.forms.materials
    plain = (
        (TOPOLOGY, given.topology),
        (SECURITY_PLAN, given.security_plan),
        (COMMITMENT, given.commitment),
        (APPLICATION, given.application),
    )
    return (
        _certificate(given.certificate, today, directory),
        *(Paper(name, *_attached(one, directory)) for name, one in plain),
    )


def _attached(paper: Material | Certificate, directory: Path | None) -> tuple[PaperState, str]:
    if not paper.file and not paper.evidence:
        return PaperState.MISSING, "未登记文件或佐证"
    gone = [] if directory is None else list(_gone(paper, directory))
    if gone:
        return PaperState.MISSING, f"找不到 {'、'.join(gone)}"
    return PaperState.ATTACHED, "、".join(one for one in (paper.file, paper.evidence) if one)


def _gone(paper: Material | Certificate, directory: Path) -> Iterator[str]:
    if paper.file and not _is_filled(directory / paper.file):
        yield paper.file
    if paper.evidence and not _has_evidence(directory, paper.evidence):
        yield paper.evidence


def _is_filled(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size > 0
    except (OSError, ValueError):
        return False


def _has_evidence(directory: Path, number: str) -> bool:
    return _is_filled(folder_of(directory) / f"{number}.yaml")


def _certificate(paper: Certificate, today: date, directory: Path | None) -> Paper:
    state, why = _attached(paper, directory)
    if state is PaperState.ATTACHED:
        state, why = _standing(paper, today) or (state, f"{why}，{_told(paper)}")
    return Paper(CERTIFICATE, state, why)


def _standing(paper: Certificate, today: date) -> tuple[PaperState, str] | None:
    """Return what is wrong with a certificate that is there; what is certainly wrong goes first."""
    if paper.level is not None and paper.level < LEAST_LEVEL:
        return PaperState.INADEQUATE, f"等级为第 {paper.level} 级，至少应为第三级"
    if paper.valid_until is not None and paper.valid_until < today:
        return PaperState.EXPIRED, f"有效期至 {paper.valid_until}"
    unsaid = [
        name
        for name, said in (
            ("编号", bool(paper.number.strip())),
            ("等级", paper.level is not None),
            ("有效期", paper.valid_until is not None),
        )
        if not said
    ]
    return (PaperState.UNCONFIRMED, f"未填{'、'.join(unsaid)}") if unsaid else None


def _told(paper: Certificate) -> str:
    return f"编号 {paper.number}，第 {paper.level} 级，有效期至 {paper.valid_until}"


def conditions_check(engagement: Engagement, directory: Path | None = None) -> tuple[Gate, ...]:
    """Return the four conditions of 附件二; with the folder, named evidence must be there."""
    given = engagement.forms.access_conditions.in_order()
    return tuple(_gate(number, one, directory) for number, one in enumerate(given, 1))


def _gate(number: int, condition: Condition, directory: Path | None) -> Gate:
    if condition.met is False:
        return Gate(number, met=False, why="不满足")
    if condition.met is None:
        return Gate(number, met=None, why="未填")
    gone = [one for one in condition.evidence if directory is not None and not _has_evidence(directory, one)]
    if gone:
        return Gate(number, met=None, why=f"找不到佐证 {'、'.join(gone)}")
    if not condition.evidence:
        return Gate(number, met=None, why="填为满足，但无佐证")
    return Gate(number, met=True, why="、".join(condition.evidence))
