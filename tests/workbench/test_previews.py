"""Previews are made once, anew where a file changed, and never outgrow their bound."""

from __future__ import annotations

import io
import os
from pathlib import Path

from PIL import Image

from dengbao.workbench.previews import Previews, none_to_show

from ..test_covering import kept, secret_picture


def test_a_preview_is_kept_until_its_file_changes(tmp_path: Path) -> None:
    previews = Previews()
    path = kept(tmp_path / "a.png", secret_picture(1, (900, 600)))
    first = previews.of(path)
    assert previews.of(path) is first
    assert Image.open(io.BytesIO(first)).size == (240, 160)
    assert Image.open(io.BytesIO(previews.of(path, 600))).size == (600, 400)
    kept(path, Image.new("RGB", (600, 900)))
    os.utime(path, ns=(1, 1))
    assert Image.open(io.BytesIO(previews.of(path))).size == (160, 240)
    path.write_bytes(b"no picture at all")
    assert previews.of(path) == none_to_show()
    path.unlink()
    assert previews.of(path) == none_to_show()


def test_what_was_not_asked_for_longest_goes_first(tmp_path: Path) -> None:
    paths = [kept(tmp_path / f"{one}.png", secret_picture(one, (240, 160))) for one in range(6)]
    size = len(Previews().of(paths[0]))
    previews = Previews(most_bytes=size * 3)
    made = {one: previews.of(one) for one in paths}
    assert previews.held_bytes <= size * 3
    assert previews.of(paths[-1]) is made[paths[-1]]
    assert previews.of(paths[0]) is not made[paths[0]]
    assert previews.of(paths[0]) == made[paths[0]]
