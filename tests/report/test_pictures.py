"""Pictures are printed whole and in proportion; broken ones, bombs and altered files are refused."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dengbao.errors import EvidenceError
from dengbao.model import EvidenceKind
from dengbao.report.pictures import MAX_FILE_BYTES, Picture, load_figures, prepare
from dengbao.report.render import EMU_PER_MM, PICTURE_MAX_HEIGHT_MM, PICTURE_MAX_WIDTH_MM, print_size
from tests.report.example import paper, png, store


def encoded(kind: str, size: tuple[int, int] = (40, 20), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind, **options)
    return out.getvalue()


def png_picture() -> Picture:
    data = encoded("PNG")
    return prepare(data, hashlib.sha256(data).hexdigest(), where="EV-0001 a.png")


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few hundred bytes that claims to hold width × height pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def prepared(data: bytes) -> Picture:
    return prepare(data, hashlib.sha256(data).hexdigest(), where="EV-0001 a.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_what_word_can_show_is_embedded_byte_for_byte(kind: str) -> None:
    data = encoded(kind)
    picture = prepared(data)
    assert picture.data == data
    assert (picture.width_px, picture.height_px, picture.altered) == (40, 20, "")


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "WEBP"])
def test_other_formats_are_printed_from_a_copy_that_says_so(kind: str) -> None:
    picture = prepared(encoded(kind))
    assert picture.content_type == "image/png"
    assert "转换格式" in picture.altered


def test_a_photo_turned_by_exif_is_printed_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = prepared(encoded("JPEG", exif=exif))
    assert (picture.width_px, picture.height_px) == (20, 40)
    assert "转正" in picture.altered


def test_a_photo_with_broken_exif_is_printed_as_it_is() -> None:
    data = encoded("JPEG")
    broken = data[:2] + b"\xff\xe1\x00\x10Exif\x00\x00garbage!" + data[2:]
    assert prepared(broken).data == broken


def test_a_picture_beyond_print_resolution_is_printed_smaller() -> None:
    picture = prepared(encoded("PNG", (9000, 100)))
    assert picture.width_px == 4000
    assert "缩小" in picture.altered


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        encoded("PNG")[:60],
        encoded("JPEG", (400, 400))[:500],
        b"\x89PNG\r\n\x1a\n",
        encoded("GIF")[:12],
    ],
)
def test_broken_pictures_are_refused_with_their_name(data: bytes) -> None:
    with pytest.raises(EvidenceError, match="损坏") as caught:
        prepared(data)
    assert caught.value.where == "EV-0001 a.png"
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("width", "height"), [(60000, 60000), (20001, 10), (10, 30000), (10000, 9000), (2**31 - 1, 2**31 - 1)]
)
def test_decompression_bombs_are_refused_before_they_unfold(width: int, height: int) -> None:
    with pytest.raises(EvidenceError, match=r"解压炸弹|损坏"):
        prepared(bomb(width, height))


def test_bomb_message_names_size_and_limit() -> None:
    with pytest.raises(EvidenceError, match=r"12000×11000 像素.*解压炸弹"):
        prepared(bomb(12000, 11000))


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    file = store(tmp_path, "EV-0001.png", png(1))
    (tmp_path / file.name).write_bytes(png(2))
    with pytest.raises(EvidenceError, match="SHA-256"):
        load_figures((paper(1, "1.a.1", "his-web", (file,)),), tmp_path)


def test_a_changed_document_is_refused_though_it_is_not_printed(tmp_path: Path) -> None:
    file = store(tmp_path, "EV-0001.pdf", b"%PDF")
    (tmp_path / file.name).write_bytes(b"%PDF changed")
    with pytest.raises(EvidenceError, match="SHA-256"):
        load_figures((paper(1, "1.a.1", "his-web", (file,), kind=EvidenceKind.DOCUMENT),), tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    file = store(tmp_path, "EV-0001.png", png(1))
    (tmp_path / file.name).unlink()
    with pytest.raises(EvidenceError, match="不存在"):
        load_figures((paper(1, "1.a.1", "his-web", (file,)),), tmp_path)


def test_an_oversized_file_is_refused_unread(tmp_path: Path) -> None:
    file = store(tmp_path, "EV-0001.png", b"")
    with (tmp_path / file.name).open("wb") as out:
        out.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(EvidenceError, match="MB"):
        load_figures((paper(1, "1.a.1", "his-web", (file,)),), tmp_path)


def test_a_file_name_cannot_lead_out_of_the_evidence_folder(tmp_path: Path) -> None:
    inside = tmp_path / "evidence"
    inside.mkdir()
    store(tmp_path, "secret.png", png(1))
    file = msgspec.structs.replace(store(inside, "a.png", png(1)), name="../secret.png")
    with pytest.raises(EvidenceError, match="目录"):
        load_figures((paper(1, "1.a.1", "his-web", (file,)),), inside)


def test_figures_are_numbered_in_order_of_the_evidence(tmp_path: Path) -> None:
    first = paper(1, "1.a.1", "his-web", (store(tmp_path, "a.png", png(1)), store(tmp_path, "b.txt", b"x")))
    second = paper(2, "1.a.2", "his-web", (store(tmp_path, "c.png", png(2)),))
    figures = load_figures((first, second), tmp_path)
    assert [(one.number, one.evidence.id, one.file.name) for one in figures] == [
        (1, "EV-0001", "a.png"),
        (2, "EV-0002", "c.png"),
    ]


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_printed_pictures_fit_the_page_and_keep_their_shape(width_px: int, height_px: int) -> None:
    width, height = print_size(width_px, height_px)
    assert 1 <= width <= PICTURE_MAX_WIDTH_MM * EMU_PER_MM
    assert 1 <= height <= PICTURE_MAX_HEIGHT_MM * EMU_PER_MM
    if min(width, height) > 1000:
        assert width / height == pytest.approx(width_px / height_px, rel=0.01)
