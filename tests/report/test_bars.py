"""The bars of the statistics show every item, told apart without colour, and no letter is in a picture."""

from __future__ import annotations

import io

from PIL import Image

from dengbao.model import Verdict
from dengbao.report.bars import bar_picture, bar_row, drawn_pictures, legend
from dengbao.report.plain import texts
from dengbao.report.specimen import specimen

WIDTH = 620


def darkness(key: str, begin: float = 0, end: float = 1) -> float:
    """Return how much of a part of a bar is black, without its edges; the part as fractions of the width."""
    with Image.open(io.BytesIO(bar_picture(key).data)) as picture:
        box = (round(begin * picture.width) + 4, 4, round(end * picture.width) - 4, picture.height - 4)
        shades = picture.crop(box).convert("L").histogram()
    assert sum(shades[1:255]) == 0
    return shades[0] / sum(shades)


def test_each_verdict_has_a_pattern_of_its_own() -> None:
    told = {str(row["name"]): darkness(str(row["bar"])) for row in legend() if isinstance(row, dict)}
    assert list(told) == ["符合", "部分符合", "不符合", "不适用", "尚无判定"]
    assert (told["符合"], told["不符合"]) == (0, 1)
    assert len({bar_picture(str(row["bar"])).data for row in legend() if isinstance(row, dict)}) == 5
    assert all(0.05 < told[one] < 0.6 for one in ("部分符合", "不适用", "尚无判定"))


def test_a_bar_is_divided_as_the_counts_are() -> None:
    row = bar_row({"conform": 3, "nonconform": 1, "undetermined": 2, "awaiting_evidence": 1, "not_run": 1})
    assert row == {"bar": "bar-3-0-1-0-4", "open": 4}
    key = str(row["bar"])
    assert (darkness(key, 0, 3 / 8), darkness(key, 3 / 8, 4 / 8)) == (0, 1)
    assert 0.05 < darkness(key, 4 / 8, 1) < 0.3


def test_a_chapter_without_items_has_an_empty_bar_and_one_item_of_hundreds_is_seen() -> None:
    assert darkness(str(bar_row({})["bar"])) == 0
    key = str(bar_row({Verdict.CONFORM.value: 199, Verdict.NONCONFORM.value: 1})["bar"])
    with Image.open(io.BytesIO(bar_picture(key).data)) as picture:
        assert all(picture.getpixel((WIDTH - 3, y)) == 0 for y in range(picture.height))


def test_every_picture_that_a_template_may_ask_for_is_drawn() -> None:
    data, pictures = specimen("示例文字")
    keys = {one for one in texts(data["summary"]) if one.startswith("bar-")}
    assert len(keys) >= 6
    assert keys <= set(pictures)
    assert set(drawn_pictures(data)) <= set(pictures)
