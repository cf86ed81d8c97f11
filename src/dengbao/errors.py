"""What can go wrong, and who can mend it; a nonconformity is not an error."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a case has no verdict: stored in records, printed as Chinese by `zh`."""

    NO_PERMISSION = "no_permission"
    NOT_AUTHORISED = "not_authorised"
    OUT_OF_SCOPE = "out_of_scope"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    LOGIN_REFUSED = "login_refused"
    PROTOCOL = "protocol"
    ENGINE_MISSING = "engine_missing"
    NOT_DECLARED = "not_declared"
    NOT_SUPPORTED = "not_supported"
    INCONCLUSIVE = "inconclusive"
    INTERRUPTED = "interrupted"
    DAMAGED = "damaged"
    STALE = "stale"
    BUG = "bug"

    @property
    def zh(self) -> str:
        """Return the Chinese words printed for this reason."""
        return _REASON_ZH[self]


_REASON_ZH: Final[dict[Reason, str]] = {
    Reason.NO_PERMISSION: "权限不足",
    Reason.NOT_AUTHORISED: "未授权",
    Reason.OUT_OF_SCOPE: "超出授权范围",
    Reason.UNREACHABLE: "无法连接",
    Reason.TIMED_OUT: "超时",
    Reason.LOGIN_REFUSED: "登录被拒绝",
    Reason.PROTOCOL: "应答不符合协议",
    Reason.ENGINE_MISSING: "缺少检测程序",
    Reason.NOT_DECLARED: "项目文件未填",
    Reason.NOT_SUPPORTED: "暂不支持该平台",
    Reason.INCONCLUSIVE: "已查看但不足以判定",
    Reason.INTERRUPTED: "检测中断",
    Reason.DAMAGED: "事实文件损坏",
    Reason.STALE: "资料过期",
    Reason.BUG: "程序错误",
}


class DengbaoError(Exception):
    """Base of every error the toolkit raises on purpose.

    `message` is Chinese and says what is wrong; `cure` is Chinese and says the next step;
    `where` names the place (`file:line`, an asset, a template tag). `also` holds further errors that
    were found at the same time, so that people mend a file once and not line by line.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, where: str = "", cure: str = "", also: tuple[DengbaoError, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.cure = cure
        self.also = also

    def __str__(self) -> str:
        """Return place, message and cure as one Chinese text, with those of the errors in `also`."""
        head = f"{self.where}：{self.message}" if self.where else self.message
        text = f"{head}\n  处理：{self.cure}" if self.cure else head
        return "\n".join([text, *map(str, self.also)])


class UsageError(DengbaoError):
    """The command line or the engagement is wrong; the operator mends it."""


class ContentError(DengbaoError):
    """A suite, check or template is wrong; its author mends it."""


class EvidenceError(DengbaoError):
    """Evidence is missing, inadmissible or altered; the person who filed it mends it."""

    exit_code = 4


class ReportError(DengbaoError):
    """The report cannot be written or would be wrong; the template's author mends it."""

    exit_code = 4


class ReportIncomplete(ReportError):
    """A final report was asked for while something is not judged or not filled in."""

    exit_code = 3


class StoreError(DengbaoError):
    """A stored fact, record or event is damaged; it must be fetched again or restored."""

    exit_code = 4


class ProbeError(DengbaoError):
    """A probe could not observe; the facts it should have brought are missing, never negative."""

    reason = Reason.PROTOCOL


class Unreachable(ProbeError):
    """No connection to the asset."""

    reason = Reason.UNREACHABLE


class TimedOut(ProbeError):
    """The asset did not answer in time."""

    reason = Reason.TIMED_OUT


class LoginRefused(ProbeError):
    """The account of the engagement was refused."""

    reason = Reason.LOGIN_REFUSED


class NoPermission(ProbeError):
    """Logged in, but the account may not see what is asked."""

    reason = Reason.NO_PERMISSION


class ProtocolMismatch(ProbeError):
    """The asset answered something that is not the expected protocol."""

    reason = Reason.PROTOCOL


class ProbeIncapable(ProbeError):
    """Our machine cannot ask the question (engine missing, library too strict)."""

    reason = Reason.ENGINE_MISSING


class NotDeclared(ProbeError):
    """The engagement does not say what is needed to look."""

    reason = Reason.NOT_DECLARED


class NotSupported(ProbeError):
    """The platform is not one this probe can read."""

    reason = Reason.NOT_SUPPORTED


class NotAuthorised(ProbeError):
    """The authorised level or window does not allow the probe."""

    reason = Reason.NOT_AUTHORISED


class OutOfScope(ProbeError):
    """The address is outside the authorised scope, or is declared as production."""

    reason = Reason.OUT_OF_SCOPE


class Interrupted(ProbeError):
    """An earlier run was cut off after sending; the answer is unknown and it is not sent again."""

    reason = Reason.INTERRUPTED


class Damaged(ProbeError):
    """A file that was carried in is cut off, altered or not what it should be."""

    reason = Reason.DAMAGED


class Stale(ProbeError):
    """What was carried in is older than the profile allows, or its age cannot be told."""

    reason = Reason.STALE


class Undetermined(DengbaoError):
    """Observed, but the facts do not decide the item; raised by checks."""

    def __init__(self, message: str, *, reason: Reason = Reason.INCONCLUSIVE) -> None:
        super().__init__(message)
        self.reason = reason
