"""The declared traffic of an asset: what is read, and which mistakes are told with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from dengbao import catalog
from dengbao.errors import UsageError
from dengbao.model import Engagement

from .builders import ENGAGEMENT, write_engagement

TRAFFIC = """\
    traffic:
      files: [evidence/a7.pcap]
      flows:
        - {name: 浏览器到应用, client: 10.0.0.0/24, server: "10.0.0.2:443", purpose: 登录}
        - {name: 运维, server: "10.0.0.2:22", admin: true}
"""


def load(folder: Path, traffic: str) -> Engagement:
    login = "    login: {path: /login, account: doctor}\n"
    return catalog.load_engagement(write_engagement(folder, ENGAGEMENT.replace(login, login + traffic)))


def test_traffic_is_read(tmp_path: Path) -> None:
    traffic = load(tmp_path, TRAFFIC).assets[0].traffic
    assert traffic is not None
    assert [(one.name, one.admin, one.encrypted) for one in traffic.flows] == [
        ("浏览器到应用", False, True), ("运维", True, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("10.0.0.2:443", "his.test:443", "不是地址与端口"),
        ("10.0.0.0/24", "10.0.0.0/99", "不是地址与端口"),
        ('server: "10.0.0.2:22"', 'server: ""', "不能为空"),
        ("name: 运维", "name: 浏览器到应用", "为空或重复"),
        ("evidence/a7.pcap", "../a7.pcap", "应在项目目录之内"),
        ("evidence/a7.pcap", "C:\\\\a7.pcap", "应在项目目录之内"),
        ("files: [evidence/a7.pcap]", "files: []", "没有抓包来源"),
        ("files: [evidence/a7.pcap]", "interface: eth0\n      seconds: 900", "1 至 600"),
        ("files: [evidence/a7.pcap]", "interface: eth0", ""),
    ],
)
def test_mistakes_are_told(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in TRAFFIC
    text = TRAFFIC.replace(old, new)
    if not says:
        assert load(tmp_path, text).assets[0].traffic is not None
        return
    with pytest.raises(UsageError, match=says):
        load(tmp_path, text)


@pytest.mark.parametrize("server", ["10.0.0.0/24", "10.0.0.2", "10.0.0.0/24:443"])
def test_who_listens_names_single_servers(tmp_path: Path, server: str) -> None:
    text = f'    traffic: {{interface: eth0, flows: [{{name: 甲, server: "{server}"}}]}}\n'
    with pytest.raises(UsageError, match="单个地址与端口"):
        load(tmp_path, text)


def test_traffic_without_flows_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="未申报传输流"):
        load(tmp_path, "    traffic: {files: [a.pcap], flows: []}\n")
