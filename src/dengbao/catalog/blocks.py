"""The 测评对象 of `engagement.yaml` as blocks of text, each with the comment above it."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from .editing import document_of
from .engagements import FILE_NAME


@dataclass(frozen=True)
class Block:
    """The lines of one asset, `first` to before `end`, counted from 0; `text` without their common indent."""

    asset: str
    kind: str
    first: int
    end: int
    text: str


def blocks_of(directory: Path, text: str) -> tuple[Block, ...]:
    """Return the assets' blocks in the order of the file; none where they do not stand on lines of their own.

    Raises:
        UsageError: the text is not YAML.

    """
    document = document_of(directory, text)
    assets = document.value.get("assets")
    lines = text.split("\n")
    if not isinstance(assets, list) or not assets:
        return ()
    starts = [document.lines.get(("assets", number), 0) - 1 for number in range(len(assets))]
    if len(set(starts)) < len(starts) or any(not re.match(r"\s*- ", lines[one]) for one in starts):
        return ()
    firsts = [_with_comment(lines, one) for one in starts]
    ends = [*firsts[1:], _end_of_section(lines, starts[-1])]
    found: list[Block] = []
    for asset, first, end in zip(assets, firsts, ends, strict=True):
        told = asset if isinstance(asset, dict) else {}
        last = max(number for number in range(first, end) if lines[number].strip())
        body = textwrap.dedent("\n".join(lines[first : last + 1]))
        found.append(Block(str(told.get("id", "")), str(told.get("kind", "")), first, last + 1, body))
    return tuple(found)


def _with_comment(lines: list[str], start: int) -> int:
    while start > 0 and re.match(r"\s+#", lines[start - 1]):
        start -= 1
    return start


def _end_of_section(lines: list[str], start: int) -> int:
    """Return the first line after the last asset: a key, or the comment before it, at the margin."""
    for number in range(start + 1, len(lines)):
        if re.match(r"\S", lines[number]):
            return number
    return len(lines)


def with_block(directory: Path, text: str, block: str, *, instead_of: str = "") -> str:
    """Return the text with an asset's block put in place of another's, or after the last.

    Raises:
        UsageError: the text is not YAML, no such asset, or assets do not stand on lines of their own.

    """
    found = blocks_of(directory, text)
    if not found:
        raise UsageError("测评对象不是逐行书写的", where=FILE_NAME, cure="改用文本方式编辑")
    lines = text.split("\n")
    indent = re.match(r"\s*", next(one for one in lines[found[0].first :] if one.lstrip().startswith("- ")))
    shifted = textwrap.indent(textwrap.dedent(block.rstrip("\n")), indent[0] if indent else "  ").split("\n")
    if not instead_of:
        return "\n".join([*lines[: found[-1].end], "", *shifted, *lines[found[-1].end :]])
    chosen = _named(found, instead_of)
    return "\n".join([*lines[: chosen.first], *shifted, *lines[chosen.end :]])


def without_block(directory: Path, text: str, asset: str) -> str:
    """Return the text without an asset.

    Raises:
        UsageError: as `with_block`, or it is the last asset.

    """
    found = blocks_of(directory, text)
    chosen = _named(found, asset)
    if len(found) == 1:
        raise UsageError("至少须有一个测评对象", where=FILE_NAME, cure="先登记另一个对象")
    lines = text.split("\n")
    end = chosen.end
    while end < len(lines) and not lines[end].strip():
        end += 1
    return "\n".join([*lines[: chosen.first], *lines[end:]])


def _named(found: tuple[Block, ...], asset: str) -> Block:
    chosen = next((one for one in found if one.asset == asset), None)
    if chosen is None:
        raise UsageError(f"没有测评对象 {asset[:40]}", where=FILE_NAME, cure="回到“项目”页重新选择")
    return chosen


def specimen(text: str, directory: Path, kind: str) -> str:
    """Return the first block of a kind in a text, the starter file say; empty where there is none."""
    return next((one.text for one in blocks_of(directory, text) if one.kind == kind), "")
