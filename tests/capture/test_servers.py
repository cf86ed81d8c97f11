"""Servers that are no web servers, and clients that others wrote, captured by tcpdump: what lies open."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import UserIdentityNegotiation

from dengbao.capture.findings import Channel, Flow, Kind, Speech
from dengbao.capture.survey import survey_file

from ..servers import services
from ..servers.tls import free_ports
from .packets import SPECIMEN
from .test_live import PASSWORD, captured

NAME = "张^小三"
FIND = "1.2.840.10008.5.1.4.1.2.1.1"  # Patient Root Query/Retrieve Information Model – FIND


def only(path: Path, port: int) -> Flow:
    (flow,) = (one for one in survey_file(path).flows if one.server_port == port)
    assert not any(one in repr(flow) for one in (PASSWORD, SPECIMEN, "小三"))
    return flow


def found(flow: Flow) -> set[tuple[Kind, str, bool]]:
    return {(one.kind, one.field, one.from_client) for one in flow.findings}


def curl(*arguments: str) -> None:
    """Run curl, whether or not the server likes what it says."""
    command = ["curl", "-sS", "--noproxy", "*", "-m", "15", *arguments]
    subprocess.run(command, check=False, capture_output=True, timeout=30)


def test_vsftpd(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    with services.ftp(tmp_path, hardened=False) as port, captured(path):
        curl("--user", f"nobody-here:{PASSWORD}", f"ftp://{services.ADDRESS}:{port}/")
    flow = only(path, port)
    assert (flow.speaks, flow.channel) == (Speech.MAIL_OR_FTP, Channel.CLEAR)
    assert found(flow) == {(Kind.PASSWORD, "PASS", True)}


def test_slapd(tmp_path: Path) -> None:
    path, names = tmp_path / "a.pcap", "cn=admin,dc=test"
    with services.directory(tmp_path, hardened=True) as port, captured(path):
        curl("--user", f"{names}:{PASSWORD}", f"ldap://{services.ADDRESS}:{port}/dc=test??sub")
    flow = only(path, port)
    assert (flow.speaks, flow.channel) == (Speech.LDAP, Channel.CLEAR)
    assert found(flow) == {(Kind.PASSWORD, "simple bind", True)}


def test_telnetd(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    with services.telnet() as port, captured(path), _typing(services.ADDRESS, port) as say:
        say(b"", b"login: ")
        say(b"nobody-here\r\0", b"assword: ")
        for one in PASSWORD.encode():
            say(bytes([one]), b"")
        say(b"\r\0", b"ncorrect")
    flow = only(path, port)
    assert (flow.speaks, flow.channel) == (Speech.TELNET, Channel.CLEAR)
    assert found(flow) == {(Kind.PASSWORD, "password", True)}


@contextmanager
def _typing(address: str, port: int) -> Iterator[Callable[[bytes, bytes], None]]:
    """Yield who types something and waits for something; every option of the server is refused."""
    with closing(socket.create_connection((address, port), 20)) as sock:
        heard = bytearray()

        def say(typed: bytes, until: bytes) -> None:
            sock.sendall(typed)
            while until and until not in heard:
                data = sock.recv(4096)
                assert data, bytes(heard)
                for at in range(len(data) - 2):
                    if data[at : at + 1] == b"\xff" and data[at + 1] in {0xFB, 0xFD}:
                        sock.sendall(bytes([0xFF, 0xFE if data[at + 1] == 0xFB else 0xFC, data[at + 2]]))
                heard.extend(data)

        yield say


def test_snmpd(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    ask = bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010101000500")
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with closing(out) as sock, services.snmp(tmp_path, public=True) as port, captured(path):
        sock.settimeout(10)
        sock.sendto(ask, (services.ADDRESS, port))
        assert sock.recv(4096)
    flow = only(path, port)
    assert (flow.speaks, flow.channel) == (Speech.SNMP, Channel.CLEAR)
    assert found(flow) == {(Kind.PASSWORD, "SNMP community", True), (Kind.PASSWORD, "SNMP community", False)}


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_pynetdicom(tmp_path: Path, syntax: str) -> None:
    path, (port,) = tmp_path / "a.pcap", free_ports(1)

    def answer(_event: object) -> Iterator[tuple[int, Dataset | None]]:
        yield 0xFF00, _patient(NAME, SPECIMEN)
        yield 0x0000, None

    peer = AE()
    peer.add_supported_context(FIND, syntax)
    server = peer.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_FIND, answer)])
    try:
        with captured(path):
            _ask(port, syntax)
    finally:
        assert server is not None
        server.shutdown()
    flow = only(path, port)
    assert (flow.speaks, flow.channel) == (Speech.DICOM, Channel.CLEAR)
    assert found(flow) == {
        (Kind.PASSWORD, "User Identity", True), (Kind.MEDICAL, "PatientID (0010,0020)", True),
        (Kind.NAME, "PatientName (0010,0010)", False), (Kind.ID_CARD, "PatientID (0010,0020)", False),
    } | {(Kind.ID_CARD, "", False)}  # fmt: skip  # as any number in the stream


def _ask(port: int, syntax: str) -> None:
    client = AE()
    client.add_requested_context(FIND, syntax)
    identity = UserIdentityNegotiation()
    identity.user_identity_type = 2
    identity.primary_field, identity.secondary_field = b"doctor", PASSWORD.encode()
    link = client.associate("127.0.0.1", port, ext_neg=[identity])
    assert link.is_established
    answers = [one for _, one in link.send_c_find(_patient("", "M0001"), FIND)]
    link.release()
    assert any(one is not None for one in answers)


def _patient(name: str, number: str) -> Dataset:
    found = Dataset()
    found.SpecificCharacterSet = "ISO_IR 192"
    found.QueryRetrieveLevel = "PATIENT"
    found.PatientName, found.PatientID = name, number
    return found
