"""Locked while sealed: no page writes, the way out is a step of its own that is told in the log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dengbao import drafts
from dengbao.errors import UsageError
from dengbao.packet.dsse import new_key
from dengbao.packet.lock import lock_of, unlock
from dengbao.packet.seal import seal
from dengbao.packet.sealing import seal_folder
from dengbao.rounds import load_round
from dengbao.session import open_session
from dengbao.workbench.locking import LOCKED, LockWatch, own_path
from dengbao.workbench.pages import ROUTES

from ..packet import example
from .bench import Served, browsing, records, serving

# What may be done while the folder is sealed: it changes nothing that was sealed.
HARMLESS = re.compile(
    r"/who|/leave|/login|/sealed/unlock|/papers/\w+|/run/(pause|resume|stop|interrupt|kill)|/run/again/stop"
    r"|/item/\{item\}/\{asset\}/(draft.*|files.*|file)"  # filing saves the draft and is refused then
)


@pytest.fixture(scope="session")
def sealed(complete: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a sealed engagement; do not change it."""
    folder = example.copy_of(complete, tmp_path_factory.mktemp("sealed") / "my-hospital")
    key = new_key(tmp_path_factory.mktemp("key") / "seal")
    at = datetime.now(UTC).replace(microsecond=0)
    (folder / "out").mkdir(exist_ok=True)
    seal(
        open_session(folder),
        load_round(folder),
        folder / "out" / "packet.zip",
        by=example.LI,
        key=key,
        sealed_at=at,
    )
    return folder


@pytest.fixture
def locked(sealed: Path, tmp_path: Path) -> Iterator[Served]:
    """Return a copy of that engagement, served."""
    with serving(example.copy_of(sealed, tmp_path / "my-hospital")) as one:
        yield one


def test_a_folder_is_locked_while_it_is_what_was_sealed(sealed: Path, complete: Path, tmp_path: Path) -> None:
    assert lock_of(complete) is None
    folder = example.copy_of(sealed, tmp_path / "my-hospital")
    watch = LockWatch(folder)
    found = lock_of(folder)
    assert found is not None
    assert watch.now() == watch.now() == found
    facts = next((folder / "runs").rglob("facts/*/*.json"))
    before = facts.read_bytes()
    example.spoil(facts)
    assert (watch.now(), lock_of(folder)) == (None, None)
    facts.write_bytes(before)
    assert watch.now() == lock_of(folder) == found
    with pytest.raises(UsageError, match="理由"):
        unlock(folder, example.WANG, " ")
    unlock(folder, example.WANG, "补充一份佐证")
    assert (watch.now(), lock_of(folder)) == (None, None)
    with pytest.raises(UsageError, match="没有锁定"):
        unlock(folder, example.WANG, "补充一份佐证")


def test_sealing_again_gives_the_same_packet_and_locks_again(complete: Path, tmp_path: Path) -> None:
    folder = example.copy_of(complete, tmp_path / "my-hospital")
    key = new_key(tmp_path / "seal")
    first = seal_folder(open_session(folder), load_round(folder), by=example.LI, key=key)
    locked = lock_of(folder)
    assert locked is not None
    assert locked.packet == first.sealed.packet
    unlock(folder, example.WANG, "查看后无须改动")
    assert lock_of(folder) is None
    second = seal_folder(open_session(folder), load_round(folder), by=example.LI, key=key)
    assert (second.again, second.sealed.packet) == (True, first.sealed.packet)
    assert lock_of(folder) == locked


def test_no_form_writes_while_sealed(locked: Served) -> None:
    forms = [one.path for one in ROUTES if "POST" in (one.methods or ()) and not HARMLESS.fullmatch(one.path)]
    assert any(one.startswith("/review/") for one in forms)
    before = {one: one.stat().st_mtime_ns for one in locked.folder.rglob("*")}
    with locked.client() as client:
        client.post("/who", data={"name": "王主任", "org": "测试医院"}).raise_for_status()
        for path in forms:
            filled = re.sub(r"\{\w+(:\w+)?\}", "1.a.1", path)
            answer = client.post(filled, data={"text": "改一改", "reason": "改一改"})
            assert (path, answer.status_code) == (path, 423)
            assert "packet.zip" in answer.text
    assert {one: one.stat().st_mtime_ns for one in locked.folder.rglob("*")} == before


@pytest.mark.parametrize("scripts", [True, False])
def test_unlocking_takes_a_person_and_a_reason_and_is_told(
    locked: Served, browser: Browser, scripts: bool
) -> None:
    with browsing(browser, locked, scripts=scripts) as window:
        page = window.page
        page.locator(".who summary").click()
        page.get_by_role("button", name="王主任（测试医院）").click()
        window.go("/papers")
        page.get_by_role("link", name="查看或解除锁定").click()
        assert "已封存，不能改动" in page.locator("h1").inner_text()
        if scripts:
            assert window.faults() == []
        page.get_by_label("理由").fill("漏了一份佐证 <b>EV</b>")
        page.get_by_role("button", name="解除锁定").click()
        page.wait_for_url("**/papers")
        assert "王主任 已解除锁定" in page.locator(".said").inner_text()
        assert page.locator(".sealed").count() == 0
    last = records(locked.folder)[-1]
    assert last["act"] == "unlocked"
    assert last["details"] == {"packet": last["details"]["packet"], "why": "漏了一份佐证 <b>EV</b>"}  # type: ignore[index]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/papers?x=1", "/papers?x=1"), ("//evil.example", "/"), ("/\\evil.example", "/"),
        ("https://evil.example", "/"), ("/a\r\nSet-Cookie: x", "/"), ("", "/"), ("javascript:1", "/"),
    ],
)  # fmt: skip
def test_the_way_back_stays_on_the_page(given: str, expected: str) -> None:
    assert own_path(given) == expected


def test_what_is_typed_while_sealed_is_a_draft_and_is_not_filed(locked: Served) -> None:
    with locked.client() as client:
        client.post("/who", data={"name": "李工", "org": "测试科技", "back": "/"})
        form = {"base": "0", "window": "w", "statement": "经核查，封存后又写。", "verdict": "conform"}
        answer = client.post("/item/1.a.3/his-db/file", data=form)
        assert answer.status_code == LOCKED
    assert drafts.load(locked.folder, "1.a.3", "his-db").content.fields["statement"] == form["statement"]
    assert lock_of(locked.folder) is not None
