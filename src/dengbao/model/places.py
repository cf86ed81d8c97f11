"""Where data lie as files: dumps, logs, exports, uploaded documents."""

from __future__ import annotations

from .base import Value


class DataPlace(Value):
    """A file or folder with data of an asset, on this machine or mounted there for reading.

    With `host`, the id of a server, it lies there and is read over SSH; then `path` is absolute, and
    `pattern` is a glob of the names below it that are read, all where it is empty.
    `what` says in Chinese what lies there. `origin` is how the vendor says the data came to be: `synthetic`
    (made up), `masked` (of production, desensitised), `production` (of production as they were), or nothing.
    `regions` are the first six digits of every made-up id number; `document` is where that is written down.
    `marker` is a word that every made-up name holds, such as 测试.
    """

    path: str
    what: str = ""
    origin: str = ""
    regions: tuple[str, ...] = ()
    document: str = ""
    host: str = ""
    marker: str = ""
    pattern: str = ""
