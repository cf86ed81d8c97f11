"""serve: the page over an engagement."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from ..session import open_session
from . import options
from .chinese import Command
from .console import console, say, verbatim


@click.command(
    cls=Command,
    help="工作台：在浏览器中逐项填写、补证、复核、封存；只在本机监听，不需联网。\n\n"
    "打印一行带口令的地址，用浏览器打开即可；命令行与页面可同时使用同一目录。Ctrl-C 结束，已保存的不会丢失。",
    epilog="dengbao serve my-hospital\ndengbao serve my-hospital --port 8600 --open",
)
@options.directory
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="端口", help="监听端口，不写则自选")
@click.option("--open", "open_browser", is_flag=True, help="同时打开默认浏览器")
@options.content
def serve(directory: Path, port: int, open_browser: bool, content: Path | None) -> int:
    """Serve the page until Ctrl-C."""
    from ..workbench.serving import serve as serve_page  # noqa: PLC0415 - starts slowly, needed by this command only

    open_session(directory, content)  # what is wrong with the folder is told here, not on a page

    def told(address: str) -> None:
        out = console()
        verbatim(out, address)
        say(console(stderr=True), "用浏览器打开上面的地址；按 Ctrl-C 结束。", style="dim")
        if open_browser:
            webbrowser.open(address)

    serve_page(directory, port=port, content=content, told=told)
    return 0
