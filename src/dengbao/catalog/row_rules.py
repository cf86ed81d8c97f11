"""What must hold in the description of integrity columns beyond the types of its values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..model import DatabaseAsset, RowIntegrity
from ..reading import Mistake, suggest
from ..yamlfile import Place

_ALGORITHMS: Final = ("hmac-sha256", "hmac-sm3", "sha256", "sm3", "md5")
_ENCODINGS: Final = ("hex", "hex-upper", "base64")
_REFERENCE: Final = re.compile(r"\$\{ENV:[A-Za-z_][A-Za-z0-9_]*\}|keyring:[^/\s]+/\S.*|prompt:")
_MOST: Final = 32


def find_row_faults(place: Place, asset: DatabaseAsset) -> Iterator[Mistake]:
    """Yield what is wrong with an asset's `integrity`; nothing is resolved or contacted."""
    if asset.integrity and (asset.collected or asset.platform == "redis"):
        yield Mistake(
            (*place, "integrity"), "校验列只能在登录读取的关系数据库上重算",
            "删去 integrity，由管理员在场时核对，以人工佐证补充",
        )  # fmt: skip
    if len(asset.integrity) > _MOST:
        yield Mistake((*place, "integrity"), f"登记的表超过 {_MOST} 张", "只登记存放重要数据的表")
    for number, one in enumerate(asset.integrity):
        here: Place = (*place, "integrity", number)
        yield from _words(here, one)
        yield from _columns(here, one)
        yield from _key(here, one)
        if one.account and asset.find_account(one.account) is None:
            known = [each.id for each in asset.accounts]
            yield Mistake(
                (*here, "account"), f"测评对象 {asset.id} 没有账户“{one.account}”",
                suggest(one.account, known) or "在 accounts 中登记",
            )  # fmt: skip


def _words(here: Place, one: RowIntegrity) -> Iterator[Mistake]:
    for key, value, known in (
        ("algorithm", one.algorithm, _ALGORITHMS),
        ("encoding", one.encoding, _ENCODINGS),
    ):
        if value not in known:
            yield Mistake((*here, key), f"“{value[:40]}”不在可选之列", suggest(value, known))
    for key, value in (("table", one.table), ("row", one.row), ("digest", one.digest)):
        if not value.strip():
            yield Mistake((*here, key), f"未填 {key}", "填写表名、主键列、校验列")


def _columns(here: Place, one: RowIntegrity) -> Iterator[Mistake]:
    if not one.over:
        yield Mistake((*here, "over"), "未写校验值由哪些列算出", "写 over: [列, …]，次序与应用一致")
    if one.digest in one.over:
        yield Mistake((*here, "over"), f"校验列“{one.digest}”不能由自身算出", "从 over 中删去")
    if len(set(one.over)) < len(one.over):
        yield Mistake((*here, "over"), "列名重复", "每列只写一次")


def _key(here: Place, one: RowIntegrity) -> Iterator[Mistake]:
    if one.key and not _REFERENCE.fullmatch(one.key):
        yield Mistake(
            (*here, "key"), "密钥必须写成引用，不得写明文", "写成 ${ENV:名称}、keyring:服务/用户 或 prompt:"
        )
    if not one.key and one.algorithm.startswith("hmac-"):
        yield Mistake((*here, "key"), f"{one.algorithm} 须有密钥", "写 key: ${ENV:名称}")
