"""Every command line of the documentation exists, with every option it shows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from dengbao.cli import main_group

DOCS = Path(__file__).parents[1] / "docs"


def lines() -> Iterator[tuple[str, str]]:
    """Yield each `dengbao …` line of each page, continuation lines joined, remarks cut off."""
    for path in sorted(DOCS.glob("*.md")):
        for block in re.findall(r"```(?:console)?\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                text = line.partition("  #")[0].strip()
                if text.startswith("dengbao "):
                    yield path.name, text


@pytest.mark.parametrize(("page", "line"), sorted(set(lines())))
def test_command_line_of_the_documentation_is_known(page: str, line: str) -> None:
    command: click.Command = main_group
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, f"{page}: {line}"
        command = found
    known = {name for one in command.params for name in one.opts}
    assert {one for one in words if one.startswith("--")} <= known, f"{page}: {line}"


def test_documentation_shows_commands_at_all() -> None:
    assert len(set(lines())) > 15
