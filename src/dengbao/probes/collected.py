"""Opens the file that a collector script wrote on a host and people carried in.

The file is an envelope: a header of `key: value` lines, an empty line, the frames of `host/frames.py`, the
line `<nonce> done` and `sha256: <hex>` over all bytes before that line. The digest tells cut, mixed-up and
accidentally altered files; it is no signature, so who carried the file is a matter of evidence records.
Nothing of the file is run, and what is not an envelope from end to end is refused as a whole.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from ..errors import Damaged, NoPermission, NotDeclared, OutOfScope, Stale
from ..model import DatabaseAsset, HostAsset, ParamValue
from .base import Context
from .host.frames import Section, Transcript, parse_transcript

LIMIT_BYTES: Final = 64 * 1024 * 1024
MAX_AGE_PARAM: Final = "collected_max_age_days"
MAGIC: Final = "dengbao-collect"
VERSIONS: Final = ("1",)
PRIVILEGES: Final = ("root", "sudo", "user", "administrator")
_SECTIONS_MAX: Final = 500
_HEADER_BYTES: Final = 16 * 1024
_KEYS: Final = ("platform", "collector", "host", "begun", "privilege", "nonce")
_NONCE: Final = re.compile(r"[0-9A-Za-z-]{16,80}")
_FIELD: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_SEAL: Final = re.compile(rb"\nsha256: *([0-9a-fA-F]{64})\s*\Z")
# Clocks of hosts without network time run away; a file from further ahead has no age that can be told.
_CLOCK_SLACK: Final = timedelta(days=1)
_AGAIN: Final = "在主机上重新运行采集脚本，原样带回（不要打开另存、不要截断）"


@dataclass(frozen=True)
class Collected:
    """A verified envelope.

    `data` is the envelope as UTF-8 with LF line ends, `sha256` the digest of the file as it lies on the
    disk, `begun` when the script began on the host's clock.
    """

    platform: str
    collector: str
    host: str
    begun: datetime
    privilege: str
    nonce: str
    sections: Mapping[str, Section]
    data: bytes
    sha256: str

    @property
    def transcript(self) -> Transcript:
        """Return the sections as a whole transcript, as one that arrived over SSH."""
        return Transcript(self.sections, done=True, account=f"运行采集脚本的账户（{self.privilege}）")


def open_collected(path: Path) -> Collected:
    """Return the verified envelope of a file.

    Raises:
        NotDeclared: there is no such file, or it is not a file.
        NoPermission: it may not be read.
        Damaged: not an envelope, cut off, altered, or larger than 64 MiB.

    """
    return read_collected(take_bytes(path), where=str(path))


def take_bytes(path: Path) -> bytes:
    """Return the bytes of a regular file of at most 64 MiB; raises as `open_collected` does."""
    where = str(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise NotDeclared("采集文件不是普通文件", where=where, cure="核对路径")
        with path.open("rb") as file:
            data = file.read(LIMIT_BYTES + 1)
    except FileNotFoundError as exc:
        raise NotDeclared("没有采集文件", where=where, cure="核对路径，或重新登记采集文件") from exc
    except PermissionError as exc:
        raise NoPermission("无权读取采集文件", where=where, cure="授予读取权限") from exc
    except (OSError, ValueError) as exc:
        raise NotDeclared("采集文件无法读取", where=where, cure="核对路径与介质") from exc
    if len(data) > LIMIT_BYTES:
        raise Damaged(f"采集文件超过 {LIMIT_BYTES // 2**20} MiB", where=where, cure=_AGAIN)
    return data


def read_collected(raw: bytes, *, where: str) -> Collected:
    """Return the verified envelope of the bytes of a file; `where` names it in errors.

    Raises:
        Damaged: not an envelope, cut off, or altered.

    """
    data = _verified(raw, where)
    fields, at = _header(data, where)
    nonce = fields["nonce"]
    names = _frames(data, at, nonce, where)
    sections, _ = parse_transcript(data[at:], nonce)
    if names != set(sections):
        raise Damaged("采集文件的分段标记错乱", where=where, cure=_AGAIN)
    return Collected(
        platform=fields["platform"].lower(),
        collector=fields["collector"],
        host=fields["host"],
        begun=_moment(fields["begun"], where),
        privilege=fields["privilege"],
        nonce=nonce,
        sections=sections,
        data=data,
        sha256=hashlib.sha256(raw).hexdigest(),
    )


def carried_in(asset: HostAsset, context: Context, platform: str) -> Collected:
    """Return the file that an asset names, for the reader of one platform (`linux`, `windows`).

    Raises:
        NotDeclared: there is no such file.
        OutOfScope: it lies outside the engagement's folder.
        Damaged: it is not a whole, unaltered envelope, or of another platform.
        Stale: it is older than the profile allows.

    """
    path = carried_path(asset, context)
    found = open_collected(path)
    if not found.platform.startswith(platform):
        raise Damaged(
            f"采集文件来自 {found.platform} 系统，不是 {platform}",
            where=str(path),
            cure=f"核对测评对象 {asset.id} 的 platform 与 collected",
        )
    require_fresh(found, context.profile, where=str(path))
    return found


def require_fresh(
    found: Collected, profile: Mapping[str, ParamValue], *, where: str, now: datetime | None = None
) -> None:
    """Refuse a file that is older than the profile allows, or that claims to come from the future.

    Raises:
        Stale: with the age; the facts are then missing, never negative.

    """
    age = (now or datetime.now(UTC)) - found.begun
    limit = profile.get(MAX_AGE_PARAM)
    if age < -_CLOCK_SLACK:
        raise Stale(
            f"采集时间 {found.begun.isoformat()} 晚于现在，无法认定新旧", where=where,
            cure="校正主机与本机的时钟后重新采集",
        )  # fmt: skip
    if isinstance(limit, int) and age > timedelta(days=limit):
        raise Stale(
            f"采集于 {found.begun.isoformat()}，距今 {age.days} 天，超过 {limit} 天", where=where,
            cure="在主机上重新运行采集脚本并登记新文件",
        )  # fmt: skip


def carried_path(asset: HostAsset | DatabaseAsset, context: Context) -> Path:
    """Return where the file lies that an asset names.

    Raises:
        NotDeclared: none is named, or there can be none.
        OutOfScope: it lies outside the engagement's folder.

    """
    where = f"engagement.yaml 测评对象 {asset.id} collected"
    if not asset.collected or context.folder is None:
        raise NotDeclared("未登记采集文件", where=where, cure="用 dengbao evidence import-facts 登记")
    try:
        path = (context.folder / asset.collected).resolve()
    except (OSError, RuntimeError, ValueError) as exc:
        raise NotDeclared("采集文件的路径无法查看", where=where, cure="核对路径") from exc
    if not path.is_relative_to(context.folder.resolve()):
        raise OutOfScope(
            "采集文件在项目目录之外",
            where=where,
            cure="用 dengbao evidence import-facts 登记，再引用登记的文件",
        )
    return path


def _verified(raw: bytes, where: str) -> bytes:
    """Return the envelope as UTF-8 with LF line ends, once its digest was found right."""
    if raw.startswith(codecs.BOM_UTF16_LE):
        plain = _from_utf16(raw, where)
        seal = _sealed(plain, where)
        text_before = plain[: seal.start() + 1]
        before = [codecs.BOM_UTF16_LE + text_before.decode().encode("utf-16-le"), text_before]
    else:
        plain = raw.removeprefix(codecs.BOM_UTF8)
        seal = _sealed(plain, where)
        before = [plain[: seal.start() + 1], raw[: len(raw) - len(plain) + seal.start() + 1]]
    told = seal.group(1).decode().lower()
    if not any(hashlib.sha256(one).hexdigest() == told for one in before):
        raise Damaged("采集文件的校验值不符，内容被改动过", where=where, cure=_AGAIN)
    first = plain.find(b"\n")
    return plain.replace(b"\r\n", b"\n") if plain[:first].endswith(b"\r") else plain


def _from_utf16(raw: bytes, where: str) -> bytes:
    try:
        return raw.decode("utf-16-le").removeprefix("\ufeff").encode()
    except UnicodeError as exc:
        raise Damaged("采集文件的文字编码已损坏", where=where, cure=_AGAIN) from exc


def _sealed(data: bytes, where: str) -> re.Match[bytes]:
    if not data.startswith(MAGIC.encode() + b" "):
        raise Damaged(
            "不是采集脚本写出的文件", where=where, cure="用 dengbao collect-script 取得采集脚本，在主机上运行"
        )
    tail = max(len(data) - 4096, 0)
    seal = _SEAL.search(data, tail)
    if seal is None:
        raise Damaged("采集文件不完整，末尾没有校验值", where=where, cure=_AGAIN)
    return seal


def _header(data: bytes, where: str) -> tuple[dict[str, str], int]:
    """Return the header's fields, and where the body begins."""
    end = data.find(b"\n\n", 0, _HEADER_BYTES)
    if end < 0:
        raise Damaged("采集文件的头部不完整", where=where, cure=_AGAIN)
    first, *lines = data[:end].decode("utf-8", "replace").split("\n")
    version = first.removeprefix(MAGIC).strip()
    if version not in VERSIONS:
        raise Damaged(
            f"不认识的采集文件版本“{version[:20]}”", where=where, cure="用与本程序同一版本的采集脚本"
        )
    fields = {key.strip(): value.strip() for key, _, value in (one.partition(":") for one in lines)}
    for key in _KEYS:
        if not _FIELD.fullmatch(fields.get(key, "")):
            raise Damaged(f"采集文件的头部缺少 {key}，或写法不对", where=where, cure=_AGAIN)
    if not _NONCE.fullmatch(fields["nonce"]) or fields["privilege"] not in PRIVILEGES:
        raise Damaged("采集文件的头部写法不对（nonce、privilege）", where=where, cure=_AGAIN)
    return fields, end + 1


def _moment(text: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise Damaged("采集文件的采集时间写法不对", where=where, cure=_AGAIN) from exc
    if moment.tzinfo is None:
        raise Damaged("采集文件的采集时间没有时区", where=where, cure=_AGAIN)
    return moment


def _frames(data: bytes, at: int, nonce: str, where: str) -> set[str]:
    """Return the names of sections that are begin, end, close, one after another, with `done` at the end.

    One pass: a file made to mislead must not cost more than an honest one.
    """
    mark = re.escape(nonce.encode())
    line = re.compile(
        rb"^" + mark + rb" (begin|end|close|done)(?: (\w{1,64}))?(?: (\d{1,9}))?$", re.MULTILINE
    )
    odd = Damaged("采集文件的分段标记错乱", where=where, cure=_AGAIN)
    expected: tuple[str, ...] = ("begin", "done")
    name = b""
    seen: set[str] = set()
    for found in line.finditer(data, at):
        word = found.group(1).decode()
        if word not in expected or (word in ("end", "close") and found.group(2) != name):
            raise odd
        name = found.group(2) or b""
        if word == "begin":
            if not name or found.group(3) is None or name.decode() in seen or len(seen) >= _SECTIONS_MAX:
                raise odd
            seen.add(name.decode())
        expected = {"begin": ("end",), "end": ("close",), "close": ("begin", "done"), "done": ()}[word]
    if expected != ():
        raise Damaged("采集文件不完整，采集中途停止", where=where, cure=_AGAIN)
    return seen
