"""The demo's manual evidence: a handful of fictitious records that hold before and after 整改."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import yaml

from ..model import Evidence, EvidenceFile, EvidenceKind, Method, Person, Review, Verdict
from .pictures import draw

VENDOR: Final = Person(name="张三", org="示范软件公司（虚构）", role="测试工程师")
HOSPITAL: Final = Person(name="李四", org="示范医院（虚构）", role="信息科")


@dataclass(frozen=True)
class Draft:
    """One record before it has an id, files and times; `plain` is the picture's text in ASCII."""

    items: tuple[str, ...]
    asset: str
    method: Method
    kind: EvidenceKind
    statement: str
    verdict: Verdict
    title: str
    lines: tuple[str, ...]
    plain: tuple[str, ...]


DRAFTS: Final = (
    Draft(
        items=("M.1",),
        asset="system",
        method=Method.TEST,
        kind=EvidenceKind.SCREENSHOT,
        statement="经测试验证，使用统一读卡环境，以测试用社会保障卡、医保电子凭证、居民身份证各读取一次，均成功。",
        verdict=Verdict.CONFORM,
        title="读卡测试（测试卡，虚构）",
        lines=(
            "社会保障卡      读取成功    测试参保人一",
            "医保电子凭证    读取成功    测试参保人二",
            "居民身份证      读取成功    测试参保人三",
        ),
        plain=("Card reading test (fictitious)", "3 of 3 credentials read"),
    ),
    Draft(
        items=("10.a.2", "10.b.2"),
        asset="system",
        method=Method.EXAMINE,
        kind=EvidenceKind.DOCUMENT,
        statement="经核查，已制定《患者个人信息保护管理办法》（示范〔2023〕5号），规定了采集、查询、导出的审批流程。",
        verdict=Verdict.CONFORM,
        title="患者个人信息保护管理办法（扫描件，虚构）",
        lines=(
            "示范〔2023〕5号",
            "第三条  采集个人信息以诊疗和结算必需为限。",
            "第七条  查询、导出须经科室负责人审批并留痕。",
            "第十一条  信息科每季度核查一次访问记录。",
        ),
        plain=("Personal data rules (fictitious)", "No. 5 of 2023", "Art. 3  only what treatment needs"),
    ),
    Draft(
        items=("10.a.1",),
        asset="system",
        method=Method.EXAMINE,
        kind=EvidenceKind.DOCUMENT,
        statement="经核查，系统采集姓名、身份证号、电话、险种四项，均列入《采集字段清单》并注明诊疗或结算用途。",
        verdict=Verdict.CONFORM,
        title="采集字段清单（虚构）",
        lines=(
            "姓名        就诊登记、病历书写",
            "身份证号    医保结算身份核验",
            "电话        检查结果通知",
            "险种        医保结算",
        ),
        plain=("Fields collected (fictitious)", "name, id number, phone, insurance type"),
    ),
    Draft(
        items=("4.d.1",),
        asset="system",
        method=Method.EXAMINE,
        kind=EvidenceKind.DOCUMENT,
        statement="经核查，《系统设计说明书》第5.3节为数据有效性检验模块，包括长度、类型、字典值和身份证号校验位检验。",
        verdict=Verdict.CONFORM,
        title="系统设计说明书 5.3 数据有效性检验（虚构）",
        lines=(
            "5.3.1  长度与类型：服务端逐字段检验",
            "5.3.2  字典值：按国家医保编码表检验",
            "5.3.3  身份证号：长度、出生日期、校验位",
        ),
        plain=("Design 5.3 input validation (fictitious)", "length, type, code list, check digit"),
    ),
    Draft(
        items=("2.e.1",),
        asset="system",
        method=Method.INTERVIEW,
        kind=EvidenceKind.INTERVIEW_NOTE,
        statement="经访谈并核查，访问控制策略由信息科系统管理员依据书面申请配置，申请单编号连续，抽查3份均有审批签字。",
        verdict=Verdict.CONFORM,
        title="访谈记录：访问控制策略由谁配置（虚构）",
        lines=(
            "被访谈人  李四（信息科）",
            "答  账户与角色由系统管理员配置，须有书面申请。",
            "抽查  QX-014、QX-015、QX-016，审批签字齐全。",
        ),
        plain=("Interview (fictitious)", "accounts are configured on written request"),
    ),
    Draft(
        items=("8.b.1",),
        asset="system",
        method=Method.INTERVIEW,
        kind=EvidenceKind.INTERVIEW_NOTE,
        statement="经访谈并核查，备份仅存放于本院机房，未提供异地实时备份功能。",
        verdict=Verdict.NONCONFORM,
        title="访谈记录：异地备份（虚构）",
        lines=("被访谈人  李四（信息科）", "答  目前只有本地备份，异地备份已列入明年预算。"),
        plain=("Interview (fictitious)", "no remote backup yet"),
    ),
)


def write(folder: Path, now: datetime) -> tuple[Evidence, ...]:
    """Write the records `EV-0001.yaml` … with their pictures; times lie within the last day."""
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_write(folder, number, draft, now) for number, draft in enumerate(DRAFTS, 1))


def _write(folder: Path, number: int, draft: Draft, now: datetime) -> Evidence:
    record_id = f"EV-{number:04d}"
    data = draw(draft.title, draft.lines, plain=draft.plain)
    name = f"{record_id}.png"
    (folder / name).write_bytes(data)
    collected = (now - timedelta(hours=20 - number)).replace(microsecond=0)
    record = Evidence(
        id=record_id,
        items=draft.items,
        asset=draft.asset,
        method=draft.method,
        kind=draft.kind,
        files=(_file(name, data),),
        collected_at=collected,
        collected_by=VENDOR,
        filed_at=collected + timedelta(hours=1),
        statement=draft.statement,
        verdict=draft.verdict,
        reviewed=Review(by=HOSPITAL, at=collected + timedelta(hours=2)),
        redacted=True,
    )
    plain = msgspec.to_builtins(record)
    text = yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=100)
    (folder / f"{record_id}.yaml").write_text(text, encoding="utf-8")
    return record


def _file(name: str, data: bytes) -> EvidenceFile:
    # Some builds of OpenSSL lack SM3; the second digest may be absent, the first never.
    sm3 = hashlib.new("sm3", data).hexdigest() if "sm3" in hashlib.algorithms_available else ""
    return EvidenceFile(name=name, sha256=hashlib.sha256(data).hexdigest(), sm3=sm3, size_bytes=len(data))
