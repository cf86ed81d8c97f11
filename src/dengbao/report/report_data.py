"""A report's whole content as plain data: what a template may print, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..model import Asset, Engagement, Suite
from .evidence_data import evidence_rows, figure_rows
from .gaps import group_gaps
from .history import History
from .inputs import Gap, GapGroup, ReportInput
from .mark import mark_row
from .pictures import Figure
from .plain import Plain, digest, plain
from .results_data import Numbers, ResultWriter, number_facts, number_notes
from .statistics import statistics
from .wording import (
    APPLICATIONS,
    BLANK,
    CATEGORIES,
    PARTY_ROLES,
    beijing,
    contact,
    day,
    listed,
    moment,
    person,
)

UNNUMBERED: Final = "待编号"
Pair = tuple[str, str]


def report_data(given: ReportInput, figures: Iterable[Figure], gaps: tuple[Gap, ...]) -> dict[str, Plain]:
    """Return everything a template may print, sanitised, with the digest of it all."""
    figures = tuple(figures)
    numbers = Numbers(number_facts(given.result), _figures(figures), number_notes(given.suite))
    history = History(given)
    writer = ResultWriter(given.engagement, numbers, given.origins, history.hints())
    failures = writer.failures(given.result)
    high = sum(1 for one in failures if isinstance(one, dict) and one["high"])
    data: dict[str, Plain] = {
        "draft": bool(gaps),
        "gap_count": len(gaps),
        "gaps": [_gaps(one) for one in group_gaps(gaps)],
        "report": _report(given),
        "basics": _basics(given),
        "assets": [_asset(one) for one in given.engagement.assets],
        "summary": statistics(given.suite, given.result, failures=len(failures), high=high),
        "mandatory": writer.mandatory(given.result.mandatory),
        "chapters": writer.chapters(given.suite, given.result),
        "failures": failures,
        "history": history.data(writer.asset),
        "evidence": evidence_rows(given.evidence, writer.asset, numbers.figures),
        "facts": writer.facts(given.result),
        "figures": figure_rows(figures, writer.asset),
        "anomalies": _anomalies(given.suite, numbers),
        "parties": _parties(given.engagement),
    }
    cleaned = plain(data)
    if not isinstance(cleaned, dict) or not isinstance(cleaned["report"], dict):
        raise TypeError("report data is a mapping")
    sha256 = digest(cleaned)
    cleaned["report"] |= {"content_sha256": sha256, "content_prefix": sha256[:16]}
    cleaned["mark"] = mark_row(given, sha256)  # tells the digest, so that the digest cannot cover it
    return cleaned


def _gaps(one: GapGroup) -> Plain:
    return {
        "place": one.place,
        "entries": [
            {
                "assets": f"{'、'.join(entry.assets)}　" if entry.assets else "",
                "state": entry.state,
                "need": "；".join(entry.needs),
            }
            for entry in one.entries
        ],
    }


def _figures(figures: Iterable[Figure]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for one in figures:
        found[one.evidence.id] = (*found.get(one.evidence.id, ()), one.number)
    return found


def _report(given: ReportInput) -> dict[str, Plain]:
    engagement = given.engagement
    return {
        "number": engagement.report_number or UNNUMBERED,
        "institution": engagement.institution.name,
        "system": engagement.system.name,
        "vendor": engagement.system.vendor,
        "access_party": engagement.parties.access_party.name,
        "period": _period(given),
        "made_on": day(given.made_at),
        "made_at": moment(given.made_at),
        "regulation": given.suite.regulation,
        "suite": f"{given.suite.title}（{given.suite.id}，{given.suite.edition}）",
        "round": given.run.round,
        "edition": f"{given.suite.id}（{given.suite.edition}）",
        "tool": f"dengbao {given.tool_version}",
        "facts_sha256": given.facts_sha256,
        "facts_prefix": given.facts_sha256[:16],
    }


def _period(given: ReportInput) -> str:
    if given.engagement.period is not None:
        begin, end = given.engagement.period
    else:
        begin = beijing(given.run.begun_at).date()
        end = beijing(given.run.ended_at or given.run.begun_at).date()
    return day(begin) if begin == end else f"{day(begin)}至{day(end)}"


def _basics(given: ReportInput) -> list[Plain]:
    groups = (
        ("定点医药机构", _institution(given.engagement)),
        ("信息系统", _system(given.engagement)),
        ("测试四方", _party_rows(given.engagement)),
        ("测试实施", _test(given)),
        ("测试工具与依据", _tool(given)),
    )
    return [
        {"title": title, "rows": [{"name": name, "value": value or BLANK} for name, value in rows]}
        for title, rows in groups
    ]


def _institution(engagement: Engagement) -> list[Pair]:
    one = engagement.institution
    return [
        ("名称", one.name),
        ("国家编码", one.code),
        ("类别", CATEGORIES.get(one.category, one.category)),
        ("地址", one.address),
        ("联系人及电话", contact(one.contact)),
    ]


def _system(engagement: Engagement) -> list[Pair]:
    one = engagement.system
    return [
        ("信息系统名称", one.name),
        ("版本", one.version),
        ("承建厂商", one.vendor),
        ("部署模式", one.deployment),
        ("申报类型", APPLICATIONS.get(one.application, one.application)),
        ("联系人及电话", contact(one.contact)),
        ("测试环境（地址、端口）", listed(one.test_environment)),
        ("生产环境（地址、端口）", listed(one.production_environment)),
    ]


def _party_rows(engagement: Engagement) -> list[Pair]:
    parties = engagement.parties
    four = (
        (parties.local_bureau.name, contact(parties.local_bureau.contact)),
        (parties.platform_vendor.name, contact(parties.platform_vendor.contact)),
        (parties.access_party.name, contact(parties.access_party.contact)),
        (engagement.institution.name, contact(engagement.institution.contact)),
    )
    return [
        (role, f"{name}（{who}）" if who != BLANK else name)
        for role, (name, who) in zip(PARTY_ROLES, four, strict=True)
    ]


def _test(given: ReportInput) -> list[Pair]:
    scope = given.engagement.scope
    allowed = scope.authorised
    run = given.run
    ended = moment(run.ended_at) if run.ended_at else "未结束"
    return [
        ("测试时间", _period(given)),
        ("测试轮次", f"第 {run.round} 轮（{moment(run.begun_at)} 至 {ended}）"),
        ("测试人员", listed((person(one) for one in given.engagement.people), "\n")),
        ("操作人", run.operator or given.operator),
        ("授权级别", scope.level.zh),
        ("授权文件", f"{allowed.document}（{person(allowed.by)}，{day(allowed.at)}）" if allowed else ""),
        ("授权时间段", f"{moment(scope.window.begin)} 至 {moment(scope.window.end)}" if scope.window else ""),
        ("授权测试地址", listed(scope.addresses)),
    ]


def _tool(given: ReportInput) -> list[Pair]:
    return [
        ("依据", given.suite.regulation),
        ("测试项版本", f"{given.suite.title}（{given.suite.id}，{given.suite.edition}）"),
        ("测试项摘要（SHA-256）", given.suite.sha256),
        ("工具版本", f"dengbao {given.tool_version}"),
        ("本轮事实摘要（SHA-256）", given.facts_sha256),
        ("报告生成时间", f"{moment(given.made_at)}（时间均为北京时间）"),
    ]


def _asset(one: Asset) -> Plain:
    return {
        "id": one.id,
        "name": one.name,
        "kind": one.kind.zh,
        "platform": one.platform or BLANK,
        "importance": one.importance.zh,
    }


def _anomalies(suite: Suite, numbers: Numbers) -> dict[str, Plain]:
    texts = {one.id: (one.text, one.anomaly) for one in suite.items()}
    texts |= {one.id: (one.text, one.anomaly) for one in suite.clauses()}
    return {
        "notes": [
            {"no": f"注{number}", "place": key, "text": texts[key][0], "note": texts[key][1]}
            for key, number in numbers.notes.items()
        ],
        "general": [{"no": index, "note": one} for index, one in enumerate(suite.anomalies, 1)],
    }


def _parties(engagement: Engagement) -> list[Plain]:
    parties = engagement.parties
    names = (
        parties.local_bureau.name,
        parties.platform_vendor.name,
        parties.access_party.name,
        engagement.institution.name,
    )
    return [{"role": role, "name": name or BLANK} for role, name in zip(PARTY_ROLES, names, strict=True)]
