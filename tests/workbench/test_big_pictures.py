"""Pictures of 40 million pixels: taken, shown and redacted while the server stays small."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from PIL import Image

from dengbao import drafts
from dengbao.errors import EvidenceError
from dengbao.evidence import staging
from dengbao.evidence.aside import LITTLE_PIXELS, Request, aside
from dengbao.evidence.covering import Box, cover, shown
from dengbao.evidence.sorts import Known, Sort, sort_of

from ..packet import example
from .bench import Served, serving
from .item_steps import BASE, sit_down
from .test_uploads import MOST_RESIDENT, resident_peak

SIZE: Final = (7300, 5475)
BOX: Final = {"left-1": "100", "top-1": "200", "width-1": "300", "height-1": "400"}
ITEM_ID, ASSET = BASE.split("/")[2:4]


def picture(kind: str, options: dict[str, object], size: tuple[int, int] = SIZE) -> bytes:
    out = io.BytesIO()
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.save(out, kind, **options)
    return out.getvalue()


def lying_on_its_side() -> Image.Exif:
    exif = Image.Exif()
    exif[0x112] = 6
    return exif


@pytest.fixture(scope="module")
def served(tested: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = example.copy_of(tested, tmp_path_factory.mktemp("big") / "my-hospital")
    with serving(folder) as one:
        yield one


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as one:
        sit_down(one)
        yield one


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("JPEG", {"exif": lying_on_its_side()}, ""),
        ("JPEG", {"progressive": True}, ""),
        ("WEBP", {"quality": 1, "method": 0}, "另存为 PNG 或 JPEG"),
    ],
)
def test_a_big_picture_is_shown_and_covered_in_little_memory(
    served: Served, client: httpx.Client, kind: str, options: dict[str, object], told: str
) -> None:
    sent = {"upload": ("a", picture(kind, options))}
    assert client.post(f"{BASE}/files", files=sent).status_code == 200
    digest = drafts.load(served.folder, ITEM_ID, ASSET).content.files[-1]
    preview = client.get(f"/staged/{digest}/preview?size=large")
    assert max(Image.open(io.BytesIO(preview.content)).size) in (240, 1600)
    answer = client.post(f"{BASE}/files/{digest}/redact", data={**BOX, "do": "apply"})
    if told:
        assert told in answer.text
        client.post(f"{BASE}/files/{digest}/remove")
    else:
        assert "已遮盖 1 处，原图已删除" in answer.text
        (made,) = staging.all_staged(
            served.folder, drafts.load(served.folder, ITEM_ID, ASSET).content.files[-1:]
        )
        with Image.open(staging.path_of(served.folder, made)) as image:
            assert image.size == ((SIZE[1], SIZE[0]) if "exif" in options else SIZE)
            part = image.crop((110, 210, 390, 590)).convert("RGB")
        assert part.getcolors() == [(part.width * part.height, (0, 0, 0))]
    assert resident_peak(served) < MOST_RESIDENT


def test_another_process_says_the_same(tmp_path: Path) -> None:
    size = (3000, LITTLE_PIXELS // 3000 + 1)
    path, out = tmp_path / "a.png", tmp_path / "out"
    path.write_bytes(picture("PNG", {}, size))
    assert cover(path, [Box(left=0, top=0, width=9, height=9)], out) == ".png"
    assert Image.open(out).getpixel((8, 8)) == (0, 0, 0)
    assert max(Image.open(io.BytesIO(shown(path, 240))).size) == 240
    with pytest.raises(EvidenceError, match="在图片之外"):
        cover(path, [Box(left=9999, top=0, width=9, height=9)], out)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EvidenceError, match="损坏"):
        cover(path, [Box(left=0, top=0, width=9, height=9)], out)
    webp = tmp_path / "a.webp"
    webp.write_bytes(picture("WEBP", {"quality": 1, "method": 0}, size))
    with webp.open("rb") as file:
        assert sort_of(file) == Known(Sort.WEBP, *size)
    with pytest.raises(EvidenceError, match="内存不足"):
        aside(Request(do="shown", path=str(webp), out=str(tmp_path / "no" / "folder"), edge=9))
