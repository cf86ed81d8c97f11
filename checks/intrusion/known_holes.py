"""4.e.1, 4.e.2: do installed packages have grave holes that are known and mended elsewhere?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from dengbao.checking import Params, check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.host.hole_facts import Hole, HostHoles

from ..hosts import ask, told

# What the facts cannot show and people must add.
LEFT = "授权漏洞扫描报告、渗透测试报告，以及漏洞修补前的测试评估记录，须人工提供"

_FACT: Final = "host.holes"
_GRAVE: Final = ("critical", "high")
_SHOWN: Final = 8


class HoleParams(Params):
    """Days after which data are too old, and entries below which they are no whole set, to prove absence."""

    vulnerability_data_max_age_days: int
    vulnerability_data_min_entries: int


@check("intrusion.known_holes", half=LEFT)
def host_has_no_known_grave_holes(holes: HostHoles, params: HoleParams) -> Judgement:
    """Judge that no installed package has a hole graded high or critical that a newer version mends.

    A hole that was found is proof by data of any age. Old, partial or missing data cannot prove that there
    is none, nor can holes that no data grade.

    Source: GB/T 22239-2019 8.1.4.4 e).
    """
    criteria = (_grave(holes), _whole(holes, params))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}{_beside(holes)}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
    )


def _grave(holes: HostHoles) -> Criterion:
    question = "是否没有已有修复版本而未修补的高危漏洞"
    if holes.holes is None:
        return ask("grave", question, None, _no_data(holes), _FACT)
    grave = [one for one in holes.holes if one.severity in _GRAVE]
    ungraded = [one for one in holes.holes if not one.severity]
    compared = f"比对软件包 {holes.compared} 个"
    if grave:
        text = f"{compared}，已有修复版本而未修补的高危漏洞 {_many(len(grave), holes)}：{_named(grave)}"
        return ask("grave", question, False, text, _FACT, decisive=True)
    if ungraded or holes.cut:
        text = (
            f"{compared}，未见标明高危的漏洞；已有修复版本而未修补、数据未标明严重程度的 {len(ungraded)} 个："
            f"{_named(ungraded)}，是否高危未能确认"
        )
        return ask("grave", question, None, text, _FACT)
    rest = f"，中低危 {len(holes.holes)} 个：{_named(holes.holes)}" if holes.holes else ""
    return ask("grave", question, True, f"{compared}，没有已有修复版本而未修补的高危漏洞{rest}", _FACT)


def _whole(holes: HostHoles, params: HoleParams) -> Criterion:
    question = "漏洞数据是否够新、够全，软件包是否都能比对"
    if not holes.data:
        return ask("data", question, None, "漏洞是否存在未能确认", _FACT)
    today = date.fromisoformat(holes.looked_on)
    most = params.vulnerability_data_max_age_days
    fresh = [one for one in holes.data if abs((today - date.fromisoformat(one.day)).days) <= most]
    files = "、".join(f"{one.file}（{one.day}，{one.entries} 条）" for one in holes.data)
    said = f"漏洞数据关于该系统的有 {files}"
    faults = []
    if not fresh:
        faults.append(f"距检测日 {holes.looked_on} 超过 {most} 天")
    elif sum(one.entries for one in fresh) < params.vulnerability_data_min_entries:
        faults.append(f"{most} 天以内的少于 {params.vulnerability_data_min_entries} 条，不像完整数据")
    if holes.undecided:
        faults.append(f"不能比对的软件包 {len(holes.undecided)} 个：{_listed(holes.undecided)}")
    if holes.holes is not None and not holes.compared:
        faults.append("没有可比对的软件包")
    if faults:
        return ask("data", question, None, f"{said}，{'，'.join(faults)}", _FACT)
    return ask("data", question, True, said, _FACT)


def _no_data(holes: HostHoles) -> str:
    if not holes.distribution:
        return "没有适用于该操作系统的漏洞数据格式（发行版不在支持之列）"
    return f"没有带入关于该系统（{holes.distribution}）的漏洞数据"


def _beside(holes: HostHoles) -> str:
    if not holes.unmended:
        return ""
    grave = (
        f"，其中高危 {len(holes.unmended_grave)} 个：{_listed(holes.unmended_grave)}"
        if holes.unmended_grave
        else ""
    )
    return f"；另有发行方尚未提供修复版本的漏洞 {holes.unmended} 个{grave}"


def _many(count: int, holes: HostHoles) -> str:
    return f"至少 {count} 个" if holes.cut else f"{count} 个"


def _named(holes: Iterable[Hole]) -> str:
    return _listed(f"{one.id}（{one.package} {one.installed}，{one.fixed} 已修复）" for one in holes)


def _listed(words: Iterable[str]) -> str:
    all_words = list(words)
    shown = "、".join(all_words[:_SHOWN])
    return f"{shown}等" if len(all_words) > _SHOWN else shown
