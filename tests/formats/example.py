"""The whole suite with every state a case can have, in clean and in hostile words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Final

import msgspec

from dengbao.catalog import load_suite
from dengbao.errors import Reason
from dengbao.model import (
    Account,
    Asset,
    BackupAsset,
    Case,
    Contact,
    DatabaseAsset,
    Engagement,
    Evidence,
    EvidenceFile,
    EvidenceKind,
    HostAsset,
    Institution,
    Level,
    Method,
    NotApplicable,
    Parties,
    Party,
    Person,
    Record,
    RunInfo,
    Scope,
    Status,
    SuiteResult,
    SystemAsset,
    SystemInfo,
    TlsAsset,
    Verdict,
    WebAsset,
)
from dengbao.verdict import fold

SUITE: Final = load_suite(Path(__file__).parents[2] / "suites" / "annex3-2023")
WHEN: Final = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
# The address, account and telephone below must not be told; the words of the hostile text must stay harmless.
HIDDEN: Final = ("192.0.2.20", "audit-login", "${ENV:", "0951-5550100", "张三", "keys/id_ed25519")
HOSTILE: Final = (
    "]]> <script>alert(1)</script> & \"'> {0} {{x}} [a](javascript:alert(1)) \\ \x00\x08\x0b\x1b[31m "
    "\ufffe\uffff \ud800 \U0001f600 \u202eabc\u2066 \x85\u2028 行\r\n二\t尾 %s $(id) " + "长" * 500
)
# One letter a case: conform, partial, nonconform, not applicable, undetermined, by hand, no record.
_UNIFORM: Final = ("c", "p", "n", "x", "u", "h", "-")
_MIXED: Final = ("c", "u", "n", "c", "h", "p", "x", "-", "c")
_VERDICTS: Final = {
    "c": Verdict.CONFORM, "p": Verdict.PARTIAL, "n": Verdict.NONCONFORM, "x": Verdict.NOT_APPLICABLE,
}  # fmt: skip


@dataclass(frozen=True)
class Example:
    """What an export is made of."""

    result: SuiteResult
    engagement: Engagement
    run: RunInfo


def example(text: str = "平台") -> Example:
    """Return results in which items of one state and items of mixed states take turns."""
    engagement = _engagement(text)
    asked = list(_asked(engagement))
    plan = [Case(item=item, asset=asset, check=_check(letter)) for item, asset, letter in asked]
    records = [
        _record(case, letter, text) for case, (_, _, letter) in zip(plan, asked, strict=True) if letter != "-"
    ]
    by_hand = [one for one in plan if not one.check][:3]
    evidence = [_evidence(number, one, text) for number, one in enumerate(by_hand, 1)]
    free = next(one for one, (_, _, letter) in zip(plan, asked, strict=True) if letter == "u")
    declared = NotApplicable(
        item=free.item, asset=free.asset, why=f"无此项 {text}", by=Person(name="张三", org="甲"),
        agreed=Person(name="李四", org="乙"),
    )  # fmt: skip
    return Example(fold(SUITE, plan, records, evidence, (declared,)), engagement, _run(text))


def nothing() -> Example:
    """Return a round of which nothing was run, and whose items were asked of no asset."""
    begun = msgspec.structs.replace(_run("平台"), ended_at=None)
    return Example(fold(SUITE, (), ()), _engagement("平台"), begun)


def _asked(engagement: Engagement) -> Iterator[tuple[str, str, str]]:
    uniform, mixed = cycle(_UNIFORM), cycle(_MIXED)
    for number, item in enumerate(SUITE.items()):
        same = next(uniform) if number % 2 == 0 else ""
        for asset in engagement.assets_of(item.kinds):
            yield item.id, asset.id, same or next(mixed)


def _check(letter: str) -> str:
    return "" if letter == "h" else "identity.empty_password"


def _record(case: Case, letter: str, text: str) -> Record:
    verdict = _VERDICTS.get(letter)
    open_ = Status.UNDETERMINED if letter == "u" else Status.AWAITING_EVIDENCE
    return Record(
        case=case.id, item=case.item, asset=case.asset, check=case.check,
        status=open_ if verdict is None else Status.JUDGED, verdict=verdict,
        reason=Reason.NO_PERMISSION if letter == "u" else None, statement=f"经核查，共 3 个账户；{text}",
        round=1, suite=SUITE.id, suite_sha256=SUITE.sha256, tool_version="1.2.3", judged_at=WHEN,
    )  # fmt: skip


def _evidence(number: int, case: Case, text: str) -> Evidence:
    return Evidence(
        id=f"EV-{number:04}", items=(case.item,), asset=case.asset, method=Method.EXAMINE,
        kind=EvidenceKind.SCREENSHOT, files=(EvidenceFile(name="a.png", sha256="0" * 64),),
        collected_at=WHEN, collected_by=Person(name="张三", org="甲"), filed_at=WHEN,
        statement=f"经核查，制度齐全；{text}", verdict=Verdict.CONFORM,
    )  # fmt: skip


def _run(text: str) -> RunInfo:
    return RunInfo(
        round=1, suite=SUITE.id, suite_sha256=SUITE.sha256, engagement_sha256="1" * 64, tool_version="1.2.3",
        begun_at=WHEN, ended_at=WHEN, operator=f"张三 {text}",
    )  # fmt: skip


def _engagement(text: str) -> Engagement:
    login = Account(
        id="audit", username="audit-login", secret="${ENV:APP_PASSWORD}", key_file="keys/id_ed25519"
    )
    called = Contact(name="张三", phone="0951-5550100")
    assets: tuple[Asset, ...] = (
        WebAsset(id="his-web", name=f"业务系统 {text}", url="https://192.0.2.20/"),
        TlsAsset(id="his-tls", name="接口", address="192.0.2.20:443"),
        HostAsset(id="his-app", name="应用服务器", address="192.0.2.20:22", accounts=(login,)),
        HostAsset(id="his-old", name="", address="192.0.2.20:23"),
        DatabaseAsset(id="his-db", name="业务库", platform="sqlite"),
        BackupAsset(id="his-bak", name="备份", path="/srv/backup"),
        SystemAsset(id="system", name="信息系统"),
    )
    return Engagement(
        schema=1, suite=SUITE.id, institution=Institution(name=f"测试医院 {text}", contact=called),
        system=SystemInfo(name=f"医院信息系统 {text}", vendor="测试科技", contact=called),
        parties=Parties(
            local_bureau=Party(name="医保局"), platform_vendor=Party(name="平台"),
            access_party=Party(name="接入方", contact=called),
        ),
        scope=Scope(level=Level.LOGIN, addresses=("192.0.2.20",)), assets=assets, report_number="NX-2026-001",
    )  # fmt: skip
