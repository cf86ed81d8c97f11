"""The code of a stamped page: read from a skewed scan, held against its signature and against the packet."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from dengbao.cli import main
from dengbao.errors import UsageError
from dengbao.packet.dsse import SigningKey, new_key
from dengbao.packet.findings import Gravity
from dengbao.packet.qr import Mark, read_mark
from dengbao.packet.scan import examine_mark, read_scan
from dengbao.packet.seal import Sealed
from dengbao.report.mark import qr_picture


def scanned(text: str, path: Path, *, others: str = "") -> Path:
    """Write a page with the code, a little turned and blurred, as from a scanner."""
    page = Image.new("L", (1240, 1754), 245)
    for n, one in enumerate(filter(None, (text, others))):
        with Image.open(io.BytesIO(qr_picture(one).data)) as code:
            page.paste(code.convert("L").resize((480, 480)), (90 + 560 * n, 1000))
    page.rotate(2.5, fillcolor=245).save(path, quality=80)
    return path


@pytest.fixture
def mark(sealed: Sealed) -> Mark:
    return read_mark(sealed.seal.mark)


def test_a_scan_tells_what_was_sealed(sealed: Sealed, key: SigningKey, mark: Mark, tmp_path: Path) -> None:
    assert read_scan(scanned(sealed.seal.mark, tmp_path / "page.jpg")) == mark
    assert list(examine_mark(mark, "page", (key.public,), sealed.seal)) == []
    other = new_key(tmp_path / "other")
    assert [one.gravity for one in examine_mark(mark, "page", (other.public,))] == [Gravity.BROKEN]
    assert [one.gravity for one in examine_mark(mark, "page", ())] == [Gravity.OPEN]


ALTERED: dict[str, Callable[[Mark], Mark]] = {
    "报告编号": lambda one: replace(one, number="NX-1"),
    "内容摘要": lambda one: replace(one, content_sha256="0" * 64),
    "项数": lambda one: replace(one, counts={"C": 68}),
}


@pytest.mark.parametrize("told", ALTERED)
def test_what_was_altered_on_paper(sealed: Sealed, key: SigningKey, mark: Mark, told: str) -> None:
    forged = ALTERED[told](mark)
    words = "".join(one.message for one in examine_mark(forged, "page", (key.public,), sealed.seal))
    assert "签名无效" in words
    assert told in words


def test_what_is_no_scan_of_ours(sealed: Sealed, mark: Mark, tmp_path: Path) -> None:
    blank = tmp_path / "blank.png"
    Image.new("L", (300, 300), 255).save(blank)
    (tmp_path / "text.png").write_text("no picture")
    two = scanned(sealed.seal.mark, tmp_path / "two.png", others=replace(mark, number="NX-2").text)
    for path in (blank, tmp_path / "text.png", two):
        with pytest.raises(UsageError):
            read_scan(path)


def test_a_scan_at_the_command_line(
    sealed: Sealed, key: SigningKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = tmp_path / "seal.pub"
    public.write_text(key.public.text)
    page = scanned(sealed.seal.mark, tmp_path / "page.png")
    assert main(["verify", str(page), "--trust", str(public)]) == 0
    assert sealed.seal.content_sha256 in capsys.readouterr().out
    assert main(["verify", str(page)]) == 4
    draft = scanned(read_mark(sealed.seal.mark).signed_text.rpartition("*")[0] + "**", tmp_path / "draft.png")
    assert main(["verify", str(draft), "--trust", str(public)]) == 4
    assert "没有签名" in capsys.readouterr().out
    assert main(["verify", str(page), "--packet", str(sealed.path), "--trust", str(public)]) == 0
