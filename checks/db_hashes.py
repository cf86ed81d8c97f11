"""Criteria on how an application stores its users' passwords, by the shape of sampled values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.database.facts import ColumnSample, DatabaseSensitive

from .hosts import ask
from .wording import listing

_FACT: Final = "database.sensitive"
_WORDS: Final = {
    "bcrypt": "bcrypt", "argon2": "Argon2", "scrypt": "scrypt", "pbkdf2": "PBKDF2", "yescrypt": "yescrypt",
    "sha_crypt": "SHA-crypt", "sm3_salted": "加盐 SM3", "scram": "SCRAM", "ssha2": "加盐 SHA-2",
    "ssha": "加盐 SHA-1", "md5_crypt": "MD5-crypt", "md5": "MD5（128 位）", "sha1": "SHA-1（160 位）",
    "sm3": "SM3", "hex_64": "256 位散列（SHA-256 或 SM3）", "hex_long": "384、512 位散列",
    "base64": "Base64 编码的散列或密文", "hex_short": "64 位十六进制", "reversible": "可还原的加密",
    "clear": "明文", "empty": "空值", "other": "无法识别",
}  # fmt: skip
_SALTED: Final = frozenset(
    {"bcrypt", "argon2", "scrypt", "pbkdf2", "yescrypt", "sha_crypt", "sm3_salted", "scram", "ssha2", "ssha",
     "md5_crypt"}
)  # fmt: skip
_BROKEN: Final = frozenset({"md5", "sha1", "md5_crypt", "ssha", "hex_short"})
# What these are made by, and with what, their shape alone does not tell.
_UNCLEAR: Final = frozenset({"base64", "other", "reversible"})


def declared(sensitive: DatabaseSensitive | None) -> tuple[ColumnSample, ...]:
    """Return the samples of the columns declared to hold passwords."""
    return tuple(one for one in (sensitive.columns if sensitive else ()) if one.holds == "password")


def hashed(columns: Iterable[ColumnSample]) -> tuple[Criterion, ...]:
    """Return, for each column, whether its values are salted hashes of a kind that still stands."""
    return tuple(criterion for one in columns for criterion in _column(one))


def _column(column: ColumnSample) -> tuple[Criterion, ...]:
    question = f"{column.label}（应用口令）是否未以明文存储"
    counts = {one.kind: one.count for one in column.hashes if one.kind != "empty"}
    if column.state != "read" or not counts:
        seen = f"{column.label}（应用口令）{'没有可判断的值' if column.state == 'read' else '未能读取'}"
        return (ask(f"{column.label} not_clear", question, None, seen, _FACT, decisive=True),)
    told = "、".join(f"{_WORDS.get(one.kind, one.kind)} {one.count}" for one in column.hashes)
    clear = "clear" in counts
    met = False if clear else None if set(counts) <= {"other"} else True
    seen = f"{column.label}（应用口令）抽样 {column.rows} 行：{told}"
    first = ask(f"{column.label} not_clear", question, met, seen, _FACT, decisive=True)
    return (first, *_salt(column, set(counts)), _sound(column, set(counts)))


def _salt(column: ColumnSample, kinds: set[str]) -> tuple[Criterion, ...]:
    """Return whether each value has its own salt; that is not asked where none would save the algorithm."""
    name, question = f"{column.label} salted", f"{column.label} 的口令散列是否加盐"
    if column.repeated and kinds - _SALTED - _UNCLEAR - {"clear"}:
        seen = f"其中 {column.repeated} 行的值与他行相同，即未逐个加盐"
        return (ask(name, question, False, seen, _FACT),)
    if kinds & (_BROKEN | {"clear"}):
        return ()
    met = None if kinds - _SALTED else True
    return (ask(name, question, met, "均带盐值" if met else "是否加盐不能由值得知", _FACT),)


def _sound(column: ColumnSample, kinds: set[str]) -> Criterion:
    question = f"{column.label} 的口令散列算法是否未被淘汰"
    broken = sorted(kinds & _BROKEN)
    met = False if broken or "clear" in kinds else None if kinds & _UNCLEAR else True
    seen = f"已淘汰的算法：{listing(_WORDS[one] for one in broken)}" if broken else ""
    if met is None:
        seen = f"算法不能由值得知：{listing(_WORDS[one] for one in sorted(kinds & _UNCLEAR))}"
    return ask(f"{column.label} sound", question, met, seen, _FACT)
