"""Reads pg_hba.conf as the server does: the first rule that fits decides, later ones do not count."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.database.facts import DatabaseAccess, HostRule

from .databases import ACCESS
from .hosts import ask
from .wording import listing

_CARRIERS: Final = {
    "local": frozenset({"local"}),
    "host": frozenset({"tls", "gss", "plain"}),
    "hostssl": frozenset({"tls"}),
    "hostnossl": frozenset({"gss", "plain"}),
    "hostgssenc": frozenset({"gss"}),
    "hostnogssenc": frozenset({"tls", "plain"}),
}
# Networks of fewer fixed bits than this are taken for "everywhere", so that two halves do not pass.
_LEAST_BITS_V4: Final = 8
_LEAST_BITS_V6: Final = 16
# Where only few may look at the file's date: what was read again moments ago is what the file says.
_FRESH_S: Final = 1800


def carriers(rule: HostRule) -> frozenset[str]:
    """Return over what a rule admits: `local`, `tls`, `gss`, `plain`."""
    return _CARRIERS.get(rule.type, frozenset())


def effective(rules: Iterable[HostRule], *, over: str) -> tuple[HostRule, ...]:
    """Return the rules that can decide a connection over one carrier: no earlier one always precedes them."""
    kept: list[HostRule] = []
    for rule in rules:
        if over in carriers(rule) and not any(_precedes(one, rule) for one in kept):
            kept.append(rule)
    return tuple(kept)


def _precedes(first: HostRule, later: HostRule) -> bool:
    return (
        _names_cover(first.databases, later.databases, special=("replication",))
        and _names_cover(first.users, later.users)
        and _network_covers(first.network, later.network)
    )


def _names_cover(wide: tuple[str, ...], narrow: tuple[str, ...], special: tuple[str, ...] = ()) -> bool:
    if "all" in wide:
        return not set(narrow) & set(special) or set(special) <= set(wide)
    plain = {one for one in wide if not one.startswith(("+", "/", "@"))}
    return bool(narrow) and set(narrow) <= plain


def _network_covers(wide: str, narrow: str) -> bool:
    if wide in (narrow, "all"):
        return True
    try:
        first, second = ipaddress.ip_network(wide, strict=False), ipaddress.ip_network(narrow, strict=False)
    except ValueError:
        return False
    return (
        first.version == second.version
        and int(first.network_address) <= int(second.network_address)
        and (int(second.broadcast_address) <= int(first.broadcast_address))
    )


def is_loopback(rule: HostRule) -> bool:
    """Tell whether a rule admits this machine only."""
    if rule.type == "local" or rule.network == "samehost":
        return True
    try:
        return ipaddress.ip_network(rule.network, strict=False).is_loopback
    except ValueError:
        return False


def is_everywhere(rule: HostRule) -> bool:
    """Tell whether a rule admits any address, in one piece or in halves."""
    if rule.network == "all":
        return True
    try:
        network = ipaddress.ip_network(rule.network, strict=False)
    except ValueError:
        return False
    return network.prefixlen < (_LEAST_BITS_V4 if network.version == 4 else _LEAST_BITS_V6)


def speaks_of(rule: HostRule, name: str, roles: Iterable[str]) -> bool:
    """Tell whether a rule may speak of an account; patterns are taken to."""
    wanted = {"all", name, *(f"+{one}" for one in roles)}
    return bool(wanted & set(rule.users)) or any(one.startswith(("/", "@")) for one in rule.users)


def trusting(access: DatabaseAccess) -> tuple[HostRule, ...]:
    """Return the deciding rules that let in without asking who one is."""
    found: dict[int, HostRule] = {}
    for over in ("local", "tls", "gss", "plain"):
        for rule in effective(access.rules, over=over):
            # ident over the network believes what the other machine says.
            if rule.method == "trust" or (rule.method == "ident" and not is_loopback(rule)):
                found[rule.number] = rule
    return tuple(found[one] for one in sorted(found))


def open_to_plain(access: DatabaseAccess) -> tuple[HostRule, ...]:
    """Return the deciding rules that admit other machines without encryption."""
    return tuple(
        rule
        for rule in effective(access.rules, over="plain")
        if rule.method != "reject" and not is_loopback(rule)
    )


def deciding(access: DatabaseAccess) -> tuple[HostRule, ...]:
    """Return the deciding rules that admit anybody, this machine's own users among them."""
    found = {
        rule.number: rule
        for over in ("local", "tls", "gss", "plain")
        for rule in effective(access.rules, over=over)
        if rule.method != "reject"
    }
    return tuple(found[one] for one in sorted(found))


def admitting(access: DatabaseAccess) -> tuple[HostRule, ...]:
    """Return the deciding rules that admit other machines at all."""
    found = {
        rule.number: rule
        for over in ("tls", "gss", "plain")
        for rule in effective(access.rules, over=over)
        if rule.method != "reject" and not is_loopback(rule)
    }
    return tuple(found[one] for one in sorted(found))


def lines(rules: Iterable[HostRule]) -> str:
    """Return rules as `第 3 行 host all all 0.0.0.0/0 md5` for a statement, 「无」 for none."""
    return (
        listing(
            " ".join(
                part
                for part in (
                    f"第 {one.line} 行", one.type, ",".join(one.databases), ",".join(one.users), one.network,
                    one.method,
                )
                if part
            )
            for one in rules
        )
        or "无"
    )  # fmt: skip


def _just_loaded(access: DatabaseAccess) -> bool:
    """Tell whether the server read its files moments ago; nobody changed them since without our notice."""
    return access.rules_loaded_age_s is not None and access.rules_loaded_age_s <= _FRESH_S


def certain(access: DatabaseAccess) -> tuple[Criterion, ...]:
    """Return an open criterion where the file may not be what the server runs with; else none."""
    if not access.has_rules:
        return ()
    wrong = [one for one in access.rules if one.error]
    if wrong:
        seen = f"pg_hba.conf 第 {listing(one.line for one in wrong)} 行有误，运行中的规则可能与文件不同"
    elif access.rules_pending:
        seen = "pg_hba.conf 修改后尚未重新载入，运行中的规则可能与文件不同"
    elif not access.rules:
        seen = "pg_hba.conf 没有规则"
    elif access.rules_pending is None and not _just_loaded(access):
        seen = "pg_hba.conf 修改后是否已重新载入未能确认（测前由管理员执行 SELECT pg_reload_conf()）"
    else:
        return ()
    return (ask("rules_in_force", "所读规则是否为运行中的规则", None, seen, ACCESS),)
