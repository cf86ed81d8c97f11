"""Whether the files of a packet are those that were sealed, and by whom; looks at bytes, judges nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from ..errors import UsageError
from ..model import Seal
from .bag import Digests, digests
from .dsse import Envelope, NotSigned, PublicKey, public_key, verify
from .findings import Finding, Gravity, broken
from .layout import (
    BAG_INFO,
    BAGIT,
    MANIFEST,
    PAYLOAD,
    SCHEMA,
    SEAL,
    SM3_SUMS,
    STATEMENT,
    TAG_MANIFEST,
    TAGS,
)  # fmt: skip
from .opening import Opened
from .statement import Statement, statement_of

TAG_LIMIT_BYTES: Final = 64 * 1024 * 1024
_LINE: Final = re.compile(r"([0-9a-f]{64})  (\S.*)")
_BAGIT_TEXT: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_ASK: Final = "向封存人重新索取原件"


@dataclass
class Integrity:
    """What the bytes say: findings, the seal if it can be read, the packet's digest, those of all files."""

    findings: list[Finding] = field(default_factory=list)
    seal: Seal | None = None
    packet: str = ""
    files: dict[str, Digests] = field(default_factory=dict)
    signed: bool = False


def examine_bytes(packet: Opened, trusted: tuple[PublicKey, ...] = ()) -> Integrity:
    """Return what is wrong with the files of a packet; every file is read once."""
    found = Integrity()
    found.findings += [broken(one.place, one.message, cure=_ASK) for one in packet.faults]
    for name in packet.names():
        path = packet.path(name)
        if path is not None:
            with path.open("rb") as file:
                found.files[name] = digests(file)
    tags = {name: packet.read(name, TAG_LIMIT_BYTES) for name in (*TAGS, TAG_MANIFEST, STATEMENT)}
    for name, data in tags.items():
        if data is None:
            found.findings.append(broken(name, "缺少此文件，或无法读取", cure=_ASK))
    known = {name: data for name, data in tags.items() if data is not None}
    found.findings += _sums(known, found.files)
    found.findings += _bagit(known, found.files)
    found.packet = hashlib.sha256(known[TAG_MANIFEST]).hexdigest() if TAG_MANIFEST in known else ""
    _seal(known, found, trusted)
    return found


def _listed(data: bytes, name: str, findings: list[Finding]) -> dict[str, str]:
    """Return a manifest's lines as name → digest; a line that is not one is a finding."""
    rows: dict[str, str] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n")[:-1], 1):
        hit = _LINE.fullmatch(line)
        if hit is None or hit[2] in rows:
            findings.append(broken(f"{name}:{number}", "此行不是摘要清单的格式，或文件重复", cure=_ASK))
        else:
            rows[hit[2]] = hit[1]
    if data != _as_written(rows):
        findings.append(broken(name, "清单的写法与封存时不同", cure=_ASK))
    return rows


def _as_written(rows: Mapping[str, str]) -> bytes:
    return "".join(f"{rows[name]}  {name}\n" for name in sorted(rows)).encode()


def _sums(tags: Mapping[str, bytes], files: Mapping[str, Digests]) -> Iterator[Finding]:
    findings: list[Finding] = []
    payload = {name: one for name, one in files.items() if name.startswith(f"{PAYLOAD}/")}
    others = {name: one for name, one in files.items() if name not in payload}
    for name, own, sm3 in (
        (MANIFEST, payload, False),
        (SM3_SUMS, payload, True),
        (TAG_MANIFEST, others, False),
    ):
        if name not in tags:
            continue
        rows = _listed(tags[name], name, findings)
        findings += [
            broken(one, f"{name} 列有此文件，封存包中却没有", cure=_ASK)
            for one in sorted(set(rows) - set(own))
        ]
        unlisted = set(own) - set(rows) - ({TAG_MANIFEST, STATEMENT} if own is others else set())
        findings += [
            broken(one, f"{name} 没有列出此文件：是后来放入的", cure=_ASK) for one in sorted(unlisted)
        ]
        for one in sorted(set(rows) & set(own)):
            seen = own[one].sm3 if sm3 else own[one].sha256
            if seen != rows[one]:
                findings.append(broken(one, f"内容与 {name} 所记的摘要不符：文件或清单被改动", cure=_ASK))
    yield from findings


def _bagit(tags: Mapping[str, bytes], files: Mapping[str, Digests]) -> Iterator[Finding]:
    if BAGIT in tags and tags[BAGIT] != _BAGIT_TEXT:
        yield broken(BAGIT, "内容与 BagIt 1.0 的声明不同", cure=_ASK)
    if BAG_INFO in tags:
        payload = [one.size_bytes for name, one in files.items() if name.startswith(f"{PAYLOAD}/")]
        line = f"Payload-Oxum: {sum(payload)}.{len(payload)}"
        if line.encode() not in tags[BAG_INFO].splitlines():
            yield broken(BAG_INFO, "文件数目或总大小与 Payload-Oxum 所记不符", cure=_ASK)


def _seal(tags: Mapping[str, bytes], found: Integrity, trusted: tuple[PublicKey, ...]) -> None:
    if SEAL not in tags:
        return
    try:
        found.seal = msgspec.json.decode(tags[SEAL], type=Seal)
        key = public_key(found.seal.public_key)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, UsageError) as exc:
        found.findings.append(broken(SEAL, f"封存记录已损坏：{exc}", cure=_ASK))
        return
    if found.seal.schema != SCHEMA:
        found.findings.append(
            Finding(
                place=SEAL,
                gravity=Gravity.OPEN,
                message=f"封存包的版本 {found.seal.schema} 本程序不识",
                cure="换用封存时的版本",
            )
        )
    if key.fingerprint != found.seal.key:
        found.findings.append(broken(SEAL, "密钥指纹与所附公钥不符", cure=_ASK))
    found.findings += _trust(key, trusted)
    if STATEMENT in tags:
        found.findings += _statement(tags, found, key)


def _trust(key: PublicKey, trusted: tuple[PublicKey, ...]) -> Iterator[Finding]:
    if not trusted:
        yield Finding(
            place=STATEMENT, gravity=Gravity.NOTE,
            message=f"签名密钥的指纹为 {key.fingerprint}",
            cure="以电话等另一途径向封存人核对指纹；或以 --trust 公钥文件 指明可信的密钥",
        )  # fmt: skip
    elif key.fingerprint not in {one.fingerprint for one in trusted}:
        yield broken(
            STATEMENT, f"签名密钥 {key.fingerprint} 不在 --trust 所指的可信密钥之中", cure="核对封存人与密钥"
        )


def _statement(tags: Mapping[str, bytes], found: Integrity, key: PublicKey) -> Iterator[Finding]:
    try:
        payload = verify(tags[STATEMENT], key)
    except NotSigned as exc:
        yield broken(STATEMENT, exc.message, cure=exc.cure)
        return
    except RecursionError:  # written to be too deep
        yield broken(STATEMENT, "签名文件已损坏，无法解析", cure=_ASK)
        return
    if _as_signed(tags[STATEMENT]) != tags[STATEMENT]:
        yield broken(STATEMENT, "签名文件的写法与封存时不同", cure=_ASK)
    if found.seal is not None and payload == _told(found, found.seal):
        found.signed = True
    else:
        yield broken(STATEMENT, "签名有效，但所签的内容与包内的不符", cure=_ASK)
        yield from _unlike_signed(payload, found)


def _as_signed(data: bytes) -> bytes:
    """Return an envelope written as we write it: no bit of it may differ, not even one that means nothing."""
    envelope = msgspec.json.decode(data, type=Envelope)
    try:
        again = msgspec.structs.replace(
            envelope,
            payload=base64.b64encode(base64.b64decode(envelope.payload)).decode(),
            signatures=tuple(
                msgspec.structs.replace(one, sig=base64.b64encode(base64.b64decode(one.sig)).decode())
                for one in envelope.signatures
            ),
        )
    except binascii.Error:
        return b""
    return msgspec.json.format(msgspec.json.encode(again), indent=1) + b"\n"


def _told(found: Integrity, seal: Seal) -> bytes:
    payload = {name: one for name, one in found.files.items() if name.startswith(f"{PAYLOAD}/")}
    return statement_of(payload, found.packet, seal)


def _unlike_signed(payload: bytes, found: Integrity) -> Iterator[Finding]:
    """Name what differs from the signed statement: unlike the lists, it cannot have been altered itself."""
    try:
        told = msgspec.json.decode(payload, type=Statement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if found.seal is not None and told.predicate != msgspec.to_builtins(found.seal):
        yield broken(SEAL, "与签名声明所记的封存内容不符", cure=_ASK)
    signed = {one.name: one.digest.get("sha256", "") for one in told.subject}
    present = {name: one.sha256 for name, one in found.files.items() if name.startswith(f"{PAYLOAD}/")}
    present[TAG_MANIFEST] = found.packet
    for name in sorted(set(signed) | set(present)):
        if signed.get(name) != present.get(name):
            yield broken(name, "与签名声明所记的摘要不符", cure=_ASK)
