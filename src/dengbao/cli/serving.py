"""serve: the page over an engagement."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from ..errors import UsageError
from ..model import Person
from ..session import open_session
from . import options
from .chinese import Command
from .console import console, say, verbatim
from .values import existing_file, folder, person
from .waiting import importing


@click.command(
    cls=Command,
    help="工作台：在浏览器中逐项填写、补证、复核、封存；只在本机监听，不需联网。\n\n"
    "打印一行带口令的地址，用浏览器打开即可；命令行与页面可同时使用同一目录。Ctrl-C 结束，已保存的不会丢失。",
    epilog="dengbao serve my-hospital\ndengbao serve my-hospital --port 8600 --open\n"
    "dengbao serve my-hospital --host 192.0.2.5 --port 8600 --self-signed tls",
)
@options.directory
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="端口", help="监听端口，不写则自选")
@click.option("--open", "open_browser", is_flag=True, help="同时打开默认浏览器")
@click.option("--host", default="127.0.0.1", metavar="地址", help="监听地址；本机以外的须启用 TLS 并逐人登录")
@click.option("--name", "names", multiple=True, metavar="主机名", help="浏览器所用的主机名或地址，可多次给出")
@click.option("--certificate", type=existing_file, metavar="文件", help="服务器证书（PEM，可含证书链）")
@click.option("--key", type=existing_file, metavar="文件", help="证书的私钥（PEM，不带口令）")
@click.option("--self-signed", type=folder, metavar="目录", help="自签一张 30 天的证书，写入此目录")
@click.option(
    "--person", "people", type=person, multiple=True, metavar="姓名/单位",
    help="可登录的人员，可多次给出；缺省为 engagement.yaml 的 people",
)  # fmt: skip
@options.content
def serve(
    directory: Path,
    port: int,
    open_browser: bool,
    host: str,
    names: tuple[str, ...],
    certificate: Path | None,
    key: Path | None,
    self_signed: Path | None,
    people: tuple[Person, ...],
    content: Path | None,
) -> int:
    """Serve the page until Ctrl-C."""
    with importing():  # starts slowly, and no other command needs it
        from ..workbench import beyond as wider  # noqa: PLC0415
        from ..workbench.serving import serve as serve_page  # noqa: PLC0415

    session = open_session(directory, content)  # what is wrong with the folder is told here, not on a page
    beyond = None
    if not wider.is_loopback(host):
        if self_signed is not None and certificate is None:
            certificate, key = wider.self_signed(self_signed, names or (host,))
        beyond = wider.agreed(host, names, certificate, key, people or session.engagement.people)
        verbatim(console(stderr=True), f"证书指纹 SHA-256 {wider.fingerprint(beyond.chain)}")
        say(console(stderr=True), "把各人的地址分别告知本人，浏览器中核对指纹后再登录。")
    elif host != "127.0.0.1":
        raise UsageError(f"本机监听只用 127.0.0.1，不用 {host}", where="--host", cure="去掉 --host")

    def told(address: str, owner: Person | None) -> None:
        verbatim(console(), f"{owner.name}（{owner.org}） {address}" if owner is not None else address)
        if owner is None:
            say(console(stderr=True), "用浏览器打开上面的地址；按 Ctrl-C 结束。", style="dim")
        if open_browser and owner is None:
            webbrowser.open(address)

    serve_page(
        directory, port=port, content=content, told=told, say=lambda text: say(console(stderr=True), text),
        beyond=beyond,
    )  # fmt: skip
    return 0
