"""Passwords, patients and statements of protocols that are no HTTP are named by kind and field, masked."""

from __future__ import annotations

import base64
import random
import struct
import time

import pytest

from dengbao.capture.findings import Channel, Flow, Kind, Speech

from .packets import PHONE, SERVER, SPECIMEN, Talk, ethernet, ip, seen, udp
from .test_channel import GREETING as MYSQL_GREETING
from .test_channel import STARTUP

PASSWORD = "Qx7-mirabelle"
Said = list[tuple[int, bytes]]


def heard(said: Said, *, step: int = 1460) -> Flow:
    talk = Talk(port=7777).open()
    for side, data in said:
        talk.say(side, data, step=step)
    (flow,) = seen(talk.frames).flows
    assert not any(one in repr(flow) for one in (PASSWORD, SPECIMEN, PHONE, "张小三", "ZHANG"))
    return flow


def found(flow: Flow) -> list[tuple[Kind, str, str, bool]]:
    return [
        (one.kind, one.where, one.field, one.from_client) for one in flow.findings for _ in range(one.count)
    ]


def password(field: str) -> list[tuple[Kind, str, str, bool]]:
    return [(Kind.PASSWORD, "login", field, True)]


def b64(*parts: str) -> bytes:
    return base64.b64encode("\0".join(parts).encode())


SMTP: Said = [(1, b"220 mail ESMTP\r\n"), (0, b"EHLO a\r\n"), (1, b"250 AUTH PLAIN LOGIN\r\n")]
IMAP: Said = [(1, b"* OK IMAP4 ready\r\n")]
FTP: Said = [(1, b"220 ftp ready\r\n")]
MAIL = {
    "smtp plain at once": ([*SMTP, (0, b"AUTH PLAIN " + b64("", "a", PASSWORD) + b"\r\n")], "AUTH PLAIN"),
    "smtp plain": (
        [*SMTP, (0, b"auth plain\r\n"), (1, b"334 \r\n"), (0, b64("", "a", PASSWORD) + b"\r\n")],
        "AUTH PLAIN",
    ),
    "smtp login": (
        [*SMTP, (0, b"AUTH LOGIN\r\n"), (1, b"334 VXNlcm5hbWU6\r\n"), (0, b64("a") + b"\r\n"),
         (1, b"334 UGFzc3dvcmQ6\r\n"), (0, b64(PASSWORD) + b"\r\n")], "AUTH LOGIN",
    ),
    "smtp login with its name": (
        [*SMTP, (0, b"AUTH LOGIN " + b64("a") + b"\r\n"), (1, b"334 \r\n"), (0, b64(PASSWORD) + b"\r\n")],
        "AUTH LOGIN",
    ),
    "imap login": ([*IMAP, (0, f'a1 LOGIN "a b" "{PASSWORD}"\r\n'.encode())], "LOGIN"),
    "imap login by literals": (
        [*IMAP, (0, b"a1 LOGIN {1}\r\n"), (1, b"+\r\n"), (0, b"a {13}\r\n"), (1, b"+\r\n"),
         (0, PASSWORD.encode() + b"\r\n")], "LOGIN",
    ),
    "imap plain": (
        [*IMAP, (0, b"a1 AUTHENTICATE PLAIN\r\n"), (1, b"+ \r\n"), (0, b64("", "a", PASSWORD) + b"\r\n")],
        "AUTH PLAIN",
    ),
    "pop3": (
        [(1, b"+OK ready\r\n"), (0, b"USER a\r\n"), (1, b"+OK\r\n"), (0, f"PASS {PASSWORD}\r\n".encode())],
        "PASS",
    ),
    "ftp": ([*FTP, (0, b"USER a\r\n"), (1, b"331\r\n"), (0, f"PASS {PASSWORD}\r\n".encode())], "PASS"),
}  # fmt: skip


@pytest.mark.parametrize("name", MAIL)
@pytest.mark.parametrize("step", [1460, 1])
def test_mail_and_ftp(name: str, step: int) -> None:
    said, field = MAIL[name]
    flow = heard(said, step=step)
    assert (flow.speaks, flow.channel, found(flow)) == (Speech.MAIL_OR_FTP, Channel.CLEAR, password(field))


@pytest.mark.parametrize(
    "line",
    [
        b"AUTH CRAM-MD5\r\n",
        b"AUTH PLAIN\r\n",
        b"AUTH PLAIN *\r\n",
        b"AUTH PLAIN =\r\n",
        b"USER anonymous\r\nPASS me@here.test\r\n",
        b"a1 LOGIN\r\n",
        b"APOP a c4c9334bac560ecc979e58001b3e22fb\r\n",
        b"a1 LOGIN {99999999}\r\n",
        b"x" * 90_000 + b"\r\n",
    ],
)
def test_what_is_no_password_is_not_taken_for_one(line: bytes) -> None:
    assert found(heard([*SMTP, (0, line)])) == []


TELNET: Said = [(1, b"\xff\xfd\x18\xff\xfb\x01"), (0, b"\xff\xfb\x18"), (1, b"his login: ")]


@pytest.mark.parametrize("prompt", ["Password: ", "密码：", "口令:", "Enter passcode :"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_what_is_typed_after_a_prompt_of_telnet_is_a_password(prompt: str, encoding: str) -> None:
    said = list(TELNET)
    for one in "admin":
        said += [(0, one.encode()), (1, one.encode())]
    said += [(0, b"\r\n"), (1, b"\r\n" + prompt.encode(encoding))]
    said += [(0, one.encode()) for one in PASSWORD]
    said += [(0, b"\r\0"), (1, b"\r\nlast login\r\n$ "), (0, b"ls\r\0"), (1, b"a\r\n")]
    flow = heard(said)
    assert (flow.speaks, flow.channel, found(flow)) == (Speech.TELNET, Channel.CLEAR, password("password"))


def tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + struct.pack(">H", len(body))
    return bytes([tag]) + size + body


def ldap(operation: int, *parts: bytes) -> bytes:
    return tlv(0x30, b"\2\1\1", tlv(operation, *parts))


DN = tlv(4, b"cn=admin,dc=test")
ROOT = ldap(0x63, tlv(4), b"\x0a\1\0")


@pytest.mark.parametrize(
    ("said", "channel", "expected"),
    [
        (ldap(0x60, b"\2\1\3", DN, tlv(0x80, PASSWORD.encode())), Channel.CLEAR, password("simple bind")),
        (
            ldap(0x60, b"\2\1\3", tlv(4), tlv(0xA3, tlv(4, b"PLAIN"), tlv(4, b"\0a\0" + PASSWORD.encode()))),
            Channel.CLEAR,
            password("bind PLAIN"),
        ),
        (ldap(0x60, b"\2\1\3", tlv(4), tlv(0x80)), Channel.CANNOT_TELL, []),
        (ROOT, Channel.CANNOT_TELL, []),
        (ROOT + ldap(0x63, tlv(4, b"dc=test"), b"\x0a\1\2"), Channel.CLEAR, []),
        (
            ldap(0x60, b"\2\1\3", tlv(4), tlv(0xA3, tlv(4, b"GSSAPI"), tlv(4, b"\x60" * 200))),
            Channel.CANNOT_TELL,
            [],
        ),
        (ldap(0x77, tlv(0x80, b"1.3.6.1.4.1.1466.20037")), Channel.CANNOT_TELL, []),
    ],
    ids=["simple", "plain", "anonymous", "root alone", "a search", "sealed perhaps", "start of tls"],
)
def test_ldap(said: bytes, channel: Channel, expected: list[tuple[Kind, str, str, bool]]) -> None:
    flow = heard([(0, said), (1, ldap(0x61, b"\x0a\1\0"))])
    assert (flow.speaks, flow.channel, found(flow)) == (Speech.LDAP, channel, expected)


@pytest.mark.parametrize(
    ("version", "rest", "expected"),
    [(0, tlv(4, b"Qx7-mirabelle"), 1), (1, tlv(4, b"Qx7-mirabelle"), 1), (3, tlv(0x30, b"\2\1\1"), 0)],
)
def test_the_community_of_snmp_is_a_password(version: int, rest: bytes, expected: int) -> None:
    body = tlv(0x30, bytes((2, 1, version)), rest, tlv(0xA0, b"\2\1\1"))
    (flow,) = seen([ethernet(ip("10.0.0.1", SERVER, 17, udp(40000, 161, body)))]).flows
    assert flow.speaks is Speech.SNMP
    assert found(flow) == password("SNMP community") * expected
    assert flow.channel is (Channel.CLEAR if expected else Channel.CANNOT_TELL)


# ---- databases -------------------------------------------------------------------------------------------


def query(text: str, encoding: str = "utf-8") -> bytes:
    body = b"\3" + text.encode(encoding)
    return struct.pack("<I", len(body))[:3] + b"\0" + body


LOGIN = b"\x50\0\0\1" + struct.pack("<I", 0x000FA685) + b"\0" * 28 + b"app\0" + b"\0" * 41


def test_plugins_of_mysql_that_send_the_password_as_it_is() -> None:
    for plugin in (b"mysql_clear_password\0", b"dialog\0\x04PIN: "):
        ask, give = b"\xfe" + plugin, PASSWORD.encode() + b"\0"
        flow = heard([
            (1, MYSQL_GREETING), (0, LOGIN), (1, bytes([len(ask), 0, 0, 2]) + ask),
            (0, bytes([len(give), 0, 0, 3]) + give), (1, b"\7\0\0\4\0\0\0\2\0\0\0"),
        ])  # fmt: skip
        assert (flow.speaks, found(flow)) == (Speech.MYSQL, password("mysql_clear_password"))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_statements_name_what_they_put_into_columns(encoding: str) -> None:
    text = (
        "INSERT INTO `patient` (`id`, `patient_name`, `pwd`, `note`, `psn_no`)\n"
        f"VALUES (f(1, 2), '张小三', '{PASSWORD}', 'it''s (so), \\'ok\\'', '64010000000000000001')"
    )
    flow = heard(
        [(1, MYSQL_GREETING), (0, LOGIN), (1, b"\7\0\0\2\0\0\0\2\0\0\0"), (0, query(text, encoding))]
    )
    assert sorted(found(flow)) == sorted([
        (Kind.NAME, "message", "patient_name", True), (Kind.PASSWORD, "message", "pwd", True),
        (Kind.MEDICAL, "message", "psn_no", True),
    ])  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        f"CREATE USER app IDENTIFIED BY '{PASSWORD}'",
        f"create user app identified with caching_sha2_password by '{PASSWORD}';",
        f"ALTER ROLE app WITH LOGIN PASSWORD '{PASSWORD}'",
        f"SET PASSWORD = '{PASSWORD}'",
        f"CREATE LOGIN app WITH PASSWORD = N'{PASSWORD}'",
    ],
)
def test_passwords_that_statements_set(text: str) -> None:
    said: Said = [(0, STARTUP), (1, b"R\0\0\0\x08\0\0\0\0Z\0\0\0\5I")]
    said.append((0, b"Q" + struct.pack(">I", len(text) + 5) + text.encode() + b"\0"))
    flow = heard(said)
    assert (flow.speaks, flow.channel) == (Speech.POSTGRESQL, Channel.CLEAR)
    assert {one.kind for one in flow.findings} == {Kind.PASSWORD}


def test_a_statement_that_can_be_read_tells_that_oracle_is_not_encrypted() -> None:
    connect = struct.pack(">HHBB", 90, 0, 1, 0) + b"\0" * 52 + b"(DESCRIPTION=(CONNECT_DATA=(SID=X)))"
    statement = b"\0\x40\0\0\6\0\0\0\0\0\3\x5e\1SELECT xm, nl FROM brxx WHERE id = 3"
    start: Said = [(0, connect), (1, b"\0\x08\0\0\x0b\0\0\0")]
    assert heard([*start, (0, random.Random(1).randbytes(4000))]).channel is Channel.CANNOT_TELL
    assert heard([*start, (0, statement)]).channel is Channel.CLEAR


# ---- patients --------------------------------------------------------------------------------------------

ADT = (
    "\x0bMSH|^~\\&|HIS|H|LIS|H|20260101||ADT^A01|1|P|2.5.1\r"
    f"PID|1||{SPECIMEN}^^^^NI~M0001^^^HIS^MR||张^小三||19491231|M|||||{PHONE}\r"
    f"NK1|1|李^四||{PHONE}\rOBX|1|TX|||{'x' * 9000}{PHONE} end\r\x1c\r"
)
NAMED = {
    (Kind.ID_CARD, "message", "PID-3 患者标识", True), (Kind.MEDICAL, "message", "PID-3 患者标识", True),
    (Kind.NAME, "message", "PID-5 患者姓名", True), (Kind.PHONE, "message", "PID-13", True),
    (Kind.NAME, "message", "NK1-2 患者姓名", True), (Kind.PHONE, "message", "NK1-4", True),
}  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("step", [1460, 5])
def test_fields_of_hl7_are_named(encoding: str, step: int) -> None:
    flow = heard([(0, ADT.encode(encoding)), (1, b"\x0bMSH|^~\\&|LIS\rMSA|AA|1\r\x1c\r")], step=step)
    assert (flow.speaks, flow.channel, set(found(flow))) == (Speech.HL7, Channel.CLEAR, NAMED)


def test_a_message_of_hl7_that_breaks_off_is_looked_into() -> None:
    cut = ADT[: ADT.index("|19491231")].encode()
    assert {one[2] for one in found(heard([(0, cut)]))} == {"PID-3 患者标识", "PID-5 患者姓名"}


ASSOCIATE = (
    b"\x01\x00" + struct.pack(">I", 100) + b"\x00\x01\0\0" + b"ANY-SCP         ECHOSCU         " + b"\0" * 64
)


def pdu(data: bytes) -> bytes:
    return b"\4\0" + struct.pack(">II", len(data) + 6, len(data) + 2) + b"\1\2" + data


def explicit(group: int, element: int, kind: bytes, value: bytes) -> bytes:
    return struct.pack("<HH", group, element) + kind + struct.pack("<H", len(value)) + value


def implicit(group: int, element: int, value: bytes) -> bytes:
    return struct.pack("<HHI", group, element, len(value)) + value


PIXELS = struct.pack("<HHHHHHHHH", 16, 16, 16, 0, 16, 16, 16, 0, 7) * 1000
DATASETS = {
    "explicit": explicit(8, 0x60, b"CS", b"CT") + explicit(16, 16, b"PN", b"ZHANG^SAN ")
    + explicit(16, 32, b"LO", b"M0001 ") + explicit(16, 0x30, b"DA", b"19491231"),
    "implicit": implicit(8, 0x60, b"CT") + implicit(16, 16, b"ZHANG^SAN ") + implicit(16, 32, b"M0001 ")
    + implicit(16, 0x30, b"19491231"),
}  # fmt: skip


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("step", [1460, 11])
@pytest.mark.parametrize("side", [0, 1])
def test_the_patient_module_of_dicom_is_named(name: str, step: int, side: int) -> None:
    said: Said = [
        (0, ASSOCIATE),
        (1, b"\2\0"),
        (side, pdu(DATASETS[name]) + pdu(PIXELS)),
        (side, pdu(PIXELS)),
    ]
    flow = heard(said, step=step)
    assert (flow.speaks, flow.channel) == (Speech.DICOM, Channel.CLEAR)
    assert found(flow) == [
        (Kind.NAME, "message", "PatientName (0010,0010)", side == 0),
        (Kind.MEDICAL, "message", "PatientID (0010,0020)", side == 0),
    ]


def test_a_question_for_all_patients_names_nobody() -> None:
    asked = pdu(implicit(16, 16, b"* ") + implicit(16, 32, b"") + implicit(16, 0x30, b""))
    assert found(heard([(0, ASSOCIATE), (1, b"\2\0"), (0, asked)])) == []


# ---- hostile ---------------------------------------------------------------------------------------------

HOSTILE: dict[str, Said] = {
    "a line without end": [*FTP, (0, b"PASS " + b"x" * 300_000)],
    "insert without end": [
        (1, MYSQL_GREETING), (0, LOGIN),
        (0, query("INSERT INTO a (" + "b," * 900 + "c) VALUES (" + "'x'," * 60_000)),
    ],
    "many inserts": [(1, MYSQL_GREETING), (0, LOGIN), (0, query("insert into a (b) values ((" * 20_000))],
    "select without from": [
        (0, struct.pack(">HHBB", 90, 0, 1, 0) + b"\0" * 52 + b"(CONNECT_DATA=)"), (0, b"SELECT " * 40_000),
    ],
    "identified by nothing": [(0, STARTUP), (0, b"Q\0\0\0\0" + b"IDENTIFIED BY " * 20_000)],
    "deep ldap": [
        (0, ldap(0x60, b"\2\1\3", tlv(4), tlv(0x80, b"a"))), (0, b"\x30\x84\xff\xff\xff\xff" * 30_000),
    ],
    "segments of nothing": [(0, b"\x0bMSH|^~\\&|A\r"), (0, b"PID" + b"|" * 200_000), (0, b"\r" * 200_000)],
    "no separator": [(0, b"\x0bMSH\r\r"), (0, b"MSH~~~~~\r" * 20_000)],
    "elements everywhere": [(0, ASSOCIATE), (0, struct.pack("<HHI", 16, 16, 128) * 30_000)],
    "unended options": [*TELNET, (0, b"\xff\xfa" * 60_000), (1, b"Password: "), (0, b"\xff" * 60_000)],
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_peers_take_bounded_time(name: str) -> None:
    begun = time.process_time()
    flow = heard(HOSTILE[name])
    assert time.process_time() - begun < 5
    assert flow.channel is not Channel.ENCRYPTED


def test_noise_after_any_beginning_names_nobody() -> None:
    chance = random.Random(11)
    for begin in (
        STARTUP,
        ASSOCIATE,
        b"\x0bMSH|^~\\&|A\r",
        ldap(0x60, b"\2\1\3", tlv(4), tlv(0x80)),
        b"PING\r\n",
    ):
        flow = heard([(0, begin), *((side, chance.randbytes(70_000)) for side in (1, 0, 1, 0))])
        assert flow.findings == ()
