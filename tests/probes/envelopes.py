"""Builds the files that collector scripts write, whole or spoiled in one place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

NONCE = "0123456789abcdef0123456789abcdef"
HEADER: Mapping[str, str] = {
    "platform": "linux",
    "collector": "collect-linux.sh 1.0",
    "host": "srv-his01",
    "begun": "2026-03-01T10:00:00+08:00",
    "privilege": "root",
    "nonce": NONCE,
}
SYSTEM = "uname Linux 5.10.0 x86_64\nuid 0\nuser root\nclock 1772330400\ninit systemd\n"


def frame(name: str, body: str, *, limit: int = 65536, error: str = "", code: int = 0) -> str:
    """Return one framed section, as `collect.sh` writes it."""
    rest = f"{error}\n{NONCE} rc {code}" if error else f"{NONCE} rc {code}"
    return f"\n{NONCE} begin {name} {limit}\n{body}\n{NONCE} end {name}\n{rest}\n{NONCE} close {name}\n"


def unsealed(*frames: str, done: bool = True, **header: str) -> str:
    """Return an envelope without its last line; `magic` replaces its first."""
    magic = header.pop("magic", "dengbao-collect 1")
    head = "\n".join(f"{key}: {value}" for key, value in {**HEADER, **header}.items())
    return f"{magic}\n{head}\n\n" + "".join(frames) + (f"\n{NONCE} done\n" if done else "")


def sealed(text: str | bytes) -> bytes:
    """Return the text with the digest over all of it."""
    data = text.encode() if isinstance(text, str) else text
    return data + b"sha256: " + hashlib.sha256(data).hexdigest().encode() + b"\n"


def envelope(*frames: str, **header: str) -> bytes:
    """Return a whole envelope of these sections; the system section is there by itself."""
    return sealed(unsealed(frame("system", SYSTEM), *frames, done=True, **header))
