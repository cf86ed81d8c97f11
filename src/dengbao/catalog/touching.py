"""Changes the text of a YAML file only where a value stands; comments and layout are not even looked at.

Quick, and sure of few things: a single value in place of another, a new key, new entries of a list. Whoever
calls it reads the result back and holds it against what was meant.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import yaml

from ..yamlfile import Place, YamlValue, value_at

# Only where values stand matters here, not what they mean.
_LOADER: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
# What stands without quotes in any place, and means nothing else to any reader.
_LETTERS: Final = r"[\w（）。，、；《》/.-]"
_BARE: Final = re.compile(rf"(?![\d_.-]){_LETTERS}+( {_LETTERS}+)*|\d{{4}}-\d\d-\d\d")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"})
_Splice = tuple[int, int, str]


class Unsure(Exception):
    """This cannot be done by touching single values."""


@dataclass(frozen=True)
class Read:
    """A text, what it holds, and the line of each value in it."""

    text: str
    value: YamlValue
    lines: Mapping[Place, int]

    def at(self, line: int) -> int:
        """Return where a line begins; lines count from 1, and the one after the last ends the text."""
        return self._starts[min(line, len(self._starts)) - 1]

    @cached_property
    def _starts(self) -> list[int]:
        ends = itertools.accumulate(len(one) + 1 for one in self.text.split("\n"))
        return [0, *(min(one, len(self.text)) for one in ends)]

    def section(self, name: str | int) -> tuple[int, int]:
        """Return where what stands below a name of the first level begins and ends, whole lines."""
        firsts = sorted(line for place, line in self.lines.items() if len(place) == 1)
        first = self.lines[name,]
        following = next((one for one in firsts if one > first), len(self._starts))
        return self.at(first), self.at(following)


def touched(read: Read, edits: Iterable[tuple[Place, YamlValue]]) -> str:
    """Return the text with values put in place.

    Raises:
        Unsure: something else than a touch is needed.

    """
    splices = [one for place, value in edits for one in _splices(read, place, value)]
    starts = [one[0] for one in splices]
    if len(set(starts)) < len(starts):  # which of two at one place comes first is not for us to say
        raise Unsure
    text = read.text
    for start, end, new in sorted(splices, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _splices(read: Read, place: Place, value: YamlValue) -> list[_Splice]:
    """Return what is to be done, having looked only at the part of a long text that it is about."""
    if value is None or value in ({}, []):
        raise Unsure
    if (place[0],) not in read.lines:
        return _in_part(read, 0, len(read.text), place, value)
    start, end = read.section(place[0])
    found = _by_entry(read, end, place, value)
    return found if found is not None else _in_part(read, start, end, place, value)


def _by_entry(read: Read, end: int, place: Place, value: YamlValue) -> list[_Splice] | None:
    """Return what makes a list another by its entries, one by one; None where they do not stand like that.

    Only those that are to be others are looked at, and the last, behind which more may be put.
    """
    old = value_at(read.value, place)
    if not isinstance(old, list) or not isinstance(value, list) or not old or len(value) < len(old):
        return None
    edges = [*(read.at(read.lines[*place, number]) for number in range(len(old))), end]
    found: list[_Splice] = []
    try:
        for number, one in enumerate(value[: len(old)]):
            more = value[len(old) :] if number == len(old) - 1 else []
            if one != old[number] or more:
                start, text = edges[number], read.text[edges[number] : edges[number + 1]]
                found += [
                    (start + first, start + last, new)
                    for first, last, new in _entry(text, [] if one == old[number] else [one], more)
                ]
    except Unsure:
        return None
    return found


def _entry(text: str, instead: list[YamlValue], more: list[YamlValue]) -> Iterator[_Splice]:
    """Yield what puts a value in place of the one entry that stands in a text, and more behind it."""
    node = _composed(text)
    if not isinstance(node, yaml.SequenceNode) or node.flow_style or len(node.value) != 1:
        raise Unsure
    if instead:
        yield _instead(text, node.value[0], instead[0])
    if more:
        at, indent = _after(text, node), " " * node.start_mark.column
        yield at, at, "".join(f"{indent}- {shown(one)}\n" for one in more)


def _in_part(read: Read, start: int, end: int, place: Place, value: YamlValue) -> list[_Splice]:
    text = read.text[start:end]
    found = _in_text(text, _composed(text), place, value, read.value)
    return [(start + one, start + other, new) for one, other, new in found]


def _composed(text: str) -> yaml.Node | None:
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as exc:
        raise Unsure from exc
    return root


def _in_text(
    text: str, root: yaml.Node | None, place: Place, value: YamlValue, before: YamlValue
) -> list[_Splice]:
    around = _walk(root, place[:-1])
    if isinstance(around, yaml.MappingNode) and isinstance(place[-1], str) and not _has(around, place[-1]):
        return [_new_key(text, around, place[-1], value)]
    node = _walk(around, place[-1:])
    if isinstance(node, yaml.ScalarNode) and not isinstance(value, (dict, list)):
        return [_instead(text, node, value)]
    if isinstance(node, yaml.SequenceNode) and isinstance(value, list):
        return list(_entries(text, node, value, value_at(before, place)))
    raise Unsure


def _instead(text: str, node: yaml.Node, value: YamlValue) -> _Splice:
    start, end = node.start_mark.index, _end(node)
    if isinstance(node, yaml.CollectionNode) and "#" in text[start:end]:  # a comment, as like as not
        raise Unsure
    return start, end, shown(value) if end > start else f" {shown(value)}"


def _walk(node: yaml.Node | None, place: Place) -> yaml.Node:
    for step in place:
        if isinstance(node, yaml.MappingNode) and isinstance(step, str):
            node = next((one for key, one in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            raise Unsure
    if node is None:
        raise Unsure
    return node


def _has(node: yaml.MappingNode, name: str) -> bool:
    return any(key.value == name for key, _ in node.value)


def _new_key(text: str, node: yaml.MappingNode, name: str, value: YamlValue) -> _Splice:
    if node.flow_style:
        at = node.end_mark.index - 1
        return at, at, f"{', ' if node.value else ''}{name}: {shown(value)}"
    at, indent = _after(text, node), " " * node.start_mark.column
    if isinstance(value, list):
        lines = "".join(f"{indent}  - {shown(one)}\n" for one in value)
        return at, at, f"{indent}{name}:\n{lines}"
    return at, at, f"{indent}{name}: {shown(value)}\n"


def _entries(
    text: str, node: yaml.SequenceNode, wanted: Sequence[YamlValue], before: YamlValue
) -> Iterator[_Splice]:
    """Yield what makes the entries of a list those that are wanted, which are not fewer."""
    count = len(node.value)
    if not 0 < count <= len(wanted) or not isinstance(before, list) or len(before) != count:
        raise Unsure
    for one, old, new in zip(node.value, before, wanted, strict=False):
        if old != new:
            yield _instead(text, one, new)
    if len(wanted) == count:
        return
    if node.flow_style:
        at = _end(node.value[-1])
        yield at, at, "".join(f", {shown(one)}" for one in wanted[count:])
        return
    at, indent = _after(text, node), " " * node.start_mark.column
    yield at, at, "".join(f"{indent}- {shown(one)}\n" for one in wanted[count:])


def _end(node: yaml.Node) -> int:
    """Return where the last letter of a value stands; that of a block is where its last value ends."""
    if isinstance(node, yaml.ScalarNode):
        if node.style in ("|", ">"):
            raise Unsure
        return int(node.end_mark.index)
    if not isinstance(node, yaml.CollectionNode) or not node.value:
        raise Unsure
    if node.flow_style:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(node, yaml.MappingNode) else last)


def _after(text: str, node: yaml.Node) -> int:
    """Return where the line after a block begins; a comment at its end stays with it."""
    at = text.find("\n", _end(node))
    if at < 0:
        raise Unsure
    return at + 1


def shown(value: YamlValue) -> str:
    """Return a value as it can stand anywhere in a line, also between braces."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {shown(one)}' for name, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    bare = _BARE.fullmatch(value) and value.casefold() not in _WORDS
    return value if bare else json.dumps(value, ensure_ascii=False)
