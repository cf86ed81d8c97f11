"""Reads from where PostgreSQL lets whom in, and who may do what with which table."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final

from ...errors import NoPermission, ProbeError
from ...model import DatabaseAsset
from .facts import (
    DatabaseAccess,
    DatabaseGrants,
    Grant,
    HostRule,
    Membership,
    Owner,
    TableReaders,
)
from .pg_policy import settings
from .session import MAX_ROWS, Session, flag, number, parts, text, words

_NOT_OURS: Final = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
# The view gives the rules in the order the server tries them; with included files lines do not.
_RULES: Final = """
SELECT line_number, type, database AS databases, user_name AS users, address, netmask, auth_method,
  options, error
FROM pg_hba_file_rules LIMIT 5000
"""
_PENDING: Final = (
    "SELECT (pg_stat_file(current_setting('hba_file'))).modification > pg_conf_load_time() AS pending"
)
_LOADED: Final = "SELECT floor(extract(epoch FROM now() - pg_conf_load_time()))::bigint AS age_s"
_GRANTS: Final = """
SELECT * FROM (
  SELECT coalesce(g.rolname, 'PUBLIC') AS grantee, 'database' AS level, d.datname::text AS object,
    a.privilege_type, a.is_grantable
  FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
    LEFT JOIN pg_roles g ON g.oid = a.grantee
  WHERE d.datname = current_database() AND a.grantee <> d.datdba
  UNION ALL
  SELECT coalesce(g.rolname, 'PUBLIC'), 'schema', n.nspname::text, a.privilege_type, a.is_grantable
  FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
    LEFT JOIN pg_roles g ON g.oid = a.grantee
  WHERE NOT_OURS AND a.grantee <> n.nspowner
  UNION ALL
  SELECT coalesce(g.rolname, 'PUBLIC'), 'table', n.nspname || '.' || c.relname, a.privilege_type,
    a.is_grantable
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
    LEFT JOIN pg_roles g ON g.oid = a.grantee
  WHERE NOT_OURS AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.grantee <> c.relowner
  UNION ALL
  SELECT coalesce(g.rolname, 'PUBLIC'), 'column', n.nspname || '.' || c.relname || '.' || t.attname,
    a.privilege_type, a.is_grantable
  FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
    aclexplode(t.attacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
  WHERE NOT_OURS AND NOT t.attisdropped AND a.grantee <> c.relowner
  UNION ALL
  SELECT coalesce(g.rolname, 'PUBLIC'), 'routine', n.nspname || '.' || p.proname, a.privilege_type,
    a.is_grantable
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles o ON o.oid = p.proowner,
    aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a LEFT JOIN pg_roles g ON g.oid = a.grantee
  WHERE NOT_OURS AND p.prosecdef AND o.rolsuper AND a.grantee <> p.proowner
  UNION ALL
  -- What tables to come will be granted at once, to others than those who make them.
  SELECT coalesce(g.rolname, 'PUBLIC'), 'default', coalesce(n.nspname::text, '*'), a.privilege_type,
    a.is_grantable
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a
    LEFT JOIN pg_roles g ON g.oid = a.grantee
  WHERE d.defaclobjtype = 'r' AND a.grantee <> d.defaclrole
) x ORDER BY 1, 2, 3, 4 LIMIT 5001
""".replace("NOT_OURS", _NOT_OURS)
_MEMBERS: Final = """
SELECT r.rolname AS role, m.rolname AS member, a.admin_option
FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
WHERE m.rolname !~ '^pg_' ORDER BY 1, 2 LIMIT 5000
"""
_OWNERS: Final = """
SELECT o.rolname AS owner, count(*) AS tables
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
WHERE NOT_OURS AND c.relkind IN ('r', 'p') GROUP BY 1 ORDER BY 1 LIMIT 5000
""".replace("NOT_OURS", _NOT_OURS)
_ROW_SECURITY: Final = """
SELECT n.nspname || '.' || c.relname AS object
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT_OURS AND c.relrowsecurity ORDER BY 1 LIMIT 5000
""".replace("NOT_OURS", _NOT_OURS)
_TLS_ORDER: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_HBA_CURE: Final = (
    "由管理员执行 GRANT SELECT ON pg_hba_file_rules TO 测评账户；"
    "GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO 测评账户；GRANT pg_read_all_settings TO 测评账户"
)


def access(session: Session, asset: DatabaseAsset) -> DatabaseAccess:
    """Return listening addresses, TLS and the rules of pg_hba.conf.

    Raises:
        NoPermission: the account may not see the rules.

    """
    del asset
    known = settings(session)
    try:
        rows = session.ask(_RULES)
    except NoPermission as error:
        raise NoPermission("账户无权读取 pg_hba.conf 规则（pg_hba_file_rules）", cure=_HBA_CURE) from error
    listens = words(known.get("listen_addresses", ""))
    enabled = {"on": True, "off": False}.get(known.get("ssl", ""))
    return DatabaseAccess(
        listens=listens,
        remote=is_remote(listens) if "listen_addresses" in known else None,
        tls_enabled=enabled,
        tls_versions=_tls_versions(known) if enabled else (),
        tls_required=None,
        has_rules=True,
        rules=tuple(_rule(place, one) for place, one in enumerate(rows, start=1)),
        rules_pending=_pending(session),
        rules_loaded_age_s=number(session.one(_LOADED), "age_s"),
    )


def is_remote(listens: tuple[str, ...]) -> bool | None:
    """Tell whether any address listened on is reachable from elsewhere; None where a name hides that."""
    found = [_is_reachable(one) for one in listens]
    if True in found:
        return True
    return None if None in found else False


def _is_reachable(address: str) -> bool | None:
    if address in ("localhost", ""):
        return False
    if address == "*":
        return True
    try:
        return not ipaddress.ip_address(address).is_loopback
    except ValueError:
        return None


def _tls_versions(known: Mapping[str, str]) -> tuple[str, ...] | None:
    low = known.get("ssl_min_protocol_version")
    if low is None:
        return None
    high = known.get("ssl_max_protocol_version") or _TLS_ORDER[-1]
    if low not in (*_TLS_ORDER, "") or high not in _TLS_ORDER:
        return None
    begin = _TLS_ORDER.index(low) if low else 0
    return _TLS_ORDER[begin : _TLS_ORDER.index(high) + 1]


def _pending(session: Session) -> bool | None:
    try:
        return flag(session.one(_PENDING), "pending")
    except ProbeError:
        return None  # only few may look at files; the rules themselves are known all the same


def _rule(place: int, row: Mapping[str, object]) -> HostRule:
    return HostRule(
        number=place,
        line=number(row, "line_number") or 0,
        type=text(row, "type"),
        databases=parts(row, "databases"),
        users=parts(row, "users"),
        network=_network(text(row, "address"), text(row, "netmask")),
        method=text(row, "auth_method"),
        options=parts(row, "options"),
        error=text(row, "error"),
    )


def _network(address: str, netmask: str) -> str:
    if not netmask:
        return address
    try:
        bits = int(ipaddress.ip_address(netmask)).bit_count()
        return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))
    except ValueError:
        return f"{address}/{netmask}"


def grants(session: Session, asset: DatabaseAsset) -> DatabaseGrants:
    """Return grants in the connected database, as everyone may see them."""
    rows = session.ask(_GRANTS, limit=MAX_ROWS + 1)
    owners = tuple(
        Owner(name=text(one, "owner"), tables=number(one, "tables") or 0) for one in session.ask(_OWNERS)
    )
    members = session.ask(_MEMBERS)
    guarded = tuple(text(one, "object") for one in session.ask(_ROW_SECURITY))
    return DatabaseGrants(
        databases=(asset.database or "postgres",),
        tables=sum(one.tables for one in owners),
        grants=_merged(rows[:MAX_ROWS]),
        memberships=tuple(
            Membership(
                role=text(one, "role"), member=text(one, "member"), admin=bool(flag(one, "admin_option"))
            )
            for one in members
        ),
        owners=owners,
        row_security=guarded,
        readers=_readers(session, asset, guarded),
        truncated=len(rows) > MAX_ROWS,
    )


def _merged(rows: list[dict[str, object]]) -> tuple[Grant, ...]:
    """Return one grant for each grantee and object, with all its rights."""
    rights: dict[tuple[str, str, str], list[str]] = {}
    grantable: set[tuple[str, str, str]] = set()
    for row in rows:
        key = (text(row, "grantee"), text(row, "level"), text(row, "object"))
        rights.setdefault(key, []).append(text(row, "privilege_type"))
        if flag(row, "is_grantable"):
            grantable.add(key)
    return tuple(
        Grant(grantee=key[0], level=key[1], object=key[2], rights=tuple(found), grantable=key in grantable)
        for key, found in rights.items()
    )


def _readers(session: Session, asset: DatabaseAsset, guarded: tuple[str, ...]) -> tuple[TableReaders, ...]:
    found: list[TableReaders] = []
    for one in asset.sensitive:
        schema = one.schema or "public"
        names = [_literal(part) for part in (schema, one.table, one.column)]
        session.transcript.note(f"{schema}.{one.table}.{one.column} 的可读账户：")
        rows = session.ask(_READERS.format(*names))
        if not rows:
            continue  # no such column; the sample of the column says so
        found.append(
            TableReaders(
                schema=schema,
                table=one.table,
                column=one.column,
                accounts=tuple(name for row in rows if (name := text(row, "account"))),
                public=flag(rows[0], "public"),
                row_security=f"{schema}.{one.table}" in guarded,
            )
        )
    return tuple(found)


# A grant on the table or on the column, to the account or to a role it is in: the server adds that up.
_READERS: Final = (
    "SELECT r.rolname AS account, EXISTS (SELECT 1 FROM aclexplode(c.relacl) a WHERE a.grantee = 0"
    " AND a.privilege_type = 'SELECT') OR EXISTS (SELECT 1 FROM aclexplode(t.attacl) a WHERE a.grantee = 0"
    " AND a.privilege_type = 'SELECT') AS public"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute t ON t.attrelid = c.oid"
    " LEFT JOIN pg_roles r ON r.rolcanlogin AND has_schema_privilege(r.oid, n.oid, 'USAGE')"
    " AND has_column_privilege(r.oid, c.oid, t.attnum, 'SELECT')"
    " WHERE n.nspname = {} AND c.relname = {} AND t.attname = {} AND t.attnum > 0 AND NOT t.attisdropped"
    " ORDER BY 1 LIMIT 5000"
)


def _literal(value: str) -> str:
    """Return a text literal that no setting of the server reads otherwise; declared names are not trusted."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "")
    return f"E'{escaped}'"
