"""Changes `engagement.yaml` as a careful person would: comments and layout stay, nothing wrong is written."""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock, Timeout
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.error import YAMLError

from ..errors import DengbaoError, UsageError
from ..files import write_whole
from ..model import Engagement, NotApplicable
from ..reading import apart
from ..yamlfile import MAX_BYTES, Document, Place, Problem, YamlValue, parse
from .engagements import FILE_NAME, examined, remember
from .touching import Read, Unsure, touched

_WAIT_S: Final = 10.0
_WIDE: Final = 4096
_SECRET_LINE: Final = re.compile(r"""((?:secret|otp)\s*:\s*)("[^"\n]*"|'[^'\n]*'|[^\s,}#][^,}#\n]*)""")
_REFERENCE: Final = re.compile(r"""["']?(\$\{ENV:[A-Za-z_]\w*\}|keyring:[^"'\s]+|prompt:)?["']?\s*""")
MASK: Final = '"（已遮盖：改写为引用）"'


@dataclass(frozen=True)
class Edit:
    """A value that is to stand at a place; None takes the key away."""

    place: Place
    value: YamlValue


@dataclass(frozen=True)
class Text:
    """The file as it stands: its text and the digest by which a later change tells that nobody else wrote."""

    text: str
    sha256: str


def read_text(directory: Path) -> Text:
    """Return the file's text.

    Raises:
        UsageError: it cannot be read.

    """
    path = directory / FILE_NAME
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise UsageError(f"无法读取（{exc.strerror}）", where=str(path), cure="检查文件与权限") from exc
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    return Text(text, hashlib.sha256(data).hexdigest())


def masked(text: str) -> str:
    """Return the text with secrets that were written in clear covered; references stay."""

    def cover(found: re.Match[str]) -> str:
        return found[0] if _REFERENCE.fullmatch(found[2]) else f"{found[1]}{MASK}"

    return _SECRET_LINE.sub(cover, text)


def examine_text(directory: Path, text: str) -> tuple[Engagement | None, tuple[DengbaoError, ...]]:
    """Return the engagement that a text describes, or every mistake in it with `engagement.yaml:line`."""
    try:
        return _engagement(directory, text), ()
    except UsageError as exc:
        return None, tuple(apart(exc))


def _engagement(directory: Path, text: str) -> Engagement:
    return examined(document_of(directory, text))


def document_of(directory: Path, text: str) -> Document:
    """Return a text's values and their lines.

    Raises:
        UsageError: too long, or not YAML.

    """
    path = Path(FILE_NAME)
    data = text.encode()
    if len(data) > MAX_BYTES:
        raise UsageError(f"超过 {MAX_BYTES // 1024 // 1024} MB", where=FILE_NAME, cure="删减后再保存")
    try:
        value, lines = _parsed(text)
    except Problem as exc:
        where = f"{path}:{exc.line}" if exc.line else str(path)
        raise UsageError(exc.message, where=where, cure=exc.cure) from exc
    if not isinstance(value, dict):
        raise UsageError("内容应是“键: 值”的形式", where=f"{path}:1", cure="对照示例文件重写")
    return Document(directory / path, value, data, lines)


@functools.lru_cache(maxsize=4)
def _parsed(text: str) -> tuple[YamlValue, dict[Place, int]]:
    """Return what a text holds; the same text is asked about several times for one change."""
    return parse(text)


def save_text(directory: Path, text: str, base_sha256: str) -> str:
    """Write the file if it is right and nobody else changed it meanwhile; return its new digest.

    Raises:
        UsageError: with every mistake, or because the file is another by now; nothing was written.

    """
    with _alone(directory):
        return _save(directory, text, base_sha256)


def _save(directory: Path, text: str, base_sha256: str) -> str:
    if read_text(directory).sha256 != base_sha256:
        raise UsageError(
            "项目文件在别处已被改动", where=FILE_NAME, cure="重新打开页面，在新内容上修改；本次所填未写入"
        )
    engagement, data = _engagement(directory, text), text.encode()
    write_whole(directory / FILE_NAME, data)
    remember(directory / FILE_NAME, data, engagement)
    return hashlib.sha256(data).hexdigest()


def edited(directory: Path, text: str, edits: Iterable[Edit]) -> str:
    """Return the text with values changed; what was not asked for stays, comments and layout included.

    Raises:
        UsageError: it is not YAML, or it cannot be changed without changing something else.

    """
    document, given = document_of(directory, text), tuple(edits)
    made = _touched(document, text, given)
    if made:
        return made
    wanted = copy.deepcopy(document.value)
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDE
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        tree = yaml.load(text)
        for one in given:
            _put(tree, one.place, _scalar(one.value))
            _put(wanted, one.place, copy.deepcopy(one.value))
        out = io.StringIO()
        yaml.dump(tree, out)
    except (YAMLError, KeyError, IndexError, TypeError, AttributeError) as exc:
        raise UsageError("无法改写此文件", where=FILE_NAME, cure="改用文本方式编辑") from exc
    made = out.getvalue()
    if document_of(directory, made).value != wanted:
        raise UsageError("改写后与原意不符，未写入", where=FILE_NAME, cure="改用文本方式编辑")
    return made


def _touched(document: Document, text: str, edits: Sequence[Edit]) -> str:
    """Return the text with only the values themselves rewritten; empty where that would not do."""
    wanted = dict(document.value)
    for name in {one.place[0] for one in edits if len(one.place) > 1}:  # what is only replaced needs no copy
        if isinstance(name, str) and name in wanted:
            wanted[name] = copy.deepcopy(wanted[name])
    try:
        for one in edits:
            _put(wanted, one.place, one.value if len(edits) == 1 else copy.deepcopy(one.value))
        read = Read(text, document.value, document.lines)
        made = touched(read, [(one.place, one.value) for one in edits])
        return made if document_of(document.path.parent, made).value == wanted else ""
    except (Unsure, UsageError, KeyError, IndexError, TypeError):
        return ""


def _scalar(value: YamlValue) -> object:
    """Return the value as it is dumped: a day stays bare, as people write it."""
    if isinstance(value, list):
        return [_scalar(one) for one in value]
    if isinstance(value, dict):
        return {name: _scalar(one) for name, one in value.items()}
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return date.fromisoformat(value)
    return value


def _put(tree: object, place: Place, value: object) -> None:
    """Set a value in nested mappings and lists; ways that are not there yet are made."""
    for number, step in enumerate(place[:-1]):
        tree = _step(tree, step, [] if isinstance(place[number + 1], int) else {})
    last = place[-1]
    if isinstance(tree, dict) and value is None:
        tree.pop(last, None)
    elif isinstance(tree, dict) and isinstance(tree.get(last), CommentedSeq) and isinstance(value, list):
        _refill(tree[last], value)
    elif isinstance(tree, dict):
        tree[last] = value
    elif isinstance(tree, list) and isinstance(last, int):
        tree[last : last + 1] = [] if value is None else [value]
    else:
        raise KeyError(last)


def _refill(old: CommentedSeq, new: list[object]) -> None:
    """Change a list in place: the comment that stands after its last entry belongs to what follows it."""
    after = old.ca.items.pop(len(old) - 1, None)
    for number, one in enumerate(new[: len(old)]):
        if old[number] != one:
            old[number] = one
    old.extend(new[len(old) :])
    del old[len(new) :]
    if after is not None and new:
        old.ca.items[len(new) - 1] = after


def _step(tree: object, step: str | int, new: object) -> object:
    if isinstance(tree, dict):
        if tree.get(step) is None:
            tree[step] = new
        return tree[step]
    if isinstance(tree, list) and isinstance(step, int):
        return tree[step]
    raise KeyError(step)


def change(directory: Path, edits: Sequence[Edit], base_sha256: str = "") -> str:
    """Change values of the file and return its new digest; refuses what `save_text` refuses."""
    with _alone(directory):
        found = read_text(directory)
        return _save(directory, edited(directory, found.text, edits), base_sha256 or found.sha256)


def declare_not_applicable(directory: Path, declarations: Sequence[NotApplicable]) -> str:
    """Add declarations of 不适用, replacing earlier ones of the same item and asset; return the new digest.

    Raises:
        UsageError: one is wrong (no reason, one person alone, no such item or asset); nothing was written.

    """
    with _alone(directory):
        found = read_text(directory)
        value = document_of(directory, found.text).value.get("not_applicable")
        kept = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
        new: dict[tuple[str, str], YamlValue] = {
            (one.item, one.asset): msgspec.to_builtins(one) for one in declarations
        }
        # Each in the place of the one before it, so that nothing else has to move.
        stand = {(str(one.get("item")), str(one.get("asset"))): one for one in kept}
        text = edited(directory, found.text, [Edit(("not_applicable",), [*(stand | new).values()])])
        return _save(directory, text, found.sha256)


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    lock = FileLock(directory / f".{FILE_NAME}.lock")
    try:
        lock.acquire(timeout=_WAIT_S)
    except (Timeout, OSError) as exc:
        raise UsageError("项目文件正被另一窗口写入", where=FILE_NAME, cure="稍后再试；检查目录权限") from exc
    try:
        yield
    finally:
        lock.release()
