"""A fictitious hospital's round over the whole suite, folded by the real rules."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import msgspec
from PIL import Image, ImageDraw

from dengbao.catalog.suites import load_suite
from dengbao.errors import Reason
from dengbao.model import (
    Authorisation,
    BackupAsset,
    Case,
    Contact,
    Coverage,
    DatabaseAsset,
    Engagement,
    Evidence,
    EvidenceFile,
    EvidenceKind,
    Exchange,
    FactRef,
    HostAsset,
    Institution,
    Item,
    Kind,
    Level,
    Method,
    NotApplicable,
    Parties,
    Party,
    Person,
    Record,
    Review,
    RunInfo,
    Scope,
    Status,
    Suite,
    SuiteResult,
    SystemAsset,
    SystemInfo,
    Verdict,
    WebAsset,
    Window,
)
from dengbao.report import ReportInput
from dengbao.report.results_data import number_facts
from dengbao.verdict import fold

ROOT = Path(__file__).parents[2]
BEIJING = timezone(timedelta(hours=8))
AT = datetime(2026, 3, 2, 9, 30, tzinfo=BEIJING)
ENGINEER = Person(name="张三", org="某某软件有限公司", role="测试工程师")
SECOND = Person(name="李四", org="某某市人民医院", role="信息科")
# Verdicts that are not 符合: (item, asset) → verdict.
FAILED = {
    ("1.a.4", "his-db"): Verdict.NONCONFORM,
    ("1.b.2", "his-host"): Verdict.PARTIAL,
    ("4.b.2", "his-host"): Verdict.NONCONFORM,
    ("7.a.1", "his-web"): Verdict.NONCONFORM,
}
UNDETERMINED = {("3.a.1", "his-db"): Reason.NO_PERMISSION, ("5.a.1", "his-host"): Reason.NOT_AUTHORISED}


@cache
def suite() -> Suite:
    return load_suite(ROOT / "suites" / "annex3-2023")


def engagement() -> Engagement:
    return Engagement(
        schema=1,
        suite="annex3-2023",
        institution=Institution(
            name="某某市人民医院",
            code="H64010000001",
            address="某某市某某区健康路 1 号",
            contact=Contact(name="李四", phone="0951-0000001"),
        ),
        system=SystemInfo(
            name="医院信息系统（HIS）",
            vendor="某某软件有限公司",
            version="V6.2",
            deployment="院内部署",
            application="new",
            contact=Contact(name="张三", phone="0951-0000002"),
            test_environment=("10.20.0.11:443", "10.20.0.12:22", "10.20.0.13:5432"),
            production_environment=("10.10.0.0/24",),
        ),
        parties=Parties(
            local_bureau=Party(name="某某市医疗保障局"),
            platform_vendor=Party(name="某某信息技术股份有限公司"),
            access_party=Party(name="某某软件有限公司"),
        ),
        scope=Scope(
            level=Level.LOGIN,
            addresses=("10.20.0.0/24",),
            window=Window(begin=AT - timedelta(days=2), end=AT + timedelta(days=2)),
            authorised=Authorisation(by=SECOND, document="联调测试授权书〔2026〕1号", at=date(2026, 2, 25)),
        ),
        assets=(
            WebAsset(id="his-web", name="HIS 业务应用", url="https://10.20.0.11", platform="nginx"),
            HostAsset(
                id="his-host", name="HIS 应用服务器", address="10.20.0.12:22", platform="openEuler 22.03"
            ),
            DatabaseAsset(id="his-db", name="HIS 数据库", address="10.20.0.13:5432", platform="postgresql"),
            BackupAsset(id="his-backup", name="HIS 备份", path="/backup"),
            SystemAsset(id="system", name="医院信息系统及其文档"),
        ),
        people=(ENGINEER, SECOND),
        period=(date(2026, 3, 1), date(2026, 3, 2)),
        report_number="LT-2026-0001",
        not_applicable=(
            NotApplicable(
                item="5.a.3",
                asset="his-host",
                why="服务器无可信根，本项为可选指标",
                by=ENGINEER,
                agreed=SECOND,
            ),
        ),
    )


def png(number: int, width: int = 1366, height: int = 768) -> bytes:
    """Return a picture like a terminal, different for every number."""
    image = Image.new("RGB", (width, height), (18, 18, 28))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width - 1, height - 1), outline=(255, 80, 80), width=6)
    for line in range(height // 22):
        digest = hashlib.sha256(f"{number}:{line}".encode()).hexdigest()
        draw.text(
            (16, 10 + line * 22), f"[{number:03d}] $ getent shadow | grep {digest}", fill=(200, 230, 200)
        )
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def assets_of(item: Item) -> list[str]:
    by_kind = {
        Kind.WEB: "his-web",
        Kind.HOST: "his-host",
        Kind.DATABASE: "his-db",
        Kind.BACKUP: "his-backup",
        Kind.SYSTEM: "system",
    }
    return [by_kind[kind] for kind in item.kinds if kind in by_kind] or ["system"]


def record(case: Case, *, complete: bool) -> Record:
    key = (case.item, case.asset)
    base = Record(
        case=case.id, item=case.item, asset=case.asset, check=case.check, status=Status.AWAITING_EVIDENCE,
        statement="待人工核验。", round=1, suite="annex3-2023", suite_sha256="", tool_version="0.1.0",
        judged_at=AT,
    )  # fmt: skip
    if not case.check:
        return base
    facts = (FactRef(fact=f"{case.asset}.facts", sha256=hashlib.sha256(case.asset.encode()).hexdigest()),)
    if not complete and key in UNDETERMINED:
        return _replace(
            base,
            status=Status.UNDETERMINED,
            reason=UNDETERMINED[key],
            statement="未能取得所需信息：账户 audit 无权读取。",
        )
    verdict = FAILED.get(key, Verdict.CONFORM)
    words = (
        "均满足要求" if verdict is Verdict.CONFORM else "账户 root、oracle 不满足要求（现值 0，要求不低于 8）"
    )
    proofs = (Exchange(request="GET /patients/7", answer="200，显示他人患者信息", at=AT, role="护士"),)
    return _replace(
        base, status=Status.JUDGED, verdict=verdict, facts=facts, coverage=Coverage.FULL,
        proofs=proofs if case.asset == "his-web" else (),
        statement=f"经核查，{case.asset} 共有 12 个可登录账户，{case.check} 涉及的配置{words}。",
    )  # fmt: skip


def _replace(base: Record, **changes: object) -> Record:
    return msgspec.structs.replace(base, **changes)


def cases() -> Iterator[Case]:
    for item in suite().items():
        for asset in assets_of(item):
            if item.checks and asset != "system":
                for use in item.checks:
                    yield Case(item=item.id, asset=asset, check=use.use)
            else:
                yield Case(item=item.id, asset=asset)


def paper(number: int, item: str, asset: str, files: tuple[EvidenceFile, ...], **changes: object) -> Evidence:
    base = Evidence(
        id=f"EV-{number:04d}", items=(item,), asset=asset, method=Method.EXAMINE,
        kind=EvidenceKind.SCREENSHOT,
        files=files, collected_at=AT, collected_by=ENGINEER, filed_at=AT + timedelta(hours=1),
        statement="经核查，已取得系统设计文档和管理制度，内容与现场一致。", verdict=Verdict.CONFORM,
        redacted=True,
        reviewed=Review(by=SECOND, at=AT + timedelta(hours=2)),
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def example(folder: Path, *, complete: bool = True, pictures: int = 3) -> ReportInput:
    """Return a round whose evidence lies in `folder`; incomplete ones lack two looks and two papers."""
    folder.mkdir(parents=True, exist_ok=True)
    evidence: list[Evidence] = []
    wanted = [(case.item, case.asset) for case in cases() if not case.check]
    for number, (item, asset) in enumerate(dict.fromkeys(wanted), 1):
        if (item, asset) == ("5.a.3", "his-host") or (not complete and number in (2, 9)):
            continue
        evidence.append(paper(number, item, asset, (_file(folder, number, pictures),)))
    evidence.append(
        paper(90, "1.a.4", "his-db", (_text_file(folder, 90),), kind=EvidenceKind.DOCUMENT,
              override="该库仅本机套接字可达，口令策略由操作系统执行，见截图",
              statement="经复核，口令策略由操作系统执行，长度 10 位、90 天更换。")
    )  # fmt: skip
    given = engagement()
    records = [record(case, complete=complete) for case in cases()]
    result = fold(suite(), tuple(cases()), records, evidence, given.not_applicable)
    return ReportInput(
        engagement=given,
        suite=suite(),
        result=result,
        run=RunInfo(
            round=1, suite="annex3-2023", suite_sha256=suite().sha256, engagement_sha256="",
            tool_version="0.1.0",
            begun_at=AT - timedelta(days=1), ended_at=AT, operator="张三",
        ),
        evidence=tuple(evidence),
        evidence_dir=folder,
        facts_sha256=hashlib.sha256(b"facts").hexdigest(),
        tool_version="0.1.0",
        made_at=datetime(2026, 3, 3, 1, 0, tzinfo=UTC).astimezone(BEIJING),
        operator="张三",
        origins=origins(result),
    )  # fmt: skip


def origins(result: SuiteResult) -> dict[tuple[str, str, str], str]:
    """Say of every stored fact how it was read."""
    return dict.fromkeys(number_facts(result), "经 SSH 读取主机配置（sudo 提权，2026-03-02 09:30）")


def _file(folder: Path, number: int, pictures: int) -> EvidenceFile:
    if number > pictures:
        return _text_file(folder, number)
    return store(folder, f"EV-{number:04d}.png", png(number))


def _text_file(folder: Path, number: int) -> EvidenceFile:
    return store(folder, f"EV-{number:04d}.txt", f"佐证 {number}\n".encode())


def store(folder: Path, name: str, data: bytes) -> EvidenceFile:
    (folder / name).write_bytes(data)
    return EvidenceFile(name=name, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def with_engagement(given: ReportInput, **changes: object) -> ReportInput:
    return replace(given, engagement=msgspec.structs.replace(given.engagement, **changes))
