"""Looks through every file of a packet for what must not leave the house in clear; values are never shown.

What people wrote (engagement, evidence) is searched for personal data and every kind of secret. What programs
wrote was redacted when it was stored, and holds configuration in which `password requisite …` is no password:
there the redactor says whether anything is left, and personal data are searched for as everywhere. Pictures
cannot be read: of them people say that they were redacted.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from ..model import Engagement
from ..redact import MASK, Redactor
from ..scanning import Finding, Kind
from ..scanning.kinds import shown_name
from ..scanning.scan import Scanner
from .faults import Fault, Sort

_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
_ZIPPED_TEXT: Final = (".docx", ".xlsx")
_MARKED: Final = (".xml", ".rels")
_IN_MEMORY_BYTES: Final = 64 * 1024 * 1024
_PERSONAL: Final = frozenset(
    {Kind.ID_CARD, Kind.ID_CARD_15, Kind.PHONE, Kind.BANK_CARD, Kind.SOCIAL_CARD, Kind.PASSPORT, Kind.NAME}
)
_SECRETS: Final = frozenset({Kind.PASSWORD, Kind.PASSWORD_OTHER, Kind.PASSWORD_HASH, Kind.TOKEN})
# Digests are runs of digits here and there, and references name a secret without telling it.
_DIGEST: Final = re.compile(rb"(?<![0-9A-Za-z])[0-9a-f]{32,128}(?![0-9A-Za-z])")
_REFERENCE: Final = re.compile(rb"\$\{ENV:\w+\}|\bkeyring:[^\s\"',}]+|\bprompt:")
_DIGIT: Final = re.compile(rb"\d")
_CURE_PERSONAL: Final = (
    "遮盖后重新取证或修改；确须保留的，由两人查看后 seal --allow 位置 --why 理由 --agreed 姓名/单位"
)
_CURE_SECRET: Final = "删去该处；已外泄的口令、令牌须更换"  # noqa: S105 - a text for people


def exposed(payload: Mapping[str, Path | bytes], engagement: Engagement) -> Iterator[Fault]:
    """Yield what stands in clear in any file, and what could not be looked at.

    Contacts and people of the engagement are left out: the forms ask for their names and telephones.
    """
    scanner = Scanner()
    known = tuple(_known(engagement))
    shown: dict[str, str] = {}
    for name, source in sorted(payload.items()):
        if PurePosixPath(name).suffix.lower() in _PICTURES:
            continue
        yield from _look(scanner, name, source, known)
        shown[shown_name(name)] = name
    report = scanner.report()
    for one in report.findings:
        yield from _found(one, shown.get(one.file, one.file))
    for part in report.unread:
        if not part.reason.startswith("图片"):
            place = _place(shown.get(part.file, part.file), part.member)
            yield Fault(
                place=place, message=f"未能扫描：{part.reason}", sort=Sort.PERSONAL,
                cure="换成可读的格式；或由两人打开查看后放行（--allow）",
            )  # fmt: skip


def _known(engagement: Engagement) -> Iterator[bytes]:
    parties = engagement.parties
    contacts = [engagement.institution.contact, engagement.system.contact]
    contacts += [one.contact for one in (parties.local_bureau, parties.platform_vendor, parties.access_party)]
    for one in contacts:
        yield from (text.encode() for text in (one.phone.strip(), one.name.strip()) if len(text) > 1)
    yield from (one.name.encode() for one in engagement.people if len(one.name) > 1)


def _look(scanner: Scanner, name: str, source: Path | bytes, known: tuple[bytes, ...]) -> Iterator[Fault]:
    if isinstance(source, Path) and source.stat().st_size > _IN_MEMORY_BYTES:
        with source.open("rb") as file:
            scanner.file(file, name)
        return
    data = source.read_bytes() if isinstance(source, Path) else source
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _ZIPPED_TEXT:
        data = _zipped(data, known)
    elif name.endswith((".json", ".jsonl", ".yaml", ".md", ".txt", ".log")) or "/raw/" in name:
        data = _without(data, known)
        if not name.startswith("suites/"):
            yield from _left(name, data)
    scanner.file(io.BytesIO(data), name)


def _without(data: bytes, known: Iterable[bytes]) -> bytes:
    for one in known:
        data = data.replace(one, b"-")
    return data


def _zipped(data: bytes, known: tuple[bytes, ...]) -> bytes:
    """Return a document with known values taken out of its parts; one that cannot be opened as it is."""
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w") as after:
            for one in before.infolist():
                part = before.read(one)
                marked = one.filename.endswith(_MARKED)
                after.writestr(one.filename, _without(part, known) if marked else part)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError):
        return data
    return out.getvalue()


def _left(name: str, data: bytes) -> Iterator[Fault]:
    """Yield the secrets that the redactor would take out of a text: their lines, never what they hold."""
    plain = _REFERENCE.sub(MASK.encode(), _DIGEST.sub(b"-", data))
    if Redactor().data(plain) == plain:
        return
    lines: list[int] = []
    for number, line in enumerate(plain.split(b"\n"), 1):
        without_numbers = _DIGIT.sub(
            b"x", line
        )  # numbers of persons are told by the scanner, with their kind
        if Redactor().data(without_numbers) != without_numbers:
            lines.append(number)
    if lines:
        where = "、".join(map(str, lines[:5])) + ("…" if len(lines) > 5 else "")
        yield Fault(place=name, message=f"第 {where} 行疑有明文口令、令牌", cure=_CURE_SECRET)


def _found(one: Finding, name: str) -> Iterator[Fault]:
    by_people = name == "engagement.yaml" or name.startswith("evidence/")
    secret = one.kind in _SECRETS and (by_people or one.kind is Kind.PASSWORD_HASH)
    if name.startswith("suites/"):
        secret = False
    if not secret and one.kind not in _PERSONAL:
        return
    first = one.samples[0] if one.samples else None
    seen = f"（{first.cell or f'第 {first.line} 行'} {first.masked}）" if first is not None else ""
    what = f"明文{one.kind.zh.removeprefix('明文')} {one.count} 个{seen}"
    yield Fault(
        place=_place(name, one.member), message=what,
        cure=_CURE_SECRET if secret else _CURE_PERSONAL, sort=Sort.FAULT if secret else Sort.PERSONAL,
    )  # fmt: skip


def _place(name: str, member: str) -> str:
    """Return what people copy to let something pass: a document is one thing to them, an archive is not."""
    return f"{name}!{member}" if member and not name.endswith(_ZIPPED_TEXT) else name
