"""key: the key that seals, made or shown; existing ed25519 keys of ssh are as good."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console

from ..errors import UsageError
from ..packet.keyplace import LONG_ENOUGH, default_key
from .chinese import Group
from .console import console, say, verbatim
from .values import file

if TYPE_CHECKING:  # cryptography takes longer to import than most commands to run
    from ..packet.dsse import PublicKey, SigningKey

PASSPHRASE: Final = "DENGBAO_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable

key_option = click.option(
    "--key",
    "path",
    type=file,
    metavar="文件",
    help="密钥文件，缺省在本机用户的配置目录；可用 ssh 的 ed25519 密钥",
)


def open_key(path: Path | None) -> SigningKey:
    """Return the private key, asking for its passphrase where it has one and none is set.

    Raises:
        UsageError: there is no key, or the passphrase is missing or wrong.

    """
    from ..packet.dsse import PassphraseWanted, load_key  # noqa: PLC0415 - see above

    place = path or default_key()
    try:
        return load_key(place)
    except PassphraseWanted:
        return load_key(place, _given() or _asked(f"请输入密钥 {place.name} 的口令："))


def _given() -> str:
    return os.environ.get(PASSPHRASE, "")


def _asked(words: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(
            "需要密钥的口令，但当前不是终端", where=PASSPHRASE, cure=f"运行前设置环境变量 {PASSPHRASE}"
        )
    try:
        return getpass.getpass(words)
    except EOFError:
        return ""


def _chosen() -> str:
    """Return the passphrase for a new key, typed twice or from the environment."""
    passphrase = _given()
    if not passphrase:
        passphrase = _asked("为新密钥设口令（不少于 8 个字符）：")
        if _asked("再输入一次：") != passphrase:
            raise UsageError("两次输入的口令不同", cure="重新执行")
    if len(passphrase) < LONG_ENOUGH:
        raise UsageError(f"口令不足 {LONG_ENOUGH} 个字符", cure="换一个更长的口令")
    return passphrase


@click.group(
    cls=Group,
    help="封存所用的密钥（Ed25519）：生成、查看公钥与指纹。\n\n"
    "私钥只在本机，不进项目目录；把指纹另行告知收件人（电话、当面），对方才能确认是谁封存的。",
    epilog="dengbao key new\ndengbao key show",
)
def key() -> None:
    """Group of the commands on keys."""


@key.command(
    "new",
    help="生成一对密钥，私钥以口令加密；已有的不覆盖。\n\n"
    f"口令按提示输入，或取自环境变量 {PASSPHRASE}。已有 ssh-keygen -t ed25519 的密钥可直接用于 seal --key。",
    epilog="dengbao key new\ndengbao key new --key D:\\keys\\seal-key",
)
@key_option
def new(path: Path | None) -> int:
    """Make a key pair."""
    from ..packet.dsse import new_key  # noqa: PLC0415

    place = path or default_key()
    if place.exists():
        raise UsageError(
            "此处已有密钥，不覆盖", where=str(place), cure="用 dengbao key show 查看；或换一个文件名"
        )
    made = new_key(place, _chosen())
    out = console()
    verbatim(out, f"私钥 {place}")
    verbatim(out, f"公钥 {place.with_name(place.name + '.pub')}")
    _tell(out, made.public)
    say(out, "下一步：备份私钥与口令；把指纹另行告知收件人，然后")
    verbatim(out, "  dengbao seal my-hospital --by 姓名/单位")
    return 0


@key.command("show", help="显示公钥与指纹；不需要口令。", epilog="dengbao key show")
@key_option
def show(path: Path | None) -> int:
    """Print public key and fingerprint."""
    from ..packet.dsse import public_key  # noqa: PLC0415

    place = path or default_key()
    public = place.with_name(place.name + ".pub")
    found = public_key(public.read_text(encoding="utf-8")) if public.is_file() else open_key(place).public
    _tell(console(), found)
    return 0


def _tell(out: Console, public: PublicKey) -> None:
    verbatim(out, f"公钥 {public.text}")
    verbatim(out, f"指纹 {public.fingerprint}")
