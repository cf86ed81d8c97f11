"""Uploads are known by their content, kept once, bounded, and never lost while a draft names them."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import random
import struct
import subprocess
import sys
import time
import unicodedata
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dengbao.errors import EvidenceError, StoreError
from dengbao.evidence import staging
from dengbao.evidence.attached import MAX_FILE_BYTES
from dengbao.evidence.sorts import Sort, sort_of
from dengbao.evidence.staging import Staged, display_name, stage, staged


def picture(kind: str = "PNG", size: tuple[int, int] = (32, 20), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (10, 90, 200)).save(out, kind, **options)
    return out.getvalue()


def zipped(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def lying(folder: Path) -> list[str]:
    return sorted(
        one.name for one in (folder / staging.FOLDER).iterdir() if one.name not in (".lock", ".swept")
    )


TYPES = {"[Content_Types].xml": b"<Types/>"}
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
BYTES = random.Random(6).randbytes(3000)
SAMPLES: list[tuple[Sort, bytes]] = [
    (Sort.PNG, picture()),
    (Sort.JPEG, picture("JPEG")),
    (Sort.GIF, picture("GIF")),
    (Sort.BMP, picture("BMP")),
    (Sort.TIFF, picture("TIFF")),
    (Sort.WEBP, picture("WEBP")),
    (Sort.GIF, picture("GIF") + b"<html><script>alert(1)</script></html>"),
    (Sort.PDF, b"%PDF-1.7\n<html><script>alert(1)</script></html>\n%%EOF"),
    (Sort.TEXT, b"<html>%PDF-1.7</html>"),
    (Sort.DOCX, zipped({**TYPES, "word/document.xml": b"<w:document/>"})),
    (Sort.XLSX, zipped({**TYPES, "xl/workbook.xml": b"<workbook/>"})),
    (Sort.PPTX, zipped({**TYPES, "ppt/presentation.xml": b"<p/>"})),
    (Sort.ZIP, zipped({**TYPES, "word/document.xml": b"", "word/vbaProject.bin": b"x"})),
    (Sort.OFD, zipped({"OFD.xml": b"<ofd/>"})),
    (Sort.ZIP, zipped({"a.log": b"x" * 5000})),
    (Sort.ZIP, zipped({})),
    (Sort.DOC, OLE + "WordDocument\0".encode("utf-16-le")),
    (Sort.XLS, OLE + bytes(1 << 20) + "Workbook\0".encode("utf-16-le")),
    (Sort.OTHER, OLE),
    (Sort.PCAP, b"\xd4\xc3\xb2\xa1" + bytes(20)),
    (Sort.PCAPNG, b"\n\r\r\n" + struct.pack("<II", 28, 0x1A2B3C4D) + bytes(16)),
    (Sort.GZIP, gzip.compress(b"line\n" * 1000)),
    (Sort.TEXT, "经核查，口令长度为 8 位\r\n".encode()),
    (Sort.TEXT, "经核查，口令长度为 8 位\r\n".encode("gb18030")),
    (Sort.TEXT, "Get-LocalUser 输出\r\n".encode("utf-16")),
    (Sort.TEXT, b"\x1b[32mok\x1b[0m\n"),
    (Sort.TEXT, b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
    (Sort.TEXT, b"<!doctype html><script>alert(1)</script>"),
    (Sort.TEXT, b"BM is how this text begins"),
    (Sort.OTHER, b"text with a NUL\0"),
    (Sort.OTHER, BYTES),
]


@pytest.mark.parametrize(
    ("sort", "data"), SAMPLES, ids=[f"{n}-{one[0].value}" for n, one in enumerate(SAMPLES)]
)
def test_a_file_is_what_its_content_says(sort: Sort, data: bytes) -> None:
    assert sort_of(io.BytesIO(data)).sort is sort


def test_every_sort_has_its_words_and_an_ending_of_its_own() -> None:
    assert len({one.suffix for one in Sort}) == len(Sort)
    assert all(one.zh for one in Sort)
    assert not {one.suffix for one in Sort} & {".html", ".htm", ".svg", ".js", ".json", ".yaml", ".part"}


def bomb_png() -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(8_000_000)))
        + chunk(b"IEND", b"")
    )  # fmt: skip


def lying_zip() -> bytes:
    """A member that says it is small."""
    data = bytearray(zipped({"a": bytes(3_000_000)}))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(data)


REFUSED: list[tuple[str, bytes]] = [
    ("空的", b""),
    ("图片已损坏", picture()[:-20]),
    ("图片已损坏", b"GIF89a/*<script>alert(1)</script>*/"),
    ("图片已损坏", b"\x89PNG\r\n\x1a\n"),
    ("图片尺寸过大", bomb_png()),
    ("压缩炸弹", zipped({"a": bytes(80 << 20)})),
    ("压缩炸弹", gzip.compress(bytes(80 << 20))),
    ("压缩炸弹", lying_zip()),
    ("已损坏", zipped({"a": BYTES})[:-30]),
]


@pytest.mark.parametrize(("word", "data"), REFUSED, ids=[f"{n}-{one[0]}" for n, one in enumerate(REFUSED)])
def test_what_is_broken_or_unfolds_without_measure_is_refused_and_leaves_nothing(
    tmp_path: Path, word: str, data: bytes
) -> None:
    with pytest.raises(EvidenceError, match=word):
        stage(tmp_path, "材料.png", io.BytesIO(data))
    assert [
        one.name for one in (tmp_path / staging.FOLDER).iterdir() if not one.name.startswith(".lock")
    ] == []


@given(st.binary(max_size=400), st.sampled_from([data for _, data in SAMPLES]), st.data())
def test_whatever_comes_is_a_sort_or_a_refusal(noise: bytes, sample: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, min(len(sample), 2000)))
    for one in (noise, sample[:at] + noise + sample[at + len(noise) : 4000]):
        with contextlib.suppress(EvidenceError):
            assert sort_of(io.BytesIO(one)).sort in Sort


class Endless(io.RawIOBase):
    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        self.given += size
        return bytes(size)


def test_an_endless_stream_is_given_up_at_the_bound(tmp_path: Path) -> None:
    endless = Endless()
    with pytest.raises(EvidenceError, match="64 MB"):
        stage(tmp_path, "a.log", endless)  # type: ignore[arg-type]
    assert endless.given <= MAX_FILE_BYTES + (2 << 20)
    assert not list((tmp_path / staging.FOLDER).glob("*.*"))


def test_the_same_bytes_are_kept_once_and_read_back_whole(tmp_path: Path) -> None:
    first = stage(tmp_path, "C:\\截图\\登录 页面.PNG", io.BytesIO(picture()))
    again = stage(tmp_path, "登录 页面.PNG", io.BytesIO(picture()))
    assert first == again == staged(tmp_path, first.sha256) == staging.sound(tmp_path, first.sha256)
    assert (first.name, first.sort, first.width, first.height) == ("登录 页面.PNG", Sort.PNG, 32, 20)
    assert lying(tmp_path) == [f"{first.sha256}.json", f"{first.sha256}.png"]
    assert staging.sources(tmp_path, [first.sha256]) == (staging.path_of(tmp_path, first),)
    assert staging.path_of(tmp_path, first).read_bytes() == picture()


def test_a_name_from_outside_is_never_a_path(tmp_path: Path) -> None:
    for strange in ("../../x", "0" * 64, "..", "", "a" * 500, "\0", f"../files/{'0' * 64}"):
        assert staged(tmp_path, strange) is None
        assert staging.discard(tmp_path, strange, item="1.a.1", asset="his")
    found = stage(tmp_path, "../../../etc/passwd\0.png", io.BytesIO(b"text"))
    assert (found.name, found.file_name) == ("passwd.png", "passwd.png.txt")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["drafts"]


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("CON", "_CON"), ("nul.png", "_nul.png"), ("lpt1.tar.gz", "_lpt1.tar.gz"), ("", "未命名"),
        ("...", "未命名"), ("\u202egnp.exe", "gnp.exe"), ('"><b>.png', "___b_.png"),
        ("a\r\nSet-Cookie: x=1.png", "aSet-Cookie_ x=1.png"),
        ("x" * 500 + ".png", "x" * 96 + ".png"), ("目录/截 图.png", "截 图.png"), ("a.png ", "a.png"),
    ],
)  # fmt: skip
def test_a_name_is_cleaned_for_people(told: str, shown: str) -> None:
    assert display_name(told) == shown


@given(st.text(max_size=300))
def test_every_name_becomes_one_that_can_be_shown_and_saved(told: str) -> None:
    name = display_name(told)
    assert name == display_name(name)
    assert 0 < len(name) <= 101
    assert not set('<>:"|?*/\\') & set(name)
    assert all(unicodedata.category(one)[0] != "C" for one in name)


def test_a_file_that_was_altered_or_lost_its_note_is_noticed(tmp_path: Path) -> None:
    one = stage(tmp_path, "规则.txt", io.BytesIO("第一条".encode()))
    path = staging.path_of(tmp_path, one)
    note = path.with_suffix(".json")
    told = note.read_bytes()
    for damage in (b"", b"{}", told.replace("规则".encode(), b"../x")):
        note.write_bytes(damage)
        found = staged(tmp_path, one.sha256)
        assert found is not None
        assert (found.sort, found.size_bytes, found.name) == (Sort.TEXT, 9, "未命名.txt")
    note.write_bytes(told)
    path.write_bytes("第二条".encode())
    with pytest.raises(EvidenceError, match="改动"):
        staging.sources(tmp_path, [one.sha256])
    path.unlink()
    assert staged(tmp_path, one.sha256) is None
    with pytest.raises(EvidenceError, match="不在了"):
        staging.sources(tmp_path, [one.sha256])


def write_draft(folder: Path, one: Staged, name: str = "1.a.1@his") -> Path:
    path = folder / "drafts" / f"{name}.jsonl"
    path.write_text(f'{{"version": 1, "files": ["{one.sha256}"]}}\n{{"version": 2, "files": []}}\n', "utf-8")
    return path


def age(folder: Path, days: float) -> None:
    then = time.time() - days * 86_400
    for one in (folder / staging.FOLDER).iterdir():
        os.utime(one, (then, then))


def test_what_no_draft_names_goes_after_some_days_and_nothing_else(tmp_path: Path) -> None:
    kept, gone = (stage(tmp_path, "a", io.BytesIO(one)) for one in (b"kept", b"gone"))
    draft = write_draft(tmp_path, kept)
    left = tmp_path / staging.FOLDER / ".0123.part"
    left.write_bytes(b"half a file that a kill left behind")
    age(tmp_path, 4)
    new = stage(tmp_path, "b", io.BytesIO(b"new"))
    assert [staged(tmp_path, one.sha256) for one in (kept, gone, new)] == [kept, None, new]
    assert not left.exists()
    draft.unlink()
    age(tmp_path, 2)
    stage(tmp_path, "c", io.BytesIO(b"another"))
    assert staged(tmp_path, kept.sha256) == kept


def test_where_room_is_short_only_files_without_a_draft_make_it(tmp_path: Path) -> None:
    kept, gone = (stage(tmp_path, "a", io.BytesIO(one * 4000)) for one in (b"kept", b"gone"))
    write_draft(tmp_path, kept)
    age(tmp_path, 0.5)
    stage(tmp_path, "b", io.BytesIO(b"new" * 4000), most_bytes=40_000)
    assert (staged(tmp_path, kept.sha256), staged(tmp_path, gone.sha256)) == (kept, None)
    with pytest.raises(EvidenceError, match="到了上限"):
        stage(tmp_path, "c", io.BytesIO(b"more" * 4000), most_bytes=40_000)
    assert staged(tmp_path, kept.sha256) == kept


def test_a_draft_that_cannot_be_read_keeps_everything(tmp_path: Path) -> None:
    one = stage(tmp_path, "a", io.BytesIO(b"named by whom?"))
    (tmp_path / "drafts" / "1.a.1@his.jsonl").mkdir()
    age(tmp_path, 9)
    stage(tmp_path, "b", io.BytesIO(b"new"))
    assert staged(tmp_path, one.sha256) == one


def test_a_file_is_deleted_for_good_unless_another_draft_names_it(tmp_path: Path) -> None:
    one = stage(tmp_path, "a.png", io.BytesIO(picture()))
    write_draft(tmp_path, one)
    other = write_draft(tmp_path, one, "1.a.2@his")
    assert not staging.discard(tmp_path, one.sha256, item="1.a.1", asset="his")
    assert staged(tmp_path, one.sha256) == one
    other.unlink()
    assert staging.discard(tmp_path, one.sha256, item="1.a.1", asset="his")
    assert not list((tmp_path / staging.FOLDER).glob(f"{one.sha256}*"))


_FULL = """
import io, resource, sys
from pathlib import Path
from dengbao.errors import StoreError
from dengbao.evidence.staging import stage
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    stage(Path(sys.argv[1]), "a.log", io.BytesIO(b"x" * 300_000))
except StoreError as exc:
    print("told", exc.message)
"""


def test_a_full_disk_is_told_and_leaves_no_half_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60,
        encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.stdout.startswith("told 文件无法写入")
    assert lying(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "drafts").write_bytes(b"a file where the folder should be")
    with pytest.raises(StoreError, match="无法写入"):
        stage(tmp_path, "a", io.BytesIO(b"x"))


_KILLED = """
import sys
from pathlib import Path
from dengbao.evidence.staging import stage

class Slow:
    def read(self, size):
        if self.given:
            print("half", flush=True)
            sys.stdin.read()
        self.given = True
        return b"x" * 100_000
    given = False

stage(Path(sys.argv[1]), "a.log", Slow())
"""


def test_a_kill_leaves_a_part_that_counts_for_nothing_and_goes(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.kill()
    (left,) = lying(tmp_path)
    assert left.endswith(".part")
    assert staging.all_staged(tmp_path, [left, left.strip(".")]) == ()
    age(tmp_path, 4)
    one = stage(tmp_path, "b.txt", io.BytesIO(b"text"))
    assert lying(tmp_path) == [f"{one.sha256}.json", f"{one.sha256}.txt"]
