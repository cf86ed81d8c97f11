"""Seals an engagement folder: gate first, then the packet, then the memory and the log beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from .. import __version__
from ..errors import DengbaoError, UsageError
from ..model import Allowed, Person
from ..papers import for_papers
from ..report import ReportOutcome
from ..report.wording import beijing
from ..rounds import Round
from ..session import Session
from .custody import note, read_custody
from .dsse import SigningKey
from .faults import Fault, GateClosed, Waiver, fault_of, let_pass
from .gate import before_report, with_report
from .layout import CUSTODY
from .payload import list_payload
from .remembered import Remembered, beside, candidates, inputs_digest, recall, remember
from .seal import Sealed, name_of, seal

# What follows a sealing and changes nothing that was sealed.
_AFTERWARDS: Final = frozenset(
    {"sealed", "verified", "approve", "approved", "rechecked", "recheck", "reported", "fed_back", "unlocked"}
)


@dataclass(frozen=True)
class Done:
    """A sealing, and whether it gave again what lay there."""

    sealed: Sealed
    again: bool


@dataclass(frozen=True)
class _Request:
    """What is to be sealed, and by whom."""

    session: Session
    chosen: Round
    by: Person
    key: SigningKey
    waiver: Waiver


@dataclass(frozen=True)
class _Plan:
    """Where a packet goes, the time it bears, the lines of custody it holds, the digest of its inputs."""

    target: Path
    at: datetime
    lines: int
    inputs: str = ""
    again: bool = False


def seal_folder(
    session: Session,
    chosen: Round,
    *,
    by: Person,
    key: SigningKey,
    waiver: Waiver | None = None,
    out: Path | None = None,
    now: datetime | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> Done:
    """Seal a round of an engagement folder; nothing is written where anything speaks against it.

    The same folder, key, people and version give the same bytes at the same place; what changed goes under
    the next free name, so that a packet that was handed out stays.

    Raises:
        GateClosed: with every reason. UsageError: `out` holds another sealing, or the waiver is none.

    """
    request = _Request(session, chosen, by, key, waiver or Waiver())
    moment = (now or datetime.now(UTC)).replace(microsecond=0)
    say("检查能否封存")
    plan, early = _begin(request, out, moment)

    def inspect(payload: Mapping[str, Path | bytes], outcome: ReportOutcome) -> tuple[Allowed, ...]:
        say(f"检查 {len(payload)} 个文件中的明文个人信息与口令")
        late = with_report(session, payload, outcome.gaps)
        stay, allowed = let_pass((*early, *late), request.waiver, by)
        if stay:
            raise GateClosed(stay)
        return allowed

    try:
        made = seal(
            session, chosen, plan.target, by=by, key=key, sealed_at=plan.at, custody_lines=plan.lines,
            inspect=inspect, say=say,
        )  # fmt: skip
    except (GateClosed, UsageError):
        raise
    except DengbaoError as exc:
        raise GateClosed(early or fault_of(exc, f"runs/round-{chosen.number}")) from exc
    _keep(request, plan, made)
    return Done(made, plan.again)


def _begin(request: _Request, out: Path | None, now: datetime) -> tuple[_Plan, tuple[Fault, ...]]:
    """Return what was sealed last if nothing changed since, else a new plan; and what is wrong already."""
    try:
        plan = _again(request, out) or _anew(request, out, now)
    except UsageError:
        raise
    except DengbaoError as exc:  # damaged: the gate says of what, and the rest with it
        early = tuple(before_report(request.session, request.chosen, now))
        raise GateClosed(early or fault_of(exc, f"runs/round-{request.chosen.number}")) from exc
    return plan, tuple(before_report(request.session, request.chosen, plan.at))


def _targets(request: _Request, out: Path | None) -> list[Path]:
    if out is not None:
        return [out]
    engagement = for_papers(request.chosen.engagement, request.session.engagement)
    name = name_of(engagement.report_number or engagement.institution.code, request.chosen.number)
    return list(candidates(request.session.directory / "out", name))


def _again(request: _Request, out: Path | None) -> _Plan | None:
    for target in reversed(_targets(request, out)):
        known = recall(target)
        if known is None:
            continue
        plan = _Plan(target, known.sealed_at, known.custody_lines, again=True)
        plan = replace(plan, inputs=_inputs(request, plan))
        quiet = _only_afterwards(request.session.directory, known.custody_lines)
        if quiet and plan.inputs == known.inputs_sha256:
            return plan
    return None


def _anew(request: _Request, out: Path | None, now: datetime) -> _Plan:
    target = _targets(request, out)[-1]
    if target.exists() or beside(target).exists():
        raise UsageError(
            "此处已有另一次封存的包，不覆盖", where=str(target), cure="换一个文件名（--out），或先移走它"
        )
    plan = _Plan(target, now, len(read_custody(request.session.directory / CUSTODY)))
    return replace(plan, inputs=_inputs(request, plan))


def _only_afterwards(directory: Path, lines: int) -> bool:
    return all(one.act in _AFTERWARDS for one in read_custody(directory / CUSTODY)[lines:])


def _inputs(request: _Request, plan: _Plan) -> str:
    session, chosen = request.session, request.chosen
    payload = list_payload(session, chosen, beijing(plan.at).date(), plan.lines)
    payload["report.docx"] = session.content.templates / session.suite.id / "report.docx"
    others = {
        "tool_version": __version__, "key": request.key.public.fingerprint, "round": str(chosen.number),
        "sealed_at": plan.at.isoformat(),
    }  # fmt: skip
    return inputs_digest(payload, others, request.by, request.waiver)


def _keep(request: _Request, plan: _Plan, made: Sealed) -> None:
    memory = Remembered(
        round=request.chosen.number, sealed_at=plan.at, inputs_sha256=plan.inputs, custody_lines=plan.lines,
        packet=made.packet, zip_sha256=made.zip_sha256, key=made.seal.key,
    )  # fmt: skip
    remember(plan.target, memory)
    note(
        request.session.directory, "sealed", request.by,
        {
            "round": str(memory.round), "packet": made.packet, "key": made.seal.key,
            "allowed": str(len(made.seal.allowed)), "again": "yes" if plan.again else "no",
        },
    )  # fmt: skip
