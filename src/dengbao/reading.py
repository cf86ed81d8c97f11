"""Turns what people wrote into values; says every mistake at once, in Chinese, with its line."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeVar

import msgspec
from msgspec import inspect

from .errors import DengbaoError
from .yamlfile import Document, Place, YamlValue, shorten

Shape = TypeVar("Shape")

MAX_SHOWN: Final = 20
_FEW: Final = 12
_TYPES: Final = {
    "int": "整数", "str": "文字", "bool": "真假值（true 或 false）", "float": "数字", "array": "列表",
    "object": "“键: 值”", "null": "空值", "datetime": "日期时间", "date": "日期", "time": "时间",
    "bytes": "字节", "timedelta": "时长", "uuid": "UUID", "decimal": "数字",
}  # fmt: skip
_PLAIN: Final[dict[type[inspect.Type], type]] = {
    inspect.StrType: str,
    inspect.IntType: int,
    inspect.FloatType: float,
    inspect.BoolType: bool,
    inspect.DateTimeType: datetime,
    inspect.DateType: date,
}
_FLAT: Final = (
    inspect.StrType, inspect.IntType, inspect.FloatType, inspect.BoolType, inspect.EnumType,
    inspect.LiteralType, inspect.NoneType, inspect.DateType,
)  # fmt: skip
_TIME_CURE: Final = "写成 2026-03-01T09:30:00+08:00"
# Every form of message that msgspec's converter gives, and what is said instead; `W` is a type's name.
_FORMS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"Expected W of (?:at (?P<rule>least|most) )?length (?P<n>(?:[<>]= )?\d+)(?:, got \d+)?",
        "{want}长度应为{rule} {n}",
        "",
    ),
    (r"Expected W matching regex (?P<rule>.*)", "{want}不合格式 {rule}", ""),
    (r"Expected W (?P<rule>[<>]=? \S+)", "{want}应 {rule}", ""),
    (r"Expected W that's a multiple of (?P<rule>\S+)", "{want}应是 {rule} 的倍数", ""),
    (r"Expected W with (?:a|no) timezone component", "日期时间的时区写法不对", _TIME_CURE),
    (r"Expected W, got `(?P<got>[^`]+)`", "应为{want}，得到{got}", ""),
    (r"Expected W", "应为{want}", ""),
    (r"Object missing required field `(?P<rule>[^`]*)`", "缺少键“{rule}”", "补上该键"),
    (r"Object contains unknown field `(?P<rule>[^`]*)`", "没有“{rule}”这个键", "核对键名"),
    (r"Invalid RFC3339 encoded datetime", "不是有效的日期时间", _TIME_CURE),
    (r"Invalid RFC3339 encoded date", "不是有效的日期", "写成 2026-03-01"),
    (r"Invalid RFC3339 encoded time", "不是有效的时间", "写成 09:30:00+08:00"),
    (r"Invalid epoch timestamp|Timestamp is out of range", "不是有效的日期时间", _TIME_CURE),
    (r"Invalid ISO8601 duration|Duration is out of range", "不是有效的时长", "写成 P1D"),
    (r"(?:Integer|Number|Int)(?: value)?(?: is)? out of range", "数值超出范围", "核对数值"),
    (r"Invalid (?:enum )?value (?P<rule>.+)", "不认识的值 {rule}", "核对可用的值"),
    (r"Invalid (?P<rule>UUID|decimal string|base64 encoded string)", "不是有效的 {rule}", "核对写法"),
)  # fmt: skip


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong in a file, and where in it."""

    place: Place
    message: str
    cure: str


def translate(message: str) -> tuple[str, str]:
    """Return Chinese message and cure for a message of msgspec; its path is left out."""
    text = re.sub(r" - at (?:`key` in )?`[^`]*`$", "", message)
    for pattern, chinese, cure in _FORMS:
        found = re.fullmatch(pattern.replace("W", "`(?P<want>[^`]+)`", 1), text)
        if found is not None:
            words = {name: _types_zh(name, value) for name, value in found.groupdict(default="").items()}
            return chinese.format(**words), cure
    return "写法不对", "对照示例文件填写"


def _types_zh(name: str, text: str) -> str:
    if name not in ("want", "got"):
        return {"least": "至少", "most": "至多"}.get(text, shorten(text))
    return "或".join(_TYPES.get(one.strip(), one.strip()) for one in text.split("|"))


def suggest(word: str, known: Iterable[str], *, what: str = "可用") -> str:
    """Return a cure that names the nearest known word and all of them, or of many only the first."""
    words = [one for one in known if one]
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.55)
    if near and len(words) > _FEW:
        return f"是不是“{near[0]}”？"
    listing = "、".join(words[:_FEW]) + (f"等 {len(words)} 个" if len(words) > _FEW else "")
    listing = f"{what}：{listing}" if listing else ""
    return f"是不是“{near[0]}”？{listing}" if near else listing


def read_value(document: Document, shape: type[Shape], error: type[DengbaoError]) -> Shape:
    """Return the file's content as a value.

    Raises:
        DengbaoError: of the kind `error`, with all mistakes that were found.

    """
    try:
        made = msgspec.convert(document.value, shape)
    except (msgspec.ValidationError, ValueError) as exc:
        refuse(document, error, find_mistakes(document.value, _info(shape), ()))
        message, cure = translate(str(exc))
        raise error(message, where=document.where(), cure=cure) from exc
    if not _filled(made):
        refuse(document, error, find_mistakes(document.value, _info(shape), ()))
    return made


def _filled(value: object) -> bool:
    """Tell whether what was converted lacks nothing that the conversion alone does not ask for.

    It does not know that required text may not be blank, nor that a time needs its zone.
    """
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, msgspec.Struct):
            needed, deep = _names(type(one))
            for name in needed:
                held = getattr(one, name)
                if isinstance(held, str) and not held.strip():
                    return False
            waiting.extend(getattr(one, name) for name in deep)
        elif isinstance(one, (tuple, list)):
            waiting.extend(one)
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, datetime) and one.tzinfo is None:
            return False
    return True


@functools.cache
def _names(shape: type[msgspec.Struct]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of a shape's required fields, and of those that may hold what is to be looked at."""
    info = _info(shape)
    fields = info.fields if isinstance(info, inspect.StructType) else ()
    return (
        tuple(one.name for one in fields if one.required),
        tuple(one.name for one in fields if not _is_flat(one.type)),
    )


def _is_flat(info: inspect.Type) -> bool:
    """Tell whether nothing that lies in a value of the type, or in a list of it, needs a look."""
    if isinstance(info, inspect.UnionType):
        return all(map(_is_flat, info.types))
    if isinstance(info, (inspect.VarTupleType, inspect.ListType)):
        return _is_flat(info.item_type)
    return isinstance(info, _FLAT)


def refuse(document: Document, error: type[DengbaoError], mistakes: Iterable[Mistake]) -> None:
    """Raise one error for all mistakes, in the order of the file; nothing if there are none."""
    raise_all(errors_of(document, error, mistakes))


def errors_of(
    document: Document, error: type[DengbaoError], mistakes: Iterable[Mistake]
) -> list[DengbaoError]:
    """Return the mistakes of one file as errors with their places, in the order of the file."""
    found = sorted(dict.fromkeys(mistakes), key=lambda one: document.line(one.place))
    return [error(one.message, where=document.where(one.place), cure=one.cure) for one in found]


def raise_all(errors: Sequence[DengbaoError]) -> None:
    """Raise the first error with the others along; nothing if there are none."""
    if not errors:
        return
    first, rest = errors[0], list(errors[1:MAX_SHOWN])
    if len(errors) > MAX_SHOWN:
        rest.append(type(first)(f"另有 {len(errors) - MAX_SHOWN} 处错误未列出", cure="改正以上各处后重试"))
    raise type(first)(first.message, where=first.where, cure=first.cure, also=tuple(rest))


def apart(error: DengbaoError) -> list[DengbaoError]:
    """Return an error alone and those that came along with it, to be joined with others."""
    return [type(error)(error.message, where=error.where, cure=error.cure), *error.also]


_INFOS: Final[dict[object, inspect.Type]] = {}


def _info(shape: object) -> inspect.Type:
    # Building the description takes longer than reading a file; a folder of evidence has hundreds.
    if shape not in _INFOS:
        _INFOS[shape] = inspect.type_info(shape)
    return _INFOS[shape]


def find_mistakes(value: YamlValue, info: inspect.Type, place: Place) -> Iterator[Mistake]:
    """Yield everything that keeps `value` from being of the type."""
    if isinstance(info, inspect.UnionType):
        yield from _union(value, info, place)
    elif isinstance(info, inspect.StructType):
        yield from _struct(value, info, place)
    elif isinstance(info, (inspect.VarTupleType, inspect.ListType)):
        yield from _entries(value, info.item_type, place)
    elif isinstance(info, inspect.TupleType):
        yield from _fixed(value, info, place)
    elif isinstance(info, inspect.DictType):
        yield from _table(value, info, place)
    else:
        yield from _leaf(value, info, place)


def _union(value: YamlValue, info: inspect.UnionType, place: Place) -> Iterator[Mistake]:
    if value is None and any(isinstance(one, inspect.NoneType) for one in info.types):
        return
    structs = [one for one in info.types if isinstance(one, inspect.StructType)]
    others = [one for one in info.types if not isinstance(one, inspect.NoneType)]
    several = [one for one in others if isinstance(one, inspect.VarTupleType)]
    if structs and several and isinstance(value, list):
        yield from _entries(value, several[0].item_type, place)
    elif len(structs) == 1 and len(others) == 1 + len(several):
        yield from find_mistakes(value, structs[0], place)
    elif len(others) == 1:
        yield from find_mistakes(value, others[0], place)
    elif structs and isinstance(value, dict):
        yield from _tagged(value, structs, place)
    elif structs:
        yield _wrong(place, "“键: 值”", value)
    else:
        yield from _scalar_or_list(value, others, place)


def _tagged(
    value: dict[str, YamlValue], structs: list[inspect.StructType], place: Place
) -> Iterator[Mistake]:
    field = structs[0].tag_field or ""
    tag = value.get(field)
    known = {str(one.tag): one for one in structs}
    if field not in value:
        yield Mistake(place, f"{at(place)}缺少键“{field}”", f"补上 {field}；可用：{'、'.join(known)}")
    elif not isinstance(tag, str) or tag not in known:
        place = (*place, field)
        yield Mistake(place, f"{at(place)}不认识的值 {shorten(str(tag))}", suggest(str(tag), known))
    else:
        yield from _struct(value, known[tag], place)


def _scalar_or_list(value: YamlValue, kinds: list[inspect.Type], place: Place) -> Iterator[Mistake]:
    rows = [one for one in kinds if isinstance(one, inspect.VarTupleType)]
    if isinstance(value, list) and rows:
        yield from _entries(value, rows[0].item_type, place)
    elif isinstance(value, (dict, float)) or value is None:
        yield _wrong(place, "文字、整数、true/false 或列表", value)


def _struct(value: YamlValue, info: inspect.StructType, place: Place) -> Iterator[Mistake]:
    if not isinstance(value, dict):
        yield _wrong(place, "“键: 值”", value)
        return
    fields = {one.encode_name: one for one in info.fields}
    tag = info.tag_field or ""
    for key, one in value.items():
        here = (*place, key)
        if key in fields:
            field = fields[key]
            if field.required and isinstance(one, str) and not one.strip():
                yield Mistake(here, f"{at(here)}不能为空", "填写内容")
            else:
                yield from find_mistakes(one, field.type, here)
        elif key != tag:
            yield Mistake(
                here, f"{at(place)}没有“{shorten(key)}”这个键", suggest(key, fields, what="可用的键")
            )
    for key, field in fields.items():
        if field.required and key not in value:
            yield Mistake(place, f"{at(place)}缺少键“{key}”", f"补上 {key}")


def _entries(value: YamlValue, item: inspect.Type, place: Place) -> Iterator[Mistake]:
    if not isinstance(value, list):
        yield _wrong(place, "列表", value)
        return
    for number, one in enumerate(value):
        yield from find_mistakes(one, item, (*place, number))


def _fixed(value: YamlValue, info: inspect.TupleType, place: Place) -> Iterator[Mistake]:
    wanted = len(info.item_types)
    if not isinstance(value, list):
        yield _wrong(place, f"有 {wanted} 项的列表", value)
    elif len(value) != wanted:
        yield Mistake(place, f"{at(place)}应有 {wanted} 项，现有 {len(value)} 项", f"写成 {wanted} 项的列表")
    else:
        for number, (one, item) in enumerate(zip(value, info.item_types, strict=True)):
            yield from find_mistakes(one, item, (*place, number))


def _table(value: YamlValue, info: inspect.DictType, place: Place) -> Iterator[Mistake]:
    if not isinstance(value, dict):
        yield _wrong(place, "“键: 值”", value)
        return
    for key, one in value.items():
        yield from find_mistakes(one, info.value_type, (*place, key))


def _leaf(value: YamlValue, info: inspect.Type, place: Place) -> Iterator[Mistake]:
    if isinstance(info, inspect.EnumType):
        known = [str(one.value) for one in info.cls]
        if not isinstance(value, str):
            yield _wrong(place, "文字", value)
        elif value not in known:
            yield Mistake(place, f"{at(place)}不认识的值“{shorten(value)}”", suggest(value, known))
        return
    wanted = _PLAIN.get(type(info))
    if wanted is None:
        return
    if isinstance(value, (dict, list)) or value is None:
        yield _wrong(place, _TYPES[wanted.__name__], value)
        return
    try:
        made: object = msgspec.convert(value, wanted)
    except msgspec.ValidationError as exc:
        message, cure = translate(str(exc))
        if isinstance(info, inspect.StrType):
            cure = "用引号括起来"
        elif isinstance(info, inspect.BoolType):
            cure = "写 true 或 false，不加引号"
        yield Mistake(place, f"{at(place)}{message}", cure or "改正类型；数字不加引号")
        return
    if isinstance(made, datetime) and made.tzinfo is None:
        yield Mistake(place, f"{at(place)}日期时间缺少时区", _TIME_CURE)


def _wrong(place: Place, wanted: str, value: YamlValue) -> Mistake:
    cure = {"列表": "每项一行，以“- ”开头", "“键: 值”": "缩进后写“键: 值”"}.get(
        wanted, "填写内容，或删去该键"
    )
    return Mistake(place, f"{at(place)}应为{wanted}，得到{_kind_zh(value)}", cure)


def _kind_zh(value: YamlValue) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "真假值"), (int, "整数"), (float, "数字"), (str, "文字"), (list, "列表"),
        (dict, "“键: 值”"),
    )  # fmt: skip
    return next((zh for kind, zh in kinds if isinstance(value, kind)), "空值")


def at(place: Place) -> str:
    """Return a place as people read it: `assets第2项.login.path `, nothing for the whole file."""
    text = ""
    for step in place:
        text += f"第{step + 1}项" if isinstance(step, int) else f".{shorten(step)}"
    return f"{text.removeprefix('.')} " if text else ""
