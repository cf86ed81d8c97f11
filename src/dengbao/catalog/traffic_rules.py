"""What must hold in the declared traffic of an asset; nothing is read or contacted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PureWindowsPath
from typing import Final

from ..capture.places import parse_place
from ..errors import UsageError
from ..model import Asset
from ..reading import Mistake
from ..yamlfile import Place, shorten

LONGEST_S: Final = 600


def find_traffic_faults(place: Place, asset: Asset) -> Iterator[Mistake]:
    """Yield what is wrong with the `traffic` of an asset."""
    traffic = asset.traffic
    if traffic is None:
        return
    here = (*place, "traffic")
    if not traffic.flows:
        yield Mistake(
            (*here, "flows"), f"测评对象 {asset.id} 未申报传输流", "登记名称、server，必要时 client"
        )
    if not traffic.files and not traffic.interface:
        yield Mistake(here, f"测评对象 {asset.id} 没有抓包来源", "写 files: [抓包文件]，或 interface: 网卡")
    if traffic.interface and not 1 <= traffic.seconds <= LONGEST_S:
        yield Mistake((*here, "seconds"), f"seconds 应在 1 至 {LONGEST_S} 之间", "如 60")
    for number, name in enumerate(traffic.files):
        path = PureWindowsPath(name)  # splits at both kinds of slashes, knows drives
        if not name or path.is_absolute() or path.drive or path.root or ".." in path.parts:
            yield Mistake(
                (*here, "files", number), "抓包文件应在项目目录之内", "写相对路径，如 evidence/a7.pcap"
            )
    yield from _flows(here, asset, live=bool(traffic.interface))


def _flows(here: Place, asset: Asset, *, live: bool) -> Iterator[Mistake]:
    seen: set[str] = set()
    for number, flow in enumerate(asset.traffic.flows if asset.traffic else ()):
        place = (*here, "flows", number)
        if not flow.name or flow.name in seen:
            yield Mistake((*place, "name"), f"传输流名称“{shorten(flow.name)}”为空或重复", "每条流一个名称")
        seen.add(flow.name)
        for key, text in (("client", flow.client), ("server", flow.server)):
            try:
                parsed = parse_place(text)
            except UsageError as problem:
                yield Mistake((*place, key), problem.message, problem.cure)
                continue
            if key == "server" and parsed.network is None:
                yield Mistake(
                    (*place, key), f"传输流“{shorten(flow.name)}”没有服务端", "写 server: 地址:端口"
                )
            elif key == "server" and live and not (parsed.is_one and parsed.port):
                yield Mistake((*place, key), "在网卡上抓包时，服务端须写明单个地址与端口", "如 10.0.0.2:443")
