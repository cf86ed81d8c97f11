"""Files that go out to the browser: always to be saved, never to be opened in the page's name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from ..errors import EvidenceError
from ..evidence.staging import display_name

_BLOCK: Final = 1 << 18
_BOUND: Final = {
    # Whatever a file holds, a browser that opens it all the same may run and load nothing.
    "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}


def attachment(path: Path, name: str, sha256: str) -> Response:
    """Return a file for saving, after its bytes were found to be those of its digest.

    Raises:
        EvidenceError: it is gone, cannot be read, or was altered.

    """
    try:
        file = path.open("rb")
    except OSError as exc:
        raise EvidenceError("文件不在了，或无法读取", where=name, cure="从备份找回，或重新取证") from exc
    try:
        size = _checked(file, name, sha256)
    except BaseException:
        file.close()
        raise
    headers = {**_BOUND, "content-length": str(size), "content-disposition": disposition(name)}
    return StreamingResponse(_blocks(file), media_type="application/octet-stream", headers=headers)


def picture(data: bytes) -> Response:
    """Return a preview that we made ourselves."""
    return Response(data, media_type="image/png", headers=_BOUND)


def disposition(name: str) -> str:
    """Return the header that makes a browser save under a name that fits every system."""
    clean = display_name(name)
    plain = "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "_" for one in clean)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe='')}"


def _checked(file: BinaryIO, name: str, sha256: str) -> int:
    digest, size = hashlib.sha256(), 0
    while block := file.read(_BLOCK):
        digest.update(block)
        size += len(block)
    if digest.hexdigest() != sha256.lower():
        told = "文件与登记的 SHA-256 不一致，可能被改动，未提供下载"
        raise EvidenceError(told, where=name, cure="恢复入库时的原文件，或作为新佐证重新入库")
    file.seek(0)
    return size


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block
