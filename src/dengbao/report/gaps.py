"""What is still missing before a report is complete; while anything is, it is a draft."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import ItemResult, Status
from .inputs import Gap, ReportInput
from .wording import case_label, label


def find_gaps(given: ReportInput) -> tuple[Gap, ...]:
    """Return what is missing: fields of 基本信息 first, then every case without a verdict, in order."""
    return (*_basics(given), *_run(given), *_items(given))


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
