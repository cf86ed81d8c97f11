"""Lets nmap name the services on open ports; streamed for progress, parsed by python-nmap."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nmap

from ...errors import ProbeError
from ...scope import compact_ports
from ..base import Context
from ..process import Ran, run_engine
from .facts import OpenPort


@dataclass(frozen=True)
class Named:
    """Open ports with nmap's words; `engine` is empty where it could not say, for `note`."""

    ports: tuple[OpenPort, ...]
    engine: str = ""
    note: str = ""
    raw: bytes = field(default=b"", repr=False)


class Progress:
    """Hears nmap's XML while it is written and says how far it has come."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._parser: ET.XMLPullParser[ET.Element] = ET.XMLPullParser(("start",))
        self._say = say

    def hear(self, data: bytes) -> None:
        """Take the next bytes of the document; what cannot be parsed is left to the end."""
        try:
            self._parser.feed(data)
            elements = [event[-1] for event in self._parser.read_events()]
        except ET.ParseError:
            return
        for element in elements:
            if isinstance(element, ET.Element) and element.tag == "taskprogress":
                self._say(f"识别服务 {float(element.get('percent', '0')):.0f}%")


async def name_services(
    context: Context, address: str, ports: tuple[int, ...], *, deadline_s: float
) -> Named:
    """Return the open ports with the names of their services, or unnamed with the reason."""
    unnamed = tuple(OpenPort(port=port) for port in ports)
    program = context.engines.get("nmap") or shutil.which("nmap")
    if not program:
        return Named(unnamed, note="缺少检测程序 nmap，开放端口上的服务未识别")
    if not ports:
        return Named(())
    scope = context.guard.scope
    command = (
        program, "-sT", "-sV", "--version-light", "-Pn", "-n", *(("-6",) if ":" in address else ()),
        "--max-parallelism", str(scope.connections_at_once),
        "--max-rate", f"{max(scope.connections_per_s, 0.1):.1f}",
        "--host-timeout", f"{max(1, int(deadline_s * 0.9))}s",
        "--stats-every", "1s", "-oX", "-", "-p", compact_ports(ports), address,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="dengbao-nmap-") as folder:
        try:
            ran = await run_engine(
                "nmap", command, deadline_s=deadline_s, folder=Path(folder), hear=Progress(context.say).hear
            )
        except ProbeError as exc:
            return Named(unnamed, note=exc.message)
    return await asyncio.to_thread(read_nmap, program, address, unnamed, ran)


def read_nmap(program: str, address: str, unnamed: tuple[OpenPort, ...], ran: Ran) -> Named:
    """Return what nmap's document says of the ports; a host it skipped says nothing."""
    try:
        document = ET.fromstring(ran.out)  # noqa: S314 - written by the engine we started
    except ET.ParseError:
        return Named(unnamed, note=f"nmap 未给出完整结果（退出码 {ran.code}）", raw=ran.out)
    version = f"nmap {document.get('version', '')}".strip()
    finished = document.find("runstats/finished")
    if finished is None or finished.get("exit") != "success":
        return Named(unnamed, note="nmap 未正常结束", raw=ran.out)
    host = document.find("host")
    if host is None or host.get("timedout") == "true":
        return Named(unnamed, note="nmap 因主机超时而跳过该主机，服务未识别", raw=ran.out)
    scanner = nmap.PortScanner(nmap_search_path=(program,))
    found = scanner.analyse_nmap_xml_scan(ran.out.decode("utf-8", "replace"))
    told = found.get("scan", {}).get(address, {}).get("tcp", {})
    inside_tls = {
        port.get("portid") for port in host.iter("port") if port.find("service[@tunnel='ssl']") is not None
    }
    ports = tuple(
        _named(one.port, told.get(one.port, {}), "ssl" if str(one.port) in inside_tls else "")
        for one in unnamed
    )
    return Named(ports, version, raw=ran.out)


def _named(port: int, told: dict[str, object], tunnel: str) -> OpenPort:
    return OpenPort(
        tunnel=tunnel,
        port=port,
        service=str(told.get("name", "")),
        product=str(told.get("product", "")),
        version=str(told.get("version", "")),
    )
