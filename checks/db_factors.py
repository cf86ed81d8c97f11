"""Which proofs each way into a database asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dengbao.errors import Reason, Undetermined
from dengbao.model import Criterion
from dengbao.probes.database.facts import (
    DatabaseAccess,
    DatabaseAccount,
    DatabaseAccounts,
    DatabasePasswords,
    HostRule,
    LoginMethod,
    PasswordState,
    StoredPassword,
)

from . import databases, hba
from .databases import logins, stored
from .hosts import ask
from .wording import listing

CRYPTOGRAPHIC: Final = frozenset({"certificate", "ticket", "key"})
_WORDS: Final = {
    "password": "口令", "certificate": "客户端证书", "ticket": "Kerberos 票据", "key": "硬件密钥",
}  # fmt: skip
_NOTHING: Final = frozenset({"trust", "ident"})
_PASSWORD: Final = frozenset({"password", "md5", "scram-sha-256", "sm3", "scram-sm3"})
_TICKET: Final = frozenset({"gss", "sspi", "gssapi", "auth_gssapi", "authentication_kerberos"})
_KEY: Final = frozenset({"authentication_webauthn", "authentication_fido"})
# Plugins that ask the operating system or another service: what those ask for is not known here.
_ELSEWHERE: Final = frozenset(
    {"unix_socket", "auth_socket", "named_pipe", "authentication_windows", "pam", "pam_v1",
     "authentication_pam", "authentication_ldap_simple", "authentication_ldap_sasl", "external",
     "global", "windows"}
)  # fmt: skip


@dataclass(frozen=True)
class Way:
    """One way in and the factors it takes; None where they are not known."""

    name: str
    factors: frozenset[str] | None

    @property
    def words(self) -> str:
        """Return the way and its factors for a statement."""
        if self.factors is None:
            return f"{self.name}（鉴别要素由外部决定或未能得知）"
        return f"{self.name}（{'＋'.join(_WORDS[one] for one in sorted(self.factors)) or '无'}）"


def ways(
    access: DatabaseAccess, accounts: DatabaseAccounts | None, passwords: DatabasePasswords | None
) -> tuple[Way, ...]:
    """Return every way in: by rule where the product has rules, else by account.

    Raises:
        Undetermined: the accounts or their methods could not be read.

    """
    if access.has_rules:
        return tuple(Way(hba.lines([one]), _of_rule(one)) for one in hba.deciding(access))
    if accounts is None or passwords is None:
        raise Undetermined("账户及其鉴别方式未能读取", reason=Reason.NO_PERMISSION)
    kept = stored(passwords)
    seen: list[Way] = []
    for one in logins(accounts):
        found = kept.get((one.name, one.host))
        seen += [Way(one.label, None)] if found is None else _of_account(one, found)
    if accounts.truncated:
        seen.append(Way("未能读取的其余账户", None))
    return tuple(seen)


def _of_rule(rule: HostRule) -> frozenset[str] | None:
    if rule.method in _NOTHING:
        return frozenset()
    found = {
        **dict.fromkeys(_PASSWORD, "password"), **dict.fromkeys(_TICKET, "ticket"), "cert": "certificate",
    }.get(rule.method)  # fmt: skip
    if found is None:
        return None
    asked = {one.partition("=")[2] for one in rule.options if one.startswith("clientcert=")}
    if "verify-full" in asked:
        return frozenset({found, "certificate"})
    # Any certificate of the CA will do: that it is the user's own is not asked.
    return None if asked - {"no-verify", "0"} else frozenset({found})


def _of_account(account: DatabaseAccount, password: StoredPassword) -> Iterable[Way]:
    more = [_of_plugin(one) for one in password.more_factors]
    if account.client_certificate:
        more.append(frozenset({"certificate"}))
    for method in password.methods:
        if not _usable(method):
            continue
        first = _of_plugin(method.plugin)
        parts = [first, *more]
        known = [one for one in parts if one is not None]
        factors = None if len(known) < len(parts) else frozenset().union(*known)
        yield Way(f"{account.label} {method.plugin or '口令'}", factors)


def _usable(method: LoginMethod) -> bool:
    return method.state is not PasswordState.NONE or method.plugin in _ELSEWHERE | _TICKET | _KEY


def _of_plugin(plugin: str) -> frozenset[str] | None:
    if plugin in _ELSEWHERE:
        return None
    if plugin in _TICKET:
        return frozenset({"ticket"})
    return frozenset({"key"}) if plugin in _KEY else frozenset({"password"})


def told(found: Iterable[Way]) -> str:
    """Return the ways and their factors for a statement."""
    return listing((one.words for one in found), 5) or "无"


def every(
    found: tuple[Way, ...], bad: list[Way], question: str, seen: str, access: DatabaseAccess
) -> tuple[Criterion, ...]:
    """Return whether no way in is among the bad ones, and no way's factors are unknown.

    Raises:
        Undetermined: no way in was seen at all.

    """
    if not found:
        raise Undetermined("经核查，未见可用的登录方式，其他登录途径须人工核查")
    met = False if bad else None if any(one.factors is None for one in found) else True
    return (
        ask("every_way", question, met, seen, databases.ACCESS, decisive=True),
        *hba.certain(access),
    )
