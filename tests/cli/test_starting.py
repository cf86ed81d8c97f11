"""Starting the program costs what the command needs, not what all commands need."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from dengbao.cli import main_group
from dengbao.cli.chinese import Command
from dengbao.cli.waiting import Waiting

_ROOMS = """
import sys
from dengbao.cli import main
main(sys.argv[1:])
print(*(one for one in sys.modules if one.startswith(("dengbao.", "httpx", "sqlalchemy"))))
"""


def imported(*arguments: str) -> set[str]:
    """Return which modules a command line imports, of ours and of heavy libraries."""
    done = subprocess.run(
        [sys.executable, "-c", _ROOMS, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("command", "module"), [("run", "running"), ("status", "standing"), ("scan", "scanning")]
)
def test_a_command_does_not_import_the_rooms_of_others(command: str, module: str) -> None:
    found = imported(command, "--help")
    assert f"dengbao.cli.{module}" in found
    assert found.isdisjoint({"httpx", "sqlalchemy", "dengbao.discovery.run", "dengbao.capture.survey"})


def test_every_command_is_called_as_it_is_asked_for() -> None:
    assert all(command.name == name for name, command in main_group.commands.items())


def test_commands_can_be_added_and_taken_away() -> None:
    waiting = Waiting("dengbao.cli", {"scan": "scanning:scan"})
    waiting["other"] = Command("other")
    assert (list(waiting), len(waiting), "other" in waiting, "none" in waiting) == (
        ["scan", "other"], 2, True, False,
    )  # fmt: skip
    assert isinstance(waiting["scan"], click.Command)
    del waiting["scan"]
    assert list(waiting) == ["other"]
