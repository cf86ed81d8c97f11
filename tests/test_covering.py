"""What lies under a box is gone: two pictures that differ only there become the same file, byte for byte."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from dengbao.errors import EvidenceError
from dengbao.evidence.covering import MOST_BOXES, Box, cover_into, shown
from dengbao.evidence.sorts import sort_of

SIZE = (150, 110)
WHERE = (37, 29, 64, 33)  # left, top, width, height: nowhere on the edge of a block
BOX = Box(left=37, top=29, width=64, height=33)


def secret_picture(
    seed: int, size: tuple[int, int] = SIZE, at: tuple[int, int, int, int] = WHERE
) -> Image.Image:
    """Stripes that are always the same, and noise of its own where the box will be."""
    image = Image.new("RGB", size, (240, 240, 230))
    draw = ImageDraw.Draw(image)
    for x in range(0, size[0], 7):
        draw.line((x, 0, size[0] - x, size[1]), fill=(x, 90, 160))
    noise = random.Random(seed).randbytes(at[2] * at[3] * 3)
    image.paste(Image.frombytes("RGB", at[2:], noise), at[:2])
    return image


def kept(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def covered(path: Path, boxes: Sequence[Box]) -> bytes:
    out = io.BytesIO()
    cover_into(path, boxes, out)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        (".png", {}), (".bmp", {}), (".tif", {}), (".gif", {}), (".webp", {"lossless": True}),
        (".tif", {"compression": "jpeg"}),
        (".jpg", {"quality": 60, "subsampling": 2}), (".jpg", {"quality": 80, "subsampling": 1}),
        (".jpg", {"quality": 90, "subsampling": 0}), (".jpg", {"quality": 70, "progressive": True}),
    ],
)  # fmt: skip
def test_nothing_of_what_is_covered_tells_in_the_file(
    tmp_path: Path, ending: str, options: dict[str, object]
) -> None:
    made: list[bytes] = []
    for seed in (1, 2):
        image = secret_picture(seed)
        if ending == ".gif":  # its palette would tell of the noise, also outside of the box
            image = image.convert("P", palette=Image.Palette.WEB, dither=Image.Dither.NONE)
        path = kept(tmp_path / f"{seed}{ending}", image, **options)
        assert not made or path.read_bytes() != (tmp_path / f"1{ending}").read_bytes()
        made.append(covered(path, [BOX]))
    assert made[0] == made[1]
    out = opened(made[0]).convert("RGB")
    left, top, width, height = WHERE
    colours = out.crop((left, top, left + width, top + height)).getcolors()
    assert colours is not None
    assert all(max(one) <= 60 for _, one in colours if isinstance(one, tuple))
    assert out.getpixel((5, 5)) != (0, 0, 0)


@pytest.mark.parametrize("turned", range(1, 9))
def test_boxes_lie_where_people_see_them_however_the_phone_was_held(tmp_path: Path, turned: int) -> None:
    made: list[bytes] = []
    seen = None
    for seed in (1, 2):
        # The same scene, stored turned as a phone does: undone by the orientation that it notes.
        upright = secret_picture(seed)
        exif = Image.Exif()
        exif[0x0112] = turned
        undo = {
            2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
        }.get(turned)  # fmt: skip
        stored = upright if undo is None else upright.transpose(undo)
        path = kept(tmp_path / f"{seed}.jpg", stored, exif=exif, quality=60, subsampling=2)
        made.append(covered(path, [BOX]))
        seen = shown(path, 1600)
        with path.open("rb") as file:
            known = sort_of(file)
        assert (known.width, known.height) == SIZE
    assert made[0] == made[1]
    assert seen is not None
    assert opened(seen).size == SIZE == opened(made[0]).size
    assert not opened(made[0]).getexif()


def test_nothing_but_pixels_is_in_the_file(tmp_path: Path) -> None:
    word = b"11010519491231002X"
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", word.decode())
    notes.add_itxt("XML:com.adobe.xmp", word.decode())
    exif = Image.Exif()
    exif[0x010E] = word.decode()
    png = kept(tmp_path / "a.png", secret_picture(1), pnginfo=notes, exif=exif, icc_profile=word * 9)
    with png.open("ab") as file:
        file.write(b"PK\x03\x04" + word)

    small = io.BytesIO()
    secret_picture(1).resize((60, 44)).save(small, "JPEG")
    head = b"Exif\0\0" + exif.tobytes()[6:]
    jpg = kept(
        tmp_path / "a.jpg",
        secret_picture(1),
        exif=head + small.getvalue(),
        comment=word,
        icc_profile=word * 9,
    )
    assert jpg.read_bytes().count(b"\xff\xd8\xff") == 2
    for path in (png, jpg):
        assert path.read_bytes().count(word) >= 3
        for data in (covered(path, [BOX]), shown(path, 240)):
            assert word not in data
            assert data.count(b"\xff\xd8\xff") == (1 if data.startswith(b"\xff\xd8\xff") else 0)
            assert opened(data).info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
            assert not opened(data).getexif()


def test_what_is_transparent_keeps_no_colour_under_a_box(tmp_path: Path) -> None:
    image = secret_picture(1).convert("RGBA")
    image.putalpha(0)
    out = opened(covered(kept(tmp_path / "a.png", image), [BOX]))
    left, top, width, height = WHERE
    assert out.crop((left, top, left + width, top + height)).getcolors() == [(width * height, (0, 0, 0, 255))]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_pictures_of_every_mode_are_covered_or_refused(tmp_path: Path, mode: str, ending: str) -> None:
    image = Image.new(mode, SIZE, None) if mode in ("I;16", "F") else secret_picture(1).convert(mode)
    if ending == ".png" and mode in ("CMYK", "F"):
        with pytest.raises(OSError, match="cannot write mode"):
            image.save(tmp_path / "a.png")
        return
    path = kept(tmp_path / f"a{ending}", image)
    data = covered(path, [BOX])
    assert opened(data).size == SIZE
    assert opened(data).convert("RGB").getpixel((40, 40)) == (0, 0, 0)
    assert max(opened(shown(path, 64)).size) == 64


def test_several_frames_are_refused_and_the_further_pictures_of_a_phone_are_left_behind(
    tmp_path: Path,
) -> None:
    one, two = secret_picture(1), secret_picture(2)
    for ending in (".gif", ".tif", ".png", ".webp"):
        path = kept(tmp_path / f"a{ending}", one, save_all=True, append_images=[two])
        with pytest.raises(EvidenceError, match="多帧"):
            covered(path, [BOX])
        assert shown(path, 240)
    path = kept(tmp_path / "a.jpg", one, format="MPO", save_all=True, append_images=[two])
    assert path.read_bytes().count(b"\xff\xd8\xff") == 2
    data = covered(path, [BOX])
    assert data.count(b"\xff\xd8\xff") == 1
    assert opened(data).format == "JPEG"


@pytest.mark.parametrize(
    "boxes",
    [
        [], [BOX] * (MOST_BOXES + 1), [Box(left=0, top=0, width=0, height=5)],
        [Box(left=150, top=0, width=5, height=5)], [Box(left=-9, top=0, width=9, height=5)],
        [BOX, Box(left=0, top=2**31, width=2**31, height=2**31)],
    ],
)  # fmt: skip
def test_boxes_that_cover_nothing_are_told(tmp_path: Path, boxes: list[Box]) -> None:
    with pytest.raises(EvidenceError, match="遮盖区域"):
        covered(kept(tmp_path / "a.png", secret_picture(1)), boxes)


def test_boxes_over_the_edge_are_cut_to_the_picture(tmp_path: Path) -> None:
    boxes = [Box(left=-5, top=-5, width=2**31, height=2**31)]
    for ending in (".png", ".jpg"):
        out = opened(covered(kept(tmp_path / f"a{ending}", secret_picture(1)), boxes)).convert("L")
        assert (out.size, out.getextrema()) == (SIZE, (0, 0))


def test_what_cannot_be_unfolded_is_told(tmp_path: Path) -> None:
    whole = kept(tmp_path / "a.png", secret_picture(1)).read_bytes()
    for data in (whole[: len(whole) // 2], b"", b"text", b"<svg/>"):
        (tmp_path / "b.png").write_bytes(data)
        with pytest.raises(EvidenceError, match="损坏"):
            covered(tmp_path / "b.png", [BOX])
        with pytest.raises(EvidenceError, match="损坏"):
            shown(tmp_path / "b.png", 240)
    heavy = kept(tmp_path / "c.png", Image.new("1", (9000, 8000)))
    assert max(opened(shown(heavy, 240)).size) == 240
    heavier = kept(tmp_path / "d.png", Image.new("RGB", (9000, 6000)), compress_level=1)
    with pytest.raises(EvidenceError, match="图片过大"):
        shown(heavier, 240)
    with pytest.raises(EvidenceError, match="图片过大"):
        covered(heavier, [BOX])
