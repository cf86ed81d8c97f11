"""capture: what a given capture shows, without an engagement; nothing is judged and nothing kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click
import msgspec
from rich.text import Text

from ..capture.files import Extent
from ..capture.findings import Channel, Finding, Flow
from ..capture.places import parse_place
from ..capture.survey import Declared, Survey, survey_file
from ..redact import Redactor
from . import options
from .chinese import Argument, Command
from .console import console, paragraph, say
from .values import counted

_SAY_EVERY_S = 2.0
_MOST_FINDINGS = 8  # of one flow in the table
_EXACT = 40  # beyond it counts are lower bounds
_MARKS = {
    Channel.CLEAR: "bold red", Channel.ENCRYPTED: "green", Channel.CANNOT_TELL: "magenta",
    Channel.NOT_SEEN: "dim",
}  # fmt: skip


def _file(value: str) -> Path:
    path = Path(value)
    if not value or "\0" in value or not path.is_file():
        raise click.BadParameter(f"没有文件“{value}”")
    return path


@click.command(
    "capture",
    cls=Command,
    help="查看抓包文件（pcap、pcapng）：各连接是否加密，明文中有哪些口令、令牌、个人信息（均遮盖后显示）。\n\n"
    "不连接任何地址，不作判定，不保存内容，大小不限。须判定的，在 engagement.yaml 的测评对象下登记 traffic。",
    epilog="dengbao capture a7.pcap\ndengbao capture a7.pcap --server 10.0.0.2:443\n"
    "dengbao capture a7.pcapng --format json",
)
@click.argument(
    "files", metavar="文件…", nargs=-1, required=True, cls=Argument, type=_file, help="抓包文件，可多个"
)
@click.option(
    "--server", "servers", multiple=True, metavar="地址",
    help="只列与这些服务端的连接，如 10.0.0.2:443、10.0.0.0/24，可多次给出",
)  # fmt: skip
@click.option("--most", type=counted, metavar="个数", default="50", help="至多列出多少个连接，缺省 50")
@options.as_json
def capture(files: tuple[Path, ...], servers: tuple[str, ...], most: int, form: str) -> int:
    """Print what captures show."""
    declared = [Declared(name=one, server=one) for one in servers]
    found = [(path, survey_file(path, declared, watch=_watch(path))) for path in files]
    if form == "json":
        shown = [{"file": str(path), "survey": _only(one, declared, most)} for path, one in found]
        print(Redactor().text(msgspec.json.format(msgspec.json.encode(shown), indent=1).decode()))
        return 0
    for path, one in found:
        _tell(path, _only(one, declared, most), len(_meant(one, declared)))
    return 0


def _watch(path: Path) -> Callable[[Extent], None]:
    """Return who says now and then how far the reading has come."""
    out, size = console(stderr=True), max(path.stat().st_size, 1)
    said = time.monotonic()

    def watch(extent: Extent) -> None:
        nonlocal said
        if time.monotonic() - said >= _SAY_EVERY_S:
            said = time.monotonic()
            say(out, f"{path.name}（{size / 1e6:.0f} MB）：已读 {extent.frames} 个包", style="dim")

    return watch


def _meant(seen: Survey, declared: list[Declared]) -> list[Flow]:
    """Return the flows to be listed, those with findings or in clear first."""
    places = [parse_place(one.server) for one in declared]
    flows = [
        one
        for one in seen.flows
        if not places or any(place.holds(one.server, one.server_port) for place in places)
    ]
    order = list(_MARKS)
    return sorted(flows, key=lambda one: (not one.findings, order.index(one.channel), one.first_packet))


def _only(seen: Survey, declared: list[Declared], most: int) -> Survey:
    flows = _meant(seen, declared)
    left = seen.flows_left_out + max(len(flows) - most, 0)
    return msgspec.structs.replace(seen, flows=tuple(flows[:most]), flows_left_out=left)


def _tell(path: Path, seen: Survey, total: int) -> None:
    out = console()
    say(out, f"{path}：{seen.frames} 个包，{seen.bytes / 1e6:.1f} MB，{total} 个连接")
    if seen.broken:
        say(out, f"注意：{seen.broken}", style="yellow")
    unread = "、".join(f"{_UNREAD.get(kind, kind)} {count} 个" for kind, count in seen.unread if count)
    if unread:
        say(out, f"未解读的包：{unread}", style="dim")
    for one in seen.declared:
        counts = f"加密 {one.encrypted}、明文 {one.clear}、无法判断 {one.cannot_tell}、无数据 {one.silent}"
        say(out, f"{one.name}：{counts} 个连接")
    for flow in seen.flows:
        paragraph(out, _lead(flow), _line(flow))
        for finding in flow.findings[:_MOST_FINDINGS]:
            say(out, f"    {_found(finding, sampled=bool(flow.sampled_bytes))}", style="red")
        left = len(flow.findings) - _MOST_FINDINGS
        if left > 0 or flow.findings_left_out:
            say(out, f"    另有 {max(left, 0)} 类、{flow.findings_left_out} 处未列出")
    if seen.flows_left_out:
        say(out, f"另有 {seen.flows_left_out} 个连接未列出（--most 可增加）")


def _lead(flow: Flow) -> Text:
    return Text(f"{flow.channel.zh}  ", style=_MARKS[flow.channel])


def _line(flow: Flow) -> str:
    crypto = flow.crypto.version if flow.crypto and flow.crypto.version else flow.speaks.zh
    parts = [f"{_end(flow.client, flow.client_port)} → {_end(flow.server, flow.server_port)}", crypto]
    parts.append(f"{flow.packets} 包 {flow.client_bytes + flow.server_bytes} 字节")
    if flow.upgraded_from:
        parts.append(f"先以 {flow.upgraded_from.zh} 协商")
    if not flow.beginning_seen:
        parts.append("未见连接开始")
    if flow.lost_bytes:
        parts.append(f"缺 {flow.lost_bytes} 字节")
    if flow.unseen_bytes:
        parts.append(f"{flow.unseen_bytes} 字节未解读")
    return "，".join(parts)


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _found(one: Finding, *, sampled: bool) -> str:
    count = f"{'至少 ' if sampled or one.count >= _EXACT else ''}{one.count} 处"
    side = "客户端" if one.from_client else "服务端"
    where = f"{side} {_WHERE.get(one.where, one.where)}{f' {one.field}' if one.field else ''}"
    return f"{one.kind.zh} {count}：{where}，如 {one.masked}，第 {one.packet} 包"


_WHERE = {
    "url": "地址", "header": "报文头", "form": "表单", "body": "报文体", "login": "登录报文",
    "stream": "数据流",
}  # fmt: skip
_UNREAD = {
    "link": "链路类型不识别", "not_ip": "非 IP", "fragment": "IP 分片", "short": "残缺",
    "other_protocol": "其他协议（ICMP 等）",
}  # fmt: skip
