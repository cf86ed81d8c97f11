"""Verifies a packet: its bytes, its signature, its verdicts; says what was altered, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import DengbaoError
from ..model import Seal
from .bag import write_zip
from .dsse import PublicKey
from .findings import Finding, Gravity
from .integrity import examine_bytes
from .judged_again import examine_rounds
from .layout import PAYLOAD
from .opening import Opened, opened


@dataclass(frozen=True)
class Verified:
    """What came of it; `seal` is None where it could not be read, `packet` is the packet's digest."""

    packet: str
    seal: Seal | None
    signed: bool
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Tell whether nothing was altered and nothing was left unchecked."""
        return self.signed and all(one.gravity is Gravity.NOTE for one in self.findings)


def verify_packet(
    path: Path,
    *,
    content: Path | None = None,
    trusted: tuple[PublicKey, ...] = (),
    say: Callable[[str], None] = lambda _text: None,
) -> Verified:
    """Verify a packet, a .zip or a folder; contacts nobody and changes nothing.

    Raises:
        StoreError: it is no packet at all.

    """
    with opened(path) as packet:
        say("核对文件摘要与签名")
        found = examine_bytes(packet, trusted)
        findings = list(found.findings)
        if path.is_file():
            findings += _container(path, packet)
        if found.seal is not None:
            say("由原始事实重新判定各轮结果")
            findings += examine_rounds(packet.root / PAYLOAD, found.seal, content)
    return Verified(found.packet, found.seal, found.signed, tuple(findings))


def _container(path: Path, packet: Opened) -> Iterator[Finding]:
    """Tell whether the zip is the one that was written at sealing, bit for bit."""
    again = packet.root.parent / ".again.zip"
    try:
        write_zip(packet.root, again)
        same = _equal(path, again)
    except (DengbaoError, OSError):
        same = False
    finally:
        again.unlink(missing_ok=True)
    if not same:
        yield Finding(
            place=path.name, gravity=Gravity.NOTE if not packet.faults else Gravity.BROKEN,
            message="压缩包不是封存时写成的原件（重新打包过，或包的目录区被改动）；内容以摘要为准",
        )  # fmt: skip


def _equal(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while block := first.read(1 << 20):
            if block != second.read(1 << 20):
                return False
    return True
