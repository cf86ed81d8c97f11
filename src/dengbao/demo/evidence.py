"""The demo's manual evidence: fictitious records that hold all along, and some from after 整改."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from ..model import Evidence, EvidenceFile, EvidenceKind, Method, Person, Review, Verdict
from ..yamlfile import written
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


MENDED: Final = (
    Draft(
        items=("1.a.3", "2.a.2", "2.b.2"),
        asset="his-web",
        method=Method.EXAMINE,
        kind=EvidenceKind.SCREENSHOT,
        statement="经核查，用户列表共5个账户，均已设口令；无 admin 等产品默认账户，无匿名账户。",
        verdict=Verdict.CONFORM,
        title="用户管理 – 用户列表（整改后，虚构）",
        lines=(
            "jiance01    医生          正常",
            "sf001       收费员        正常",
            "sj001       安全审计员    正常",
            "xt001       系统管理员    正常",
            "ys001       医生          正常",
        ),
        plain=("Accounts after remediation (fictitious)", "jiance01 sf001 sj001 xt001 ys001"),
    ),
    Draft(
        items=("1.b.3",),
        asset="his-web",
        method=Method.TEST,
        kind=EvidenceKind.SCREENSHOT,
        statement="经测试验证，登录后空闲10分钟再访问患者列表，须重新登录；会话由服务端结束。",
        verdict=Verdict.CONFORM,
        title="空闲超时测试（整改后，虚构）",
        lines=("09:30:00  登录成功，打开患者列表", "09:40:05  刷新页面，转到登录页"),
        plain=("Idle timeout after remediation (fictitious)", "09:30:00 login", "09:40:05 login asked again"),
    ),
    Draft(
        items=("6.b.3", "7.b.1", "7.b.3"),
        asset="his-db",
        method=Method.EXAMINE,
        kind=EvidenceKind.DOCUMENT,
        statement="经核查，设计说明书第6.2节规定姓名、身份证号、电话以 AES-256-GCM 加密存储，"
        "口令以加盐 scrypt 散列存储，密钥与数据分开存放并由信息科专人保管。",
        verdict=Verdict.CONFORM,
        title="系统设计说明书 6.2 存储保护（整改后，虚构）",
        lines=(
            "姓名、身份证号、电话    AES-256-GCM，每值一个随机数",
            "口令                    scrypt，每账户一个随机盐",
            "密钥                    与数据库分开存放，信息科专人保管",
        ),
        plain=("Design 6.2 storage (fictitious)", "AES-256-GCM; scrypt; key kept apart"),
    ),
    Draft(
        items=("1.c.1", "6.a.1", "7.a.1"),
        asset="his-web",
        method=Method.EXAMINE,
        kind=EvidenceKind.DOCUMENT,
        statement="经核查，设计说明书第4.2节规定全部页面与接口只经 TLS 1.2 以上传输，"
        "无其他远程管理途径；证书由信息科按年更换。",
        verdict=Verdict.CONFORM,
        title="系统设计说明书 4.2 传输保护（整改后，虚构）",
        lines=(
            "页面、接口、远程管理    只经 HTTPS，TLS 1.2 以上",
            "明文入口                已关闭",
            "证书                    信息科签发，按年更换，私钥不出服务器",
        ),
        plain=("Design 4.2 transport (fictitious)", "HTTPS only, TLS 1.2 and later"),
    ),
    Draft(
        items=("8.a.2", "8.a.4"),
        asset="backup",
        method=Method.EXAMINE,
        kind=EvidenceKind.DOCUMENT,
        statement="经核查，备份任务与《备份策略》一致（每日全量、保留7份、另盘存放）；最近一次恢复测试成功，数据核对一致。",
        verdict=Verdict.CONFORM,
        title="备份恢复测试记录（整改后，虚构）",
        lines=(
            "备份文件    最近一日全量备份",
            "恢复到      测试库",
            "核对        患者48条，与生产库记录数一致",
            "结论        恢复成功    操作 张三    复核 李四",
        ),
        plain=("Restore test after remediation (fictitious)", "48 of 48 patients restored"),
    ),
)
"""What people supply once the system is mended; each stands beside a check that said 不符合 before."""


def write(
    folder: Path, now: datetime, drafts: Sequence[Draft] = DRAFTS, *, age: timedelta = timedelta(hours=2)
) -> tuple[Evidence, ...]:
    """File `drafts` after those that are there, as collected `age` ago, with their pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    first = 1 + len(list(folder.glob("EV-*.yaml")))
    collected = (now - age).replace(microsecond=0)
    return tuple(_write(folder, number, draft, collected) for number, draft in enumerate(drafts, first))


def _write(folder: Path, number: int, draft: Draft, collected: datetime) -> Evidence:
    record_id = f"EV-{number:04d}"
    data = draw(draft.title, draft.lines, plain=draft.plain)
    name = f"{record_id}.png"
    (folder / name).write_bytes(data)
    record = Evidence(
        id=record_id,
        items=draft.items,
        asset=draft.asset,
        method=draft.method,
        kind=draft.kind,
        files=(_file(name, data),),
        collected_at=collected,
        collected_by=VENDOR,
        filed_at=collected,
        statement=draft.statement,
        verdict=draft.verdict,
        reviewed=Review(by=HOSPITAL, at=collected),
        redacted=True,
    )
    plain = msgspec.to_builtins(record)
    text = written(plain)
    (folder / f"{record_id}.yaml").write_text(text, encoding="utf-8")
    return record


def _file(name: str, data: bytes) -> EvidenceFile:
    # Some builds of OpenSSL lack SM3; the second digest may be absent, the first never.
    sm3 = hashlib.new("sm3", data).hexdigest() if "sm3" in hashlib.algorithms_available else ""
    return EvidenceFile(name=name, sha256=hashlib.sha256(data).hexdigest(), sm3=sm3, size_bytes=len(data))
