"""Reads the framed output of `collect.sh`: sections, and the files framed inside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ...errors import NoPermission, ProbeError, ProbeIncapable, ProtocolMismatch, TimedOut, Unreachable

# What `timeout` and the kernel answer for a command that was stopped for taking too long.
_STOPPED: Final = frozenset({124, 137, 143})


# What the operator reads about a section that did not come.
_TITLES: Final = {
    "system": "系统信息", "passwd": "账户列表", "group": "用户组", "shadow": "口令状态",
    "keys": "授权密钥", "logins": "末次登录", "pam": "PAM 配置", "modules": "PAM 模块",
    "policy": "口令与会话策略", "shell": "登录 shell 环境", "sshd": "sshd 配置",
    "sshd_options": "sshd 生效配置", "audit_state": "审计状态", "audit_rules": "审计规则",
    "audit_files": "审计配置", "audit_records": "审计记录样本", "syslog": "日志服务",
    "logs": "日志文件", "rotation": "日志轮转", "services": "系统服务", "shares": "共享设置",
    "processes": "进程", "listening": "监听端口", "sockets": "端口所属进程", "packages": "软件包",
    "updates": "更新数据", "mac": "强制访问控制", "boot": "可信启动", "integrity": "完整性校验工具",
    "memory": "内存与交换", "firewall": "防火墙", "wrappers": "访问来源限制", "sudo": "sudo 配置",
    "rights": "文件权限", "programs": "监听端口所属程序",
    "sweep": "人人可写的文件", "places": "数据目录权限", "traces": "遗留的鉴别信息",
    "installation": "安装时间", "login_rules": "登录规则", "sshd_match": "sshd 条件设置",
}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """One whole section; `code` is None where the shell told no exit status."""

    name: str
    body: bytes
    error: str = ""
    code: int | None = None
    limit: int = 0
    nonce: str = ""

    @property
    def cut(self) -> bool:
        """Tell whether the body was longer than the limit, so that its end is missing."""
        return len(self.body) > self.limit

    @property
    def text(self) -> str:
        """Return the body as text; bytes that are not UTF-8 are replaced."""
        return self.body.decode("utf-8", "replace")

    def marks(self, word: str) -> tuple[str, ...]:
        """Return what follows `NONCE word` on the lines that begin so."""
        head = f"{self.nonce} {word}"
        found = (one[len(head) :] for one in self.text.splitlines() if one.startswith(head))
        return tuple(one.strip() for one in found if not one or one[0] == " ")

    def mark(self, word: str) -> str | None:
        """Return what follows the first `NONCE word`, None if there is none."""
        return next(iter(self.marks(word)), None)


@dataclass(frozen=True)
class Framed:
    """A file inside a section: `state` is `ok`, `denied`, `absent`, `special` or `broken`."""

    path: str
    state: str
    text: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the lines of the file."""
        return tuple(self.text.splitlines())


@dataclass(frozen=True)
class Files:
    """All files and folders framed in a section, in order."""

    files: tuple[Framed, ...]
    folders: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Framed | None:
        """Return the file of that path, None if the script did not look for it."""
        return next((one for one in self.files if one.path == path), None)

    def readable(self, prefix: str = "") -> Iterator[Framed]:
        """Yield the files that could be read whole, under a path prefix."""
        return (one for one in self.files if one.state == "ok" and one.path.startswith(prefix))

    def denied(self, *prefixes: str) -> tuple[str, ...]:
        """Return paths of files and folders that could not be read, under any of the prefixes."""
        bad = [one.path for one in self.files if one.state in ("denied", "broken")]
        bad += [path for path, state in self.folders.items() if state == "denied"]
        return tuple(one for one in bad if not prefixes or one.startswith(prefixes))


@dataclass(frozen=True)
class Transcript:
    """What arrived: whole sections by name; `done` tells whether the script ran to its end."""

    sections: Mapping[str, Section]
    done: bool
    account: str = ""
    ended_by: ProbeError | None = None

    def section(self, name: str) -> Section:
        """Return a section that arrived whole and was not stopped or cut.

        Raises:
            Unreachable, TimedOut: the connection or the time ended before it arrived.
            TimedOut: its command was stopped on the host.
            ProtocolMismatch: its output was cut.

        """
        found = self.sections.get(name)
        title = _TITLES.get(name, name)
        if found is None:
            raise self.ended_by or Unreachable(
                f"采集脚本未送回“{title}”部分", cure="检查网络与主机负载后重新运行"
            )
        if found.code in _STOPPED:
            raise TimedOut(f"主机查看“{title}”超时", cure="检查主机负载或挂起的命令后重新运行")
        if found.cut:
            raise ProtocolMismatch(f"“{title}”输出超过 {found.limit} 字节，已截断", cure="该部分改由人工核查")
        return found

    def optional(self, name: str) -> Section | None:
        """Return a section, or None where `section` would raise."""
        try:
            return self.section(name)
        except ProbeError:
            return None

    def files(self, name: str) -> Files:
        """Return the files of a section; raises as `section` does."""
        return parse_files(self.section(name))

    def refuse(self, *paths: str) -> NoPermission:
        """Return the error for paths that the account may not read."""
        return NoPermission(
            f"账户 {self.account or '（未知）'} 无权读取 {'、'.join(paths)}",
            cure="为该账户配置 sudo 后重新运行，或以人工佐证补充",
        )


def parse_transcript(data: bytes, nonce: str) -> tuple[dict[str, Section], bool]:
    """Return the whole sections of `data` by name, and whether the closing mark was seen.

    Anything before, between and after the frames (banners, profile output) is ignored. The first
    section of a name counts.
    """
    mark = re.escape(nonce.encode())
    begin = re.compile(rb"^" + mark + rb" begin (\w+) (\d+)\n", re.MULTILINE)
    sections: dict[str, Section] = {}
    at = 0
    while (head := begin.search(data, at)) is not None:
        name, limit = head.group(1), int(head.group(2))
        tail = re.compile(
            rb"\n" + mark + rb" end " + name + rb"\n(.*?)\n" + mark + rb" close " + name + rb"\n", re.DOTALL
        ).search(data, head.end() - 1)
        if tail is None:
            break
        body = data[head.end() : max(tail.start(), head.end())]
        error, code = _split_error(tail.group(1).decode("utf-8", "replace"), nonce)
        found = Section(name.decode(), body, error, code, limit, nonce)
        sections.setdefault(found.name, found)
        at = tail.end() - 1
    done = re.compile(rb"^" + mark + rb" done$", re.MULTILINE).search(data, at) is not None
    return sections, done


def _split_error(text: str, nonce: str) -> tuple[str, int | None]:
    error, _, code = text.rpartition(f"{nonce} rc ")
    return (error.strip(), int(code)) if code.strip().isdecimal() else (text.strip(), None)


def parse_files(section: Section) -> Files:
    """Return the files and folders framed in a section; a file without its end counts as broken."""
    mark = re.escape(section.nonce)
    head = re.compile(rf"^{mark} (file|dir) (ok|denied|absent|special) (.*)$", re.MULTILINE)
    files: list[Framed] = []
    folders: dict[str, str] = {}
    text = section.text
    at = 0
    while (found := head.search(text, at)) is not None:
        what, state, path = found.groups()
        at = found.end()
        if what == "dir":
            folders[path] = state
        elif state != "ok":
            files.append(Framed(path, state))
        else:
            one, at = _content(text, at, path, section.nonce)
            files.append(one)
    return Files(tuple(files), folders)


def _content(text: str, at: int, path: str, nonce: str) -> tuple[Framed, int]:
    end = text.find(f"\n{nonce} eof", at)
    if end < 0:
        return Framed(path, "broken"), len(text)
    content = text[at + 1 : end] if end > at else ""
    if content.endswith((f"{nonce} broken\n", f"{nonce} broken")):
        return Framed(path, "broken"), end + 1
    return Framed(path, "ok", content), end + 1


def require_tool(section: Section, tool: str) -> None:
    """Refuse a section whose script said, by exit status 3, that the tool is not installed.

    Raises:
        ProbeIncapable: the host has no such tool.

    """
    if section.code == 3:
        raise ProbeIncapable(f"主机未安装 {tool}", cure="以人工佐证补充")
