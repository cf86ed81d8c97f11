"""Who vouches for a packet besides its seal: approvals, re-checks, feedback that lie beside it.

In an engagement's folder they are held against its log of custody. Where somebody only put them beside the
packet there is no log: then nothing shows that a record is as it was filed, and that is said.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from ..catalog import load_engagement
from ..catalog.engagements import FILE_NAME
from ..errors import DengbaoError
from ..evidence.attached import measure
from ..model import CustodyEntry, Engagement, Person, Value
from ..model.approvals import Approval
from ..model.recheck import Feedback, Meaning, RecheckResult
from ..report.wording import beijing
from .approvals import ACT, Examined, examine_approvals, examine_loose
from .approvals import FOLDER as APPROVALS
from .current import OUT, Current, changed_since, newest_packet
from .custody import read_custody
from .findings import Finding, Gravity, broken
from .layout import CUSTODY, PAYLOAD
from .opening import Opened, fault_of_name
from .returned import FOLDER as RETURNED
from .returned import read_record

_NUMBERED: Final = re.compile(r"(RC|FB)-\d{4,9}\.json")
_NO_LOG: Final = "旁边没有经手记录，未能核对登记之后是否被改动"
_CURE: Final = "在项目目录中核验；或向登记人核对"


class Kind(StrEnum):
    """What was said to a packet."""

    APPROVAL = "approval"
    RECHECK = "recheck"
    FEEDBACK = "feedback"

    @property
    def zh(self) -> str:
        """Return the Chinese word printed before it."""
        return {"approval": "盖章", "recheck": "复核抽测", "feedback": "反馈"}[self.value]


class Witness(Value):
    """One that vouches: who, for whom (`role`), on which day, in which file, and what that `proves`.

    Where it does not count, findings say why.
    """

    kind: Kind
    place: str
    role: str
    by: Person
    on: date
    counts: bool
    proves: str


@dataclass(frozen=True)
class Beside:
    """Where what vouches for a packet lies; `engagement` tells whether it is an engagement's folder."""

    folder: Path
    engagement: bool


def packet_in(directory: Path) -> Path | None:
    """Return the newest packet of an engagement's folder, None where it is none or holds none."""
    if not (directory / FILE_NAME).is_file():
        return None
    found = newest_packet(directory)
    return found.path if found is not None else None


def beside(path: Path) -> Beside | None:
    """Return what lies beside a packet: its engagement's folder, or approvals and answers put next to it."""
    folder = path.resolve().parent
    if folder.name == OUT and (folder.parent / FILE_NAME).is_file():
        return Beside(folder.parent, engagement=True)
    if (folder / APPROVALS).is_dir() or (folder / RETURNED).is_dir():
        return Beside(folder, engagement=False)
    return None


def examine_witnesses(
    where: Beside, packet: Opened, current: Current
) -> tuple[tuple[Witness, ...], tuple[Finding, ...]]:
    """Return who vouches for a packet, and what is to be said of it.

    Raises:
        DengbaoError: a record or the log cannot be read.

    """
    witnesses: list[Witness] = []
    findings: list[Finding] = []
    engagement = load_engagement(where.folder if where.engagement else packet.root / PAYLOAD)
    log = read_custody(where.folder / CUSTODY) if where.engagement else None
    for one in _approvals(where, engagement, current):
        _approval(one, current, witnesses, findings)
    for path in _returned(where.folder):
        _answer(path, log, current, witnesses, findings)
    if log is not None:
        findings += _missing(where.folder, log, current)
    elif witnesses:
        findings.append(_open(f"{APPROVALS}、{RETURNED}", _NO_LOG))
    return tuple(witnesses), tuple(findings)


def _approvals(where: Beside, engagement: Engagement, current: Current) -> Sequence[Examined]:
    if not where.engagement:
        return examine_loose(where.folder, engagement, current)
    # What a packet lists was written by strangers: no name may lead out of the folder.
    listed = {name: one for name, one in current.listed.items() if not fault_of_name(name)}
    changed = changed_since(where.folder, replace(current, listed=listed)) if listed else ()
    return examine_approvals(where.folder, engagement, current, changed)


def _approval(one: Examined, current: Current, witnesses: list[Witness], findings: list[Finding]) -> None:
    said = one.approval
    place = f"{APPROVALS}/{said.id}.yaml"
    if said.packet != current.packet:
        findings.append(_elsewhere(place, said.packet))
        return
    witnesses.append(
        Witness(
            kind=Kind.APPROVAL, place=place, role=said.party.zh, by=said.by, on=said.on, counts=one.counts,
            proves=_proven(said, signed=one.counts and not one.open),
        )
    )  # fmt: skip
    findings += [broken(place, f"{said.party.zh}盖章作废：{fault}", cure=_CURE) for fault in one.faults]
    findings += [_open(place, each) for each in one.open]


def _proven(said: Approval, *, signed: bool) -> str:
    scan = "登记了该方盖章页的扫描件，印章真伪由人核对"
    if said.signature is None or not signed:
        return scan
    key = said.signature.public_key.sha256[:16]
    holder = f"{said.signature.tool.value} 公钥（文件摘要 {key}…）的持有人"
    return f"{holder}签了这个封存包，公钥属于谁须另行核对；{scan}"


def _returned(folder: Path) -> list[Path]:
    place = folder / RETURNED
    found = [one for one in place.iterdir() if _NUMBERED.fullmatch(one.name)] if place.is_dir() else []
    return sorted(found)


def _answer(
    path: Path,
    log: Sequence[CustodyEntry] | None,
    current: Current,
    witnesses: list[Witness],
    findings: list[Finding],
) -> None:
    place = f"{RETURNED}/{path.name}"
    recheck = path.name.startswith("RC")
    packet, witness = _recheck(path, place) if recheck else _feedback(path, place, findings)
    if packet != current.packet:
        findings.append(_elsewhere(place, packet))
        return
    faults = list(_unlike_filed(path, log)) if log is not None else []
    findings += [broken(place, fault, cure=_CURE) for fault in faults]
    bad = bool(faults) or any(each.place == place and each.gravity is Gravity.BROKEN for each in findings)
    witnesses.append(msgspec.structs.replace(witness, counts=not bad))


def _recheck(path: Path, place: str) -> tuple[str, Witness]:
    result = read_record(path, RecheckResult)
    counted = Counter(one.meaning for one in result.seen)
    told = "，".join(f"{one.zh} {counted[one]} 处" for one in Meaning if counted[one]) or "没有比对"
    plan = result.recheck
    return plan.packet, Witness(
        kind=Kind.RECHECK, place=place, role="复核人", by=plan.by, on=beijing(result.ended_at).date(),
        counts=True,
        proves=f"抽测 {len(plan.drawn)} 项：{told}；没有签名，不证明出自所写的人",
    )  # fmt: skip


def _feedback(path: Path, place: str, findings: list[Finding]) -> tuple[str, Witness]:
    one = read_record(path, Feedback)
    try:
        same = measure(path.parent / Path(one.scan.name).name).sha256 == one.scan.sha256
    except DengbaoError:
        same = False
    if not same:
        findings.append(broken(place, f"附件四扫描件 {one.scan.name} 不在，或被改动", cure=_CURE))
    return one.packet, Witness(
        kind=Kind.FEEDBACK, place=place, role="医保部门", by=one.by, on=one.on, counts=True,
        proves=f"登记了附件四的扫描件：{one.decision.zh}；印章真伪由人核对",
    )  # fmt: skip


def _unlike_filed(path: Path, log: Sequence[CustodyEntry]) -> Iterator[str]:
    noted = next((one for one in log if one.details.get("number") == path.stem), None)
    if noted is None:
        yield "经手记录中没有这一登记"
    elif noted.details.get("sha256") != hashlib.sha256(path.read_bytes()).hexdigest():
        yield "记录在登记之后被改动"


def _missing(folder: Path, log: Sequence[CustodyEntry], current: Current) -> Iterator[Finding]:
    """Yield what the log says was filed for this packet and is there no more."""
    for one in log:
        if one.details.get("packet") != current.packet:
            continue
        name = one.details.get("approval", "") if one.act == ACT else one.details.get("number", "")
        place = f"{APPROVALS}/{name}.yaml" if one.act == ACT else f"{RETURNED}/{name}.json"
        if name and not (folder / place).is_file():
            yield broken(place, "经手记录中有这一登记，文件却不在", cure=_CURE)


def _elsewhere(place: str, packet: str) -> Finding:
    return Finding(
        place=place, gravity=Gravity.NOTE, message=f"是对另一封存包（摘要 {packet[:16]}…）的，不计"
    )  # fmt: skip


def _open(place: str, message: str) -> Finding:
    return Finding(place=place, gravity=Gravity.OPEN, message=message, cure=_CURE)
