"""Transcripts put together of single sections, for what no recorded host shows."""

from __future__ import annotations

from dengbao.probes.host.frames import Section, Transcript

NONCE = "N"
_LIMIT = 1 << 20


def transcript(**bodies: str) -> Transcript:
    """Return a whole transcript of these sections; the marks in their bodies begin with `N `."""
    quiet = {"system": "uname Linux 5.10 x86_64\nuid 0\nclock 1700000000\n", **bodies}
    sections = {
        name: Section(name, body.encode(), code=0, limit=_LIMIT, nonce=NONCE) for name, body in quiet.items()
    }
    return Transcript(sections, done=True, account="collector")


def framed(**files: str) -> str:
    """Return files framed as the script does; `__` in a name stands for `/`, `_dot_` for `.`."""
    return "".join(
        f"\nN file ok /{name.replace('_dot_', '.').replace('__', '/')}\n{text}\nN eof\n"
        for name, text in files.items()
    )
