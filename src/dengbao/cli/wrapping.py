"""Folds Chinese text to the columns of a terminal: between characters, never inside a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len

# No line begins with a closing mark and none ends with an opening one.
_CLOSING: Final = "，。、；：！？）》〉】］」』”’…—%,.;:!?)]}"
_OPENING: Final = "（《〈【［「『“‘([{"
_PIECES: Final = re.compile(rf"[{re.escape(_OPENING)}]*(?:[!-~]+|\s+|.)[{re.escape(_CLOSING)}]*", re.DOTALL)


def fold(text: str, width: int, *, first: str = "", indent: str = "") -> list[str]:
    """Return `text` as lines of at most `width` columns; `first` begins the first, `indent` the others.

    Line feeds in the text stay. A word that is wider than a line is cut.
    """
    lines: list[str] = []
    lead = first
    for paragraph in text.split("\n"):
        line = lead
        room = cell_len(line)
        fresh = True
        for piece in _pieces(paragraph, max(8, width - cell_len(indent))):
            wide = cell_len(piece)
            if not fresh and room + cell_len(piece.rstrip()) > width:
                lines.append(line.rstrip())
                line, room, fresh = indent, cell_len(indent), True
            if fresh and piece.isspace() and line != lead:
                continue
            line += piece
            room += wide
            fresh = False
        lines.append(line.rstrip())
        lead = indent
    return lines


def _pieces(text: str, limit: int) -> Iterator[str]:
    for found in _PIECES.finditer(text):
        piece = found.group()
        while cell_len(piece) > limit:
            cut = next(one for one in range(len(piece), 0, -1) if cell_len(piece[:one]) <= limit)
            yield piece[:cut]
            piece = piece[cut:]
        yield piece


def pad(text: str, width: int) -> str:
    """Return `text` with blanks up to `width` columns; longer ones stay as they are."""
    return text + " " * (width - cell_len(text))


def shorten(text: str, width: int) -> str:
    """Return `text` on one line of at most `width` columns, cut with an ellipsis."""
    line = " ".join(text.split())
    if cell_len(line) <= width:
        return line
    cut = next(one for one in range(len(line), -1, -1) if cell_len(line[:one]) <= width - 1)
    return line[:cut].rstrip() + "…"
