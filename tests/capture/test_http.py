"""What lies open in HTTP is named by kind, place and field, however it is wrapped; values are never kept."""

from __future__ import annotations

import base64
import gzip
import json
import time
import zlib
from urllib.parse import quote

import brotli
import msgspec
import pytest
import zstandard

from dengbao.capture.findings import Channel, Finding, Kind, Speech
from dengbao.capture.unpacking import Purse, Unpacker

from .packets import PHONE, SPECIMEN, Talk, answer, request, seen

PASSWORD = "Qx7-mirabelle"
SETTLE = json.dumps(
    {"infno": "2207", "msgid": "H64010000001202611221830000001", "insuplc_admdvs": "640100",
     "input": {"data": {"psn_no": "64010000000000000001", "psn_name": "张小三", "certno": SPECIMEN,
                        "mdtrt_cert_no": "E0001", "tel": PHONE}}}, ensure_ascii=False,
).encode()  # fmt: skip


def findings(client: bytes, server: bytes = answer(b"{}"), *, step: int = 1460) -> list[Finding]:
    (flow,) = seen(Talk().open().ask(client, server, step=step).frames).flows
    assert (flow.speaks, flow.channel) == (Speech.HTTP, Channel.CLEAR)
    text = msgspec.json.encode(flow).decode()
    for secret in (PASSWORD, SPECIMEN, PHONE, "张小三", "64010000000000000001"):
        assert secret not in text
    return list(flow.findings)


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in parts) + b"0\r\n\r\n"


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("sent", "where", "field"),
    [
        (request(f"user=a&password={PASSWORD}".encode(), kind=FORM), "form", "password"),
        (request(f"j_username=a&j_password={quote(PASSWORD)}&x=1".encode(), kind=FORM), "form", "j_password"),
        (request(json.dumps({"userPwd": PASSWORD}).encode()), "body", "userPwd"),
        (request(json.dumps({"a": {"login_pwd" : PASSWORD}}, indent=2).encode()), "body", "login_pwd"),
        (request(b"{}", path=f"/login?passwd={PASSWORD}&a=b"), "url", "passwd"),
        (request(f"<r><passwd>{PASSWORD}</passwd></r>".encode(), kind="text/xml"), "body", "passwd"),
        (
            request(
                f'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n{PASSWORD}\r\n--b--'.encode(),
                kind="multipart/form-data; boundary=b",
            ), "form", "password",
        ),
        (
            request(
                b"", extra=f"Authorization: Basic {base64.b64encode(f'a:{PASSWORD}'.encode()).decode()}\r\n"
            ), "header", "authorization Basic",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("step", [1460, 1])
def test_a_password_in_clear_is_found_wherever_it_stands(
    sent: bytes, where: str, field: str, step: int
) -> None:
    (found,) = findings(sent, step=step)
    assert (found.kind, found.where, found.field, found.count) == (Kind.PASSWORD, where, field, 1)
    assert found.from_client
    assert found.masked == "******"


def test_a_password_that_the_page_hashed_is_told_from_one_in_clear() -> None:
    digest = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
    (found,) = findings(request(json.dumps({"password": digest}).encode()))
    assert found.kind is Kind.PASSWORD_TRANSFORMED


def test_tokens_and_session_cookies_are_found() -> None:
    extra = "Authorization: Bearer abcdef123456\r\nCookie: theme=darkblue; JSESSIONID=0123456789ABCDEF\r\n"
    found = findings(request(b"{}", extra=extra), answer(b'{"access_token":"abcdefghijkl"}'))
    assert {(one.kind, one.field) for one in found} == {
        (Kind.TOKEN, "authorization Bearer"), (Kind.COOKIE, "JSESSIONID"), (Kind.TOKEN, "access_token"),
    }  # fmt: skip


EXPECTED = {
    (Kind.MEDICAL, "infno"), (Kind.MEDICAL, "insuplc_admdvs"), (Kind.MEDICAL, "psn_no"),
    (Kind.NAME, "psn_name"), (Kind.MEDICAL, "certno"), (Kind.ID_CARD, "certno"),
    (Kind.MEDICAL, "mdtrt_cert_no"), (Kind.PHONE, "tel"),
}  # fmt: skip


@pytest.mark.parametrize("step", [1460, 13, 1])
@pytest.mark.parametrize("coding", ["", "gzip", "deflate", "deflate raw", "br", "zstd"])
@pytest.mark.parametrize("pieces", [0, 7, 300])
def test_a_medical_message_is_found_field_by_field_however_it_is_sent(
    step: int, coding: str, pieces: int
) -> None:
    packed = {
        "": SETTLE, "gzip": gzip.compress(SETTLE), "deflate": zlib.compress(SETTLE),
        "deflate raw": zlib.compress(SETTLE)[2:-4], "br": brotli.compress(SETTLE),
        "zstd": zstandard.compress(SETTLE),
    }  # fmt: skip
    body, extra = packed[coding], f"Content-Encoding: {coding[:7].rstrip()}\r\n" if coding else ""
    if pieces:
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{extra}Transfer-Encoding: chunked\r\n\r\n"
        )
        sent = head.encode() + chunked(body, pieces)
    else:
        sent = answer(body, extra=extra)
    found = findings(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", sent, step=step)
    assert {(one.kind, one.field) for one in found} == EXPECTED
    assert all(one.count == 1 and not one.from_client for one in found)


def test_the_packet_of_a_finding_is_the_one_that_brought_it() -> None:
    body = b'{"a":"' + b"x" * 5000 + f'","phone":"{PHONE}"'.encode() + b"}"
    talk = Talk().open().ask(request(body))
    (flow,) = seen(talk.frames).flows
    (found,) = flow.findings
    assert PHONE.encode() in talk.frames[found.packet - 1]


def test_many_messages_on_one_connection_are_kept_apart() -> None:
    talk = Talk().open()
    for number in range(30):
        method = b"HEAD" if number % 3 == 0 else b"GET"
        talk.say(0, method + b" /a HTTP/1.1\r\nHost: a\r\n\r\n")
        body = answer(b"") if number % 3 else answer(SETTLE)[: -len(SETTLE)]
        talk.say(1, body if number != 17 else answer(f'{{"phone":"{PHONE}"}}'.encode()))
    (flow,) = seen(talk.frames).flows
    assert [(one.kind, one.count) for one in flow.findings] == [(Kind.PHONE, 1)]


def test_pages_and_scripts_are_no_passwords() -> None:
    page = b'<form><input name="password" type="password">\xe5\x8f\xa3\xe4\xbb\xa4</form>'
    page += b"<script>var password = ask('a');</script>"
    assert findings(b"GET / HTTP/1.1\r\n\r\n", answer(page, kind="text/html; charset=utf-8")) == []
    assert findings(request(b'{"password":"********","token":null,"pwd":""}')) == []


def test_numbers_that_only_look_like_ids_are_none() -> None:
    body = b'{"msgid":"H11010519491231002X99","a":"110105194912310021","b":138001380001,"c":1.13800138000}'
    assert findings(request(body)) == []


def test_what_is_not_decoded_counts_as_not_seen_and_the_flow_stays_in_clear() -> None:
    for coding in ("br", "compress", "gzip, br", "zstd"):
        extra = f"Content-Encoding: {coding}\r\n"
        talk = Talk().open().ask(request(b"{}"), answer(b"\x91" * 500, extra=extra))
        (flow,) = seen(talk.frames).flows
        assert (flow.unseen_bytes, flow.channel) == (500, Channel.CLEAR)


def test_of_a_large_body_full_of_findings_it_is_said_how_much_was_only_sampled() -> None:
    row = f'{{"psn_no":"64010000000000000001","psn_name":"张小三","certno":"{SPECIMEN}","tel":"{PHONE}"}},'
    body = b"[" + row.encode() * 6000 + b"]"
    (flow,) = seen(Talk().open().ask(request(b"{}"), answer(body), step=1460).frames).flows
    assert {one.kind for one in flow.findings} == {Kind.MEDICAL, Kind.NAME, Kind.ID_CARD, Kind.PHONE}
    assert all(40 <= one.count <= 6000 for one in flow.findings if one.field)
    assert 0 < flow.sampled_bytes < len(body)
    (flow,) = seen(Talk().open().ask(request(b"{}"), answer(row.encode() * 20)).frames).flows
    assert flow.sampled_bytes == 0
    assert {one.count for one in flow.findings} == {20}


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_unpacked_within_bounds(coding: str) -> None:
    zeros = b"\0" * (64 << 20)
    if coding == "br":
        bomb = brotli.compress(zeros, quality=1)
    elif coding == "zstd":
        bomb = zstandard.compress(zeros)
    else:
        bomb = gzip.compress(zeros) if coding == "gzip" else zlib.compress(zeros)
    talk = Talk().open().ask(request(b"{}"), answer(bomb, extra=f"Content-Encoding: {coding}\r\n"))
    begun = time.process_time()
    (flow,) = seen(talk.frames).flows
    assert flow.unseen_bytes > 0
    assert time.process_time() - begun < 2


def test_many_bombs_share_one_purse() -> None:
    """Each alone would be within its bound; together they must not cost a thousand times their size."""
    purse, bomb = Purse(), zlib.compress(b"\0" * (4 << 20))
    given = 0
    for _ in range(60):
        one = Unpacker("deflate", purse)
        given += sum(len(piece) for piece in one.feed(bomb))
        one.close()
    assert given < (70 << 20) + 60 * len(bomb) * 40


def test_windows_that_ask_for_much_memory_are_only_given_so_much() -> None:
    purse, opened = Purse(), []
    body = brotli.compress(b"\0" * 3000, lgwin=24)[:9]
    for _ in range(64):
        opened.append(Unpacker("br", purse))
        list(opened[-1].feed(body))
    assert sum(one.cost for one in opened) <= 32 << 20
    assert sum(one.unseen > 0 for one in opened) > 60
    for one in opened:
        one.close()
    assert purse.hold(32 << 20)


def test_small_chunks_take_no_time_that_grows_with_the_window() -> None:
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    begun = time.process_time()
    (flow,) = seen(Talk().open().ask(head + b"1\r\nx\r\n" * 60_000, b"").frames).flows
    assert (flow.client_bytes, flow.channel) == (len(head) + 360_000, Channel.CLEAR)
    assert time.process_time() - begun < 5


def test_after_a_loss_the_next_message_is_found_again() -> None:
    talk = Talk().open().say(0, request(b"a" * 4000, kind=FORM)[:1460])
    talk.say(0, b"b" * 3000, lost=True)
    talk.say(1, answer(b"{}")).say(0, request(f"pwd={PASSWORD}".encode(), kind=FORM))
    (flow,) = seen(talk.frames).flows
    assert flow.lost_bytes == 3000
    talk = Talk().open().say(0, request(b"a" * 4000, kind=FORM)[:1460], lost=True)
    talk.say(1, answer(b"{}")).say(0, request(f"pwd={PASSWORD}".encode(), kind=FORM))
    (flow,) = seen(talk.frames).flows
    assert [one.kind for one in flow.findings] == [Kind.PASSWORD]


@pytest.mark.parametrize(
    "hostile",
    [
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" * 50,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n" + b"x" * 900,
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n" + b"x" * 900,
        b"GET /" + b"%" * 8000 + b" HTTP/1.1\r\nAuthorization: Basic ====\r\nCookie: ;;;=\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 60\r\n\r\n" + b"\x1f\x8b" * 40,
    ],
)  # fmt: skip
def test_hostile_messages_are_passed_over(hostile: bytes) -> None:
    for step in (1460, 100):
        (flow,) = seen(Talk().open().ask(hostile, b"x" * 10, step=step).frames).flows
        assert flow.channel is not Channel.ENCRYPTED


@pytest.mark.parametrize(
    "query",
    [
        "is_pass=1",
        "isNeedPwd=0",
        "is_pass=Y",
        "pass=通过",
        "resetPassword=yes",
        "token=malformed",
        "pwd=wrong",
    ],
)
def test_switches_and_messages_are_no_secrets(query: str) -> None:
    assert not findings(request(b"", path=f"/a?{query}"), answer(b"ok"))
