"""What the readers of carried-in output share: numbers, roles inside roles, grants of dictionary views."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from .collected_sql import Row, SqlFile
from .facts import DatabaseGrants, Grant, Membership, Owner, Setting

DATA = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})


def whole(text: str) -> int | None:
    """Return a whole number, None where the text is none."""
    return int(text) if text.lstrip("-").isdecimal() else None


def yes(text: str) -> bool | None:
    """Return what `YES`, `TRUE`, `1`, `Y` and their opposites say, None for anything else."""
    word = text.strip().upper()
    if word in ("YES", "TRUE", "1", "Y", "ON"):
        return True
    return False if word in ("NO", "FALSE", "0", "N", "OFF") else None


def settings(values: Mapping[str, str], *names: str) -> tuple[Setting, ...]:
    """Return those of the settings that are there."""
    return tuple(Setting(name=one, value=values[one]) for one in names if one in values)


def roles_of(rows: Iterable[Row]) -> Mapping[str, frozenset[str]]:
    """Return for every member all roles it is in, roles of roles included."""
    direct: dict[str, set[str]] = defaultdict(set)
    for one in rows:
        direct[one["member"]].add(one["role"])

    def reached(name: str) -> frozenset[str]:
        seen: set[str] = set()
        todo = list(direct.get(name, ()))
        while todo:
            role = todo.pop()
            if role not in seen:
                seen.add(role)
                todo += direct.get(role, ())
        return frozenset(seen)

    return {name: reached(name) for name in direct}


def rights_of(rows: Iterable[Row]) -> Mapping[str, frozenset[str]]:
    """Return the server-wide rights of every account and role, by name."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in rows:
        found[one["grantee"]].add(one["right"])
    return {name: frozenset(rights) for name, rights in found.items()}


def grants_of(file: SqlFile, database: str) -> DatabaseGrants:
    """Return object and column grants, memberships and owners as Oracle's views, and 达梦's, tell them."""
    owners = file.rows("owners")
    grants = [*_tables(file.rows("object_rights")), *_columns(file.some("column_rights"))]
    grants += [
        Grant(grantee="PUBLIC", level="routine", object=f"SYS.{one['package']}", rights=(one["right"],))
        for one in file.some("public_packages")
    ]
    counts = [(one["owner"], whole(one["tables"]) or 0) for one in owners]
    return DatabaseGrants(
        databases=(database,),
        tables=sum(count for _, count in counts),
        grants=tuple(grants),
        memberships=tuple(
            Membership(role=one["role"], member=one["member"], admin=yes(one["admin"]) is True)
            for one in file.rows("role_members")
        ),
        owners=tuple(Owner(name=name, tables=count) for name, count in counts),
        truncated=file.cut("object_rights", "column_rights", "role_members", "owners"),
    )


def _tables(rows: Iterable[Row]) -> Iterable[Grant]:
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    passing: set[tuple[str, str]] = set()
    for one in rows:
        key = (one["grantee"], f"{one['owner']}.{one['object']}")
        found[key].add(one["right"])
        if yes(one["grantable"]):
            passing.add(key)
    for (grantee, name), rights in found.items():
        yield Grant(
            grantee=grantee, level="table", object=name, rights=tuple(sorted(rights)),
            grantable=(grantee, name) in passing,
        )  # fmt: skip


def _columns(rows: Iterable[Row]) -> Iterable[Grant]:
    for one in rows:
        yield Grant(
            grantee=one["grantee"], level="column", rights=(one["right"],),
            object=f"{one['owner']}.{one['object']}.{one['column']}",
        )  # fmt: skip
