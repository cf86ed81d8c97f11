"""What was seen of who may use which function of an application; no bodies, no names of persons."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ...model import Facts, Value

SHOWN_PERCENT: Final = 50
"""From this share of a true answer's own text on, it counts as given."""
SURELY_SHOWN_PERCENT: Final = 80
UNLIKE_PERCENT: Final = 20
"""Below this share it counts as not given, where the answer is a refusal besides."""
FEW_TEXTS: Final = 5
"""A true answer with fewer texts of its own than this may share a heading with a refusal."""
BLOCKED: Final = "blocked"
"""Begins what tells that not the application refused, but a firewall before it, perhaps for a while."""


class Asked(Value):
    """One function asked for once, as one account (empty: nobody is logged in), in one way.

    `kind` is `own` (by one that may), `vertical` (by a role that may not, or a stranger) or `horizontal`
    (another account's object, by a role that may use the function). `way` is `direct`, `method` (POST for
    GET and the reverse), `override` (X-HTTP-Method-Override) or `pollution` (the parameter twice, own and
    foreign). `owner` is the account whose object was asked for, empty where the function has no objects.
    `request` has no values; `status` is of the first answer, `final_status` of the last.

    `marker` tells whether the answer bears the declared mark of the true answer (None: no mark, or one that
    other pages bear, too). `own_texts` is how many texts only the true answer holds, `shown_percent` how
    many of them this one holds. `same_file`: both are files of one type. `refusal` names what refuses:
    `status 403`, `login`, `json_error`, `words 无权`, `unknown_path`, `empty`, `own_object`, `moved`;
    `blocked …` where a firewall may have refused in its place: then nothing was refused by rights.
    `across`: the owner is of another institution, None where none is declared.
    `done` is what the declared marks of a change say. `problem` is Chinese: why nothing was seen.
    """

    function: str
    account: str
    role: str
    kind: str
    way: str = "direct"
    request: str = ""
    owner: str = ""
    at: datetime | None = None
    status: int | None = None
    final_status: int | None = None
    marker: bool | None = None
    own_texts: int = 0
    shown_percent: int | None = None
    same_file: bool = False
    refusal: tuple[str, ...] = ()
    done: bool | None = None
    problem: str = ""
    across: bool | None = None

    @property
    def allowed(self) -> bool:
        """Tell whether the account may have what it asked for."""
        return self.kind == "own"

    @property
    def granted(self) -> bool | None:
        """Tell whether the true answer was given; None where it does not show. Never by status alone."""
        if self.problem or self.status is None:
            return None
        if self.done is not None:
            return self.done
        if self._given:
            return True
        if any(one.startswith(BLOCKED) for one in self.refusal):
            return None
        unlike = self.shown_percent is None or self.shown_percent < UNLIKE_PERCENT
        # A refusal may name the function it refuses, and so bear its mark.
        unmarked = self.marker is not True or self.own_texts >= FEW_TEXTS
        if self.refusal and unlike and unmarked and not self.same_file:
            return False
        return None

    @property
    def _given(self) -> bool:
        if self.marker is False:
            return False
        if self.same_file:
            return not self.refusal
        if self.shown_percent is None:
            return self.marker is True and not self.refusal
        if self.refusal:
            return self.shown_percent >= SURELY_SHOWN_PERCENT and self.own_texts >= FEW_TEXTS
        return self.shown_percent >= SHOWN_PERCENT


class FunctionSeen(Value):
    """A declared function. `reference`: the account whose answer the others are compared with.

    `skipped` is Chinese and says why the function was not asked for, or has nothing to compare with.
    """

    id: str
    name: str
    request: str
    roles: tuple[str, ...]
    post: str = ""
    changes: bool = False
    objects: int = 0
    reference: str = ""
    skipped: str = ""


class RoleSeen(Value):
    """An account that was to ask; `alive` tells whether its session still worked at the end.

    The stranger has an empty id. `problem` is Chinese: why it could not log in.
    """

    id: str
    role: str
    logged_in: bool | None = None
    alive: bool | None = None
    problem: str = ""
    institution: str = ""


class WebMatrix(Facts, tag="web.matrix"):
    """Every declared function asked for as every role account and as a stranger."""

    accounts: tuple[RoleSeen, ...]
    functions: tuple[FunctionSeen, ...]
    cells: tuple[Asked, ...]

    def answer(self, cell: Asked) -> bool | None:
        """Tell whether a cell was granted; a refusal counts only while the session was alive."""
        if cell.granted is not False:
            return cell.granted
        who = next((one for one in self.accounts if one.id == cell.account), None)
        return False if who is not None and who.alive else None

    def of(self, function: str) -> tuple[Asked, ...]:
        """Return the cells of one function."""
        return tuple(one for one in self.cells if one.function == function)


class UserSeen(Value):
    """An account of the application. `enabled` is None where no column tells, as are the days.

    `password_days` is the age of the password in whole days.
    """

    username: str
    role: str = ""
    enabled: bool | None = None
    last_login_days: int | None = None
    never_logged_in: bool | None = None
    password_days: int | None = None


class WebUsers(Facts, tag="web.users"):
    """The accounts of the application by its list of users or by its table.

    `source` is `page` or `table`. `complete`: all are among them; False where the list has more pages, None
    where that cannot be told. `columns` are the meanings found.
    """

    source: str
    path: str
    users: tuple[UserSeen, ...]
    complete: bool | None
    columns: tuple[str, ...] = ()
    at: datetime | None = None
