"""9.b.1: is the file that an export made gone after it was fetched?"""

from __future__ import annotations

from collections.abc import Iterator

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Exchange, Judgement
from dengbao.probes.web.facts_persons import ExportSeen, FileLeft, WebExports

# What the facts cannot show and people must add.
LEFT = "服务器临时目录中导出、打印、上传的中间文件是否清除，须在主机上人工核查"

_FACT = "web.exports"


@check("residual.export_files", half=LEFT)
def web_exports_leave_no_file_behind(exports: WebExports) -> Judgement:
    """Judge that the file of an export is gone once its time is over, and never was open to strangers.

    Source: GB/T 22239-2019 8.1.4.10 b).
    """
    declared = [one for one in exports.exports if one.file_declared]
    if not declared:
        raise Undetermined(
            "经测试验证，导出由应答直接返回或未登记其文件的地址（app.exports[].file_key、file_in），无从查看文件是否清除"
        )
    criteria = tuple(one for export in declared for one in _criteria(export))
    told = "；".join(f"导出“{one.name}”{_told(one)}" for one in declared)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{told}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
        proofs=tuple(one for export in declared for one in _proofs(export)),
    )


def _gone(left: FileLeft) -> bool | None:
    """Tell whether the file is gone; a refusal counts while the session lives, a file once its time is up."""
    if left.still is None:
        return None
    if not left.still:
        return True if left.alive else None
    over = left.kept_s is not None and (left.waited_s or 0.0) >= left.kept_s
    return False if over else None


def _criteria(export: ExportSeen) -> Iterator[Criterion]:
    left = export.left
    seen = left is not None and left.fetched
    yield Criterion(
        name=f"gone:{export.name}", question=f"导出“{export.name}”的文件下载后是否清除",
        met=_gone(left) if left is not None and seen else None, measured=_told(export), fact=_FACT,
    )  # fmt: skip
    yield Criterion(
        name=f"closed:{export.name}", question=f"导出“{export.name}”的文件是否不向未登录者开放",
        met=None if left is None or left.stranger is None else not left.stranger,
        measured=_told(export), fact=_FACT, decisive=True,
    )  # fmt: skip


def _told(export: ExportSeen) -> str:
    left = export.left
    if left is None:
        return "的应答中没有登记的文件地址"
    if not left.fetched:
        taken = f"，而未登录可取得（返回 {left.stranger_status}）" if left.stranger else ""
        return f"的文件 {left.path} 以本账户未能取得{taken}"
    keeps = (
        "登记下载后即清除"
        if left.kept_s == 0
        else f"登记保留 {left.kept_s:g} 秒"
        if left.kept_s
        else "未登记保留时间"
    )
    still = {True: "仍可下载", False: "已不能下载", None: "不能判断是否还在"}[left.still]
    if left.still is False and not left.alive:
        still += "，但会话已失效，不能说明文件已清除"
    other = {True: "未登录可取得", False: "未登录被拒绝", None: "未登录的应答不能判断"}[left.stranger]
    again = f"下载后 {left.waited_s or 0:g} 秒再次请求返回 {left.still_status}"
    return f"的文件 {left.path} {again}，{still}（{keeps}）；{other}（返回 {left.stranger_status}）"


def _proofs(export: ExportSeen) -> Iterator[Exchange]:
    left = export.left
    if left is None:
        return
    role = next((one.role for one in export.tries if one.allowed), "")
    if left.fetched and _gone(left) is False:
        answer = f"返回 {left.still_status}，下载后 {left.waited_s or 0:g} 秒仍可下载"
        yield Exchange(request=f"GET {left.path}", answer=answer, at=left.at, role=role)
    if left.stranger:
        answer = f"返回 {left.stranger_status}，与导出的文件相同"
        yield Exchange(request=f"GET {left.path}（未登录）", answer=answer, at=left.at)
