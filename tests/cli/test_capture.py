"""`dengbao capture`: what it shows of captures, and that it shows no value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..capture.packets import PHONE, SPECIMEN, Talk, pcap
from .conftest import Call

PASSWORD = "Qx7-mirabelle"  # of nobody


@pytest.fixture
def file(tmp_path: Path) -> Path:
    body = f"user=a&password={PASSWORD}&certno={SPECIMEN}&tel={PHONE}".encode()
    head = b"POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    head += b"Content-Length: %d\r\n\r\n" % len(body)
    clear = Talk(port=80).open().ask(head + body, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    other = Talk(port=81, client_port=40001).open()
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([*clear.frames, *other.frames]))
    return path


def test_flows_and_masked_findings_are_shown(call: Call, file: Path) -> None:
    said = call("capture", str(file))
    assert said.code == 0
    assert "明文  10.0.0.1:40000 → 10.0.0.2:80，HTTP 明文" in said.out
    assert "口令 1 处：客户端 表单 password，如 ******，第" in said.out
    assert "公民身份号码 1 处：客户端 表单 certno，如 11****************" in said.out
    assert not any(one in said.out + said.err for one in (PASSWORD, SPECIMEN, PHONE))


def test_json_and_servers(call: Call, file: Path) -> None:
    said = call("capture", str(file), "--format", "json", "--server", "10.0.0.2:81")
    (one,) = json.loads(said.out)
    assert [flow["server_port"] for flow in one["survey"]["flows"]] == [81]
    assert one["survey"]["declared"][0]["silent"] == 1
    assert PASSWORD not in said.out


def test_most_bounds_the_list(call: Call, file: Path) -> None:
    said = call("capture", str(file), "--most", "1")
    assert "10.0.0.2:81" not in said.out
    assert "另有 1 个连接未列出" in said.out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(("no.pcap",), "没有文件"), (("{}", "--server", "his.test:80"), "不是地址与端口"), ((), "缺少参数")],
)
def test_what_cannot_be_read_is_named(call: Call, file: Path, arguments: tuple[str, ...], word: str) -> None:
    said = call("capture", *(one.format(file) for one in arguments))
    assert said.code == 2
    assert word in said.err


def test_what_is_no_capture_is_named(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("this is a note, and no capture of anything")
    said = call("capture", str(path))
    assert said.code != 0
    assert "不是 pcap 或 pcapng 抓包文件" in said.err
