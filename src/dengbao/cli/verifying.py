"""verify: whether a sealed packet, or a report that came from one, is what was sealed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.text import Text

from ..errors import UsageError
from ..model.approvals import PartyRole
from ..packet.dsse import PublicKey, public_key
from ..packet.scan import SUFFIXES, examine_mark, read_scan
from ..packet.verify import Verified, verify_packet
from ..packet.witnesses import Kind, beside, packet_in
from ..report.wording import moment
from . import options
from .chinese import Argument, Command
from .console import console, paragraph, say, verbatim
from .unaccompanied import WRONG, report_alone, scan_alone, show_by_gravity
from .values import existing_file

_KEY_BYTES: Final = 64 * 1024
_PROVES: Final = "证明：自密钥持有人封存以来，包内每个文件都没有改动"
_NOT: Final = "不证明：内容属实；封存人就是所写的人（须另行核对指纹）；也不是《电子签名法》所称的电子签名"


def _existing(value: str) -> Path:
    """Return a file or folder that is there."""
    path = Path(value)
    if not value or "\0" in value or not path.exists():
        raise click.BadParameter(f"没有“{value}”")
    return path


@click.command(
    cls=Command,
    help="核验封存包：摘要、签名、由原始事实重新判定、重做报告并比对；不联网，不改动，不需要项目目录。\n\n"
    "送来的 .docx 加 --packet，逐条指出与封存的报告不同之处，不论用哪个程序另存过；没有封存包的，"
    "与文件内附的数据逐行比对，数据由签章页二维码的签名担保。扫描件按二维码核对。\n\n"
    "退出码：0 一致；4 有不一致或未能核验之处。",
    epilog="dengbao verify packet.zip --trust 某某科技.pub\ndengbao verify 报告.docx --packet packet.zip\n"
    "dengbao verify 盖章页.png --trust 某某科技.pub",
)
@click.argument(
    "path",
    metavar="文件或目录",
    cls=Argument,
    type=_existing,
    help="封存包（.zip 或目录）、项目目录（取其最后封存的包）、.docx 或签章页扫描件（PNG、JPEG）",
)
@click.option("--packet", type=_existing, metavar="封存包", help="送核验的 .docx 或扫描件出自哪个封存包")
@click.option(
    "--trust", "keys", multiple=True, type=existing_file, metavar="公钥文件",
    help="可信的封存密钥（.pub，一行 ssh-ed25519 …），可多次给出",
)  # fmt: skip
@click.option("--repacked", is_flag=True, help="压缩包被别的程序重新打包过：只核对内容，不算不一致")
@options.as_json
@options.content
def verify(
    path: Path, packet: Path | None, keys: tuple[Path, ...], repacked: bool, form: str, content: Path | None
) -> int:
    """Verify and say what was found."""
    progress = console(stderr=True)
    trusted = tuple(_key(one) for one in keys)
    if packet is None and path.suffix.casefold() == ".docx":
        return report_alone(path, trusted, form, content)
    if path.is_dir() and (newest := packet_in(path)) is not None:
        say(progress, f"核验最后封存的包：{newest.name}")
        path = newest
    mark = read_scan(path) if path.suffix.casefold() in SUFFIXES else None
    if mark is not None and packet is None:
        return scan_alone(mark, path, trusted, form)
    found = verify_packet(
        packet or path, content=content, trusted=trusted, repacked=repacked, vouched=beside(packet or path),
        delivered=path if packet is not None and mark is None else None, say=lambda text: say(progress, text),
    )  # fmt: skip
    if mark is not None:
        seen = tuple(examine_mark(mark, path.name, trusted, found.seal))
        found = replace(found, findings=(*seen, *found.findings))
    if form == "json":
        print(msgspec.json.format(msgspec.json.encode(_plain(found)), indent=1).decode())
    else:
        _show(console(), found)
    return 0 if found.holds else WRONG


def _key(path: Path) -> PublicKey:
    with path.open("rb") as file:
        text = file.read(_KEY_BYTES).decode("utf-8", "replace")
    try:
        return public_key(text)
    except UsageError as exc:
        raise UsageError(exc.message, where=str(path), cure=exc.cure) from exc


def _plain(found: Verified) -> dict[str, object]:
    return {
        "holds": found.holds, "packet": found.packet, "signed": found.signed, "trusted": found.trusted,
        "seal": found.seal, "findings": found.findings, "witnesses": found.witnesses,
    }  # fmt: skip


def _show(out: Console, found: Verified) -> None:
    _show_seal(out, found)
    _show_witnesses(out, found)
    show_by_gravity(out, found.findings)
    if found.holds:
        say(out, "核验一致：内容与封存时相同，各项判定由原始事实重新得出，报告与之相符。", style="green")
    else:
        say(out, "核验不一致：见上列各处；在查清之前不要据以签章。", style="bold red")


def _show_witnesses(out: Console, found: Verified) -> None:
    """Print who vouches for the packet, which of it counts, and what each proves."""
    if not found.witnesses:
        return
    counting = [one for one in found.witnesses if one.counts]
    stamped = len({one.role for one in counting if one.kind is Kind.APPROVAL})
    rechecks = sum(1 for one in counting if one.kind is Kind.RECHECK)
    say(out, f"对这个封存包：盖章作数 {stamped}/{len(PartyRole)}，复核抽测 {rechecks} 次", style="bold")
    for one in found.witnesses:
        who = f"{one.by.name}（{one.by.org}）{one.on}"
        word = (f"{one.kind.zh}", "") if one.counts else (f"{one.kind.zh}作废", "bold red")
        lead = Text.assemble("  ", word, f" {one.role} ")
        paragraph(out, lead, f"{who}：{one.proves}（{one.place}）", indent=4)


def _show_seal(out: Console, found: Verified) -> None:
    seal = found.seal
    if seal is None:
        say(out, "封存记录无法读取。", style="bold red")
        return
    who = f"{seal.sealed_by.name}（{seal.sealed_by.org}）"
    rows = (
        ("封存", f"{who}于 {moment(seal.sealed_at)}（北京时间，本机时钟所记，无第三方时间戳）"),
        ("内容", f"{seal.institution} {seal.system} 第 {seal.round} 轮，报告编号 {seal.report_number}"),
        ("依据", f"{seal.suite}，dengbao {seal.tool_version}"),
        ("密钥", f"{seal.key}{'（在可信之列）' if found.trusted else '（未与可信的密钥核对）'}"),
        ("签名", _PROVES if found.signed else "无效，或所签不是包内的内容"),
        ("", _NOT),
    )
    for name, text in rows:
        paragraph(out, Text(f"{name or '　　'}  "), text)
    for each in seal.allowed:
        paragraph(
            out, Text("放行  "), f"{each.place} {each.what}：{each.why}（{each.by.name}、{each.agreed.name}）"
        )
    verbatim(out, f"摘要  {found.packet}")
