"""What was seen of how an application identifies its users; pure values, no passwords."""

from __future__ import annotations

from ...model import Facts, Value
from .facts import LoginSeen, PageSeen, Replay, SessionPage


class ReachSeen(Value):
    """A declared function, page of persons or export, asked for by its address alone and with a session.

    `page.during` is what the account `seen_as` gets; where it was not asked for it is unanswered.
    `shows_before` and `shows_during` tell whether the declared marker stands in the answers, None without.
    `skipped` is Chinese: why nothing was sent.
    """

    name: str
    method: str
    path: str
    page: SessionPage | None = None
    seen_as: str = ""
    shows_before: bool | None = None
    shows_during: bool | None = None
    skipped: str = ""


class WebReach(Facts, tag="web.reach"):
    """What the application describes besides its protected pages, asked for without a session."""

    places: tuple[ReachSeen, ...]


class WebForged(Facts, tag="web.forged"):
    """A protected page asked for with credentials that the server never gave.

    `format` is `opaque` or `jwt`. Each try's `by` is `garbage`, `altered`, and for a JWT `payload`, `none`,
    `unsigned`. `intact_after`: the true credential still worked afterwards.
    """

    account: str
    carrier: str
    format: str
    path: str
    tries: tuple[Replay, ...]
    intact_after: bool | None


class FailureSeen(Value):
    """How a login with a wrong password was answered.

    `said` is what the answer says that the login page did not, without the name that was typed in, at most
    120 characters. `chars` is the length of its text. None and empty where no answer came.
    """

    login: LoginSeen
    said: str = ""
    chars: int | None = None


class WebFailures(Facts, tag="web.failures"):
    """One failed login with a name that cannot exist, one of the sacrificial account with a wrong password.

    `right`: the sacrificial account with its right password, just before: it was neither locked nor wrong.
    """

    account: str
    right: LoginSeen
    unknown: FailureSeen
    wrong: FailureSeen


class WebLockout(Facts, tag="web.lockout"):
    """What a number of failed logins does to the sacrificial account; times in seconds.

    `right_before` and `right_after`: its right password before and after `wrong`. `told_at`: the first
    failure whose answer spoke of a lock. `other_after`: another account from the same address while it is
    locked. `waited_s` after the last failure the right password brought `right_later`. `resumed`: an
    earlier run sent part of it, so that time passed in between; `unknown` attempts have no known outcome.
    `captcha_at`: the failure after which a captcha was asked for, so that nothing more was sent.
    `earlier` failures of the same account, and `strangers` of other names from this address, came before
    `wrong` and may count, too, where a login that succeeds does not begin the count anew; None where nobody
    knows.
    """

    account: str
    right_before: LoginSeen
    wrong: tuple[LoginSeen, ...]
    right_after: LoginSeen | None = None
    told_at: int | None = None
    captcha_at: int | None = None
    other_after: LoginSeen | None = None
    right_later: LoginSeen | None = None
    waited_s: float | None = None
    wait_allowed_s: float = 0.0
    resumed: bool = False
    unknown: int = 0
    earlier: int | None = None
    strangers: int | None = None


class PasswordTry(Value):
    """A new password that was offered: `kind` is `single`, `short`, `classes`, `same`, `username`, `strong`.

    `told` is what the declared markers say; `accepted` what logging in showed afterwards, None if unknown.
    """

    kind: str
    chars: int
    classes: int
    status: int | None = None
    told: bool | None = None
    accepted: bool | None = None


class WebPasswordChange(Facts, tag="web.password_change"):
    """Changes of the declared account's password, and that it is the old one again (`set_back`).

    `strong` is the control: without it refusals prove nothing. `earlier_session` is another session of
    the account, asked for a page just before a change that was accepted and just after it; None where that
    could not be seen.
    """

    account: str
    method: str
    path: str
    tries: tuple[PasswordTry, ...]
    set_back: bool
    earlier_session: Replay | None = None

    def of(self, kind: str) -> PasswordTry | None:
        """Return the try of a kind, or None."""
        return next((one for one in self.tries if one.kind == kind), None)


class CreateTry(Value):
    """A user that was to be created: `kind` is `new`, `same`, `case`, `space`, or `other`: another new name.

    `told` is what the declared markers say; `rows_before` and `rows_after` how often the list shows the name.
    """

    kind: str
    status: int | None = None
    told: bool | None = None
    rows_before: int | None = None
    rows_after: int | None = None
    created: bool | None = None


class WebUniqueness(Facts, tag="web.uniqueness"):
    """Users of ours created under one name, all of them removed again (`removed`).

    `names` is how many distinct names the list shows, `doubled` those, masked, that stand in it more than
    once; both None where the list cannot be read by column.
    """

    method: str
    path: str
    tries: tuple[CreateTry, ...]
    removed: bool
    names: int | None = None
    doubled: tuple[str, ...] | None = None

    def of(self, kind: str) -> CreateTry | None:
        """Return the try of a kind, or None."""
        return next((one for one in self.tries if one.kind == kind), None)


class WebIdle(Facts, tag="web.idle"):
    """A session left alone, and one of the same account kept awake meanwhile; times in seconds.

    `concurrent`: the first session went on when the second began. `idle` is the page with the session that
    was left alone for `waited_s`, `awake` the same page with the other one at the same time.
    `shared`: the second login was given the first one's own credential. `others` is how many more sessions of
    the account began meanwhile; `crowded`: as many more, begun one after the other, end a session.
    `cookie_lifetime_s`: of the cookies that carry the session, None where they end with the browser.
    `token_lifetime_s`: from the claims of a JWT. `awake_s`: how long after its login the session that was
    kept awake was last seen alive; `awake_kept`: its credential is still the one of the login.
    """

    account: str
    carrier: str
    path: str
    concurrent: bool | None
    wait_allowed_s: float
    waited_s: float | None = None
    idle: Replay | None = None
    awake: Replay | None = None
    cookie_lifetime_s: int | None = None
    token_lifetime_s: int | None = None
    shared: bool | None = None
    others: int | None = None
    crowded: bool | None = None
    awake_s: float | None = None
    awake_kept: bool | None = None


class WebSecondFactor(Facts, tag="web.second_factor"):
    """Whether a second factor is asked for, can be left out, and is looked at.

    `factor` is as declared, empty where none is. `prompted`: the right password alone brought the declared
    prompt. `skipped` are protected pages asked for after the first step; `wrong` is one login that went on
    with a wrong code, `right` the whole login. `before` are the same pages as a stranger.
    """

    account: str
    factor: str
    prompted: bool | None
    first: LoginSeen
    before: tuple[PageSeen, ...] = ()
    skipped: tuple[PageSeen, ...] = ()
    wrong: LoginSeen | None = None
    right: LoginSeen | None = None
