"""Every command's help is Chinese, fits the terminal, explains every word it takes and shows an example."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest
from rich.cells import cell_len

from dengbao.cli import main_group
from dengbao.cli.chinese import Argument, Command

from .conftest import Call

ENGLISH = re.compile(
    r"Usage|Options|Commands|Arguments|required|default|Show this|INTEGER|TEXT|PATH|DIRECTORY|FILENAME|\[OPT"
)


def commands(
    command: click.Command = main_group, *path: str
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            yield from commands(one, *path, name)


ALL = list(commands())


@pytest.mark.parametrize("path", [path for path, _ in ALL], ids=" ".join)
def test_help_is_chinese_and_shows_how_it_is_used(
    call: Call, path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = call(*path, "--help")
    assert said.code == 0
    assert said.err == ""
    assert said.out.startswith(f"用法：dengbao {' '.join(path)}".rstrip())
    assert "例子：\n  dengbao " in said.out
    assert not ENGLISH.search(said.out)
    page, _, _examples = said.out.partition("例子：")
    assert [line for line in page.splitlines() if cell_len(line) > 80] == []


@pytest.mark.parametrize(
    ("path", "command"), ALL, ids=lambda one: " ".join(one) if isinstance(one, tuple) else ""
)
def test_every_argument_and_option_says_what_it_is(path: tuple[str, ...], command: click.Command) -> None:
    context = click.Context(command, info_name="dengbao")
    for one in command.get_params(context):
        said = one.says if isinstance(one, Argument) else getattr(one, "help", None)
        assert said, f"{' '.join(path)}: {one.name}"
        assert one.metavar or (isinstance(one, click.Option) and one.is_flag), f"{' '.join(path)}: {one.name}"


@pytest.mark.parametrize("path", [path for path, _ in ALL], ids=" ".join)
def test_examples_are_commands_that_exist(path: tuple[str, ...]) -> None:
    command = dict(ALL)[path]
    for example in (command.epilog or "").replace("\\\n", " ").splitlines():
        words = example.split()
        assert words[0] == "dengbao"
        found: click.Command = main_group
        rest = words[1:]
        while isinstance(found, click.Group) and rest and rest[0] in found.commands:
            found = found.commands[rest.pop(0)]
        known = {name for one in found.get_params(click.Context(found)) for name in one.opts}
        assert {one for one in rest if one.startswith("--")} <= known | {"--help"}
        assert found is command or path == () or isinstance(command, click.Group)


def test_a_wide_terminal_is_not_filled_beyond_what_can_be_read(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert max(cell_len(line) for line in call("--help").out.splitlines()) <= 100


def test_a_long_option_stands_on_a_line_of_its_own() -> None:
    long = click.Option(["--an-option-with-a-very-long-name"], metavar="值", help="说明。")
    page = Command("try", params=[long], help="试。").get_help(
        click.Context(Command("try"), terminal_width=80)
    )
    name, text = page.splitlines()[page.splitlines().index("选项：") + 1 :][:2]
    assert name.strip() == "--an-option-with-a-very-long-name 值"
    assert text.strip() == "说明。"


def test_commands_keep_their_order() -> None:
    assert main_group.list_commands(click.Context(main_group)) == list(main_group.commands)


def test_without_a_command_the_help_is_shown(call: Call) -> None:
    for path in ((), ("evidence",), ("suite",), ("check",)):
        said = call(*path)
        assert said.code == 2
        assert "命令：" in said.out


def test_the_version_is_told(call: Call) -> None:
    said = call("--version")
    assert (said.code, said.out.split()[0]) == (0, "dengbao")


def test_exit_codes_are_in_the_help(call: Call) -> None:
    said = "".join(call("--help").out.split())
    for code in ("0全部符合", "1有不符合", "2用法或内容有误", "3有未判定", "4佐证"):
        assert code in said
