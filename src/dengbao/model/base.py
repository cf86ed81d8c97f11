"""The base of all values, and the enumerations every room speaks."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, dataclass_transform

import msgspec


class _KeywordOnly(msgspec.StructMeta):
    """msgspec hands `frozen` down to subclasses but not `kw_only`; values are always built by name."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, object], **config: object
    ) -> _KeywordOnly:
        config.setdefault("kw_only", True)
        # The options are msgspec's own; only their common supertype can be named here.
        return super().__new__(cls, name, bases, namespace, **config)  # type: ignore[arg-type]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, metaclass=_KeywordOnly, frozen=True, forbid_unknown_fields=True):
    """A plain frozen value; unknown keys are errors when it is read."""


class Verdict(StrEnum):
    """符合情况 of a case, item or clause."""

    CONFORM = "conform"
    PARTIAL = "partial"
    NONCONFORM = "nonconform"
    NOT_APPLICABLE = "not_applicable"

    @property
    def zh(self) -> str:
        """Return the official Chinese word."""
        return _VERDICT_ZH[self]


class Status(StrEnum):
    """Whether there is a verdict; anything but `JUDGED` has none."""

    JUDGED = "judged"
    UNDETERMINED = "undetermined"
    AWAITING_EVIDENCE = "awaiting_evidence"
    NOT_RUN = "not_run"

    @property
    def zh(self) -> str:
        """Return the Chinese word printed in the report."""
        return _STATUS_ZH[self]


class Polarity(StrEnum):
    """Whether 「是」 answers the item's question well; `MIXED` items hold two questions."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    MIXED = "mixed"


class Method(StrEnum):
    """测评方法 of GB/T 28448: 访谈, 核查, 测试."""

    INTERVIEW = "interview"
    EXAMINE = "examine"
    TEST = "test"

    @property
    def zh(self) -> str:
        """Return the official Chinese word."""
        return {"interview": "访谈", "examine": "核查", "test": "测试"}[self.value]


class Kind(StrEnum):
    """Kind of 测评对象; `SYSTEM` is the 信息系统 as a whole with its documents."""

    WEB = "web"
    TLS = "tls"
    HOST = "host"
    DATABASE = "database"
    BACKUP = "backup"
    SYSTEM = "system"

    @property
    def zh(self) -> str:
        """Return the Chinese word printed in the report."""
        return _KIND_ZH[self]


class Level(StrEnum):
    """Authorised level, lowest first: what a probe may do to an asset."""

    OBSERVE = "observe"
    LOGIN = "login"
    INTRUDE = "intrude"
    DISRUPT = "disrupt"

    @property
    def rank(self) -> int:
        """Return 0 for the lowest level."""
        return list(Level).index(self)

    @property
    def zh(self) -> str:
        """Return the Chinese word printed by `doctor` and in the report."""
        return {
            "observe": "观察",
            "login": "登录",
            "intrude": "侵入性测试",
            "disrupt": "破坏性测试",
        }[self.value]


class Coverage(StrEnum):
    """Whether a check answers the whole item or a person must supply the rest."""

    FULL = "full"
    PARTIAL = "partial"


class Importance(StrEnum):
    """重要程度 of a 测评对象."""

    KEY = "key"
    IMPORTANT = "important"
    GENERAL = "general"

    @property
    def zh(self) -> str:
        """Return the official Chinese word."""
        return {"key": "关键", "important": "重要", "general": "一般"}[self.value]


_VERDICT_ZH: Final[dict[Verdict, str]] = {
    Verdict.CONFORM: "符合",
    Verdict.PARTIAL: "部分符合",
    Verdict.NONCONFORM: "不符合",
    Verdict.NOT_APPLICABLE: "不适用",
}
_STATUS_ZH: Final[dict[Status, str]] = {
    Status.JUDGED: "已判定",
    Status.UNDETERMINED: "无法判定",
    Status.AWAITING_EVIDENCE: "待补证",
    Status.NOT_RUN: "未测",
}
_KIND_ZH: Final[dict[Kind, str]] = {
    Kind.WEB: "业务应用系统",
    Kind.TLS: "通信端点",
    Kind.HOST: "服务器",
    Kind.DATABASE: "数据库管理系统",
    Kind.BACKUP: "备份",
    Kind.SYSTEM: "信息系统及其文档",
}
