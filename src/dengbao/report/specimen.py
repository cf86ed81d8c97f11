"""Fictitious report data for trying templates: filled, empty, and hostile."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import msgspec

from ..errors import Reason
from ..model import (
    ByHand,
    CaseResult,
    Chapter,
    Clause,
    ClauseResult,
    Criterion,
    Engagement,
    Evidence,
    EvidenceFile,
    EvidenceKind,
    Exchange,
    FactRef,
    HighRisk,
    HostAsset,
    Institution,
    Item,
    ItemResult,
    Kind,
    Level,
    Method,
    Parties,
    Party,
    Person,
    Polarity,
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
)
from .bars import drawn_pictures
from .gaps import find_gaps
from .inputs import PastRound, ReportInput
from .pictures import Figure, Picture
from .plain import Plain
from .report_data import report_data

# What evidence from terminals and forms has been seen to hold, and what must not move a template.
HOSTILE: Final = (
    "口令长度 <8 且含 & 符号 \"'> ]]> {{7*7}} {% for x in y %} {_{ }_} ｛｛全角｝｝ "
    "\x1b[31mroot\x1b[0m \x00\x0b\x0c\x07 𠮷 שלום \u202eabc\u200b\ufffe 第二行\n制表\t尾 " + "长" * 2000
)
_GREY_64_BY_36: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAAAkCAAAAAAcZ2NOAAAAIklEQVR42mM4QSFgGDVg1IBRA0YNGDVg1IBRA0YNGH4GAAB7QAhq"
    "jZF0uQAAAABJRU5ErkJggg=="
)
_AT: Final = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def specimen(text: str, *, empty: bool = False) -> tuple[dict[str, Plain], dict[str, Picture]]:
    """Return report data in which every free text is `text`, and the pictures it names."""
    figures = () if empty else (_figure(text),)
    given = _input(text, figures, empty=empty)
    data = report_data(given, figures, find_gaps(given))
    return data, {one.picture.sha256: one.picture for one in figures} | drawn_pictures(data)


def _input(text: str, figures: tuple[Figure, ...], *, empty: bool) -> ReportInput:
    suite = _suite(text)
    chapters = () if empty else suite.chapters
    clauses = tuple(_clause_result(clause, text, figures) for one in chapters for clause in one.clauses)
    mandatory = () if empty else tuple(_item_result(one, text, figures) for one in suite.mandatory)
    return ReportInput(
        engagement=_engagement("" if empty else text, assets=not empty),
        suite=suite if not empty else Suite(
            id="", title="", edition="", regulation="", mandatory=(), chapters=(), profile={}
        ),
        result=SuiteResult(mandatory=mandatory, clauses=clauses),
        run=RunInfo(
            round=1 if empty else 2, suite="", suite_sha256="", engagement_sha256="", tool_version="0",
            begun_at=_AT,
        ),
        evidence=tuple(one.evidence for one in figures),
        evidence_dir=Path(),
        facts_sha256="" if empty else "0" * 64,
        tool_version="0",
        made_at=_AT,
        history=() if empty else (_past(text, suite),),
    )  # fmt: skip


def _past(text: str, suite: Suite) -> PastRound:
    """Return an earlier round in which every item was 不符合, so that all of them moved."""
    seen = (Criterion(name="x", question=text, met=False, measured=text, fact="host.x"),)

    def result(item: Item) -> ItemResult:
        record = msgspec.structs.replace(_record(item, text, Verdict.NONCONFORM), criteria=seen)
        case = CaseResult(
            item=item.id, asset="host", status=Status.JUDGED, verdict=Verdict.NONCONFORM, records=(record,)
        )
        return ItemResult(item=item, status=Status.JUDGED, verdict=Verdict.NONCONFORM, cases=(case,))

    clauses = tuple(
        ClauseResult(
            clause=one, status=Status.JUDGED, verdict=Verdict.NONCONFORM,
            items=tuple(result(item) for item in one.items),
        )
        for one in suite.clauses()
    )  # fmt: skip
    run = RunInfo(
        round=1, suite="", suite_sha256="", engagement_sha256="", tool_version="0", begun_at=_AT,
        ended_at=_AT, operator=text[:60],
    )  # fmt: skip
    folded = SuiteResult(mandatory=tuple(result(one) for one in suite.mandatory), clauses=clauses)
    return PastRound(run, folded, {"host": text, "system": text})


def _engagement(text: str, *, assets: bool) -> Engagement:
    return Engagement(
        schema=1,
        suite="specimen",
        institution=Institution(name=text, code=text, address=text),
        system=SystemInfo(name=text, vendor=text, version=text, test_environment=(text,) if text else ()),
        parties=Parties(
            local_bureau=Party(name=text), platform_vendor=Party(name=text), access_party=Party(name=text)
        ),
        scope=Scope(level=Level.OBSERVE),
        assets=(HostAsset(id="host", name=text, address="local"), SystemAsset(id="system", name=text))
        if assets
        else (),
        people=(_person(text),) if text else (),
        period=(date(2026, 3, 1), date(2026, 3, 2)),
        report_number=text[:40],
    )


def _person(text: str) -> Person:
    return Person(name=text[:60], org=text[:60])


def _suite(text: str) -> Suite:
    return Suite(
        id="specimen", title=text[:60], edition="1", regulation=text[:60],
        mandatory=(_item("M.1", text),),
        chapters=tuple(
            Chapter(
                number=number, title=f"章{number}",
                clauses=(_clause(f"{number}.a", text), _clause(f"{number}.b", text)),
            )
            for number in (1, 2)
        ),
        profile={}, anomalies=(text,),
    )  # fmt: skip


def _clause(key: str, text: str) -> Clause:
    return Clause(
        id=key, letter=key[-1], text=f"{text}（条款 {key}）", source="", unit="", anomaly=text,
        items=(_item(f"{key}.1", text), _item(f"{key}.2", text)),
        high_risk=HighRisk(case="6.4", title=text, mitigation=text),
    )  # fmt: skip


def _item(key: str, text: str) -> Item:
    return Item(
        id=key, text=f"{text}（检查项 {key}）", polarity=Polarity.POSITIVE,
        methods=(Method.TEST,), kinds=(Kind.HOST,),
        by_hand=ByHand(ask=text, keep=()), anomaly=text, advice=text,
    )  # fmt: skip


def _clause_result(clause: Clause, text: str, figures: tuple[Figure, ...]) -> ClauseResult:
    items = tuple(_item_result(one, text, figures) for one in clause.items)
    return ClauseResult(clause=clause, status=Status.UNDETERMINED, verdict=None, items=items)


def _item_result(item: Item, text: str, figures: tuple[Figure, ...]) -> ItemResult:
    """Return an item with every way a case can end."""
    papers = tuple(one.evidence for one in figures)
    bad = _record(item, text, Verdict.NONCONFORM)
    cases = (
        CaseResult(
            item=item.id, asset="host", status=Status.JUDGED, verdict=Verdict.NONCONFORM, records=(bad,)
        ),
        CaseResult(
            item=item.id, asset="system", status=Status.JUDGED, verdict=Verdict.CONFORM, records=(bad,),
            evidence=papers, automatic=Verdict.NONCONFORM, override=text,
        ),
        CaseResult(
            item=item.id, asset="host", status=Status.UNDETERMINED, reason=Reason.NO_PERMISSION,
            records=(_record(item, text, None),), lacks=(f"补：{text}",),
        ),
        CaseResult(item=item.id, asset="system", status=Status.AWAITING_EVIDENCE, lacks=(text,)),
    )  # fmt: skip
    return ItemResult(item=item, status=Status.UNDETERMINED, verdict=None, cases=cases)


def _record(item: Item, text: str, verdict: Verdict | None) -> Record:
    return Record(
        case=f"{item.id}@host/x.y", item=item.id, asset="host", check="x.y", statement=text,
        status=Status.JUDGED if verdict else Status.UNDETERMINED, verdict=verdict,
        reason=None if verdict else Reason.NO_PERMISSION, round=1, suite="specimen", suite_sha256="",
        tool_version="0", judged_at=_AT, facts=(FactRef(fact="host.x", sha256="1" * 64),),
        proofs=(Exchange(request=text, answer=text, at=_AT, role=text),),
    )  # fmt: skip


def _figure(text: str) -> Figure:
    data = base64.b64decode(_GREY_64_BY_36)
    sha256 = hashlib.sha256(data).hexdigest()
    file = EvidenceFile(name="EV-0001.png", sha256=sha256, sm3="2" * 64, size_bytes=len(data))
    evidence = Evidence(
        id="EV-0001", items=("1.a.1",), asset="system", method=Method.EXAMINE, kind=EvidenceKind.SCREENSHOT,
        files=(file,), collected_at=_AT, collected_by=_person(text), filed_at=_AT, statement=text,
        verdict=Verdict.CONFORM, reviewed=Review(by=_person(text), at=_AT), override=text,
    )  # fmt: skip
    return Figure(1, evidence, file, Picture(sha256, data, "image/png", 64, 36))
