"""How a server ends: whatever it was doing, no temporary file of its own stays; nobody else's goes."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from dengbao.evidence import parts, staging
from dengbao.workbench import scratch

from .bench import WAIT_S, Served, serving
from .item_steps import BASE, sit_down
from .test_sheet import filled

MEGABYTE = 1024 * 1024
EDGE = "edge-of-a-part"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return the folder for temporary files that servers of a test share."""
    found = tmp_path / "temporary"
    found.mkdir()
    return found


def half_sent(served: Served, client: httpx.Client) -> socket.socket:
    """Begin to send a file that is too big for memory, and stop half-way."""
    where = urlsplit(served.origin)
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    wire = socket.create_connection((where.hostname or "", where.port or 0), timeout=WAIT_S)
    kind = f"multipart/form-data; boundary={EDGE}"
    wire.sendall(
        f"POST {BASE}/files HTTP/1.1\r\nHost: {where.netloc}\r\nOrigin: {served.origin}\r\n"
        f"Cookie: {cookies}\r\nContent-Length: {9 * MEGABYTE}\r\nContent-Type: {kind}\r\n\r\n"
        f'--{EDGE}\r\nContent-Disposition: form-data; name="upload"; filename="a.bin"\r\n\r\n'.encode()
    )
    wire.sendall(bytes(5 * MEGABYTE))
    return wire


def hold_a_workbook(client: httpx.Client, book: bytes) -> None:
    """Leave a workbook in the server's hands, waiting to be confirmed."""
    answer = client.post("/table/sheet", files={"workbook": ("a.xlsx", book, SHEET)})
    assert "将入库" in answer.text


def abandoned_part(folder: Path) -> Path:
    """Leave half a file among the staged ones, as a process that was killed does."""
    part = parts.new_part(staging.folder_of(folder))
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(b"half a fi")
    return part.rename(part.with_name(".4194305-0123456789abcdef.part"))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_end_during_an_upload_leaves_nothing(hospital: Path, place: Path, how: signal.Signals) -> None:
    with serving(hospital, TMPDIR=str(place)) as served, served.client() as client:
        sit_down(client)
        hold_a_workbook(client, filled(client.get("/table/sheet/download").content))
        (folder,) = place.iterdir()
        assert len(list(folder.iterdir())) > 1
        with half_sent(served, client):
            served.process.send_signal(how)
            served.process.wait(WAIT_S)
    assert list(place.iterdir()) == []
    assert list(staging.folder_of(hospital).glob(".*.part")) == []


def test_what_a_kill_left_goes_at_the_next_start_and_what_lives_stays(hospital: Path, place: Path) -> None:
    with serving(hospital, TMPDIR=str(place)) as living, living.client() as other:
        sit_down(other)
        book = filled(other.get("/table/sheet/download").content)
        hold_a_workbook(other, book)
        (alive,) = place.iterdir()
        kept = {one.name for one in alive.iterdir()}
        with serving(hospital, TMPDIR=str(place)) as served, served.client() as client:
            sit_down(client)
            hold_a_workbook(client, book)
            served.kill()
        (dead,) = set(place.iterdir()) - {alive}
        part = abandoned_part(hospital)
        growing = parts.new_part(part.parent)
        with growing.open("xb") as file:
            parts.hold(file)
            with serving(hospital, TMPDIR=str(place)) as again:
                assert not dead.exists()
                assert not part.exists()
                assert growing.exists()
                assert {one.name for one in alive.iterdir()} == kept
                assert len(list(place.iterdir())) == 2
                again.process.terminate()
                again.process.wait(WAIT_S)
            assert growing.exists()
        assert list(place.iterdir()) == [alive]
        assert other.get("/").status_code == 200


def test_a_folder_without_a_lock_goes_only_when_it_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    new, old, foreign = (tmp_path / one for one in (f"{scratch.PREFIX}new", f"{scratch.PREFIX}old", "other"))
    for one in (new, old, foreign):
        one.mkdir()
        (one / "file").write_bytes(b"x")
    os.utime(old, (1, 1))
    os.utime(foreign, (1, 1))
    link = tmp_path / f"{scratch.PREFIX}link"
    link.symlink_to(foreign)
    scratch.sweep()
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([new.name, foreign.name, link.name])
    assert (foreign / "file").exists()
