"""What is still missing before a report is complete; while anything is, it is a draft."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from ..model import ItemResult, Status
from .inputs import Gap, GapEntry, GapGroup, ReportInput
from .wording import case_label, label

_SHOWN: Final = 15
_NEED_LENGTH: Final = 32
_LOOK_FAILED: Final = "未能取得所需信息："  # the state beside it says so


def find_gaps(given: ReportInput) -> tuple[Gap, ...]:
    """Return what is missing: fields of 基本信息 first, then every case without a verdict, in order."""
    return (*_basics(given), *_run(given), *_items(given))


def group_gaps(gaps: Iterable[Gap]) -> tuple[GapGroup, ...]:
    """Return one group for each place, in order: what several assets lack alike is said once."""
    return tuple(_group(place, tuple(own)) for place, own in groupby(gaps, key=lambda one: one.place))


def _group(place: str, gaps: tuple[Gap, ...]) -> GapGroup:
    by_need: dict[tuple[str, str], list[str]] = {}
    for one in gaps:
        by_need.setdefault((one.state, one.need.replace(_LOOK_FAILED, "")), []).append(one.asset)
    by_assets: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for (state, need), assets in by_need.items():
        named = tuple(dict.fromkeys(one for one in assets if one))
        by_assets.setdefault((named, state), []).append(need)
    entries = [GapEntry(assets, state, tuple(needs)) for (assets, state), needs in by_assets.items()]
    return GapGroup(place, len(gaps), tuple(entries))


def gap_lines(groups: Sequence[GapGroup]) -> list[str]:
    """Return lines for a terminal: one for each of the first places, then how many gaps are left."""
    lines = [f"缺 {one.place}　{'；'.join(map(_short, one.entries))}" for one in groups[:_SHOWN]]
    left = sum(one.count for one in groups[_SHOWN:])
    return [*lines, f"…其余 {left} 处见报告草稿说明"] if left else lines


def _short(entry: GapEntry) -> str:
    need = "；".join(entry.needs)
    if entry.assets and len(need) > _NEED_LENGTH:
        need = f"{need[:_NEED_LENGTH]}…"
    return f"{'、'.join(entry.assets)} {entry.state}：{need}".lstrip()


def _basics(given: ReportInput) -> Iterator[Gap]:
    engagement = given.engagement
    parties = engagement.parties
    wanted = (
        ("报告编号", engagement.report_number, "report_number"),
        ("定点医药机构名称", engagement.institution.name, "institution.name"),
        ("定点医药机构国家编码", engagement.institution.code, "institution.code"),
        ("信息系统名称", engagement.system.name, "system.name"),
        ("信息系统承建厂商", engagement.system.vendor, "system.vendor"),
        ("测试环境（地址、端口）", "".join(engagement.system.test_environment), "system.test_environment"),
        ("属地医保局", parties.local_bureau.name, "parties.local_bureau"),
        ("医疗保障信息平台厂商", parties.platform_vendor.name, "parties.platform_vendor"),
        ("定点医药机构系统接入方", parties.access_party.name, "parties.access_party"),
    )
    for name, value, key in wanted:
        if not value.strip():
            yield Gap(place="基本信息", asset="", state="未填", need=f"{name}（engagement.yaml 的 {key}）")


def _run(given: ReportInput) -> Iterator[Gap]:
    if given.run.ended_at is None:
        yield Gap(
            place=f"第 {given.run.round} 轮测试",
            asset="",
            state="未结束",
            need="继续运行至本轮结束（dengbao run）",
        )


def _items(given: ReportInput) -> Iterator[Gap]:
    for item in given.result.mandatory:
        yield from _cases(given, item)
    for clause in given.result.clauses:
        for item in clause.items:
            yield from _cases(given, item)


def _cases(given: ReportInput, item: ItemResult) -> Iterator[Gap]:
    if not item.cases:
        yield Gap(
            place=item.item.id,
            asset="",
            state=label(Status.NOT_RUN, None),
            need="没有可测的测评对象：在 engagement.yaml 的 assets 中登记",
        )
    for case in item.cases:
        if case.status is not Status.JUDGED or case.verdict is None:
            asset = given.engagement.asset(case.asset)
            yield Gap(
                place=item.item.id,
                asset=asset.name if asset else case.asset,
                state=case_label(case),
                need="；".join(case.lacks) or item.item.by_hand.ask,
            )
