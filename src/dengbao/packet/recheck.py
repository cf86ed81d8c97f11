"""The technician's own run: lays out a folder from a verified packet, draws, runs, and says what came of it.

```
<folder>/
  engagement.yaml    as it was sealed; addresses and accounts may be adapted to where one sits
  recheck.json       of which packet, by which seed, which items (`model.Recheck`)
  packet/            the packet as it was verified; never changed
  remarks.jsonl      what the technician says of single items
  runs/round-1/ …    the technician's own rounds
  recheck-result.json
```
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from ..catalog.engagements import FILE_NAME
from ..errors import DengbaoError, StoreError, UsageError
from ..facts import canonical, digest
from ..files import Journal, read_lines, write_whole
from ..model import Person, Seal
from ..model.recheck import Meaning, Recheck, RecheckResult, Remark, Seen
from ..prefetch import Progress
from ..redact import Redactor
from ..report.wording import beijing
from ..results import fold_round
from ..rounds import load_round, round_numbers
from ..runner import Finished, run
from ..session import Session, open_session
from .bag import packet_digest
from .custody import note
from .differing import differences
from .dsse import PublicKey
from .findings import Gravity
from .integrity import examine_bytes
from .layout import PAYLOAD, SEAL
from .opening import opened
from .opinion import opinion_of
from .sampling import draw, new_seed
from .seen_again import Side, see_again
from .verify import verify_packet

PLAN: Final = "recheck.json"
RESULT: Final = "recheck-result.json"
PACKET: Final = "packet"
REMARKS: Final = "remarks.jsonl"
_SCHEMA: Final = 1


class PacketBroken(StoreError):
    """The packet does not verify: there is nothing to be checked again."""


class NotFinished(DengbaoError):
    """Some of what was drawn has not been run: there is no result yet."""

    exit_code = 3


@dataclass(frozen=True)
class Folder:
    """A re-check under way: its plan, and the sealed engagement beside the technician's own."""

    directory: Path
    plan: Recheck
    content: Path | None

    @property
    def sealed(self) -> Path:
        """Return the engagement folder inside the packet."""
        return self.directory / PACKET / PAYLOAD

    def sealed_session(self) -> Session:
        """Return the session of what was sealed."""
        return open_session(self.sealed, self.content)

    @property
    def ended(self) -> bool:
        """Tell whether the result is written."""
        return (self.directory / RESULT).exists()


def begin(
    path: Path,
    into: Path,
    *,
    by: Person,
    sample: int,
    trusted: tuple[PublicKey, ...] = (),
    content: Path | None = None,
    seed: str = "",
    say: Callable[[str], None] = lambda _text: None,
) -> Folder:
    """Verify a packet, lay out the folder `into` from it and draw; contacts nobody.

    `seed` is drawn afresh unless given, which only serves to repeat a draw.

    Raises:
        UsageError: there is something at `into`. PacketBroken: the packet was altered.

    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise UsageError("复核目录已存在且不为空，不覆盖", where=str(into), cure="换一个目录")
    made = not into.exists()
    try:
        return _begin(path, into, by, sample, trusted, content, seed or new_seed(), say)
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        if not made:
            into.mkdir()
        raise


def _begin(
    path: Path,
    into: Path,
    by: Person,
    sample: int,
    trusted: tuple[PublicKey, ...],
    content: Path | None,
    seed: str,
    say: Callable[[str], None],
) -> Folder:
    remarks = _take(path, into / PACKET, trusted, content, say)
    seal = msgspec.json.decode((into / PACKET / SEAL).read_bytes(), type=Seal)  # verified just now
    session = open_session(into / PACKET / PAYLOAD, content)
    chosen = load_round(session.directory, seal.round)
    result, _ = fold_round(session, chosen, today=beijing(seal.sealed_at).date())
    packet = packet_digest(into / PACKET)
    plan = Recheck(
        schema=_SCHEMA, packet=packet, content_sha256=seal.content_sha256, report_number=seal.report_number,
        institution=seal.institution, system=seal.system, round=seal.round, by=by,
        begun_at=datetime.now(UTC).replace(microsecond=0), seed=seed, sample=sample,
        drawn=draw(session.suite, result, packet, seed, sample), remarks=remarks,
    )  # fmt: skip
    shutil.copyfile(session.directory / FILE_NAME, into / FILE_NAME)
    write_whole(into / PLAN, msgspec.json.format(canonical(plan), indent=1) + b"\n")
    note(into, "recheck begin", by, {"packet": packet, "seed": seed, "sample": str(sample)})
    return Folder(into, plan, content)


def _take(
    path: Path,
    target: Path,
    trusted: tuple[PublicKey, ...],
    content: Path | None,
    say: Callable[[str], None],
) -> tuple[str, ...]:
    """Copy a packet to our own folder and verify the copy; return what is left to be said of it."""
    with opened(path) as packet:
        if packet.faults:
            first = packet.faults[0]
            raise PacketBroken(
                f"封存包不合规则：{first.message}", where=first.place, cure="向封存人重新索取原件"
            )
        shutil.copytree(packet.root, target)
    found = verify_packet(target, content=content, trusted=trusted, say=say)
    bad = [one for one in found.findings if one.gravity is Gravity.BROKEN]
    if bad or not found.signed:
        told = "；".join(f"{one.place}：{one.message}" for one in bad[:5]) or "没有有效的签名"
        raise PacketBroken(
            f"封存包核验不一致，不作复核：{told}", where=str(path),
            cure="用 dengbao verify 查看全部；向封存人重新索取原件",
        )  # fmt: skip
    return tuple(f"{one.gravity.zh}：{one.message}" for one in found.findings)


def load(directory: Path, content: Path | None = None) -> Folder:
    """Return the re-check of a folder.

    Raises:
        UsageError: there is none. StoreError: its plan is damaged, or the packet in it was altered.

    """
    path = directory / PLAN
    if not path.is_file():
        raise UsageError(
            "这不是复核目录", where=str(directory), cure="先执行 dengbao recheck begin 封存包 --into 目录"
        )
    try:
        plan = msgspec.json.decode(path.read_bytes(), type=Recheck)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise StoreError("复核计划已损坏", where=str(path), cure="从备份恢复，或重新开始复核") from exc
    if packet_digest(directory / PACKET) != plan.packet:
        raise StoreError(
            "目录中的封存包已不是开始复核时的那一个", where=str(directory / PACKET), cure="重新开始复核"
        )
    return Folder(directory, plan, content)


def run_drawn(
    folder: Folder, *, new_round: bool = False, watch: Callable[[Progress], None] = lambda _progress: None
) -> Finished:
    """Run the drawn items against the system, as a round of the technician's own.

    Raises:
        UsageError: the result is written already, or the engagement does not fit.

    """
    if folder.ended:
        raise UsageError(
            "复核已结束，结果已写出", where=str(folder.directory / RESULT), cure="另作复核须重新开始"
        )
    items = [one.item for one in folder.plan.drawn]
    return run(
        folder.directory, content=folder.content, items=items, new_round=new_round,
        operator=folder.plan.by.name, watch=watch,
    )  # fmt: skip


def remark(folder: Folder, item: str, text: str, *, asset: str = "") -> Remark:
    """Note what the technician says of an item.

    Raises:
        UsageError: no such item or asset, or the result is written already.

    """
    session = folder.sealed_session()
    if folder.ended:
        raise UsageError("复核已结束，不能再加意见", where=str(folder.directory), cure="另作复核须重新开始")
    if item not in {one.id for one in session.suite.items()}:
        raise UsageError(f"没有测评项 {item}", cure="写成 1.a.3；用 dengbao recheck show 查看")
    if asset:
        session.asset(asset)
    now = datetime.now(UTC).replace(microsecond=0)
    made = Remark(item=item, asset=asset, text=Redactor().text(text), by=folder.plan.by, at=now)
    journal = Journal(folder.directory / REMARKS)
    try:
        journal.append(canonical(made), durable=True)
    finally:
        journal.close()
    return made


def remarks_of(folder: Folder) -> tuple[Remark, ...]:
    """Return what was remarked so far.

    Raises:
        StoreError: a line is damaged.

    """
    path = folder.directory / REMARKS
    try:
        return tuple(msgspec.json.decode(line, type=Remark) for _, line in read_lines(path))
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise StoreError("复核意见已损坏", where=str(path), cure="从备份恢复该文件") from exc


def compared(folder: Folder) -> tuple[Seen, ...]:
    """Return every case that was drawn, as it was sealed and as it was seen again; contacts nobody.

    Raises:
        StoreError: stored facts are damaged.

    """
    session = folder.sealed_session()
    chosen = load_round(folder.sealed, folder.plan.round)
    seal = msgspec.json.decode((folder.directory / PACKET / SEAL).read_bytes(), type=Seal)
    result, _ = fold_round(session, chosen, today=beijing(seal.sealed_at).date())
    own = load_round(folder.directory) if round_numbers(folder.directory) else None
    again = Side(own, own.records()) if own is not None else None
    return see_again(Side(chosen, chosen.records(), result), again, {one.item for one in folder.plan.drawn})


def end(folder: Folder) -> RecheckResult:
    """Write what came of the re-check; nothing is run or remarked after it.

    Raises:
        NotFinished: something drawn was not run. StoreError: the packet in the folder was altered.

    """
    if folder.ended:
        raise UsageError(
            "复核已结束，结果已写出", where=str(folder.directory / RESULT), cure="另作复核须重新开始"
        )
    _still_whole(folder)
    seen = compared(folder)
    left = list(dict.fromkeys(one.item for one in seen if one.meaning is Meaning.NOT_RUN))
    if left:
        raise NotFinished(
            f"尚有 {len(left)} 项未复测：{'、'.join(left[:10])}",
            cure=f"先执行 dengbao recheck run {folder.directory}",
        )
    ended_at = datetime.now(UTC).replace(microsecond=0)
    sealed, own = (
        msgspec.to_builtins(one.engagement)
        for one in (folder.sealed_session(), open_session(folder.directory, folder.content))
    )
    changed, _ = differences(FILE_NAME, sealed, own, Redactor())
    said = remarks_of(folder)
    result = RecheckResult(
        schema=_SCHEMA, recheck=folder.plan, ended_at=ended_at,
        counts=dict(sorted(Counter(one.meaning.value for one in seen).items())),
        seen=seen, remarks=said, engagement_changes=changed,
        opinion=opinion_of(folder.plan, seen, said, changed, ended_at),
    )  # fmt: skip
    data = msgspec.json.format(canonical(result), indent=1) + b"\n"
    write_whole(folder.directory / RESULT, data)
    note(
        folder.directory,
        "recheck end",
        folder.plan.by,
        {"packet": folder.plan.packet, "sha256": digest(data)},
    )
    return result


def _still_whole(folder: Folder) -> None:
    with opened(folder.directory / PACKET) as packet:
        found = examine_bytes(packet)
    bad = [one for one in found.findings if one.gravity is Gravity.BROKEN]
    if bad or not found.signed:
        place = bad[0].place if bad else PACKET
        raise StoreError("目录中的封存包在复核期间被改动", where=place, cure="重新开始复核")
