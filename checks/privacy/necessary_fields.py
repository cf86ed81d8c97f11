"""10.a.1: are only the personal data collected that the business needs?"""

from __future__ import annotations

from collections.abc import Iterator

from dengbao.checking import Params, check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Exchange, Judgement, kind_of
from dengbao.probes.web.facts_persons import ViewSeen, WebPersons

from ..persons import HOLDS_ZH
from ..wording import listing

_LEFT = "采集清单与业务规范、告知同意的对照，未登记的页面、接口与库表所采集的字段，须人工核查"


class NecessaryParams(Params):
    """Kinds of personal data that settlement needs without a further reason."""

    necessary_personal_fields: tuple[str, ...]


@check("privacy.necessary_fields", half=_LEFT)
def shown_fields_are_necessary(persons: WebPersons, params: NecessaryParams) -> Judgement:
    """Judge that every field of the declared pages is on the necessary list or has a stated reason.

    A label that only looks personal and was not declared decides nothing by itself.

    Source: GB/T 22239-2019 8.1.4.11 a).
    """
    criteria = tuple(one for view in persons.views for one in _criteria(view, params))
    if not criteria:
        raise Undetermined("所登记的页面没有登记字段，须在 app.patients[].fields 登记，或人工核查")
    told = [f"“{view.name}”{_told(view)}" for view in persons.views]
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{'；'.join(told)}。",
        coverage=Coverage.PARTIAL,
        remainder=_LEFT,
        proofs=tuple(_proofs(persons, params)),
    )


def _criteria(view: ViewSeen, params: NecessaryParams) -> Iterator[Criterion]:
    fact = kind_of(WebPersons)
    if view.declared:
        surplus = _surplus(view, params)
        good = f"登记 {len(view.declared)} 个字段，均为必需或有理由"
        yield Criterion(
            name=f"necessary_{view.path}", question=f"“{view.name}”的字段是否为业务必需或有理由",
            met=not surplus if view.shown else None,
            measured=f"无理由的字段：{listing(surplus)}" if surplus else good, fact=fact,
        )  # fmt: skip
    left = (*view.undeclared, *view.asked)
    if left:
        yield Criterion(
            name=f"undeclared_{view.path}", question=f"“{view.name}”有无未登记的个人信息字段", met=None,
            measured=listing(left), fact=fact,
        )  # fmt: skip


def _surplus(view: ViewSeen, params: NecessaryParams) -> list[str]:
    """Return the declared labels beyond the necessary list that have no reason."""
    return [
        label
        for label, holds in view.declared.items()
        if holds not in params.necessary_personal_fields and not view.surplus.get(label, "").strip()
    ]


def _told(view: ViewSeen) -> str:
    if view.problem or not view.shown:
        return f"（GET {view.path}）未取得：{view.problem or f'返回 {view.status}'}"
    fields = listing(f"{label}（{HOLDS_ZH[holds]}）" for label, holds in view.declared.items())
    reasons = "；".join(f"{label}：{why}" for label, why in view.surplus.items())
    text = f"（GET {view.path}，以“{view.role}”身份）登记字段：{fields or '无'}"
    text += f"；超出必需清单的理由：{reasons}" if reasons else ""
    left = (*view.undeclared, *view.asked)
    return text + (f"；未登记的个人信息字段：{listing(left)}" if left else "")


def _proofs(persons: WebPersons, params: NecessaryParams) -> Iterator[Exchange]:
    for view in persons.views:
        surplus = _surplus(view, params)
        if view.shown and surplus:
            answer = f"{view.status}，展示{listing(surplus)}"
            yield Exchange(request=f"GET {view.path}", answer=answer, at=view.at, role=view.role)
