"""Takes apart the sections of the Windows collector: records of tab-separated fields, and plain text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from ...errors import NoPermission, ProtocolMismatch
from ..host.frames import Section, Transcript

_DENIED: Final = 5
_LINE_LIMIT: Final = 64 * 1024
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES: Final = {"t": "\t", "r": "\r", "n": "\n", "\\": "\\"}
_TITLES: Final = {
    "system": "系统信息", "secedit": "本地安全策略", "netaccounts": "账户策略", "auditpol": "审核策略",
    "auditbackup": "审核策略（数值）", "accounts": "本地账户", "groups": "本地组", "registry": "注册表值",
    "screens": "屏幕保护设置", "providers": "登录凭据提供程序", "services": "系统服务", "shares": "共享",
    "netstat": "监听端口", "processes": "进程", "firewall": "防火墙", "updates": "补丁与更新",
    "features": "已启用的功能", "programs": "已安装程序", "logs": "事件日志设置", "events": "安全日志样本",
    "antivirus": "恶意代码防范", "trust": "可信根与磁盘加密",
}  # fmt: skip


def whole(transcript: Transcript, name: str) -> Section:
    """Return a section that the script could read to its end.

    Raises:
        NoPermission: the script ran without the right that the section needs.
        ProtocolMismatch: something else went wrong on the host, or the section was cut.

    """
    section = transcript.section(name)
    title = _TITLES.get(name, name)
    if section.code == _DENIED:
        raise NoPermission(
            f"采集时没有读取“{title}”的权限",
            cure="以管理员身份重新运行 collect-windows.ps1，或以人工佐证补充",
        )
    if section.code != 0:
        raise ProtocolMismatch(
            f"采集脚本未能读完“{title}”（{section.error[:200] or '原因未知'}）", cure="该部分改由人工核查"
        )
    return section


def text_of(section: Section) -> str:
    """Return the body as text: UTF-8, or UTF-16 as the tool wrote it.

    Raises:
        ProtocolMismatch: neither; a wrong guess would turn Chinese account names into others.

    """
    body = section.body
    for mark, codec in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF8, "utf-8")):
        if body.startswith(mark):
            return _decoded(body.removeprefix(mark), codec, section.name)
    if b"\0" in body:
        return _decoded(body, "utf-16-le", section.name)
    return _decoded(body, "utf-8", section.name)


def _decoded(body: bytes, codec: str, name: str) -> str:
    try:
        text = body.decode(codec)
    except UnicodeDecodeError as exc:
        title = _TITLES.get(name, name)
        raise ProtocolMismatch(
            f"“{title}”的文字编码无法识别", cure="用原脚本重新采集，不要另存输出文件"
        ) from exc
    if "\0" in text:
        raise ProtocolMismatch(f"“{_TITLES.get(name, name)}”含有无法识别的字节", cure="用原脚本重新采集")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def lines_of(section: Section) -> Iterator[str]:
    """Yield the lines that are not empty.

    Raises:
        ProtocolMismatch: a line longer than any that the script writes; leaving it out might hide a finding.

    """
    for line in text_of(section).split("\n"):
        if len(line) > _LINE_LIMIT:
            raise ProtocolMismatch(
                f"“{_TITLES.get(section.name, section.name)}”中有超长的行", cure="用原脚本重新采集"
            )
        if line.strip():
            yield line


def records(section: Section, word: str, least: int = 1) -> Iterator[list[str]]:
    """Yield the fields after `word` of each record that begins with it, padded to `least` fields."""
    for line in lines_of(section):
        first, *fields = line.split("\t")
        if first == word:
            plain = [_ESCAPE.sub(lambda hit: _ESCAPES.get(hit.group(1), hit.group()), one) for one in fields]
            yield plain + [""] * (least - len(plain))


def number(text: str) -> int | None:
    """Return a whole number, None for anything else."""
    plain = text.strip()
    return int(plain) if plain.removeprefix("-").isdecimal() and len(plain) < 20 else None


def truth(text: str) -> bool | None:
    """Return what True, False, 1 and 0 say; Windows prints the words in English."""
    return {"true": True, "false": False, "1": True, "0": False}.get(text.strip().casefold())


def moment_s(text: str) -> int | None:
    """Return an ISO moment as seconds of 1970; Windows writes more digits than Python takes."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z", text.strip())
    if found is None:
        return None
    try:
        return int(datetime.fromisoformat(found.group(1) + "+00:00").timestamp())
    except ValueError:
        return None
