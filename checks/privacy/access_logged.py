"""10.b.1: is it taken down who looked at, or exported, the data of a person?"""

from __future__ import annotations

from collections.abc import Iterator

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Exchange, Judgement
from dengbao.probes.web.facts_trail import Deed, WebTrail

from .. import app_trail
from ..hosts import ask

# What the facts cannot show and people must add.
LEFT = "其余查询、打印、修改个人信息的操作是否留痕，查询记录是否定期审阅，须人工核查"

_KINDS = ("view", "export")


@check("privacy.access_logged", half=LEFT)
def web_access_to_persons_is_logged(trail: WebTrail) -> Judgement:
    """Judge that a page with a person, and an export, that were asked for are in the log with user and time.

    Source: GB/T 22239-2019 8.1.4.11 b).
    """
    deeds = [one for one in trail.deeds if one.kind in _KINDS]
    if not deeds:
        raise Undetermined("经测试验证，未查看登记的患者页面（app.patients）或取得导出，无从查看其留痕")
    criteria = tuple(one for deed in deeds for one in _criteria(trail, deed))
    told = "；".join(app_trail.told(one, trail.found(one)) for one in deeds)
    lacking = "".join(f"；{one.measured}" for one in criteria if one.name.startswith("who:") and not one.met)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{app_trail.source(trail)}：{told}{lacking}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
        proofs=tuple(one for deed in deeds for one in _proofs(trail, deed)),
    )


def _proofs(trail: WebTrail, deed: Deed) -> Iterator[Exchange]:
    """Yield a deed whose record is missing, or does not tell who and when."""
    for one in _criteria(trail, deed):
        if one.met is False:
            yield Exchange(request=deed.request, answer=one.measured, at=deed.at, role=deed.role)


def _criteria(trail: WebTrail, deed: Deed) -> tuple[Criterion, ...]:
    """Return whether a deed was recorded, and where it was, whether the record tells who and when."""
    title = app_trail.KINDS[deed.kind]
    found = trail.found(deed)
    name = f"{deed.kind}:{deed.account}"
    logged = ask(f"logged:{name}", f"{title}是否有记录", found, app_trail.told(deed, found), app_trail.FACT)
    if deed.record is None:
        return (logged,)
    missing = [zh for zh, there in (("操作人", deed.record.user), ("时间", deed.record.time)) if not there]
    seen = f"{title}的记录{'缺少' + '、'.join(missing) if missing else '有操作人与时间'}"
    return (logged, ask(f"who:{name}", f"{title}的记录能否追溯到人", not missing, seen, app_trail.FACT))
