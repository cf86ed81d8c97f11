"""Seals a round: the report, everything it rests on, digests of it all, a signed statement over them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from .. import __version__
from ..facts import canonical
from ..files import write_whole
from ..model import Allowed, Person, Seal
from ..papers import for_papers
from ..report import ReportOutcome
from ..report.wording import beijing
from ..reporting import report_round
from ..results import fold_round
from ..rounds import Round
from ..session import Session
from .bag import packet_digest, write_bag, write_zip
from .dsse import SigningKey, sign
from .layout import PAYLOAD, README, SCHEMA, SEAL, STATEMENT
from .payload import list_payload
from .qr import counts_of, marker
from .statement import statement_of

_README: Final = """\
这是一次联调测试的封存包（BagIt 1.0）。

核对文件是否与封存时一致（不需要 dengbao）：
    sha256sum -c tagmanifest-sha256.txt
    sha256sum -c manifest-sha256.txt
核对签名、重新判定、比对报告：
    dengbao verify 本目录或 .zip

签名（statement.dsse.json）证明：自密钥持有人封存以来内容未变。它不是《电子签名法》所称的电子签名，
也不证明内容属实；密钥指纹须另行向封存人核对。
"""


@dataclass(frozen=True)
class Sealed:
    """What was written: the packet, its digest (sha256 of the tag manifest), that of the zip, the seal."""

    path: Path
    packet: str
    zip_sha256: str
    seal: Seal


def packet_name(made: Seal) -> str:
    """Return the name of a packet: ASCII, so that no zip tool can spoil it."""
    return name_of(made.report_number or made.code, made.round)


def name_of(number: str, sealed_round: int) -> str:
    """Return the name of the packet of a round by the report's number, or the institution's code."""
    kept = "".join(one if one.isascii() and (one.isalnum() or one in "-_.") else "-" for one in number)
    return f"dengbao-{kept.strip('-.') or 'packet'}-round-{sealed_round}"


Inspect = Callable[[Mapping[str, Path | bytes], ReportOutcome], tuple[Allowed, ...]]


def seal(
    session: Session,
    chosen: Round,
    target: Path,
    *,
    by: Person,
    key: SigningKey,
    sealed_at: datetime,
    allowed: tuple[Allowed, ...] = (),
    custody_lines: int | None = None,
    inspect: Inspect | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> Sealed:
    """Seal a round into the zip `target`; the same inputs and `sealed_at` give the same bytes.

    `custody_lines` is how much of the log of custody is sealed, by default all. `inspect` looks at the
    files and the report, which may be a draft for it, before anything is sealed: it raises, or returns what
    people let pass.

    Raises:
        ReportIncomplete, ReportError, EvidenceError, StoreError.

    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".sealing-", dir=target.parent) as folder:
        place = Path(folder)
        report = f"out/report-round-{chosen.number}.docx"
        result, _ = fold_round(session, chosen, today=beijing(sealed_at).date())
        counts = counts_of(result)
        mark = marker(session.engagement.report_number, counts, key)
        outcome = report_round(
            session,
            chosen,
            place / "report.docx",
            final=inspect is None,
            made_at=sealed_at,
            say=say,
            mark=mark,
        )
        listed = list_payload(session, chosen, beijing(sealed_at).date(), custody_lines)
        payload: dict[str, Path | bytes] = {**listed, report: place / "report.docx"}
        if inspect is not None:
            allowed = (*allowed, *inspect(payload, outcome))
        made = _seal_of(
            session, chosen, outcome, report, counts, by=by, key=key, at=sealed_at, allowed=allowed
        )
        bag = place / packet_name(made)
        known = write_bag(bag, payload, {README: _README.encode(), SEAL: _pretty(made)}, _info(made), say=say)
        found = packet_digest(bag)
        files = {f"{PAYLOAD}/{name}": one for name, one in known.items()}
        write_whole(bag / STATEMENT, sign(statement_of(files, found, made), key))
        return Sealed(target, found, write_zip(bag, target), made)


def _seal_of(
    session: Session,
    chosen: Round,
    outcome: ReportOutcome,
    report: str,
    counts: dict[str, int],
    *,
    by: Person,
    key: SigningKey,
    at: datetime,
    allowed: tuple[Allowed, ...],
) -> Seal:
    engagement = for_papers(chosen.engagement, session.engagement)
    return Seal(
        schema=SCHEMA, institution=engagement.institution.name, code=engagement.institution.code,
        system=engagement.system.name, report_number=engagement.report_number, suite=session.suite.id,
        suite_sha256=session.suite.sha256, round=chosen.number, tool_version=__version__,
        facts_sha256=chosen.store().digest_of_all(), content_sha256=outcome.content_sha256, report=report,
        report_sha256=outcome.sha256, counts=counts, mark=outcome.mark,
        sealed_at=at, sealed_by=by, key=key.public.fingerprint, public_key=key.public.text, allowed=allowed,
    )  # fmt: skip


def _info(made: Seal) -> tuple[tuple[str, str], ...]:
    return (
        ("Source-Organization", made.institution),
        ("External-Identifier", made.report_number),
        ("External-Description", f"{made.system} 第 {made.round} 轮联调测试"),
        ("Bagging-Date", beijing(made.sealed_at).date().isoformat()),
        ("Contact-Name", f"{made.sealed_by.name}（{made.sealed_by.org}）"),
        ("Bag-Software-Agent", f"dengbao {made.tool_version}"),
    )


def _pretty(value: Seal) -> bytes:
    return msgspec.json.format(canonical(value), indent=1) + b"\n"
