"""Reads a login form off a page: which field is which."""

from __future__ import annotations

from typing import Final

from ..probes.web.reading import Document, Field, Form
from .findings import LoginForm
from .words import is_csrf, is_user_name

_TYPED: Final = ("text", "email", "tel", "number", "")
_FILLED_IN: Final = {"hidden", "password", "submit", "button", "image", "reset", "file"}
_MOST: Final = 20


def login_form(document: Document, again: Document | None = None) -> LoginForm | None:
    """Return the login form of a page; `again` is the same page as another stranger was shown it.

    A form with several password fields is one for registering or for changing a password.
    """
    form = next((one for one in document.forms if _is_login(one)), None)
    if form is None:
        return None
    username = _username(form)
    password = next(one for one in form.fields if one.type == "password")
    named = bool(username and username.name and password.name)
    return LoginForm(
        action=form.action or "",
        method=form.method or "get",
        username=username.name if username else "",
        password=password.name,
        hidden=tuple(form.hidden)[:_MOST],
        csrf=_csrf(form, again),
        submit=_submit(form),
        others=_others(form, username),
        named=named and form.action is not None,
    )


def _is_login(form: Form) -> bool:
    return sum(one.type == "password" for one in form.fields) == 1


def _username(form: Form) -> Field | None:
    """Return the field for the name: one called so, else the last one typed in before the password."""
    before: list[Field] = []
    for one in form.fields:
        if one.type == "password":
            break
        if one.type in _TYPED:
            before.append(one)
    return next((one for one in reversed(before) if is_user_name(one.name)), before[-1] if before else None)


def _csrf(form: Form, again: Document | None) -> str:
    called = [name for name in form.hidden if is_csrf(name)]
    if called:
        return called[0]
    other = next((one for one in again.forms if _is_login(one)), None) if again else None
    later = other.hidden if other else {}
    changed = [
        name for name, value in form.hidden.items() if len(value) >= 8 and later.get(name, value) != value
    ]
    return changed[0] if changed else ""


def _submit(form: Form) -> tuple[str, str] | None:
    buttons = [one for one in form.fields if one.type == "submit" and one.name]
    return (buttons[0].name, buttons[0].value) if len(buttons) == 1 else None


def _others(form: Form, username: Field | None) -> tuple[str, ...]:
    found = [
        one.name for one in form.fields if one.name and one.type not in _FILLED_IN and one is not username
    ]
    return tuple(dict.fromkeys(found))[:_MOST]
