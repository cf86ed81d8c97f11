"""4.d.2: does an interface refuse what its own description forbids, and break at nothing?"""

from __future__ import annotations

from collections.abc import Iterator

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Exchange, Judgement
from dengbao.probes.web.facts_openapi import OperationSeen, WebApi

from ..wording import listing

_REMAINDER = "只按接口描述测试了查询（GET）接口，会改变数据的接口须以登记的录入表单或人工测试"
_FACT = "web.api"


@check("intrusion.api_schema", half=_REMAINDER)
def interfaces_keep_to_their_description(api: WebApi) -> Judgement:
    """Judge by requests that the description allows and forbids, made up by schemathesis.

    An operation that took no right request tells nothing by refusing wrong ones.

    Source: GB/T 22239-2019 8.1.4.4 d); GB/T 28448-2019 L3-CES1-20.
    """
    tried = [one for one in api.operations if one.sent]
    if not tried:
        raise Undetermined(f"{api.document} 描述的接口均未发送请求")
    return Judgement(
        criteria=tuple(each for one in tried for each in _criteria(one, ended=_ended(api))),
        statement=f"经测试验证，{_told(api, tried)}。",
        coverage=Coverage.PARTIAL,
        remainder=_REMAINDER,
        proofs=tuple(_proofs(api, tried)),
    )


def _ended(api: WebApi) -> bool:
    """Tell whether the session may have ended before the end; nobody's session cannot."""
    return api.alive is False or (api.alive is None and bool(api.role))


def _criteria(one: OperationSeen, *, ended: bool) -> Iterator[Criterion]:
    """Yield what is asked of one operation; after a session's end no answer proves anything of it."""
    sound = one.accepted > 0 and not one.denied and not ended
    yield Criterion(
        name=f"no_server_error {one.name}", question=f"接口 {one.name} 是否不因输入而出错",
        met=False if one.server_errors else (True if sound else None), measured=_measured(one), fact=_FACT,
    )  # fmt: skip
    if not (one.refused or one.wrong_accepted or one.denied):
        return  # it takes nothing that could be wrong
    met = None if ended or not sound else not one.wrong_accepted
    yield Criterion(
        name=f"refuses_wrong {one.name}", question=f"接口 {one.name} 是否拒绝描述所不允许的输入",
        met=met, measured=_measured(one), fact=_FACT,
    )  # fmt: skip


def _measured(one: OperationSeen) -> str:
    parts = [f"请求 {one.sent} 次", f"合规的接受 {one.accepted} 次", f"不合规的拒绝 {one.refused} 次"]
    if one.wrong_accepted:
        parts.append(f"不合规的接受 {one.wrong_accepted} 次")
    if one.server_errors:
        parts.append(f"服务端错误 {one.server_errors} 次")
    if one.denied:
        parts.append(f"因权限或频率被拒 {one.denied} 次")
    return "，".join(parts)


def _told(api: WebApi, tried: list[OperationSeen]) -> str:
    who, total = api.role or "未登录", sum(one.sent for one in tried)
    asked = f"查询 {len(tried)} 个 GET 接口，共 {total} 次"
    parts = [f"以{who}身份，由 schemathesis {api.engine} 按 {api.document} {asked}"]
    for title, found in (
        ("出现服务端错误", [one.name for one in tried if one.server_errors]),
        ("接受了描述不允许的输入", [one.name for one in tried if one.wrong_accepted]),
        ("合规的请求也未被接受", [one.name for one in tried if not one.accepted]),
    ):
        if found:
            parts.append(f"{title}的 {len(found)} 个：{listing(found)}")
    if len(parts) == 1:
        parts.append("不合规的输入均被拒绝，未见服务端错误")
    if api.alive is False:
        parts.append("结束时会话已失效，其间的应答不足为凭")
    elif _ended(api):
        parts.append("未登记可以验证会话仍有效的受保护页面，其间的应答不足为凭")
    if api.left_out:
        parts.append(f"未测试的操作 {len(api.left_out)} 个")
    return "；".join(parts)


def _proofs(api: WebApi, tried: list[OperationSeen]) -> Iterator[Exchange]:
    for one in tried:
        if one.example and (one.server_errors or not _ended(api)):
            told = "服务端错误" if one.server_errors else "不合规的输入被接受"
            yield Exchange(
                request=one.example, answer=f"{one.status}，{told}", at=one.at, role=api.role
            )  # fmt: skip
