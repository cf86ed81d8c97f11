"""verify: whether a sealed packet, or a report that came from one, is what was sealed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.text import Text

from ..errors import UsageError
from ..packet.dsse import PublicKey, public_key
from ..packet.findings import Finding, Gravity
from ..packet.qr import Mark
from ..packet.scan import SUFFIXES, examine_mark, read_scan, told_counts
from ..packet.verify import Verified, verify_packet
from ..report.wording import moment
from . import options
from .chinese import Argument, Command
from .console import console, paragraph, say, verbatim
from .values import existing_file

_WRONG: Final = 4
_KEY_BYTES: Final = 64 * 1024
_MANY: Final = 12
_COLOURS: Final = {Gravity.BROKEN: "bold red", Gravity.OPEN: "magenta", Gravity.NOTE: "cyan"}
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
    "送来的 .docx 加 --packet，逐条指出与封存的报告不同之处，不论用哪个程序另存过；扫描件按二维码核对。\n\n"
    "退出码：0 一致；4 有不一致或未能核验之处。",
    epilog="dengbao verify packet.zip --trust 某某科技.pub\ndengbao verify 报告.docx --packet packet.zip\n"
    "dengbao verify 盖章页.png --trust 某某科技.pub",
)
@click.argument(
    "path",
    metavar="文件或目录",
    cls=Argument,
    type=_existing,
    help="封存包（.zip 或目录）、.docx 或签章页扫描件（PNG、JPEG）",
)
@click.option("--packet", type=_existing, metavar="封存包", help="送核验的 .docx 或扫描件出自哪个封存包")
@click.option(
    "--trust", "keys", multiple=True, type=existing_file, metavar="公钥文件",
    help="可信的封存密钥（.pub，一行 ssh-ed25519 …），可多次给出",
)  # fmt: skip
@options.as_json
@options.content
def verify(path: Path, packet: Path | None, keys: tuple[Path, ...], form: str, content: Path | None) -> int:
    """Verify and say what was found."""
    if packet is None and path.suffix.casefold() == ".docx":
        raise UsageError(
            "单凭 .docx 不能核验", where=str(path), cure=f"dengbao verify {path} --packet 封存包.zip"
        )
    progress = console(stderr=True)
    trusted = tuple(_key(one) for one in keys)
    mark = read_scan(path) if path.suffix.casefold() in SUFFIXES else None
    if mark is not None and packet is None:
        return _scan_alone(mark, path, trusted, form)
    found = verify_packet(
        packet or path, content=content, trusted=trusted,
        delivered=path if packet is not None and mark is None else None, say=lambda text: say(progress, text),
    )  # fmt: skip
    if mark is not None:
        seen = tuple(examine_mark(mark, path.name, trusted, found.seal))
        found = replace(found, findings=(*seen, *found.findings))
    if form == "json":
        print(msgspec.json.format(msgspec.json.encode(_plain(found)), indent=1).decode())
    else:
        _show(console(), found)
    return 0 if found.holds else _WRONG


def _scan_alone(mark: Mark, path: Path, trusted: tuple[PublicKey, ...], form: str) -> int:
    """Say what the code of a stamped page tells where there is no packet."""
    findings = tuple(examine_mark(mark, path.name, trusted))
    if form == "json":
        plain = {"holds": not findings, "mark": mark.text, "findings": findings}
        print(msgspec.json.format(msgspec.json.encode(plain), indent=1).decode())
    else:
        out = console()
        paragraph(out, Text("报告编号  "), mark.number)
        paragraph(out, Text("各项判定  "), told_counts(mark))
        verbatim(out, f"内容摘要  {mark.content_sha256}")
        _show_findings(out, findings)
        if not findings:
            say(out, "二维码由可信的密钥所签；报告正文须与封存包另行比对（--packet）。", style="green")
    return _WRONG if findings else 0


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
        "seal": found.seal, "findings": found.findings,
    }  # fmt: skip


def _show(out: Console, found: Verified) -> None:
    _show_seal(out, found)
    by_gravity: dict[Gravity, list[Finding]] = defaultdict(list)
    for one in found.findings:
        by_gravity[one.gravity].append(one)
    for gravity, several in by_gravity.items():
        say(out, f"{gravity.zh} {len(several)} 处", style=_COLOURS[gravity])
        _show_findings(out, several)
    if found.holds:
        say(out, "核验一致：内容与封存时相同，各项判定由原始事实重新得出，报告与之相符。", style="green")
    else:
        say(out, "核验不一致：见上列各处；在查清之前不要据以签章。", style="bold red")


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


def _show_findings(out: Console, findings: Iterable[Finding]) -> None:
    """Print findings by place, the cure once for those that share it."""
    by_place: dict[str, list[Finding]] = defaultdict(list)
    for one in findings:
        by_place[one.place].append(one)
    cured: set[str] = set()
    for place, several in by_place.items():
        items = tuple(dict.fromkeys(item for one in several for item in one.items))
        paragraph(out, Text("  "), f"{place}{_items(items)}", indent=4)
        for one in several:
            paragraph(out, Text("    "), one.message)
            if one.cure and one.cure not in cured:
                cured.add(one.cure)
                paragraph(out, Text("    处理："), one.cure)


def _items(items: tuple[str, ...]) -> str:
    if not items:
        return ""
    return f"（涉及 {'、'.join(items[:_MANY])}{f' 等 {len(items)} 项' if len(items) > _MANY else ''}）"
