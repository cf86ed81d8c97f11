"""Uploads by hostile hands: nothing is served as a page, nothing outgrows its bound, no draft is lost."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import resource
import select
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from dengbao import drafts
from dengbao.errors import EvidenceError
from dengbao.evidence import staging
from dengbao.model import Person
from dengbao.workbench import scratch
from dengbao.workbench.sent import attachment

from ..packet import example
from ..test_staging import bomb_png, picture, zipped
from .bench import WAIT_S, Served, serving
from .item_steps import BASE, ITEM, TYPED, hidden, sit_down

UPLOAD: Final = f"{BASE}/files"
ITEM_ID, ASSET = BASE.split("/")[2:4]
MEGABYTE: Final = 1024 * 1024
MOST_RESIDENT: Final = 200 * MEGABYTE
EDGE: Final = b"--edge-of-a-part"
LI: Final = Person(name="李工", org="测试科技")


@pytest.fixture(scope="module")
def spooled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spooled")


@pytest.fixture(scope="module")
def shared(tested: Path, spooled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One served engagement for all attacks here, with a draft that every attack must leave as it is."""
    folder = example.copy_of(tested, tmp_path_factory.mktemp("uploads") / "my-hospital")
    with serving(folder, TMPDIR=str(spooled)) as one:
        yield one


@pytest.fixture
def client(shared: Served) -> Iterator[httpx.Client]:
    folder = shared.folder
    kept = drafts.load(folder, ITEM_ID, ASSET)
    content = drafts.DraftContent(fields={"statement": TYPED})
    drafts.save(folder, ITEM_ID, ASSET, content, base=kept.number, by=LI)
    with shared.client() as one:
        sit_down(one)
        yield one
        assert TYPED in one.get(ITEM).text
    assert drafts.load(folder, ITEM_ID, ASSET).content.fields == {"statement": TYPED}


def left_in(folder: Path) -> list[Path]:
    """Return the files among the temporary ones, but for what says that the server lives."""
    return [one for one in folder.rglob("*") if one.is_file() and one.name != scratch.ALIVE]


def body(*files: tuple[bytes, bytes]) -> bytes:
    """Return a form with files under names as they stand, which a decent client would not send."""
    head = (
        b'\r\nContent-Disposition: form-data; name="upload"; filename="%s"\r\nContent-Type: text/html\r\n\r\n'
    )
    parts = [EDGE + head % name + data + b"\r\n" for name, data in files]
    return b"".join(parts) + EDGE + b"--\r\n"


def send(client: httpx.Client, *files: tuple[bytes, bytes], part: bool = False) -> httpx.Response:
    kind = {"content-type": f"multipart/form-data; boundary={EDGE[2:].decode()}"}
    return client.post(UPLOAD, content=body(*files), headers=kind | ({"hx-request": "true"} if part else {}))


def lying(folder: Path) -> set[str]:
    """Return every file of an engagement folder except what a round wrote."""
    found = (one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file())
    return {one for one in found if not one.startswith("runs/")}


def attached(served: Served) -> tuple[str, ...]:
    return drafts.load(served.folder, ITEM_ID, ASSET).content.files


def refused(client: httpx.Client, served: Served, word: str, *files: tuple[bytes, bytes]) -> None:
    """Hold that files are refused in words, on the page and in a part of it, and that none was kept."""
    before = lying(served.folder)
    answer = send(client, *files)
    assert answer.status_code == 409
    assert word in answer.text
    answer = send(client, *files, part=True)
    assert answer.status_code in (200, 409)
    assert word in answer.text
    assert attached(served) == ()
    assert lying(served.folder) == before | {"drafts/files/.lock"} or lying(served.folder) == before


def resident_peak(served: Served) -> int:
    """Return the most memory that the server ever held, in bytes."""
    status = Path(f"/proc/{served.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


NAMES: list[tuple[bytes, str]] = [
    (b"../../x", "x"), (b"..\\\\..\\\\engagement.yaml", "engagement.yaml"), (b"/etc/passwd", "passwd"),
    (b"a%00.png", "a%00.png"), (b"CON", "_CON"), (b"x" * 500 + b".png", "x" * 96 + ".png"),
    ("\u202egnp.exe".encode(), "gnp.exe"), (b"a.png\x0bb", "a.pngb"),
    (b"<img src=x onerror=alert(1)>", "_img src=x"),
    ("登录 页面.png".encode(), "登录 页面.png"), (b"\xff\xfe.png", ".png"), (b"{{ 7+7 }}", "{{ 7+7 }}"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_a_name_is_for_people_only(client: httpx.Client, shared: Served, name: bytes, shown: str) -> None:
    data = b"text of " + hashlib.sha256(name).hexdigest().encode()
    before = lying(shared.folder)
    answer = send(client, (name, data), part=True)
    assert answer.status_code == 200
    digest = hashlib.sha256(data).hexdigest()
    found = staging.staged(shared.folder, digest)
    assert found is not None
    assert shown in found.name
    assert "<img src=x" not in answer.text
    new = lying(shared.folder) - before - {"drafts/files/.lock", "drafts/files/.swept", "drafts/.lock"}
    assert new == {f"drafts/files/{digest}.txt", f"drafts/files/{digest}.json"}
    told = client.get(f"/staged/{digest}").headers["content-disposition"]
    assert re.fullmatch(
        r"attachment; filename=\"[A-Za-z0-9._-]+\"; filename\*=UTF-8''[A-Za-z0-9._%~-]+", told
    )
    assert len(told) < 2000


HOSTILE: list[bytes] = [
    b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    b"<!doctype html><script>alert(1)</script>",
    b'<?xml version="1.0"?><?xml-stylesheet href="x.xsl"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
    b"alert(1)//",
    b"%PDF-1.7\n<script>alert(1)</script>\n%%EOF",
    picture("GIF") + b"<script>alert(1)</script>",
    picture("JPEG") + zipped({"index.html": b"<script>alert(1)</script>"}),
    b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script>",
    zipped(
        {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<html><script>alert(1)</script></html>"}
    ),
    b"\0\0\0<html><script>alert(1)</script>",
]


@pytest.mark.parametrize("data", HOSTILE)
@pytest.mark.parametrize("name", [b"a.svg", b"a.html", b"a.png"])
def test_whatever_it_is_it_only_goes_out_to_be_saved(client: httpx.Client, name: bytes, data: bytes) -> None:
    assert send(client, (name, data), part=True).status_code == 200
    digest = hashlib.sha256(data).hexdigest()
    answer = client.get(f"/staged/{digest}")
    assert answer.content == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert not re.search(r"\.(svg|html?|xml|js)\"", answer.headers["content-disposition"])
    for path in (f"/staged/{digest}", f"/staged/{digest}/preview", f"/staged/{digest}/preview?size=large"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
    shown = client.get(f"/staged/{digest}/preview")
    assert shown.headers["content-type"] == "image/png"
    assert b"alert" not in shown.content
    assert Image.open(io.BytesIO(shown.content)).format == "PNG"


BROKEN: list[tuple[str, bytes]] = [
    ("空的", b""), ("图片已损坏", picture()[:-20]), ("图片尺寸过大", bomb_png()),
    ("压缩炸弹", zipped({"a": bytes(100 << 20)})), ("图片已损坏", b"GIF89a<script>alert(1)</script>"),
    ("已损坏", zipped({"a": b"x" * 999})[:-9]),
]  # fmt: skip


@pytest.mark.parametrize(("word", "data"), BROKEN)
def test_what_is_broken_or_a_bomb_is_refused(
    client: httpx.Client, shared: Served, word: str, data: bytes
) -> None:
    refused(client, shared, word, (b"a.png", data))
    assert resident_peak(shared) < MOST_RESIDENT


def test_a_bad_file_does_not_keep_the_others_out(client: httpx.Client, shared: Served) -> None:
    answer = send(client, (b"a.txt", b"good"), (b"b.png", picture()[:-9]), (b"c.txt", b"also good"))
    assert answer.status_code == 409
    assert "其余 2 个文件已附上" in answer.text
    assert len(attached(shared)) == 2


def test_more_files_than_a_draft_holds_are_refused(client: httpx.Client, shared: Served) -> None:
    hundred = [(b"%d.txt" % one, b"file %d" % one) for one in range(100)]
    refused(client, shared, "一次最多上传 20 个文件", *hundred)
    assert send(client, *hundred[:20]).status_code == 200
    assert len(attached(shared)) == 20
    answer = send(client, *hundred[20:22], part=True)
    assert "最多 20 个文件" in answer.text
    assert len(attached(shared)) == 20


def test_more_fields_than_a_form_holds_are_refused(client: httpx.Client, shared: Served) -> None:
    part = EDGE + b'\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n'
    many = b"".join(part % one for one in range(2001)) + EDGE + b"--\r\n"
    kind = {"content-type": f"multipart/form-data; boundary={EDGE[2:].decode()}"}
    answer = client.post(UPLOAD, content=many, headers=kind)
    assert answer.status_code == 409
    assert "一次最多提交 2000 个栏目" in answer.text
    few = b"".join(part % one for one in range(2000)) + EDGE + b"--\r\n"
    assert client.post(UPLOAD, content=few, headers=kind).status_code in (200, 409)
    for damaged in (many[:-9], b"", b"no form at all", EDGE * 5000):
        assert client.post(UPLOAD, content=damaged, headers=kind).status_code in (200, 409)
    assert attached(shared) == ()


def raw_post(served: Served, client: httpx.Client, *, declared: int | None, sent: int) -> bytes:
    """Send a file of zeros over a bare socket until the server answers; return the answer."""
    where = urlsplit(served.origin)
    assert where.hostname
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    length = f"Content-Length: {declared}" if declared is not None else "Transfer-Encoding: chunked"
    head = (
        f"POST {UPLOAD} HTTP/1.1\r\nHost: {where.netloc}\r\nOrigin: {served.origin}\r\nCookie: {cookies}\r\n"
        f"{length}\r\nContent-Type: multipart/form-data; boundary={EDGE[2:].decode()}\r\n\r\n"
    ).encode()
    start = body((b"a.bin", b"")).partition(b"\r\n" + EDGE)[0]
    block = bytes(MEGABYTE)
    said = b""
    with socket.create_connection((where.hostname, where.port or 0), timeout=WAIT_S) as wire:
        wire.sendall(head)
        with contextlib.suppress(ConnectionError):  # it has had enough; what it said can still be read
            wire.sendall(start if declared is not None else b"%x\r\n%s\r\n" % (len(start), start))
            for _ in range(sent // MEGABYTE):
                if select.select([wire], [], [], 0)[0]:
                    break
                wire.sendall(block if declared is not None else b"%x\r\n%s\r\n" % (MEGABYTE, block))
        with contextlib.suppress(ConnectionError):
            while b"</main>" not in said and (got := wire.recv(65536)):
                said += got
    return said


@pytest.mark.parametrize("declared", [1 << 30, None])
def test_a_gigabyte_is_refused_early_and_costs_no_memory(
    client: httpx.Client, shared: Served, spooled: Path, declared: int | None
) -> None:
    before = lying(shared.folder)
    said = raw_post(shared, client, declared=declared, sent=1 << 30)
    assert said.startswith(b"HTTP/1.1 413")
    assert "一次最多 100 MB" in said.decode()
    assert resident_peak(shared) < MOST_RESIDENT
    assert lying(shared.folder) == before
    assert left_in(spooled) == []


def test_a_file_over_the_bound_of_one_file_is_refused(
    client: httpx.Client, shared: Served, spooled: Path
) -> None:
    refused(client, shared, "文件超过 64 MB", (b"a.log", bytes(65 * MEGABYTE)))
    assert resident_peak(shared) < MOST_RESIDENT
    assert left_in(spooled) == []


def test_who_and_where_must_be_known_before_anything_is_kept(shared: Served) -> None:
    before = lying(shared.folder)
    with shared.client() as one:
        assert "尚未选定操作人员" in send(one, (b"a.txt", b"whose?"), part=True).text
        sit_down(one)
        for strange in ("/item/9.z.9/his-db", "/item/1.a.3/nowhere", "/item/..%2f..%2fx/his-db"):
            answer = one.post(f"{strange}/files", files={"upload": ("a.txt", b"where?")})
            assert answer.status_code in (404, 409)
            assert one.post(f"{strange}/files/{'0' * 64}/remove").status_code in (404, 409)
    assert not {one for one in lying(shared.folder) - before if one.endswith((".txt", ".bin"))}


@pytest.mark.parametrize(
    "path",
    [
        f"/staged/{'0' * 64}", "/staged/..%2f..%2fengagement.yaml", "/staged/engagement.yaml", "/staged/%00",
        "/evidence/EV-0001/1", "/evidence/..%2fengagement/1", "/evidence/EV-9999/1/preview",
        f"{BASE}/files/{'0' * 64}/redact", f"{BASE}/files/..%2fx/redact",
    ],
)  # fmt: skip
def test_what_does_not_exist_is_not_found(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (400, 404)
    assert "suite:" not in answer.text


def test_a_filed_file_goes_out_only_as_it_was_filed(complete: Path, tmp_path: Path) -> None:
    folder = example.copy_of(complete, tmp_path / "my-hospital")
    with serving(folder) as served, served.client() as client:
        answer = client.get("/evidence/EV-0001/1")
        assert answer.content == (folder / "evidence" / "EV-0001.png").read_bytes()
        assert answer.headers["content-type"] == "application/octet-stream"
        assert 'filename="EV-0001.png"' in answer.headers["content-disposition"]
        assert answer.headers["content-security-policy"].startswith("sandbox")
        shown = client.get("/evidence/EV-0001/1/preview")
        assert Image.open(io.BytesIO(shown.content)).size == (240, 150)
        for number in ("0", "2", "-1", "１", "x", "1" * 30):
            assert client.get(f"/evidence/EV-0001/{number}").status_code in (400, 404)
        file = folder / "evidence" / "EV-0001.png"
        file.write_bytes(file.read_bytes() + b"!")
        answer = client.get("/evidence/EV-0001/1")
        assert answer.status_code == 400
        assert "改动" in answer.text
        file.unlink()
        answer = client.get("/evidence/EV-0001/1")
        assert (answer.status_code, "EV-0001" in answer.text) == (400, True)


def test_bytes_that_are_not_those_of_their_digest_do_not_go_out(tmp_path: Path) -> None:
    path = tmp_path / "EV-0001.txt"
    path.write_bytes(b"altered!")
    digest = hashlib.sha256(b"as filed").hexdigest()
    with pytest.raises(EvidenceError, match="可能被改动"):
        attachment(path, path.name, digest)
    path.unlink()
    with pytest.raises(EvidenceError, match="不在了"):
        attachment(path, path.name, digest)


def test_a_full_disk_is_told_and_the_draft_stays(hospital: Path) -> None:
    with serving(hospital) as served, served.client() as client:
        sit_down(client)
        client.post(f"{BASE}/draft", data={"statement": TYPED, "base": "0"}).raise_for_status()
        # Whatever the process writes from now on stops at this size, as on a disk that becomes full.
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
        for size in (200_000, 3 * MEGABYTE):  # the second is too big for memory while it is read, too
            answer = send(client, (b"a.log", b"line\n" * (size // 5)))
            assert answer.status_code == 409
            assert "无法" in answer.text
            assert "磁盘空间" in answer.text
        assert TYPED in client.get(ITEM).text
        assert [one for one in lying(hospital) if one.startswith("drafts/files/") and one[13] != "."] == []
        unbounded = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, unbounded)
        assert send(client, (b"a.log", b"line\n" * 40_000)).status_code == 200
        assert len(attached(served)) == 1


def test_a_kill_during_an_upload_leaves_no_half_file_and_no_lost_word(hospital: Path) -> None:
    with serving(hospital) as served, served.client() as client:
        sit_down(client)
        client.post(f"{BASE}/draft", data={"statement": TYPED, "base": "0"}).raise_for_status()
        where = urlsplit(served.origin)
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        with socket.create_connection((where.hostname or "", where.port or 0), timeout=WAIT_S) as wire:
            kind = f"multipart/form-data; boundary={EDGE[2:].decode()}"
            wire.sendall(
                f"POST {UPLOAD} HTTP/1.1\r\nHost: {where.netloc}\r\nOrigin: {served.origin}\r\n"
                f"Cookie: {cookies}\r\nContent-Length: 9000000\r\nContent-Type: {kind}\r\n\r\n".encode()
            )
            wire.sendall(body((b"a.bin", bytes(5 * MEGABYTE)))[:-40])
            served.kill()
    with serving(hospital) as again, again.client() as client:
        page = client.get(ITEM).text
        assert TYPED in page
        assert hidden(page, "base") == "1"
        assert attached(again) == ()
        folder = hospital / staging.FOLDER
        assert [one for one in (folder.iterdir() if folder.is_dir() else ()) if one.name[0] != "."] == []


def test_a_file_taken_out_can_be_had_again_by_undoing(client: httpx.Client, shared: Served) -> None:
    send(client, (b"a.txt", b"taken out and had again"))
    (digest,) = attached(shared)
    answer = client.post(f"{UPLOAD}/{digest}/remove", headers={"hx-request": "true"})
    assert "a.txt" not in answer.text
    assert attached(shared) == ()
    again = client.post(f"{UPLOAD}/{digest}/remove", headers={"hx-request": "true"})
    assert "没有这个文件" in again.text
    drafts.undo(shared.folder, ITEM_ID, ASSET, by=LI)
    assert attached(shared) == (digest,)
    assert "a.txt" in client.get(ITEM).text
    (shared.folder / staging.FOLDER / f"{digest}.txt").unlink()
    page = client.get(ITEM).text
    assert "文件已不在" in page
    client.post(f"{UPLOAD}/{digest}/remove").raise_for_status()
    assert attached(shared) == ()


def test_a_zip_in_a_zip_is_not_opened(client: httpx.Client, shared: Served) -> None:
    inner = zipped({"a": bytes(40 << 20)})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(50):
            archive.writestr(f"{number}.zip", inner)
    assert send(client, (b"a.zip", out.getvalue())).status_code == 200
    assert len(attached(shared)) == 1
