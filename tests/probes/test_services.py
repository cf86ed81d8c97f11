"""What services may answer: recorded shapes of those that cannot be run here, and what is hostile.

MongoDB, Elasticsearch, Docker, Kubernetes, etcd, ZooKeeper and Windows' SMB and RDP were not tried against
a real server: these answers follow their documentation.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from socket import create_server, socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengbao.errors import ProbeError
from dengbao.model import Level, Scope
from dengbao.probes.base import Context
from dengbao.probes.ports.facts import OpenPort
from dengbao.probes.services import asked, bson, http, ldap, rdp, rpc, smb, smb_guest, snmp, ssh, telnet
from dengbao.probes.services.facts import Service
from dengbao.probes.services.look import Seen, order, speak_to_all
from dengbao.probes.services.wire import Conversation, Place, clip
from dengbao.redact import Redactor
from dengbao.scope import Guard
from dengbao.secrets import Secrets

from ..live.harness import MemoryLedger

ADDRESS = "127.91.7.8"
Answer = Callable[[bytes], bytes]


@contextmanager
def answering(answer: Answer, greeting: bytes = b"", port: int = 0) -> Iterator[int]:
    """Serve one question for each connection."""
    stop = threading.Event()
    with closing(create_server((ADDRESS, port))) as listener:
        listener.settimeout(0.05)

        def talk(client: socket) -> None:
            with client, contextlib.suppress(OSError):
                client.settimeout(5)
                client.sendall(greeting)
                while data := client.recv(65536):
                    client.sendall(answer(data))

        def serve() -> None:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _ = listener.accept()
                    threading.Thread(target=talk, args=(client,), daemon=True).start()

        worker = threading.Thread(target=serve, daemon=True)
        worker.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            stop.set()
            worker.join(5)


def context() -> Context:
    scope = Scope(level=Level.OBSERVE, addresses=(ADDRESS,), connections_per_s=1000, connections_at_once=64)
    return Context(
        guard=Guard(scope, log=lambda _contact: None),
        secrets=Secrets(Redactor()),
        keep=lambda name, data: pytest.fail(f"{name} of {len(data)} bytes"),
        ledger=MemoryLedger(),
    )


def place(port: int) -> Place:
    return Place(context(), "host", "ports.tcp", ADDRESS, port)


def page(body: object, status: str = "200 OK", kind: str = "application/json") -> bytes:
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n\r\n"
    return head.encode() + text


def by_path(pages: dict[str, bytes]) -> Answer:
    missing = page({"message": "page not found"}, "404 Not Found")
    return lambda data: pages.get(data.split(b" ")[1].decode(), missing)


ELASTIC = {
    "name": "n",
    "cluster_name": "c",
    "version": {"number": "7.17.9"},
    "tagline": "You Know, for Search",
}
SHUT = {
    "error": {"type": "security_exception", "reason": "missing authentication credentials"},
    "status": 401,
}
DOCKER = {"Version": "24.0.7", "ApiVersion": "1.43", "MinAPIVersion": "1.12"}
STATUS = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403}


@pytest.mark.parametrize(
    ("pages", "protocol", "without_login", "version"),
    [
        ({"/": page(ELASTIC)}, "elasticsearch", True, "7.17.9"),
        ({"/": page(SHUT, "401 Unauthorized")}, "elasticsearch", False, ""),
        ({"/version": page(DOCKER)}, "docker", True, "24.0.7"),
        ({"/version": page({"etcdserver": "3.5.9"})}, "etcd", None, "3.5.9"),
        (
            {"/version": page({"etcdserver": "3.3.0"}), "/v2/keys?quorum=false": page({"node": {}})},
            "etcd", True, "3.3.0",
        ),
        (
            {
                "/version": page({"gitVersion": "v1.29.0"}),
                "/api/v1/namespaces?limit=1": page(STATUS, "403 Forbidden"),
            },
            "kubernetes", False, "v1.29.0",
        ),
        (
            {
                "/version": page({"gitVersion": "v1.29.0"}),
                "/api/v1/namespaces?limit=1": page({"kind": "NamespaceList"}),
            },
            "kubernetes", True, "v1.29.0",
        ),
        ({"/": page("welcome", kind="text/html")}, "http", None, ""),
        ({"/": page([1, 2])}, "http", None, ""),
    ],
)  # fmt: skip
def test_interfaces_of_machines_are_told_from_sites(
    pages: dict[str, bytes], protocol: str, without_login: bool | None, version: str
) -> None:
    with answering(by_path(pages)) as port:
        found = asyncio.run(http.http(place(port)))
    assert found is not None
    assert (found.protocol, found.without_login, found.version) == (protocol, without_login, version)


def test_a_port_that_wants_tls_is_not_taken_for_a_plain_one() -> None:
    told = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
    with answering(lambda _data: told) as port:
        assert asyncio.run(http.http(place(port))) is None


def mongo(document: bytes) -> bytes:
    body = struct.pack("<i", 0) + b"\0" + document
    return struct.pack("<iiii", 16 + len(body), 1, 1, 2013) + body


def double(name: str, value: float) -> bytes:
    return b"\x01" + name.encode() + b"\0" + struct.pack("<d", value)


def number(name: str, value: int) -> bytes:
    return b"\x10" + name.encode() + b"\0" + struct.pack("<i", value)


def document(*elements: bytes) -> bytes:
    body = b"".join(elements) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


HELLO = document(b"\x08isWritablePrimary\0\x01", number("maxWireVersion", 17), double("ok", 1.0))


@pytest.mark.parametrize(
    ("listed", "without_login"),
    [
        (document(b"\x04databases\0" + document(), double("ok", 1.0)), True),
        (document(double("ok", 0.0), number("code", 13)), False),
        (document(double("ok", 0.0), number("code", 999)), None),
        (b"", None),
    ],
)
def test_mongodb_lists_databases_or_refuses(listed: bytes, without_login: bool | None) -> None:
    with answering(lambda data: mongo(listed if b"listDatabases" in data else HELLO)) as port:
        found = asyncio.run(asked.mongodb(place(port)))
    assert found is not None
    assert found.without_login is without_login
    assert found.version == "wire 17"


@pytest.mark.parametrize(
    ("answers", "without_login"),
    [
        ({b"ruok": b"imok", b"srvr": b"Zookeeper version: 3.8.1-74, built on x\n"}, True),
        ({b"ruok": b"imok", b"srvr": b"srvr is not executed because it is not in the whitelist.\n"}, None),
    ],
)
def test_zookeeper_is_known_by_its_words(answers: dict[bytes, bytes], without_login: bool | None) -> None:
    with answering(lambda data: answers.get(data, b"")) as port:
        found = asyncio.run(asked.zookeeper(place(port)))
    assert found is not None
    assert found.without_login is without_login


def confirm(kind: int, value: int) -> bytes:
    return b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0" + struct.pack("<BBHI", kind, 0, 8, value)


@pytest.mark.parametrize(
    ("answers", "options", "encrypted"),
    [
        # Windows that demands NLA: HYBRID_REQUIRED_BY_SERVER for the others
        ({0: confirm(3, 5), 1: confirm(3, 5), 3: confirm(2, 2)}, ("nla",), True),
        ({0: confirm(2, 0), 1: confirm(2, 1), 3: confirm(2, 2)}, ("rdp", "tls", "nla"), False),
        # before Windows Server 2003 SP1: no negotiation part at all
        (dict.fromkeys((0, 1, 3), b"\x03\0\0\x0b\x06\xd0\0\0\x12\x34\0"), ("rdp",), False),
    ],
)
def test_rdp_tells_what_it_demands(
    answers: dict[int, bytes], options: tuple[str, ...], encrypted: bool
) -> None:
    with answering(lambda data: answers[data[15]]) as port:
        found = asyncio.run(rdp.rdp(place(port)))
    assert found is not None
    assert (found.options, found.encrypted) == (options, encrypted)


def record(*words: int | bytes) -> bytes:
    parts = b""
    for one in words:
        if isinstance(one, int):
            parts += struct.pack(">I", one)
        else:
            parts += struct.pack(">I", len(one)) + one + bytes(-len(one) % 4)
    return parts


ACCEPTED = (0x64656E67, 1, 0, 0, b"", 0)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((*ACCEPTED, 1, b"/data", 0, 0), (rpc.Export("/data", ()),)),
        ((*ACCEPTED, 1, b"/data", 1, b"*", 0, 0), (rpc.Export("/data", ()),)),
        ((*ACCEPTED, 1, b"/data", 1, b"10.0.0.0/24", 0, 0), (rpc.Export("/data", ("10.0.0.0/24",)),)),
        ((*ACCEPTED, 0), ()),
        ((*ACCEPTED, 1, b"/data", 1), None),
        ((0x64656E67, 1, 1), None),
        ((1, 1, 0, 0, b"", 0, 0), None),
    ],
)
def test_exports_are_read_to_their_end_or_not_at_all(
    words: tuple[int | bytes, ...], found: tuple[rpc.Export, ...] | None
) -> None:
    assert rpc.exports(record(*words)) == found


def test_programs_name_nfs() -> None:
    listed = rpc.programs(record(*ACCEPTED, 1, 100003, 4, 6, 2049, 1, 100005, 3, 6, 20048, 0))
    assert listed == (rpc.Program(100003, 4, 6, 2049), rpc.Program(100005, 3, 6, 20048))


def test_telnet_refuses_every_option_and_keeps_what_is_not_whole() -> None:
    said, reply, options, rest = telnet.parse(b"\xff\xfd\x18\xff\xfb\x01login: \xff\xfa\x18")
    assert said == b"login: "
    assert reply == b"\xff\xfc\x18\xff\xfe\x01"
    assert options == {24, 1}
    assert rest == b"\xff\xfa\x18"


@pytest.mark.parametrize(
    ("prompt", "without_login"),
    [
        (b"Welcome\r\n\r\nUsername: ", False),
        ("用户名：".encode(), False),
        (b"BusyBox v1.30\r\nroot@box:~# ", True),
        (b"Press any key", None),
    ],
)
def test_telnet_prompt_tells_whether_a_login_is_asked_for(prompt: bytes, without_login: bool | None) -> None:
    with answering(lambda _data: b"", b"\xff\xfd\x18" + prompt) as port:
        (found,) = speak(port).exposed.services
    assert (found.protocol, found.without_login, found.encrypted) == ("telnet", without_login, False)


def speak(port: int) -> Seen:
    """Speak to one port as the scan does."""
    return asyncio.run(
        speak_to_all(context(), "host", ADDRESS, "remote", (OpenPort(port=port),), complete=True)
    )


def greeted(greeting: bytes, answer: Answer = lambda _data: b"") -> tuple[Service, ...]:
    with answering(answer, greeting) as port:
        return speak(port).exposed.services


def handshake(capabilities: int) -> bytes:
    body = b"\x0a8.0.36\0" + bytes(4) + b"12345678\0" + struct.pack("<H", capabilities) + bytes(20)
    return struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(("capabilities", "offers"), [(0xFFFF, True), (0xF7FF, False)])
def test_mysql_says_whether_it_can_encrypt(capabilities: int, offers: bool) -> None:
    (found,) = greeted(handshake(capabilities))
    assert (found.protocol, found.version, found.offers_encryption) == ("mysql", "8.0.36", offers)


def test_mysql_that_refuses_us_is_still_known() -> None:
    body = b"\xff\x6a\x04Host '10.0.0.9' is not allowed to connect to this MySQL server"
    (found,) = greeted(struct.pack("<I", len(body)) + body)
    assert (found.protocol, found.without_login) == ("mysql", None)


def test_mail_is_not_taken_for_ftp() -> None:
    (found,) = greeted(b"220 mail.test ESMTP Postfix\r\n")
    assert found.protocol == "smtp"


def test_numbers_of_people_do_not_stay_in_evidence() -> None:
    (found,) = greeted(b"220 FTP of 13800138000, id 11010519491231002X\r\n", lambda _data: b"530 no\r\n")
    assert "13800138000" not in found.evidence
    assert "1101051949" not in found.evidence
    assert clip("电话 138 0013 8000") == "电话 …"


@pytest.mark.parametrize(
    "flood", [b"\xff\xfd\x18" * 200_000, b"SSH-2.0-x" + b"A" * 600_000, b"220 " + b"x" * 600_000]
)
def test_a_flood_is_cut_off(flood: bytes) -> None:
    with answering(lambda _data: b"", flood) as port:
        seen = speak(port)
    named = {one.port for one in seen.exposed.services}
    assert named == {port} or seen.exposed.unrecognised == str(port)


def test_ssh_without_its_list_is_named_and_left_open() -> None:
    with answering(lambda _data: b"", b"SSH-2.0-Odd\r\n" + struct.pack(">I", 1 << 30)) as port:
        seen = speak(port)
    assert [one.protocol for one in seen.exposed.services] == ["ssh"]
    assert (seen.ssh.servers, seen.ssh.unread) == ((), str(port))


def test_a_device_that_answers_for_all_is_not_spoken_to() -> None:
    everything = tuple(OpenPort(port=one) for one in range(1, 300))
    seen = asyncio.run(speak_to_all(context(), "host", ADDRESS, "remote", everything, complete=True))
    assert seen.exposed.unspoken == "1-299"
    assert seen.ssh.complete is False


def test_printers_are_listened_to_but_never_spoken_to() -> None:
    likely, rest = order(OpenPort(port=9100))
    assert "rsh" not in (*likely, *rest)
    heard: list[bytes] = []

    def note(data: bytes) -> bytes:
        heard.append(data)
        return b""

    with answering(note, port=9100) as port:
        assert speak(port).exposed.unrecognised == "9100"
    assert heard == []


@pytest.mark.parametrize(
    ("port", "first"),
    [
        (OpenPort(port=1, service="ms-wbt-server"), "rdp"),
        (OpenPort(port=6379), "redis"),
        (OpenPort(port=9443, service="http", tunnel="ssl"), "tls"),
        (OpenPort(port=514, service="shell"), "rsh"),
    ],
)
def test_what_is_likely_is_asked_first(port: OpenPort, first: str) -> None:
    assert order(port)[0][0] == first


# ---------------------------------------------------------------- nothing that is read may break the reader


@given(st.binary(max_size=400))
def test_readers_take_any_bytes(data: bytes) -> None:
    assert smb.negotiated(data) is None or data[:4] == b"\xfeSMB"
    assert isinstance(smb.takes_smb1(data), bool)
    assert rdp.answer(data) is None or data[0] == 3
    assert bson.decode(data) is None or len(data) >= 5
    assert isinstance(snmp.answered(data) + snmp.engine(data), str)
    assert isinstance(telnet.parse(data), tuple)
    found = ldap.entry(data)
    assert found is None or data[:1] == b"\x30"
    assert rpc.exports(data) is None or rpc.programs(data) is not None
    assert http.read(data) is None or data.startswith(b"HTTP/1.")
    assert ssh.rsa_bits(data) is None or b"ssh-rsa" in data
    with contextlib.suppress(ProbeError):
        assert len(ssh.name_lists(data)) == 10
    with contextlib.suppress(ValueError, struct.error):
        assert isinstance(smb_guest.share_names(data), tuple)


@given(st.binary(max_size=200))
def test_lists_that_are_cut_off_are_no_lists(tail: bytes) -> None:
    whole = bytes([20]) + bytes(16) + b"".join(struct.pack(">I", 4) + b"a,bc" for _ in range(10))
    assert ssh.name_lists(whole + tail) == (("a", "bc"),) * 10
    with pytest.raises(ProbeError):
        ssh.name_lists(whole[:-1])


async def _hear_all(talking: Conversation) -> None:
    while await talking.hear():
        pass


def test_no_conversation_reads_more_than_its_bound() -> None:
    async def read() -> int:
        reader = asyncio.StreamReader()
        reader.feed_data(b"x" * 1_000_000)
        talking = Conversation(reader, writer=None)  # type: ignore[arg-type] # nothing is sent
        with pytest.raises(ProbeError):
            await _hear_all(talking)
        with pytest.raises(ProbeError):
            await talking.exactly(1)
        return len(talking.heard)

    assert asyncio.run(read()) <= 300_000
