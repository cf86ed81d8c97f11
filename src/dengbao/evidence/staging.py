"""Files that are not evidence yet: uploaded into `drafts/files/`, under their digest, until a draft is filed.

A file is `<sha256><suffix>`, beside it `<sha256>.json` with what is known of it. What the sender calls it is
only ever shown. A file that no draft names any more goes after some days, or sooner where room is needed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

import msgspec
from filelock import FileLock, Timeout

from ..errors import EvidenceError, StoreError
from ..files import sync_folder, write_whole
from ..model import Value
from .attached import MAX_FILE_BYTES, MAX_FILES, measure
from .parts import hold, new_part
from .sorts import Sort, sort_of

FOLDER: Final = "drafts/files"
MOST_STAGED_BYTES: Final = 4 * 1024 * 1024 * 1024
_DRAFTS: Final = "drafts"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAMED: Final = re.compile(rb"[0-9a-f]{64}")
_BLOCK: Final = 1 << 20
_LOCK_WAIT_S: Final = 30.0
_HOUR_S: Final = 3600.0
_KEPT_S: Final = 3 * 24 * _HOUR_S
_SWEPT: Final = ".swept"
_MOST_NAME: Final = 100
_NO_NAME: Final = "未命名"
# What Windows takes for a device, whatever its ending.
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)


class Staged(Value):
    """An uploaded file; `name` is what its sender called it, cleaned, for people only.

    `width` and `height` are in pixels, 0 for what is not a picture.
    """

    sha256: str
    name: str
    size_bytes: int
    sort: Sort
    width: int = 0
    height: int = 0

    @property
    def file_name(self) -> str:
        """Return the name it is offered for download under: its ending says what it is."""
        suffix = self.sort.suffix
        return self.name if self.name.lower().endswith(suffix) else f"{self.name}{suffix}"


def stage(directory: Path, name: str, stream: BinaryIO, *, most_bytes: int = MOST_STAGED_BYTES) -> Staged:
    """Take a stream in whole, find out what it is, and keep it under its digest, the same bytes once.

    Changes: writes into `drafts/files/`; removes there what no draft names and has lain for days.

    Raises:
        EvidenceError: empty, too big, a broken picture, an archive bomb, or no room among the staged files.
        StoreError: the disk is full or may not be written.

    """
    folder = folder_of(directory)
    part = new_part(folder)
    label = display_name(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("xb+") as file:
            hold(file)
            sha256, size = _take(stream, file, label)
            try:
                known = sort_of(file)
            except EvidenceError as exc:
                raise EvidenceError(exc.message, where=label, cure=exc.cure) from exc
            if os.name == "nt":  # where an open file cannot be renamed
                file.close()
            found = Staged(
                sha256=sha256, name=label, size_bytes=size, sort=known.sort, width=known.width,
                height=known.height,
            )  # fmt: skip
            with _locked(folder):
                _make_room(directory, most_bytes)
                # The note can be made again; the file is on the disk already, and its name is from now on.
                write_whole(folder / f"{sha256}.json", msgspec.json.encode(found), durable=False)
                part.replace(folder / f"{sha256}{found.sort.suffix}")
                sync_folder(folder)
        return found
    except OSError as exc:
        raise StoreError(
            f"文件无法写入（{exc.strerror}）", where=str(folder), cure="检查磁盘空间与权限；草稿文字不受影响"
        ) from exc
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _take(stream: BinaryIO, out: BinaryIO, label: str) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while block := stream.read(_BLOCK):
        size += len(block)
        if size > MAX_FILE_BYTES:
            most = MAX_FILE_BYTES // 1024 // 1024
            raise EvidenceError(f"文件超过 {most} MB", where=label, cure="截取有关部分，或拆分后上传")
        digest.update(block)
        out.write(block)
    if size == 0:
        raise EvidenceError("文件是空的", where=label, cure="核对是否选错了文件")
    out.flush()
    os.fsync(out.fileno())
    return digest.hexdigest(), size


def staged(directory: Path, sha256: str) -> Staged | None:
    """Return what is known of a staged file, None where there is no such; its bytes are not read again."""
    if not _DIGEST.fullmatch(sha256):
        return None
    folder = folder_of(directory)
    try:
        found = msgspec.json.decode((folder / f"{sha256}.json").read_bytes(), type=Staged)
        lies = (folder / f"{sha256}{found.sort.suffix}").stat().st_size == found.size_bytes
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return _known_anew(folder, sha256)
    clean = found.sha256 == sha256 and found.name == display_name(found.name)
    return found if lies and clean else _known_anew(folder, sha256)


def all_staged(directory: Path, digests: Sequence[str]) -> tuple[Staged, ...]:
    """Return what is known of several staged files, without those that are gone."""
    return tuple(one for one in (staged(directory, each) for each in digests) if one is not None)


def path_of(directory: Path, one: Staged) -> Path:
    """Return where a staged file lies."""
    return folder_of(directory) / f"{one.sha256}{one.sort.suffix}"


def sources(directory: Path, digests: Sequence[str]) -> tuple[Path, ...]:
    """Return where the files of a draft lie, after their digests were checked: what filing copies from.

    Raises:
        EvidenceError: there are too many, or one is gone or was altered.

    """
    if len(digests) > MAX_FILES:
        raise EvidenceError(f"佐证文件超过 {MAX_FILES} 个", cure="分成几份佐证入库")
    return tuple(path_of(directory, sound(directory, one)) for one in digests)


def sound(directory: Path, sha256: str) -> Staged:
    """Return what is known of a staged file whose bytes are those that were uploaded.

    Raises:
        EvidenceError: it is gone, cannot be read, or was altered.

    """
    found = staged(directory, sha256)
    if found is None:
        raise EvidenceError("暂存的文件不在了", where=f"{sha256[:12]}…", cure="从草稿移除后重新上传")
    if measure(path_of(directory, found)).sha256 != sha256:
        raise EvidenceError("暂存的文件已被改动", where=found.name, cure="从草稿移除后重新上传")
    return found


def discard(directory: Path, sha256: str, *, item: str, asset: str) -> bool:
    """Delete a staged file for good; one that another draft than this item's names is kept and told False.

    Earlier versions of this item's own draft may still name it: they show it as gone.

    Raises:
        StoreError: it cannot be deleted.

    """
    folder = folder_of(directory)
    with _locked(folder):
        if sha256 in named(directory, but=f"{item}@{asset}.jsonl"):
            return False
        for one in folder.glob(f"{sha256}.*") if _DIGEST.fullmatch(sha256) else ():
            try:
                one.unlink()
            except OSError as exc:
                raise StoreError(
                    f"文件无法删除（{exc.strerror}）", where=str(one), cure="检查权限；在文件夹中手工删除"
                ) from exc
    return True


def named(directory: Path, *, but: str = "") -> frozenset[str]:
    """Return every digest that stands in a draft, also in its earlier versions; file `but` is left out.

    Raises:
        StoreError: a draft cannot be read, so that nothing is known to be without a draft.

    """
    found: set[str] = set()
    for path in (directory / _DRAFTS).glob("*.jsonl"):
        if path.name == but:
            continue
        try:
            found.update(one.decode() for one in _NAMED.findall(path.read_bytes()))
        except OSError as exc:
            raise StoreError(
                f"草稿无法读取（{exc.strerror}）", where=str(path), cure="检查权限与磁盘"
            ) from exc
    return frozenset(found)


def folder_of(directory: Path) -> Path:
    """Return where the staged files of an engagement folder lie."""
    return directory / FOLDER


def display_name(name: str) -> str:
    """Return what a sender calls a file as a name that is safe to show and to save under, never a path.

    Without folders, control characters and marks that turn the direction of writing; not a Windows device.
    """
    last = PurePosixPath(unicodedata.normalize("NFC", name[-1000:]).replace("\\", "/")).name
    kept = "".join(one for one in last if unicodedata.category(one)[0] not in "CZ" or one == " ")
    kept = re.sub(r'[<>:"|?*/]', "_", kept).strip(" .")
    if len(kept) > _MOST_NAME:
        stem, dot, ending = kept.rpartition(".")
        ending = dot + ending if stem and len(ending) <= 10 else ""
        kept = kept[: _MOST_NAME - len(ending)] + ending
    if _DEVICES.fullmatch(kept):
        return f"_{kept}"
    return kept or _NO_NAME


def _known_anew(folder: Path, sha256: str) -> Staged | None:
    """Return what a file is whose note was lost: the note can be made again, the file cannot."""
    for sort in Sort:
        path = folder / f"{sha256}{sort.suffix}"
        try:
            if not path.is_file():
                continue
            measured = measure(path)
            with path.open("rb") as file:
                known = sort_of(file)
        except (OSError, EvidenceError):
            return None
        if (measured.sha256, known.sort) == (sha256, sort):
            return Staged(
                sha256=sha256, name=f"{_NO_NAME}{sort.suffix}", size_bytes=measured.size_bytes, sort=sort,
                width=known.width, height=known.height,
            )  # fmt: skip
    return None


def _make_room(directory: Path, most: int) -> None:
    """Sweep once in a while, and where there is no room otherwise for what has just come as a part.

    Raises:
        EvidenceError: also then there is none.

    """
    folder = folder_of(directory)
    now = time.time()
    mark = folder / _SWEPT
    if not mark.exists() or now - mark.stat().st_mtime > _HOUR_S:
        mark.touch()
        _sweep(directory, now - _KEPT_S)
    if _used(folder) > most:
        _sweep(directory, now - _HOUR_S)
    used = _used(folder)
    if used > most:
        megabytes = used // 1024 // 1024
        raise EvidenceError(
            f"暂存文件已有 {megabytes} MB，到了上限", where=FOLDER, cure="先把草稿入库或移除不用的文件"
        )


def _used(folder: Path) -> int:
    return sum(size for _, size, _ in _lying(folder))


def _sweep(directory: Path, before: float) -> None:
    """Remove what was put there before a time and stands in no draft."""
    old = [path for path, _, at in _lying(folder_of(directory)) if at < before]
    if not old:
        return
    try:
        wanted = named(directory)
    except StoreError:  # what cannot be read may name any of them
        return
    for path in old:
        if path.name.partition(".")[0] not in wanted:
            with contextlib.suppress(OSError):
                path.unlink()


def _lying(folder: Path) -> Iterator[tuple[Path, int, float]]:
    """Yield path, size and time of every file of ours, also parts that a kill left behind."""
    with os.scandir(folder) as entries:
        for one in entries:
            stem, _, suffix = one.name.partition(".")
            if not _DIGEST.fullmatch(stem) and not suffix.endswith((".part", ".tmp")):
                continue
            with contextlib.suppress(OSError):
                told = one.stat(follow_symlinks=False)
                yield Path(one.path), told.st_size, told.st_mtime


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=_LOCK_WAIT_S):
            yield
    except Timeout as exc:
        raise StoreError("暂存目录正被另一程序占用", where=str(folder), cure="稍候再试") from exc
