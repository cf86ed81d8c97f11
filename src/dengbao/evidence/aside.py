"""Big pictures are unfolded in a process of their own, one after the other: what they took is given back.

A picture of 40 million pixels takes some hundred megabytes while it is worked on, and an allocator keeps much
of that for good. A server that runs all day stays small, and a decoder that breaks does not take it along.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import msgspec
from PIL import Image

from ..errors import EvidenceError
from ..model import Value

LITTLE_PIXELS: Final = 4_500_000
_HERE: Final = "DENGBAO_ASIDE"
_WAIT_S: Final = 120.0
_MOST_REQUEST_BYTES: Final = 64 * 1024
_SMALLER: Final = "裁剪或缩小，或另存为 PNG、JPEG 后再上传"
_one_at_a_time: Final = threading.Lock()


class Request(Value):
    """What is to be done: `known`, `fault`, `shown` or `cover`; a box is left, top, width, height."""

    do: str
    path: str
    out: str = ""
    edge: int = 0
    boxes: tuple[tuple[int, int, int, int], ...] = ()


class Answer(Value):
    """What came of it; `told` and `cure` where it was refused, `fault` what is wrong with a picture."""

    told: str = ""
    cure: str = ""
    fault: str = ""
    sort: str = ""
    width: int = 0
    height: int = 0


def is_big(image: Image.Image, *, pixels: int | None = None) -> bool:
    """Tell whether unfolding an opened picture is left to another process; in that one nothing is.

    `pixels` are those that are asked for, where a JPEG is unfolded smaller than it is; a progressive one is
    held whole all the same.
    """
    if os.environ.get(_HERE):
        return False
    whole = image.width * image.height
    small = pixels is not None and not image.info.get("progressive")
    return (pixels if small and pixels is not None else whole) > LITTLE_PIXELS


def aside(request: Request) -> Answer:
    """Have something done by another process, and wait for it.

    Raises:
        EvidenceError: it was refused there, or did not come to an end.

    """
    told = EvidenceError("图片无法处理：内存不足，或图片已损坏", where=Path(request.path).name, cure=_SMALLER)
    with _one_at_a_time:
        try:
            done = subprocess.run(
                [sys.executable, "-m", __name__], input=msgspec.json.encode(request), stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, timeout=_WAIT_S, check=False, env={**os.environ, _HERE: "1"},
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise told from exc
    try:
        answer = msgspec.json.decode(done.stdout, type=Answer)
    except msgspec.DecodeError as exc:
        raise told from exc
    if answer.told:
        raise EvidenceError(answer.told, where=Path(request.path).name, cure=answer.cure)
    return answer


def _do(request: Request) -> Answer:
    # Only the process that does the work needs them, and they ask this module.
    from . import attached, covering, sorts  # noqa: PLC0415

    path, out = Path(request.path), Path(request.out)
    if request.do == "known":
        with path.open("rb") as file:
            known = sorts.sort_of(file)
        return Answer(sort=known.sort.value, width=known.width, height=known.height)
    if request.do == "fault":
        return Answer(fault=attached.picture_fault(path))
    if request.do == "shown":
        out.write_bytes(covering.shown(path, request.edge))
        return Answer()
    boxes = [covering.Box(left=one[0], top=one[1], width=one[2], height=one[3]) for one in request.boxes]
    with out.open("wb") as file:
        covering.cover_into(path, boxes, file)
    return Answer()


def main() -> int:
    """Do what the standard input asks; the answer goes to the standard output."""
    request = msgspec.json.decode(sys.stdin.buffer.read(_MOST_REQUEST_BYTES), type=Request)
    try:
        answer = _do(request)
    except EvidenceError as exc:
        answer = Answer(told=exc.message, cure=exc.cure)
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
