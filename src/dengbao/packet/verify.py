"""Verifies a packet: its bytes, its signature, its verdicts, its report; says what was altered, and where."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from ..catalog import load_suite
from ..content import find_content
from ..errors import DengbaoError
from ..model import Seal
from ..report.likeness import compare_reports
from .container import unlike_sealed
from .current import Current, read_packet
from .dsse import PublicKey
from .findings import Finding, Gravity, broken
from .guarded import guarded, left
from .integrity import Integrity, examine_bytes
from .judged_again import examine_rounds
from .layout import PAYLOAD
from .opening import Opened, opened
from .rebuilt import carried_by, read_report, unlike_finding
from .resting import Resting
from .seal import packet_name
from .witnesses import Beside, Witness, examine_witnesses

_ORDER: Final = {Gravity.BROKEN: 0, Gravity.OPEN: 1, Gravity.NOTE: 2}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Verified:
    """What came of it; `seal` is None where it could not be read, `packet` is the packet's digest.

    `trusted` tells whether the key is one that the verifier named. Findings are sorted, the gravest first.
    `witnesses` are those beside the packet who vouch for it.
    """

    packet: str
    seal: Seal | None
    signed: bool
    trusted: bool
    findings: tuple[Finding, ...]
    witnesses: tuple[Witness, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether nothing was altered and nothing was left unchecked."""
        return self.signed and all(one.gravity is Gravity.NOTE for one in self.findings)


def verify_packet(
    path: Path,
    *,
    content: Path | None = None,
    trusted: tuple[PublicKey, ...] = (),
    delivered: Path | None = None,
    repacked: bool = False,
    vouched: Beside | None = None,
    say: Say = lambda _text: None,
) -> Verified:
    """Verify a packet, a .zip or a folder; contacts nobody and changes nothing.

    `delivered` is a .docx to be compared with the sealed report, whichever program saved it. With `repacked`
    a zip that another program packed is no fault as long as what it holds is what was sealed. `vouched` is
    where approvals and answers lie.

    Raises:
        StoreError: it is no packet at all.

    """
    with opened(path) as packet:
        say("核对文件摘要与签名")
        found = examine_files(path, packet, trusted, repacked=repacked)
        findings = list(found.findings)
        witnesses: list[Witness] = []
        if found.seal is not None:
            if path.is_dir() and packet.faults:  # a link may lead anywhere, also to what never ends
                findings.append(left(PAYLOAD, "目录内有链接或不合规则的文件名，未重新判定"))
            else:
                findings += guarded(PAYLOAD, examine_rounds(packet.root / PAYLOAD, found.seal, content, say))
            if delivered is not None:
                say("比对送核验的报告")
                findings += guarded(PAYLOAD, _delivered(packet, found.seal, delivered, content))
            if vouched is not None:
                said = guarded(str(vouched.folder.name), _vouched(vouched, path, packet, found, witnesses))
                findings += said
        sorted_findings = tuple(_with_items(findings, packet.root))
    fingerprints = {one.fingerprint for one in trusted}
    known = found.seal is not None and found.seal.key in fingerprints
    return Verified(
        found.packet, found.seal, found.signed, known and found.signed, sorted_findings, tuple(witnesses)
    )


def examine_files(
    path: Path, packet: Opened, trusted: tuple[PublicKey, ...] = (), *, repacked: bool = False
) -> Integrity:
    """Return what the bytes say of a packet opened from `path`, its container included; judges nothing."""
    found = examine_bytes(packet, trusted)
    if path.is_file():
        found.findings += _container(path, packet, found.seal, repacked=repacked)
    return found


def _vouched(
    where: Beside, path: Path, packet: Opened, found: Integrity, witnesses: list[Witness]
) -> Iterator[Finding]:
    """Take those who vouch for a packet, and yield what is to be said of it."""
    if found.seal is None:
        return
    current = read_packet(path) if path.is_file() else Current(path, found.packet, found.seal, {})
    several, findings = examine_witnesses(where, packet, current)
    witnesses += several
    yield from findings


def _delivered(packet: Opened, seal: Seal, path: Path, content: Path | None) -> Iterator[Finding]:
    """Yield how a .docx differs from the sealed report, by the place in it."""
    sealed = read_report(packet.root / PAYLOAD, seal.report)
    given = read_report(path.parent, path.name)
    if sealed is None or given is None:
        yield left(path.name if given is None else f"{PAYLOAD}/{seal.report}", "报告无法读取，或过大")
        return
    if given == sealed:
        yield Finding(place=path.name, gravity=Gravity.NOTE, message="与封存的报告逐字节相同")
        return
    known = {one.parent.name for one in find_content(content).suites.glob("*/suite.yaml")}
    if seal.suite not in known:
        yield left(path.name, f"本机没有测评依据“{seal.suite}”，未能比对")
        return
    suite = load_suite(find_content(content).suites / seal.suite)
    try:
        unlike = compare_reports(sealed, given, suite)
        own, theirs = carried_by(sealed), carried_by(given)
    except DengbaoError as exc:
        yield broken(path.name, exc.message, cure=exc.cure)
        return
    yield from (unlike_finding(one, path.name, suite) for one in unlike)
    if theirs is not None and theirs != own:
        yield broken(f"{path.name}（所载数据）", "报告内附的数据与封存的报告不同")
    elif not unlike:
        yield Finding(
            place=path.name, gravity=Gravity.NOTE, message="文件另存过，文字、表格、图片与封存的报告一致"
        )


def _with_items(findings: Iterable[Finding], root: Path) -> Iterator[Finding]:
    """Yield each finding once, the gravest first, with the items that rest on its file."""
    resting = Resting(root)
    for one in sorted(dict.fromkeys(findings), key=lambda each: _ORDER[each.gravity]):
        if one.gravity is Gravity.NOTE or one.items:
            yield one
        else:
            yield msgspec.structs.replace(one, items=resting.items(one.place))


def _container(path: Path, packet: Opened, seal: Seal | None, *, repacked: bool) -> Iterator[Finding]:
    """Tell how the zip differs from the one that was written at sealing, whose files speak for themselves."""
    if packet.faults:  # each of them is told, and what was refused is not there to be packed again
        return
    try:
        found = list(unlike_sealed(path, packet.root))
    except (DengbaoError, OSError, ValueError, zipfile.BadZipFile) as exc:
        found = [f"无法比对（{type(exc).__name__}）"]
    if seal is not None and packet.root.name != packet_name(seal):
        found.append(f"顶层目录名为“{packet.root.name}”，封存时为“{packet_name(seal)}”")
    for one in found:
        yield Finding(
            place=path.name,
            gravity=Gravity.NOTE if repacked else Gravity.BROKEN,
            message=f"压缩包不是封存时的原件（文件内容另由摘要、签名核对）：{one}",
            cure="" if repacked else "向封存人索取原件；确知由网盘、邮件等重新打包的，加 --repacked",
        )
