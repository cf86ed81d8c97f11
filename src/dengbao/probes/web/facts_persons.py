"""What an application shows of persons, and to whom it hands them out; counts and labels, never a value."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ...model import Facts, Value


class FieldShown(Value):
    """A declared field in one place: how many of its values stood there in full, masked, or neither.

    `place` is `page` (what a person reads) or the path of an interface behind it. `holds` as declared.
    """

    label: str
    holds: str
    place: str
    full: int = 0
    masked: int = 0
    other: int = 0


class NumbersFound(Value):
    """Whole numbers of a kind (`id_card`, `phone`, `bank_card`) in one place, wherever they stand in it.

    `place` is `page`, `source` (hidden fields, scripts, attributes, comments) or an interface's path.
    """

    holds: str
    place: str
    count: int


class ViewSeen(Value):
    """A declared page or interface with persons, seen as `role`.

    `shown`: it is the page itself, None where that does not show. `undeclared` are labels on it that name
    personal data and are not declared. `unread` says of each interface behind it why it brought nothing.
    `suspects` are whole values, under whatever name, that a masked one may have been made of. `asked` are
    labels and keys of kinds of personal data nobody declared, of controls and of the interfaces behind.
    `drawn_from` are interfaces that the page's own scripts name and nobody declared. `caching` is place →
    Cache-Control, empty where there is none; None where nobody looked.
    """

    path: str
    name: str
    role: str
    at: datetime
    status: int | None = None
    shown: bool | None = None
    declared: dict[str, str] = msgspec.field(default_factory=dict)
    masked: tuple[str, ...] = ()
    surplus: dict[str, str] = msgspec.field(default_factory=dict)
    fields: tuple[FieldShown, ...] = ()
    numbers: tuple[NumbersFound, ...] = ()
    undeclared: tuple[str, ...] = ()
    unread: dict[str, str] = msgspec.field(default_factory=dict)
    suspects: tuple[FieldShown, ...] = ()
    asked: tuple[str, ...] = ()
    drawn_from: tuple[str, ...] = ()
    caching: dict[str, str] | None = None
    problem: str = ""


class WebPersons(Facts, tag="web.persons"):
    """The declared pages and interfaces that show persons."""

    views: tuple[ViewSeen, ...]


class ExportTry(Value):
    """An export asked for as one account; `allowed` by the declaration, `role` empty for a stranger.

    `got`: a file with content came; None where that does not show. `found` counts personal data in clear
    by kind, `masked` numbers with a hidden part, `whole` tells whether all of the file was read.
    `problem` is Chinese: why nothing was seen.
    """

    role: str
    allowed: bool
    at: datetime
    status: int | None = None
    media_type: str = ""
    size_bytes: int | None = None
    got: bool | None = None
    found: dict[str, int] = msgspec.field(default_factory=dict)
    masked: dict[str, int] = msgspec.field(default_factory=dict)
    whole: bool = False
    problem: str = ""


class FileLeft(Value):
    """The file an export made on the server, asked for after it was fetched once; `path` has no values.

    `still`: it came again as the same after `waited_s`; `stranger`: it came to somebody not logged in. None
    where that does not show. `kept_s` is how long it may stay by the declaration. `alive`: the session still
    worked at the end, so that a refusal tells of the file.
    """

    path: str
    at: datetime
    fetched: bool
    kept_s: float | None = None
    waited_s: float | None = None
    still: bool | None = None
    still_status: int | None = None
    stranger: bool | None = None
    stranger_status: int | None = None
    alive: bool | None = None


class ExportSeen(Value):
    """A declared export; `masked` are the kinds that must not stand in it in clear.

    `file_declared`: the engagement says where its file is to be found; `left` is what was seen of it, None
    where the answer did not name one.
    """

    name: str
    request: str
    masked: tuple[str, ...]
    tries: tuple[ExportTry, ...]
    file_declared: bool = False
    left: FileLeft | None = None


class WebExports(Facts, tag="web.exports"):
    """The declared exports, asked for by those who may and by those who may not."""

    exports: tuple[ExportSeen, ...]
