"""What was found in the files of a place: kinds, counts, where, masked samples; never a value."""

from __future__ import annotations

from ...model import Facts, Value


class FoundAt(Value):
    """Values of one kind in one file, member of an archive, table and column, as far as these are known."""

    file: str
    count: int
    member: str = ""
    table: str = ""
    column: str = ""
    samples: tuple[str, ...] = ()


class Found(Value):
    """All values of a kind in one place; `distinct` is exact while `exact`, else within two percent.

    `kind` is `id_card`, `id_card_15`, `phone`, `bank_card`, `social_card`, `credit_code`, `passport`,
    `email`, `name`, `password` (in clear), `password_hash`, `password_other` (of no known form) or `token`.
    `at` names the places with most of them, `at_count` counts all; `in_columns` counts the values that
    stand in a named column.
    """

    kind: str
    count: int
    distinct: int
    exact: bool
    at: tuple[FoundAt, ...]
    at_count: int
    in_columns: int = 0


class UnreadPart(Value):
    """A file or part of one that was not looked into, and why, in Chinese."""

    file: str
    reason: str
    member: str = ""


class ScannedPlace(Value):
    """One declared place, with what the engagement says of it.

    `text_bytes` counts the text that was gone through, unpacked. `unread` names the first parts that were
    not read, `unread_count` counts all. `outside_regions`: id numbers that do not begin with one of
    `regions`; None where no regions are declared. `alike_held` and `alike_failed`: of the first different
    numbers with region and date of an id card, how many hold their check digit and how many fail it; serial
    numbers of that make fail ten times for each that holds. None where they were not counted.
    `unmarked`: names that lack the declared `marker`; None where none is declared.
    `host`: the id of the server it was read from over SSH, empty for this machine.
    """

    path: str
    what: str
    origin: str
    regions: tuple[str, ...]
    files: int
    text_bytes: int
    found: tuple[Found, ...]
    unread: tuple[UnreadPart, ...] = ()
    unread_count: int = 0
    outside_regions: int | None = None
    alike_held: int | None = None
    alike_failed: int | None = None
    host: str = ""
    document: str = ""
    marker: str = ""
    unmarked: int | None = None


class DataScan(Facts, tag="data.scan"):
    """What scanning the declared places showed; `engine` is `re` or `hyperscan`, which find the same."""

    places: tuple[ScannedPlace, ...]
    engine: str
