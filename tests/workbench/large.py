"""A big hospital: 68 items on 40 assets, tested, with thousands of pieces of evidence; all of it made up."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import yaml
from PIL import Image

from dengbao.errors import Reason
from dengbao.evidence import measure
from dengbao.judging import Outcome
from dengbao.model import (
    Case,
    Coverage,
    Criterion,
    Evidence,
    EvidenceFile,
    EvidenceKind,
    Method,
    Person,
    Review,
    Status,
    Verdict,
)
from dengbao.reconcile import make_record, reconcile
from dengbao.rounds import RecordBook, Round, begin_or_resume
from dengbao.session import Session, open_session

LI: Final = Person(name="李工", org="测试科技")
WANG: Final = Person(name="王主任", org="测试医院")
_HEAD: Final = """\
# 大型医院样例：全部虚构
schema: 1
suite: annex3-2023
institution: {name: 测试医院, code: H64010000001, address: 某市某路1号}
system: {name: 医院信息系统, vendor: 测试科技}
parties:
  local_bureau: {name: 某市医疗保障局}
  platform_vendor: {name: 平台厂商}
  access_party: {name: 接入方}
scope: {level: observe, addresses: [127.0.0.1], local: true}
people:
  - {name: 李工, org: 测试科技, role: 测试}
  - {name: 王主任, org: 测试医院, role: 复核}
assets:
"""
_KINDS: Final = (
    ("web", "门诊业务系统前置应用节点", "platform: nginx, url: http://127.0.0.1:9/"),
    ("host", "核心机房服务器", "address: local, sudo: none, scan: 1-8"),
    ("database", "业务数据库主从节点", "platform: sqlite, path: data/his.db"),
    ("host", "灾备机房服务器", "address: local, sudo: none, scan: 1-8"),
)


def build(folder: Path, *, assets: int = 40, evidence: int = 2000, rounds: int = 1) -> Path:
    """Make the engagement with `assets` assets besides the system, `rounds` ended rounds, and evidence."""
    folder.mkdir(parents=True)
    rows = [
        f"  - {{kind: {kind}, id: {kind}-{number:02}, name: {name} {number:02}, {rest}}}\n"
        for number in range(assets)
        for kind, name, rest in (_KINDS[number % len(_KINDS)],)
    ]
    (folder / "engagement.yaml").write_text(_HEAD + "".join(rows), encoding="utf-8")
    session = open_session(folder)
    for number in range(rounds):
        _test(session, seed=number)
    _file(session, evidence)
    return folder


def _test(session: Session, seed: int) -> Round:
    chosen = begin_or_resume(session.directory, session.suite, session.engagement, session.plan, new=True)
    chance = random.Random(seed)
    book = RecordBook(chosen.records_path)
    for case in chosen.plan.cases:
        if case.check:
            book.add(make_record(chosen, case, _outcome(case, chance)))
    ended = reconcile(chosen, book)
    book.close()
    return ended


def _outcome(case: Case, chance: random.Random) -> Outcome:
    drawn = chance.random()
    criteria = tuple(
        Criterion(
            name=f"asked-{number}", question=f"第 {number} 问是否满足", met=drawn < 0.8,
            measured=f"读取配置 {number} 处，均与要求一致，取值为 {chance.randrange(1000)}",
            fact="host.accounts",
        )
        for number in range(3)
    )  # fmt: skip
    seen = f"经核查，{case.asset} 的有关配置共 {chance.randrange(3, 90)} 项，逐项核对的结果如所列判据。"
    if drawn < 0.6:
        return _judged(Verdict.CONFORM, seen, criteria)
    if drawn < 0.75:
        paper = "须补充管理制度截图"
        return msgspec.structs.replace(
            _judged(Verdict.CONFORM, seen, criteria), coverage=Coverage.PARTIAL, remainder=paper
        )
    if drawn < 0.9:
        return _judged(Verdict.NONCONFORM if drawn < 0.85 else Verdict.PARTIAL, seen, criteria)
    told = f"未能取得所需信息：{case.asset} 拒绝登录"
    return Outcome(status=Status.UNDETERMINED, statement=told, reason=Reason.NO_PERMISSION)


def _judged(verdict: Verdict, seen: str, criteria: tuple[Criterion, ...]) -> Outcome:
    return Outcome(status=Status.JUDGED, statement=seen, verdict=verdict, criteria=criteria)


def _file(session: Session, count: int) -> None:
    folder = session.directory / "evidence"
    folder.mkdir()
    at = datetime.now(UTC).replace(microsecond=0)
    for number, case in zip(range(1, count + 1), _wanting(session), strict=False):
        name = f"EV-{number:04}.png"
        (folder / name).write_bytes(picture(number))
        measured = measure(folder / name)
        record = Evidence(
            id=f"EV-{number:04}", items=(case.item,), asset=case.asset, method=Method.EXAMINE,
            kind=EvidenceKind.SCREENSHOT, collected_at=at, filed_at=at, redacted=True,
            files=(
                EvidenceFile(
                    name=name, sha256=measured.sha256, sm3=measured.sm3, size_bytes=measured.size_bytes
                ),
            ),
            collected_by=LI if number % 2 else WANG, statement=f"经核查，已截图留证（{number}）。",
            verdict=Verdict.CONFORM, reviewed=Review(by=WANG, at=at) if number % 6 == 1 else None,
        )  # fmt: skip
        text = yaml.dump(msgspec.to_builtins(record), Dumper=yaml.CSafeDumper, allow_unicode=True)
        (folder / f"{record.id}.yaml").write_text(text, encoding="utf-8")


def _wanting(session: Session) -> Iterator[Case]:
    while True:
        yield from (one for one in session.plan.cases if not one.check or one.item[-1] in "12")


def picture(seed: int, size: tuple[int, int] = (640, 360)) -> bytes:
    """Return a PNG that is different for every seed, about 20 kB."""
    image = Image.new("L", size, seed % 256)
    image.paste(Image.frombytes("L", (160, 120), random.Random(seed).randbytes(160 * 120)), (20, 20))
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()
