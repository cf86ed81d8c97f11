"""Reads the YAML that people write: bounded, without surprises, every value with its line.

Only what our files need is understood: mappings, lists, text, whole numbers, decimals, `true`,
`false`, `null`. What YAML 1.1 would guess (`yes`, `22:30`, `027`, dates) stays text.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from .errors import DengbaoError

YamlValue = dict[str, "YamlValue"] | list["YamlValue"] | str | int | float | bool | None
Place = tuple[str | int, ...]

MAX_BYTES: Final = 2 * 1024 * 1024
MAX_DEPTH: Final = 40
MAX_VALUES: Final = 50_000
_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}([eE][-+]?[0-9]{1,3})?")
_WORDS: Final[dict[str, YamlValue]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_PROBLEMS: Final = (
    ("violates indentation", "缩进用了制表符（Tab）", "缩进一律用空格"),
    ("character '\\t'", "缩进用了制表符（Tab）", "缩进一律用空格"),
    ("cannot start any token", "此处的字符不能这样开头", "文字用英文引号括起来；缩进不要用制表符（Tab）"),
    ("mapping values are not allowed", "此处多了一个冒号，或缩进不对", "含冒号的文字用引号括起来，核对缩进"),
    ("unexpected end of stream", "引号没有配对", "补上缺少的引号"),
    ("',' or ']'", "方括号没有配对，或缺少逗号", "补上 ] 或逗号"),
    ("',' or '}'", "花括号没有配对，或缺少逗号", "补上 } 或逗号"),
    ("escape character", "双引号文字里的反斜杠写法不对", "改用单引号，或写成 \\\\"),
    ("could not find expected ':'", "缺少冒号", "写成“键: 值”，冒号后留一个空格"),
    ("incompatible YAML document", "不支持的 YAML 版本", "删去 %YAML 一行"),
)


@dataclass(frozen=True)
class Document:
    """One file's content and where each value stands; lines count from 1."""

    path: Path
    value: dict[str, YamlValue]
    data: bytes
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, place: Place = ()) -> int:
        """Return the line of a value, or of the nearest value around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def where(self, place: Place = ()) -> str:
        """Return `file:line` of a value."""
        return f"{self.path}:{self.line(place)}"


class Problem(Exception):
    """Why a file cannot be read; becomes the caller's kind of error with its place."""

    def __init__(self, message: str, cure: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure
        self.line = line


def read_yaml(path: Path, error: type[DengbaoError]) -> Document:
    """Return the mapping that a YAML file holds.

    Raises:
        DengbaoError: of the kind `error`: no such file, too big, not UTF-8, not YAML, a key twice.

    """
    try:
        data = read_bounded(path, MAX_BYTES)
        value, lines = parse(_decode(data))
    except Problem as exc:
        where = f"{path}:{exc.line}" if exc.line else str(path)
        raise error(exc.message, where=where, cure=exc.cure) from exc
    if not isinstance(value, dict):
        raise error("文件内容应是“键: 值”的形式", where=f"{path}:1", cure="对照示例文件重写")
    return Document(path, value, data, lines)


def read_bounded(path: Path, limit_bytes: int) -> bytes:
    """Return the bytes of a regular file of at most `limit_bytes`.

    Raises:
        Problem: no such file, not a regular file, not readable, or bigger.

    """
    try:
        if not path.exists():
            raise Problem("文件不存在", "核对路径与文件名")
        if not path.is_file():
            raise Problem("不是普通文件", "核对路径与文件名")
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except OSError as exc:
        raise Problem(f"文件无法读取（{exc.strerror}）", "检查文件权限") from exc
    if len(data) > limit_bytes:
        raise Problem(f"文件超过 {limit_bytes // 1024 // 1024} MB", "核对是否选错了文件")
    return data


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise Problem("文件不是 UTF-8 编码", "用编辑器另存为 UTF-8（不要用 GBK、Unicode）", line) from exc


def parse(text: str) -> tuple[YamlValue, dict[Place, int]]:
    """Return the value of a YAML text and the line of every place in it.

    Raises:
        Problem: with the line.

    """
    bad = _UNPRINTABLE.search(text)
    if bad is not None:
        line = text.count("\n", 0, bad.start()) + 1
        raise Problem(f"含有控制字符 U+{ord(bad[0]):04X}", "删去该字符", line)
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as exc:
        raise _translate(exc) from exc
    except yaml.YAMLError as exc:  # the reader's own error has no mark
        raise Problem("含有 YAML 不允许的字符", "删去该字符") from exc
    if not builder.done:
        raise Problem("文件是空的", "对照示例文件填写", 1)
    return builder.root, builder.lines


def _translate(exc: yaml.MarkedYAMLError) -> Problem:
    mark = exc.problem_mark or exc.context_mark
    line = mark.line + 1 if mark is not None else 0
    problem = exc.problem or ""
    for words, message, cure in _PROBLEMS:
        if words in problem:
            return Problem(message, cure, line)
    return Problem("此处不是有效的 YAML", "核对缩进、冒号和引号；列表每项以“- ”开头", line)


@dataclass
class _Frame:
    """A mapping or list that is still open; `here` is the place of the key that was read last."""

    value: dict[str, YamlValue] | list[YamlValue]
    place: Place
    anchor: str
    key: str | None = None
    here: Place = ()
    size: int = 1


@dataclass
class _Builder:
    """Builds values from events with a stack of its own, so that no depth can exhaust Python's."""

    root: YamlValue = None
    done: bool = False
    lines: dict[Place, int] = field(default_factory=dict)
    stack: list[_Frame] = field(default_factory=list)
    anchors: dict[str, tuple[YamlValue, int]] = field(default_factory=dict)
    total: int = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.ScalarEvent):  # nearly all are
            self._scalar(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            frame = self.stack.pop()
            if frame.anchor:
                self.anchors[frame.anchor] = (frame.value, frame.size)
            if self.stack:
                self.stack[-1].size += frame.size - 1  # itself was counted when it was put
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event, line)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event, line)
        elif isinstance(event, yaml.DocumentStartEvent) and self.done:
            raise Problem("一个文件里有多个 YAML 文档", "删去多余的 --- 及其后的内容", line)

    def _open(self, event: yaml.CollectionStartEvent, line: int) -> None:
        _refuse_tag(event.tag, line)
        if len(self.stack) >= MAX_DEPTH:
            raise Problem(f"嵌套超过 {MAX_DEPTH} 层", "核对括号与缩进", line)
        fresh: dict[str, YamlValue] | list[YamlValue] = (
            {} if isinstance(event, yaml.MappingStartEvent) else []
        )
        place = self._put(fresh, line, 1)
        self.stack.append(_Frame(fresh, place, event.anchor or ""))

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        _refuse_tag(event.tag, line)
        text: str = event.value
        # The text as a whole was searched before; only an escape can make what did not stand in it.
        bad = _UNPRINTABLE.search(text) if event.style == '"' else None
        if bad is not None:
            raise Problem(f"含有控制字符 U+{ord(bad[0]):04X}", "删去该字符", line)
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.key is None and isinstance(frame.value, dict):
            self._take_key(frame, text, line)
            return
        value = _plain(text) if event.implicit[0] and not event.style else text
        self._put(value, line, 1)
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)

    def _take_key(self, frame: _Frame, key: str, line: int) -> None:
        place = (*frame.place, key)
        if isinstance(frame.value, dict) and key in frame.value:
            raise Problem(
                f"键“{shorten(key)}”重复，第 {self.lines[place]} 行已经写过",
                "删去其中一个，或合并为一个",
                line,
            )
        frame.key, frame.here = key, place
        self.lines[place] = line

    def _alias(self, event: yaml.AliasEvent, line: int) -> None:
        name = event.anchor or ""
        if name not in self.anchors:
            raise Problem("引用了没有定义的锚点", "以 * 开头的文字用引号括起来", line)
        value, size = self.anchors[name]
        self._put(value, line, size)

    def _put(self, value: YamlValue, line: int, size: int) -> Place:
        """Put a value where it belongs and return its place; that of a mapping's value has its key's line."""
        self.total += size
        if self.total > MAX_VALUES:
            raise Problem(f"展开后超过 {MAX_VALUES} 个值", "减少锚点引用（&、*），或拆分文件", line)
        if not self.stack:
            self.lines[()] = line
            self.root, self.done = value, True
            return ()
        frame = self.stack[-1]
        frame.size += size
        if isinstance(frame.value, list):
            place: Place = (*frame.place, len(frame.value))
            self.lines[place] = line
            frame.value.append(value)
            return place
        if frame.key is None:
            raise Problem("键只能是文字", "写成“键: 值”", line)
        frame.value[frame.key] = value
        frame.key = None
        return frame.here


def _refuse_tag(tag: str | None, line: int) -> None:
    # Not repeated in the message, nor is an anchor's name: it may be a password written without quotes.
    if tag not in (None, "!"):
        raise Problem("不支持标签", "以 ! 开头的文字用引号括起来", line)


def _plain(text: str) -> YamlValue:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-0123456789":
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def written(value: object) -> str:
    """Return plain values as YAML for people: keys in their order, Chinese as it is."""
    return str(yaml.dump(value, Dumper=_DUMPER, allow_unicode=True, sort_keys=False, width=100))


def value_at(tree: YamlValue, place: Place) -> YamlValue:
    """Return the value at a place, None where there is none."""
    for step in place:
        if isinstance(tree, dict) and isinstance(step, str):
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree


def shorten(text: str, limit: int = 40) -> str:
    """Return text that fits into a message."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[:limit] + "…"
