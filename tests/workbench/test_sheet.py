"""现场核查记录表 over the page: handed out, shown cell by cell before it is filed, refused as a whole."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import pytest
from openpyxl import Workbook, load_workbook
from playwright.sync_api import Browser

from .bench import Served, browsing, records

_KIND: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_HEAD: Final = "结果记录"


def filled(data: bytes, *, verdict: str = "符合", rows: int = 2) -> bytes:
    """Fill in the first rows of the first sheet that holds cases."""
    book = load_workbook(io.BytesIO(data))
    for sheet in book.worksheets:
        for at, row in enumerate(sheet.iter_rows(min_row=1, max_row=10, values_only=True), 1):
            heads = [str(one) for one in row]
            if _HEAD in heads:
                for number in range(1, rows + 1):
                    said = f"经核查，现场已看到（{number}）。"
                    sheet.cell(at + number, heads.index(_HEAD) + 1, said)
                    sheet.cell(at + number, heads.index("符合情况") + 1, verdict)
                return _saved(book)
    raise AssertionError("no sheet holds cases")


def _saved(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _evidence(folder: Path) -> list[str]:
    return sorted(one.name for one in (folder / "evidence").iterdir() if one.suffix == ".yaml")


@pytest.mark.parametrize("scripts", [True, False])
def test_what_was_filled_in_is_shown_before_it_is_filed(
    served: Served, browser: Browser, tmp_path: Path, scripts: bool
) -> None:
    with browsing(browser, served, scripts=scripts) as window:
        page = window.page
        page.locator(".who summary").click()
        page.get_by_role("button", name="李工").click()
        page.goto(served.origin + "/table/sheet")
        with page.expect_download() as taken:
            page.get_by_role("link", name="下载").click()
        assert taken.value.suggested_filename.startswith("现场核查记录表_")
        path = tmp_path / "填好.xlsx"
        path.write_bytes(filled(taken.value.path().read_bytes()))
        page.get_by_label("填好的 .xlsx").set_input_files(path)
        page.get_by_label("表与图片中的个人信息已遮盖").check()
        page.get_by_role("button", name="上传，先看差异").click()
        assert "将入库 2 份" in page.locator("caption").inner_text()
        assert _evidence(served.folder) == []
        if scripts:
            assert window.faults() == []
        page.get_by_role("button", name="入库 2 份").click()
        assert "已入库 2 份" in page.locator(".said").inner_text()
    assert _evidence(served.folder) == ["EV-0001.yaml", "EV-0002.yaml"]
    text = (served.folder / "evidence" / "EV-0001.yaml").read_text(encoding="utf-8")
    assert "李工" in text
    assert "redacted: true" in text
    assert records(served.folder)[-1]["act"] == "evidence_imported"


def test_a_wrong_cell_is_named_and_nothing_is_filed(served: Served) -> None:
    with served.client() as client:
        client.post("/who", data={"name": "李工", "org": "测试科技"})
        book = filled(client.get("/table/sheet/download").content, verdict="也许")
        answer = client.post("/table/sheet", files={"workbook": ("a.xlsx", book, _KIND)})
    assert answer.status_code == 409
    assert "不认识的符合情况“也许”" in answer.text
    assert "业务库!G4" in answer.text
    assert _evidence(served.folder) == []


def test_what_changed_since_the_export_is_a_conflict_also_at_the_confirmation(served: Served) -> None:
    with served.client() as first, served.client() as second:
        for client in (first, second):
            client.post("/who", data={"name": "李工", "org": "测试科技"})
        out = first.get("/table/sheet/download").content
        mine, theirs = filled(out), filled(out, verdict="不符合")
        tokens = []
        for client, book in ((first, mine), (second, theirs)):
            answer = client.post("/table/sheet", files={"workbook": ("a.xlsx", book, _KIND)})
            assert "将入库 2 份" in answer.text
            tokens.append(answer.text.partition('name="token" value="')[2].partition('"')[0])
        assert first.post("/table/sheet/file", data={"token": tokens[1]}).status_code == 409
        first.post("/table/sheet/file", data={"token": tokens[0]}).raise_for_status()
        late = second.post("/table/sheet/file", data={"token": tokens[1]})
        assert late.status_code == 409
        assert "冲突" in late.text
        again = first.post("/table/sheet/file", data={"token": tokens[0]})
        assert "没有待确认的表" in again.text
        known = first.post("/table/sheet", files={"workbook": ("a.xlsx", mine, _KIND)})
        assert "没有新填写的行" in known.text
    assert len(_evidence(served.folder)) == 2


@pytest.mark.parametrize(
    "data", [b"", b"<html><script>alert(1)</script>", b"PK\x03\x04" + b"\0" * 200, b"\xd0\xcf\x11\xe0" * 9]
)
def test_what_is_no_workbook_is_refused(served: Served, data: bytes) -> None:
    with served.client() as client:
        client.post("/who", data={"name": "李工", "org": "测试科技"})
        answer = client.post("/table/sheet", files={"workbook": ("../../x.xlsx", data, _KIND)})
        assert answer.status_code == 409
        assert client.post("/table/sheet", data={"x": "y"}).status_code == 409
    assert _evidence(served.folder) == []


def test_only_the_one_who_uploaded_confirms(served: Served) -> None:
    with served.client() as client:
        out = client.get("/table/sheet/download").content
        refused = client.post("/table/sheet", files={"workbook": ("a.xlsx", filled(out), _KIND)})
        assert "尚未选定操作人员" in refused.text
        client.post("/who", data={"name": "李工", "org": "测试科技"})
        shown = client.post("/table/sheet", files={"workbook": ("a.xlsx", filled(out), _KIND)}).text
        token = shown.partition('name="token" value="')[2].partition('"')[0]
        client.post("/who", data={"name": "王主任", "org": "测试医院"})
        answer = client.post("/table/sheet/file", data={"token": token})
    assert "与上传时不同" in answer.text
    assert _evidence(served.folder) == []
