"""HTTP/2, WebSocket and gRPC in clear between libraries that others wrote, captured by tcpdump."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from websockets.sync.client import connect

from dengbao.capture.findings import Channel, Flow, Kind, Speech
from dengbao.capture.survey import survey_file

from ..servers.successors import call, echo, grpc_echo, hypercorn
from .packets import PHONE, SPECIMEN
from .test_live import PASSWORD, captured

FORM = f"user=a&password={PASSWORD}&certno={SPECIMEN}"
ANSWER = json.dumps({"psn_name": "张小三", "tel": PHONE}, ensure_ascii=False).encode()
TOKEN = "abcdef0123456789"


def only(path: Path, port: int) -> Flow:
    (flow,) = (one for one in survey_file(path).flows if one.server_port == port)
    text = repr(flow)
    assert not any(one in text for one in (PASSWORD, SPECIMEN, PHONE, "张小三", TOKEN))
    return flow


def found(flow: Flow) -> set[tuple[Kind, str, str, bool]]:
    return {(one.kind, one.where, one.field, one.from_client) for one in flow.findings}


@pytest.mark.parametrize("how", ["--http2-prior-knowledge", "--http2"])
def test_hypercorn_and_curl(tmp_path: Path, how: str) -> None:
    path = tmp_path / "a.pcap"
    with hypercorn(ANSWER) as port:
        url = f"http://127.0.0.1:{port}/login?x=1"
        command = [
            "curl",
            "-sS",
            "--noproxy",
            "*",
            "--compressed",
            how,
            "-H",
            f"Authorization: Bearer {TOKEN}",
        ]
        command += ["-w", "%{http_version}", url, *([] if how == "--http2" else ["-d", FORM])]
        if how == "--http2":  # curl sends no body with an upgrade; the second request goes over what it got
            command += ["--next", "-sS", "--noproxy", "*", "--compressed", how, "-d", FORM, url]
        with captured(path):
            done = subprocess.run(command, check=True, capture_output=True, timeout=30)
    assert ANSWER + b"2" in done.stdout
    flow = only(path, port)
    assert (flow.speaks, flow.channel, flow.unseen_bytes) == (Speech.HTTP2, Channel.CLEAR, 0)
    assert found(flow) == {
        (Kind.TOKEN, "header", "authorization Bearer", True), (Kind.PASSWORD, "form", "password", True),
        (Kind.ID_CARD, "form", "certno", True), (Kind.MEDICAL, "form", "certno", True),
        (Kind.NAME, "body", "psn_name", False), (Kind.PHONE, "body", "tel", False),
    }  # fmt: skip


@pytest.mark.parametrize("compression", ["deflate", None])
def test_websockets(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "a.pcap"
    message = json.dumps({"password": PASSWORD, "certno": SPECIMEN})
    with (
        echo() as port,
        captured(path),
        connect(f"ws://127.0.0.1:{port}/", compression=compression, proxy=None) as link,
    ):
        for _ in range(3):  # later messages refer to earlier ones
            link.send(iter((message[:9], message[9:])))
            assert link.recv(10) == message
    flow = only(path, port)
    assert (flow.speaks, flow.channel, flow.unseen_bytes) == (Speech.WEBSOCKET, Channel.CLEAR, 0)
    assert {(one.kind, one.from_client, one.count) for one in flow.findings if one.where == "message"} == {
        (kind, side, 3) for kind in (Kind.PASSWORD, Kind.ID_CARD, Kind.MEDICAL) for side in (True, False)
    }


@pytest.mark.parametrize("packed", [False, True])
def test_grpc(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "a.pcap"
    message = b"\x0a\x12" + SPECIMEN.encode() + b"\x12\x0d" + PASSWORD.encode() + b"\x1a\x7f" + b"a" * 127
    with grpc_echo() as port, captured(path):
        assert call(port, message, TOKEN, packed=packed) == message
    flow = only(path, port)
    assert (flow.speaks, flow.channel) == (Speech.GRPC, Channel.CLEAR)
    assert {(Kind.TOKEN, "header", "authorization Bearer", True), (Kind.ID_CARD, "body", "", True)} <= found(
        flow
    )
    assert flow.unseen_bytes > 150  # its fields have no names: nobody says that there is no password in them
