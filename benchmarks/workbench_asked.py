"""What is asked of the workbench page: its views and every kind of action, each turn about something else."""

from __future__ import annotations

import hashlib
import io
import itertools
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from openpyxl.utils import get_column_letter

from dengbao.sheets.layout import Column
from tests.workbench.large import picture

Ask = Callable[[int], httpx.Response]
VIEW_MS: Final = 300.0
ACT_MS: Final = 100.0
# Whole files that a person waits for: neither a view nor a step within one.
FILE_MS: Final = 5000.0
_HTMX: Final = {"hx-request": "true"}
_BASE: Final = re.compile(r'name="base" value="([0-9a-f]*)"')
_TOKEN: Final = re.compile(r'name="token" value="([^"]+)"')
_BULK: Final = 20
_BULK_ITEMS: Final = (
    "3.a.1", "3.a.2", "3.a.3", "3.b.1", "3.c.1", "3.c.2", "3.d.1", "4.a.1", "4.a.2", "4.b.1",
    "4.b.2", "4.c.1", "4.e.1", "4.e.2", "4.f.1", "5.a.1", "5.a.2", "5.a.3", "6.b.1", "7.b.1",
)  # fmt: skip
_ROWS: Final = 5
_FIRST_LINE: Final = 4  # below title, hint and headings


@dataclass(frozen=True)
class Asked:
    """A view or an action; `before` makes ready what a turn needs and is not timed."""

    title: str
    limit_ms: float
    ask: Ask
    before: Callable[[int], object] = lambda _turn: None
    turns: int = 40


class Asking:
    """Asks through one client, as one person; `folder` is written to as another program would."""

    def __init__(self, client: httpx.Client, folder: Path) -> None:
        self._client = client
        self._folder = folder
        self._numbers = itertools.count(1)
        self._base = "0"
        self._led_to: list[str] = []
        self._book = b""
        self._token = ""

    def all(self) -> Iterator[Asked]:
        """Yield all, in an order in which one does not stand in another's way."""
        yield from self._views()
        yield from self._item()
        yield from self._filing()
        yield from self._review()
        yield from self._engagement()
        yield from self._sheet()

    def _change(self, _turn: int) -> None:
        """Change a record as another program does, so that what was kept no longer holds."""
        record = self._folder / "evidence" / f"EV-{next(self._numbers):04}.yaml"
        record.write_text(record.read_text(encoding="utf-8").replace("截图", "拍照"), encoding="utf-8")

    def _get(self, path: str) -> Ask:
        return lambda _turn: self._client.get(path)

    def _views(self) -> Iterator[Asked]:
        yield Asked("总览首屏（佐证刚有改动）", VIEW_MS, self._get("/"), self._change)
        yield Asked("表格首屏（佐证刚有改动）", VIEW_MS, self._get("/table"), self._change)
        yield Asked("复核首屏（佐证刚有改动）", VIEW_MS, self._get("/review"), self._change)
        yield Asked("项目首屏", VIEW_MS, self._get("/engagement"))
        yield Asked("总览再看", VIEW_MS, self._get("/"))

    def _item(self) -> Iterator[Asked]:
        client, words = self._client, ("拒绝", "host-0", "1.a", "配置", "EV-00")
        yield Asked(
            "打开一项", ACT_MS, lambda turn: client.get(f"/item/1.a.{1 + turn % 4}?asset={host(turn)}")
        )
        yield Asked("转到一项", ACT_MS, lambda turn: client.get("/item", params={"to": f"1a{1 + turn % 4}"}))
        yield Asked("下一未完成", ACT_MS, self._get("/item"))
        yield Asked("事实与原始记录", ACT_MS, lambda turn: client.get(f"/item/1.a.1/{host(turn)}/facts"))
        yield Asked("筛选", ACT_MS, lambda turn: client.get(
            "/table", params={"q": words[turn % 5], "tone": ("", "bad", "open")[turn % 3]}, headers=_HTMX
        ))  # fmt: skip
        yield Asked("自动保存", ACT_MS, self._save, self._first)
        yield Asked("撤销", ACT_MS, self._press("undo"), self._save)
        yield Asked("恢复历次保存", ACT_MS, self._press("restore", version="1"), self._save)
        yield Asked("清空草稿", ACT_MS, self._press("clear"), self._save)

    def _first(self, turn: int) -> None:
        if turn == 0:
            self._base = found_in(_BASE, self._client.get("/item/1.a.3?asset=host-01").text)

    def _save(self, turn: int) -> httpx.Response:
        """Save a draft again and again upon the version that the last saving told."""
        data = typed(turn) | {"base": self._base}
        answer = self._client.post("/item/1.a.3/host-01/draft", data=data, headers=_HTMX)
        self._base = found_in(_BASE, answer.text)
        return answer

    def _press(self, act: str, **more: str) -> Ask:
        """Return what presses a button of the draft that `_save` has just saved."""
        return lambda turn: self._client.post(
            f"/item/1.a.3/host-01/draft/{act}", data=typed(turn) | {"base": self._base} | more
        )

    def _filing(self) -> Iterator[Asked]:
        client = self._client

        def filed(turn: int) -> httpx.Response:
            seat, one = f"/item/1.b.{1 + turn % 3}/{host(turn + turn // 30)}", picture(5000 + turn)
            tick = f"yes {hashlib.sha256(one).hexdigest()[:12]}"
            data = typed(turn) | {"base": "0", "verdict": "conform", "redacted": tick}
            answer = client.post(f"{seat}/file", data=data)
            self._led_to.append(answer.headers.get("location", ""))
            return answer

        def brought(turn: int) -> None:
            one = {"upload": (f"{turn}.png", picture(5000 + turn), "image/png")}
            seat = f"/item/1.b.{1 + turn % 3}/{host(turn + turn // 30)}"
            client.post(f"{seat}/files", files=one, headers=_HTMX)

        def filed_at_once(turn: int) -> httpx.Response:
            return client.post(
                f"/item/1.d.{1 + turn % 2}/{host(turn + turn // 30)}/file",
                data=typed(turn) | {"base": "0", "verdict": "conform", "redacted": "yes"},
                files={"upload": (f"{turn}.png", picture(6000 + turn), "image/png")},
            )

        def redacted(turn: int) -> httpx.Response:
            box = {"left-1": "10", "top-1": "10", "width-1": "120", "height-1": "80", "do": "apply"}
            return client.post(f"{files_of(turn)}/{sha256(turn)}/redact", data=box)

        def declared(turn: int) -> httpx.Response:
            agreed = {"why": "系统未提供此功能", "agreed_name": "王主任", "agreed_org": "测试医院"}
            return client.post(f"/item/1.a.4/{host(turn)}/not-applicable", data=agreed)

        yield Asked("拖入一张截图", ACT_MS, self._upload)
        yield Asked("打开遮盖", ACT_MS, lambda turn: client.get(f"{files_of(turn)}/{sha256(turn)}/redact"))
        yield Asked("遮盖", ACT_MS, redacted)
        yield Asked("移除文件", ACT_MS, lambda turn: client.post(
            f"{files_of(turn)}/{sha256(turn)}/remove", headers=_HTMX
        ), self._upload)  # fmt: skip
        yield Asked("佐证入库", ACT_MS, filed, brought)
        yield Asked("佐证入库（不用脚本，连同上传）", ACT_MS, filed_at_once)
        yield Asked("入库后的下一项", VIEW_MS, lambda turn: client.get(self._led_to[turn]), self._change)
        yield Asked("申报不适用", ACT_MS, declared, turns=20)

    def _upload(self, turn: int) -> httpx.Response:
        one = {"upload": (f"{turn}.png", picture(7000 + turn), "image/png")}
        return self._client.post(files_of(turn), files=one, headers=_HTMX)

    def _review(self) -> Iterator[Asked]:
        """Yield what the second person does; every even number was collected by somebody else."""

        def say(sort: str, first: int) -> Ask:
            def ask(turn: int) -> httpx.Response:
                text = {"text": f"第 {turn} 条：截图未见时间，请补。"}
                return self._client.post(f"/review/EV-{first + 2 * turn:04}/{sort}", data=text)

            return ask

        yield Asked(
            "打开一份待复核", ACT_MS, lambda turn: self._client.get(f"/review/EV-{300 + 2 * turn:04}")
        )
        yield Asked("备注", ACT_MS, say("note", 300))
        yield Asked("退回", ACT_MS, say("return", 400))
        yield Asked("复核通过", ACT_MS, say("accept", 500))
        yield Asked("撤回", ACT_MS, say("withdraw", 600))
        accept = say("accept", 700)
        yield Asked(
            "复核通过后的下一份",
            VIEW_MS,
            lambda turn: self._client.get(f"/review/EV-{702 + 2 * turn:04}"),
            accept,
        )
        yield Asked(
            "项上备注", ACT_MS, lambda turn: self._client.post(
                f"/review/case/2.a.1/{host(turn)}/note", data={"text": f"第 {turn} 条备注"}
            ),
        )  # fmt: skip

    def _engagement(self) -> Iterator[Asked]:
        client = self._client
        field = "institution.address"

        def address(turn: int) -> dict[str, str]:
            return {"base": self._base, field: f"某市某路 {turn} 号"}

        def read(_turn: int) -> None:
            self._base = found_in(_BASE, client.get("/engagement").text)

        def bulk(act: str) -> Ask:
            return lambda turn: client.post(f"/table/declare{act}", data=chosen(turn))

        section = "/engagement/section/institution"
        yield Asked("项目栏目边填边查", ACT_MS, lambda turn: client.post(
            f"{section}/check", data=address(turn), headers=_HTMX
        ), read)  # fmt: skip
        yield Asked("项目栏目保存", ACT_MS, lambda turn: client.post(section, data=address(turn)), read)
        some = f"一次 {_BULK} 条"
        yield Asked(f"批量不适用：勾选（{some}）", ACT_MS, bulk(""))
        yield Asked(f"批量不适用：核对（{some}）", ACT_MS, bulk("/check"))
        yield Asked(f"批量不适用：写入（{some}）", ACT_MS, bulk("/write"))

    def _sheet(self) -> Iterator[Asked]:
        client = self._client

        def download(_turn: int) -> httpx.Response:
            answer = client.get("/table/sheet/download")
            self._book = answer.content
            return answer

        def bring(turn: int) -> httpx.Response:
            book = {"workbook": ("核查.xlsx", filled(self._book, turn), "application/octet-stream")}
            answer = client.post("/table/sheet", files=book, data={"redacted": "yes"})
            self._token = found_in(_TOKEN, answer.text)
            return answer

        yield Asked("核查表下载", FILE_MS, download, turns=3)
        yield Asked(f"核查表读入（填了 {_ROWS} 行）", FILE_MS, bring, turns=6)
        yield Asked(f"核查表入库（{_ROWS} 行）", ACT_MS, lambda _turn: client.post(
            "/table/sheet/file", data={"token": self._token}
        ), lambda turn: bring(20 + turn), turns=20)  # fmt: skip


def host(turn: int) -> str:
    """Return the id of a server among the assets: every second one is."""
    return f"host-{1 + 2 * (turn % 30):02}"


def typed(turn: int) -> dict[str, str]:
    """Return what is typed into the form of an item."""
    return {"window": "w", "statement": f"经核查，已截图，第 {turn} 稿。"}


def chosen(turn: int) -> dict[str, str | list[str]]:
    """Return cases to be declared at once, as the table and the form after it post them."""
    cases = [f"{_BULK_ITEMS[turn % len(_BULK_ITEMS)]}@{host(number)}" for number in range(_BULK)]
    return {
        "case": cases, "cases": "\n".join(cases), "why": f"系统未提供此功能（{turn}）",
        "name": "王主任", "org": "测试医院",
    }  # fmt: skip


def files_of(turn: int) -> str:
    """Return where files are put into a draft."""
    return f"/item/1.c.1/{host(turn)}/files"


def sha256(turn: int) -> str:
    """Return the digest of the picture that a turn uploads."""
    return hashlib.sha256(picture(7000 + turn)).hexdigest()


def found_in(pattern: re.Pattern[str], text: str) -> str:
    """Return what the page tells for the next form."""
    found = pattern.search(text)
    assert found is not None, text[-2000:]
    return found[1]


def filled(book: bytes, turn: int) -> bytes:
    """Fill in some rows of a sheet of its own for each turn, by the letters of the columns."""
    columns = list(Column)
    texts = {Column.STATEMENT: f"经核查，现场已看到（{turn}）。", Column.VERDICT: "符合"}
    wanted = {
        f"{get_column_letter(columns.index(column) + 1)}{row}": text
        for column, text in texts.items()
        for row in range(_FIRST_LINE, _FIRST_LINE + _ROWS)
    }
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for one in old.infolist():
            data = old.read(one)
            if one.filename == f"xl/worksheets/sheet{2 + turn}.xml":
                text = data.decode()
                for place, said in wanted.items():
                    cell = f'<c r="{place}" t="inlineStr"><is><t>{said}</t></is></c>'
                    text, count = re.subn(rf'<c r="{place}"[^>]*?(/>|></c>)', cell, text)
                    assert count == 1, place
                data = text.encode()
            new.writestr(one, data)
    return out.getvalue()
