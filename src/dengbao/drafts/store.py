"""Drafts on disk: one whole version a line, appended durably under a lock.

Two windows that began at the same version are merged field by field; where both changed the same field, the
later text is kept beside the earlier one until somebody chooses.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock, Timeout

from ..errors import StoreError, UsageError
from ..files import Journal, names_in, read_lines, write_whole
from ..model import Person
from .values import Conflict, DraftContent, Kept, Saved, Unfiled, Version

FOLDER: Final = "drafts"
MOST_FIELDS: Final = 120
MOST_TEXT: Final = 100_000
MOST_FILES: Final = 20
_ID: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
# Fields of running text, which can stand one behind the other.
_LONG: Final = ("statement", "override")
_ANSWERS: Final = "answer_"
_SUFFIX: Final = ".jsonl"
_LOCK_WAIT_S: Final = 10.0
_MOST_LINES: Final = 400
_MOST_BYTES: Final = 4 * 1024 * 1024
_KEPT_VERSIONS: Final = 60


def load(directory: Path, item: str, asset: str) -> Kept:
    """Return a draft; one that was never begun is empty.

    Raises:
        UsageError: not an item's or asset's id. StoreError: a line is damaged.

    """
    path = _path(directory, item, asset)
    versions: list[Version] = []
    asides: dict[int, Version] = {}
    for number, line in read_lines(path):
        one = _read(path, number, line)
        for settled in one.settles:
            asides.pop(settled, None)
        if one.aside:
            asides[one.version] = one
        else:
            versions.append(one)
    return Kept(tuple(versions), tuple(asides.values()))


def save(
    directory: Path,
    item: str,
    asset: str,
    content: DraftContent,
    *,
    base: int,
    by: Person,
    settles: Sequence[int] = (),
    window: str = "",
) -> Saved | Conflict:
    """Save what was typed upon version `base`, durably; what another window saved meanwhile is merged in.

    Where both changed the same field, the text is kept aside and a conflict is returned; `settles` names
    asides that this text takes the place of. By `window` one is known again that was not told of its own
    save. Nothing is written where nothing changed.

    Raises:
        UsageError: too much, or not ids. StoreError: the draft is damaged or the disk is full.

    """
    content = _bounded(content)
    with _locked(directory, item, asset) as path:
        kept = load(directory, item, asset)
        current = kept.now
        known = tuple(one.version for one in kept.asides if one.version in settles)
        origin = kept.origin(base, window)
        if current is None or origin is current:
            return Saved(_append(path, kept, content, by, settles=known, window=window))
        if current.filed and content.digest == current.was:  # pressed twice: it is evidence already
            return Saved(current)
        started = origin.content if origin is not None else DraftContent()
        both, differing = _merge(started, current.content, content)
        if differing or (current.filed and content != started):
            yours = _append(path, kept, content, by, settles=known, aside=True)
            return Conflict(current, yours, differing or tuple(sorted(content.fields)))
        merged = both.fields != content.fields
        own = "" if merged else window  # what this window never showed is not its own
        return Saved(_append(path, kept, both, by, settles=known, window=own), merged=merged)


def attach(directory: Path, item: str, asset: str, sha256: str, *, by: Person) -> Version:
    """Add a staged file to a draft, whatever was typed meanwhile.

    Raises:
        UsageError: not a digest, or too many files. StoreError: damaged or the disk is full.

    """
    with _locked(directory, item, asset) as path:
        kept = load(directory, item, asset)
        files = tuple(dict.fromkeys((*kept.content.files, sha256)))
        content = _bounded(DraftContent(fields=kept.content.fields, files=files))
        return _append(path, kept, content, by)


def detach(directory: Path, item: str, asset: str, sha256: str, *, by: Person, instead: str = "") -> Version:
    """Take a file out of a draft, or put another in its place (a redacted copy).

    Raises:
        UsageError: the draft has no such file. StoreError: damaged or the disk is full.

    """
    with _locked(directory, item, asset) as path:
        kept = load(directory, item, asset)
        if sha256 not in kept.content.files:
            raise UsageError("草稿中没有这个文件", cure="重新打开页面；它可能已在另一窗口移除")
        changed = (instead if one == sha256 else one for one in kept.content.files)
        files = tuple(dict.fromkeys(one for one in changed if one))
        content = _bounded(DraftContent(fields=kept.content.fields, files=files))
        return _append(path, kept, content, by)


def undo(directory: Path, item: str, asset: str, *, by: Person) -> Version:
    """Take back the last change; asked again, the one before. What is taken back stays in the file.

    Raises:
        UsageError: there is nothing to take back. StoreError: damaged or the disk is full.

    """
    with _locked(directory, item, asset) as path:
        kept = load(directory, item, asset)
        before = kept.before
        if before is None:
            raise UsageError("没有可撤销的修改", cure="更早的内容见“历次保存”")
        return _append(path, kept, before.content, by, restores=before.version)


def restore(directory: Path, item: str, asset: str, version: int, *, by: Person) -> Version:
    """Make an earlier version, or a text kept aside, the newest one; all others stay in the file.

    Raises:
        UsageError: there is no such version. StoreError: damaged or the disk is full.

    """
    with _locked(directory, item, asset) as path:
        kept = load(directory, item, asset)
        aside = next((one for one in kept.asides if one.version == version), None)
        found = aside or kept.version(version)
        if found is None:
            raise UsageError("没有这个版本", cure="重新打开页面后再选")
        settled = (version,) if aside is not None else ()
        # A text kept aside knows nothing of files that were attached meanwhile.
        files = kept.content.files if aside is not None else found.files
        content = DraftContent(fields=found.fields, files=files)
        return _append(path, kept, content, by, settles=settled)


def settle(directory: Path, item: str, asset: str, version: int, *, by: Person) -> Version:
    """Keep the newest version and let a text that was kept aside go.

    Raises:
        UsageError: there is no such text. StoreError: damaged or the disk is full.

    """
    with _locked(directory, item, asset) as path:
        kept = load(directory, item, asset)
        if version not in (one.version for one in kept.asides):
            raise UsageError("没有待选的文字", cure="重新打开页面；它可能已在另一窗口处理")
        return _append(path, kept, kept.content, by, settles=(version,))


def join(directory: Path, item: str, asset: str, version: int, *, by: Person) -> Version:
    """Put a text that was kept aside behind the newest one, field by field; a choice stays as it stands.

    Raises:
        UsageError: there is no such text, or both are too long. StoreError: damaged or the disk is full.

    """
    with _locked(directory, item, asset) as path:
        kept = load(directory, item, asset)
        aside = next((one for one in kept.asides if one.version == version), None)
        if aside is None:
            raise UsageError("没有待选的文字", cure="重新打开页面；它可能已在另一窗口处理")
        fields = dict(aside.fields)
        for name, text in kept.content.fields.items():
            other = fields.get(name, "")
            long = name in _LONG or name.startswith(_ANSWERS)
            fields[name] = f"{text}\n{other}" if long and other not in ("", text) else text
        content = _bounded(DraftContent(fields=fields, files=kept.content.files))
        return _append(path, kept, content, by, settles=(version,))


def drop(directory: Path, item: str, asset: str, *, version: int, by: Person, filed: str) -> bool:
    """Empty a draft that became evidence `filed`; tell whether: one changed after `version` is kept.

    Raises:
        StoreError: damaged or the disk is full.

    """
    with _locked(directory, item, asset) as path:
        kept = load(directory, item, asset)
        if kept.number != version or kept.asides:
            return False
        # The number goes on, so that a window that still shows the old text cannot overwrite anything.
        done = Version(version=kept.highest + 1, at=_now(), by=by, filed=filed, was=kept.content.digest)
        # What it became is on the disk already: not waited for, because nothing can be lost any more.
        _write_all(path, (done,), durable=False)
        return True


def begun(directory: Path, item: str) -> frozenset[str]:
    """Return on which assets a draft about an item was ever begun."""
    folder, front = directory / FOLDER, f"{item}@"
    names = names_in(folder) if folder.is_dir() else ()
    return frozenset(
        one.removeprefix(front).removesuffix(_SUFFIX)
        for one in names
        if one.startswith(front) and one.endswith(_SUFFIX)
    )


def unfiled(directory: Path) -> tuple[Unfiled, ...]:
    """Return the drafts that hold something, in the order of their names; a damaged one is an error.

    Raises:
        StoreError: a draft is damaged.

    """
    folder = directory / FOLDER
    found: list[Unfiled] = []
    for path in sorted(folder.glob("*@*.jsonl")) if folder.is_dir() else ():
        item, _, asset = path.stem.partition("@")
        if _ID.fullmatch(item) and _ID.fullmatch(asset):
            kept = load(directory, item, asset)
            waiting = (*((kept.now,) if kept.now is not None else ()), *kept.asides)
            found += [Unfiled(item, asset, one) for one in waiting if one.fields or one.files][:1]
    return tuple(found)


def _merge(
    origin: DraftContent, theirs: DraftContent, ours: DraftContent
) -> tuple[DraftContent, tuple[str, ...]]:
    """Return both changes in one, and the fields that both changed differently."""
    fields: dict[str, str] = {}
    differing: list[str] = []
    for name in sorted({*origin.fields, *theirs.fields, *ours.fields}):
        began, their, our = (each.fields.get(name, "") for each in (origin, theirs, ours))
        if our != began and their not in (our, began):
            differing.append(name)
        fields[name] = our if our != began else their
    gone = set(origin.files) - set(ours.files)
    come = [one for one in ours.files if one not in origin.files]
    files = tuple(dict.fromkeys((*(one for one in theirs.files if one not in gone), *come)))
    return _bounded(DraftContent(fields=fields, files=files[:MOST_FILES])), tuple(differing)


def _bounded(content: DraftContent) -> DraftContent:
    fields = {name: text for name, text in content.fields.items() if text.strip()}
    if strange := [one for one in fields if not _FIELD.fullmatch(one)]:
        raise UsageError(f"不认识的字段 {strange[0][:40]}", cure="重新打开页面")
    if len(fields) > MOST_FIELDS or sum(map(len, fields.values())) > MOST_TEXT:
        raise UsageError(f"草稿超过 {MOST_TEXT} 字", cure="删减，或改放佐证文件")
    if len(content.files) > MOST_FILES:
        raise UsageError(f"佐证文件超过 {MOST_FILES} 个", cure="分成几份佐证入库")
    if not all(_SHA256.fullmatch(one) for one in content.files):
        raise UsageError("佐证文件的摘要不对", cure="重新上传")
    return DraftContent(fields=fields, files=content.files)


def _append(
    path: Path,
    kept: Kept,
    content: DraftContent,
    by: Person,
    *,
    settles: tuple[int, ...] = (),
    restores: int = 0,
    aside: bool = False,
    window: str = "",
) -> Version:
    if not (aside or settles or restores) and kept.now is not None and content == kept.content:
        return kept.now
    one = Version(
        version=kept.highest + 1, at=_now(), by=by, fields=content.fields, files=content.files, aside=aside,
        settles=settles, restores=restores, window=window,
    )  # fmt: skip
    try:
        journal = Journal(path)
        try:
            journal.append(msgspec.json.encode(one), durable=True)
        finally:
            journal.close()
    except OSError as exc:
        raise _unwritten(path, exc) from exc
    if len(kept.versions) > _MOST_LINES or path.stat().st_size > _MOST_BYTES:
        left = load(path.parent.parent, *path.stem.split("@", 1))
        _write_all(path, (*left.versions[-_KEPT_VERSIONS:], *left.asides))
    return one


def _write_all(path: Path, versions: Iterable[Version], *, durable: bool = True) -> None:
    try:
        lines = b"".join(msgspec.json.encode(one) + b"\n" for one in versions)
        write_whole(path, lines, durable=durable)
    except OSError as exc:
        raise _unwritten(path, exc) from exc


def _unwritten(path: Path, exc: OSError) -> StoreError:
    return StoreError(
        f"草稿无法保存（{exc.strerror}）", where=str(path), cure="检查磁盘空间与权限；先不要关闭页面"
    )


def _read(path: Path, number: int, line: bytes) -> Version:
    try:
        return msgspec.json.decode(line, type=Version)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise StoreError(
            "草稿此行已损坏", where=f"{path}:{number}", cure="从备份恢复该文件，或删去这一行"
        ) from exc


def _path(directory: Path, item: str, asset: str) -> Path:
    for one in (item, asset):
        if not _ID.fullmatch(one) or ".." in one:
            raise UsageError(f"不是测评项或测评对象的编号：{one[:40]!r}", cure="从页面进入")
    return directory / FOLDER / f"{item}@{asset}{_SUFFIX}"


@contextlib.contextmanager
def _locked(directory: Path, item: str, asset: str) -> Iterator[Path]:
    path = _path(directory, item, asset)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.parent / ".lock", timeout=_LOCK_WAIT_S):
            yield path
    except Timeout as exc:
        raise StoreError("草稿正被另一程序占用", where=str(path), cure="稍候再试；先不要关闭页面") from exc
    except OSError as exc:
        raise _unwritten(path, exc) from exc


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
