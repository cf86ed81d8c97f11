"""4.c.1: are administrators restricted by address, judged by trying from an address that is not theirs?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Criterion, Judgement
from dengbao.probes.services.facts import Reached, ServicesReach

from ..hosts import ask
from ..wording import listing

_FACT = "services.reach"


@check("intrusion.admin_sources_tried")
def other_sources_are_refused(reach: ServicesReach) -> Judgement:
    """Judge each management port by what a management address and another address got there.

    Source: GB/T 22239-2019 8.1.4.4 c).
    """
    usable = [one for one in reach.attempts if one.outcome != "failed"]
    others = [one for one in usable if not one.managing]
    if not others:
        raise Undetermined(
            "没有可用的非管理地址来源，未能从第二个来源试连",
        )
    judged = [_port(port, [one for one in usable if one.port == port]) for port in reach.ports]
    if all(one.met is True for one in judged) and not any(_works(one) for one in usable if one.managing):
        text = f"从管理地址也未能连上 TCP {listing(reach.ports)}，不足以证明限制了来源"
        raise Undetermined(f"经测试验证，{text}")
    seen = "；".join(one.measured for one in judged)
    sources = listing(dict.fromkeys(one.source for one in others))
    return Judgement(
        criteria=tuple(judged),
        statement=f"经测试验证，从非管理地址 {sources} 试连 {reach.address} 的管理端口：{seen}。",
    )


def _works(one: Reached) -> bool:
    return one.outcome == "open" and one.spoke is not False and one.let_in is not False


def _port(port: int, attempts: list[Reached]) -> Criterion:
    """Return whether others are kept off a port that works from a management address."""
    question = f"TCP {port} 是否仅管理地址可用"
    managed = [one for one in attempts if one.managing]
    others = [one for one in attempts if not one.managing]
    used = [one for one in others if one.let_in]
    open_ = [one for one in others if _works(one) and one not in used]
    works = any(_works(one) for one in managed)
    if used:
        text = f"TCP {port} 从 {_sources(used)} 登录成功"
        return ask(f"port_{port}", question, False, text, _FACT, decisive=True)
    if open_:
        # sshd looks at the source again when somebody logs in; most others look only when one connects.
        late = all(one.protocol == "ssh" for one in open_)
        text = f"TCP {port} 从 {_sources(open_)} 可以连通" + ("，登录是否受限未试" if late else "")
        return ask(f"port_{port}", question, None if late else False, text, _FACT, decisive=True)
    refused = listing(f"{one.source} {_how(one)}" for one in others)
    if works:
        return ask(
            f"port_{port}", question, True, f"TCP {port} 从管理地址可用，从 {refused}", _FACT, decisive=True
        )
    met = True if managed and all(one.outcome in ("closed", "silent") for one in attempts) else None
    text = f"TCP {port} 从 {refused}，从管理地址{'也不可用' if managed else '未试'}"
    return ask(f"port_{port}", question, met, text, _FACT, decisive=True)


def _how(one: Reached) -> str:
    if one.outcome == "open":
        return "登录被拒绝" if one.let_in is False else "连接即被断开"
    return {"closed": "被拒绝", "silent": "无应答"}.get(one.outcome, one.outcome)


def _sources(attempts: list[Reached]) -> str:
    return listing(one.source for one in attempts)
