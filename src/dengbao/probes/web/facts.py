"""What was seen of a web application, and when (`at`); no bodies, no cookie values, no passwords."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ...errors import Reason
from ...model import Facts, Value

# From this share of common text on, two answers count as the same page; below the next one of its own text
# a page does not count as shown.
ALIKE_PERCENT: Final = 80
UNLIKE_PERCENT: Final = 20
SHELL_CHARS: Final = 80  # a page with scripts and less text draws its content in the browser


class PageSeen(Value):
    """How one address answered; everything is None where no answer came (`problem` says why).

    `status` is of the first answer, `final_status` of the last after `redirects` (addresses without query
    values, answers of scripts that do nothing but change the location included). `moved`: the last address
    is another page. `stopped` is Chinese and says why a redirect was not followed. `at_login_page`: the
    last address is the declared login page. `login_words` are phrases that ask to log in, `json_code` the
    `code` of a JSON answer, `json_error` whether that answer calls itself an error (None: it holds nothing).
    `like_login_page_percent` and `like_unknown_path_percent` compare the text with that of the login page
    and of a path that does not exist (whose status is `unknown_status`); None: nothing to compare.
    `unlike_stranger`: it is shown at length in place, where a stranger was sent away to log in.
    """

    path: str
    status: int | None = None
    final_status: int | None = None
    redirects: tuple[str, ...] = ()
    moved: bool | None = None
    stopped: str = ""
    media_type: str | None = None
    size_bytes: int | None = None
    text_chars: int | None = None
    scripts: int | None = None
    password_field: bool | None = None
    at_login_page: bool | None = None
    login_words: tuple[str, ...] = ()
    json: bool | None = None
    json_code: str | None = None
    json_error: bool | None = None
    like_login_page_percent: int | None = None
    like_unknown_path_percent: int | None = None
    unknown_status: int | None = None
    unlike_stranger: bool | None = None
    cache_control: str | None = None
    pragma: str | None = None
    problem: str = ""
    reason: Reason | None = None
    at: datetime | None = None

    @property
    def answered(self) -> bool:
        """Tell whether any answer came."""
        return self.status is not None and self.final_status is not None

    @property
    def failing(self) -> bool:
        """Tell whether the server could or would not serve just then, whoever asks."""
        return any(
            one is not None and (one >= 500 or one in (408, 429)) for one in (self.status, self.final_status)
        )

    @property
    def login_demanded(self) -> bool | None:
        """Tell whether this answer asks for a login instead of the page; None where it does not show.

        True only by 401/407, a JSON answer that says so, 403 where other paths are not all 403, or the
        login form (reached by redirect, or in place and like the login page). False only by content.
        """
        if not self.answered or self.status is None or self.final_status is None:
            return None
        if {401, 407} & {self.status, self.final_status}:
            return True
        if self.json_error and self.json_code is not None and self.json_code.startswith("401"):
            return True
        if self.status == 403:
            return None if self.unknown_status in {None, 403} else True
        if self.moved:
            return True if self.password_field or self.at_login_page else None
        return self._demanded_in_place()

    def _demanded_in_place(self) -> bool | None:
        if self.stopped or self.final_status is None or not 200 <= self.final_status < 300:
            return None
        if self.unlike_stranger:
            return False
        return self._demanded_by_json() if self.json else self._demanded_by_page()

    def _demanded_by_json(self) -> bool | None:
        if self.json_error and self.login_words:
            return True
        return False if self.json_error is False and not self._like_unknown else None

    def _demanded_by_page(self) -> bool | None:
        if self.password_field:
            # A form that every path shows needs a session for comparison: it may be all there is.
            like = self.like_login_page_percent
            return True if like is not None and like >= ALIKE_PERCENT and not self._like_unknown else None
        if self.login_words or self.at_login_page or self.shell or self._like_unknown or not self.size_bytes:
            return None
        return False

    @property
    def _like_unknown(self) -> bool:
        if self.unknown_status is None:
            return True
        like = self.like_unknown_path_percent
        return self.unknown_status == self.final_status and (like is None or like >= ALIKE_PERCENT)

    @property
    def shell(self) -> bool:
        """Tell whether a page is drawn by scripts or frames, so that its text says nothing."""
        drawn = any(one in (self.media_type or "html") for one in ("html", "xml", "text/plain"))
        return drawn and (self.text_chars or 0) < (SHELL_CHARS if self.scripts else 1)

    @property
    def reached(self) -> bool | None:
        """Tell whether this answer is the page itself; None where it does not show."""
        if not self.answered or self.final_status is None or self.failing:
            return None
        if not 200 <= self.final_status < 300 or self.login_demanded:
            return False
        if self.login_demanded is False:
            return True
        plain = self.moved and not self.stopped and not self.json_error and not self.login_words
        return True if plain and not self.shell and not self._like_unknown and self.size_bytes else None


class WebPages(Facts, tag="web.pages"):
    """The declared protected pages, asked for without a session; `unknown` is a path that does not exist."""

    scheme: str
    pages: tuple[PageSeen, ...]
    unknown: PageSeen


class CookieSeen(Value):
    """A cookie as it was last set. `carries_session`: without it a page was refused; None if not measured.

    `set_at` is `before_login`, `login` or `page`. `same_site` is as written, empty where absent.
    """

    name: str
    secure: bool
    http_only: bool
    same_site: str
    path: str
    domain: str
    lifetime_s: int | None
    set_at: str
    carries_session: bool | None = None


class FormSeen(Value):
    """The form with the password field; `method` is as written (empty: the browser's GET, or a script)."""

    method: str
    action: str
    action_scheme: str
    other_host: bool
    fields: tuple[str, ...]


class WebLoginPage(Facts, tag="web.login_page"):
    """Where passwords are typed in and where they go.

    `declared` is false where the form was found by following a redirect. `submit_scheme` is the scheme of
    the declared login address as resolved from the page. `captcha` names the fields, pictures or scripts.
    `session_in_url`: an address of the page carries a session id.
    """

    declared: bool
    style: str
    page: PageSeen
    page_scheme: str
    submit_scheme: str
    form: FormSeen | None
    captcha: tuple[str, ...]
    session_in_url: bool
    cookies: tuple[CookieSeen, ...] = ()


class HeadersSeen(Value):
    """The headers of one answer that speak of security, names in lower case."""

    path: str
    status: int
    media_type: str
    headers: dict[str, str]
    meta_csp: str = ""
    error_words: tuple[str, ...] = ()
    at: datetime | None = None


class WebHeaders(Facts, tag="web.headers"):
    """Headers of pages anyone may see; `certificate_verified` by this machine's trust or the declared CA."""

    scheme: str
    certificate_verified: bool | None
    answers: tuple[HeadersSeen, ...]
    unknown: HeadersSeen | None = None


class PlainSeen(Value):
    """What a port says to unencrypted HTTP.

    `answer` is `closed`, `not_http`, `to_https`, `content`; unseen: `timed_out`, `out_of_scope`, `unknown`.
    """

    port: int
    path: str
    answer: str
    status: int | None = None
    password_field: bool | None = None
    text_chars: int | None = None
    scripts: int | None = None
    note: str = ""
    at: datetime | None = None


class WebPlain(Facts, tag="web.plain"):
    """Whether the application can also be used without encryption; no `entries` where its scheme is http."""

    scheme: str
    entries: tuple[PlainSeen, ...]


class LoginSeen(Value):
    """What one login attempt brought; markers are None where the engagement declares none.

    `page_reached`: a page that was not shown before is shown (True) or answers as to a stranger (False)
    afterwards. `form_again`: the answer is the login form. `code_asked`: the answer asks for a second
    factor, so that the password was perhaps right. `problem` is Chinese: why nothing was seen.
    """

    status: int | None = None
    location: str = ""
    success_marker: bool | None = None
    failure_marker: bool | None = None
    page_reached: bool | None = None
    form_again: bool | None = None
    token: bool | None = None
    code_asked: bool | None = None
    locked_words: tuple[str, ...] = ()
    captcha_words: tuple[str, ...] = ()
    problem: str = ""
    at: datetime | None = None

    @property
    def by_marker(self) -> bool | None:
        """Tell what the declared markers say."""
        if self.success_marker and self.failure_marker:
            return None
        if self.success_marker is not None:
            return self.success_marker
        return False if self.failure_marker else None

    @property
    def accepted(self) -> bool | None:
        """Tell whether the login was accepted; None where markers and pages contradict or say nothing."""
        if self.problem or self.status is None or self.code_asked:
            return None
        marker, page = self.by_marker, self.page_reached
        if self.success_marker and self.failure_marker:
            return None
        if marker is None or page is None:
            return page if marker is None else marker
        return marker if marker == page else None


class SessionPage(Value):
    """One protected page before the login and with the session.

    `before_shown_percent` is the share of the page's own text (not on the login page, not on an unknown
    path) that was already shown without a session; None where the page has no text of its own.
    """

    before: PageSeen
    during: PageSeen
    own_texts: int
    before_shown_percent: int | None

    @property
    def tells_apart(self) -> bool:
        """Tell whether this page shows if a session is alive."""
        unlike = self.before_shown_percent is not None and self.before_shown_percent < UNLIKE_PERCENT
        refused = self.before.reached is False or (self.before.reached is None and unlike)
        told = self.before.answered and not self.before.failing
        return told and refused and self.during.reached is True


class WebSession(Facts, tag="web.session"):
    """What the declared account gets by logging in.

    `carrier` is `cookie`, `bearer` or empty where it could not be found out. `id_changed`: the session
    cookie's value differs from the one before the login; None without a session cookie.
    """

    scheme: str
    account: str
    login: LoginSeen
    carrier: str
    cookies: tuple[CookieSeen, ...]
    id_changed: bool | None
    session_in_url: bool
    pages: tuple[SessionPage, ...]

    def page(self, path: str) -> SessionPage | None:
        """Return what was seen of that page, or None."""
        return next((one for one in self.pages if one.before.path == path), None)


class Replay(Value):
    """A page with the session's cookies or token: just before the logout and after it.

    `stranger` is the page without a session. The percentages compare the text after the logout with that
    before it and with the stranger's. `by` is `old` (kept aside) or `browser` (as the logout left it).
    """

    by: str
    stranger: PageSeen
    before: PageSeen
    after: PageSeen
    like_before_percent: int | None
    like_stranger_percent: int | None = None

    @property
    def ended(self) -> bool | None:
        """Tell whether the session was refused after the logout."""
        if self.before.reached is not True or self.after.failing:
            return None
        # A firewall that has had enough answers 403, too: that must be what strangers were told before.
        if (self.after.login_demanded and self.after.status != 403) or self._as_to_a_stranger:
            return True
        alike = (self.like_before_percent or 0) >= ALIKE_PERCENT
        return False if self.after.reached and alike else None

    @property
    def _as_to_a_stranger(self) -> bool:
        after, stranger = self.after, self.stranger
        if (after.status, after.final_status) != (stranger.status, stranger.final_status):
            return False
        alike = self.like_stranger_percent
        if after.status == 403 and alike is not None and alike < ALIKE_PERCENT:
            return False
        unlike = self.like_before_percent is not None and self.like_before_percent < UNLIKE_PERCENT
        return after.reached is False or (alike is not None and alike >= ALIKE_PERCENT and unlike)


class WebLogout(Facts, tag="web.logout"):
    """What the logout did; `answer` is compared with an unknown path asked for with the session."""

    carrier: str
    method: str
    answer: PageSeen
    confirm_form: bool
    cookies_cleared: tuple[str, ...]
    replays: tuple[Replay, ...]


class ControlSeen(Value):
    """Attempts that show the measurement works: the declared account, and names that cannot exist."""

    right: LoginSeen | None = None
    wrong: LoginSeen | None = None
    problem: str = ""


class WebEmptyPassword(Facts, tag="web.empty_password"):
    """One attempt with the declared account and an empty password."""

    account: str
    control: ControlSeen
    attempt: LoginSeen


class DefaultTry(Value):
    """One entry of the profile's list; the password is not stored, `entry` counts from 1.

    `skipped` is Chinese and says why nothing was sent.
    """

    username: str
    entry: int
    attempt: LoginSeen | None = None
    skipped: str = ""


class WebDefaultAccounts(Facts, tag="web.default_accounts"):
    """One attempt with each default account of the profile."""

    control: ControlSeen
    tries: tuple[DefaultTry, ...]
