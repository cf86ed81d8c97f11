"""What became of wrong values in declared forms, between two submissions of right ones."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ...model import Facts, Value


class InputTry(Value):
    """One submission: all fields right but `field`, whose value was wrong in the way `kind` tells.

    `kind` is `right`, `too_long`, `empty`, `letters`, `exponent`, `below`, `above`, `impossible_day`,
    `check_digit`, `id_date`, `short_id`, `short_phone`, `unlisted`, `forged_type`, `wrong_magic`,
    `credit_check`, `short_credit`, `bank_check`, `double_extension`, `markup`, `attribute` (a quote that
    closes the attribute it is shown in), `quote`, `quote_pair` (a doubled quote, after a single one was
    refused) or `concat_*` (the sample in two pieces, as a statement puts them together;
    `concat_*_control` as only a filter that takes the signs out does). `joined`: such a value came back
    as one piece.

    `outcome` is `refused`, `accepted`, `normalised` (taken, and what was stored is right), `server_error`
    or `unclear`. `page_refuses`: the form's own HTML would not have let the value pass; None where the
    page was not read. `escaped`: how markup came out on the page, False where it became some there.
    `words` are traces of the program's inside, `database` tells that some are of a database. `problem` is
    Chinese: why there is no answer.
    """

    kind: str
    at: datetime
    field: str = ""
    status: int | None = None
    outcome: str = "unclear"
    page_refuses: bool | None = None
    escaped: bool | None = None
    words: tuple[str, ...] = ()
    database: bool = False
    joined: bool | None = None
    problem: str = ""


class FormSeen(Value):
    """A declared form and what became of each submission.

    `left` is how many submissions may have left something behind that was not taken back. `untried` gives
    Chinese reasons by field. `problem` is Chinese: why the form was not, or not wholly, tried.
    """

    id: str
    name: str
    request: str
    role: str
    tries: tuple[InputTry, ...] = ()
    left: int | None = None
    untried: dict[str, str] = msgspec.field(default_factory=dict)
    problem: str = ""

    @property
    def control(self) -> bool:
        """Tell whether right values were accepted at first and at the end: only then refusals tell."""
        right = [one for one in self.tries if one.kind == "right"]
        return len(right) > 1 and all(one.outcome == "accepted" for one in right)

    @property
    def wrong(self) -> tuple[InputTry, ...]:
        """Return the submissions with a wrong value."""
        return tuple(one for one in self.tries if one.kind != "right")


class WebInputs(Facts, tag="web.inputs"):
    """The declared forms, each sent right, then with one wrong value at a time, then right again."""

    forms: tuple[FormSeen, ...]
