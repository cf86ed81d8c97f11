"""What the application's log says of deeds of our own; no rows are kept, only what of them was found."""

from __future__ import annotations

from datetime import datetime

from ...model import Facts, Value


class RecordSeen(Value):
    """The record of one deed: which of its fields are filled, and how far its clock is from ours.

    `type`, `result` are as written (at most 24 characters). `source_ours`: it names an address of ours.
    `skew_s` is record minus deed, 0 within it; None without a time. `zone_known`: the time names its zone
    or the engagement does. `log` names the log it stands in where there are several.
    """

    time: bool
    user: bool
    type: str = ""
    result: str = ""
    source: bool = False
    skew_s: float | None = None
    zone_known: bool = False
    log: str = ""


class Deed(Value):
    """Something done to be looked for in the log.

    `kind` is `login`, `login_failed`, `view`, `export`, `create`, `grant`, `disable`, `remove` (all four of a
    user of ours) or `logout`. `done`: it was carried out as meant. `record` is what was found; `others`
    counts new records of the same user that do not tell what was done.
    """

    kind: str
    account: str
    role: str
    request: str
    at: datetime
    done: bool | None
    record: RecordSeen | None = None
    others: int = 0
    problem: str = ""


class LogSeen(Value):
    """One of several logs; the fields are those of `WebTrail`, of this log alone."""

    name: str
    source: str
    account: str
    path: str
    columns: tuple[str, ...]
    rows: int
    new_rows: int
    newest_first: bool | None = None
    others_shown: bool | None = None


class WebTrail(Facts, tag="web.trail"):
    """Deeds of ours, and the log read afterwards for at most `waited_s`.

    `source` is `page` or `table`. `rows` were read at the end, `new_rows` of them were not there before.
    `newest_first`: the newest records are among them for sure; None where that cannot be told.
    `others_shown`: records of others than the reader are among them; None where no column tells.
    `columns` are the meanings declared. `unreached` are role accounts that could not log in. `logs` are they
    one by one where there are several; the other fields then tell of all of them together.
    """

    source: str
    account: str
    path: str
    columns: tuple[str, ...]
    deeds: tuple[Deed, ...]
    rows: int
    new_rows: int
    waited_s: float
    newest_first: bool | None = None
    unreached: tuple[str, ...] = ()
    oldest_days: int | None = None
    others_shown: bool | None = None
    logs: tuple[LogSeen, ...] = ()

    @property
    def shows_new(self) -> bool:
        """Tell whether what was read would show a record of now."""
        if self.logs:
            return all(self._would_show(one) for one in self.logs)
        return self.newest_first is True or any(one.record is not None for one in self.deeds)

    def found(self, deed: Deed) -> bool | None:
        """Tell whether a deed was recorded; None where the log or the deed does not show it."""
        if deed.record is not None:
            return True
        if deed.done is not True or deed.others or not self.shows_new:
            return None
        own = [one.account for one in self.logs if one.others_shown is False]
        if not self.logs and self.others_shown is False:
            own = [self.account]
        if any(one != deed.account for one in own):
            return None  # the reader may see but records of its own
        return False

    def _would_show(self, log: LogSeen) -> bool:
        held = {one.record.log for one in self.deeds if one.record is not None}
        return log.newest_first is True or log.name in held


class TamperTry(Value):
    """One request to delete (`remove`) or change (`alter`) a record made for it, and what became of it.

    `intact`: the record was still there and unaltered afterwards; None where that cannot be told.
    """

    kind: str
    account: str
    role: str
    request: str
    at: datetime | None = None
    status: int | None = None
    done: bool | None = None
    intact: bool | None = None
    problem: str = ""


class WebLogTampering(Facts, tag="web.log_tampering"):
    """Attempts of every role and of a stranger on records of our own doing."""

    tries: tuple[TamperTry, ...]
