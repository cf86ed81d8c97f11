"""What a stranger found of an application; plain values that the draft is written from."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class LoginForm:
    """The form one types a password in; addresses as found, `action` empty where the page itself is meant.

    `hidden` are the names of hidden fields, `csrf` that of the one that changes at each visit or is called
    so, `submit` name and value of the one button that has a name, `others` the fields nobody can fill in
    for the engineer. `named`: its inputs have names, so that it can be sent without scripts.
    """

    action: str
    method: str
    username: str
    password: str
    hidden: tuple[str, ...] = ()
    csrf: str = ""
    submit: tuple[str, str] | None = None
    others: tuple[str, ...] = ()
    named: bool = True


@dataclass(frozen=True)
class Tried:
    """What one wrong login brought: status, location, texts that only then appeared, JSON code."""

    status: int | None = None
    location: str = ""
    texts: tuple[str, ...] = ()
    json_key: str = ""
    json_value: str = ""
    problem: str = ""


@dataclass(frozen=True)
class LoginCall:
    """The request by which a page's script logs in, as seen in Chromium."""

    path: str
    style: str
    username_field: str = ""
    password_field: str = ""
    fields: tuple[str, ...] = ()


@dataclass
class Found:
    """Everything found; empty means not found, never that there is none.

    `basic` is the address to which a script sends name and password in a Basic header.
    """

    url: str
    title: str = ""
    page: str = ""
    action: str = ""
    form: LoginForm | None = None
    drawn: bool = False
    rendered: bool = False
    captcha: tuple[str, ...] = ()
    wordings: tuple[str, ...] = ()
    tried: Tried | None = None
    call: LoginCall | None = None
    basic: str = ""
    login_paths: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    token_hints: tuple[str, ...] = ()
    openapi: str = ""
    protected: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    logout: str = ""
    logout_method: str = ""
    notes: list[str] = field(default_factory=list)
