"""Files what the four parties say to a sealed report, and tells which of it still counts."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock

from ..errors import DengbaoError, EvidenceError
from ..evidence.attached import PICTURES, measure, picture_fault, read_blocks, stored_suffix
from ..files import write_whole
from ..model import CustodyEntry, Engagement, EvidenceFile, Person
from ..model.approvals import Approval, DetachedSignature, PartyRole, SignatureTool
from ..reading import read_value
from ..yamlfile import read_yaml, written
from .current import Current
from .custody import note, read_custody
from .detached import LIMIT_BYTES, ToolMissing, signed_line, verify_detached
from .layout import CUSTODY

FOLDER: Final = "approvals"
ACT: Final = "approve"
_RECORD: Final = re.compile(r"AP-(\d{4,9})\.yaml")
_FILED: Final = re.compile(r"AP-(\d{4,9})\b.*")
_WAIT_S: Final = 10.0
_BEIJING: Final = timezone(timedelta(hours=8))  # `report.wording` has it too, with all of Word behind it


@dataclass(frozen=True)
class SignatureFiles:
    """A detached signature as a party hands it over."""

    tool: SignatureTool
    signature: Path
    public_key: Path


@dataclass(frozen=True)
class Said:
    """What a party says: which party, who signed for it, on which day, where the scan of the page lies."""

    party: PartyRole
    by: Person
    on: date
    scan: Path
    signature: SignatureFiles | None = None


@dataclass(frozen=True)
class Examined:
    """An approval and whether it counts: `faults` void it, `open` could not be told; both Chinese."""

    approval: Approval
    faults: tuple[str, ...]
    open: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Tell whether it counts for the packet of today."""
        return not self.faults


def approve(
    directory: Path, engagement: Engagement, current: Current, said: Said, *, now: datetime | None = None
) -> Approval:
    """File a party's approval: copy its files under a new number, write the record, note it in the custody.

    Raises:
        EvidenceError: nothing was filed, and why.

    """
    filed_at = (now or datetime.now(UTC)).replace(microsecond=0)
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock", timeout=_WAIT_S):
        standing = [one for one in examine_approvals(directory, engagement, current) if one.counts]
        _refuse(engagement, current, said, [one.approval for one in standing], filed_at)
        number = 1 + max((int(m[1]) for p in folder.iterdir() if (m := _FILED.fullmatch(p.name))), default=0)
        made: list[Path] = []
        try:
            record = _record(folder, f"AP-{number:04d}", current, said, filed_at, made)
            _only_key_of(record, [one.approval for one in standing])
            path = folder / f"{record.id}.yaml"
            made.append(path)
            data = _written(record, path)
            details = {
                "approval": record.id,
                "sha256": hashlib.sha256(data).hexdigest(),
                "packet": current.packet,
            }
            note(directory, ACT, said.by, details)
        except BaseException:
            for each in made:
                each.unlink(missing_ok=True)
            raise
    return record


def _refuse(
    engagement: Engagement, current: Current, said: Said, standing: Sequence[Approval], now: datetime
) -> None:
    for one in standing:
        if one.party is said.party:
            raise EvidenceError(
                f"{said.party.zh}对此封存包已有盖章意见 {one.id}",
                cure="用 dengbao approve 目录 查看；不重复登记",
            )
        if one.by.same_as(said.by):
            raise EvidenceError(
                f"{said.by.name}已代表{one.party.zh}签署（{one.id}），一人不得代表两方",
                cure="由该方另一人签署；同名的加注部门以区别",
            )
    name = said.party.name_in(engagement)
    if said.by.org != name:
        raise EvidenceError(
            f"{said.party.zh}在项目中是“{name}”，签署人的单位写的是“{said.by.org}”",
            cure=f"写成 --by {said.by.name}/{name}；单位名称有误的，改正 engagement.yaml 后重新封存",
        )
    sealed = current.seal.sealed_at.astimezone(_BEIJING).date()
    if said.on < sealed:
        raise EvidenceError(
            f"签署日期 {said.on} 早于封存日期 {sealed}", cure="核对日期；所签的须是封存后的报告"
        )
    if said.on > max(sealed, now.astimezone(_BEIJING).date()):
        raise EvidenceError(f"签署日期 {said.on} 尚未到", cure="核对日期")


def _record(
    folder: Path, number: str, current: Current, said: Said, filed_at: datetime, made: list[Path]
) -> Approval:
    _check_scan(said.scan)
    signature = None
    if said.signature is not None:
        _verify(said.signature.tool, said.signature.signature, said.signature.public_key, current)
        signature = DetachedSignature(
            tool=said.signature.tool,
            signature=_copy(said.signature.signature, folder / f"{number}-signature.sig", made),
            public_key=_copy(said.signature.public_key, folder / f"{number}-key.pub", made),
        )
    return Approval(
        id=number, party=said.party, by=said.by, on=said.on, packet=current.packet,
        content_sha256=current.seal.content_sha256, report_number=current.seal.report_number,
        scan=_copy(said.scan, folder / f"{number}{stored_suffix(said.scan)}", made),
        filed_at=filed_at, signature=signature,
    )  # fmt: skip


def _check_scan(path: Path) -> None:
    suffix = path.suffix.lower()
    begin = next(read_blocks(path), b"")[:1024]
    if suffix == ".pdf" and b"%PDF-" in begin:
        return
    fault = picture_fault(path) if suffix in PICTURES else "不是图片或 PDF"
    if fault:
        raise EvidenceError(f"盖章页扫描件{fault}", where=str(path), cure="用 PDF、PNG、JPEG 或 TIFF")


def _copy(source: Path, target: Path, made: list[Path]) -> EvidenceFile:
    made.append(target)
    with target.open("xb") as out:
        found = measure(source, take=out.write)
        out.flush()
        os.fsync(out.fileno())
    return EvidenceFile(name=target.name, sha256=found.sha256, sm3=found.sm3, size_bytes=found.size_bytes)


def _only_key_of(record: Approval, standing: Sequence[Approval]) -> None:
    for one in standing:
        if (
            one.signature is not None
            and record.signature is not None
            and one.signature.public_key.sha256 == record.signature.public_key.sha256
        ):
            raise EvidenceError(f"此公钥已用于{one.party.zh}的签名（{one.id}）", cure="各方用各自的密钥签名")


def _verify(tool: SignatureTool, signature: Path, key: Path, current: Current) -> None:
    message = signed_line(current.packet, current.seal.report_number)
    verify_detached(tool, _small(signature), _small(key), message)


def _small(path: Path) -> bytes:
    data = bytearray()
    for block in read_blocks(path):
        data += block
        if len(data) > LIMIT_BYTES:
            raise EvidenceError("签名或公钥文件过大", where=str(path), cure="核对是否选错了文件")
    return bytes(data)


def _written(record: Approval, path: Path) -> bytes:
    text = written(msgspec.to_builtins(record))
    write_whole(path, text.encode())
    # Read back before it counts, so that no record is filed that cannot be read.
    if load_approval(path) != record:
        raise EvidenceError("记录写出后与原意不符", where=record.id, cure="简化文字后重试")
    return text.encode()


def load_approval(path: Path) -> Approval:
    """Return one record.

    Raises:
        EvidenceError: with every mistake in it.

    """
    return read_value(read_yaml(path, EvidenceError), Approval, EvidenceError)


def approval_paths(directory: Path) -> list[Path]:
    """Return the records of an engagement folder in the order of their numbers."""
    folder = directory / FOLDER
    found = [one for one in folder.iterdir() if _RECORD.fullmatch(one.name)] if folder.is_dir() else []
    return sorted(found, key=lambda one: (int(one.stem[3:]), one.name))


def examine_approvals(
    directory: Path, engagement: Engagement, current: Current | None, changed: Sequence[str] = ()
) -> tuple[Examined, ...]:
    """Return every approval with what voids it; `changed` is what was altered since sealing.

    Raises:
        EvidenceError: a record cannot be read.
        StoreError: the custody's chain is broken.

    """
    log = read_custody(directory / CUSTODY)
    return tuple(
        _examine(path, load_approval(path), engagement, current, log, changed)
        for path in approval_paths(directory)
    )


def examine_loose(directory: Path, engagement: Engagement, current: Current) -> tuple[Examined, ...]:
    """Return the approvals that lie beside a packet without a log of custody, which would show changes.

    Raises:
        EvidenceError: a record cannot be read.

    """
    return tuple(
        _examine(path, load_approval(path), engagement, current, None, ())
        for path in approval_paths(directory)
    )


def _examine(
    path: Path,
    one: Approval,
    engagement: Engagement,
    current: Current | None,
    log: Sequence[CustodyEntry] | None,
    changed: Sequence[str],
) -> Examined:
    faults = list(_bound(one, current, changed))
    if log is not None:
        faults += _unlike_filed(path, one, log)
    faults += _unlike_files(path, one)
    if one.by.org != one.party.name_in(engagement):
        faults.append(f"{one.party.zh}在项目中已改为“{one.party.name_in(engagement)}”")
    unclear: list[str] = []
    if not faults and one.signature is not None and current is not None:
        try:
            own = one.signature
            _verify(own.tool, path.parent / own.signature.name, path.parent / own.public_key.name, current)
        except ToolMissing as exc:
            unclear.append(exc.message)
        except DengbaoError as exc:
            faults.append(exc.message)
    return Examined(one, tuple(faults), tuple(unclear))


def _bound(one: Approval, current: Current | None, changed: Sequence[str]) -> Iterator[str]:
    if current is None:
        yield "项目目录的 out/ 中已没有封存包"
    elif one.packet != current.packet or one.content_sha256 != current.seal.content_sha256:
        yield f"所签的是另一封存包（摘要 {one.packet[:16]}…），现行的是 {current.packet[:16]}…"
    elif changed:
        more = f"等 {len(changed)} 处" if len(changed) > 1 else ""
        yield f"封存之后内容有改动：{changed[0]}{more}"


def _unlike_filed(path: Path, one: Approval, log: Sequence[CustodyEntry]) -> Iterator[str]:
    noted = next((each for each in log if each.act == ACT and each.details.get("approval") == one.id), None)
    if noted is None or path.stem != one.id:
        yield "经手记录中没有这一登记"
    elif noted.details.get("sha256") != hashlib.sha256(path.read_bytes()).hexdigest():
        yield "记录在登记之后被改动"


def _unlike_files(path: Path, one: Approval) -> Iterator[str]:
    files = [one.scan]
    if one.signature is not None:
        files += [one.signature.signature, one.signature.public_key]
    for file in files:
        try:
            same = measure(path.parent / Path(file.name).name).sha256 == file.sha256
        except EvidenceError as exc:
            yield f"{file.name}：{exc.message}"
            continue
        if not same:
            yield f"{file.name} 在登记之后被改动"
