"""Tells by which methods an account of MariaDB or MySQL may log in, from what the grant tables keep of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from .facts import LoginMethod, PasswordState
from .session import Row, text

_TAKES_NO_PASSWORD: Final = frozenset(
    {"unix_socket", "auth_socket", "auth_gssapi", "gssapi", "named_pipe", "authentication_windows"}
)
_SCHEMES: Final[Mapping[str, str]] = {
    "": "mysql_native", "mysql_native_password": "mysql_native", "mysql_old_password": "mysql_old",
    "ed25519": "ed25519", "client_ed25519": "ed25519", "parsec": "parsec",
    "caching_sha2_password": "caching_sha2", "sha256_password": "sha256_crypt",
}  # fmt: skip


def methods_of(row: Row, detail: Row) -> Iterable[LoginMethod]:
    """Yield every way the account may log in; MariaDB joins them with OR."""
    told = detail.get("auth_or")
    alternatives: list[object] = told if isinstance(told, list) else [{}]
    described = {"plugin", "authentication_string"} & set(detail)
    for one in alternatives:
        if not isinstance(one, dict):
            continue
        # An empty place in the list stands for the method described beside it.
        chosen = one or (detail if described else {})
        if chosen:
            yield _method(str(chosen.get("plugin", "")), _stored_json(chosen))
        else:
            yield _method(text(row, "plugin"), _stored_row(row))


def _stored_json(value: Mapping[str, object]) -> str:
    found = str(value.get("authentication_string", ""))
    return found or "empty"


def _stored_row(row: Row) -> str:
    found = [text(row, one) for one in row if one.startswith("kept_")]
    return next((one for one in found if one != "empty"), "empty")


def _method(plugin: str, stored: str) -> LoginMethod:
    if plugin in _TAKES_NO_PASSWORD or plugin == "mysql_no_login":
        return LoginMethod(plugin=plugin, state=PasswordState.NONE)
    if plugin not in _SCHEMES:
        return LoginMethod(plugin=plugin, state=PasswordState.UNKNOWN)
    if stored == "empty":
        return LoginMethod(plugin=plugin, state=PasswordState.EMPTY)
    if stored == "invalid" or (plugin in ("", "mysql_native_password") and not _is_native(stored)):
        return LoginMethod(plugin=plugin, state=PasswordState.NONE)
    return LoginMethod(plugin=plugin, state=PasswordState.SET, scheme=_SCHEMES[plugin])


def _is_native(stored: str) -> bool:
    """Tell whether a native hash is one that a password can match; any other text locks the account."""
    return stored in ("*41", "*…", "length 16", "…")


def can_use(method: LoginMethod) -> bool:
    """Tell whether anybody can log in by this method."""
    return method.state is not PasswordState.NONE or method.plugin in _TAKES_NO_PASSWORD


def takes_password(methods: tuple[LoginMethod, ...]) -> bool:
    """Tell whether a password can be tried on the account by any of its ways in."""
    return any(one.state is not PasswordState.NONE for one in methods)
