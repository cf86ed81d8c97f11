"""Looks through one body of a message of HTTP, whichever its version, as its bytes come."""

from __future__ import annotations

from typing import Final

from .content import Ledger, Scanner
from .protobuf import texts
from .unpacking import Purse, Unpacker

_OPAQUE: Final = (
    "image/",
    "video/",
    "audio/",
    "font/",
    "application/zip",
    "application/pdf",
    "application/dicom",
)
# Looked through as they are; what they mean is not known, so they count as not decoded too.
_HALF_READ: Final = (
    "application/octet-stream", "application/x-protobuf", "application/protobuf", "application/msgpack",
    "application/x-msgpack", "application/x-java-serialized-object", "application/x-amf",
    "application/x-hessian", "application/grpc-web-text",
)  # fmt: skip
_PROGRAM: Final = ("text/html", "text/css", "javascript", "ecmascript")
_GRPC_HEAD: Final = 5
_MAX_MESSAGE: Final = 64 << 10  # taken apart as a whole
_GRPC_CODINGS: Final = {"gzip": "gzip", "deflate": "deflate", "zstd": "zstd", "br": "br"}


def is_grpc(kind: str) -> bool:
    """Tell whether a content type is of gRPC; gRPC-Web that is written as text is not."""
    return kind.startswith("application/grpc") and not kind.startswith("application/grpc-web-text")


class Body:
    """One body; `unseen` counts what was not decoded: pictures, unknown codings, what is beyond a bound."""

    def __init__(self, ledger: Ledger, side: int, fields: dict[str, str], purse: Purse) -> None:
        kind = fields.get("content-type", "").lower()
        coding = fields.get("content-encoding", "").lower().strip()
        program = side == 1 and any(one in kind for one in _PROGRAM)
        self._opaque = kind.startswith(_OPAQUE)
        self._half_read = kind.startswith(_HALF_READ)
        self._scanner = Scanner(
            ledger, side, "form" if "form" in kind else "body", pairs=not program, json="json" in kind
        )
        self._unpacker = None if coding in {"", "identity"} else Unpacker(coding, purse)
        self._unseen = 0

    def feed(self, data: bytes, at: int) -> None:
        """Look through the next bytes, which lie at `at` of the stream."""
        if self._opaque or self._half_read:
            self._unseen += len(data)
        if self._opaque:
            return
        if self._unpacker is None:
            self._scanner.feed(data, at)
        else:
            for piece in self._unpacker.feed(data):
                self._scanner.feed(piece, at)

    def gap(self) -> None:
        """Learn that bytes are missing: what is packed cannot be unpacked after them."""
        self._scanner.finish()
        if self._unpacker is not None:
            self._unpacker.close()

    def finish(self) -> None:
        """Look through what was kept back, and give up what unpacking needed."""
        self._scanner.finish()
        if self._unpacker is not None:
            self._unpacker.close()

    @property
    def unseen(self) -> int:
        """Return how many bytes were not decoded."""
        return self._unseen + (self._unpacker.unseen if self._unpacker is not None else 0)

    @property
    def weight(self) -> int:
        """Return about how many bytes are kept."""
        return 512 + self._scanner.weight + (self._unpacker.cost if self._unpacker is not None else 0)


class GrpcBody:
    """Messages of gRPC: fields have numbers and no names, so only what tells itself is found.

    All bytes count as not decoded; numbers of persons are looked for in the texts they hold, and names of
    fields (JSON in a string). Source: gRPC over HTTP/2, Length-Prefixed-Message.
    """

    def __init__(self, ledger: Ledger, side: int, fields: dict[str, str], purse: Purse) -> None:
        self._scanner = Scanner(ledger, side, "body")
        self._coding = _GRPC_CODINGS.get(fields.get("grpc-encoding", "").lower().strip(), "none")
        self._purse = purse
        self._head = b""
        self._left = 0
        self._unpacker: Unpacker | None = None
        self._message = b""  # unpacked, as far as it is kept to be taken apart
        self.unseen = 0

    def feed(self, data: bytes, at: int) -> None:
        """Look through the next bytes."""
        self.unseen += len(data)
        here = 0
        while here < len(data):
            if self._left == 0:
                here += self._begin(data[here : here + _GRPC_HEAD], at + here)
                continue
            piece = data[here : here + self._left]
            self._left -= len(piece)
            for plain in (piece,) if self._unpacker is None else self._unpacker.feed(piece):
                self._keep(plain, at + here)
            here += len(piece)
            if self._left == 0:
                self._end(at + here)

    def _begin(self, data: bytes, at: int) -> int:
        taken = min(_GRPC_HEAD - len(self._head), len(data))
        self._head += data[:taken]
        if len(self._head) == _GRPC_HEAD:
            self._left = int.from_bytes(self._head[1:], "big")
            if self._head[0] & 1:
                self._unpacker = Unpacker(self._coding, self._purse)
            self._head = b""
            if self._left == 0:
                self._end(at)
        return taken

    def _keep(self, plain: bytes, at: int) -> None:
        if len(self._message) < _MAX_MESSAGE:
            self._message += plain
        else:
            self._scanner.feed(self._message + plain, at)  # too long to be taken apart: as it stands
            self._message = b""

    def _end(self, at: int) -> None:
        if self._message:
            try:
                self._scanner.feed(b"\n".join(texts(self._message)), at)
            except ValueError:
                self._scanner.feed(self._message, at)
        self._message = b""
        self._scanner.finish()
        if self._unpacker is not None:
            self._unpacker.close()
            self._unpacker = None

    def gap(self) -> None:
        """Learn that bytes are missing: the rest is looked through as it is."""
        self._end(0)
        self._left = 1 << 62

    def finish(self) -> None:
        """Look through what was kept back."""
        self._end(0)

    @property
    def weight(self) -> int:
        """Return about how many bytes are kept."""
        packed = self._unpacker.cost if self._unpacker is not None else 0
        return 512 + self._scanner.weight + packed + len(self._message)


def body_of(ledger: Ledger, side: int, fields: dict[str, str], purse: Purse) -> Body | GrpcBody:
    """Return what looks through a body with such header fields."""
    kind = fields.get("content-type", "").lower()
    return (GrpcBody if is_grpc(kind) else Body)(ledger, side, fields, purse)
