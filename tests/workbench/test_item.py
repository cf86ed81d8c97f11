"""The item view as a browser gets it: what is shown, what is saved, what is filed, what is refused."""

from __future__ import annotations

import contextlib
import html
import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import msgspec
import pytest
import uvicorn
from markupsafe import escape

from dengbao import drafts, evidence
from dengbao.evidence.staging import stage
from dengbao.model import EvidenceKind, Method, Person, Verdict
from dengbao.rounds import load_round
from dengbao.workbench.app import Address, build

from .bench import WAIT_S, records
from .item_steps import BASE, ITEM, TYPED, hidden, sit_down

LI = Person(name="李工", org="测试科技")
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"


@dataclass
class Kept:
    """An engagement folder whose page is asked without a server between."""

    folder: Path


@pytest.fixture
def served(hospital: Path) -> Kept:
    return Kept(hospital)


@contextlib.contextmanager
def asking(folder: Path) -> Iterator[httpx.Client]:
    """Serve the page from this process, which starts faster than the command."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = Address(listening.getsockname()[1])
        app, doors = build(folder, address)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        origin = f"http://127.0.0.1:{address.port}"
        try:
            with httpx.Client(
                base_url=origin,
                headers={"origin": origin},
                trust_env=False,
                timeout=WAIT_S,
                follow_redirects=True,
            ) as one:
                assert one.get(f"/start?token={doors.token}").status_code == 200
                yield one
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def client(hospital: Path) -> Iterator[httpx.Client]:
    with asking(hospital) as one:
        sit_down(one)
        yield one


def posted(client: httpx.Client, what: str, **fields: str) -> httpx.Response:
    page = client.get(ITEM).text
    if "redacted" in fields:
        fields["redacted"] = hidden(page, "redacted")
    return client.post(f"{BASE}/{what}", data={"base": hidden(page, "base"), "window": "w", **fields})


def draft(folder: Path) -> dict[str, str]:
    return drafts.load(folder, "1.a.3", "his-db").content.fields


def attach(folder: Path, name: str = "截图.txt") -> None:
    path = folder / "notes.txt"
    path.write_text("sqlite3 his.db .tables\npatient\n", encoding="utf-8")
    with path.open("rb") as file:
        found = stage(folder, name, file)
    path.unlink()
    drafts.attach(folder, "1.a.3", "his-db", found.sha256, by=LI)


def test_an_item_shows_its_text_verbatim_and_where_it_stands(client: httpx.Client) -> None:
    text = html.unescape(client.get(ITEM).text)
    assert "应核查用户配置信息或测试验证是否存在空口令用户；" in text
    assert re.search(r"第 <strong>9</strong>/74 项", text)
    assert "身份标识具有唯一性" in text
    assert "高风险" in text
    assert "SQLite 为嵌入式文件数据库，自身没有账户" in text
    assert "查看用户配置信息，确认不存在空口令账户" in text


def test_every_item_opens_on_every_asset(client: httpx.Client) -> None:
    seen = 0
    path = "/item/M.1"
    while path:
        answer = client.get(path)
        assert answer.status_code == 200, path
        for other in re.findall(r'href="(/item/[^"]*asset=[^"#]*)', answer.text):
            assert other.startswith("/item/")
        following = re.search(r'href="([^"]+)" data-key="n"', answer.text)
        path = html.unescape(following[1]).partition("#")[0] if following else ""
        seen += 1
    assert seen == 74


def test_going_to_an_item_by_its_number(client: httpx.Client) -> None:
    wanted = {"1.a.3": "1.a.3", "1a3": "1.a.3", "1.b": "1.b.1", "１０": "10.", "m1": "M.1"}
    for told, expected in wanted.items():
        answer = client.get("/item", params={"to": told})
        assert answer.url.path.removeprefix("/item/").startswith(expected)


def test_without_a_number_the_first_unfinished_is_shown_and_a_wrong_one_is_told(client: httpx.Client) -> None:
    assert client.get("/item").status_code == 200
    for path in (
        "/item?to=99.z",
        "/item/99.z",
        "/item/..%2f..%2fetc",
        f"{BASE.replace('his-db', 'nobody')}/facts",
    ):
        answer = client.get(path)
        assert answer.status_code in (400, 404)
        assert "Traceback" not in answer.text


def test_what_is_typed_is_saved_without_scripts(client: httpx.Client, served: Kept) -> None:
    answer = posted(client, "draft", statement=TYPED, verdict="conform", redacted="yes")
    assert answer.status_code == 200
    assert "草稿已保存" in answer.text
    assert draft(served.folder) == {"statement": TYPED, "verdict": "conform", "redacted": "yes"}
    page = client.get(ITEM).text
    assert TYPED in page
    assert re.search(r'value="conform"[^>]*checked', page)


def test_nobody_saves_without_a_name(served: Kept) -> None:
    with asking(served.folder) as client:
        answer = posted(client, "draft", statement=TYPED)
        assert answer.status_code == 409
        assert "尚未选定操作人员" in answer.text
        data = {"base": "0", "statement": "x"}
        part = client.post(f"{BASE}/draft", data=data, headers={"hx-request": "true"})
        assert "保存失败（尚未选定操作人员" in part.text
    assert draft(served.folder) == {}


def test_a_second_window_keeps_both_texts_and_the_choice_is_made_without_scripts(
    client: httpx.Client, served: Kept
) -> None:
    base = hidden(client.get(ITEM).text, "base")
    for window, text in (("w1", "甲窗口的文字"), ("w2", "乙窗口的文字")):
        page = client.post(f"{BASE}/draft", data={"base": base, "window": window, "statement": text}).text
    assert "甲窗口的文字" in page
    assert "乙窗口的文字" in page
    assert "两个窗口改了同一处" in page
    choice = re.search(r'value="(both-\d+)"', page)
    assert choice is not None
    posted(client, "draft/choose", statement="甲窗口的文字", choice=choice[1])
    assert draft(served.folder)["statement"] == "甲窗口的文字\n乙窗口的文字"
    assert "两个窗口改了同一处" not in client.get(ITEM).text


def test_either_text_may_be_taken(client: httpx.Client, served: Kept) -> None:
    for wish, expected in (("mine", "乙mine"), ("theirs", "甲theirs")):
        base = hidden(client.get(ITEM).text, "base")
        for window, text in ((f"w1{wish}", f"甲{wish}"), (f"w2{wish}", f"乙{wish}")):
            data = {"base": base, "window": window, "statement": text}
            page = client.post(f"{BASE}/draft", data=data).text
        choice = re.search(rf'value="({wish}-\d+)"', page)
        assert choice is not None
        posted(client, "draft/choose", statement=f"甲{wish}", choice=choice[1])
        assert draft(served.folder)["statement"] == expected


def test_undo_restore_and_clear(client: httpx.Client, served: Kept) -> None:
    for text in ("一", "二"):
        posted(client, "draft", statement=text)
    posted(client, "draft/undo", statement="二")
    assert draft(served.folder) == {"statement": "一"}
    posted(client, "draft/clear", statement="一")
    assert draft(served.folder) == {}
    page = client.get(ITEM).text
    version = re.search(r'name="version" value="(\d+)"[^>]*>恢复</button> [^<]*二', page)
    assert version is not None
    posted(client, "draft/restore", version=version[1])
    assert draft(served.folder) == {"statement": "二"}
    assert posted(client, "draft/undo", statement="二").status_code == 200


def test_filing_makes_evidence_and_empties_the_draft(client: httpx.Client, served: Kept) -> None:
    attach(served.folder)
    answer = posted(client, "file", statement=TYPED, verdict="conform", redacted="yes")
    assert answer.status_code == 200
    assert "已入库 EV-0001" in answer.text
    (one,) = evidence.load_all(served.folder)
    assert (one.items, one.asset, one.statement) == (("1.a.3",), "his-db", TYPED)
    assert (one.verdict, one.method, one.kind) == (Verdict.CONFORM, Method.EXAMINE, EvidenceKind.CONFIG)
    assert (one.collected_by, one.redacted, one.reviewed) == (LI, True, None)
    assert drafts.unfiled(served.folder) == ()
    assert records(served.folder)[-1]["act"] == "evidence_added"
    assert "采信" in answer.text


def test_pressed_twice_it_is_filed_once(client: httpx.Client, served: Kept) -> None:
    attach(served.folder)
    base = hidden(client.get(ITEM).text, "base")
    form = {"base": base, "window": "w", "statement": TYPED, "verdict": "conform"}
    for _ in range(2):
        assert "已入库 EV-0001" in client.post(f"{BASE}/file", data=form).text
    assert len(evidence.load_all(served.folder)) == 1
    assert drafts.unfiled(served.folder) == ()


def test_pressed_again_while_it_is_filed_it_is_filed_once(client: httpx.Client, served: Kept) -> None:
    attach(served.folder)
    form = {"base": "0", "window": "w", "statement": TYPED, "verdict": "conform"}
    presses = [
        threading.Thread(target=client.post, args=(f"{BASE}/file",), kwargs={"data": form}) for _ in range(3)
    ]
    for one in presses:
        one.start()
    for one in presses:
        one.join()
    assert len(evidence.load_all(served.folder)) == 1
    assert drafts.unfiled(served.folder) == ()


WRONG: Final[tuple[tuple[dict[str, str], str], ...]] = (
    ({"statement": ""}, "未填：写看到了什么"),
    ({"verdict": ""}, "未选"),
    ({"verdict": "fine"}, "不认识的判定"),
    ({"verdict": "not_applicable"}, "不适用须申报"),
    ({"collected_at": "yesterday"}, "不是时间"),
    ({"collected_at": "2999-01-01T10:00"}, "在将来"),
    ({"expires": "soon"}, "不是日期"),
    ({"expires": "2001-01-01"}, "过期"),
    ({"method": "guess"}, "不认识的方法"),
    ({"kind": "screenshot"}, "没有图片"),
    ({"answer_1": "没有"}, "写明向谁访谈"),
)


def test_what_is_wrong_is_told_and_what_was_typed_stays(client: httpx.Client, served: Kept) -> None:
    attach(served.folder)
    for fields, told in WRONG:
        typed = {"statement": TYPED, "verdict": "conform", **fields}
        answer = posted(client, "file", **typed)
        assert answer.status_code == 409, fields
        assert told in answer.text
        assert evidence.load_all(served.folder) == []
        assert draft(served.folder) == {key: text for key, text in typed.items() if text}
        assert (f"{TYPED}</textarea>" in answer.text) is bool(typed["statement"])


def test_without_a_file_nothing_is_filed(client: httpx.Client, served: Kept) -> None:
    answer = posted(client, "file", statement=TYPED, verdict="conform")
    assert answer.status_code == 409
    assert "没有佐证" in answer.text
    assert evidence.load_all(served.folder) == []


def test_an_interview_becomes_a_note_that_is_filed(client: httpx.Client, served: Kept) -> None:
    answer = posted(
        client, "file", statement="经访谈，无空口令账户。", verdict="conform", asked="赵科长 信息科",
        answer_1="没有账户，文件由应用独占。", by_name="周工", by_org="测试科技",
    )  # fmt: skip
    assert answer.status_code == 200
    (one,) = evidence.load_all(served.folder)
    assert (one.method, one.kind) == (Method.INTERVIEW, EvidenceKind.INTERVIEW_NOTE)
    assert one.collected_by.name == "周工"
    written = (served.folder / "evidence" / one.files[0].name).read_text(encoding="utf-8")
    for part in ("访谈记录", "赵科长 信息科", "没有账户，文件由应用独占。", "周工（测试科技）", "1.a.3"):
        assert part in written


def test_an_override_is_only_asked_for_where_a_program_said_no(client: httpx.Client, served: Kept) -> None:
    assert 'name="override"' not in client.get(ITEM).text
    attach(served.folder)
    posted(client, "file", statement=TYPED, verdict="conform", override="不必")
    assert evidence.load_all(served.folder)[0].override == ""


def failing(folder: Path) -> None:
    """Let the program have said 不符合 of the item."""
    path = load_round(folder).records_path
    lines = [json.loads(one) for one in path.read_bytes().splitlines()]
    for one in lines:
        if one["item"] == "1.a.3":
            one.update(status="judged", verdict="nonconform", reason=None)
    path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in lines))


def test_a_no_of_a_program_is_overruled_only_with_a_reason_and_a_second_person(hospital: Path) -> None:
    failing(hospital)
    with asking(hospital) as client:
        sit_down(client)
        assert 'name="override"' in client.get(ITEM).text
        attach(hospital)
        told = posted(client, "file", statement=TYPED, verdict="conform").text
        assert "自动判定不因此改变" in told
        attach(hospital)
        told = posted(client, "file", statement=TYPED, verdict="conform", override="账户已删除").text
        assert "尚待第二人复核" in told
        assert "账户已删除" in told
    assert [one.override for one in evidence.load_all(hospital)] == ["", "账户已删除"]


def test_not_applicable_is_declared_with_a_second_person(client: httpx.Client) -> None:
    alone = {"why": "嵌入式数据库没有账户", "agreed_name": "李工", "agreed_org": "测试科技"}
    assert posted(client, "not-applicable", **alone).status_code == 409
    answer = posted(client, "not-applicable", **{**alone, "agreed_name": "王主任", "agreed_org": "测试医院"})
    assert answer.status_code == 200
    assert "已申报不适用：嵌入式数据库没有账户" in answer.text
    assert "申报</button>" not in answer.text


def test_facts_and_raw_records_are_shown_as_text_page_by_page(client: httpx.Client, served: Kept) -> None:
    records = load_round(served.folder).records().values()
    resting = next(one for one in records if one.asset == "his-db" and one.facts)
    path = f"/item/{resting.item}/his-db/facts"
    assert path in client.get(f"/item/{resting.item}?asset=his-db").text
    whole, part = client.get(path).text, client.get(path, headers={"hx-request": "true"}).text
    for text in (whole, part):
        assert resting.facts[0].fact in text
        assert resting.facts[0].sha256[:12] in text
    assert "<html" in whole
    assert "<html" not in part
    assert "未取得" in client.get(f"{BASE}/facts").text
    for wrong in ("0" * 64, "..%2f..%2fengagement.yaml", "x"):
        assert client.get(f"{BASE}/raw/{wrong}").status_code in (400, 404)


def test_text_of_a_hostile_server_is_shown_as_text(hospital: Path) -> None:
    chosen = load_round(hospital)
    lines = [json.loads(one) for one in chosen.records_path.read_bytes().splitlines()]
    for one in lines:
        if one["item"] == "1.a.3":
            one["statement"] = HOSTILE
            one["criteria"] = [
                {"name": "x", "question": HOSTILE, "met": None, "measured": HOSTILE, "fact": "x"}
            ]
            one["proofs"] = [{"request": HOSTILE, "answer": HOSTILE}]
    chosen.records_path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in lines))
    with asking(hospital) as client:
        sit_down(client)
        text = posted(client, "draft", statement=HOSTILE, asked=HOSTILE, by_name=HOSTILE).text
        assert str(escape(HOSTILE)) in text
        assert "<script>document" not in text
        assert "<img src=x" not in text
