"""How an interface answered what its own description allows and forbids."""

from __future__ import annotations

from datetime import datetime

from ...model import Facts, Value


class OperationSeen(Value):
    """An operation and how often it was asked.

    `accepted`: right requests that were answered 2xx; `refused`: wrong ones that were refused by status;
    `wrong_accepted`: wrong ones that were answered 2xx; `server_errors`: answers of 5xx to whatever request;
    `denied`: answers 401, 403 or 429, which say nothing of the input. `example` is a request that shows the
    fault, without values; `status` and `at` are its answer and time.
    """

    name: str
    sent: int
    accepted: int = 0
    refused: int = 0
    wrong_accepted: int = 0
    server_errors: int = 0
    denied: int = 0
    example: str = ""
    status: int | None = None
    at: datetime | None = None


class WebApi(Facts, tag="web.api"):
    """What schemathesis saw of the GET operations of the declared description.

    `alive`: the session still held at the end; None where nobody was logged in. `left_out` are the operations
    that were not asked: other methods, and names that speak of logout, removal or export.
    """

    document: str
    role: str
    engine: str
    operations: tuple[OperationSeen, ...]
    left_out: tuple[str, ...] = ()
    alive: bool | None = None
