"""Listens on an interface of this machine: tcpdump captures, our reader takes its stream.

Sends: nothing, and the interface is not switched to promiscuous mode. Needs root or CAP_NET_RAW.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ..errors import DengbaoError, NoPermission, ProbeIncapable, UsageError
from .survey import Declared, Survey, survey

_PLACES: Final = ("/usr/bin/tcpdump", "/usr/sbin/tcpdump", "/sbin/tcpdump")
_INTERFACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,31}")
_FILTER: Final = re.compile(r"[A-Za-z0-9_.:/ ()\[\]=!<>&|-]{0,2000}")
_STARTS_WITHIN_S: Final = 10.0
_ENDS_WITHIN_S: Final = 10.0
_DRAINS_WITHIN_S: Final = 0.3
_MAX_STDERR: Final = 8192
_REFUSED: Final = ("permission", "not permitted", "privilege")
_INSTEAD: Final = "也可请管理员运行 tcpdump -w 抓包后，交来抓包文件"


class Listening:
    """A capture under way; `stop` ends it, `result` waits for what it showed."""

    def __init__(self, process: subprocess.Popen[bytes], declared: Iterable[Declared]) -> None:
        self._process = process
        self._ready = threading.Event()
        self._said = b""
        self._survey: Survey | None = None
        self._problem: Exception | None = None
        self._threads = (
            threading.Thread(target=self._hear, daemon=True),
            threading.Thread(target=self._read, args=(tuple(declared),), daemon=True),
        )
        for one in self._threads:
            one.start()

    def _hear(self) -> None:
        stream = self._process.stderr
        assert stream is not None  # noqa: S101  # it is a pipe
        while line := stream.readline(1024):
            self._said = (self._said + line)[-_MAX_STDERR:]
            if b"listening on" in line:
                self._ready.set()
        self._ready.set()

    def _read(self, declared: tuple[Declared, ...]) -> None:
        stream = self._process.stdout
        assert stream is not None  # noqa: S101  # it is a pipe
        try:
            self._survey = survey(stream, declared)
        except (DengbaoError, OSError, ValueError) as problem:
            self._problem = problem

    def wait_until_ready(self) -> None:
        """Return when tcpdump listens.

        Raises:
            NoPermission: this account may not capture.
            UsageError: there is no such interface, or the filter is wrong.
            ProbeIncapable: tcpdump does not begin.

        """
        self._ready.wait(_STARTS_WITHIN_S)
        if b"listening on" in self._said:
            return
        self.stop()
        text = self._said.decode("utf-8", "replace").strip()
        if any(one in text.lower() for one in _REFUSED):
            raise NoPermission(
                f"没有抓包的权限：{text}",
                cure=f"请以 root 运行，或授予 tcpdump CAP_NET_RAW（setcap cap_net_raw+ep）；{_INSTEAD}",
            )
        if "No such device" in text or "syntax error" in text or "doesn't exist" in text:
            raise UsageError(
                f"tcpdump 未能开始：{text}", cure="请用 tcpdump -D 核对网卡名称，并核对过滤表达式"
            )
        raise ProbeIncapable(f"tcpdump 未能开始：{text or '没有应答'}", cure=_INSTEAD)

    def stop(self) -> None:
        """End the capture; what was captured is kept."""
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_DRAINS_WITHIN_S)  # what is in the kernel's ring is lost at the end
            self._process.terminate()
        try:
            self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_ENDS_WITHIN_S)
        for one in self._threads:
            one.join(_ENDS_WITHIN_S)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def result(self) -> Survey:
        """End the capture and return what it showed.

        Raises:
            ProbeIncapable: tcpdump gave nothing that can be read.

        """
        self.stop()
        if self._survey is None:
            raise ProbeIncapable(f"抓包没有可读的内容：{self._problem or '未结束'}", cure=_INSTEAD)
        return self._survey

    @property
    def dropped(self) -> int | None:
        """Return how many packets the kernel dropped, None before the end or where tcpdump does not say."""
        found = re.search(rb"(\d+) packets? dropped by kernel", self._said)
        return int(found.group(1)) if found else None


def listen(
    interface: str,
    declared: Iterable[Declared] = (),
    *,
    only: str = "",
    tcpdump: Path | None = None,
) -> Listening:
    """Begin to capture on an interface; `only` is a filter of tcpdump.

    Raises:
        UsageError: the interface's name or the filter holds what none holds, or tcpdump refuses them.
        NoPermission: this account may not capture.
        ProbeIncapable: there is no tcpdump, or it does not begin.

    """
    if not _INTERFACE.fullmatch(interface):
        raise UsageError(f"“{interface}”不是网卡名称", cure="请用 ip link 或 tcpdump -D 查看")
    if not _FILTER.fullmatch(only) or only.lstrip().startswith("-"):
        raise UsageError("过滤表达式含有不允许的字符", cure="请按 pcap-filter 的写法填写，如 host 10.0.0.2")
    program = tcpdump or _find()
    command = [
        str(program),
        "-i",
        interface,
        "-p",
        "-n",
        "-U",
        "--immediate-mode",
        "-s",
        "0",
        "-B",
        "16384",
        "-w",
        "-",
    ]
    try:
        process = subprocess.Popen(
            [*command, only] if only else command,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except OSError as problem:
        raise ProbeIncapable(f"tcpdump 不能运行：{problem.strerror}", cure=_INSTEAD) from None
    listening = Listening(process, declared)
    listening.wait_until_ready()
    return listening


def _find() -> Path:
    found = shutil.which("tcpdump") or next((one for one in _PLACES if Path(one).exists()), None)
    if found is None:
        raise ProbeIncapable("没有 tcpdump", cure=f"请安装 tcpdump；{_INSTEAD}")
    return Path(found)
